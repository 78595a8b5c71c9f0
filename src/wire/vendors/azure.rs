//! Azure Speech: frames of the speech service (headers, a blank line, JSON), or their JSON alone.
//!
//! Schema: spec (Microsoft's JavaScript speech SDK, its service messages). Times are ticks of
//! 100 ns. A phrase without success is the end of a hypothesis that turned out to be nothing.

use serde_json::Value;

use super::view::{View, same};
use super::{Event, Reading, Said};

pub(super) fn read(message: View<'_>) -> Result<Reading, String> {
    // The JavaScript SDK's objects, written out, keep what the service sent as text.
    let result = message.get("privResult").unwrap_or(message);
    let sent = result.str("privJson").and_then(|text| serde_json::from_str::<Value>(text).ok());
    let sent = sent.filter(|sent| sent.get("privJson").is_none());
    if let Some(sent) = sent {
        return read(View(&sent));
    }
    let path = message.str("Path").unwrap_or_default().to_ascii_lowercase();
    let events = match path.as_str() {
        "turn.end" => vec![Event::End { reason: None }],
        "speech.phrase" => vec![Event::Said(phrase(message))],
        "speech.hypothesis" | "speech.fragment" => vec![Event::Said(hypothesis(message)?)],
        "" if message.get("RecognitionStatus").is_some() => vec![Event::Said(phrase(message))],
        // An SDK's object says by its reason which of both it is.
        "" if is_recognised(message) => vec![Event::Said(phrase(message))],
        "" if message.str("Text").is_some() => vec![Event::Said(hypothesis(message)?)],
        _ => Vec::new(),
    };
    Ok(Reading { stream: message.name("X-RequestId"), events, ..Reading::default() })
}

/// `RecognizedSpeech`, by name or number.
fn is_recognised(message: View<'_>) -> bool {
    message.number("reason") == Some(3.0)
        || message.str("reason").is_some_and(|reason| same(reason, "RecognizedSpeech"))
}

fn hypothesis(message: View<'_>) -> Result<Said, String> {
    let text = message.str("Text").ok_or("speech.hypothesis: `Text` is missing")?;
    Ok(Said { text: text.to_owned(), ..said(message) })
}

fn phrase(message: View<'_>) -> Said {
    let best = message.get("NBest").and_then(View::first);
    let words = |name| best.and_then(|best| best.str(name)).filter(|text| !text.is_empty());
    let text = message.str("DisplayText").or_else(|| message.str("Text"));
    let text = text.filter(|text| !text.is_empty()).or_else(|| words("Display"));
    let text = text.or_else(|| words("Lexical")).unwrap_or_default();
    let success = message.str("RecognitionStatus").is_none_or(|it| it == "Success");
    Said {
        is_final: true,
        text: if success { text.to_owned() } else { String::new() },
        confidence: best.and_then(|best| best.confidence("Confidence")),
        ..said(message)
    }
}

fn said(message: View<'_>) -> Said {
    let channel = message.name("Channel");
    let start = message.ticks("Offset").or_else(|| message.ticks("OffsetInTicks"));
    let speaker = message.name("SpeakerId").into_iter().chain(channel.clone());
    Said {
        speaker: speaker.chain(channel.is_none().then(|| "0".to_owned())).collect(),
        track: channel.unwrap_or_default(),
        start,
        end: start.map(|start| start.plus(message.ticks("Duration"))),
        ..Said::default()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use crate::wire::vendors::Format;
    use crate::wire::vendors::tests::{Line, told};

    pub fn call() -> Vec<Value> {
        vec![
            json!({"RecognitionStatus": "Success", "DisplayText": "Thank you.",
                   "Offset": 10_000_000, "Duration": 20_000_000, "Channel": 1,
                   "NBest": [{"Confidence": "0.93", "Lexical": "thank you"}]}),
            json!({"Text": "i want to can", "Offset": 124_000_000, "Duration": 9_000_000,
                   "Channel": 0}),
            json!({"RecognitionStatus": "Success", "Offset": 124_000_000, "Duration": 27_000_000,
                   "Channel": 0, "NBest": [{"Confidence": 0.93, "Display": "I want to cancel."}]}),
            json!({"RecognitionStatus": "NoMatch", "Offset": 160_000_000, "Duration": 0}),
        ]
    }

    fn told_of_a_call(start: &str) -> Vec<String> {
        [
            start,
            "#1 agent 1000-3000 Thank you.",
            "#2 customer~ 12400-13300 i want to can",
            "#2 customer 12400-15100 I want to cancel.",
        ]
        .map(str::to_owned)
        .to_vec()
    }

    #[test]
    fn json_alone() {
        let told = told(Format::Azure, "0:customer,1:agent", &call());
        assert_eq!(told, told_of_a_call("start azure-n"));
    }

    #[test]
    fn objects_of_the_javascript_sdk_keep_what_was_sent() {
        let sent: Vec<Value> = call()
            .into_iter()
            .map(|message| {
                let result = json!({"privReason": 3, "privText": "x",
                                    "privJson": message.to_string()});
                json!({"privOffset": 1, "privResult": result, "privSessionId": "s"})
            })
            .collect();
        for format in [Format::Azure, Format::Auto] {
            let told = told(format, "0:customer,1:agent", &sent);
            assert_eq!(told, told_of_a_call("start azure-n"));
        }
    }

    #[test]
    fn objects_of_an_sdk_and_empty_display_texts() {
        let said = |reason: Value, text: &str| {
            json!({"resultId": "r", "reason": reason, "text": text, "offset": 10_000_000,
                   "duration": 5_000_000, "speakerId": "Guest-1"})
        };
        let messages = [
            said(json!(2), "i want"),
            said(json!("RecognizedSpeech"), "I want out."),
            json!({"RecognitionStatus": "Success", "DisplayText": "", "Offset": 20_000_000,
                   "Duration": 5_000_000, "NBest": [{"Display": "", "Lexical": "now"}]}),
        ];
        for format in [Format::Azure, Format::Auto] {
            assert_eq!(
                told(format, "Guest-1:customer", &messages)[1..],
                [
                    "#1 customer~ 1000-1500 i want",
                    "#1 customer 1000-1500 I want out.",
                    "#2 other 2000-2500 now"
                ]
            );
        }
    }

    #[test]
    fn frames_with_headers() {
        for format in [Format::Azure, Format::Auto] {
            let mut line = Line::new(format, "0:customer,1:agent");
            for message in call() {
                let path = if message.get("Text").is_some() { "hypothesis" } else { "phrase" };
                let frame = format!("Path: speech.{path}\r\nX-RequestId: 4C1F\r\n\r\n{message}");
                line.read(&frame).unwrap();
            }
            assert_eq!(line.told, told_of_a_call("start azure-n"));
            line.read("Path: turn.end\r\nX-RequestId: 4C1F\r\n\r\n{}").unwrap();
            assert_eq!(line.told.pop().unwrap(), "end");
        }
    }
}
