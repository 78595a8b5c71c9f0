//! The figures of a backtest: by rule and category, and against the rules in use.

use std::collections::BTreeMap;

use serde::Serialize;

use super::play::{Raised, lead};
use crate::call::Call;
use crate::engine::Engine;
use crate::train::metrics::median;

/// Examples kept of each row.
const MAX_EXAMPLES: usize = 3;

/// Sums up call by call; what it keeps does not grow with the transcripts.
#[derive(Debug, Default)]
pub struct Backtest {
    calls: u64,
    escalating: u64,
    judged: u64,
    ms: i64,
    rows: BTreeMap<String, Sums>,
}

#[derive(Debug, Default)]
struct Sums {
    label: String,
    alerts: u64,
    right: u64,
    wrong: u64,
    late: u64,
    turns: Vec<f64>,
    seconds: Vec<f64>,
    new: u64,
    gone: u64,
    same: u64,
    examples: Vec<Example>,
}

/// Where an alert would have come.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Example {
    /// The call.
    pub call_id: String,
    /// 0-based index of the turn.
    pub turn: usize,
    /// Call time in ms.
    pub at_ms: i64,
    /// The words it names; absent when it is about time alone.
    pub quote: Option<String>,
}

/// The figures of one rule, one category of phrases, or the risk.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// `risk`, or `trigger:` or `rule:` and an id.
    pub key: String,
    /// What people read.
    pub label: String,
    /// Alerts.
    pub alerts: u64,
    /// Alerts per hour of talk.
    pub per_hour: f64,
    /// Alerts per 100 calls.
    pub per_100_calls: f64,
    /// In calls that escalated, no later than the turn in which they did.
    pub right: u64,
    /// In calls that did not escalate.
    pub wrong: u64,
    /// In calls that had escalated already: neither right nor wrong.
    pub late: u64,
    /// Right ones among right and wrong ones.
    pub precision: Option<f64>,
    /// Median of the customer turns between a right alert and the escalation.
    pub lead_turns: Option<f64>,
    /// Median of the seconds.
    pub lead_s: Option<f64>,
    /// Calls alerted now and not by the present rules.
    pub new_calls: u64,
    /// Calls alerted by the present rules and not now.
    pub gone_calls: u64,
    /// Calls alerted by both.
    pub same_calls: u64,
    /// A few of the alerts; those in newly alerted calls first.
    pub examples: Vec<Example>,
}

/// A whole backtest.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Calls played.
    pub calls: u64,
    /// Of these, with a known outcome.
    pub with_outcome: u64,
    /// Of these, that escalated.
    pub escalating: u64,
    /// Hours they took.
    pub hours: f64,
    /// By key.
    pub rows: Vec<Row>,
}

impl Backtest {
    /// Nothing played yet. What an engine could raise has a row from the start; `risk` says
    /// whether risk alerts count.
    pub fn new(engines: [&Engine; 2], risk: bool) -> Backtest {
        let mut backtest = Backtest::default();
        let mut name = |key: String, label: &str| {
            let sums = backtest.rows.entry(key).or_default();
            label.clone_into(&mut sums.label);
        };
        for engine in engines {
            for rule in engine.rules.all() {
                name(format!("rule:{}", rule.id), &rule.label);
            }
            let phrases = engine.space.phrases();
            for phrase in phrases.phrases().iter().filter(|phrase| phrase.alert.is_some()) {
                let category = &phrases.categories()[phrase.category];
                name(format!("trigger:{}", category.id), &category.label);
            }
        }
        if risk {
            name("risk".into(), "the model's forecast");
        }
        backtest
    }

    /// Takes in what was raised in one call: now, and by the present rules.
    pub fn add(&mut self, call: &Call, now: &[Raised], present: &[Raised], ms: i64) {
        self.calls += 1;
        self.judged += u64::from(call.outcome.is_some());
        self.escalating += u64::from(call.escalates());
        self.ms += ms;
        for (key, sums) in &mut self.rows {
            let own = now.iter().filter(|raised| raised.key == *key);
            let (alerted, before) =
                (own.clone().count() > 0, present.iter().any(|raised| raised.key == *key));
            sums.new += u64::from(alerted && !before);
            sums.gone += u64::from(!alerted && before);
            sums.same += u64::from(alerted && before);
            for raised in own {
                sums.take(call, raised, !before);
            }
        }
    }

    /// The figures.
    pub fn summary(self) -> Summary {
        let hours = self.ms as f64 / 3.6e6;
        let calls = self.calls as f64;
        let rows = self.rows.into_iter().map(|(key, sums)| sums.row(key, hours, calls));
        Summary {
            calls: self.calls,
            with_outcome: self.judged,
            escalating: self.escalating,
            hours,
            rows: rows.collect(),
        }
    }
}

