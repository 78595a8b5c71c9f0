//! What a platform's message led to, and the words of refusals.

use std::sync::Arc;

use crate::engine::effects::Score;
use crate::wire::{Code, Problem};

/// What a message led to.
#[derive(Debug, Default, PartialEq)]
pub struct Taken {
    /// To send at once.
    pub now: Option<Now>,
    /// To send once everything up to the ticket is durable.
    pub later: Option<(u64, Later)>,
    /// The message was not taken: this call may be on another node, and must be brought here
    /// first, see [`Platform::bring`](super::Platform::bring).
    pub elsewhere: Option<Arc<str>>,
}

/// An answer that waits for nothing.
#[derive(Debug, PartialEq)]
pub enum Now {
    /// Something is missing.
    Nack {
        /// The call.
        call_id: Arc<str>,
        /// The `seq` that should have come.
        expected: u64,
    },
    /// The message was refused.
    Refused(Problem),
}

/// An answer that waits for a commit.
#[derive(Debug, PartialEq)]
pub enum Later {
    /// `started`.
    Started {
        /// The call.
        call_id: Arc<str>,
        /// Highest `seq` of the call.
        last_seq: u64,
        /// It had been abandoned.
        reopened: bool,
        /// It is over.
        ended: bool,
    },
    /// `ack`, and the score of the chunk.
    Ack {
        /// The call.
        call_id: Arc<str>,
        /// What is acked.
        seq: u64,
        /// For who asked for scores.
        score: Option<Box<Score>>,
    },
}

impl Later {
    /// The call it is about.
    pub fn call_id(&self) -> &Arc<str> {
        match self {
            Later::Started { call_id, .. } | Later::Ack { call_id, .. } => call_id,
        }
    }
}

impl Taken {
    pub(super) fn refused(problem: Problem) -> Taken {
        Taken { now: Some(Now::Refused(problem)), ..Taken::default() }
    }

    pub(super) fn elsewhere(call_id: &str) -> Taken {
        Taken { elsewhere: Some(call_id.into()), ..Taken::default() }
    }
}

/// The ack of everything up to `seq`, once the ticket is durable.
pub(super) fn ack(ticket: u64, call_id: Arc<str>, seq: u64, score: Option<Box<Score>>) -> Taken {
    Taken { later: Some((ticket, Later::Ack { call_id, seq, score })), ..Taken::default() }
}

/// What is said of a call that this connection does not have, or must not.
pub(super) fn unknown(call_id: &str) -> String {
    format!("call `{call_id}` is not open on this connection; send call_start first")
}

/// A problem with a message of that call.
pub(super) fn address(code: Code, message: String, call_id: &str, seq: Option<u64>) -> Problem {
    Problem { code, message, call_id: Some(call_id.to_owned()), seq }
}

/// The answer to a message that the engine failed on.
pub(super) fn internal(call_id: &str, seq: u64) -> Problem {
    let text = format!(
        "the server failed on message {seq} of call `{call_id}`, which is our fault; it counts as \
         received, go on with the next"
    );
    address(Code::Internal, text, call_id, Some(seq))
}

/// The answer to a connection that lost a call.
pub(super) fn taken_over(call_id: &str, seq: Option<u64>) -> Problem {
    let text = format!("call `{call_id}` was started on another connection, which holds it now");
    address(Code::TakenOver, text, call_id, seq)
}

/// The answer to a call for which there is no room.
pub(super) fn too_many(call_id: String, limit: usize, place: &str) -> Problem {
    let text = format!("{limit} calls are open {place}, the most that may be; try again later");
    address(Code::TooManyCalls, text, &call_id, None)
}
