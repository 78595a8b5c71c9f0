//! Amazon Transcribe, the output of a batch job.
//!
//! Schema: doc (Transcribe developer guide, batch output with speaker partitioning and channel
//! identification). Speakers are channels (`ch_0`) or labels (`spk_0`) and nobody says which is the
//! agent: `--roles 0:agent,1:customer` does. `audio_segments` are the pieces where there are any;
//! else words are joined while label and segment stay the same and no pause is longer than a
//! second (inferred). Punctuation has no times and belongs to the word before it.

use std::collections::HashMap;

use serde_json::Value;

use super::draft::{Draft, Piece, stream_ms};
use crate::wire::vendors::view::View;

/// A longer pause ends a piece, in milliseconds.
const PAUSE_MS: i64 = 1_000;

/// Reads one job.
///
/// # Errors
/// With the path of the field.
pub(super) fn read(document: &Value) -> Result<Draft, String> {
    let view = View(document);
    let results = view.get("results").ok_or("`results` is missing")?;
    let lang = results.name("language_code");
    let mut draft = Draft { id: view.name("jobName"), lang, ..Draft::default() };
    if results.list("audio_segments").next().is_some() {
        for segment in results.list("audio_segments") {
            draft.say(Piece {
                keys: label(segment).into_iter().collect(),
                role: None,
                start_ms: stream_ms(segment.seconds("start_time")),
                end_ms: stream_ms(segment.seconds("end_time")),
                text: segment.str("transcript").unwrap_or_default().to_owned(),
            });
        }
        return Ok(draft);
    }
    let segments = segments(results);
    let channels = results.get("channel_labels");
    let channels: Vec<View<'_>> = channels.iter().flat_map(|it| it.list("channels")).collect();
    for channel in &channels {
        words(channel.list("items"), label(*channel), &segments, &mut draft)
            .map_err(|error| format!("results.channel_labels.channels[].{error}"))?;
    }
    if channels.is_empty() {
        words(results.list("items"), None, &segments, &mut draft)
            .map_err(|error| format!("results.{error}"))?;
    }
    Ok(draft)
}

fn label(view: View<'_>) -> Option<String> {
    view.name("speaker_label").or_else(|| view.name("channel_label"))
}

/// Start of a word, as written → number of its segment, and its label.
type Segments = HashMap<String, (usize, Option<String>)>;

fn segments(results: View<'_>) -> Segments {
    let mut words = HashMap::new();
    let labels = results.get("speaker_labels");
    for (number, segment) in labels.iter().flat_map(|it| it.list("segments")).enumerate() {
        for word in segment.list("items") {
            if let Some(start) = word.name("start_time") {
                words.insert(start, (number, label(word).or_else(|| label(segment))));
            }
        }
    }
    words
}

