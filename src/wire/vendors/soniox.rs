//! Soniox real-time: tokens.
//!
//! Schema: inferred (one sample and third-party notes on Soniox's real-time guide). Tokens are
//! parts of words and become final one by one, so they are held back until a sentence is whole:
//! at `<end>` or `<fin>`, at another speaker, after a full stop, or when there are many. Until
//! then they are scored as a partial, together with the tokens that may still change.
//! Translations are skipped. Nothing tells a token that is sent again from one said twice.

use super::view::View;
use super::{Event, Memory, Reading, Said, Time};

/// More tokens than this are not held back at the next blank.
const MAX_HELD: usize = 60;

/// So many tokens without a blank are words, not the parts of one.
const MIN_BARE: usize = 4;

/// A final token that is held back.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    text: String,
    speaker: Option<String>,
    start: Option<Time>,
    end: Option<Time>,
}

pub(super) fn read(message: View<'_>, memory: &mut Memory) -> Result<Reading, String> {
    let mut events = Vec::new();
    let mut open = Vec::new();
    let translated = |view: &View<'_>| view.says("translation_status", "translation");
    for view in message.list("tokens").filter(|view| !translated(view)) {
        let token = Token {
            text: view.str("text").unwrap_or_default().to_owned(),
            speaker: view.name("speaker"),
            start: view.millis("start_ms"),
            end: view.millis("end_ms"),
        };
        if !view.flag("is_final").unwrap_or(false) {
            open.push(token);
        } else if matches!(token.text.as_str(), "<end>" | "<fin>") {
            events.extend(flush(&mut memory.held));
        } else {
            if is_whole(&memory.held, &token) {
                events.extend(flush(&mut memory.held));
            }
            memory.held.push(token);
        }
    }
    if message.flag("finished").unwrap_or(false) {
        events.extend(flush(&mut memory.held));
        events.push(Event::End { reason: None });
        return Ok(Reading { events, ..Reading::default() });
    }
    let partial: Vec<Token> = memory.held.iter().cloned().chain(open).collect();
    events.extend(said(&partial, false));
    Ok(Reading { events, ..Reading::default() })
}

/// Whether what is held can go on before `next`.
fn is_whole(held: &[Token], next: &Token) -> bool {
    let Some(last) = held.last() else { return false };
    let begins_word = next.text.starts_with(' ') || last.text.ends_with(' ');
    let sentence = last.text.trim_end().ends_with(['.', '?', '!']);
    last.speaker != next.speaker || begins_word && (sentence || held.len() >= MAX_HELD)
}

fn flush(held: &mut Vec<Token>) -> Option<Event> {
    said(&std::mem::take(held), true)
}

fn said(tokens: &[Token], is_final: bool) -> Option<Event> {
    let (first, last) = (tokens.first()?, tokens.last()?);
    Some(Event::Said(Said {
        speaker: vec![first.speaker.clone().unwrap_or_else(|| "0".into())],
        start: first.start,
        end: last.end,
        is_final,
        text: joined(tokens),
        ..Said::default()
    }))
}

/// Tokens bring their blanks. Words that have none at all, as in the guides' own examples, are
/// told from parts of a word by their number.
fn joined(tokens: &[Token]) -> String {
    let is_bare = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && !text.contains(char::is_whitespace)
    };
    let texts: Vec<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
    let are_words = texts.len() >= MIN_BARE && texts.iter().all(|text| is_bare(text));
    texts.join(if are_words { " " } else { "" })
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use crate::wire::vendors::Format;
    use crate::wire::vendors::tests::told;

    fn token(text: &str, is_final: bool, speaker: &str, start: u64) -> Value {
        json!({"text": text, "is_final": is_final, "speaker": speaker, "start_ms": start,
               "end_ms": start + 100})
    }

    pub fn call() -> Vec<Value> {
        vec![
            json!({"tokens": [token("I w", false, "1", 1_000)]}),
            json!({"tokens": [token("I", true, "1", 1_000), token(" wan", true, "1", 1_100),
                              token("t", false, "1", 1_200)]}),
            json!({"tokens": [token("t", true, "1", 1_200), token(" out.", true, "1", 1_300)]}),
            json!({"tokens": [token(" Now", true, "1", 1_400), token("!", true, "1", 1_500),
                              token("<end>", true, "1", 1_600)]}),
            json!({"tokens": [token(" Sorry.", true, "2", 2_000)]}),
            json!({"tokens": [], "finished": true}),
        ]
    }

    #[test]
    fn words_without_blanks_are_told_from_parts_of_words() {
        let tokens = |texts: &[&str]| {
            let mut tokens: Vec<Value> =
                texts.iter().map(|text| json!({"text": text, "is_final": true})).collect();
            tokens.push(json!({"text": "<end>", "is_final": true}));
            json!({"tokens": tokens, "finished": null})
        };
        let messages = [
            tokens(&["Where", "is", "my", "order?"]),
            tokens(&["Won", "der", "ful"]),
            tokens(&["Not", " ", "yet", "!"]),
        ];
        assert_eq!(
            told(Format::Soniox, "", &messages)[1..],
            ["#1 other - Where is my order?", "#2 other - Wonderful", "#3 other - Not yet!"]
        );
    }

    #[test]
    fn tokens_are_held_back_until_a_sentence_is_whole() {
        assert_eq!(
            told(Format::Soniox, "1:customer,2:agent", &call()),
            [
                "start soniox-n",
                "#1 customer~ 1000-1100 I w",
                "#1 customer~ 1000-1300 I want",
                "#1 customer~ 1000-1400 I want out.",
                "#1 customer 1000-1400 I want out.",
                "#2 customer 1400-1600 Now!",
                "#3 agent~ 2000-2100 Sorry.",
                "#3 agent 2000-2100 Sorry.",
                "end",
            ]
        );
    }
}
