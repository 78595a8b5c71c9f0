//! Judging a model on recorded calls, beside baselines. Each metric's definition stands at the
//! code that computes it.
//!
//! [`judge::Judge`] turns each call into [`judge::Evidence`], [`report()`] turns the evidence
//! into figures.

mod contents;
pub mod figures;
pub mod heads;
pub mod instructive;
pub mod judge;
pub mod live;
pub mod tables;

use std::collections::BTreeMap;

use crate::call::Call;
use crate::train::metrics::alarms::Alarms;
use crate::train::metrics::calibration::{Calibration, Case, calibration};
use crate::train::metrics::lead::lead;
use crate::train::metrics::ranking;

pub use contents::{Batch, Curve, EachCall, Leads, Price, Report};

use figures::{Line, Parts};
use heads::HeadCases;
use judge::{Contender, Evidence};

/// Figures' parameters.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is judged.
    pub title: String,
    /// Base rate of the prices.
    pub base_rate: f64,
    /// Base rate of the probabilities; the judges were made with the same.
    pub prior: f64,
    /// What a reader must know.
    pub notes: Vec<String>,
}

/// Ends of the buckets of customer turns so far, as people name them.
const BUCKETS: [(&str, u32, u32); 3] =
    [("turns 2-4", 0, 4), ("turns 5-8", 5, 8), ("turns 9+", 9, u32::MAX)];
/// Budgets up to which the curves go.
const CURVE_END: usize = 50;

/// Sums up. `evidence` holds all of `calls`, in any order.
pub fn report(
    calls: &[&Call],
    evidence: &[Evidence],
    heads: &HeadCases,
    options: Options,
) -> Report {
    let parts = Parts::new(calls, evidence);
    let lines: Vec<Line> =
        Contender::ALL.into_iter().map(|c| figures::line(c, evidence, &parts)).collect();
    let auc = |contender: Contender| {
        lines[contender as usize].figures.as_ref().map_or(0.0, |figures| figures.auc.value)
    };
    let live: Vec<_> = evidence.iter().map(|e| (e.model().escalates, e.live)).collect();
    let at_10 = parts.thresholds(evidence, Contender::Model, 10.0);
    Report {
        masked_gap: auc(Contender::Masked) - auc(Contender::Model),
        calls: calls.len(),
        escalating: calls.iter().filter(|call| call.escalates()).count(),
        batches: parts.len(),
        prices: prices(evidence, &parts, options.base_rate),
        calibration: calibrations(evidence),
        live: live::figures(&live),
        sentiment: heads.sentiment_figures(),
        sentiment_corpus: None,
        acts: heads.act_figures(),
        tables: tables::tables(calls, evidence, &at_10),
        by_batch: by_batch(evidence, &parts),
        curves: curves(evidence, &parts),
        leads: leads(evidence, &at_10),
        each_call: each_call(calls, evidence, &at_10),
        lines,
        title: options.title,
        notes: options.notes,
        base_rate: options.base_rate,
        prior: options.prior,
    }
}

/// The model at 10 and at 5 false alarms per 100, each batch by its own threshold, and at the
/// threshold carried from training.
fn prices(evidence: &[Evidence], parts: &Parts, base_rate: f64) -> Vec<Price> {
    let carried: Vec<f64> = evidence.iter().map(|evidence| evidence.warning).collect();
    let at = |budget| parts.thresholds(evidence, Contender::Model, budget);
    [
        ("at 10 false alarms per 100", at(10.0)),
        ("at 5 false alarms per 100", at(5.0)),
        ("at the carried threshold", carried),
    ]
    .into_iter()
    .map(|(name, thresholds)| {
        // Mean over batches, as in the lines.
        let mean = |of: &dyn Fn(&Evidence, f64) -> Option<bool>| {
            parts.mean(|members| {
                let hits: Vec<bool> =
                    members.iter().filter_map(|&i| of(&evidence[i], thresholds[i])).collect();
                hits.iter().filter(|&&hit| hit).count() as f64 / hits.len().max(1) as f64
            })
        };
        let recall =
            mean(&|e, threshold| e.model().escalates.then(|| e.model().point().max > threshold));
        let early_recall =
            mean(&|e, threshold| e.model().escalates.then(|| e.model().point().early > threshold));
        let false_alarms =
            mean(&|e, threshold| (!e.model().escalates).then(|| e.model().point().max > threshold));
        Price {
            name: name.into(),
            alarms: Alarms::at(recall, false_alarms, base_rate),
            early_recall,
            lead: lead(evidence.iter().map(Evidence::model).zip(thresholds.iter().copied())),
        }
    })
    .collect()
}

