//! An alert as people and programs see it.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event::Resolution;
use super::matrix::Route;
use super::policy::Level;
use crate::call::{Speaker, Timestamp};

/// Why an alert exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlertKind {
    /// The calibrated probability crossed its threshold.
    Risk,
    /// A phrase or rule fired.
    Trigger,
    /// Somebody asked for help.
    Manual,
}

/// Where an alert is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    /// Nobody has taken it.
    Raised,
    /// Somebody has it.
    Acknowledged,
    /// Put off, for everybody.
    Snoozed,
    /// Closed by a person or by the end of the call.
    Resolved,
    /// Taken back by the engine.
    Retracted,
}

impl AlertState {
    /// Whether something may still happen to it.
    pub fn is_open(self) -> bool {
        !matches!(self, AlertState::Resolved | AlertState::Retracted)
    }
}

/// An alert: how likely, why, and what to do next. Field for field the `alert` of the protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Alert {
    /// Derived from call, key and seq, so repeated work raises nothing twice.
    pub alert_id: String,
    /// What it is about, `c-7f3a/risk` for example. At most one alert is open per key.
    pub dedup_key: String,
    /// The call.
    pub call_id: String,
    /// Queue of its call, null when none was named; an open alert moves with the call.
    pub queue: Option<String>,
    /// Team of its call, null when none was named.
    pub team: Option<String>,
    /// Agent of its call, null when none was named.
    pub agent_id: Option<String>,
    /// Why it exists.
    pub kind: AlertKind,
    /// How urgent.
    pub level: Level,
    /// Where it is in its life.
    pub state: AlertState,
    /// Raised on words that the recogniser may still take back.
    pub provisional: bool,
    /// Over the team's budget: listed, but nobody is disturbed.
    pub held: bool,
    /// Tier of the escalation matrix, from 1.
    pub tier: u32,
    /// Who is told, `team:t1:supervisors` for example; empty while it is held.
    pub notify: Vec<String>,
    /// Who has it; null while nobody does.
    pub owner: Option<String>,
    /// Calibrated probability that the call escalates, 0 … 1; null where no probability stands
    /// behind the alert.
    pub risk: Option<f64>,
    /// The probability at which it fires; null as `risk` is.
    pub threshold: Option<f64>,
    /// The model's own log-odds, before calibration and prior shift; null as `risk` is.
    pub log_odds: Option<f64>,
    /// The model's intercept; with the contributions it sums to `log_odds`. Null as `risk` is.
    pub intercept: Option<f64>,
    /// Moving average over customer turns, −1 … 1; null until the customer has spoken.
    pub sentiment: Option<f64>,
    /// Change of risk over the last three customer turns; null while there is nothing to
    /// compare with.
    pub trend: Option<f64>,
    /// When it was raised.
    pub raised_at: Timestamp,
    /// When it was raised, in milliseconds from the start of the call.
    pub at_ms: i64,
    /// The chunk that raised it.
    pub seq: u64,
    /// What moved it: first what somebody can act on, then the rest, each by size; `other` sums
    /// what is not listed.
    pub reasons: Vec<Reason>,
    /// What to say or do next.
    pub guidance: Vec<Guidance>,
    /// Escalate or resolve, and why; null when the playbook has no answer.
    pub recommendation: Option<Recommendation>,
    /// Everything that happened to it.
    pub history: Vec<HistoryEntry>,
    /// When a snoozed alert comes back; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snoozed_until: Option<Timestamp>,
    /// When the next tier is told, unless somebody acknowledges or snoozes it before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_tier_at: Option<Timestamp>,
    /// Name of the matrix's rule that says who is told; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Which way that rule leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Route>,
    /// What became of it; null while it is open, or when nobody said.
    #[serde(default)]
    pub outcome: Option<Resolution>,
}

/// One reason and what it contributed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// Name of the feature group, `trigger:repeat_contact` or `act:refu` for example.
    pub feature: String,
    /// What people read.
    pub label: String,
    /// Log-odds; 0 on alerts that no probability stands behind.
    pub contribution: f64,
    /// The words it rests on.
    pub quotes: Vec<Quote>,
}

/// Words of the transcript.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Quote {
    /// The chunk.
    pub seq: u64,
    /// Who said it.
    pub speaker: Speaker,
    /// The words.
    pub text: String,
    /// First Unicode code point within the chunk's text, from 0.
    pub start: u32,
    /// One past the last.
    pub end: u32,
}

/// A piece of advice: for the agent, and for the supervisor. Its texts are those of the playbook, which
/// all alerts share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Guidance {
    /// A few words.
    pub title: Arc<str>,
    /// What the agent can say or do.
    pub say: Arc<str>,
    /// What the agent should leave.
    pub avoid: Arc<str>,
    /// What the supervisor can do meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supervisor: Option<Arc<str>>,
    /// The reason it answers.
    pub because: String,
}

/// Which way to take the call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recommendation {
    /// `resolve` or `escalate`.
    #[serde(rename = "do")]
    pub action: String,
    /// Why.
    pub because: Arc<str>,
}

/// One step in the life of an alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryEntry {
    /// State after it.
    pub state: AlertState,
    /// When.
    pub at: Timestamp,
    /// `engine` or a person.
    pub by: String,
    /// What happened, where the state alone does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// Free text of the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
