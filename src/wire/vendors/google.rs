//! Google Speech-to-Text v2 (and v1): `StreamingRecognizeResponse` as JSON.
//!
//! Schema: spec (Google's `cloud_speech.proto`). Nothing has an id. Interim results of one
//! channel follow each other within a response, so they are one partial together. No end marker.

use super::roles::of_stereo;
use super::runs::{Word, pieces};
use super::view::View;
use super::{About, Event, Reading, Said, Time};

pub(super) fn read(message: View<'_>) -> Result<Reading, String> {
    let mut reading = Reading::default();
    for result in message.list("results") {
        let Some(best) = result.get("alternatives").and_then(View::first) else { continue };
        reading.about = About { lang: result.name("languageCode"), ..About::default() };
        let said = said(result, best);
        if let (false, Some(Event::Said(last))) = (said.is_final, reading.events.last_mut())
            && !last.is_final
            && last.track == said.track
        {
            last.text.push_str(&said.text);
            last.end = said.end.or(last.end);
            continue;
        }
        let words = own_words(best).map(|word| Word {
            text: word.str("word").unwrap_or_default().to_owned(),
            speaker: word.name("speakerLabel").or_else(|| tag(word, "speakerTag")),
            start: begins(word),
            end: word.duration("endOffset").or_else(|| word.duration("endTime")),
            attached: false,
        });
        reading.events.extend(pieces(said, words));
    }
    Ok(reading)
}

/// The words of this result: with speakers, all words since the stream began are listed.
fn own_words(best: View<'_>) -> impl Iterator<Item = View<'_>> {
    let all = best.list("words").count();
    let own = best.str("transcript").map_or(all, |text| text.split_whitespace().count());
    best.list("words").skip(all.saturating_sub(own))
}

/// A number that counts from 1; 0 is none.
fn tag(view: View<'_>, name: &str) -> Option<String> {
    view.name(name).filter(|tag| tag != "0")
}

fn begins(word: View<'_>) -> Option<Time> {
    word.duration("startOffset").or_else(|| word.duration("startTime"))
}

fn said(result: View<'_>, best: View<'_>) -> Said {
    let channel = tag(result, "channelTag");
    let number: Option<usize> = channel.as_deref().and_then(|tag| tag.parse().ok());
    Said {
        track: channel.clone().unwrap_or_default(),
        // Channels count from 1.
        role: number.and_then(|number| of_stereo(number.checked_sub(1)?, 2)),
        speaker: channel.into_iter().collect(),
        start: own_words(best).next().and_then(begins),
        end: result.duration("resultEndOffset").or_else(|| result.duration("resultEndTime")),
        is_final: result.flag("isFinal").unwrap_or(false),
        text: best.str("transcript").unwrap_or_default().to_owned(),
        confidence: best.confidence("confidence"),
        ..Said::default()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use crate::wire::vendors::Format;
    use crate::wire::vendors::tests::told;

    fn result(channel: u64, end: &str, is_final: bool, text: &str) -> Value {
        json!({"alternatives": [{"transcript": text, "confidence": 0.93}], "isFinal": is_final,
               "resultEndOffset": end, "channelTag": channel, "languageCode": "en-us"})
    }

    pub fn call() -> Vec<Value> {
        vec![
            json!({"speechEventType": "SPEECH_ACTIVITY_BEGIN", "speechEventOffset": "0.5s"}),
            json!({"results": [result(2, "3s", true, "Thank you for calling.")]}),
            json!({"results": [result(1, "13s", false, "I want"), result(1, "13.300s", false, " to can")]}),
            json!({"results": [result(1, "15.100s", true, " I want to cancel."),
                               result(2, "15.200s", false, "Let")]}),
            json!({"results": [result(2, "16s", true, "Let me see.")]}),
        ]
    }

    /// A stream may last five minutes; the next begins at 0 again.
    #[test]
    fn a_stream_that_begins_again_goes_on_after_the_first() {
        let messages = [
            json!({"results": [result(1, "290s", true, "Wait.")]}),
            json!({"results": [result(1, "3.5s", true, "Hello again.")]}),
        ];
        assert_eq!(
            told(Format::Google, "", &messages)[1..],
            ["#1 customer -290000 Wait.", "#2 customer -293500 Hello again."]
        );
    }

    #[test]
    fn with_speakers_all_words_are_listed_again() {
        let word = |text: &str, tag: u64, at: f64| {
            json!({"word": text, "speakerTag": tag, "startTime": format!("{at}s"),
                   "endTime": {"seconds": at as u64 + 1, "nanos": 0}})
        };
        let final_of = |text: &str, end: &str, words: &[Value]| {
            json!({"results": [{"isFinal": true, "resultEndTime": end,
                   "alternatives": [{"transcript": text, "words": words}]}]})
        };
        let words = [
            word("hello", 2, 1.0),
            word("where", 2, 20.0),
            word("is", 2, 21.0),
            word("here", 1, 22.0),
        ];
        // Who said the first word was thought otherwise then.
        let first = [word("hello", 1, 1.0)];
        let messages = [
            final_of("hello", "2s", &first),
            final_of("where is here", "23s", &words),
            final_of("", "24s", &words),
        ];
        assert_eq!(
            told(Format::Google, "1:agent,2:customer", &messages)[1..],
            [
                "#1 agent 1000-2000 hello",
                "#2 customer 20000-22000 where is",
                "#3 agent 22000-23000 here"
            ]
        );
    }

    #[test]
    fn interim_results_of_a_channel_are_one_partial() {
        assert_eq!(
            told(Format::Google, "", &call()),
            [
                "start google-n en-us",
                "#1 agent -3000 Thank you for calling.",
                "#2 customer~ -13300 I want to can",
                "#2 customer -15100 I want to cancel.",
                "#3 agent~ -15200 Let",
                "#3 agent -16000 Let me see.",
            ]
        );
    }
}
