//! The first level of a model by a recipe, and the model around it.

use super::feelings::{self, FeelingRow};
use super::heads::{self, LabelledCall};
use super::pipeline::{IN_TRAINING, Materials};
use crate::features::{Role, Space, all_columns, all_inputs};
use crate::model::{Calibration, Model, RiskHead, SentimentHead, Thresholds, Training};
use crate::text::Lexicon;
use crate::text::phrases::PhraseList;

/// Makes first levels, and models around them, by one recipe.
pub(super) struct Template<'a> {
    pub materials: &'a Materials,
    pub base_rate: f64,
}

impl Template<'_> {
    /// First-level heads fitted on `calls`; what is above them is still to come.
    fn model(&self, calls: &[&LabelledCall], lexicon: &mut Lexicon) -> Result<Model, String> {
        let Materials { recipe, teacher, sources, .. } = self.materials;
        let customer = heads::fit(calls, Role::Customer, recipe, teacher.as_ref(), lexicon)?;
        let agent = heads::fit(calls, Role::Agent, recipe, teacher.as_ref(), lexicon)?;
        let columns = recipe.select(&all_columns(&customer, &agent))?;
        let inputs = recipe.select_inputs(&all_inputs(&customer, &agent))?;
        let sentiment = SentimentHead {
            weights: vec![[0.0; 2]; inputs.len()],
            inputs,
            ..SentimentHead::default()
        };
        Ok(Model {
            name: recipe.name.clone(),
            lang: recipe.lang.clone(),
            base_rate: (self.base_rate * 1e6).round() / 1e6,
            training: Training { sources: sources.clone(), recipe: recipe.numbers() },
            risk: RiskHead { intercept: 0.0, weights: vec![0.0; columns.len()], columns },
            calibration: Calibration { slope: 1.0, intercept: 0.0 },
            thresholds: Thresholds { watch: 0.0, warning: 0.0, critical: 0.0 },
            sentiment: (!sentiment.inputs.is_empty()).then_some(sentiment),
            customer,
            agent,
        })
    }

    /// A feature space of first-level heads fitted on `calls`.
    pub(super) fn first_level(&self, calls: &[&LabelledCall]) -> Result<Space, String> {
        let mut lexicon = Lexicon::default();
        let model = self.model(calls, &mut lexicon)?;
        Space::new(model, IN_TRAINING, lexicon, PhraseList::default())
            .map_err(|error| error.to_string())
    }

    /// The sentiment head fitted on `calls`, when the recipe asks for one.
    pub(super) fn sentiment(
        &self,
        space: &Space,
        calls: &[&Vec<FeelingRow>],
    ) -> Result<Option<SentimentHead>, String> {
        let Some(unfitted) = &space.model().sentiment else { return Ok(None) };
        let rows: Vec<&FeelingRow> = calls.iter().copied().flatten().collect();
        feelings::fit(&unfitted.inputs, &rows, &self.materials.recipe).map(Some)
    }
}