impl Sums {
    fn take(&mut self, call: &Call, raised: &Raised, is_new: bool) {
        self.alerts += 1;
        match &call.outcome {
            None => {}
            Some(outcome) if !outcome.escalated => self.wrong += 1,
            // Nobody knows when.
            Some(outcome) if outcome.turn.is_none() => self.right += 1,
            Some(_) => match lead(call, raised) {
                Some((turns, ms)) => {
                    self.right += 1;
                    self.turns.push(f64::from(turns));
                    self.seconds.extend(ms.map(|ms| ms as f64 / 1e3));
                }
                None => self.late += 1,
            },
        }
        let example = Example {
            call_id: call.id.clone(),
            turn: raised.turn,
            at_ms: raised.at_ms,
            quote: raised.quote.clone(),
        };
        // What is new is what one wants to see.
        if is_new && self.new as usize <= MAX_EXAMPLES {
            self.examples.insert(0, example);
        } else if self.examples.len() < MAX_EXAMPLES {
            self.examples.push(example);
        }
        self.examples.truncate(MAX_EXAMPLES);
    }

    fn row(self, key: String, hours: f64, calls: f64) -> Row {
        let judged = self.right + self.wrong;
        let per = |whole: f64| if whole > 0.0 { self.alerts as f64 / whole } else { 0.0 };
        let middle = |values: Vec<f64>| (!values.is_empty()).then(|| median(values));
        Row {
            key,
            label: self.label,
            alerts: self.alerts,
            per_hour: per(hours),
            per_100_calls: 100.0 * per(calls),
            right: self.right,
            wrong: self.wrong,
            late: self.late,
            precision: (judged > 0).then(|| self.right as f64 / judged as f64),
            lead_turns: middle(self.turns),
            lead_s: middle(self.seconds),
            new_calls: self.new,
            gone_calls: self.gone,
            same_calls: self.same,
            examples: self.examples,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Settings;

    fn call(id: &str, escalated: bool) -> Call {
        let turns: String = (0..6)
            .map(|turn| {
                let speaker = if turn % 2 == 0 { "customer" } else { "agent" };
                let (start, end) = (turn * 10_000, turn * 10_000 + 5_000);
                format!(
                    ",{{\"speaker\":\"{speaker}\",\"start_ms\":{start},\"end_ms\":{end},\"text\":\"x\"}}"
                )
            })
            .collect();
        let turn = if escalated { ",\"turn\":4" } else { "" };
        let outcome = format!("{{\"escalated\":{escalated}{turn}}}");
        Call::parse(&format!(
            "{{\"id\":\"{id}\",\"outcome\":{outcome},\"turns\":[{}]}}",
            &turns[1..]
        ))
        .unwrap()
    }

    fn raised(turn: usize, at_ms: i64) -> Raised {
        Raised { key: "rule:r".into(), turn, at_ms, quote: None }
    }

    #[test]
    fn figures_worked_out_by_hand() {
        let rules = "version = 1\n[[rule]]\nid = \"r\"\nlabel = \"R\"\nlevel = \"warning\"\n\
            when.said = [\"x\"]";
        let engine = Engine::with_model(None, Settings::default()).unwrap();
        let engine = engine.with_rules(rules, "t").unwrap();
        let mut backtest = Backtest::new([&engine, &engine], false);
        let hour = 3_600_000;
        // Turn 2 lies between; from 12 s to the start of turn 4.
        backtest.add(&call("a", true), &[raised(0, 12_000)], &[], hour);
        backtest.add(&call("b", true), &[raised(5, 52_000)], &[raised(1, 0)], hour);
        backtest.add(&call("c", false), &[raised(0, 0), raised(3, 31_000)], &[raised(0, 0)], hour);
        backtest.add(&call("d", false), &[], &[raised(0, 0)], hour);
        let summary = backtest.summary();
        assert_eq!((summary.calls, summary.escalating, summary.hours), (4, 2, 4.0));
        let row = &summary.rows[0];
        assert_eq!((row.alerts, row.right, row.wrong, row.late), (4, 1, 2, 1));
        assert_eq!((row.per_hour, row.per_100_calls), (1.0, 100.0));
        assert_eq!(row.precision, Some(1.0 / 3.0));
        assert_eq!((row.lead_turns, row.lead_s), (Some(1.0), Some(28.0)));
        assert_eq!((row.new_calls, row.gone_calls, row.same_calls), (1, 1, 2));
        assert_eq!(row.examples[0].call_id, "a");
    }
}
