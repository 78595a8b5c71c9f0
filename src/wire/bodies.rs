//! Bodies of REST beside the lists.

use schemars::JsonSchema;
use serde::Serialize;

use crate::engine::TurnScore;

/// Why a request was not done. Every answer from 400 on has this body, but that of `/readyz`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ErrorBody<'a> {
    /// For programs: `bad_request`, `not_found` or `overloaded` for example.
    pub code: &'a str,
    /// For people: what is wrong, where, and how to mend it.
    pub message: &'a str,
}

/// What `GET /healthz` answers.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Alive {
    /// Always `ok`.
    pub status: &'static str,
}

/// What `GET /readyz` answers.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Readiness<'a> {
    /// `ready`, `draining`, or what is wrong with the journal.
    pub status: &'a str,
    /// Name of the model that scores calls.
    pub model: &'a str,
    /// Whether the journal can be written.
    pub journal: bool,
    /// Hash of the rules that calls begin with.
    pub ruleset: &'a str,
    /// Why the latest rules are not in use; absent when they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// What `DELETE /v1/calls/{call_id}` and `DELETE /v1/customers/{key}` answer: what was erased.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ErasedBody<'a> {
    /// The calls.
    pub calls: &'a [std::sync::Arc<str>],
    /// Events of the log and rows of transcripts.
    pub lines: u64,
    /// Alerts of ended calls.
    pub alerts: u64,
    /// Messages that waited for destinations and will not be sent.
    pub waiting: u64,
    /// Destinations that may have been told of the calls before.
    pub destinations: &'a [std::sync::Arc<str>],
}

/// What `POST /v1/score` answers: the timeline of a recorded call.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ScoredCall<'a> {
    /// The call's `id`.
    pub call_id: &'a str,
    /// What the engine said after each turn, in order; turns from an escalation on included.
    pub turns: Vec<TurnScore>,
}
