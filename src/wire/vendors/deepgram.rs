//! Deepgram live: `Results` of v1, `TurnInfo` of v2 (Flux).
//!
//! Schema: spec (Deepgram's AsyncAPI description; guides "Callback", "Utterance End", "Multichannel").
//! `is_final` pieces go on at once, each as a final chunk: the engine joins them to a turn, so
//! there is no need to wait for `speech_final`. `Metadata` is the last message of a stream.

use super::roles::of_stereo;
use super::runs::{Word, pieces};
use super::view::View;
use super::{Event, Key, Reading, Said};

pub(super) fn read(message: View<'_>) -> Result<Reading, String> {
    let request = message.name("request_id");
    let request = request.or_else(|| message.get("metadata")?.name("request_id"));
    let events = match message.str("type") {
        Some("TurnInfo") => vec![Event::Said(turn(message))],
        Some("Metadata") => vec![Event::End { reason: None }],
        Some("Results") => results(message)?,
        None if message.get("channel").is_some() => results(message)?,
        // A host of Flux leaves its type away.
        None if message.get("event").is_some() => vec![Event::Said(turn(message))],
        _ => Vec::new(),
    };
    Ok(Reading { call: request.clone(), stream: request, events, ..Reading::default() })
}

fn results(message: View<'_>) -> Result<Vec<Event>, String> {
    let best = message.at(&["channel", "alternatives"]).and_then(View::first);
    if best.is_none() && message.at(&["channel", "alternatives"]).is_some() {
        return Ok(Vec::new());
    }
    let best = best.ok_or("Results: `channel.alternatives` is missing")?;
    let mut index = message.list("channel_index").filter_map(|view| view.0.as_u64());
    let channel = index.next().unwrap_or(0);
    let channels = index.next().unwrap_or(1);
    let start = message.seconds("start");
    let words = best.list("words").map(|word| Word {
        text: word.str("punctuated_word").or(word.str("word")).unwrap_or_default().to_owned(),
        // Of several channels, the channel says who speaks.
        speaker: if channels > 1 { None } else { word.name("speaker") },
        start: word.seconds("start"),
        end: word.seconds("end"),
        attached: false,
    });
    let is_diarised = channels == 1 && best.list("words").any(|word| word.get("speaker").is_some());
    let said = Said {
        track: channel.to_string(),
        speaker: if is_diarised { Vec::new() } else { vec![channel.to_string()] },
        role: of_stereo(channel as usize, channels as usize),
        start,
        end: start.map(|start| start.plus(message.seconds("duration"))),
        is_final: message.flag("is_final").unwrap_or(true),
        text: best.str("transcript").unwrap_or_default().to_owned(),
        confidence: best.confidence("confidence"),
        ..Said::default()
    };
    Ok(pieces(said, words))
}

