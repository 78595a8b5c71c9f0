//! Speechmatics real-time.
//!
//! Schema: spec (Speechmatics real-time API description). `AddTranscript` holds the words that
//! are final since the last one; each goes on at once, the engine joins them to a turn, so
//! `EndOfUtterance` is not waited for. `AddPartialTranscript` holds all words after them.

use super::runs::{Word, pieces, runs};
use super::view::View;
use super::{Event, Reading, Said};

pub(super) fn read(message: View<'_>) -> Result<Reading, String> {
    let only = |event| Reading { events: vec![event], ..Reading::default() };
    Ok(match message.str("message").unwrap_or_default() {
        "RecognitionStarted" => {
            let id = message.name("id");
            Reading { call: id.clone(), stream: id, ..only(Event::Start) }
        }
        "AddTranscript" => Reading { events: said(message, true)?, ..Reading::default() },
        "AddPartialTranscript" => Reading { events: said(message, false)?, ..Reading::default() },
        "EndOfTranscript" => only(Event::End { reason: None }),
        _ => Reading::default(),
    })
}

fn said(message: View<'_>, is_final: bool) -> Result<Vec<Event>, String> {
    let metadata = message.get("metadata").unwrap_or(message);
    let text = metadata.str("transcript").or_else(|| message.str("transcript"));
    if text.is_none() && message.get("results").is_none() {
        return Err("`metadata.transcript` and `results` are missing".into());
    }
    let channel = message.name("channel");
    let words = message.list("results").map(|result| {
        let best = result.get("alternatives").and_then(View::first);
        Word {
            text: best.unwrap_or(result).str("content").unwrap_or_default().to_owned(),
            // Of several channels, the channel says who speaks.
            speaker: if channel.is_some() { None } else { best.and_then(|it| it.name("speaker")) },
            start: result.seconds("start_time"),
            end: result.seconds("end_time"),
            attached: result.says("type", "punctuation") && !result.says("attaches_to", "next"),
        }
    });
    let words: Vec<Word> = words.collect();
    let text = text.map(str::to_owned).unwrap_or_else(|| {
        let runs = runs(words.iter().map(|word| Word { speaker: None, ..word.clone() }));
        runs.into_iter().map(|run| run.text).collect()
    });
    let said = Said {
        track: channel.clone().unwrap_or_default(),
        speaker: channel.into_iter().collect(),
        start: metadata.seconds("start_time").or_else(|| words.first()?.start),
        end: metadata.seconds("end_time").or_else(|| words.last()?.end),
        is_final,
        text,
        ..Said::default()
    };
    Ok(pieces(said, words.into_iter()))
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use crate::wire::vendors::Format;
    use crate::wire::vendors::tests::told;

    fn said(kind: &str, who: &str, times: (f64, f64), text: &str) -> Value {
        let words: Vec<Value> = text
            .split_whitespace()
            .map(|word| {
                json!({"type": "word", "start_time": times.0, "end_time": times.1,
                       "alternatives": [{"content": word, "confidence": 0.9, "speaker": who}]})
            })
            .collect();
        json!({"message": kind, "format": "2.1", "results": words,
               "metadata": {"start_time": times.0, "end_time": times.1, "transcript": text}})
    }

    pub fn call() -> Vec<Value> {
        vec![
            json!({"message": "RecognitionStarted", "id": "s-1"}),
            json!({"message": "AudioAdded", "seq_no": 1}),
            said("AddTranscript", "S1", (1.0, 3.0), "Thank you for calling. "),
            said("AddPartialTranscript", "S2", (12.4, 13.3), "I want to can"),
            // Only part of it is final, and it begins a little later than was thought.
            said("AddTranscript", "S2", (12.5, 13.0), "I want "),
            said("AddPartialTranscript", "S2", (13.0, 13.3), "to can"),
            said("AddTranscript", "S2", (13.0, 13.4), "to cancel. "),
            json!({"message": "EndOfUtterance", "metadata": {"start_time": 13.4}}),
            json!({"message": "EndOfTranscript"}),
        ]
    }

    #[test]
    fn words_are_heard_once_however_they_are_cut() {
        assert_eq!(
            told(Format::Speechmatics, "S1:agent,S2:customer", &call()),
            [
                "start s-1",
                "#1 agent 1000-3000 Thank you for calling.",
                "#2 customer~ 12400-13300 I want to can",
                "#2 customer 12500-13000 I want",
                "#3 customer~ 13000-13300 to can",
                "#3 customer 13000-13400 to cancel.",
                "end",
            ]
        );
    }

    #[test]
    fn without_a_transcript_the_words_are_joined() {
        let mut message = said("AddTranscript", "S1", (1.0, 2.0), "Hello there");
        message.as_object_mut().unwrap().remove("metadata");
        message["results"]
            .as_array_mut()
            .unwrap()
            .push(json!({"type": "punctuation", "attaches_to": "previous", "start_time": 2.0,
                   "end_time": 2.0, "alternatives": [{"content": "."}]}));
        let told = told(Format::Speechmatics, "S1:agent", &[message]);
        assert_eq!(told[1], "#1 agent 1000-2000 Hello there.");
    }

    #[test]
    fn a_channel_names_its_speaker() {
        let mut message = said("AddTranscript", "S1", (1.0, 2.0), "Hello.");
        message["channel"] = json!("customer");
        assert_eq!(told(Format::Speechmatics, "", &[message])[1], "#1 customer 1000-2000 Hello.");
    }
}
