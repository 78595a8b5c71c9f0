//! What is taken out, what stays, and how well: figures over a labelled fixture.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::text::runs::Reader;

fn redact_after(text: &str, before: &str) -> String {
    let earlier = [before];
    Redactor::default()
        .redact(text, Runs::default, earlier.into_iter())
        .unwrap_or_else(|| text.to_owned())
}

fn masked(text: &str) -> String {
    redact_after(text, "")
}

#[test]
fn secrets_are_taken_out() {
    for (text, expected) in [
        ("My card is 4111 1111 1111 1111, ok?", "My card is [card], ok?"),
        ("it's four one one one, uh, double one one one ok", "it's [account] ok"),
        ("mail john dot smith at example dot com please", "mail [email] please"),
        ("mail me at jo dot ruiz at example dot com please", "mail me at [email] please"),
        ("write to j.smith+x@mail.example.co.uk.", "write to [email]."),
        ("I was born on March 4th, 1980 in Leeds", "I was born on [birth_date] in Leeds"),
        ("my social is 078-05-1120 yes", "my social is [ssn] yes"),
        ("call me at 555-867-5309 please", "call me at [phone] please"),
        ("it is 123", "it is [number]"),
        ("Ça va, my card is 4111-1111-1111-1111 …", "Ça va, my card is [card] …"),
    ] {
        assert_eq!(masked(text), expected, "{text}");
    }
}

#[test]
fn ordinary_speech_stays() {
    for text in [
        "I called three times",
        "it was two hundred dollars",
        "within 24 hours",
        "flight 370",
        "one of them said so",
        "at 4:30",
        "at 4:30 I was there",
        "that is $1,250.00 too much",
        "since 2019 we pay 45 dollars a month",
        "I have been here for twenty two years now",
        "your order 48213 is late",
        "go to our website dot com or the branch",
        "the appointment is on March 4th 2026 at ten",
        "it is available 24/7 for you",
    ] {
        assert_eq!(masked(text), text);
    }
}

#[test]
fn a_question_tells_what_the_answer_is() {
    let before = "And your date of birth?";
    assert_eq!(redact_after("March fourth nineteen eighty", before), "[birth_date]");
    assert_eq!(
        redact_after("March fourth nineteen eighty", "When?"),
        "March fourth nineteen eighty"
    );
    let before = "What is your account number please?";
    assert_eq!(redact_after("48213 I think", before), "[account] I think");
}

#[test]
fn what_is_redacted_stays_as_it_is() {
    for text in ["it's [card] yes", "[number]", "my [email] and [card:1a2b3c4d] ok"] {
        assert_eq!(masked(text), text);
    }
}

#[test]
fn a_hash_is_of_the_value_and_takes_a_key() {
    let settings = Settings { card: Policy::Hash, ..Settings::default() };
    assert!(Redactor::new(settings.clone(), None).unwrap_err().contains("key_file"));
    assert!(Key::new(b"short").is_err());
    let redactor =
        |key: &[u8]| Redactor::new(settings.clone(), Some(Key::new(key).unwrap())).unwrap();
    let own = redactor(b"0123456789abcdef");
    let hash = |redactor: &Redactor, text: &str| {
        redactor.redact(text, Runs::default, std::iter::empty()).unwrap()
    };
    let written = hash(&own, "card 4111 1111 1111 1111");
    let said = hash(&own, &format!("card four triple one {}", ["four one one one"; 3].join(" ")));
    assert!(written.starts_with("card [card:") && written.ends_with(']'), "{written}");
    assert_ne!(written, said, "another number");
    let same =
        hash(&own, &format!("card four triple one {}", ["double one double one"; 3].join(" ")));
    assert_eq!(written, same);
    assert_ne!(written, hash(&redactor(b"fedcba9876543210"), "card 4111 1111 1111 1111"));
    let kept = Settings { card: Policy::Keep, ..Settings::default() };
    let kept = Redactor::new(kept, None).unwrap();
    assert_eq!(kept.redact("card 4111 1111 1111 1111", Runs::default, std::iter::empty()), None);
}

/// What the features read of pieces, redacted one after the other as at the door.
fn read(pieces: &[&str], redactor: Option<&Redactor>) -> Vec<String> {
    let mut reader = Reader::default();
    let mut before: Vec<String> = Vec::new();
    for piece in pieces {
        let earlier = before.iter().rev().map(String::as_str);
        let redacted = redactor.and_then(|own| own.redact(piece, || reader.runs(), earlier));
        let text = redacted.unwrap_or_else(|| (*piece).to_owned());
        reader.take(&text);
        before.push(text);
    }
    reader.words()
}

