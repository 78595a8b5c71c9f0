//! First level: a vocabulary and linear heads over the turns of one role.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};

use ndarray::{Array1, Array2};

use super::logistic::Fitted;
use super::recipe::Recipe;
use super::sparse::{self, SparseRow};
use super::turns::LabelledTurn;
use crate::features::Role;
use crate::model::{TurnHeads, ngrams};
use crate::text::Lexicon;

/// Length of the gradient (of a sum over thousands of turns) at which a head counts as fitted.
const TOLERANCE: f64 = 0.1;
/// Weights are kept to this many decimals: a file that can be read and diffed.
const DECIMALS: f64 = 1e4;

/// A call's turns and what became of it.
#[derive(Clone, Debug)]
pub(super) struct LabelledCall {
    pub batch: String,
    pub escalates: bool,
    pub turns: Vec<LabelledTurn>,
}

/// The label of `head` for a turn; `None` where the turn says nothing about it.
fn label(head: &str, turn: &LabelledTurn, escalates: bool) -> Option<bool> {
    if let Some(code) = head.strip_prefix("act:") {
        return (!turn.acts.is_empty()).then(|| turn.acts.contains(code));
    }
    // A forecast must not learn from what comes after the event.
    let ahead = turn.reader_risk.filter(|_| turn.visible);
    match head {
        "sentiment:negative" => turn.sentiment.map(|sum| sum < 0),
        "sentiment:positive" => turn.sentiment.map(|sum| sum > 0),
        "outlook:escalates" => turn.visible.then_some(escalates),
        "outlook:tense" => ahead.map(|(risk, _)| risk >= 5),
        "outlook:rising" => ahead.map(|(_, change)| change > 0),
        "outlook:falling" => ahead.map(|(_, change)| change < 0),
        _ => None,
    }
}

/// Fits the heads of `role` that the recipe names. The result's words are in `lexicon`.
///
/// # Errors
/// A sentence naming the head that could not be fitted.
pub(super) fn fit(
    calls: &[&LabelledCall],
    role: Role,
    recipe: &Recipe,
    lexicon: &mut Lexicon,
) -> Result<TurnHeads, String> {
    let names = recipe.heads(role).to_vec();
    let ngrams: Vec<String> = vocabulary(calls, role, recipe);
    let rows_of: HashMap<&str, u32> =
        ngrams.iter().enumerate().map(|(row, ngram)| (ngram.as_str(), row as u32)).collect();
    let turns: Vec<(&LabelledTurn, bool)> = calls
        .iter()
        .flat_map(|call| call.turns.iter().map(|turn| (turn, call.escalates)))
        .filter(|(turn, _)| turn.role == Some(role))
        .collect();
    let rows: Vec<Vec<u32>> = turns.iter().map(|(turn, _)| present(&rows_of, turn)).collect();

    let mut weights = Array2::<f32>::zeros((ngrams.len(), names.len()));
    let mut intercepts = Array1::<f64>::zeros(names.len());
    let tasks: Vec<Task<'_>> = names.iter().map(|name| task(name, &turns, &rows)).collect();
    let fitted = in_parallel(&tasks, ngrams.len(), recipe.head_penalty);
    for (head, fitted) in fitted {
        let fitted = fitted.map_err(|error| format!("head `{}`: {error}", names[head]))?;
        intercepts[head] = round(fitted.intercept);
        for (row, weight) in fitted.weights.iter().enumerate() {
            weights[[row, head]] = round(*weight) as f32;
        }
    }
    Ok(TurnHeads::new(names, intercepts, ngrams, weights, lexicon))
}

fn round(weight: f64) -> f64 {
    (weight * DECIMALS).round() / DECIMALS
}

/// The labelled turns of one head.
struct Task<'a> {
    rows: Vec<SparseRow<'a>>,
    labels: Vec<bool>,
}

fn task<'a>(head: &str, turns: &[(&LabelledTurn, bool)], rows: &'a [Vec<u32>]) -> Task<'a> {
    let mut task = Task { rows: Vec::new(), labels: Vec::new() };
    for (&(turn, escalates), columns) in turns.iter().zip(rows) {
        if let Some(label) = label(head, turn, escalates) {
            // The damping that scoring applies.
            let value = TurnHeads::damping(columns.len() as u32);
            task.rows.push(SparseRow { columns, value });
            task.labels.push(label);
        }
    }
    task
}

/// Fits one head after the other on each of two threads. Results do not depend on the split.
fn in_parallel(
    tasks: &[Task<'_>],
    columns: usize,
    penalty: f64,
) -> Vec<(usize, Result<Fitted, String>)> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let head = next.fetch_add(1, Ordering::Relaxed);
            let Some(Task { rows, labels }) = tasks.get(head) else { return done };
            done.push((head, sparse::fit(rows, labels, columns, penalty, TOLERANCE)));
        }
    };
    let mut all = std::thread::scope(|scope| {
        let other = scope.spawn(work);
        let mut own = work();
        // A panic in there is a bug; let it surface.
        own.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        own
    });
    all.sort_by_key(|(head, _)| *head);
    all
}

/// Distinct vocabulary rows of a turn.
fn present(vocabulary: &HashMap<&str, u32>, turn: &LabelledTurn) -> Vec<u32> {
    let found = ngrams::written(&turn.words);
    let rows: BTreeSet<u32> =
        found.iter().filter_map(|ngram| vocabulary.get(ngram.as_str())).copied().collect();
    rows.into_iter().collect()
}

/// The n-grams that occur in the most calls, at least in `min_calls` of them; sorted.
fn vocabulary(calls: &[&LabelledCall], role: Role, recipe: &Recipe) -> Vec<String> {
    let mut frequency: BTreeMap<String, usize> = BTreeMap::new();
    for call in calls {
        let mut own = BTreeSet::new();
        for turn in call.turns.iter().filter(|turn| turn.role == Some(role)) {
            own.extend(ngrams::written(&turn.words));
        }
        for ngram in own {
            *frequency.entry(ngram).or_default() += 1;
        }
    }
    let mut frequent: Vec<(String, usize)> =
        frequency.into_iter().filter(|(_, calls)| *calls >= recipe.min_calls).collect();
    frequent.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    frequent.truncate(recipe.max_ngrams);
    let mut ngrams: Vec<String> = frequent.into_iter().map(|(ngram, _)| ngram).collect();
    ngrams.sort();
    ngrams
}
