//! Messages of a call platform as they go out, and the server's answers as they come in.
//!
//! Lenient where the protocol allows the server to grow: unknown types and fields are skipped.

use serde::{Deserialize, Serialize};

use crate::call::{Outcome, Speaker};
use crate::engine::effects::Score;

/// A message to the server.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Outgoing<'a> {
    /// Opens a call, or comes back to it.
    CallStart {
        call_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        queue: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        team: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        agent_id: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        lang: Option<&'a str>,
    },
    /// One turn.
    Chunk {
        call_id: &'a str,
        seq: u64,
        speaker: Speaker,
        #[serde(skip_serializing_if = "Option::is_none")]
        start_ms: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        end_ms: Option<i64>,
        #[serde(rename = "final")]
        is_final: bool,
        text: &'a str,
    },
    /// The last message of a call.
    CallEnd {
        call_id: &'a str,
        seq: u64,
        reason: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        outcome: Option<&'a Outcome>,
    },
}

impl Outgoing<'_> {
    /// The text of the frame.
    pub fn to_json(&self) -> String {
        // Plain structs with string keys: there is nothing in them that could fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What the server says to a call platform.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Incoming {
    /// The first message.
    Ready { limits: Limits },
    /// A call is open, or over, and how far it got.
    Started {
        call_id: String,
        last_seq: u64,
        #[serde(default)]
        ended: bool,
    },
    /// Everything up to `seq` is durable.
    Ack { call_id: String, seq: u64 },
    /// Send again from `expected`.
    Nack { call_id: String, expected: u64 },
    /// What a chunk scored.
    Score(Scored),
    /// A message was refused.
    Error {
        code: String,
        #[serde(default)]
        message: String,
        call_id: Option<String>,
        seq: Option<u64>,
        #[serde(default)]
        temporary: bool,
    },
    /// A type of a later version.
    #[serde(other)]
    Unknown,
}

/// How much may be under way on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Limits {
    /// Most un-acked messages.
    pub credits: usize,
    /// Most un-acked bytes.
    pub credit_bytes: usize,
}

impl Default for Limits {
    /// Modest, for a server that names none.
    fn default() -> Self {
        Limits { credits: 64, credit_bytes: 1 << 20 }
    }
}

/// The score of a chunk: `score` of the protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// The call.
    pub call_id: String,
    /// The numbers, as they came.
    #[serde(flatten)]
    pub score: Score,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answers_of_the_protocol_are_understood() {
        let read = |text| serde_json::from_str::<Incoming>(text).unwrap();
        assert_eq!(
            read(
                r#"{"type":"ready","limits":{"max_message_bytes":65536,"max_open_calls":10000,
                "credits":1024,"credit_bytes":4194304}}"#
            ),
            Incoming::Ready { limits: Limits { credits: 1024, credit_bytes: 4_194_304 } }
        );
        assert_eq!(
            read(r#"{"type":"started","call_id":"c","last_seq":0,"reopened":true}"#),
            Incoming::Started { call_id: "c".into(), last_seq: 0, ended: false }
        );
        assert_eq!(
            read(r#"{"type":"error","code":"bad_json","message":"m","temporary":false}"#),
            Incoming::Error {
                code: "bad_json".into(),
                message: "m".into(),
                call_id: None,
                seq: None,
                temporary: false
            }
        );
        assert_eq!(read(r#"{"type":"of tomorrow","x":1}"#), Incoming::Unknown);
    }

    #[test]
    fn scores_keep_every_bit() {
        let line = r#"{"call_id":"c","seq":17,"final":true,"sentiment":-0.6199999999999999,"risk":0.05136214587234567,"level":"watch","triggers":["repeat_contact"]}"#;
        let with_type = line.replacen('{', r#"{"type":"score","#, 1);
        let Incoming::Score(scored) = serde_json::from_str(&with_type).unwrap() else { panic!() };
        assert_eq!(serde_json::to_string(&scored).unwrap(), line);
    }
}
