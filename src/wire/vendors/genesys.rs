//! Genesys Cloud: the transcription topic of a conversation, as the notification service sends it
//! or as an EventBridge event.
//!
//! Schema: doc and SDK model (Genesys developer page "Transcription notifications"). Times count
//! from the start of the session. Each leg of a conversation (`communicationId`) has a session with
//! an end of its own. A message without transcripts while the session goes on is a
//! heartbeat: it opens the call and says nothing.

use super::view::View;
use super::{About, Event, Key, Reading, Said, Time};
use crate::call::{Speaker, Timestamp};

pub(super) fn read(message: View<'_>) -> Result<Reading, String> {
    let detail = message.get("detail");
    let topic = detail.unwrap_or(message);
    let Some(body) = topic.get("eventBody").or_else(|| is_body(message).then_some(message)) else {
        return Ok(Reading::default());
    };
    // The same channel brings heartbeats of its own and other topics.
    let is_ours = topic.str("topicName").is_none_or(|name| name.ends_with(".transcription"));
    if !is_ours {
        return Ok(Reading::default());
    }
    let named = || topic.str("topicName")?.split('.').nth(2).map(str::to_owned);
    let began = match body.moment("sessionStartTimeMs") {
        Some(Time::Wall(ms)) => Some(ms),
        _ => None,
    };
    let mut reading = Reading {
        call: body.name("conversationId").or_else(named),
        stream: body.name("communicationId"),
        // Only EventBridge has an id of the message itself.
        message_id: detail.and_then(|_| message.name("id")),
        ..Reading::default()
    };
    reading.about = About { started_at: began.map(Timestamp), ..About::default() };
    for transcript in body.list("transcripts").chain(body.get("transcript")) {
        reading.about.lang = transcript.name("dialect").or(reading.about.lang);
        reading.events.extend(said(transcript, began).map(Event::Said));
    }
    let ended = body.get("status").is_some_and(|status| status.says("status", "SESSION_ENDED"));
    if ended {
        reading.events.push(Event::Close { reason: None });
    } else if reading.events.is_empty() {
        reading.events.push(Event::Start);
    }
    Ok(reading)
}

fn is_body(message: View<'_>) -> bool {
    message.get("conversationId").is_some()
}

fn said(transcript: View<'_>, began: Option<i64>) -> Option<Said> {
    let best = transcript.get("alternatives").and_then(View::first)?;
    let text = best.str("decoratedTranscript").filter(|text| !text.is_empty());
    let text = text.or_else(|| best.str("transcript"))?;
    let channel = transcript.name("channel").unwrap_or_default();
    let start = best.millis("offsetMs").map(|offset| match began {
        Some(began) => Time::Wall(began).plus(Some(offset)),
        None => offset,
    });
    Some(Said {
        track: channel.clone(),
        role: match channel.to_ascii_uppercase().as_str() {
            "EXTERNAL" => Some(Speaker::Customer),
            "INTERNAL" => Some(Speaker::Agent),
            _ => None,
        },
        speaker: vec![channel],
        key: transcript.name("utteranceId").map_or(Key::Open, Key::Own),
        start,
        end: start.map(|start| start.plus(best.millis("durationMs"))),
        is_final: transcript.flag("isFinal").unwrap_or(true),
        text: text.to_owned(),
        confidence: best.confidence("confidence"),
        ..Said::default()
    })
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use crate::wire::vendors::Format;
    use crate::wire::vendors::tests::told;

    fn topic(status: &str, transcripts: Value) -> Value {
        json!({"topicName": "v2.conversations.c-7f3a.transcription", "version": "2",
            "eventBody": {"conversationId": "c-7f3a", "communicationId": "leg-1",
            "sessionStartTimeMs": 1_795_318_800_000_i64, "transcripts": transcripts,
            "status": {"offsetMs": 16_000, "status": status}}})
    }

    fn said(id: &str, channel: &str, times: (u64, u64), last: bool, text: &str) -> Value {
        json!([{"utteranceId": id, "isFinal": last, "channel": channel, "dialect": "en-US",
            "alternatives": [{"confidence": 0.92, "offsetMs": times.0,
            "durationMs": times.1 - times.0, "transcript": text.to_lowercase(),
            "decoratedTranscript": text}]}])
    }

    pub fn call() -> Vec<Value> {
        vec![
            topic("SESSION_ONGOING", json!([])),
            topic("SESSION_ONGOING", said("u-1", "INTERNAL", (1_000, 3_000), true, "Hello.")),
            topic("SESSION_ONGOING", said("u-2", "EXTERNAL", (12_400, 13_300), false, "I want to")),
            topic("SESSION_ONGOING", json!([])),
            topic("SESSION_ONGOING", said("u-2", "EXTERNAL", (12_400, 15_100), true, "I want 2.")),
            topic("SESSION_ENDED", json!([])),
        ]
    }

    fn told_of_a_call() -> [&'static str; 5] {
        [
            "start c-7f3a",
            "#1 agent 1000-3000 Hello.",
            "#2 customer~ 12400-13300 I want to",
            "#2 customer 12400-15100 I want 2.",
            "end",
        ]
    }

    #[test]
    fn heartbeats_are_no_words() {
        assert_eq!(told(Format::Genesys, "", &call()), told_of_a_call());
    }

    #[test]
    fn heartbeats_of_the_channel_open_no_call() {
        let beat = json!({"topicName": "channel.metadata", "eventBody": {"message": "WebSocket"}});
        assert!(told(Format::Genesys, "", &[beat]).is_empty());
    }

    #[test]
    fn an_event_of_eventbridge_is_the_same() {
        let wrapped: Vec<Value> = call()
            .into_iter()
            .enumerate()
            .map(|(at, topic)| json!({"version": "0", "id": at, "source": "x", "detail": topic}))
            .collect();
        assert_eq!(told(Format::Genesys, "", &wrapped), told_of_a_call());
    }
}
