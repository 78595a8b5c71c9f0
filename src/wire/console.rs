//! What the server says to consoles.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::commands::RequestId;
use crate::engine::alert::Alert;
use crate::engine::effects::{CallChange, CallView, RiskUpdate, Said};

/// A message to a console.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Notice<'a> {
    /// The first message on every connection.
    Hello {
        /// Names the journal; give it back in `since`.
        epoch: &'a str,
        /// The newest offset.
        offset: u64,
        /// Who the console is.
        user: &'a str,
        /// What it may see, `queue:billing` for example; empty for everything.
        scopes: &'a [String],
    },
    /// The state of things, in parts, or the promise that nothing is missing.
    Snapshot {
        /// The id of the `subscribe`.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a RequestId>,
        /// True when the missed messages follow instead of lists.
        recovered: bool,
        /// The offset this picture was taken at.
        offset: u64,
        /// 1, 2, 3 …
        part: usize,
        /// Whether this is the last part.
        last: bool,
        /// Calls of this part; absent when `recovered`.
        #[serde(skip_serializing_if = "Option::is_none")]
        calls: Option<&'a [std::sync::Arc<CallView>]>,
        /// Alerts of this part; absent when `recovered`.
        #[serde(skip_serializing_if = "Option::is_none")]
        alerts: Option<&'a [std::sync::Arc<Alert>]>,
    },
    /// An alert was raised or changed.
    Alert {
        /// Its place in the order of all messages of the epoch.
        offset: u64,
        /// The alert, whole.
        alert: LiveAlert<'a>,
    },
    /// A call changed.
    Call {
        /// Its place in the order of all messages of the epoch.
        offset: u64,
        /// What happened.
        event: CallChange,
        /// The call, whole.
        call: &'a CallView,
    },
    /// The risk of a call moved.
    Risk {
        /// The call.
        call_id: &'a str,
        /// The numbers.
        #[serde(flatten)]
        risk: &'a RiskUpdate,
    },
    /// Something was said in a watched call. A later one of the same `segment_id` replaces it.
    Chunk {
        /// The call.
        call_id: &'a str,
        /// What was said.
        #[serde(flatten)]
        said: &'a Said,
        /// Said before the console began to watch.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        past: bool,
        /// Final chunks before this one were dropped; fetch the call by REST.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        gap: bool,
    },
    /// A call was erased for good: forget it, its words and its alerts.
    Erased {
        /// The call.
        call_id: &'a str,
    },
    /// The answer to a command.
    Reply {
        /// The command's own id.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a RequestId>,
        /// Whether it was done.
        ok: bool,
        /// Why not, for programs: `already_acknowledged`, `already_resolved`, `not_found`,
        /// `forbidden`, `bad_message` or `rate_limited`.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<&'a str>,
        /// Why not, for people.
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<&'a str>,
    },
}

/// An alert as it goes out live.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct LiveAlert<'a> {
    /// The alert.
    #[serde(flatten)]
    pub alert: &'a Alert,
    /// Where the time went. Live only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_us: Option<Latency>,
}

/// Where the time between a chunk and its alert went, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Latency {
    /// From the read of the frame to the start of scoring.
    pub queue: u64,
    /// Scoring and policy.
    pub score: u64,
    /// From there to the commit.
    pub journal: u64,
    /// From the read to the hand-over to consoles.
    pub total: u64,
}

impl<'a> Notice<'a> {
    /// The reply to a command that was done.
    pub fn done(id: Option<&'a RequestId>) -> Notice<'a> {
        Notice::Reply { id, ok: true, code: None, message: None }
    }

    /// The reply to a command that was refused.
    pub fn refused(id: Option<&'a RequestId>, code: &'a str, message: &'a str) -> Notice<'a> {
        Notice::Reply { id, ok: false, code: Some(code), message: Some(message) }
    }

    /// The text of the frame.
    pub fn to_json(&self) -> String {
        to_json(self)
    }
}

/// JSON of one of our own message types.
pub(super) fn to_json<T: Serialize>(message: &T) -> String {
    // Only maps with keys that are no strings, or a failing Serialize, could fail; our messages
    // have neither.
    serde_json::to_string(message).unwrap_or_else(|_| Value::Null.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_echo_the_id_as_it_came() {
        let text = RequestId::Text("5".into());
        assert_eq!(
            Notice::refused(Some(&text), "already_acknowledged", "by sup-2 at 03:41:07").to_json(),
            r#"{"type":"reply","id":"5","ok":false,"code":"already_acknowledged","message":"by sup-2 at 03:41:07"}"#
        );
        let number = RequestId::Number(5.into());
        assert_eq!(Notice::done(Some(&number)).to_json(), r#"{"type":"reply","id":5,"ok":true}"#);
    }

    #[test]
    fn a_recovered_snapshot_has_no_lists() {
        let notice = Notice::Snapshot {
            id: None,
            recovered: true,
            offset: 7,
            part: 1,
            last: true,
            calls: None,
            alerts: None,
        };
        assert_eq!(
            notice.to_json(),
            r#"{"type":"snapshot","recovered":true,"offset":7,"part":1,"last":true}"#
        );
    }
}
