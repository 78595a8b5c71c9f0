//! The feature space of one model and one phrase list, compiled once.

use std::sync::Arc;

use thiserror::Error;

use super::columns::Column;
use super::context::Input;
use super::open_turn::Heard;
use super::patterns::PatternHeads;
use super::words::WordFlags;
use super::{Role, SPACE};
use crate::model::{Model, ModelError, SentimentHead, TurnHeads, ngrams};
use crate::text::class::Class;
use crate::text::phrases::{ListError, Matcher, PhraseList, Place};
use crate::text::{Lexicon, WordId};

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
    pub(super) lexicon: Lexicon,
    /// Stems of the words of the lexicon, by their numbers.
    stems: Vec<WordId>,
    pub(super) flags: WordFlags,
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
                    column: name.clone(),
                })
            })
            .collect::<Result<_, _>>()?;
        let inputs = inputs(&model, origin)?;
        let matcher = Matcher::new(&phrases, &mut lexicon);
        let flags = WordFlags::new(&mut lexicon);
        Ok(Space {
            stems: stems(&lexicon),
            flags,
            patterns: PatternHeads::new(&model.customer, &model.agent),
            sentiment: sentiment(&model.customer),
            columns,
            inputs,
            matcher,
            model: Arc::new(model),
            lexicon,
            phrases,
        })
    }

    /// The same space with other phrases. The words that count as matter stay those of the list
    /// that this space was made with, so no feature depends on what a site listens for.
    #[must_use]
    pub fn with_phrases(&self, phrases: PhraseList) -> Space {
        let mut lexicon = self.lexicon.first(self.flags.len());
        Space {
            matcher: Matcher::new(&phrases, &mut lexicon),
            stems: stems(&lexicon),
            model: Arc::clone(&self.model),
            flags: self.flags.clone(),
            patterns: self.patterns.clone(),
            columns: self.columns.clone(),
            sentiment: self.sentiment,
            inputs: self.inputs.clone(),
            lexicon,
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

    /// The numbers of a normalised word and of its stem, which is unknown for short words.
    pub(super) fn word(&self, word: &str, buffer: &mut String) -> (WordId, WordId) {
        let id = self.lexicon.get(word);
        let stem = self.stems.get(id.0 as usize).copied();
        (id, stem.unwrap_or_else(|| stem_of(&self.lexicon, word, buffer)))
    }

    /// What stands for a number or the like that is read out.
    pub(super) fn read_out(&self, place: Place) -> Heard {
        let (word, stem) = (self.flags.digits(), WordId::UNKNOWN);
        Heard { word, stem, place, class: Class::Number(u8::MAX) }
    }

    /// First-level heads of a role.
    pub fn heads(&self, role: Role) -> &TurnHeads {
        match role {
            Role::Customer => &self.model.customer,
            Role::Agent => &self.model.agent,
        }
    }
}

fn stem_of(lexicon: &Lexicon, word: &str, buffer: &mut String) -> WordId {
    ngrams::stem(word, buffer).map_or(WordId::UNKNOWN, |stem| lexicon.get(stem))
}

fn stems(lexicon: &Lexicon) -> Vec<WordId> {
    let (mut stems, mut buffer) = (vec![WordId::UNKNOWN; lexicon.len()], String::new());
    for (word, id) in lexicon.words() {
        stems[id.0 as usize] = stem_of(lexicon, word, &mut buffer);
    }
    stems
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
        column: format!("sentiment: {name}"),
    };
    names.map(|name| Input::parse(name, model).ok_or_else(|| unknown(name))).collect()
}
