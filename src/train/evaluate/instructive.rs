//! The calls that teach most about a model: its best early catches, its worst misses and its
//! loudest false alarms, each with what moved it.

use super::figures::Parts;
use super::judge::{Contender, Evidence};
use crate::call::Call;
use crate::engine::{Engine, TurnExplanation, score_call};

/// How many of each.
const CATCHES: usize = 4;
const MISSES: usize = 3;
const FALSE_ALARMS: usize = 3;

/// Why a call was picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lesson {
    /// Alerted long before the event.
    Catch,
    /// Escalated without an alert.
    Miss,
    /// Alerted, and nothing happened.
    FalseAlarm,
}

/// One call to look at.
#[derive(Clone, Debug)]
pub struct Instructive {
    /// Why it was picked.
    pub lesson: Lesson,
    /// Index of the call in its corpus.
    pub call: usize,
    /// (turn, probability) after each turn with a forecast.
    pub curve: Vec<(usize, f64)>,
    /// Probability at which its batch has 10 false alarms per 100.
    pub threshold: f64,
    /// The turn that is explained: that of the alert, or the one with the highest risk.
    pub turn: usize,
    /// Customer turns between that turn and the event or the end.
    pub customer_turns_left: u32,
    /// What moved the risk there.
    pub explanation: Option<TurnExplanation>,
}

/// Picks ten calls, or fewer where there are fewer.
pub fn pick(calls: &[&Call], evidence: &[Evidence], engines: &[Engine]) -> Vec<Instructive> {
    let parts = Parts::new(calls, evidence);
    let thresholds = parts.thresholds(evidence, Contender::Model, 10.0);
    let alert = |index: usize| evidence[index].model().alert(thresholds[index]);
    let height = |index: usize| evidence[index].model().max(0) - thresholds[index];
    let of = |lesson: Lesson| -> Vec<usize> {
        let fits = |&index: &usize| {
            let (escalates, alerted) = (evidence[index].model().escalates, alert(index).is_some());
            !evidence[index].model().turns.is_empty()
                && match lesson {
                    Lesson::Catch => escalates && alerted,
                    Lesson::Miss => escalates && !alerted,
                    Lesson::FalseAlarm => !escalates && alerted,
                }
        };
        (0..evidence.len()).filter(fits).collect()
    };
    let mut catches = of(Lesson::Catch);
    catches.sort_by_key(|&index| std::cmp::Reverse(alert(index).map(|a| a.customer_turns_left)));
    let mut misses = of(Lesson::Miss);
    misses.sort_by(|&a, &b| height(a).total_cmp(&height(b)));
    let mut false_alarms = of(Lesson::FalseAlarm);
    false_alarms.sort_by(|&a, &b| height(b).total_cmp(&height(a)));
    [
        (Lesson::Catch, catches, CATCHES),
        (Lesson::Miss, misses, MISSES),
        (Lesson::FalseAlarm, false_alarms, FALSE_ALARMS),
    ]
    .into_iter()
    .flat_map(|(lesson, indices, count)| {
        indices.into_iter().take(count).map(move |index| (lesson, index)).collect::<Vec<_>>()
    })
    .filter_map(|(lesson, index)| {
        let one = &evidence[index];
        tell(lesson, one, thresholds[index], calls[one.model().call], &engines[one.engine])
    })
    .collect()
}

fn tell(
    lesson: Lesson,
    evidence: &Evidence,
    threshold: f64,
    call: &Call,
    engine: &Engine,
) -> Option<Instructive> {
    let scored = evidence.model();
    let highest = scored.turns.iter().max_by(|a, b| a.score.total_cmp(&b.score))?;
    let shown = match lesson {
        Lesson::Catch => scored.alert(threshold).unwrap_or(highest),
        Lesson::Miss | Lesson::FalseAlarm => highest,
    };
    let explained = score_call(engine, call, true).into_iter().nth(shown.turn);
    Some(Instructive {
        lesson,
        call: scored.call,
        curve: scored.turns.iter().map(|t| (t.turn, evidence.probability(t.score))).collect(),
        threshold: evidence.probability(threshold),
        turn: shown.turn,
        customer_turns_left: shown.customer_turns_left,
        explanation: explained.and_then(|score| score.explanation),
    })
}
