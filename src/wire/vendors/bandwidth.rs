//! Bandwidth: `<StartTranscription>` with a websocket destination.
//!
//! Schema: doc (Bandwidth BXML page "StartTranscription"). Times are wall clock, so call time
//! counts from the first of them. `inbound` is the caller of the leg that is transcribed.

use super::view::View;
use super::{About, Event, Reading, Said};

pub(super) fn read(message: View<'_>) -> Result<Reading, String> {
    let metadata = message.get("metadata").unwrap_or(message);
    let mut about = About::default();
    let events = match message.str("eventType").unwrap_or_default().to_ascii_lowercase().as_str() {
        "start" => {
            let custom = message.get("customParams").or_else(|| metadata.get("customParams"));
            about = custom.map_or_else(About::default, About::custom);
            vec![Event::Start]
        }
        "transcription" => {
            about.lang = message.name("language");
            vec![Event::Said(said(message)?)]
        }
        "stop" => vec![Event::End { reason: None }],
        _ => Vec::new(),
    };
    Ok(Reading { call: metadata.name("callId"), about, events, ..Reading::default() })
}

fn said(message: View<'_>) -> Result<Said, String> {
    let text = message.str("transcript").ok_or("transcription: `transcript` is missing")?;
    let track = message.name("track");
    Ok(Said {
        track: track.clone().unwrap_or_default(),
        speaker: track.into_iter().collect(),
        start: message.moment("startTime"),
        end: message.moment("endTime"),
        is_final: !message.flag("isPartial").unwrap_or(false),
        text: text.to_owned(),
        ..Said::default()
    })
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use crate::wire::vendors::Format;
    use crate::wire::vendors::tests::told;

    fn said(track: &str, times: (&str, &str), partial: bool, text: &str) -> Value {
        let at = |second: &str| format!("2026-11-22T03:40:{second}Z");
        json!({"eventType": "transcription", "track": track, "startTime": at(times.0),
               "endTime": at(times.1), "isPartial": partial, "language": "en-US",
               "transcript": text, "items": []})
    }

    pub fn call() -> Vec<Value> {
        vec![
            json!({"eventType": "start", "metadata": {"accountId": "5500", "callId": "c-7f3a",
                "tracks": [{"name": "inbound"}, {"name": "outbound"}]},
                "customParams": {"queue": "retention"}}),
            said("outbound", ("01.000", "03.000"), false, "Thank you for calling."),
            said("inbound", ("12.400", "13.300"), true, "I want to can"),
            said("inbound", ("12.400", "15.100"), false, "I want to cancel."),
            json!({"eventType": "stop", "metadata": {"callId": "c-7f3a"}}),
        ]
    }

    #[test]
    fn call_time_counts_from_the_first_moment() {
        assert_eq!(
            told(Format::Bandwidth, "", &call()),
            [
                "start c-7f3a",
                "#1 agent 0-2000 Thank you for calling.",
                "#2 customer~ 11400-12300 I want to can",
                "#2 customer 11400-14100 I want to cancel.",
                "end",
            ]
        );
    }
}
