//! The figures of a shift: what was raised, what became of it, how fast somebody took it.

use super::archive::Archive;
use crate::call::Timestamp;
use crate::engine::alert::{Alert, AlertState};
use crate::engine::event::Resolution;
use crate::journal::{Began, ReadError};
use crate::wire::lists::{AlertKey, Figures, Hour, Shift, ShiftQuery};

const HOUR_MS: i64 = 3_600_000;
/// Alerts read at a time.
const STEP: usize = 500;

/// Counts a shift.
pub(super) fn figures(archive: &Archive<'_>, query: &ShiftQuery) -> Result<Shift, ReadError> {
    let mut tally = Tally::new(query);
    archive.began(query, |call| tally.call(&call))?;
    let wanted = query.alerts();
    let mut after = None;
    loop {
        let page = archive.alerts(&wanted, after, STEP)?;
        for alert in &page.items {
            tally.alert(alert);
        }
        let Some(next) = page.next else { return Ok(tally.shift()) };
        if archive.is_late() {
            return Err(ReadError::TooSlow);
        }
        after = AlertKey::parse(&next);
    }
}

/// The fold that makes the figures.
struct Tally<'a> {
    query: &'a ShiftQuery,
    hours: Vec<Figures>,
    waits_ms: Vec<i64>,
}

