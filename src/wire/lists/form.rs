//! The parameters of the lists, as the published contract says them. `query.rs` reads them; the
//! tests hold the names and the words of both against each other.

use schemars::JsonSchema;

use super::Ending;
use crate::call::Timestamp;
use crate::engine::alert::AlertKind;
use crate::engine::effects::CallPhase;
use crate::engine::policy::Level;

/// Of `GET /v1/calls`.
#[derive(JsonSchema)]
pub struct CallParameters {
    /// Only calls that go on, or that are over.
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
    /// Only those that raised an alert, or only those that raised none.
    pub alerted: Option<bool>,
    /// Only those whose id, or the value of an attribute, is or begins with this, or in whose
    /// transcript each of these words (at most eight) is found. Case does not matter.
    pub q: Option<String>,
    /// The `next` of the part before.
    pub after: Option<String>,
    /// Most items of the answer: 100 when absent, at most 1000 unless the server allows more.
    #[schemars(range(min = 1))]
    pub limit: Option<u64>,
}

/// Of `GET /v1/calls/{call_id}`.
#[derive(JsonSchema)]
pub struct OneCallParameters {
    /// How the call is given; as its path ends when absent. It leaves no doubt where an id itself
    /// ends in `.vcon` or `.vtt`.
    pub format: Option<CallForm>,
}

/// How a call is given.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum CallForm {
    /// A `CallDetail`.
    Json,
    /// A vCon, of a call that has ended.
    Vcon,
    /// The transcript as WebVTT.
    Vtt,
}

/// Of `GET /v1/alerts`.
#[derive(JsonSchema)]
pub struct AlertParameters {
    /// Only those in this state of their life.
    pub state: Option<AlertStates>,
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
    /// The `next` of the part before.
    pub after: Option<String>,
    /// Most items of the answer: 100 when absent, at most 1000 unless the server allows more.
    #[schemars(range(min = 1))]
    pub limit: Option<u64>,
}

/// A state of an alert, or some at once.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum AlertStates {
    /// Raised, acknowledged or snoozed.
    Open,
    /// Resolved or retracted.
    Closed,
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

/// Of `GET /v1/shift`.
#[derive(JsonSchema)]
pub struct ShiftParameters {
    /// A moment of the first hour; eight hours before `to` when absent.
    pub from: Option<Timestamp>,
    /// The end, rounded up to a full hour UTC; now when absent. At most 31 days after `from`.
    pub to: Option<Timestamp>,
    /// Only of this queue.
    pub queue: Option<String>,
    /// Only of this team.
    pub team: Option<String>,
}
