//! Telnyx Call Control: webhooks `call.transcription` and `call.hangup`; TeXML: the callback of
//! `<Transcription>`.
//!
//! Schema: doc (Telnyx API reference "Call Transcription" callback, guide "Transcription").
//! `data.id` recognises retries. Each leg of a session hangs up on its own. There is no time of the words, only of the event: it is taken for their end. Telnyx
//! transcribes the inbound track unless asked for more, so a message that names none is of it.

use super::view::View;
use super::{About, Event, Reading, Said, Time};
use crate::call::Timestamp;

pub(super) fn read(message: View<'_>) -> Result<Reading, String> {
    if message.get("CallSid").and(message.get("Transcript")).is_some() {
        return Ok(texml(message));
    }
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
        "call.hangup" => vec![Event::Close { reason: payload.name("hangup_cause") }],
        _ => Vec::new(),
    };
    let leg = payload.name("call_leg_id").or_else(|| payload.name("call_control_id"));
    let call = payload.name("call_session_id").or_else(|| leg.clone());
    Ok(Reading { call, message_id: data.name("id"), stream: leg, about, events })
}

/// The callback of the TeXML verb `<Transcription>`.
fn texml(form: View<'_>) -> Reading {
    let track = form.name("TranscriptionTrack").or_else(|| form.name("Track"));
    let track = track.unwrap_or_else(|| "inbound".into());
    let said = Said {
        track: track.clone(),
        speaker: vec![track],
        end: form.moment("Timestamp"),
        is_final: form.flag("IsFinal").unwrap_or(true),
        text: form.str("Transcript").unwrap_or_default().to_owned(),
        confidence: form.confidence("Confidence"),
        ..Said::default()
    };
    let about = About { lang: form.name("Language"), ..About::default() };
    let events = vec![Event::Said(said)];
    Reading { call: form.name("CallSid"), about, events, ..Reading::default() }
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
    fn callbacks_of_texml_have_fields_of_their_own() {
        let said = |last: &str, text: &str| {
            json!({"AccountSid": "a", "CallSid": "v3:abc", "Confidence": "0.98", "IsFinal": last,
                   "From": "+1425", "To": "+1206", "Transcript": text})
        };
        let messages = [said("false", "where is"), said("true", "where is my order")];
        for format in [Format::Telnyx, Format::Auto] {
            assert_eq!(
                told(format, "", &messages),
                ["start v3:abc", "#1 customer~ - where is", "#1 customer - where is my order"]
            );
        }
    }

    #[test]
    fn a_leg_that_said_nothing_ends_no_session() {
        let leg = |mut event: Value, leg: &str| {
            event["data"]["payload"]["call_leg_id"] = json!(leg);
            event
        };
        let messages = [
            leg(event("e-1", "call.answered", "00.000", json!({})), "a"),
            leg(event("e-2", "call.initiated", "01.000", json!({})), "b"),
            leg(event("e-3", "call.hangup", "02.000", json!({"hangup_cause": "busy"})), "b"),
            leg(said("e-4", "03.000", "inbound", true, "Hello?"), "a"),
            leg(event("e-5", "call.hangup", "04.000", json!({})), "c"),
            leg(said("e-6", "05.000", "inbound", true, "Bye."), "a"),
            leg(event("e-7", "call.hangup", "06.000", json!({})), "a"),
        ];
        assert_eq!(
            told(Format::Telnyx, "", &messages),
            ["start c-7f3a", "#1 customer -3000 Hello?", "#2 customer -5000 Bye.", "end"]
        );
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
