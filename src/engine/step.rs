//! What happened in one step of an alert's life, read from its history.
//!
//! The history is what people read: its words are given out here, so that programs can tell the
//! steps apart.

use serde::{Deserialize, Serialize};

use super::alert::{Alert, AlertState, HistoryEntry};

pub(super) const CONFIRMED: &str = "confirmed";
pub(super) const HAND_AGAIN: &str = "hand raised again";
pub(super) const RELEASED: &str = "released";
pub(super) const SNOOZE_OVER: &str = "snooze over";
/// Begins what is said of an alert that was given to somebody.
pub(super) const ASSIGNED: &str = "assigned to ";
/// Begins what is said of a level that rose.
pub(super) const LEVEL: &str = "level ";
/// Begins what is said of an alert whose time in a tier is over.
pub(super) const TIER: &str = "tier ";
/// Begins what is said of an alert in a tier where nobody is.
pub(super) const NOBODY: &str = "nobody of tier ";

/// A step in the life of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// It is new.
    Raised,
    /// The budget has room for it: from here on it disturbs.
    Released,
    /// Final words say the same as the partial that raised it.
    Confirmed,
    /// Its level rose.
    Lifted,
    /// The next tier is told.
    PassedOn,
    /// Somebody gave it to somebody.
    Assigned,
    /// Somebody has it.
    Acknowledged,
    /// Put off, for everybody.
    Snoozed,
    /// It is back from a snooze.
    Woken,
    /// A hand was raised again while it is open.
    Noted,
    /// Its call changed queue, team or agent.
    Moved,
    /// Closed by a person or by the end of the call.
    Resolved,
    /// Taken back by the engine.
    Retracted,
}

impl Step {
    /// The newest step of an alert of whose history the first `told` entries are known already.
    /// A change without an entry is a move of its call.
    pub fn newest(alert: &Alert, told: usize) -> Step {
        match alert.history.last() {
            Some(last) if alert.history.len() > told => Step::of(last, alert.history.len() == 1),
            _ => Step::Moved,
        }
    }

    fn of(entry: &HistoryEntry, is_first: bool) -> Step {
        let what = entry.what.as_deref().unwrap_or_default();
        match (entry.state, what) {
            _ if is_first => Step::Raised,
            (AlertState::Resolved, _) => Step::Resolved,
            (AlertState::Retracted, _) => Step::Retracted,
            (_, CONFIRMED) => Step::Confirmed,
            (_, RELEASED) => Step::Released,
            (_, SNOOZE_OVER) => Step::Woken,
            (_, HAND_AGAIN) => Step::Noted,
            _ if what.starts_with(ASSIGNED) => Step::Assigned,
            _ if what.starts_with(LEVEL) => Step::Lifted,
            _ if what.starts_with(TIER) || what.starts_with(NOBODY) => Step::PassedOn,
            (AlertState::Acknowledged, _) => Step::Acknowledged,
            (AlertState::Snoozed, _) => Step::Snoozed,
            (AlertState::Raised, _) => Step::Raised,
        }
    }

    /// The name as programs read it.
    pub fn name(self) -> &'static str {
        match self {
            Step::Raised => "raised",
            Step::Released => "released",
            Step::Confirmed => "confirmed",
            Step::Lifted => "lifted",
            Step::PassedOn => "passed_on",
            Step::Assigned => "assigned",
            Step::Acknowledged => "acknowledged",
            Step::Snoozed => "snoozed",
            Step::Woken => "woken",
            Step::Noted => "noted",
            Step::Moved => "moved",
            Step::Resolved => "resolved",
            Step::Retracted => "retracted",
        }
    }
}