/// Of the per-turn probability against "escalates later in this call".
fn calibrations(evidence: &[Evidence]) -> Vec<(String, Calibration)> {
    let cases: Vec<Case> = evidence
        .iter()
        .flat_map(|evidence| {
            let scored = evidence.model();
            scored.turns.iter().map(|turn| Case {
                call: scored.call,
                customer_turns: turn.customer_turns,
                probability: evidence.probability(turn.score),
                escalates: scored.escalates,
            })
        })
        .collect();
    let bucket = |&(name, from, to): &(&str, u32, u32)| {
        let own: Vec<Case> =
            cases.iter().filter(|c| (from..=to).contains(&c.customer_turns)).copied().collect();
        calibration(&own).map(|calibration| (name.to_owned(), calibration))
    };
    let pooled = calibration(&cases).map(|calibration| ("all turns".to_owned(), calibration));
    pooled.into_iter().chain(BUCKETS.iter().filter_map(bucket)).collect()
}

fn by_batch(evidence: &[Evidence], parts: &Parts) -> BTreeMap<String, Batch> {
    if parts.len() < 2 {
        return BTreeMap::new();
    }
    let batch = |members: &[usize]| {
        let points = figures::points(evidence, Contender::Model, members);
        let at = |budget| ranking::recall(&points, ranking::threshold_at(&points, budget));
        let carried = |escalates: bool| {
            let own = members.iter().map(|&i| &evidence[i]);
            let own: Vec<bool> = own
                .filter(|e| e.model().escalates == escalates)
                .map(|e| e.model().point().max > e.warning)
                .collect();
            own.iter().filter(|&&hit| hit).count() as f64 / own.len().max(1) as f64
        };
        Batch {
            calls: members.len(),
            auc: ranking::auc(ranking::maxima(&points)),
            recall_at_10: at(10.0),
            recall_at_5: at(5.0),
            carried_recall: carried(true),
            realised_false_alarms: carried(false),
        }
    };
    parts.iter().map(|(name, members)| (name.to_owned(), batch(members))).collect()
}

fn curves(evidence: &[Evidence], parts: &Parts) -> Vec<Curve> {
    let drawn = Contender::ALL.into_iter().filter(|&c| evidence.iter().all(|e| e.of(c).is_some()));
    drawn
        .map(|contender| Curve {
            name: contender.name().trim().into(),
            recall: (0..=CURVE_END)
                .map(|budget| {
                    parts.mean(|members| {
                        let points = figures::points(evidence, contender, members);
                        ranking::recall(&points, ranking::threshold_at(&points, budget as f64))
                    })
                })
                .collect(),
        })
        .collect()
}

fn leads(evidence: &[Evidence], thresholds: &[f64]) -> Leads {
    let mut leads = Leads::default();
    let scored = evidence.iter().map(Evidence::model).zip(thresholds);
    for (call, &threshold) in scored.filter(|(call, _)| call.escalates) {
        match call.alert(threshold) {
            Some(alert) => leads.turns.push(alert.customer_turns_left),
            None => leads.missed += 1,
        }
    }
    leads
}