/// Joins the words of `items` to pieces.
fn words<'a>(
    items: impl Iterator<Item = View<'a>>,
    channel: Option<String>,
    segments: &Segments,
    draft: &mut Draft,
) -> Result<(), String> {
    let mut open: Option<(Piece, Option<usize>)> = None;
    for (at, item) in items.enumerate() {
        let content =
            item.get("alternatives").and_then(View::first).and_then(|it| it.str("content"));
        let content = content.or_else(|| item.str("content"));
        let content =
            content.ok_or_else(|| format!("items[{at}] has no `alternatives[0].content`"))?;
        let start = stream_ms(item.seconds("start_time"));
        let Some(start_ms) = start.filter(|_| !item.says("type", "punctuation")) else {
            if let Some((piece, _)) = &mut open {
                piece.text += content;
            }
            continue;
        };
        let known = item.name("start_time").and_then(|start| segments.get(&start));
        let who = channel.clone().or_else(|| label(item)).or_else(|| known?.1.clone());
        let keys: Vec<String> = who.into_iter().collect();
        let segment = known.map(|(number, _)| *number);
        let end_ms = stream_ms(item.seconds("end_time")).unwrap_or(start_ms);
        if let Some((piece, of)) = &mut open
            && piece.keys == keys
            && *of == segment
            && start_ms - piece.end_ms.unwrap_or(start_ms) <= PAUSE_MS
        {
            piece.text.push(' ');
            piece.text += content;
            piece.end_ms = Some(end_ms);
            continue;
        }
        let piece = Piece {
            keys,
            role: None,
            start_ms: Some(start_ms),
            end_ms: Some(end_ms),
            text: content.to_owned(),
        };
        if let Some((done, _)) = open.replace((piece, segment)) {
            draft.say(done);
        }
    }
    if let Some((piece, _)) = open {
        draft.say(piece);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::corpus::import::Cast;
    use crate::wire::vendors::Roles;

    fn word(start: f64, text: &str) -> Value {
        json!({"type": "pronunciation", "start_time": start.to_string(), "end_time": (start + 0.25).to_string(),
               "alternatives": [{"content": text, "confidence": "0.99"}]})
    }

    fn stop() -> Value {
        json!({"type": "punctuation", "alternatives": [{"content": ".", "confidence": "0.0"}]})
    }

    fn told(results: Value) -> Vec<String> {
        let draft = read(&json!({"jobName": "j-1", "results": results})).unwrap();
        assert_eq!(draft.id.as_deref(), Some("j-1"));
        let roles = Roles::parse("0:agent,1:customer").unwrap();
        let call = Cast { roles, ..Cast::default() }.call(&draft, "j-1".into()).unwrap();
        let line = |turn: &crate::call::Turn| {
            let (start, end) = (turn.start_ms.unwrap(), turn.end_ms.unwrap());
            format!("{start}-{end} {}: {}", turn.speaker.name(), turn.text)
        };
        call.turns.iter().map(line).collect()
    }

    #[test]
    fn labels_of_segments_join_words() {
        let of =
            |start: f64, who: &str| json!({"start_time": start.to_string(), "speaker_label": who});
        let results = json!({
            "speaker_labels": {"speakers": 2, "segments": [
                {"start_time": "0.5", "speaker_label": "spk_0", "items": [of(0.5, "spk_0"), of(0.75, "spk_0")]},
                {"start_time": "1", "speaker_label": "spk_1", "items": [of(1.0, "spk_1")]},
                {"start_time": "1.25", "speaker_label": "spk_1", "items": [of(1.25, "spk_1")]}]},
            "items": [word(0.5, "Good"), word(0.75, "day"), stop(), word(1.0, "Hm"), word(1.25, "Yes"), stop()]});
        assert_eq!(
            told(results),
            ["500-1000 agent: Good day.", "1000-1250 customer: Hm", "1250-1500 customer: Yes."]
        );
    }

    #[test]
    fn channels_and_audio_segments_are_pieces() {
        let results = json!({"channel_labels": {"number_of_channels": 2, "channels": [
            {"channel_label": "ch_0", "items": [word(0.0, "Hello"), stop(), word(3.0, "So")]},
            {"channel_label": "ch_1", "items": [word(1.0, "Hi")]}]}, "items": [word(0.0, "Hello")]});
        assert_eq!(
            told(results),
            ["0-250 agent: Hello.", "1000-1250 customer: Hi", "3000-3250 agent: So"]
        );
        let results = json!({"audio_segments": [{"id": 0, "transcript": "Hello.", "start_time": "0.5",
            "end_time": "1.25", "speaker_label": "spk_1", "items": [0, 1]}], "items": [word(0.5, "Hello")]});
        assert_eq!(told(results), ["500-1250 customer: Hello."]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_path() {
        let error = read(&json!({"results": {"items": [{"type": "pronunciation"}]}})).unwrap_err();
        assert!(error.starts_with("results.items[0] has no"), "{error}");
        let draft = read(&json!({"results": {"items": [word(0.0, "hi")]}})).unwrap();
        let error = Cast::default().call(&draft, "c".into()).unwrap_err();
        assert!(error.contains("nothing says who speaks"), "{error}");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(said in prop::collection::vec((any::<bool>(), prop::collection::vec("[a-z]{1,6}", 1..5)), 1..12)) {
            let (mut items, mut lines, mut at) = (Vec::new(), Vec::new(), 0.0);
            for (agent, words) in &said {
                let begin = at;
                for text in words {
                    let mut item = word(at, text);
                    item["speaker_label"] = json!(if *agent { "spk_0" } else { "spk_1" });
                    items.push(item);
                    at += 0.25;
                }
                let who = if *agent { "agent" } else { "customer" };
                lines.push(format!("{}-{} {who}: {}", begin * 1e3, at * 1e3, words.join(" ")));
                at += 2.0;
            }
            prop_assert_eq!(told(json!({"items": items})), lines);
        }
    }
}