/// Words that numbers, dates and addresses are made of, and others.
fn speech() -> impl Strategy<Value = Vec<&'static str>> {
    let words = prop::sample::select(vec![
        "one",
        "two",
        "four",
        "nine",
        "oh",
        "double",
        "triple",
        "forty",
        "hundred",
        "uh",
        "and",
        "4111",
        "12",
        "370",
        "7",
        "1980",
        "ab1234",
        "march",
        "may",
        "fourth",
        "21st",
        "of",
        "the",
        "born",
        "birth",
        "card",
        "social",
        "john",
        "smith",
        "dot",
        "underscore",
        "at",
        "example",
        "com",
        "email",
        "a",
        "b",
        "i",
        "dollars",
        "times",
        "is",
        "my",
        "please",
        "phone",
        "order",
    ]);
    prop::collection::vec(words, 1..24)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// The features see the same words, whatever was masked of them and wherever they were cut.
    #[test]
    fn neither_cuts_nor_masks_are_seen(
        words in speech(),
        cuts in prop::collection::vec(any::<bool>(), 24),
    ) {
        let whole = words.join(" ");
        let mut pieces: Vec<String> = vec![String::new()];
        for (word, cut) in words.iter().zip(cuts) {
            let Some(piece) = pieces.last_mut() else { continue };
            if !piece.is_empty() {
                piece.push(' ');
            }
            piece.push_str(word);
            if cut {
                pieces.push(String::new());
            }
        }
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        let raw = read(&[&whole], None);
        let redactor = Redactor::default();
        prop_assert_eq!(&raw, &read(&[&whole], Some(&redactor)));
        prop_assert_eq!(&raw, &read(&pieces, Some(&redactor)));
        prop_assert_eq!(&raw, &read(&pieces, None));
    }

    /// The quick look never misses what the slow one would find.
    #[test]
    fn nothing_is_found_that_the_quick_look_missed(words in speech(), text in "\\PC{0,40}") {
        for text in [words.join(" "), text] {
            let found = find(&text, Runs::default(), std::iter::empty());
            prop_assert!(found.is_empty() || quick::look(&text) == Look::Something, "{:?}", found);
        }
    }
}

/// A line of the fixture; secrets are marked in it: `my card is {card|4111 …}`.
#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    before: String,
    said: String,
}

/// The text of a line, and where which secret is.
fn unmark(said: &str) -> (String, Vec<(usize, usize, String)>) {
    let (mut text, mut secrets) = (String::new(), Vec::new());
    let mut rest = said;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let (kind, after) = after.split_once('|').expect("{kind|value}");
        let (value, after) = after.split_once('}').expect("{kind|value}");
        secrets.push((text.len(), text.len() + value.len(), kind.to_owned()));
        text.push_str(value);
        rest = after;
    }
    text.push_str(rest);
    (text, secrets)
}

#[derive(Default)]
struct Figures {
    secrets: usize,
    taken: usize,
    found: usize,
    right: usize,
}

/// Of every kind: a secret counts as taken out when nothing of it is left, whatever stands for
/// it; what was taken out is right when it lies in a secret.
fn figures(lines: &str) -> (BTreeMap<String, Figures>, Vec<String>) {
    let mut kinds: BTreeMap<String, Figures> = BTreeMap::new();
    let mut wrong = Vec::new();
    for line in lines.lines() {
        let line: Line = serde_json::from_str(line).unwrap();
        let (text, secrets) = unmark(&line.said);
        let earlier = [line.before.as_str()];
        let found = find(&text, Runs::default(), earlier.into_iter());
        for (start, end, kind) in &secrets {
            // Brackets and full stops around it are no secret.
            let inside = &text[*start..*end];
            let start = &(start + inside.find(char::is_alphanumeric).unwrap_or(0));
            let end = &(end
                - (inside.len() - inside.trim_end_matches(|c: char| !c.is_alphanumeric()).len()));
            let own = kinds.entry(kind.clone()).or_default();
            own.secrets += 1;
            let taken = found.iter().any(|found| found.start <= *start && *end <= found.end);
            own.taken += usize::from(taken);
            if !taken {
                wrong.push(format!("left: {}", line.said));
            }
        }
        for found in &found {
            let own = kinds.entry(found.kind.name().to_owned()).or_default();
            own.found += 1;
            let right =
                secrets.iter().any(|(start, end, _)| found.start < *end && *start < found.end);
            own.right += usize::from(right);
            if !right {
                wrong.push(format!("{} taken: {}", found.kind.name(), line.said));
            }
        }
    }
    (kinds, wrong)
}

fn print(name: &str, lines: &str) -> BTreeMap<String, Figures> {
    let (kinds, wrong) = figures(lines);
    println!("{name}: {} lines", lines.lines().count());
    for (kind, own) in &kinds {
        let share = |part: usize, all: usize| part as f64 / all.max(1) as f64;
        println!(
            "  {kind:10} recall {:.3} of {:3}, precision {:.3} of {:3}",
            share(own.taken, own.secrets),
            own.secrets,
            share(own.right, own.found),
            own.found
        );
    }
    for line in wrong {
        println!("    {line}");
    }
    kinds
}

fn assert_quality(kinds: &BTreeMap<String, Figures>, bounds: &[(&str, f64, f64)]) {
    for &(kind, recall, precision) in bounds {
        let own = &kinds[kind];
        assert!(own.secrets >= 15, "{kind}: {} secrets", own.secrets);
        assert!(own.taken as f64 >= recall * own.secrets as f64, "recall of {kind}");
        assert!(own.right as f64 >= precision * own.found as f64, "precision of {kind}");
    }
}

#[test]
fn figures_over_the_lines_that_the_rules_were_written_with() {
    let lines = include_str!("../../../tests/fixtures/redaction/rules.jsonl");
    let kinds = print("written with the rules", lines);
    let bounds = [
        ("card", 0.99, 0.95),
        ("ssn", 0.99, 0.95),
        ("account", 0.95, 0.95),
        ("phone", 0.95, 0.95),
        ("email", 0.95, 0.95),
        ("birth_date", 0.95, 0.95),
    ];
    assert_quality(&kinds, &bounds);
}

/// Written after the rules were done. What it shows was not mended.
#[test]
fn figures_over_the_lines_held_out() {
    let lines = include_str!("../../../tests/fixtures/redaction/held_out.jsonl");
    let kinds = print("held out", lines);
    assert_quality(&kinds, &[("card", 0.95, 0.95), ("ssn", 0.95, 0.95)]);
}