/// A turn of Flux: one stream has one speaker.
fn turn(message: View<'_>) -> Said {
    Said {
        speaker: vec!["0".into()],
        key: message.name("turn_index").map_or(Key::Open, Key::Stream),
        start: message.seconds("audio_window_start"),
        end: message.seconds("audio_window_end"),
        is_final: message.says("event", "EndOfTurn"),
        text: message.str("transcript").unwrap_or_default().to_owned(),
        ..Said::default()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use crate::wire::vendors::Format;
    use crate::wire::vendors::tests::told;

    fn result(channel: u64, start: f64, duration: f64, is_final: bool, text: &str) -> Value {
        json!({"type": "Results", "channel_index": [channel, 2], "start": start,
               "duration": duration, "is_final": is_final, "speech_final": false,
               "channel": {"alternatives": [{"transcript": text, "confidence": 0.98, "words": []}]},
               "metadata": {"request_id": "r-1", "model_info": {"name": "nova-3"}}})
    }

    pub fn call() -> Vec<Value> {
        vec![
            result(1, 1.0, 2.0, true, "Thank you for calling."),
            result(0, 12.4, 1.0, false, "i want to can"),
            result(0, 12.4, 1.6, true, "I want to cancel."),
            result(0, 14.0, 0.5, false, "get me your man"),
            result(0, 14.0, 1.1, true, "Get me your manager."),
            json!({"type": "UtteranceEnd", "channel": [0, 2], "last_word_end": 15.1}),
            result(0, 15.1, 1.0, true, ""),
            json!({"type": "Metadata", "request_id": "r-1", "duration": 20.0, "channels": 2}),
        ]
    }

    #[test]
    fn pieces_go_on_at_once_and_metadata_ends_the_call() {
        assert_eq!(
            told(Format::Deepgram, "0:customer,1:agent", &call()),
            [
                "start r-1",
                "#1 agent 1000-3000 Thank you for calling.",
                "#2 customer~ 12400-13400 i want to can",
                "#2 customer 12400-14000 I want to cancel.",
                "#3 customer~ 14000-14500 get me your man",
                "#3 customer 14000-15100 Get me your manager.",
                "end",
            ]
        );
    }

    #[test]
    fn a_partial_that_turns_out_to_be_nothing_is_taken_back() {
        let messages = [result(0, 1.0, 1.0, false, "uh"), result(0, 1.0, 1.2, true, "")];
        let told = told(Format::Deepgram, "", &messages);
        assert_eq!(told[1..], ["#1 customer~ 1000-2000 uh", "#1 customer 1000-2200 "]);
    }

    #[test]
    fn speakers_of_one_channel_are_cut_apart() {
        let word = |text: &str, speaker: u64, start: f64| {
            json!({"word": text, "punctuated_word": text, "speaker": speaker, "start": start,
                   "end": start + 0.5})
        };
        let message = json!({"type": "Results", "channel_index": [0, 1], "start": 0.5,
            "duration": 4.0, "is_final": true, "channel": {"alternatives": [{
            "transcript": "Who is it? Me.", "words": [word("Who", 0, 1.0), word("is", 0, 1.5),
            word("it?", 0, 2.0), word("Me.", 1, 3.0)]}]}});
        let told = told(Format::Deepgram, "0:agent,1:customer", &[message]);
        assert_eq!(told[1..], ["#1 agent 1000-2500 Who is it?", "#2 customer 3000-3500 Me."]);
    }

    #[test]
    fn flux_turns_are_rewritten_until_they_end() {
        let turn = |event: &str, text: &str| {
            json!({"type": "TurnInfo", "request_id": "r-1", "event": event, "turn_index": 3,
                   "audio_window_start": 12.4, "audio_window_end": 15.1, "transcript": text})
        };
        let messages = [turn("Update", "I want"), turn("EndOfTurn", "I want to cancel.")];
        let told = told(Format::Deepgram, "customer", &messages);
        assert_eq!(
            told[1..],
            ["#1 customer~ 12400-15100 I want", "#1 customer 12400-15100 I want to cancel."]
        );
    }

    #[test]
    fn flux_without_type_and_number_and_results_without_words() {
        let turn = |event: &str, text: &str| json!({"event": event, "transcript": text});
        let silence = json!({"type": "Results", "channel": {"alternatives": []}});
        let messages = [silence, turn("StartOfTurn", "Hel"), turn("EndOfTurn", "Hello.")];
        let told = told(Format::Deepgram, "", &messages);
        assert_eq!(told[1..], ["#1 other~ - Hel", "#1 other - Hello."]);
    }

    #[test]
    fn a_stream_that_begins_again_goes_on_after_the_first() {
        let facts = crate::wire::vendors::Facts { call_id: Some("c".into()), ..Default::default() };
        let mut line = crate::wire::vendors::tests::Line::with(Format::Deepgram, facts);
        let mut again = result(0, 0.5, 1.0, true, "Hello again.");
        again["metadata"]["request_id"] = json!("r-2");
        for message in [result(0, 60.0, 2.0, true, "Wait."), again] {
            line.read(&message.to_string()).unwrap();
        }
        assert_eq!(
            line.told[1..],
            ["#1 customer 60000-62000 Wait.", "#2 customer 62500-63500 Hello again."]
        );
    }
}
