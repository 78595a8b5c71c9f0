//! Rev.ai streaming.
//!
//! Schema: spec (Rev.ai's Node SDK, its streaming responses). No end marker.

use super::view::View;
use super::{Event, Reading, Said};

pub(super) fn read(message: View<'_>) -> Result<Reading, String> {
    let is_final = match message.str("type").unwrap_or_default() {
        "connected" => {
            let id = message.name("id");
            let events = vec![Event::Start];
            return Ok(Reading { call: id.clone(), stream: id, events, ..Reading::default() });
        }
        "partial" => false,
        "final" => true,
        _ => return Ok(Reading::default()),
    };
    message.get("elements").ok_or("`elements` is missing")?;
    let said = Said {
        speaker: vec![message.name("speaker_id").unwrap_or_else(|| "0".into())],
        start: message.seconds("ts"),
        end: message.seconds("end_ts"),
        is_final,
        text: text(message),
        ..Said::default()
    };
    Ok(Reading { events: vec![Event::Said(said)], ..Reading::default() })
}

/// Finals bring their blanks as punctuation; partials are words alone.
fn text(message: View<'_>) -> String {
    let mut text = String::new();
    let mut after_word = false;
    for element in message.list("elements") {
        let is_word = !element.says("type", "punct");
        if is_word && after_word {
            text.push(' ');
        }
        text.push_str(element.str("value").unwrap_or_default());
        after_word = is_word;
    }
    text
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use crate::wire::vendors::Format;
    use crate::wire::vendors::tests::told;

    pub fn call() -> Vec<Value> {
        let text = |value: &str| json!({"type": "text", "value": value});
        let punct = |value: &str| json!({"type": "punct", "value": value});
        vec![
            json!({"type": "connected", "id": "s-1"}),
            json!({"type": "partial", "ts": 12.4, "end_ts": 13.2,
                   "elements": [text("i"), text("want")]}),
            json!({"type": "final", "ts": 12.4, "end_ts": 13.4, "speaker_id": 0,
                   "elements": [text("I"), punct(" "), text("want"), punct(" "), text("out"),
                                punct(".")]}),
        ]
    }

    #[test]
    fn finals_bring_their_blanks() {
        assert_eq!(
            told(Format::RevAi, "0:customer", &call()),
            ["start s-1", "#1 customer~ 12400-13200 i want", "#1 customer 12400-13400 I want out.",]
        );
    }
}
