//! The feature space of one model and one phrase list, compiled once.

use std::sync::Arc;

use thiserror::Error;

use super::columns::Column;
use super::context::Input;
use super::known::Words;
use super::patterns::PatternHeads;
use super::words::WordFlags;
use super::{Role, SPACE};
use crate::model::{Model, ModelError, SentimentHead, TurnHeads};
use crate::text::phrases::{ListError, Matcher, PhraseList};
use crate::text::{Lexicon, one_line};

/// Why a feature space could not be built.
#[derive(Debug, Error)]
pub enum SpaceError {
    /// The model cannot be used.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The phrase list cannot be used.
    #[error(transparent)]
    Phrases(#[from] ListError),
    /// The model weighs a column that this binary does not compute.
    #[error("{origin}: column `{column}` is unknown to this binary: train the model again")]
    Column {
        /// The model's file.
        origin: String,
        /// The column.
        column: String,
    },
}

/// Model, phrases and vocabulary, compiled against each other. Shared by all calls.
#[derive(Debug)]
pub struct Space {
    pub(super) model: Arc<Model>,
    pub(super) words: Words,
    flags: WordFlags,
    pub(super) phrases: PhraseList,
    pub(super) matcher: Matcher,
    pub(super) patterns: PatternHeads,
    pub(super) columns: Vec<Column>,
    /// Positions of the sentiment heads among the customer's: negative, positive.
    pub(super) sentiment: Option<(usize, usize)>,
    /// Inputs of the model's sentiment head.
    pub(super) inputs: Vec<Input>,
}

impl Space {
    /// Reads a model from JSON and compiles it with `phrases`. `origin` names the model.
    ///
    /// # Errors
    /// [`SpaceError`] when the model cannot be used here.
    pub fn parse(json: &str, origin: &str, phrases: PhraseList) -> Result<Space, SpaceError> {
        let mut lexicon = Lexicon::default();
        let model = Model::parse(json, origin, SPACE, &mut lexicon)?;
        Space::new(model, origin, lexicon, phrases)
    }

    /// Compiles a model whose words are in `lexicon`.
    ///
    /// # Errors
    /// [`SpaceError::Column`] for a column this binary does not compute.
    pub fn new(
        model: Model,
        origin: &str,
        mut lexicon: Lexicon,
        phrases: PhraseList,
    ) -> Result<Space, SpaceError> {
        let columns = model
            .risk
            .columns
            .iter()
            .map(|name| {
                Column::parse(name, &model).ok_or_else(|| SpaceError::Column {
                    origin: origin.into(),
                    column: one_line(name),
                })
            })
            .collect::<Result<_, _>>()?;
        let inputs = inputs(&model, origin)?;
        let matcher = Matcher::new(&phrases, &mut lexicon);
        WordFlags::intern(&mut lexicon);
        let flags = WordFlags::new(&lexicon);
        Ok(Space {
            words: Words::new(lexicon, &model, &matcher, &flags),
            flags,
            patterns: PatternHeads::new(&model.customer, &model.agent),
            sentiment: sentiment(&model.customer),
            columns,
            inputs,
            matcher,
            model: Arc::new(model),
            phrases,
        })
    }

    /// The same space with other phrases. The words that count as matter stay those of the list
    /// that this space was made with, so no feature depends on what a site listens for.
    #[must_use]
    pub fn with_phrases(&self, phrases: PhraseList) -> Space {
        let mut lexicon = self.words.lexicon.first(self.flags.len());
        let matcher = Matcher::new(&phrases, &mut lexicon);
        Space {
            words: Words::new(lexicon, &self.model, &matcher, &self.flags),
            matcher,
            model: Arc::clone(&self.model),
            flags: self.flags.clone(),
            patterns: self.patterns.clone(),
            columns: self.columns.clone(),
            sentiment: self.sentiment,
            inputs: self.inputs.clone(),
            phrases,
        }
    }

    /// The same space with another sentiment head. `origin` names the model.
    ///
    /// # Errors
    /// [`SpaceError::Column`] for an input this binary does not compute.
    pub fn with_sentiment(
        mut self,
        head: Option<SentimentHead>,
        origin: &str,
    ) -> Result<Space, SpaceError> {
        Arc::make_mut(&mut self.model).sentiment = head;
        self.inputs = inputs(&self.model, origin)?;
        Ok(self)
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The phrase list.
    pub fn phrases(&self) -> &PhraseList {
        &self.phrases
    }

    /// First-level heads of a role.
    pub fn heads(&self, role: Role) -> &TurnHeads {
        match role {
            Role::Customer => &self.model.customer,
            Role::Agent => &self.model.agent,
        }
    }
}

/// Heads for negative and positive: of the customer's own, else of a teacher's.
fn sentiment(heads: &TurnHeads) -> Option<(usize, usize)> {
    let of = |family: &str| {
        let negative = heads.position(&format!("{family}:negative"))?;
        Some((negative, heads.position(&format!("{family}:positive"))?))
    };
    of("sentiment").or_else(|| of("tone"))
}

fn inputs(model: &Model, origin: &str) -> Result<Vec<Input>, SpaceError> {
    let names = model.sentiment.iter().flat_map(|head| &head.inputs);
    let unknown = |name: &String| SpaceError::Column {
        origin: origin.into(),
        column: one_line(&format!("sentiment: {name}")),
    };
    names.map(|name| Input::parse(name, model).ok_or_else(|| unknown(name))).collect()
}
