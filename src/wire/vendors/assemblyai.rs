//! AssemblyAI Universal-Streaming v3.
//!
//! Schema: spec (AssemblyAI API description, "Universal-Streaming messages"; guide "Streaming
//! diarization"). The versions of a turn share its `turn_order`. With `format_turns`, a turn ends
//! twice, unformatted and then formatted; [`hold`](super::hold) waits for the second. Words of
//! several speakers are cut apart. Speakers that are revised after the end come too late.

use super::runs::{Word, pieces};
use super::view::View;
use super::{Event, Key, Reading, Said};

pub(super) fn read(message: View<'_>) -> Result<Reading, String> {
    match message.str("type").unwrap_or_default() {
        "Begin" => {
            let id = message.name("id");
            let events = vec![Event::Start];
            Ok(Reading { call: id.clone(), stream: id, events, ..Reading::default() })
        }
        "Turn" => Ok(Reading { events: turn(message)?, ..Reading::default() }),
        "Termination" => {
            Ok(Reading { events: vec![Event::End { reason: None }], ..Reading::default() })
        }
        _ => Ok(Reading::default()),
    }
}

fn turn(message: View<'_>) -> Result<Vec<Event>, String> {
    let text = message.str("transcript").or_else(|| message.str("utterance"));
    let text = text.map(str::to_owned).or_else(|| joined(message));
    let text = text.ok_or("Turn: `transcript` is missing")?;
    let label = message.name("speaker_label");
    let words = message.list("words").map(|word| Word {
        text: word.str("text").unwrap_or_default().to_owned(),
        speaker: word.name("speaker").filter(|name| name != "UNKNOWN"),
        start: word.millis("start"),
        end: word.millis("end"),
        attached: false,
    });
    let is_diarised = message.list("words").any(|word| word.name("speaker").is_some());
    let is_final = message.flag("end_of_turn").unwrap_or(false);
    let said = Said {
        track: label.clone().unwrap_or_default(),
        // Where words name their speakers, that of the turn is only the one who spoke most.
        speaker: label.filter(|_| !is_diarised).into_iter().collect(),
        key: message.name("turn_order").map_or(Key::Open, Key::Stream),
        start: message.list("words").next().and_then(|word| word.millis("start")),
        end: message.list("words").next_back().and_then(|word| word.millis("end")),
        is_final,
        is_draft: is_final && message.flag("turn_is_formatted") == Some(false),
        text,
        ..Said::default()
    };
    Ok(pieces(said, words))
}