impl<'a> Tally<'a> {
    fn new(query: &'a ShiftQuery) -> Tally<'a> {
        let hours = query.hours().map(|_| Figures::default()).collect();
        Tally { query, hours, waits_ms: Vec::new() }
    }

    fn call(&mut self, call: &Began) {
        let Some(hour) = self.hour(call.at) else { return };
        hour.calls += 1;
        hour.missed += u64::from(call.escalated && !call.alerted);
    }

    fn alert(&mut self, alert: &Alert) {
        let Some(hour) = self.hour(alert.raised_at) else { return };
        hour.raised += 1;
        hour.held += u64::from(alert.held);
        let counted = match (alert.state, alert.outcome) {
            (AlertState::Retracted, _) => &mut hour.retracted,
            (AlertState::Resolved, Some(Resolution::Escalated)) => &mut hour.escalated,
            (AlertState::Resolved, Some(Resolution::Averted)) => &mut hour.averted,
            (AlertState::Resolved, Some(Resolution::FalseAlarm)) => &mut hour.false_alarm,
            (AlertState::Resolved, Some(Resolution::Duplicate)) => &mut hour.duplicate,
            (AlertState::Resolved, None) => &mut hour.unjudged,
            _ => &mut hour.open,
        };
        *counted += 1;
        let taken = alert.history.iter().find(|entry| entry.state == AlertState::Acknowledged);
        self.waits_ms.extend(taken.map(|entry| entry.at.0 - alert.raised_at.0));
    }

    fn hour(&mut self, at: Timestamp) -> Option<&mut Figures> {
        self.hours.get_mut(self.query.hour_of(at)?)
    }

    fn shift(mut self) -> Shift {
        let totals = self.hours.iter().fold(Figures::default(), |sum, hour| sum.plus(hour));
        let right = totals.escalated + totals.averted;
        let judged = right + totals.false_alarm;
        self.waits_ms.sort_unstable();
        let hours = self.query.hours().zip(self.hours);
        let hours = hours.map(|(from, figures)| Hour { from, to: from.plus_ms(HOUR_MS), figures });
        Shift {
            from: self.query.from,
            to: self.query.to,
            hours: hours.collect(),
            totals,
            precision: (judged > 0).then(|| right as f64 / judged as f64),
            acknowledged: self.waits_ms.len() as u64,
            median_ms_to_acknowledge: rank(&self.waits_ms, 50),
            p90_ms_to_acknowledge: rank(&self.waits_ms, 90),
        }
    }
}

/// The smallest value that at least `percent` % of the sorted values do not exceed.
fn rank(sorted: &[i64], percent: usize) -> Option<i64> {
    let place = (sorted.len() * percent).div_ceil(100);
    sorted.get(place.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire::lists::Parameters;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(&format!("2026-11-22T{text}Z")).unwrap()
    }

    fn alert(raised: &str, state: &str, outcome: Option<&str>, taken: Option<&str>) -> Alert {
        let mut history = vec![json!({"state": "raised", "at": at(raised), "by": "engine"})];
        if let Some(taken) = taken {
            history.push(json!({"state": "acknowledged", "at": at(taken), "by": "sup"}));
        }
        let alert = json!({"alert_id": "al", "dedup_key": "k", "call_id": "c", "queue": null,
            "team": null, "agent_id": null, "kind": "risk", "level": "warning", "state": state,
            "provisional": false, "held": false, "tier": 1, "notify": [], "owner": null,
            "risk": null, "threshold": null, "log_odds": null, "intercept": null,
            "sentiment": null, "trend": null, "raised_at": at(raised), "at_ms": 0, "seq": 1,
            "reasons": [], "guidance": [], "recommendation": null, "history": history,
            "outcome": outcome});
        serde_json::from_value(alert).unwrap()
    }

    #[test]
    fn figures_by_hand() {
        let given = [("from", "2026-11-22T09:00:00Z"), ("to", "2026-11-22T11:00:00Z")];
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let given = Parameters::new(given.to_vec(), &ShiftQuery::NAMES).unwrap();
        let query = ShiftQuery::parse(&given, at("12:00:00")).unwrap();
        let mut tally = Tally::new(&query);
        for (began, escalated, alerted) in [
            ("08:59:59.999", true, false),
            ("09:00:00", true, true),
            ("09:10:00", true, false),
            ("10:59:59", false, false),
            ("11:00:00", false, false),
        ] {
            tally.call(&Began { number: 0, at: at(began), escalated, alerted });
        }
        for (raised, state, outcome, taken) in [
            ("09:00:00", "resolved", Some("escalated"), Some("09:00:10")),
            ("09:30:00", "resolved", Some("averted"), Some("10:00:00")),
            ("09:59:59", "retracted", None, None),
            ("10:00:00", "resolved", Some("false_alarm"), Some("10:00:01")),
            ("10:01:00", "resolved", Some("duplicate"), None),
            ("10:02:00", "resolved", None, None),
            ("10:03:00", "snoozed", None, Some("10:03:04")),
            ("11:00:00", "raised", None, None),
        ] {
            tally.alert(&alert(raised, state, outcome, taken));
        }
        let shift = serde_json::to_value(tally.shift()).unwrap();
        assert_eq!(
            shift["hours"][0],
            json!({"from": at("09:00:00"), "to": at("10:00:00"), "calls": 2, "missed": 1,
                "raised": 3, "held": 0, "escalated": 1, "averted": 1, "false_alarm": 0,
                "duplicate": 0, "unjudged": 0, "retracted": 1, "open": 0})
        );
        assert_eq!(
            shift["totals"],
            json!({"calls": 3, "missed": 1, "raised": 7, "held": 0, "escalated": 1,
                "averted": 1, "false_alarm": 1, "duplicate": 1, "unjudged": 1, "retracted": 1,
                "open": 1})
        );
        assert_eq!(shift["precision"], json!(2.0 / 3.0));
        // Waits of 1, 4, 10 and 1,800 seconds.
        assert_eq!(shift["acknowledged"], 4);
        assert_eq!(shift["median_ms_to_acknowledge"], 4_000);
        assert_eq!(shift["p90_ms_to_acknowledge"], 1_800_000);
    }

    #[test]
    fn nothing_judged_gives_no_precision() {
        let given = Parameters::new(Vec::new(), &ShiftQuery::NAMES).unwrap();
        let query = ShiftQuery::parse(&given, at("12:00:00")).unwrap();
        let shift = Tally::new(&query).shift();
        assert_eq!((shift.precision, shift.median_ms_to_acknowledge), (None, None));
        assert_eq!(shift.hours.len(), 8);
    }
}
