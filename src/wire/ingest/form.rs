//! What a platform may send, as the published contract says it.
//!
//! The decoder reads by hand, for speed and for exact refusals, so these types exist for their
//! schema alone. `tests.rs` holds both against each other: what the schema allows is taken, and
//! what is refused as `bad_message` does not fit the schema.

use schemars::JsonSchema;
use serde_json::{Value, json};

use super::{MAX_MS, MAX_WHOLE};
use crate::call::{Outcome, Speaker, Timestamp};
use crate::engine::event::Attributes;

/// Ids of calls hold no control character.
const PRINTABLE: &str = r"^[^\u0000-\u001f\u007f-\u009f]+$";

/// A message of a call platform.
#[derive(JsonSchema)]
#[schemars(tag = "type", rename_all = "snake_case")]
pub enum PlatformMessage {
    /// Opens a call, or asks how far an open one got. Answered with `started`, after which the
    /// other fields of a call that was already open are ignored.
    CallStart {
        /// The platform's own id of the call. At most 256 bytes unless the server allows more.
        #[schemars(regex(pattern = PRINTABLE))]
        call_id: String,
        /// When the call began, by the platform's clock. Absent or null: now.
        started_at: Option<Timestamp>,
        /// Queue of the call. Names have at most 256 bytes unless the server allows more.
        queue: Option<String>,
        /// Team of the agent.
        team: Option<String>,
        /// The agent.
        agent_id: Option<String>,
        /// BCP 47 language of the words; English when absent. In a language that the model lacks
        /// risk and sentiment are null; rules still run.
        lang: Option<String>,
        /// An earlier call of the same customer.
        previous_call_id: Option<String>,
        /// Free attributes, at most 16384 bytes as JSON unless the server allows more.
        attributes: Option<Attributes>,
    },
    /// A piece of the transcript as it arrives. Answered with `ack` once it is durable.
    #[schemars(extend("if" = partial(), "then" = named()))]
    Chunk {
        /// The call.
        #[schemars(regex(pattern = PRINTABLE))]
        call_id: String,
        /// 1, 2, 3 … within the call, over `chunk`, `call_update` and `call_end`.
        #[schemars(range(min = 1, max = MAX_WHOLE))]
        seq: u64,
        /// The utterance it belongs to; a partial needs one. A later chunk of the same segment
        /// replaces the partial.
        segment_id: Option<String>,
        /// Who speaks.
        speaker: Speaker,
        /// Start, in milliseconds from the start of the call.
        #[schemars(range(min = -MAX_MS, max = MAX_MS))]
        start_ms: Option<i64>,
        /// End, in milliseconds from the start of the call.
        #[schemars(range(min = -MAX_MS, max = MAX_MS))]
        end_ms: Option<i64>,
        /// False for a partial, words that the recogniser may still change. True when absent.
        #[schemars(rename = "final")]
        is_final: Option<bool>,
        /// The recogniser's confidence, 0 … 1.
        confidence: Option<f64>,
        /// The words. Empty text is valid and changes nothing.
        text: String,
    },
    /// Changes queue, team, agent or attributes. What is absent stays, null clears.
    CallUpdate {
        /// The call.
        #[schemars(regex(pattern = PRINTABLE))]
        call_id: String,
        /// 1, 2, 3 … within the call.
        #[schemars(range(min = 1, max = MAX_WHOLE))]
        seq: u64,
        /// New queue.
        queue: Option<String>,
        /// New team.
        team: Option<String>,
        /// New agent.
        agent_id: Option<String>,
        /// Attributes to merge into those there are; null removes one.
        attributes: Option<Attributes>,
    },
    /// Ends the call for good.
    CallEnd {
        /// The call.
        #[schemars(regex(pattern = PRINTABLE))]
        call_id: String,
        /// 1, 2, 3 … within the call.
        #[schemars(range(min = 1, max = MAX_WHOLE))]
        seq: u64,
        /// Why it ended, in the platform's words.
        reason: Option<String>,
        /// How it ended, where the platform knows. Kept as a label for training.
        outcome: Option<Outcome>,
    },
}

/// A chunk that says `final: false`; only then must it name its segment.
fn partial() -> Value {
    json!({"properties": {"final": {"const": false}}, "required": ["final"]})
}

/// A chunk that names its segment.
fn named() -> Value {
    json!({"properties": {"segment_id": {"type": "string"}}, "required": ["segment_id"]})
}
