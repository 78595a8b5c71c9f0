//! Judging a model on recorded calls, beside baselines.

use std::collections::BTreeMap;

use serde::Serialize;

use super::metrics::{self, Scored, ScoredTurn};
use super::rows::walk;
use crate::call::Call;
use crate::features::Space;

/// Customer turns before a forecast is made; the engine's default.
const MIN_CUSTOMER_TURNS: u32 = 2;
/// Calls a batch must have for a false-alarm budget of its own.
const MIN_BATCH: usize = 20;
/// Resamples of the bootstrap.
const RESAMPLES: usize = 1_000;

/// Words that give an escalation away, and their inflections. Masked, they tell how much a
/// model leans on them.
const GIVE_AWAYS: [&str; 12] = [
    "supervisor",
    "manager",
    "escalat",
    "complain",
    "complaint",
    "cancel",
    "lawyer",
    "solicitor",
    "ombudsman",
    "regulator",
    "sue",
    "transfer",
];

/// One row of the table: a model or a baseline.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// What is judged.
    pub name: String,
    /// Probability that an escalating call has the higher maximum.
    pub auc: Interval,
    /// Recall at 10 false alarms per 100 calls that do not escalate.
    pub recall_at_10: Interval,
    /// Recall at 5.
    pub recall_at_5: Interval,
    /// Recall at 10 counting only alerts at least 2 customer turns ahead.
    pub early_recall_at_10: Interval,
    /// Median customer turns between alert and event on caught calls, at 10 false alarms.
    pub lead_turns: f64,
    /// The same in seconds.
    pub lead_seconds: f64,
}

/// A figure and its 95 % interval, by bootstrap over calls.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Interval {
    /// Mean over batches where there are several, else over all calls.
    pub value: f64,
    /// 2.5 % quantile.
    pub low: f64,
    /// 97.5 % quantile.
    pub high: f64,
}

/// Everything `evaluate` prints.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Calls judged.
    pub calls: usize,
    /// Of them escalating.
    pub escalating: usize,
    /// Batches whose figures were averaged; 1 when all calls were pooled.
    pub batches: usize,
    /// Model, masked model, baselines.
    pub lines: Vec<Line>,
    /// At the warning threshold that the model carries from training.
    pub carried: Carried,
    /// AUC and recall at 10 of each batch, for the model unmasked.
    pub by_batch: BTreeMap<String, (f64, f64)>,
}

/// What the model's own warning threshold does on these calls.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Carried {
    /// Share of escalating calls alerted before the event.
    pub recall: f64,
    /// Share of other calls ever alerted.
    pub false_alarms: f64,
}

/// Scores of `calls` by the model of `space`: calibrated log-odds, and whether each call is
/// above the carried warning threshold.
pub struct ModelScores {
    /// Plain.
    pub plain: Vec<Scored>,
    /// With the give-away words masked.
    pub masked: Vec<Scored>,
    /// Warning threshold of the model that scored the call.
    pub warning: Vec<f64>,
}

impl ModelScores {
    /// Scores `calls`; `index` is the place of each in the corpus.
    pub fn new(calls: &[(usize, &Call)], space: &Space) -> ModelScores {
        let calibration = space.model().calibration;
        let score = |call: &Call, index: usize| {
            scored(call, index, space, |row| calibration.apply(row.log_odds))
        };
        ModelScores {
            plain: calls.iter().map(|&(index, call)| score(call, index)).collect(),
            masked: calls.iter().map(|&(index, call)| score(&mask(call), index)).collect(),
            warning: vec![space.model().thresholds.warning; calls.len()],
        }
    }

    /// Adds the scores of other calls.
    pub fn extend(&mut self, other: ModelScores) {
        self.plain.extend(other.plain);
        self.masked.extend(other.masked);
        self.warning.extend(other.warning);
    }
}

/// Puts the model beside the baselines. `scores` holds all of `calls`, in any order.
pub fn report(calls: &[&Call], space: &Space, scores: &ModelScores) -> Report {
    let by_turns = baseline(calls, space, |_, customer_turns| f64::from(customer_turns));
    let by_words = baseline(calls, space, |words, _| words as f64);
    let parts = batches(calls, &scores.plain);
    let lines = [
        ("this model", &scores.plain),
        ("this model, give-away words masked", &scores.masked),
        ("baseline: give-away words counted", &by_words),
        ("baseline: customer turns counted", &by_turns),
    ]
    .map(|(name, scored)| line(name, scored, calls));
    let carried = |escalates: bool| {
        let of = scores.plain.iter().zip(&scores.warning);
        let of: Vec<bool> = of
            .filter(|(call, _)| call.escalates == escalates)
            .map(|(call, &warning)| call.max(0) > warning)
            .collect();
        of.iter().filter(|&&hit| hit).count() as f64 / of.len().max(1) as f64
    };
    Report {
        calls: calls.len(),
        escalating: calls.iter().filter(|call| call.escalates()).count(),
        batches: parts.len(),
        lines: lines.into(),
        carried: Carried { recall: carried(true), false_alarms: carried(false) },
        by_batch: parts
            .iter()
            .map(|(batch, calls)| {
                let threshold = metrics::threshold_at(calls, 10.0);
                let figures = (metrics::auc(calls), metrics::recall(calls, threshold, 0));
                ((*batch).to_owned(), figures)
            })
            .collect(),
    }
}

