//! Telnyx Call Control: webhooks `call.transcription` and `call.hangup`.
//!
//! Schema: doc (Telnyx API reference "Call Transcription" callback). `data.id` recognises
//! retries. There is no time of the words, only of the event: it is taken for their end. Telnyx
//! transcribes the inbound track unless asked for more, so a message that names none is of it.

use super::view::View;
use super::{About, Event, Reading, Said, Time};
use crate::call::Timestamp;

pub(super) fn read(message: View<'_>) -> Result<Reading, String> {
    let data = message.get("data").unwrap_or(message);
    let payload = data.get("payload").unwrap_or(data);
    let time = data.moment("occurred_at");
    let mut about = About::default();
    let events = match data.str("event_type").unwrap_or_default() {
        "call.transcription" => vec![Event::Said(said(payload, time)?)],
        "call.initiated" | "call.answered" => {
            if let Some(Time::Wall(ms)) = time {
                about.started_at = Some(Timestamp(ms));
            }
            vec![Event::Start]
        }
        "call.hangup" => vec![Event::End { reason: payload.name("hangup_cause") }],
        _ => Vec::new(),
    };
    let call = payload.name("call_session_id").or_else(|| payload.name("call_leg_id"));
    let call = call.or_else(|| payload.name("call_control_id"));
    Ok(Reading { call, message_id: data.name("id"), about, events, ..Reading::default() })
}

fn said(payload: View<'_>, time: Option<Time>) -> Result<Said, String> {
    let data = payload.get("transcription_data");
    let data = data.ok_or("call.transcription: `transcription_data` is missing")?;
    let text = data.str("transcript").ok_or("`transcription_data` has no `transcript`")?;
    let track = data.name("transcription_track").unwrap_or_else(|| "inbound".into());
    Ok(Said {
        track: track.clone(),
        speaker: vec![track],
        end: time,
        is_final: data.flag("is_final").unwrap_or(true),
        text: text.to_owned(),
        confidence: data.confidence("confidence"),
        ..Said::default()
    })
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use crate::wire::vendors::Format;
    use crate::wire::vendors::tests::told;

    fn event(id: &str, kind: &str, at: &str, more: Value) -> Value {
        let mut payload = json!({"call_control_id": "v3:abc", "call_leg_id": "leg-1",
                                 "call_session_id": "c-7f3a", "connection_id": "77"});
        for (name, value) in more.as_object().into_iter().flatten() {
            payload[name] = value.clone();
        }
        json!({"data": {"record_type": "event", "event_type": kind, "id": id,
               "occurred_at": format!("2026-11-22T03:40:{at}Z"), "payload": payload}})
    }

    fn said(id: &str, at: &str, track: &str, last: bool, text: &str) -> Value {
        event(
            id,
            "call.transcription",
            at,
            json!({"transcription_data": {"transcript": text,
            "confidence": 0.97, "is_final": last, "transcription_track": track}}),
        )
    }

    pub fn call() -> Vec<Value> {
        vec![
            event("e-0", "call.answered", "00.000", json!({})),
            said("e-1", "03.000", "outbound", true, "Thank you for calling."),
            said("e-2", "13.300", "inbound", false, "I want to can"),
            said("e-3", "15.100", "inbound", true, "I want to cancel."),
            event("e-4", "call.playback.started", "16.000", json!({})),
            event("e-5", "call.hangup", "20.000", json!({"hangup_cause": "normal_clearing"})),
        ]
    }

    #[test]
    fn a_call_from_answer_to_hangup() {
        assert_eq!(
            told(Format::Telnyx, "", &call()),
            [
                "start c-7f3a",
                "#1 agent -3000 Thank you for calling.",
                "#2 customer~ -13300 I want to can",
                "#2 customer -15100 I want to cancel.",
                "end normal_clearing",
            ]
        );
    }
}
