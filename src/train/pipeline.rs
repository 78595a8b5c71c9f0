//! A training run from corpus files to a model.

use std::collections::BTreeMap;

use thiserror::Error;

use super::feelings::FeelingRow;
use super::heads::{self, LabelledCall};
use super::recipe::Recipe;
use super::rows::{Row, walk};
use super::{Progress, feelings, risk, turns};
use crate::call::Call;
use crate::corpus::CorpusFile;
use crate::features::{Role, Space, all_columns, all_inputs};
use crate::model::{Calibration, Model, RiskHead, SentimentHead, Source, Thresholds, Training};
use crate::text::Lexicon;
use crate::text::phrases::PhraseList;

/// Customer turns before a forecast is made; the engine's default.
const MIN_CUSTOMER_TURNS: u32 = 2;
/// Names a model that is not yet one, in errors.
const IN_TRAINING: &str = "the model in training";

/// Why a model could not be trained.
#[derive(Debug, Error)]
#[error("training: {0}")]
pub struct TrainError(String);

/// Names, checksums and sizes of `files`, for the model file.
pub fn sources(files: &[CorpusFile]) -> Vec<Source> {
    let source = |file: &CorpusFile| Source {
        file: file.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        sha256: file.sha256.clone(),
        calls: file.calls.len(),
    };
    files.iter().map(source).collect()
}

/// Fits, calibrates and sets thresholds.
///
/// # Errors
/// [`TrainError`] when the corpus is too small or too one-sided, or the recipe asks for what
/// there is not.
pub fn train(
    calls: &[&Call],
    recipe: &Recipe,
    sources: Vec<Source>,
    progress: Progress<'_>,
) -> Result<Model, TrainError> {
    run(calls, recipe, sources, progress).map_err(TrainError)
}

fn run(
    calls: &[&Call],
    recipe: &Recipe,
    sources: Vec<Source>,
    progress: Progress<'_>,
) -> Result<Model, String> {
    let escalating = calls.iter().filter(|call| call.escalates()).count();
    if escalating == 0 || escalating == calls.len() {
        return Err(format!(
            "{escalating} of {} calls escalate; both kinds are needed",
            calls.len()
        ));
    }
    let labelled: Vec<LabelledCall> = calls
        .iter()
        .map(|call| LabelledCall {
            batch: call.batch().to_owned(),
            escalates: call.escalates(),
            turns: turns::labelled(call),
        })
        .collect();
    let groups = &groups(&labelled, recipe.groups);
    let template = Template { recipe, base_rate: escalating as f64 / calls.len() as f64, sources };

    // What feeds a higher level comes from heads that have not seen the call.
    let members = |group: usize| calls.iter().enumerate().filter(move |(i, _)| groups[*i] == group);
    let mut spaces: Vec<Space> = Vec::new();
    let mut heard: Vec<Vec<FeelingRow>> = vec![Vec::new(); calls.len()];
    for group in 0..recipe.groups {
        progress(&format!("first level, part {} of {}", group + 1, recipe.groups + 1));
        let space = template.first_level(&pick(&labelled, |index| groups[index] != group))?;
        for (index, call) in members(group) {
            heard[index] = feelings::rows(call, &space);
        }
        spaces.push(space);
    }
    let mut rows: Vec<Vec<Row>> = vec![Vec::new(); calls.len()];
    for (group, space) in spaces.into_iter().enumerate() {
        let head = template.sentiment(&space, &pick(&heard, |index| groups[index] != group))?;
        let space = space.with_sentiment(head, IN_TRAINING).map_err(|error| error.to_string())?;
        for (index, call) in members(group) {
            rows[index] = walk(call, &space, MIN_CUSTOMER_TURNS);
        }
    }
    progress(&format!("first level, part {0} of {0}", recipe.groups + 1));
    let space = template.first_level(&pick(&labelled, |_| true))?;
    let mut model = space.model().clone();
    model.sentiment = template.sentiment(&space, &pick(&heard, |_| true))?;
    progress("second level, calibration, thresholds");
    let table = Table { recipe, labelled: &labelled, rows: &rows };
    let columns = model.risk.columns.clone();
    model.risk = table.fit(&columns, |_| true)?.without_zeros();
    (model.calibration, model.thresholds) = table.calibrate(&columns, groups)?;
    Ok(model)
}

fn pick<T>(all: &[T], wanted: impl Fn(usize) -> bool) -> Vec<&T> {
    all.iter().enumerate().filter(|(index, _)| wanted(*index)).map(|(_, one)| one).collect()
}

/// The group of each call: whole author batches where there are enough of them, else call by
/// call in turn.
fn groups(calls: &[LabelledCall], count: usize) -> Vec<usize> {
    let batches: BTreeMap<&str, usize> =
        calls.iter().map(|call| (call.batch.as_str(), 0)).collect();
    if batches.len() < count {
        return (0..calls.len()).map(|index| index % count).collect();
    }
    let places: BTreeMap<&str, usize> =
        batches.keys().enumerate().map(|(place, batch)| (*batch, place % count)).collect();
    calls.iter().map(|call| places[call.batch.as_str()]).collect()
}

/// Makes models of one recipe.
struct Template<'a> {
    recipe: &'a Recipe,
    base_rate: f64,
    sources: Vec<Source>,
}