fn scored(
    call: &Call,
    index: usize,
    space: &Space,
    score: impl Fn(&super::rows::Row) -> f64,
) -> Scored {
    let event = call.escalates().then(|| call.turns.get(call.visible_turns())).flatten();
    let turns = walk(call, space, MIN_CUSTOMER_TURNS)
        .iter()
        .map(|row| ScoredTurn {
            score: score(row),
            customer_turns_left: row.customer_turns_left,
            ms_left: event
                .and_then(|event| event.start_ms)
                .zip(call.turns[row.turn].end_ms)
                .map(|(event, end)| event - end),
        })
        .collect();
    Scored { call: index, escalates: call.escalates(), turns }
}

/// Scores calls by a rule on the give-away words and the customer turns so far.
fn baseline(calls: &[&Call], space: &Space, rule: impl Fn(usize, u32) -> f64) -> Vec<Scored> {
    calls
        .iter()
        .enumerate()
        .map(|(index, call)| {
            let words: Vec<usize> = call
                .turns
                .iter()
                .scan(0, |sum, turn| {
                    let tokens = crate::text::tokenise(&turn.text);
                    *sum += tokens.iter().filter(|token| gives_away(&token.word)).count();
                    Some(*sum)
                })
                .collect();
            scored(call, index, space, |row| rule(words[row.turn], row.customer_turns))
        })
        .collect()
}

fn gives_away(word: &str) -> bool {
    GIVE_AWAYS.iter().any(|stem| match *stem {
        "sue" => matches!(word, "sue" | "sues" | "sued" | "suing"),
        stem => word.starts_with(stem),
    })
}

/// The call with every give-away word replaced by one that says nothing.
fn mask(call: &Call) -> Call {
    let mut call = call.clone();
    for turn in &mut call.turns {
        let characters: Vec<char> = turn.text.chars().collect();
        let mut masked = String::with_capacity(turn.text.len());
        let mut done = 0;
        for token in crate::text::tokenise(&turn.text) {
            masked.extend(&characters[done..token.start as usize]);
            done = token.end as usize;
            if gives_away(&token.word) {
                masked.push_str("xxxx");
            } else {
                masked.extend(&characters[token.start as usize..done]);
            }
        }
        masked.extend(&characters[done..]);
        turn.text = masked;
    }
    call
}

/// Calls by author batch; one part for all when batches are too few or too small to carry a
/// budget of their own.
fn batches<'a>(calls: &'a [&Call], scored: &'a [Scored]) -> BTreeMap<&'a str, Vec<&'a Scored>> {
    let mut parts: BTreeMap<&str, Vec<&Scored>> = BTreeMap::new();
    for one in scored {
        parts.entry(calls[one.call].batch()).or_default().push(one);
    }
    if parts.len() < 2 || parts.values().any(|part| part.len() < MIN_BATCH) {
        return BTreeMap::from([("all", scored.iter().collect())]);
    }
    parts
}

/// Figures of one resample.
#[derive(Clone, Copy)]
struct Figures([f64; 4]);

fn figures<'a>(parts: impl Iterator<Item = &'a Vec<&'a Scored>>) -> Figures {
    let (mut sum, mut count) = ([0.0; 4], 0.0);
    for part in parts {
        let (ten, five) = (metrics::threshold_at(part, 10.0), metrics::threshold_at(part, 5.0));
        let own = [
            metrics::auc(part),
            metrics::recall(part, ten, 0),
            metrics::recall(part, five, 0),
            metrics::recall(part, ten, 2),
        ];
        sum = std::array::from_fn(|index| sum[index] + own[index]);
        count += 1.0;
    }
    Figures(sum.map(|value| value / count))
}

fn line(name: &str, scored: &[Scored], calls: &[&Call]) -> Line {
    let parts = batches(calls, scored);
    let Figures(values) = figures(parts.values());
    let mut random = fastrand::Rng::with_seed(1);
    let mut resampled: [Vec<f64>; 4] = Default::default();
    for _ in 0..RESAMPLES {
        let drawn: Vec<Vec<&Scored>> = parts
            .values()
            .map(|part| (0..part.len()).map(|_| part[random.usize(..part.len())]).collect())
            .collect();
        let Figures(own) = figures(drawn.iter());
        for (all, value) in resampled.iter_mut().zip(own) {
            all.push(value);
        }
    }
    let mut intervals = values.iter().zip(resampled).map(|(&value, mut all)| {
        all.sort_by(f64::total_cmp);
        let at = |share: f64| all[((all.len() - 1) as f64 * share).round() as usize];
        Interval { value, low: at(0.025), high: at(0.975) }
    });
    let pooled: Vec<&Scored> = scored.iter().collect();
    let (lead_turns, lead_seconds) =
        metrics::median_lead(&pooled, metrics::threshold_at(&pooled, 10.0));
    let mut next = || intervals.next().unwrap_or(Interval { value: 0.0, low: 0.0, high: 0.0 });
    Line {
        name: name.into(),
        auc: next(),
        recall_at_10: next(),
        recall_at_5: next(),
        early_recall_at_10: next(),
        lead_turns,
        lead_seconds,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn give_away_words_are_masked_and_nothing_else() {
        let json = r#"{"id":"a-1","turns":[
            {"speaker":"customer","text":"Your Manager's late; I'm suing, not issued."}]}"#;
        let masked = mask(&serde_json::from_str(json).unwrap());
        assert_eq!(masked.turns[0].text, "Your xxxx late; I'm xxxx, not issued.");
    }
}
