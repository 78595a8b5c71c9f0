//! Text that a call is looked for by.

use serde_json::Value;

use crate::engine::effects::CallView;

/// More words make a search no better.
const MAX_WORDS: usize = 8;

/// A call matches when its id, or the value of an attribute, is or begins with the whole text, or
/// when each of its words is somewhere in the transcript, also as a part of a longer word. Case
/// does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    whole: String,
    words: Vec<String>,
}

impl Search {
    /// Reads `q`.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(text: &str) -> Result<Search, String> {
        let mut whole = String::new();
        fold(text.trim(), &mut whole);
        let words: Vec<String> = whole.split_whitespace().map(str::to_owned).collect();
        match words.len() {
            0 => Err("`q` is blank; leave it out or name a word".into()),
            1..=MAX_WORDS => Ok(Search { whole, words }),
            _ => Err(format!("`q` has more than {MAX_WORDS} words; leave the common ones out")),
        }
    }

    /// Whether the call is found without its transcript.
    pub fn names(&self, view: &CallView) -> bool {
        let mut folded = String::new();
        let mut begins = |text: &str| {
            fold(text, &mut folded);
            folded.starts_with(&self.whole)
        };
        begins(&view.call_id) || view.attributes.values().any(|value| leaf(value, &mut begins))
    }

    /// Begins to read a transcript.
    pub fn listener(&self) -> Listener<'_> {
        Listener { missing: self.words.iter().map(String::as_str).collect(), folded: String::new() }
    }
}

/// Whether any text, number or truth value of an attribute is meant.
fn leaf(value: &Value, is_meant: &mut impl FnMut(&str) -> bool) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => is_meant(text),
        Value::Bool(_) | Value::Number(_) => is_meant(&value.to_string()),
        Value::Array(values) => values.iter().any(|value| leaf(value, is_meant)),
        Value::Object(fields) => fields.values().any(|value| leaf(value, is_meant)),
    }
}

/// One call's transcript being searched.
#[derive(Debug)]
pub struct Listener<'a> {
    missing: Vec<&'a str>,
    folded: String,
}

impl Listener<'_> {
    /// Takes in a chunk; true once every word was there.
    pub fn hears(&mut self, text: &str) -> bool {
        fold(text, &mut self.folded);
        self.missing.retain(|word| !self.folded.contains(word));
        self.missing.is_empty()
    }
}

/// Lower case, into a buffer that is used again.
fn fold(text: &str, into: &mut String) {
    into.clear();
    if text.is_ascii() {
        into.push_str(text);
        into.make_ascii_lowercase();
    } else {
        into.extend(text.chars().flat_map(char::to_lowercase));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn view(call_id: &str, attributes: Value) -> CallView {
        let view = json!({"call_id": call_id, "queue": null, "team": null, "agent_id": null,
            "attributes": attributes, "state": "open", "started_at": "2026-11-22T03:40:00Z",
            "ended_at": null, "reason": null, "outcome": null, "last_seq": 0, "at_ms": 0,
            "turns": 0, "risk": null, "sentiment": null, "trend": null, "level": null,
            "alerts": [], "model": "m"});
        serde_json::from_value(view).unwrap()
    }

    #[test]
    fn ids_and_attributes_match_from_their_start() {
        let call = view("C-17", json!({"tier": "Gold", "prior": 12, "tags": ["vip", {"x": true}]}));
        for (text, found) in [
            ("c-17", true),
            ("C-1", true),
            ("-17", false),
            ("gold", true),
            ("old", false),
            ("12", true),
            ("vip", true),
            ("true", true),
            ("tier", false),
        ] {
            assert_eq!(Search::parse(text).unwrap().names(&call), found, "{text}");
        }
    }

    #[test]
    fn every_word_must_be_said_somewhere() {
        let search = Search::parse("  Refund ÉCLAIR ").unwrap();
        let mut listener = search.listener();
        assert!(!listener.hears("I want refunds"));
        assert!(!listener.hears("nothing"));
        assert!(listener.hears("for my éclair"));
        assert!(!search.listener().hears("only an éclair"));
        assert!(Search::parse("  ").is_err() && Search::parse(&"a ".repeat(9)).is_err());
    }
}
