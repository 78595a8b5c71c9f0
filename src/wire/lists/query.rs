//! What a list is asked for.

use schemars::JsonSchema;

use super::{Parameters, Search};
use crate::call::Timestamp;
use crate::engine::alert::{Alert, AlertKind, AlertState};
use crate::engine::effects::{CallPhase, CallView};
use crate::engine::policy::Level;
use crate::wire::{Place, Scopes};

const HOUR_MS: i64 = 3_600_000;
/// Hours that are shown when none are asked for.
const SHIFT_HOURS: i64 = 8;
/// Most hours of one answer.
const MAX_HOURS: i64 = 31 * 24;

/// How a call ended, as far as its platform told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum Ending {
    /// It escalated.
    Escalated,
    /// It did not.
    NotEscalated,
    /// Nobody told, or it goes on.
    Unknown,
}

/// Which calls.
#[derive(Clone, Debug, Default)]
pub struct CallQuery {
    /// Only those that go on, or that are over.
    pub state: Option<CallPhase>,
    /// Only of this queue.
    pub queue: Option<String>,
    /// Only of this team.
    pub team: Option<String>,
    /// Only of this agent.
    pub agent: Option<String>,
    /// Only those that ended so.
    pub outcome: Option<Ending>,
    /// Started at this time or later.
    pub from: Option<Timestamp>,
    /// Started before this time.
    pub to: Option<Timestamp>,
    /// Only those that raised an alert, or none.
    pub alerted: Option<bool>,
    /// Only those found by this text.
    pub search: Option<Search>,
    /// Only those that the reader may see; all when none are named.
    pub scopes: Scopes,
}

impl CallQuery {
    /// Its parameters.
    pub const NAMES: [&str; 11] = [
        "state", "queue", "team", "agent", "outcome", "from", "to", "alerted", "q", "after",
        "limit",
    ];

    /// # Errors
    /// A sentence naming the first parameter that cannot be used.
    pub fn parse(given: &Parameters) -> Result<CallQuery, String> {
        let (from, to) = given.span()?;
        Ok(CallQuery {
            state: given
                .choice("state", &[("open", CallPhase::Open), ("ended", CallPhase::Ended)])?,
            queue: given.text("queue"),
            team: given.text("team"),
            agent: given.text("agent"),
            outcome: given.choice(
                "outcome",
                &[
                    ("escalated", Ending::Escalated),
                    ("not_escalated", Ending::NotEscalated),
                    ("unknown", Ending::Unknown),
                ],
            )?,
            from,
            to,
            alerted: given.choice("alerted", &[("true", true), ("false", false)])?,
            search: given.get("q").map(Search::parse).transpose()?,
            scopes: Scopes::default(),
        })
    }

    /// Whether a call is meant, its transcript aside. `alerted`: it has raised an alert.
    pub fn matches(&self, view: &CallView, alerted: bool) -> bool {
        let ending = match view.outcome.as_ref().map(|outcome| outcome.escalated) {
            Some(true) => Ending::Escalated,
            Some(false) => Ending::NotEscalated,
            None => Ending::Unknown,
        };
        self.state.is_none_or(|state| state == view.state)
            && is(self.queue.as_ref(), view.queue.as_ref())
            && is(self.team.as_ref(), view.team.as_ref())
            && is(self.agent.as_ref(), view.agent_id.as_ref())
            && self.outcome.is_none_or(|outcome| outcome == ending)
            && within(view.started_at, self.from, self.to)
            && self.alerted.is_none_or(|wanted| wanted == alerted)
            && self.scopes.allow(Place::of_call(view))
    }

    /// Whether the journal's tables may have any that memory lacks: open calls are in memory.
    pub fn reaches_back(&self) -> bool {
        self.state != Some(CallPhase::Open)
    }
}

/// Which alerts.
#[derive(Clone, Debug, Default)]
pub struct AlertQuery {
    /// Only in one of these states; empty for all.
    pub states: Vec<AlertState>,
    /// Raised at this time or later.
    pub from: Option<Timestamp>,
    /// Raised before this time.
    pub to: Option<Timestamp>,
    /// Only of this queue.
    pub queue: Option<String>,
    /// Only of this team.
    pub team: Option<String>,
    /// Only of this agent.
    pub agent: Option<String>,
    /// Only of calls with this id.
    pub call_id: Option<String>,
    /// Only of this kind.
    pub kind: Option<AlertKind>,
    /// Only of this level.
    pub level: Option<Level>,
    /// Only those that the reader may see; all when none are named.
    pub scopes: Scopes,
}

