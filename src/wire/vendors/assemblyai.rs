//! AssemblyAI Universal-Streaming v3.
//!
//! Schema: spec (AssemblyAI API description, "Universal-Streaming messages"). The versions of a
//! turn share its `turn_order`. A turn that has ended may come once more, formatted: the words
//! are the same and have been scored, so the second is dropped.

use super::view::View;
use super::{Event, Key, Reading, Said};

pub(super) fn read(message: View<'_>) -> Result<Reading, String> {
    match message.str("type").unwrap_or_default() {
        "Begin" => {
            let id = message.name("id");
            let events = vec![Event::Start];
            Ok(Reading { call: id.clone(), stream: id, events, ..Reading::default() })
        }
        "Turn" => Ok(Reading { events: vec![Event::Said(turn(message)?)], ..Reading::default() }),
        "Termination" => {
            Ok(Reading { events: vec![Event::End { reason: None }], ..Reading::default() })
        }
        _ => Ok(Reading::default()),
    }
}

fn turn(message: View<'_>) -> Result<Said, String> {
    let text = message.str("transcript").filter(|text| !text.is_empty());
    let text = text.or_else(|| message.str("utterance"));
    let text = text.ok_or("Turn: `transcript` is missing")?;
    let first = message.list("words").next();
    let last = message.list("words").next_back();
    let speaker = message.name("speaker_label").unwrap_or_else(|| "0".into());
    Ok(Said {
        track: speaker.clone(),
        speaker: vec![speaker],
        key: message.name("turn_order").map_or(Key::Open, Key::Stream),
        start: first.and_then(|word| word.millis("start")),
        end: last.and_then(|word| word.millis("end")),
        is_final: message.flag("end_of_turn").unwrap_or(false),
        text: text.to_owned(),
        ..Said::default()
    })
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use crate::wire::vendors::Format;
    use crate::wire::vendors::tests::told;

    fn turn(order: u64, label: &str, times: (u64, u64), end: bool, text: &str) -> Value {
        json!({"type": "Turn", "turn_order": order, "turn_is_formatted": false,
               "end_of_turn": end, "transcript": text, "speaker_label": label,
               "words": [{"text": "x", "start": times.0, "end": times.0 + 100},
                         {"text": "y", "start": times.1 - 100, "end": times.1}]})
    }

    pub fn call() -> Vec<Value> {
        let mut formatted = turn(1, "B", (12_400, 15_100), true, "I want to cancel.");
        formatted["turn_is_formatted"] = json!(true);
        vec![
            json!({"type": "Begin", "id": "s-1", "expires_at": 1_795_329_600}),
            turn(0, "A", (1_000, 3_000), true, "thank you for calling"),
            turn(1, "B", (12_400, 13_300), false, "i want to can"),
            turn(1, "B", (12_400, 15_100), true, "i want to cancel"),
            formatted,
            json!({"type": "Termination", "audio_duration_seconds": 20}),
        ]
    }

    #[test]
    fn a_turn_that_has_ended_is_not_heard_twice() {
        assert_eq!(
            told(Format::AssemblyAi, "A:agent,B:customer", &call()),
            [
                "start s-1",
                "#1 agent 1000-3000 thank you for calling",
                "#2 customer~ 12400-13300 i want to can",
                "#2 customer 12400-15100 i want to cancel",
                "end",
            ]
        );
    }

    #[test]
    fn turns_of_another_session_are_others() {
        let begin = |id: &str| json!({"type": "Begin", "id": id});
        let messages = [
            begin("s-1"),
            turn(0, "A", (1_000, 20_000), true, "one"),
            begin("s-2"),
            turn(0, "A", (1_000, 2_000), true, "two"),
        ];
        let facts = crate::wire::vendors::Facts { call_id: Some("c".into()), ..Default::default() };
        let mut line = crate::wire::vendors::tests::Line::with(Format::AssemblyAi, facts);
        for message in messages {
            line.read(&message.to_string()).unwrap();
        }
        assert_eq!(line.told[1..], ["#1 other 1000-20000 one", "#2 other 21000-22000 two"]);
    }
}
