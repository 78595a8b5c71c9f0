//! First level: a vocabulary and linear heads over the turns of one role.

use std::sync::atomic::{AtomicUsize, Ordering};

use ndarray::{Array1, Array2};

use super::logistic::Fitted;
use super::recipe::Recipe;
use super::sparse::{self, SparseRow};
use super::teacher::Teacher;
use super::turns::LabelledTurn;
use super::vocabulary::{Present, Vocabulary};
use crate::features::Role;
use crate::model::TurnHeads;
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
        "outlook:grave" => ahead.map(|(risk, _)| risk >= 7),
        "outlook:rising" => ahead.map(|(_, change)| change > 0),
        "outlook:falling" => ahead.map(|(_, change)| change < 0),
        _ => None,
    }
}

/// Fits the heads of `role` that the recipe names; those that `teacher` has are taken over from
/// it. The result's words are in `lexicon`.
///
/// # Errors
/// A sentence naming the head that could not be fitted.
pub(super) fn fit(
    calls: &[&LabelledCall],
    role: Role,
    recipe: &Recipe,
    teacher: Option<&Teacher>,
    lexicon: &mut Lexicon,
) -> Result<TurnHeads, String> {
    let names = recipe.heads(role).to_vec();
    let taught = |name: &String| teacher.and_then(|own| Some((own, own.position(name)?)));
    let ngrams_taught = teacher.filter(|_| names.iter().any(|name| taught(name).is_some()));
    let ngrams_taught = ngrams_taught.iter().flat_map(|teacher| teacher.ngrams.keys());
    let vocabulary = Vocabulary::new(calls, role, recipe, ngrams_taught);

    let turns: Vec<Turn<'_>> = calls
        .iter()
        .flat_map(|call| call.turns.iter().map(|turn| (turn, call.escalates)))
        .filter(|(turn, _)| turn.role == Some(role))
        .map(|(turn, escalates)| Turn { turn, escalates, present: vocabulary.present(turn) })
        .collect();
    let fits: Vec<usize> = (0..names.len()).filter(|&i| taught(&names[i]).is_none()).collect();
    let tasks: Vec<Task<'_>> = fits.iter().map(|&head| task(&names[head], &turns)).collect();

    let mut weights = Array2::<f32>::zeros((vocabulary.ngrams.len(), names.len()));
    let mut intercepts = Array1::<f64>::zeros(names.len());
    let fitted = in_parallel(&tasks, vocabulary.ngrams.len(), recipe.head_penalty);
    for (&head, fitted) in fits.iter().zip(fitted) {
        let fitted = fitted.map_err(|error| format!("head `{}`: {error}", names[head]))?;
        intercepts[head] = round(fitted.intercept);
        for (row, weight) in fitted.weights.iter().enumerate() {
            weights[[row, head]] = round(*weight) as f32;
        }
    }
    for (head, (teacher, place)) in
        names.iter().enumerate().filter_map(|(head, name)| Some((head, taught(name)?)))
    {
        intercepts[head] = teacher.intercepts[place];
        for (row, ngram) in vocabulary.ngrams.iter().enumerate() {
            if let Some(own) = teacher.ngrams.get(ngram) {
                weights[[row, head]] = own[place] as f32;
            }
        }
    }
    Ok(TurnHeads::new(names, intercepts, vocabulary.ngrams, weights, lexicon))
}

/// A weight as the file has it.
pub(super) fn round(weight: f64) -> f64 {
    (weight * DECIMALS).round() / DECIMALS
}

/// A turn of the role, what became of its call, and what it has of the vocabulary.
struct Turn<'a> {
    turn: &'a LabelledTurn,
    escalates: bool,
    present: Present,
}

/// The labelled turns of one head.
struct Task<'a> {
    rows: Vec<SparseRow<'a>>,
    labels: Vec<bool>,
}

fn task<'a>(head: &str, turns: &'a [Turn<'a>]) -> Task<'a> {
    let mut task = Task { rows: Vec::new(), labels: Vec::new() };
    for Turn { turn, escalates, present } in turns {
        if let Some(label) = label(head, turn, *escalates) {
            // The damping that scoring applies.
            let value = TurnHeads::damping(present.distinct as usize);
            task.rows.push(SparseRow { columns: &present.frequent, value });
            task.labels.push(label);
        }
    }
    task
}

/// Fits one head after the other on each of two threads. Results do not depend on the split.
fn in_parallel(tasks: &[Task<'_>], columns: usize, penalty: f64) -> Vec<Result<Fitted, String>> {
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
    all.into_iter().map(|(_, fitted)| fitted).collect()
}
