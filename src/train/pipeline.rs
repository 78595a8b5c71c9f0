//! A training run from corpus files to a model.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use super::ablation::{Ablation, ablate};
use super::evaluate::heads::{HeadCases, HeadSpace};
use super::evaluate::judge::Evidence;
use super::feelings::FeelingRow;
use super::heads::LabelledCall;
use super::recipe::Recipe;
use super::rows::{Row, walk};
use super::table::{HeldOut, Table};
use super::teacher::Teacher;
use super::template::Template;
use super::{Progress, feelings, tags, turns};
use crate::call::Call;
use crate::features::{Role, Space};
use crate::model::{Model, Source};

/// Customer turns before a forecast is made; the engine's default.
const MIN_CUSTOMER_TURNS: u32 = 2;
/// Names a model that is not yet one, in errors.
pub(super) const IN_TRAINING: &str = "the model in training";

/// Why a model could not be trained.
#[derive(Debug, Error)]
#[error("training: {0}")]
pub struct TrainError(String);

/// What a model is made from, beside the calls.
#[derive(Clone, Debug)]
pub struct Materials {
    /// What to fit.
    pub recipe: Recipe,
    /// Whose heads to take over, when the recipe names one.
    pub teacher: Option<Teacher>,
    /// Names, checksums and sizes of all files, for the model file.
    pub sources: Vec<Source>,
    /// Whether to find out what each block of columns brings.
    pub ablate: bool,
}

/// A model and how it does on calls it has not seen.
pub struct Trained {
    /// Fitted on all calls.
    pub model: Model,
    /// For each call the scores of a fit without its group of calls, by the threshold of that
    /// fit.
    pub held_out: Vec<Evidence>,
    /// What its heads say of turns they have not seen.
    pub heads: HeadCases,
    /// What each block of the recipe's columns brings, when that was asked for.
    pub ablations: Vec<Ablation>,
}

/// Fits, calibrates and sets thresholds.
///
/// # Errors
/// [`TrainError`] when the corpus is too small or too one-sided, or the recipe asks for what
/// there is not.
pub fn train(
    calls: &[&Call],
    materials: &Materials,
    progress: Progress<'_>,
) -> Result<Trained, TrainError> {
    run(calls, materials, progress).map_err(TrainError)
}

fn run(calls: &[&Call], materials: &Materials, progress: Progress<'_>) -> Result<Trained, String> {
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
    let recipe = &materials.recipe;
    let groups = &groups(&labelled, recipe.groups);
    let without = |group: usize| move |index: usize| groups.of[index] != group;
    let template = Template { materials, base_rate: escalating as f64 / calls.len() as f64 };

    // What feeds a higher level comes from heads that have not seen the call.
    let members =
        |group: usize| calls.iter().enumerate().filter(move |(i, _)| groups.of[*i] == group);
    let mut spaces: Vec<Space> = Vec::new();
    let mut heard: Vec<Vec<FeelingRow>> = vec![Vec::new(); calls.len()];
    for group in 0..groups.count {
        progress(&format!("first level, part {} of {}", group + 1, groups.count + 1));
        let space = template.first_level(&pick(&labelled, without(group)))?;
        for (index, call) in members(group) {
            heard[index] = feelings::rows(call, &space);
        }
        spaces.push(space);
    }
    let mut rows: Vec<Vec<Row>> = vec![Vec::new(); calls.len()];
    let mut cases = vec![HeadCases::default(); groups.count];
    for (group, space) in spaces.into_iter().enumerate() {
        let head = template.sentiment(&space, &pick(&heard, without(group)))?;
        let space = space.with_sentiment(head, IN_TRAINING).map_err(|error| error.to_string())?;
        let judge = HeadSpace::new(&space).map_err(|error| error.to_string())?;
        for (index, call) in members(group) {
            judge.collect(call, &mut cases[group]);
            rows[index] = walk(call, &space, MIN_CUSTOMER_TURNS);
        }
    }
    progress(&format!("first level, part {0} of {0}", groups.count + 1));
    let space = template.first_level(&pick(&labelled, |_| true))?;
    let mut model = space.model().clone();
    model.sentiment = template.sentiment(&space, &pick(&heard, |_| true))?;
    let cases = tags::held_out(cases);
    tags::set(&mut model.customer, Role::Customer, &cases);
    tags::set(&mut model.agent, Role::Agent, &cases);
    progress("second level, calibration, thresholds");
    let columns = model.risk.columns.clone();
    let table = Table { recipe, calls: &labelled, rows: &rows, columns: &columns };
    model.risk = table.fit(|_| true)?.without_zeros();
    let held_out = HeldOut::new(&table, groups)?;
    (model.calibration, model.thresholds) = held_out.calibrate(&table, |_| true)?;
    let held_out = held_out.evidence(&table, groups)?;
    let ablations = match materials.ablate {
        true => ablate(&table, groups, &held_out, calls, progress)?,
        false => Vec::new(),
    };
    Ok(Trained { model, held_out, heads: cases, ablations })
}

fn pick<T>(all: &[T], wanted: impl Fn(usize) -> bool) -> Vec<&T> {
    all.iter().enumerate().filter(|(index, _)| wanted(*index)).map(|(_, one)| one).collect()
}

/// Author batches from which on whole batches are held out.
const MIN_BATCHES: usize = 5;

/// Which calls are held out together while the others are fitted.
pub(super) struct Groups {
    /// How many there are.
    pub count: usize,
    /// The group of each call.
    pub of: Vec<usize>,
}

/// Whole author batches where there are enough of them, else call by call in turn.
fn groups(calls: &[LabelledCall], most: usize) -> Groups {
    let batches: BTreeSet<&str> = calls.iter().map(|call| call.batch.as_str()).collect();
    if batches.len() < MIN_BATCHES.min(most) {
        return Groups { count: most, of: (0..calls.len()).map(|index| index % most).collect() };
    }
    let count = most.min(batches.len());
    let places: BTreeMap<&str, usize> =
        batches.into_iter().enumerate().map(|(place, batch)| (batch, place % count)).collect();
    Groups { count, of: calls.iter().map(|call| places[call.batch.as_str()]).collect() }
}
