//! Vosk server: partials and results of one stream.
//!
//! Schema: spec (vosk-server's own source, `asr_server.py`). There are no ids, no channel and no
//! end marker: one socket is one speaker, named by the URL (`roles=customer`), and the call ends
//! with it. A client may use a socket for each side of the same `call_id`.

use super::view::View;
use super::{Event, Reading, Said};

pub(super) fn read(message: View<'_>) -> Result<Reading, String> {
    let best = message.get("alternatives").and_then(View::first).unwrap_or(message);
    let (text, is_final) = match (best.str("text"), message.str("partial")) {
        (Some(text), _) => (text, true),
        (None, Some(text)) => (text, false),
        (None, None) => return Ok(Reading::default()),
    };
    let words = || best.list("result");
    let confidences: Vec<f64> = words().filter_map(|word| word.confidence("conf")).collect();
    let number = confidences.len() as f64;
    let said = Said {
        speaker: vec!["0".into()],
        start: words().next().and_then(|word| word.seconds("start")),
        end: words().next_back().and_then(|word| word.seconds("end")),
        is_final,
        text: text.to_owned(),
        confidence: (number > 0.0).then(|| confidences.iter().sum::<f64>() / number),
        ..Said::default()
    };
    Ok(Reading { events: vec![Event::Said(said)], ..Reading::default() })
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use crate::wire::vendors::Format;
    use crate::wire::vendors::tests::told;

    pub fn call() -> Vec<Value> {
        vec![
            json!({"partial": ""}),
            json!({"partial": "i want"}),
            json!({"partial": "i want"}),
            json!({"result": [{"conf": 0.9, "start": 12.4, "end": 12.6, "word": "i"},
                              {"conf": 0.7, "start": 12.6, "end": 13.0, "word": "want"},
                              {"conf": 0.8, "start": 13.0, "end": 13.4, "word": "out"}],
                   "text": "i want out"}),
            json!({"partial": "get me"}),
        ]
    }

    #[test]
    fn one_socket_is_one_speaker() {
        assert_eq!(
            told(Format::Vosk, "customer", &call()),
            [
                "start vosk-n",
                "#1 customer~ - i want",
                "#1 customer 12400-13400 i want out",
                "#2 customer~ - get me",
            ]
        );
    }

    #[test]
    fn the_same_word_said_twice_stays_twice() {
        let messages = [json!({"text": "yes"}), json!({"text": "yes"}), json!({"text": ""})];
        assert_eq!(
            told(Format::Vosk, "customer", &messages)[1..],
            ["#1 customer - yes", "#2 customer - yes"]
        );
    }
}
