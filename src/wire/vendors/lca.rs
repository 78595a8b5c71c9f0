//! Call events of the AWS sample "Live Call Analytics with Agent Assist".
//!
//! Schema: spec (the sample's source: event processor and entity types). A segment has its words
//! itself, or nests an event of Transcribe or Call Analytics. Channels that are no speech
//! (voice tone, agent assistant, categories) are skipped.

use serde_json::Value;

use super::view::View;
use super::{About, Event, Key, Reading, Said, Time, call_analytics, transcribe};
use crate::call::{Speaker, Timestamp};

pub(super) fn read(event: View<'_>) -> Result<Reading, String> {
    let kind = event.str("EventType").unwrap_or_default().to_ascii_uppercase();
    let events = match kind.as_str() {
        "START" | "START_TRANSCRIPT" => vec![Event::Start],
        "ADD_TRANSCRIPT_SEGMENT" => segment(event)?,
        "UPDATE_AGENT" => vec![Event::Update],
        "END" => vec![Event::End { reason: None }],
        _ => Vec::new(),
    };
    let begins = kind.starts_with("START");
    let about =
        if begins || kind == "UPDATE_AGENT" { about(event, begins) } else { About::default() };
    let call = event.name("CallId");
    if call.is_none() && !events.is_empty() {
        return Err("`CallId` is missing".into());
    }
    Ok(Reading { call, about, events, ..Reading::default() })
}

fn about(event: View<'_>, begins: bool) -> About {
    let custom =
        event.str("Metadatajson").and_then(|text| serde_json::from_str::<Value>(text).ok());
    let mut about = custom.map_or_else(About::default, |custom| About::custom(View(&custom)));
    about.agent_id = event.name("AgentId").or(about.agent_id);
    if begins && let Some(Time::Wall(ms)) = event.moment("CreatedAt") {
        about.started_at = Some(Timestamp(ms));
    }
    about
}

fn segment(event: View<'_>) -> Result<Vec<Event>, String> {
    let channel = event.name("Channel").map(|channel| channel.to_ascii_uppercase());
    let side = || Some(if event.flag("IsCaller")? { "CALLER" } else { "AGENT" }.to_owned());
    let channel = channel.or_else(side).unwrap_or_default();
    let role = match channel.as_str() {
        "CALLER" => Some(Speaker::Customer),
        "AGENT" => Some(Speaker::Agent),
        "" => None,
        // Not what somebody says.
        _ => return Ok(Vec::new()),
    };
    if let Some(nested) = event.get("UtteranceEvent") {
        return Ok(vec![call_analytics::said(nested)?]);
    }
    if let Some(nested) = event.get("TranscriptEvent") {
        return self::nested(nested, &channel, role);
    }
    let text = event.str("Transcript").ok_or("ADD_TRANSCRIPT_SEGMENT: `Transcript` is missing")?;
    let key = event.name("SegmentId").map(|id| Key::Own(format!("{channel}/{id}")));
    Ok(vec![Event::Said(Said {
        track: channel.clone(),
        // A meeting names its people, too.
        speaker: event.name("Speaker").into_iter().chain([channel]).collect(),
        role,
        key: key.unwrap_or_default(),
        start: event.seconds("StartTime").or_else(|| event.millis("BeginOffsetMillis")),
        end: event.seconds("EndTime").or_else(|| event.millis("EndOffsetMillis")),
        is_final: !event.flag("IsPartial").unwrap_or(false),
        text: text.to_owned(),
        ..Said::default()
    })])
}

