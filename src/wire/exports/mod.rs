//! Calls and alerts in the forms that other programs read.
//!
//! [`vcon`] and [`webvtt`] write one call for programs of its field; [`corpus`] writes it as a line
//! that `score`, `evaluate` and `train` read; [`tables`] has calls, transcripts and alerts as rows.
//! Pure: a call with its transcript in, text out.

pub mod corpus;
pub mod tables;
mod times;
pub mod vcon;
pub mod webvtt;

use crate::call::Speaker;

/// Most bytes of transcript text in one export; what is older is left out, and the export says so.
pub const MAX_TEXT_BYTES: usize = 16 << 20;
/// Most chunks in one export, for the same reason.
pub const MAX_CHUNKS: usize = 100_000;

/// A speaker as a label that people read.
fn label(speaker: Speaker) -> &'static str {
    match speaker {
        Speaker::Customer => "Customer",
        Speaker::Agent => "Agent",
        Speaker::Supervisor => "Supervisor",
        Speaker::Other => "Other",
    }
}

#[cfg(test)]
mod samples {
    //! A call to try the encoders on.

    use std::sync::Arc;

    use serde_json::{Value, json};

    use crate::wire::lists::CallDetail;

    /// An ended call that said this: speaker, start, end, text.
    pub fn call(said: &[(&str, Option<i64>, Option<i64>, &str)]) -> CallDetail {
        let view = json!({"call_id": "c-7", "queue": "billing", "team": "t1", "agent_id": "a17",
            "lang": "en-GB", "attributes": {"tier": "gold"}, "state": "ended",
            "started_at": "2026-11-22T03:40:00Z", "ended_at": "2026-11-22T03:43:00Z",
            "reason": "completed", "outcome": {"escalated": true, "turn": 1}, "last_seq": 9,
            "at_ms": 15_100, "turns": 2, "risk": 0.25, "sentiment": -0.5, "trend": -0.05,
            "level": "watch", "alerts": [], "model": "en-acts-2"});
        let chunk = |(seq, (speaker, start, end, text)): (u64, &(_, _, _, _))| -> Value {
            json!({"seq": seq, "segment_id": null, "final": true, "start_ms": start,
                "end_ms": end, "speaker": speaker, "text": text, "sentiment": -0.5, "risk": 0.25,
                "highlights": []})
        };
        let read = |value| Arc::new(serde_json::from_value(value).unwrap());
        CallDetail {
            number: 7,
            whole: true,
            view: Arc::new(serde_json::from_value(view).unwrap()),
            transcript: (1..).zip(said).map(chunk).map(read).collect(),
            alert_list: vec![Arc::new(serde_json::from_value(alert()).unwrap())],
        }
    }

    /// An alert that somebody took and resolved.
    pub fn alert() -> Value {
        json!({"alert_id": "al-1", "dedup_key": "k", "call_id": "c-7", "queue": "billing",
            "team": "t1", "agent_id": "a17", "kind": "risk", "level": "warning",
            "state": "resolved", "provisional": false, "held": false, "tier": 1, "notify": [],
            "owner": "ana", "risk": 0.6, "threshold": 0.5, "log_odds": 0.4, "intercept": -2.0,
            "sentiment": -0.3, "trend": 0.1, "raised_at": "2026-11-22T03:41:00Z", "at_ms": 9_000,
            "seq": 1, "reasons": [{"feature": "act:refu", "label": "the agent refuses",
            "contribution": 0.4, "quotes": []}], "guidance": [],
            "recommendation": {"do": "resolve", "because": "it can be mended"},
            "history": [{"state": "raised", "at": "2026-11-22T03:41:00Z", "by": "engine"},
                {"state": "acknowledged", "at": "2026-11-22T03:41:20Z", "by": "ana"},
                {"state": "resolved", "at": "2026-11-22T03:50:00Z", "by": "ana",
                    "note": "=credited"}],
            "outcome": "averted"})
    }
}
