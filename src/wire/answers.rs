//! What the server says to a call platform.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Code, Problem};
use crate::engine::effects::Score;

/// A message to a call platform.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Answer<'a> {
    /// The first message on every connection.
    Ready {
        /// What the platform may rely on.
        limits: Limits,
    },
    /// A call is open (or known), and how far it got.
    Started {
        /// The call.
        call_id: &'a str,
        /// Highest `seq` that is durable.
        last_seq: u64,
        /// True when the call had been abandoned and goes on; absent otherwise.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        reopened: bool,
        /// True when the call was ended by `call_end` and takes nothing more; absent otherwise.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        ended: bool,
    },
    /// Everything up to `seq` is durable.
    Ack {
        /// The call.
        call_id: &'a str,
        /// Highest durable `seq`.
        seq: u64,
    },
    /// Something is missing; send again from `expected`.
    Nack {
        /// The call.
        call_id: &'a str,
        /// The `seq` that should have come.
        expected: u64,
    },
    /// What a chunk scored, for who asked by `?scores=true`.
    Score {
        /// The call.
        call_id: &'a str,
        /// The score itself.
        #[serde(flatten)]
        score: &'a Score,
    },
    /// A message was refused.
    Error {
        /// What kind of problem.
        code: Code,
        /// What is wrong and how to mend it.
        message: &'a str,
        /// The call, if it could be read.
        #[serde(skip_serializing_if = "Option::is_none")]
        call_id: Option<&'a str>,
        /// The message, if it could be read.
        #[serde(skip_serializing_if = "Option::is_none")]
        seq: Option<u64>,
        /// Whether the same message may succeed later. When false and `seq` is there, the message
        /// counts as received.
        temporary: bool,
    },
}

/// What a call platform may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Limits {
    /// Longest message in bytes; a longer one is answered with `too_large`.
    pub max_message_bytes: usize,
    /// Most open calls on the server.
    pub max_open_calls: usize,
    /// Most un-acked messages on a connection; past that the server stops reading.
    pub credits: usize,
    /// Most un-acked bytes on a connection.
    pub credit_bytes: usize,
}

impl<'a> Answer<'a> {
    /// The answer to a message that was refused.
    pub fn refused(problem: &'a Problem) -> Answer<'a> {
        Answer::Error {
            code: problem.code,
            message: &problem.message,
            call_id: problem.call_id.as_deref(),
            seq: problem.seq,
            temporary: problem.code.is_temporary(),
        }
    }

    /// The text of the frame.
    pub fn to_json(&self) -> String {
        super::console::to_json(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_read_as_in_the_protocol() {
        let started =
            Answer::Started { call_id: "c-7f3a", last_seq: 0, reopened: false, ended: false };
        assert_eq!(started.to_json(), r#"{"type":"started","call_id":"c-7f3a","last_seq":0}"#);
        let ack = Answer::Ack { call_id: "c-7f3a", seq: 17 };
        assert_eq!(ack.to_json(), r#"{"type":"ack","call_id":"c-7f3a","seq":17}"#);
        let score = Score {
            seq: 17,
            is_final: true,
            sentiment: Some(-0.62),
            risk: None,
            level: None,
            triggers: vec!["repeat_contact".into()],
        };
        assert_eq!(
            Answer::Score { call_id: "c", score: &score }.to_json(),
            r#"{"type":"score","call_id":"c","seq":17,"final":true,"sentiment":-0.62,"risk":null,"level":null,"triggers":["repeat_contact"]}"#
        );
        let problem = Problem {
            code: Code::BadMessage,
            message: "chunk: field `text` is missing".into(),
            call_id: Some("c-7f3a".into()),
            seq: Some(9),
        };
        assert_eq!(
            Answer::refused(&problem).to_json(),
            r#"{"type":"error","code":"bad_message","message":"chunk: field `text` is missing","call_id":"c-7f3a","seq":9,"temporary":false}"#
        );
    }
}