/// A result of Transcribe as it came, or the event around it.
fn nested(event: View<'_>, channel: &str, role: Option<Speaker>) -> Result<Vec<Event>, String> {
    let mut events = if event.get("Alternatives").is_some() {
        transcribe::result(event)
    } else {
        transcribe::read(event)?.events
    };
    for event in &mut events {
        if let Event::Said(said) = event
            && role.is_some()
        {
            said.role = role;
            said.speaker.insert(0, channel.to_owned());
        }
    }
    Ok(events)
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use crate::wire::vendors::Format;
    use crate::wire::vendors::tests::{Line, told};

    fn segment(id: &str, channel: &str, times: (f64, f64), partial: bool, text: &str) -> Value {
        json!({"EventType": "ADD_TRANSCRIPT_SEGMENT", "CallId": "c-7f3a", "Channel": channel,
               "SegmentId": id, "StartTime": times.0, "EndTime": times.1, "Transcript": text,
               "IsPartial": partial, "CreatedAt": "2026-11-22T03:40:15.120Z"})
    }

    pub fn call() -> Vec<Value> {
        vec![
            json!({"EventType": "START", "CallId": "c-7f3a", "AgentId": "a-17",
                   "CustomerPhoneNumber": "+14255550123", "CreatedAt": "2026-11-22T03:40:00Z",
                   "Metadatajson": "{\"queue\":\"retention\",\"tier\":\"gold\"}"}),
            segment("s-1", "AGENT", (1.0, 3.0), false, "Thank you for calling."),
            segment("s-1", "CALLER", (12.4, 13.3), true, "I want to can"),
            segment("s-1", "CALLER", (12.4, 15.1), false, "I want to cancel."),
            segment("s-9", "AGENT_ASSISTANT", (15.1, 15.2), false, "Offer a credit."),
            json!({"EventType": "UPDATE_AGENT", "CallId": "c-7f3a", "AgentId": "a-18"}),
            json!({"EventType": "END", "CallId": "c-7f3a"}),
            segment("s-2", "CALLER", (20.0, 21.0), false, "Too late."),
        ]
    }

    #[test]
    fn a_call_from_start_to_end() {
        assert_eq!(
            told(Format::Lca, "", &call()),
            [
                "start c-7f3a",
                "#1 agent 1000-3000 Thank you for calling.",
                "#2 customer~ 12400-13300 I want to can",
                "#2 customer 12400-15100 I want to cancel.",
                "update Some(\"a-18\") {}",
                "end",
            ]
        );
    }

    #[test]
    fn events_of_transcribe_and_call_analytics_may_be_nested() {
        let mut nested = segment("s-1", "CALLER", (0.0, 0.0), false, "");
        nested["TranscriptEvent"] = json!({"ResultId": "r-1", "StartTime": 1.5, "EndTime": 2.5,
            "IsPartial": false, "Alternatives": [{"Transcript": "Hello there."}]});
        let analytics = json!({"EventType": "ADD_TRANSCRIPT_SEGMENT", "CallId": "c-7f3a",
            "UtteranceEvent": {"UtteranceId": "u-1", "ParticipantRole": "AGENT",
            "Transcript": "Good morning.", "BeginOffsetMillis": 3_000, "EndOffsetMillis": 4_000}});
        let told = told(Format::Lca, "", &[nested, analytics]);
        assert_eq!(
            told[1..],
            ["#1 customer 1500-2500 Hello there.", "#2 agent 3000-4000 Good morning."]
        );
    }

    #[test]
    fn older_events_name_the_caller_otherwise() {
        let older = json!({"EventType": "ADD_TRANSCRIPT_SEGMENT", "CallId": "c-1", "IsCaller": false,
            "BeginOffsetMillis": 1_500, "EndOffsetMillis": 2_500, "Transcript": "Good morning.",
            "IsPartial": false});
        assert_eq!(told(Format::Lca, "", &[older])[1], "#1 agent 1500-2500 Good morning.");
    }

    #[test]
    fn calls_of_one_stream_are_kept_apart() {
        let mut line = Line::new(Format::Lca, "");
        let mut other = segment("s-1", "CALLER", (2.0, 3.0), false, "Me too.");
        other["CallId"] = json!("c-2");
        for message in [segment("s-1", "CALLER", (1.0, 2.0), false, "Hello."), other] {
            line.read(&message.to_string()).unwrap();
        }
        let starts = line.told.iter().filter(|told| told.starts_with("start")).count();
        assert_eq!((starts, line.chunks[0].seq, line.chunks[1].seq), (2, 1, 1));
    }
}
