//! Contact Lens for Amazon Connect: real-time contact analysis segments, the Kinesis record as is.
//!
//! Schema: doc (Amazon Connect administrator guide "Real-time contact analysis segment streams",
//! data model and sample). Partials (`Utterance`) name the final (`Transcript`) to come by its
//! `TranscriptId`, and each is a part of it. Kinds of segments that are not speech are skipped.

use super::view::View;
use super::{About, Event, Key, Reading, Said};

pub(super) fn read(record: View<'_>) -> Result<Reading, String> {
    let mut events = Vec::new();
    let kind = record.str("EventType").or_else(|| record.str("StreamingEventType"));
    let kind = kind.unwrap_or_default().to_ascii_uppercase();
    if kind == "STARTED" {
        events.push(Event::Start);
    }
    for segment in record.list("Segments") {
        if let Some(transcript) = segment.get("Transcript") {
            let id = transcript.name("Id");
            events.push(said(transcript, id, "Content", true)?);
        } else if let Some(utterance) = segment.get("Utterance") {
            let id = utterance.name("TranscriptId").or_else(|| utterance.name("Id"));
            events.push(said(utterance, id, "PartialContent", false)?);
        }
    }
    if kind == "COMPLETED" || kind == "FAILED" {
        events.push(Event::End { reason: Some(kind.to_ascii_lowercase()) });
    }
    let about = About { lang: record.name("LanguageCode"), ..About::default() };
    Ok(Reading { call: record.name("ContactId"), about, events, ..Reading::default() })
}

fn said(part: View<'_>, id: Option<String>, words: &str, is_final: bool) -> Result<Event, String> {
    let text = part.str(words).ok_or_else(|| format!("a segment has no `{words}`"))?;
    let role = part.name("ParticipantRole");
    let track = part.name("ParticipantId").or_else(|| role.clone());
    Ok(Event::Said(Said {
        track: track.clone().unwrap_or_default(),
        speaker: role.into_iter().chain(track).collect(),
        key: id.map_or(Key::Open, Key::Own),
        start: part
            .millis("BeginOffsetMillis")
            .or_else(|| part.get("Time")?.moment("AbsoluteTime")),
        end: part.millis("EndOffsetMillis"),
        is_final,
        part: part.name("Id").filter(|_| !is_final),
        text: text.to_owned(),
        ..Said::default()
    }))
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use crate::wire::vendors::Format;
    use crate::wire::vendors::tests::told;

    fn record(kind: &str, segments: Value) -> Value {
        json!({"Version": "1.0.0", "Channel": "VOICE", "ContactId": "c-7f3a", "EventType": kind,
               "LanguageCode": "en-US", "Segments": segments})
    }

    pub fn call() -> Vec<Value> {
        vec![
            record("STARTED", json!([])),
            record(
                "SEGMENTS",
                json!([
                {"Utterance": {"Id": "u-1", "TranscriptId": "t-1", "ParticipantId": "CUSTOMER",
                    "ParticipantRole": "CUSTOMER", "PartialContent": "I want to can",
                    "BeginOffsetMillis": 12_400, "EndOffsetMillis": 13_300}}]),
            ),
            record(
                "SEGMENTS",
                json!([
                {"Transcript": {"Id": "t-1", "ParticipantId": "CUSTOMER",
                    "ParticipantRole": "CUSTOMER", "Content": "I want to cancel.",
                    "BeginOffsetMillis": 12_400, "EndOffsetMillis": 13_400,
                    "Sentiment": "NEGATIVE"}},
                {"Categories": {"MatchedCategories": ["cancel"], "MatchedDetails": {}}},
                {"Transcript": {"Id": "t-2", "ParticipantId": "AGENT", "ParticipantRole": "AGENT",
                    "Content": "Let me see.", "BeginOffsetMillis": 14_000,
                    "EndOffsetMillis": 15_000}}]),
            ),
            record("COMPLETED", json!([])),
        ]
    }

    #[test]
    fn utterances_are_parts_of_their_transcript() {
        let utterance = |id: &str, times: (u64, u64), text: &str| {
            json!({"Utterance": {"Id": id, "TranscriptId": "t-1", "ParticipantId": "AGENT",
                "ParticipantRole": "AGENT", "PartialContent": text,
                "BeginOffsetMillis": times.0, "EndOffsetMillis": times.1}})
        };
        let transcript = json!({"Transcript": {"Id": "t-1", "ParticipantId": "AGENT",
            "ParticipantRole": "AGENT", "Content": "Good morning. How are you?",
            "BeginOffsetMillis": 1_000, "EndOffsetMillis": 3_000}});
        let one = utterance("u-1", (1_000, 2_000), "Good morn");
        let again = utterance("u-1", (1_000, 2_100), "Good morning.");
        let two = utterance("u-2", (2_200, 3_000), "How are you?");
        let messages = [
            record("SEGMENTS", json!([one])),
            record("SEGMENTS", json!([again, two])),
            record("SEGMENTS", json!([transcript])),
        ];
        assert_eq!(
            told(Format::ContactLens, "", &messages)[1..],
            [
                "#1 agent~ 1000-2000 Good morn",
                "#1 agent~ 1000-2100 Good morning.",
                "#1 agent~ 1000-3000 Good morning. How are you?",
                "#1 agent 1000-3000 Good morning. How are you?",
            ]
        );
    }

    #[test]
    fn a_transcript_replaces_the_utterances_that_announced_it() {
        assert_eq!(
            told(Format::ContactLens, "", &call()),
            [
                "start c-7f3a en-US",
                "#1 customer~ 12400-13300 I want to can",
                "#1 customer 12400-13400 I want to cancel.",
                "#2 agent 14000-15000 Let me see.",
                "end completed",
            ]
        );
    }
}
