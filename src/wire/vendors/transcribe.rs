//! Amazon Transcribe streaming: `TranscriptEvent`.
//!
//! Schema: doc (Transcribe developer guide "Streaming and partial results", API reference "Result").
//! Versions of a result share its `ResultId`; speakers are channels, or labels on items.

use super::roles::of_stereo;
use super::runs::{aws_items, pieces};
use super::view::View;
use super::{About, Event, Key, Reading, Said};

pub(super) fn read(message: View<'_>) -> Result<Reading, String> {
    // The API reference shows the stream around its event.
    let message = message.get("TranscriptResultStream").unwrap_or(message);
    let event = message.get("TranscriptEvent").unwrap_or(message);
    let transcript = event.get("Transcript").unwrap_or(event);
    let mut reading = Reading { call: message.name("CallId"), ..Reading::default() };
    let alone = transcript.get("Alternatives").map(|_| transcript);
    for result in transcript.list("Results").chain(alone) {
        reading.about = About { lang: result.name("LanguageCode"), ..About::default() };
        reading.events.extend(self::result(result));
    }
    Ok(reading)
}

/// One result; `lca` has them, too.
pub(super) fn result(result: View<'_>) -> Vec<Event> {
    let Some(best) = result.get("Alternatives").and_then(View::first) else { return Vec::new() };
    let channel = result.name("ChannelId");
    let number: Option<usize> =
        channel.as_deref().and_then(|name| name.rsplit('_').next()?.parse().ok());
    let said = Said {
        speaker: channel.iter().cloned().collect(),
        track: channel.unwrap_or_default(),
        // Channels are told apart for stereo only.
        role: number.and_then(|number| of_stereo(number, 2)),
        key: result.name("ResultId").map_or(Key::Open, Key::Own),
        start: result.seconds("StartTime"),
        end: result.seconds("EndTime"),
        is_final: !result.flag("IsPartial").unwrap_or(false),
        text: best.str("Transcript").unwrap_or_default().to_owned(),
        ..Said::default()
    };
    pieces(said, aws_items(best))
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use crate::wire::vendors::Format;
    use crate::wire::vendors::tests::told;

    fn result(id: &str, channel: &str, times: (f64, f64), partial: bool, text: &str) -> Value {
        json!({"TranscriptEvent": {"Transcript": {"Results": [{"ResultId": id,
            "StartTime": times.0, "EndTime": times.1, "IsPartial": partial, "ChannelId": channel,
            "LanguageCode": "en-US", "Alternatives": [{"Transcript": text, "Items": []}]}]}}})
    }

    pub fn call() -> Vec<Value> {
        vec![
            result("r-1", "ch_1", (1.0, 3.0), false, "Thank you for calling."),
            result("r-2", "ch_0", (12.4, 13.3), true, "I want to can"),
            json!({"TranscriptEvent": {"Transcript": {"Results": []}}}),
            result("r-2", "ch_0", (12.4, 15.1), false, "I want to cancel. Get me your manager."),
        ]
    }

    #[test]
    fn versions_of_a_result_are_one_segment() {
        assert_eq!(
            told(Format::Transcribe, "ch_0:customer,1:agent", &call()),
            [
                "start transcribe-n en-US",
                "#1 agent 1000-3000 Thank you for calling.",
                "#2 customer~ 12400-13300 I want to can",
                "#2 customer 12400-15100 I want to cancel. Get me your manager.",
            ]
        );
    }

    #[test]
    fn results_come_bare_and_in_the_case_of_any_sdk() {
        let camel = json!({"transcript": {"results": [{"resultId": "r-1", "startTime": 1.0,
            "endTime": 2.0, "isPartial": false, "channelId": "ch_0",
            "alternatives": [{"transcript": "Hello.", "items": []}]}]}});
        let snake = json!({"results": [{"result_id": "r-2", "start_time": 3.0, "end_time": 4.0,
            "is_partial": false, "channel_id": "ch_1",
            "alternatives": [{"transcript": "Hi.", "items": null}]},
            {"result_id": "r-3", "alternatives": []}]});
        // Each alone, `auto` takes it for the same.
        let bare = json!({"ResultId": "r-4", "StartTime": "5.5", "EndTime": 6, "IsPartial": false,
            "Alternatives": [{"Transcript": "Bye."}]});
        let messages = [camel, snake, bare];
        let expected =
            ["#1 customer 1000-2000 Hello.", "#2 agent 3000-4000 Hi.", "#3 other 5500-6000 Bye."];
        assert_eq!(told(Format::Transcribe, "", &messages)[1..], expected);
        for (message, expected) in messages.iter().zip(expected) {
            let told = told(Format::Auto, "", std::slice::from_ref(message));
            assert_eq!(told[1].split_once(' ').unwrap().1, expected.split_once(' ').unwrap().1);
        }
    }

    #[test]
    fn labelled_speakers_are_cut_apart() {
        let item = |content: &str, kind: &str, speaker: Value, start: f64| {
            json!({"Content": content, "Type": kind, "Speaker": speaker, "StartTime": start,
                   "EndTime": start + 0.4})
        };
        let message = json!({"TranscriptEvent": {"Transcript": {"Results": [{"ResultId": "r",
            "IsPartial": false, "StartTime": 1.0, "EndTime": 3.0, "Alternatives": [{
            "Transcript": "Yes. No?", "Items": [item("Yes", "pronunciation", json!("0"), 1.0),
            item(".", "punctuation", Value::Null, 1.4), item("No", "pronunciation", json!("1"), 2.0),
            item("?", "punctuation", Value::Null, 2.4)]}]}]}}});
        let told = told(Format::Transcribe, "0:agent,1:customer", &[message]);
        assert_eq!(told[1..], ["#1 agent 1000-1800 Yes.", "#2 customer 2000-2800 No?"]);
    }
}
