//! What an event did, for whoever has to tell somebody.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::alert::Alert;
use super::event::Attributes;
use super::policy::Level;
use crate::call::{Outcome, Speaker, Timestamp};
use crate::features::Tag;

/// Everything that one event changed. Nothing here has been sent or kept yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Effects {
    /// The score of the chunk, if the event was one.
    pub score: Option<Score>,
    /// The chunks as consoles show them; more than one when open partials were made final.
    pub said: Vec<Arc<Said>>,
    /// The call's risk, when it may have changed.
    pub risk: Option<RiskUpdate>,
    /// Alerts that changed, whole, in the order of the changes.
    pub alerts: Vec<Alert>,
    /// Alerts raised just now that an alert budget may hold: warnings that would disturb somebody.
    pub warned: Vec<String>,
    /// Set when consoles must hear about the call itself.
    pub call: Option<CallChange>,
    /// Rules over time that fired, as `rule:` and their id, whether or not an alert followed.
    pub rules: Vec<String>,
    /// What the limits of the call cut off.
    pub over: OverLimits,
}

/// What of an event was over a limit of its call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OverLimits {
    /// Partials passed over, because too many utterances are open.
    pub partials: u64,
    /// Final chunks kept without being scored, because the call has too many turns.
    pub unscored: u64,
    /// Repeated phrases of a chunk that are not shown.
    pub matches: u64,
    /// Chunks whose words can be quoted no more.
    pub unquotable: u64,
    /// Words that a rule would have had to remember, and that it does not count.
    pub mentions: u64,
    /// Finished utterances forgotten, so that a repeat of one would count as new.
    pub segments: u64,
}

/// `score` of the protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Score {
    /// The chunk.
    pub seq: u64,
    /// False for a provisional score.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// Of this chunk, as meant after what was said before it, −1 … 1; null unless the customer
    /// speaks the model's language.
    pub sentiment: Option<f64>,
    /// Calibrated probability that the call escalates, 0 … 1; null in a language the model lacks.
    pub risk: Option<f64>,
    /// The call's level; null below watch.
    pub level: Option<Level>,
    /// Categories whose phrases end in this chunk, and rules that fired with it as `rule:ID`.
    pub triggers: Vec<String>,
}

/// A chunk with what was seen in it: `chunk` of the console protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Said {
    /// The chunk.
    pub seq: u64,
    /// The utterance it belongs to; null when the platform named none.
    pub segment_id: Option<String>,
    /// False for a partial.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// Start in milliseconds from the start of the call; null when the platform gave none.
    pub start_ms: Option<i64>,
    /// End in milliseconds from the start of the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_ms: Option<i64>,
    /// Who speaks.
    pub speaker: Speaker,
    /// The words.
    pub text: Arc<str>,
    /// Of this chunk, as meant after what was said before it, −1 … 1; null unless the customer
    /// speaks the model's language.
    pub sentiment: Option<f64>,
    /// Risk of the call with this chunk, 0 … 1; null in a language the model lacks.
    pub risk: Option<f64>,
    /// Words that mattered.
    pub highlights: Vec<Highlight>,
    /// What the turn does, with this chunk.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acts: Vec<Tag>,
    /// A partial that was made final because the call ended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forced: bool,
}

/// Words that mattered in a chunk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Highlight {
    /// First Unicode code point of the text, from 0.
    pub start: u32,
    /// One past the last.
    pub end: u32,
    /// Name of the reason.
    pub why: String,
    /// Log-odds, where the feature is linear in the word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
}

/// The numbers of a call that move with every chunk, while nothing else of it changes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Highest `seq` taken.
    pub last_seq: u64,
    /// Call time reached, in milliseconds.
    pub at_ms: i64,
    /// Turns so far.
    pub turns: u32,
    /// Calibrated probability.
    pub risk: Option<f64>,
    /// Moving average over customer turns.
    pub sentiment: Option<f64>,
    /// Change of risk over the last three customer turns.
    pub trend: Option<f64>,
}

/// `risk` of the console protocol, without the call's id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RiskUpdate {
    /// Call time reached, in milliseconds from the start of the call.
    pub at_ms: i64,
    /// Calibrated probability that the call escalates, 0 … 1; null in a language the model lacks.
    pub risk: Option<f64>,
    /// Moving average over customer turns, −1 … 1; null until the customer has spoken.
    pub sentiment: Option<f64>,
    /// Change of risk over the last three customer turns; null while there is nothing to
    /// compare with.
    pub trend: Option<f64>,
    /// The call's level; null below watch.
    pub level: Option<Level>,
}

/// Which `call` message to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CallChange {
    /// It opened, or opened again.
    Started,
    /// Queue, team, agent, attributes, level or open alerts changed.
    Updated,
    /// It ended.
    Ended,
}

/// Whether a call goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CallPhase {
    /// It goes on.
    Open,
    /// It is over.
    Ended,
}

/// A call as consoles and REST show it: `call` of the protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CallView {
    /// The platform's id.
    pub call_id: String,
    /// Queue, null when none was named.
    pub queue: Option<String>,
    /// Team, null when none was named.
    pub team: Option<String>,
    /// Agent, null when none was named.
    pub agent_id: Option<String>,
    /// BCP 47 language, as the platform gave it; English when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lang: Option<String>,
    /// Free attributes.
    pub attributes: Attributes,
    /// Whether it goes on.
    pub state: CallPhase,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; null while it goes on.
    pub ended_at: Option<Timestamp>,
    /// Why it ended, `abandoned` or the platform's words; null while it goes on, or when it did
    /// not say.
    pub reason: Option<String>,
    /// How it ended, where the platform told.
    pub outcome: Option<Outcome>,
    /// Highest `seq` taken.
    pub last_seq: u64,
    /// Call time reached, in milliseconds from the start of the call.
    pub at_ms: i64,
    /// Turns so far.
    pub turns: u32,
    /// Calibrated probability that the call escalates, 0 … 1; null in a language the model lacks.
    pub risk: Option<f64>,
    /// Moving average over customer turns, −1 … 1; null until the customer has spoken.
    pub sentiment: Option<f64>,
    /// Change of risk over the last three customer turns; null while there is nothing to
    /// compare with.
    pub trend: Option<f64>,
    /// Level; null below watch.
    pub level: Option<Level>,
    /// Ids of its open alerts.
    pub alerts: Vec<String>,
    /// Name of the model that scores it.
    pub model: String,
}

impl CallView {
    /// Brings the numbers up to date; the rest has not changed.
    pub fn advance(&mut self, progress: &Progress) {
        let Progress { last_seq, at_ms, turns, risk, sentiment, trend } = *progress;
        (self.last_seq, self.at_ms, self.turns) = (last_seq, at_ms, turns);
        (self.risk, self.sentiment, self.trend) = (risk, sentiment, trend);
    }
}
