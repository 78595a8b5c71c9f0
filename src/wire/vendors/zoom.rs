//! Zoom RTMS: transcript messages of the media socket.
//!
//! Schema: doc and samples (Zoom RTMS samples). Only finals, spoken by users who are known by
//! name and number: `roles=Jane Doe:agent`. Times are milliseconds in the text and microseconds
//! in one sample; their size tells.

use serde_json::Value;

use super::view::View;
use super::{About, Event, Reading, Said, Time};
use crate::call::Timestamp;

/// `msg_type` of a transcript.
const TRANSCRIPT: f64 = 17.0;

/// `msg_type` of events; the first of them says when the session began.
const EVENT: f64 = 6.0;
/// `msg_type` of a stream's new state, and the state after which nothing comes.
const STREAM_STATE: f64 = 8.0;
const TERMINATED: f64 = 4.0;

pub(super) fn read(message: View<'_>) -> Result<Reading, String> {
    if let Some(name) = message.str("event") {
        return Ok(webhook(name, message.get("payload").unwrap_or(message)));
    }
    let kind = message.number("msg_type");
    // A bridge may send the content alone.
    let alone = message.get("user_name").and(message.get("data")).map(|_| message);
    let content = match kind {
        Some(TRANSCRIPT) => message.get("content").ok_or("`content` is missing")?,
        None if alone.is_some() => message,
        Some(EVENT) => return Ok(first_moment(message)),
        Some(STREAM_STATE) if message.number("state") == Some(TERMINATED) => {
            let events = vec![Event::End { reason: None }];
            return Ok(Reading { call: call(message), events, ..Reading::default() });
        }
        _ => return Ok(Reading::default()),
    };
    let parsed: Option<Value> = content.0.as_str().and_then(|text| serde_json::from_str(text).ok());
    let content = parsed.as_ref().map_or(content, View);
    let said = Event::Said(said(content)?);
    Ok(Reading { call: call(message), events: vec![said], ..Reading::default() })
}

/// The webhooks that tell of a stream's start and end.
fn webhook(name: &str, payload: View<'_>) -> Reading {
    let events = match name {
        name if name.ends_with("rtms_started") => vec![Event::Start],
        name if name.ends_with("rtms_stopped") => vec![Event::End { reason: None }],
        _ => Vec::new(),
    };
    Reading { call: call(payload), events, ..Reading::default() }
}

fn call(message: View<'_>) -> Option<String> {
    message.name("rtms_stream_id").or_else(|| message.name("meeting_uuid"))
}

/// The moment that the signalling socket names first.
fn first_moment(message: View<'_>) -> Reading {
    let event = message.get("event").filter(|event| event.number("event_type") == Some(1.0));
    let Some(Time::Wall(ms)) = event.and_then(|event| event.moment("timestamp")) else {
        return Reading::default();
    };
    let about = About { started_at: Some(Timestamp(ms)), ..About::default() };
    Reading { call: call(message), about, events: vec![Event::Start], ..Reading::default() }
}

fn said(content: View<'_>) -> Result<Said, String> {
    let text = content.str("data").ok_or("`content.data` is missing")?;
    let user = content.name("user_id").unwrap_or_default();
    // In a contact centre, the channel tells more than the number of a user.
    let names = [content.name("user_name"), content.name("channel_id"), Some(user.clone())];
    Ok(Said {
        track: user,
        speaker: names.into_iter().flatten().collect(),
        start: content.moment("start_time").or_else(|| content.moment("timestamp")),
        end: content.moment("end_time"),
        is_final: true,
        text: text.to_owned(),
        ..Said::default()
    })
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
    fn a_session_has_a_first_moment_and_an_end() {
        let first = json!({"msg_type": 6, "event": {"event_type": 1,
                           "timestamp": 1_795_318_800_000_000_u64}});
        let alone = json!({"user_id": 1, "user_name": "Jane", "timestamp": 1_795_318_801_000_u64,
                           "data": "Hello."});
        let state = |state: u64| json!({"msg_type": 8, "state": state, "reason": 6});
        let messages = [first, state(2), alone, state(4)];
        assert_eq!(
            told(Format::Zoom, "Jane:agent", &messages),
            ["start zoom-n", "#1 agent 1000- Hello.", "end"]
        );
        let webhook = |name: &str| json!({"event": name, "payload": {"meeting_uuid": "m", "rtms_stream_id": "s-1"}});
        let messages = ["meeting.rtms_started", "contact_center.voice_rtms_stopped"].map(webhook);
        for format in [Format::Zoom, Format::Auto] {
            assert_eq!(told(format, "", &messages), ["start s-1", "end"]);
        }
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
