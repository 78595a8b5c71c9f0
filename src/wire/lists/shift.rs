//! The figures of a shift, as `GET /v1/shift` answers them.

use schemars::JsonSchema;
use serde::Serialize;

use crate::call::Timestamp;

/// Numbers of an hour, or of all hours. Calls count in the hour in which they began, alerts in
/// the hour in which they were raised, whatever became of them later.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Figures {
    /// Calls that began.
    pub calls: u64,
    /// Of those, the ones that escalated without any alert.
    pub missed: u64,
    /// Alerts, all of them.
    pub raised: u64,
    /// Of those, the ones that the team's budget holds back.
    pub held: u64,
    /// Resolved: the call escalated all the same.
    pub escalated: u64,
    /// Resolved: the warning helped.
    pub averted: u64,
    /// Resolved: there was nothing to see.
    pub false_alarm: u64,
    /// Resolved: another alert said the same.
    pub duplicate: u64,
    /// Resolved without an outcome.
    pub unjudged: u64,
    /// Taken back by the engine.
    pub retracted: u64,
    /// Not closed yet.
    pub open: u64,
}

/// One hour of a shift.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Hour {
    /// Its first moment, a full hour UTC.
    pub from: Timestamp,
    /// The first moment after it.
    pub to: Timestamp,
    /// Its numbers.
    #[serde(flatten)]
    pub figures: Figures,
}

/// What was raised in a shift, what became of it, and how fast somebody took it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Shift {
    /// The first moment, a full hour UTC.
    pub from: Timestamp,
    /// The first moment that is no more part of it, a full hour UTC.
    pub to: Timestamp,
    /// Each hour, the earliest first.
    pub hours: Vec<Hour>,
    /// The sums of the hours.
    pub totals: Figures,
    /// (escalated + averted) / (escalated + averted + false_alarm); null when nothing is judged.
    pub precision: Option<f64>,
    /// Alerts that somebody acknowledged.
    pub acknowledged: u64,
    /// How long half of those waited at most, in milliseconds; null when there are none.
    pub median_ms_to_acknowledge: Option<i64>,
    /// How long nine of ten waited at most, in milliseconds; null when there are none.
    pub p90_ms_to_acknowledge: Option<i64>,
}

impl Figures {
    /// The sum of both.
    pub fn plus(&self, other: &Figures) -> Figures {
        Figures {
            calls: self.calls + other.calls,
            missed: self.missed + other.missed,
            raised: self.raised + other.raised,
            held: self.held + other.held,
            escalated: self.escalated + other.escalated,
            averted: self.averted + other.averted,
            false_alarm: self.false_alarm + other.false_alarm,
            duplicate: self.duplicate + other.duplicate,
            unjudged: self.unjudged + other.unjudged,
            retracted: self.retracted + other.retracted,
            open: self.open + other.open,
        }
    }
}
