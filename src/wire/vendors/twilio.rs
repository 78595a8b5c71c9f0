//! Twilio Real-Time Transcription: form webhooks.
//!
//! Schema: doc title and third-party handlers (Twilio TwiML guide "<Transcription>"; the field
//! list agreed between four handlers; field table itself not read). `TranscriptionData` is JSON
//! inside a form field. There is no time of the words, only of the message: it is taken for their
//! end. (`TranscriptionSid`, `SequenceId`) recognises Twilio's retries. A call may have several
//! transcriptions at once, each with its own stop.

use serde_json::Value;

use super::view::View;
use super::{About, Event, Reading, Said, Time};
use crate::call::Timestamp;

pub(super) fn read(form: View<'_>) -> Result<Reading, String> {
    let kind = form.str("TranscriptionEvent").unwrap_or_default();
    let time = form.moment("Timestamp");
    let mut about = About { lang: form.name("LanguageCode"), ..About::default() };
    let events = match kind {
        "transcription-started" => {
            if let Some(Time::Wall(ms)) = time {
                about.started_at = Some(Timestamp(ms));
            }
            vec![Event::Start]
        }
        "transcription-content" => vec![Event::Said(content(form, time)?)],
        "transcription-stopped" => vec![Event::Close { reason: None }],
        _ => Vec::new(),
    };
    let call = form.name("CallSid").or_else(|| form.name("TranscriptionSid"));
    let number = form.name("SequenceId");
    let message_id = number
        .map(|number| format!("{}/{number}", form.name("TranscriptionSid").unwrap_or_default()));
    let stream = form.name("TranscriptionSid");
    Ok(Reading { call, message_id, stream, about, events })
}

fn content(form: View<'_>, time: Option<Time>) -> Result<Said, String> {
    let data = form.get("TranscriptionData");
    let data = data.ok_or("transcription-content: `TranscriptionData` is missing")?;
    let parsed: Value = match data.0 {
        Value::String(text) => serde_json::from_str(text)
            .map_err(|error| format!("`TranscriptionData` is not JSON: {error}"))?,
        other => other.clone(),
    };
    let data = View(&parsed);
    let text = data.str("transcript").ok_or("`TranscriptionData` has no `transcript`")?;
    let track = form.name("Track");
    Ok(Said {
        track: track.clone().unwrap_or_default(),
        speaker: track.into_iter().collect(),
        end: time,
        is_final: form.flag("Final").or_else(|| data.flag("is_final")).unwrap_or(true),
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

    fn form(number: u64, event: &str, at: &str, fields: &Value) -> Value {
        let mut form = json!({"TranscriptionEvent": event, "CallSid": "CA1", "AccountSid": "AC1",
            "TranscriptionSid": "GT1", "SequenceId": number.to_string(), "LanguageCode": "en-US",
            "Timestamp": format!("2026-11-22T03:40:{at}Z")});
        for (name, value) in fields.as_object().into_iter().flatten() {
            form[name] = value.clone();
        }
        form
    }

    fn said(number: u64, at: &str, track: &str, last: &str, text: &str) -> Value {
        let data = json!({"transcript": text, "confidence": 0.94}).to_string();
        let fields = json!({"Track": track, "Final": last, "TranscriptionData": data});
        form(number, "transcription-content", at, &fields)
    }

    pub fn call() -> Vec<Value> {
        vec![
            form(1, "transcription-started", "00.000", &json!({})),
            said(2, "03.000", "outbound_track", "true", "Thank you for calling."),
            said(3, "13.300", "inbound_track", "false", "I want to can"),
            said(4, "15.100", "inbound_track", "true", "I want to cancel."),
            form(5, "transcription-stopped", "20.000", &json!({})),
        ]
    }

    #[test]
    fn the_time_of_a_message_is_the_end_of_its_words() {
        assert_eq!(
            told(Format::Twilio, "", &call()),
            [
                "start CA1 en-US",
                "#1 agent -3000 Thank you for calling.",
                "#2 customer~ -13300 I want to can",
                "#2 customer -15100 I want to cancel.",
                "end",
            ]
        );
    }

    #[test]
    fn a_transcription_after_a_pause_is_a_call_of_its_own() {
        let later = |mut form: Value| {
            form["TranscriptionSid"] = json!("GT2");
            form
        };
        let mut messages = call();
        messages.extend([
            // A retry that comes late is none.
            said(6, "21.000", "inbound_track", "true", "Too late."),
            later(form(1, "transcription-started", "40.000", &json!({}))),
            later(said(2, "43.000", "inbound_track", "true", "Hello again.")),
            later(said(3, "45.000", "outbound_track", "true", "Hello.")),
            later(form(4, "transcription-stopped", "50.000", &json!({}))),
        ]);
        assert_eq!(
            told(Format::Twilio, "", &messages)[5..],
            [
                "start CA1~GT2 after CA1 en-US",
                "#3 customer -0 Hello again.",
                "#4 agent -2000 Hello.",
                "end"
            ]
        );
    }

    #[test]
    fn the_same_words_in_another_message_are_said_again() {
        let messages = [
            said(1, "01.000", "inbound_track", "true", "Yes."),
            said(1, "01.000", "inbound_track", "true", "Yes."),
            said(2, "04.000", "inbound_track", "true", "Yes."),
        ];
        let told = told(Format::Twilio, "", &messages);
        assert_eq!(told[1..], ["#1 customer -0 Yes.", "#2 customer -3000 Yes."]);
    }
}