fn each_call(calls: &[&Call], evidence: &[Evidence], thresholds: &[f64]) -> Vec<EachCall> {
    let one = |(evidence, &threshold): (&Evidence, &f64)| {
        let scored = evidence.model();
        let (max, alert) = (scored.max(0), scored.alert(threshold));
        EachCall {
            id: calls[scored.call].id.clone(),
            escalates: scored.escalates,
            risk: max.is_finite().then(|| evidence.probability(max)),
            alert_turn: alert.map(|alert| alert.turn),
            customer_turns_left: alert.map(|alert| alert.customer_turns_left),
        }
    };
    evidence.iter().zip(thresholds).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::metrics::fixture;

    /// Two batches of 20 calls: in `a` the ten that escalate have 2 and the others 0 … 9 tenths,
    /// in `b` everything is 1 lower. All have four turns, the highest comes second.
    fn toy() -> (Vec<Call>, Vec<Evidence>) {
        let (mut calls, mut evidence) = (Vec::new(), Vec::new());
        for (batch, lower) in [("a", 0.0), ("b", 1.0)] {
            for place in 0..20 {
                let escalates = place < 10;
                let top = if escalates { 2.0 } else { f64::from(place - 10) / 10.0 } - lower;
                let json = format!(
                    r#"{{"id":"{batch}-{place}","outcome":{{"escalated":{escalates}}},"turns":[]}}"#
                );
                let mut scored = fixture::call(escalates, &[top - 2.0, top, top - 2.0, top - 2.0]);
                scored.call = calls.len();
                calls.push(serde_json::from_str(&json).unwrap());
                let mut scores: [Option<_>; 7] = Default::default();
                scores[Contender::Model as usize] = Some(scored);
                let live = live::Live::default();
                evidence.push(Evidence { engine: 0, scores, warning: 0.85, shift: 0.0, live });
            }
        }
        (calls, evidence)
    }

    fn toy_report() -> Report {
        let (calls, evidence) = toy();
        let calls: Vec<&Call> = calls.iter().collect();
        let options =
            Options { title: "toy".into(), base_rate: 0.05, prior: 0.5, notes: Vec::new() };
        report(&calls, &evidence, &HeadCases::default(), options)
    }

    #[test]
    fn every_batch_keeps_its_own_budget() {
        let report = toy_report();
        assert_eq!((report.batches, report.calls, report.escalating), (2, 40, 20));
        let figures = report.lines[0].figures.unwrap();
        // Within each batch the order is perfect; pooled it would not be.
        assert_eq!((figures.auc.value, figures.recall_at_5.value), (1.0, 1.0));
        assert_eq!(figures.early_recall_at_10.value, 1.0);
        assert!(report.lines[1].figures.is_none());
        // One of ten calm calls may be above.
        assert_eq!(report.prices[0].alarms.false_alarms, 0.1);
        assert_eq!(report.prices[0].lead.turns_caught, 2.0);
        assert_eq!((report.leads.turns.len(), report.leads.missed), (20, 0));
    }

    #[test]
    fn the_carried_threshold_is_told_batch_by_batch() {
        let report = toy_report();
        let (a, b) = (report.by_batch["a"], report.by_batch["b"]);
        // Above .85: in `a` the tens of 2 and the .9, in `b` the tens of 1.
        assert_eq!((a.carried_recall, a.realised_false_alarms), (1.0, 0.1));
        assert_eq!((b.carried_recall, b.realised_false_alarms), (1.0, 0.0));
        assert!((report.prices[2].alarms.false_alarms - 0.05).abs() < 1e-12);
    }

    #[test]
    fn calibration_is_told_by_customer_turns_so_far() {
        let report = toy_report();
        let turns: Vec<(&str, usize)> =
            report.calibration.iter().map(|(name, c)| (name.as_str(), c.turns)).collect();
        assert_eq!(turns, [("all turns", 160), ("turns 2-4", 160)]);
    }
}
