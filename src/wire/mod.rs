//! Protocol v1 messages: text of a frame in, typed message out, and the other way round.
//!
//! Pure functions over text. Knows nothing of sockets, calls in progress, or the order of
//! messages; the types it hands on are those of `engine`.

pub mod answers;
pub mod audit;
pub mod bodies;
pub mod commands;
pub mod console;
pub mod contracts;
pub mod exports;
mod fields;
pub mod ingest;
pub mod lists;
mod repair;
mod scope;
pub mod vendors;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use commands::{Command, Filter, Request, RequestId, Since};
pub use ingest::{Body, Message, decode, refuse_too_large};
pub use scope::{Place, Scopes};

/// Limits on single messages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Longest message that is looked at; a longer one is answered with `too_large`. A chunk
    /// is a few hundred bytes, so the default of 65536 leaves room for any real utterance;
    /// raising it raises what one bad client can make the server hold.
    pub max_message_bytes: usize,
    /// Longest `call_id` in bytes. It is repeated in every message about the call.
    pub max_call_id_bytes: usize,
    /// Longest of the other names: queue, team, agent, segment.
    pub max_name_bytes: usize,
    /// Most attribute bytes (as JSON) in one message.
    pub max_attributes_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            max_message_bytes: 65_536,
            max_call_id_bytes: 256,
            max_name_bytes: 256,
            max_attributes_bytes: 16_384,
        }
    }
}

impl Settings {
    /// # Errors
    /// A sentence naming the first setting that cannot be used.
    pub fn check(&self) -> Result<(), String> {
        let limits = [
            ("max_message_bytes", self.max_message_bytes, 1_024),
            ("max_call_id_bytes", self.max_call_id_bytes, 1),
            ("max_name_bytes", self.max_name_bytes, 1),
        ];
        match limits.into_iter().find(|(_, value, least)| value < least) {
            Some((name, value, least)) => {
                Err(format!("`{name}` is {value}; nothing would fit, set at least {least}"))
            }
            None => Ok(()),
        }
    }
}

/// Error codes of the ingest protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// Not JSON.
    BadJson,
    /// JSON, but not a message of the protocol.
    BadMessage,
    /// A `type` that does not exist.
    UnknownType,
    /// A call that this connection has not started.
    UnknownCall,
    /// The call was ended by `call_end`.
    CallEnded,
    /// Another connection holds the call now.
    TakenOver,
    /// Over `max_message_bytes`.
    TooLarge,
    /// Not allowed.
    Forbidden,
    /// Over `max_open_calls`.
    TooManyCalls,
    /// Our fault. The message counts as received: the same one would fail again.
    Internal,
}

impl Code {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Code::BadJson => "bad_json",
            Code::BadMessage => "bad_message",
            Code::UnknownType => "unknown_type",
            Code::UnknownCall => "unknown_call",
            Code::CallEnded => "call_ended",
            Code::TakenOver => "taken_over",
            Code::TooLarge => "too_large",
            Code::Forbidden => "forbidden",
            Code::TooManyCalls => "too_many_calls",
            Code::Internal => "internal",
        }
    }

    /// Whether the same message may succeed later.
    pub fn is_temporary(self) -> bool {
        self == Code::TooManyCalls
    }
}

/// Why a message was refused, with as much of its address as could be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// What kind of problem.
    pub code: Code,
    /// What is wrong, where, and how to mend it.
    pub message: String,
    /// The call it spoke of, if that could be read.
    pub call_id: Option<String>,
    /// Its place in the call, if that could be read.
    pub seq: Option<u64>,
}

impl Problem {
    /// A problem without an address.
    pub fn new(code: Code, message: impl Into<String>) -> Problem {
        Problem { code, message: message.into(), call_id: None, seq: None }
    }
}