impl Template<'_> {
    /// First-level heads fitted on `calls`; the risk head is still to come.
    fn model(&self, calls: &[&LabelledCall], lexicon: &mut Lexicon) -> Result<Model, String> {
        let customer = heads::fit(calls, Role::Customer, self.recipe, lexicon)?;
        let agent = heads::fit(calls, Role::Agent, self.recipe, lexicon)?;
        let columns = self.recipe.select(&all_columns(&customer, &agent))?;
        let inputs = self.recipe.select_inputs(&all_inputs(&customer, &agent))?;
        let sentiment = SentimentHead {
            weights: vec![[0.0; 2]; inputs.len()],
            inputs,
            ..SentimentHead::default()
        };
        Ok(Model {
            name: self.recipe.name.clone(),
            lang: self.recipe.lang.clone(),
            base_rate: (self.base_rate * 1e6).round() / 1e6,
            training: Training { sources: self.sources.clone(), recipe: self.recipe.numbers() },
            risk: RiskHead { intercept: 0.0, weights: vec![0.0; columns.len()], columns },
            calibration: Calibration { slope: 1.0, intercept: 0.0 },
            thresholds: Thresholds { watch: 0.0, warning: 0.0, critical: 0.0 },
            sentiment: (!sentiment.inputs.is_empty()).then_some(sentiment),
            customer,
            agent,
        })
    }

    fn first_level(&self, calls: &[&LabelledCall]) -> Result<Space, String> {
        let mut lexicon = Lexicon::default();
        let model = self.model(calls, &mut lexicon)?;
        Space::new(model, IN_TRAINING, lexicon, PhraseList::default())
            .map_err(|error| error.to_string())
    }

    /// The sentiment head fitted on `calls`, when the recipe asks for one.
    fn sentiment(
        &self,
        space: &Space,
        calls: &[&Vec<FeelingRow>],
    ) -> Result<Option<SentimentHead>, String> {
        let Some(unfitted) = &space.model().sentiment else { return Ok(None) };
        let rows: Vec<&FeelingRow> = calls.iter().copied().flatten().collect();
        feelings::fit(&unfitted.inputs, &rows, self.recipe.sentiment_penalty).map(Some)
    }
}

/// The second level's data.
struct Table<'a> {
    recipe: &'a Recipe,
    labelled: &'a [LabelledCall],
    rows: &'a [Vec<Row>],
}

impl Table<'_> {
    /// Fits the risk head on the calls that `wanted` picks by index, in two rounds.
    fn fit(&self, columns: &[String], wanted: impl Fn(usize) -> bool) -> Result<RiskHead, String> {
        let near = self.recipe.last_customer_turns as u32;
        let mut cases: Vec<(&LabelledCall, Vec<&Row>)> = self
            .labelled
            .iter()
            .zip(self.rows)
            .enumerate()
            .filter(|(index, _)| wanted(*index))
            .map(|(_, (call, rows))| {
                let useful = |row: &&Row| !call.escalates || row.customer_turns_left <= near;
                (call, rows.iter().filter(useful).collect())
            })
            .collect();
        let first = self.fit_cases(columns, &cases)?;
        for (_, rows) in &mut cases {
            // Stable: of equal rows the earlier stays.
            rows.sort_by(|a, b| first.log_odds(&b.values).total_cmp(&first.log_odds(&a.values)));
            rows.truncate(self.recipe.top_rows);
        }
        self.fit_cases(columns, &cases)
    }

    fn fit_cases(
        &self,
        columns: &[String],
        cases: &[(&LabelledCall, Vec<&Row>)],
    ) -> Result<RiskHead, String> {
        let (mut values, mut labels) = (Vec::new(), Vec::new());
        for (call, rows) in cases {
            values.extend(rows.iter().map(|row| row.values.as_slice()));
            labels.extend(std::iter::repeat_n(call.escalates, rows.len()));
        }
        if values.is_empty() {
            return Err("no call is long enough for a forecast".into());
        }
        let directions = self.recipe.directions(columns);
        risk::fit_directed(columns, &directions, &values, &labels, self.recipe.risk_penalty)
    }

    /// Calibration and thresholds from log-odds of calls that neither level has seen.
    fn calibrate(
        &self,
        columns: &[String],
        groups: &[usize],
    ) -> Result<(Calibration, Thresholds), String> {
        let (mut log_odds, mut labels, mut calm) = (Vec::new(), Vec::new(), Vec::new());
        for group in 0..self.recipe.groups {
            let head = self.fit(columns, |index| groups[index] != group)?;
            for (index, rows) in self.rows.iter().enumerate() {
                if groups[index] != group || rows.is_empty() {
                    continue;
                }
                let scores: Vec<f64> = rows.iter().map(|row| head.log_odds(&row.values)).collect();
                let escalates = self.labelled[index].escalates;
                if !escalates {
                    calm.push(scores.iter().copied().fold(f64::NEG_INFINITY, f64::max));
                }
                labels.extend(std::iter::repeat_n(escalates, scores.len()));
                log_odds.extend(scores);
            }
        }
        let calibration = risk::calibrate(&log_odds, &labels)?;
        let calm = calm.into_iter().map(|log_odds| calibration.apply(log_odds)).collect();
        Ok((calibration, risk::thresholds(calm, self.recipe.false_alarms)?))
    }
}