/// The words, when nobody put them together.
fn joined(message: View<'_>) -> Option<String> {
    message.get("words")?;
    let words: Vec<&str> = message.list("words").filter_map(|word| word.str("text")).collect();
    Some(words.join(" "))
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use crate::wire::vendors::tests::{Line, told};
    use crate::wire::vendors::{Facts, Format};

    fn turn(order: u64, label: &str, times: (u64, u64), end: bool, text: &str) -> Value {
        json!({"type": "Turn", "turn_order": order, "turn_is_formatted": false,
               "end_of_turn": end, "transcript": text, "speaker_label": label,
               "words": [{"text": "x", "start": times.0, "end": times.0 + 100},
                         {"text": "y", "start": times.1 - 100, "end": times.1}]})
    }

    fn formatted(mut turn: Value, text: &str) -> Value {
        turn["turn_is_formatted"] = json!(true);
        turn["transcript"] = json!(text);
        turn
    }

    pub fn call() -> Vec<Value> {
        let first = turn(0, "A", (1_000, 3_000), true, "thank you for calling");
        let second = turn(1, "B", (12_400, 15_100), true, "i want to cancel");
        vec![
            json!({"type": "Begin", "id": "s-1", "expires_at": 1_795_329_600}),
            first.clone(),
            formatted(first, "Thank you for calling."),
            turn(1, "B", (12_400, 13_300), false, "i want to can"),
            second.clone(),
            formatted(second, "I want to cancel."),
            json!({"type": "SpeakerRevision", "revisions": []}),
            json!({"type": "Termination", "audio_duration_seconds": 20}),
        ]
    }

    #[test]
    fn the_formatted_turn_is_the_one_that_is_heard() {
        assert_eq!(
            told(Format::AssemblyAi, "A:agent,B:customer", &call()),
            [
                "start s-1",
                "#1 agent~ 1000-3000 thank you for calling",
                "#1 agent 1000-3000 Thank you for calling.",
                "#2 customer~ 12400-13300 i want to can",
                "#2 customer~ 12400-15100 i want to cancel",
                "#2 customer 12400-15100 I want to cancel.",
                "end",
            ]
        );
    }

    #[test]
    fn turns_that_are_never_formatted_wait_once() {
        let messages = [
            turn(0, "A", (1_000, 2_000), true, "one"),
            turn(1, "A", (3_000, 4_000), false, "tw"),
            turn(1, "A", (3_000, 4_000), true, "two"),
            turn(2, "A", (5_000, 6_000), true, "three"),
            // One is formatted after all, so the next is waited for.
            formatted(turn(3, "A", (7_000, 8_000), true, ""), "Four."),
            turn(4, "A", (9_000, 9_500), true, "five"),
            json!({"type": "Termination"}),
        ];
        assert_eq!(
            told(Format::AssemblyAi, "A:agent", &messages)[1..],
            [
                "#1 agent~ 1000-2000 one",
                "#1 agent 1000-2000 one",
                "#2 agent~ 3000-4000 tw",
                "#2 agent 3000-4000 two",
                "#3 agent 5000-6000 three",
                "#4 agent 7000-8000 Four.",
                "#5 agent~ 9000-9500 five",
                "#5 agent 9000-9500 five",
                "end",
            ]
        );
    }

    #[test]
    fn a_turn_without_a_number_waits_too() {
        let strip = |mut turn: Value| {
            turn.as_object_mut().unwrap().remove("turn_order");
            turn
        };
        let one = turn(0, "A", (1_000, 2_000), true, "one");
        let messages = [
            strip(one.clone()),
            strip(formatted(one, "One.")),
            strip(turn(0, "A", (3_000, 4_000), true, "two")),
            strip(turn(0, "A", (5_000, 6_000), false, "thr")),
        ];
        assert_eq!(
            told(Format::AssemblyAi, "A:agent", &messages)[1..],
            [
                "#1 agent~ 1000-2000 one",
                "#1 agent 1000-2000 One.",
                "#2 agent~ 3000-4000 two",
                "#2 agent 3000-4000 two",
                "#3 agent~ 5000-6000 thr",
            ]
        );
    }

    #[test]
    fn speakers_of_one_turn_are_cut_apart() {
        let word = |text: &str, speaker: &str, start: u64| json!({"text": text, "start": start, "end": start + 400, "speaker": speaker});
        let ended = |is_formatted: bool, words: Value| {
            json!({"type": "Turn", "turn_order": 7, "turn_is_formatted": is_formatted,
                   "end_of_turn": true, "transcript": "all of it", "speaker_label": "A",
                   "words": words})
        };
        let plain = [word("any", "UNKNOWN", 0), word("news", "A", 500), word("no", "B", 1_500)];
        let nice = [word("Any", "A", 0), word("news?", "A", 500), word("No.", "B", 1_500)];
        let messages = [ended(false, json!(plain)), ended(true, json!(nice))];
        assert_eq!(
            told(Format::AssemblyAi, "A:agent,B:customer", &messages)[1..],
            [
                "#1 agent~ 0-900 any news",
                "#1 agent~ 0-1900 any news no",
                "#1 agent 0-900 Any news?",
                "#2 customer 1500-1900 No.",
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
            json!({"type": "Termination"}),
        ];
        let facts = Facts { call_id: Some("c".into()), ..Default::default() };
        let mut line = Line::with(Format::AssemblyAi, facts);
        for message in messages {
            line.read(&message.to_string()).unwrap();
        }
        assert_eq!(
            line.told[1..],
            [
                "#1 other~ 1000-20000 one",
                "#1 other 1000-20000 one",
                "#2 other 21000-22000 two",
                "end"
            ]
        );
    }
}
