//! Gladia v2 live, over its websocket or as HTTP callbacks.
//!
//! Schema: spec (Gladia's AsyncAPI description 3.0). Utterances have ids that count within the
//! session. Messages of its own analyses are skipped.

use super::roles::of_stereo;
use super::view::View;
use super::{About, Event, Key, Reading, Said};

pub(super) fn read(message: View<'_>) -> Result<Reading, String> {
    // A callback wraps the message.
    let inner = message.get("payload").filter(|_| message.get("event").is_some());
    let inner = inner.unwrap_or(message);
    let session = inner.name("session_id").or_else(|| message.name("id"));
    let kind = inner.str("type").or_else(|| message.str("event")).unwrap_or_default();
    let mut reading = Reading { call: session.clone(), stream: session, ..Reading::default() };
    match kind.trim_start_matches("live.") {
        "transcript" => {
            let data = inner.get("data").unwrap_or(inner);
            let utterance = data.get("utterance").ok_or("`data.utterance` is missing")?;
            reading.about = About { lang: utterance.name("language"), ..About::default() };
            reading.events.push(Event::Said(said(data, utterance)));
        }
        "start_session" => reading.events.push(Event::Start),
        "end_session" => reading.events.push(Event::End { reason: None }),
        _ => {}
    }
    Ok(reading)
}

fn said(data: View<'_>, utterance: View<'_>) -> Said {
    let channel = utterance.number("channel").unwrap_or(0.0) as usize;
    // Labels tell the voices of a single channel apart.
    let label = utterance.name("speaker").filter(|_| channel == 0);
    Said {
        track: channel.to_string(),
        role: if label.is_none() { of_stereo(channel, 2) } else { None },
        speaker: vec![label.unwrap_or_else(|| channel.to_string())],
        key: data.name("id").map_or(Key::Open, Key::Stream),
        start: utterance.seconds("start"),
        end: utterance.seconds("end"),
        is_final: data.flag("is_final").unwrap_or(true),
        text: utterance.str("text").unwrap_or_default().to_owned(),
        confidence: utterance.confidence("confidence"),
        ..Said::default()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use crate::wire::vendors::Format;
    use crate::wire::vendors::tests::told;

    fn said(id: &str, channel: u64, times: (f64, f64), last: bool, text: &str) -> Value {
        json!({"type": "transcript", "session_id": "s-1", "data": {"id": id, "is_final": last,
            "utterance": {"text": text, "start": times.0, "end": times.1, "language": "en",
            "channel": channel, "confidence": 0.93, "words": []}}})
    }

    pub fn call() -> Vec<Value> {
        vec![
            said("00-1", 1, (1.0, 3.0), true, "Thank you for calling."),
            said("00-2", 0, (12.4, 13.3), false, "I want to can"),
            said("00-2", 0, (12.4, 15.1), true, "I want to cancel."),
            json!({"type": "end_session", "session_id": "s-1"}),
        ]
    }

    fn told_of_a_call() -> [&'static str; 5] {
        [
            "start s-1 en",
            "#1 agent 1000-3000 Thank you for calling.",
            "#2 customer~ 12400-13300 I want to can",
            "#2 customer 12400-15100 I want to cancel.",
            "end",
        ]
    }

    #[test]
    fn over_its_websocket() {
        assert_eq!(told(Format::Gladia, "", &call()), told_of_a_call());
    }

    #[test]
    fn as_callbacks() {
        let wrap = |message: Value| {
            let kind = message["type"].as_str().unwrap();
            json!({"id": "s-1", "event": format!("live.{kind}"), "payload": message})
        };
        let wrapped: Vec<Value> = call().into_iter().map(wrap).collect();
        assert_eq!(told(Format::Gladia, "", &wrapped), told_of_a_call());
    }
}