impl AlertQuery {
    /// Its parameters.
    pub const NAMES: [&str; 11] = [
        "state", "from", "to", "queue", "team", "agent", "call_id", "kind", "level", "after",
        "limit",
    ];

    /// # Errors
    /// A sentence naming the first parameter that cannot be used.
    pub fn parse(given: &Parameters) -> Result<AlertQuery, String> {
        use AlertState::{Acknowledged, Raised, Resolved, Retracted, Snoozed};
        let states = given.choice(
            "state",
            &[
                ("open", vec![Raised, Acknowledged, Snoozed]),
                ("closed", vec![Resolved, Retracted]),
                ("raised", vec![Raised]),
                ("acknowledged", vec![Acknowledged]),
                ("snoozed", vec![Snoozed]),
                ("resolved", vec![Resolved]),
                ("retracted", vec![Retracted]),
            ],
        )?;
        let (from, to) = given.span()?;
        Ok(AlertQuery {
            states: states.unwrap_or_default(),
            from,
            to,
            queue: given.text("queue"),
            team: given.text("team"),
            agent: given.text("agent"),
            call_id: given.text("call_id"),
            kind: given.choice(
                "kind",
                &[
                    ("risk", AlertKind::Risk),
                    ("trigger", AlertKind::Trigger),
                    ("manual", AlertKind::Manual),
                ],
            )?,
            level: given.choice(
                "level",
                &[
                    ("watch", Level::Watch),
                    ("warning", Level::Warning),
                    ("critical", Level::Critical),
                ],
            )?,
            scopes: Scopes::default(),
        })
    }

    /// Whether an alert is meant.
    pub fn matches(&self, alert: &Alert) -> bool {
        (self.states.is_empty() || self.states.contains(&alert.state))
            && within(alert.raised_at, self.from, self.to)
            && is(self.queue.as_ref(), alert.queue.as_ref())
            && is(self.team.as_ref(), alert.team.as_ref())
            && is(self.agent.as_ref(), alert.agent_id.as_ref())
            && is(self.call_id.as_ref(), Some(&alert.call_id))
            && self.kind.is_none_or(|kind| kind == alert.kind)
            && self.level.is_none_or(|level| level == alert.level)
            && self.scopes.allow(Place::of_alert(alert))
    }

    /// Whether the journal's tables may have any that memory lacks: open alerts are in memory.
    pub fn reaches_back(&self) -> bool {
        self.states.is_empty() || self.states.iter().any(|state| !state.is_open())
    }
}

/// Whose figures, of which hours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShiftQuery {
    /// The first moment, a full hour UTC.
    pub from: Timestamp,
    /// The first moment that is no more part of it, a full hour UTC.
    pub to: Timestamp,
    /// Only of this queue.
    pub queue: Option<String>,
    /// Only of this team.
    pub team: Option<String>,
    /// Only those that the reader may see; all when none are named.
    pub scopes: Scopes,
}

impl ShiftQuery {
    /// Its parameters.
    pub const NAMES: [&str; 4] = ["from", "to", "queue", "team"];

    /// The hours that hold `from` and `to`; up to this one, and eight of them, when not said.
    ///
    /// # Errors
    /// A sentence naming the first parameter that cannot be used.
    pub fn parse(given: &Parameters, now: Timestamp) -> Result<ShiftQuery, String> {
        let (from, to) = given.span()?;
        let to = to.unwrap_or_else(|| now.plus_ms(1));
        let to = floor(to.plus_ms(HOUR_MS - 1));
        let from = from.map_or(to.plus_ms(-SHIFT_HOURS * HOUR_MS), floor);
        if from >= to {
            return Err("`from` must be before now, or before `to`".into());
        }
        if to.0 - from.0 > MAX_HOURS * HOUR_MS {
            return Err(format!("`from` and `to` may be {} days apart, no more", MAX_HOURS / 24));
        }
        let (queue, team) = (given.text("queue"), given.text("team"));
        Ok(ShiftQuery { from, to, queue, team, scopes: Scopes::default() })
    }

