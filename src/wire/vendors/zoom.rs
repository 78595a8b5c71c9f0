//! Zoom RTMS: transcript messages of the media socket.
//!
//! Schema: doc and samples (Zoom RTMS samples). Only finals, spoken by users who are known by
//! name and number: `roles=Jane Doe:agent`. Times are milliseconds in the text and microseconds
//! in one sample; their size tells.

use serde_json::Value;

use super::view::View;
use super::{Event, Reading, Said};

/// `msg_type` of a transcript.
const TRANSCRIPT: f64 = 17.0;

pub(super) fn read(message: View<'_>) -> Result<Reading, String> {
    if message.number("msg_type") != Some(TRANSCRIPT) {
        return Ok(Reading::default());
    }
    let content = message.get("content").ok_or("`content` is missing")?;
    let parsed: Option<Value> = content.0.as_str().and_then(|text| serde_json::from_str(text).ok());
    let content = parsed.as_ref().map_or(content, View);
    let text = content.str("data").ok_or("`content.data` is missing")?;
    let user = content.name("user_id").unwrap_or_default();
    let said = Said {
        track: user.clone(),
        speaker: content.name("user_name").into_iter().chain([user]).collect(),
        start: content.moment("start_time").or_else(|| content.moment("timestamp")),
        end: content.moment("end_time"),
        is_final: true,
        text: text.to_owned(),
        ..Said::default()
    };
    let call = message.name("rtms_stream_id").or_else(|| message.name("meeting_uuid"));
    Ok(Reading { call, events: vec![Event::Said(said)], ..Reading::default() })
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use crate::wire::vendors::Format;
    use crate::wire::vendors::tests::told;

    fn said(user: u64, name: &str, start: u64, text: &str) -> Value {
        json!({"msg_type": 17, "content": {"user_id": user, "user_name": name,
            "start_time": start, "end_time": start + 2_000, "timestamp": start + 2_100,
            "language": 9, "data": text}})
    }

    pub fn call() -> Vec<Value> {
        vec![
            said(1, "Jane Doe", 1_795_318_801_000, "Thank you for calling."),
            json!({"msg_type": 12, "timestamp": 1_795_318_802_000_u64}),
            said(2, "Customer", 1_795_318_812_400, "I want to cancel."),
        ]
    }

    #[test]
    fn users_are_known_by_name() {
        assert_eq!(
            told(Format::Zoom, "jane doe:agent", &call()),
            [
                "start zoom-n",
                "#1 agent 0-2000 Thank you for calling.",
                "#2 customer 11400-13400 I want to cancel.",
            ]
        );
    }
}