    /// Its hours by their first moment.
    pub fn hours(&self) -> impl Iterator<Item = Timestamp> {
        let hours = (self.to.0 - self.from.0) / HOUR_MS;
        let from = self.from;
        (0..hours).map(move |hour| from.plus_ms(hour * HOUR_MS))
    }

    /// Which of its hours holds that moment.
    pub fn hour_of(&self, at: Timestamp) -> Option<usize> {
        if !within(at, Some(self.from), Some(self.to)) {
            return None;
        }
        usize::try_from((at.0 - self.from.0) / HOUR_MS).ok()
    }

    /// The calls that began in it.
    pub fn calls(&self) -> CallQuery {
        CallQuery {
            from: Some(self.from),
            to: Some(self.to),
            queue: self.queue.clone(),
            team: self.team.clone(),
            scopes: self.scopes.clone(),
            ..CallQuery::default()
        }
    }

    /// The alerts that were raised in it.
    pub fn alerts(&self) -> AlertQuery {
        AlertQuery {
            from: Some(self.from),
            to: Some(self.to),
            queue: self.queue.clone(),
            team: self.team.clone(),
            scopes: self.scopes.clone(),
            ..AlertQuery::default()
        }
    }
}

fn is(wanted: Option<&String>, has: Option<&String>) -> bool {
    wanted.is_none() || wanted == has
}

fn within(at: Timestamp, from: Option<Timestamp>, to: Option<Timestamp>) -> bool {
    from.is_none_or(|from| at >= from) && to.is_none_or(|to| at < to)
}

/// The full hour before or at that moment.
fn floor(at: Timestamp) -> Timestamp {
    Timestamp(at.0.div_euclid(HOUR_MS).saturating_mul(HOUR_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shift(given: &[(&str, &str)], now: &str) -> Result<(String, String, usize), String> {
        let given = given.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let given = Parameters::new(given.collect(), &ShiftQuery::NAMES).unwrap();
        let query = ShiftQuery::parse(&given, Timestamp::parse(now).unwrap())?;
        Ok((query.from.to_string(), query.to.to_string(), query.hours().count()))
    }

    #[test]
    fn a_shift_is_made_of_full_hours() {
        let hours = |from: &str, to: &str, hours| Ok((from.into(), to.into(), hours));
        let now = "2026-11-22T13:05:00Z";
        assert_eq!(
            shift(&[], now),
            hours("2026-11-22T06:00:00.000Z", "2026-11-22T14:00:00.000Z", 8)
        );
        assert_eq!(
            shift(&[], "2026-11-22T13:00:00Z"),
            hours("2026-11-22T06:00:00.000Z", "2026-11-22T14:00:00.000Z", 8),
            "the hour that begins now is part of it"
        );
        assert_eq!(
            shift(&[("from", "2026-11-22T09:30:00Z"), ("to", "2026-11-22T11:00:00+00:00")], now),
            hours("2026-11-22T09:00:00.000Z", "2026-11-22T11:00:00.000Z", 2)
        );
        assert!(shift(&[("from", "2026-11-22T15:00:00Z")], now).is_err());
        let month = |from| shift(&[("from", from), ("to", "2026-11-22T11:00:00Z")], now);
        assert_eq!(month("2026-10-22T11:00:00Z").unwrap().2, 744);
        assert!(month("2026-10-22T10:59:00Z").unwrap_err().contains("31 days"));
    }

    #[test]
    fn a_moment_belongs_to_one_hour() {
        let given = Parameters::new(Vec::new(), &ShiftQuery::NAMES).unwrap();
        let now = Timestamp::parse("2026-11-22T13:05:00Z").unwrap();
        let query = ShiftQuery::parse(&given, now).unwrap();
        let hour = |text| query.hour_of(Timestamp::parse(text).unwrap());
        assert_eq!(hour("2026-11-22T05:59:59.999Z"), None);
        assert_eq!(hour("2026-11-22T06:00:00Z"), Some(0));
        assert_eq!(hour("2026-11-22T13:59:59.999Z"), Some(7));
        assert_eq!(hour("2026-11-22T14:00:00Z"), None);
    }
}
