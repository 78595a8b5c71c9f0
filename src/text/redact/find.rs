//! The runs of one text: where they are and which digits they spell.

use std::borrow::Cow;

use super::Kind;
use crate::text::class::{Class, digits_of};
use crate::text::for_each_token;
use crate::text::runs::{Ending, Runs, Verdict};

/// A word and where it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Word<'a> {
    pub text: Cow<'a, str>,
    /// First byte in the text.
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
    pub class: Class,
}

/// A run that the features do not tell apart.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Segment {
    /// Its first word.
    pub first: usize,
    /// Its last word.
    pub last: usize,
    /// Made by a `dot` or an `@`.
    pub address: bool,
    /// A number that takes words of an earlier chunk. It cannot become part of an address,
    /// because nothing in the text would tell those words to go with it.
    pub grown: bool,
    /// Goes on with a run of an earlier chunk, of which this was masked.
    pub continues: Option<Kind>,
    /// The digits it spells.
    pub digits: String,
}

impl Segment {
    /// What is hashed: the same number said and written has the same value.
    pub fn value(&self, words: &[Word<'_>], said: &str) -> String {
        if !self.address {
            let month = words[self.first..=self.last].iter().find(|w| w.class == Class::Month);
            return month.map_or("", |word| &word.text).to_owned() + &self.digits;
        }
        let spoken = said.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
        let signs = [(" dot ", "."), (" underscore ", "_"), (" dash ", "-"), (" at ", "@")];
        let written = signs.iter().fold(spoken, |text, (word, sign)| text.replace(word, sign));
        written.replace(' ', "")
    }
}

/// The words of `text` with their classes. An address with an `@` is one word.
pub(super) fn words(text: &str) -> Vec<Word<'_>> {
    let mut words: Vec<Word<'_>> = Vec::new();
    let mut mails = mails(text).into_iter().peekable();
    // Tokens count code points; slices need bytes.
    let offsets: Option<Vec<usize>> = (!text.is_ascii())
        .then(|| text.char_indices().map(|(at, _)| at).chain([text.len()]).collect());
    let byte = |point: u32| match &offsets {
        Some(offsets) => offsets[point as usize],
        None => point as usize,
    };
    for_each_token(text, &mut String::new(), |word, start, end| {
        let class = Class::of(word, end - start);
        let (start, end) = (byte(start), byte(end));
        while let Some((_, over)) = mails.peek()
            && *over <= start
        {
            mails.next();
        }
        if let Some(&(first, over)) = mails.peek()
            && first <= start
        {
            if words.last().is_none_or(|last| last.start != first) {
                let class = Class::Placeholder(Kind::Email);
                words.push(Word { text: "@".into(), start: first, end: over, class });
            }
            return;
        }
        // Of digits, the digits themselves are wanted.
        let said = &text[start..end];
        let own = if word == "#" || word == said { said.into() } else { word.to_owned().into() };
        words.push(Word { text: own, start, end, class });
    });
    words
}

/// Where addresses with an `@` are, in bytes.
fn mails(text: &str) -> Vec<(usize, usize)> {
    let bytes = text.as_bytes();
    let part = |byte: &u8| byte.is_ascii_alphanumeric() || b"._%+-".contains(byte);
    let mut found = Vec::new();
    for at in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'@').map(|(at, _)| at) {
        let before = bytes[..at].iter().rev().take_while(|byte| part(byte)).count();
        let after = bytes[at + 1..].iter().take_while(|byte| part(byte)).count();
        let domain = text[at + 1..at + 1 + after].trim_end_matches(['.', '-', '_']);
        if before > 0 && domain.contains('.') {
            found.push((at - before, at + 1 + domain.len()));
        }
    }
    found
}

/// The runs among `words`, when `runs` was open before them.
pub(super) fn segments(words: &[Word<'_>], mut runs: Runs) -> Vec<Segment> {
    let before = runs.ending();
    // The list of the turn as far as it is of this text: where each begins, and its class.
    let mut list: Vec<(usize, Class)> = Vec::new();
    let mut found: Vec<Segment> = Vec::new();
    let mut open = before.in_run;
    // The address that is open has no part in `found`.
    let mut in_address = runs.in_address();
    for (at, word) in words.iter().enumerate() {
        let prior = |n: usize| list.len().checked_sub(n + 1).map(|place| list[place].1);
        match runs.take(word.class, prior) {
            Verdict::Push => {
                in_address = false;
                list.push((at, word.class));
                open &= matches!(word.class, Class::Filler);
            }
            Verdict::Absorb if in_address => {
                in_address = false;
                found.push(segment(at, at, true, None));
            }
            // A dot takes the word before it, which may be of an earlier chunk; so it stays.
            Verdict::Join(_) if word.class == Class::Dot && list.is_empty() => {
                in_address = true;
                list.push((at, Class::Number(99)));
            }
            Verdict::Absorb => absorb(&mut found, words, at, open.then_some(before)),
            Verdict::Join(joined) => {
                in_address = false;
                // What is there already stands for itself.
                let stands = matches!(word.class, Class::Placeholder(_));
                let (had, number) = (list.len(), !(stands || word.class == Class::Dot));
                let kept = list.len().saturating_sub(if stands { 0 } else { joined });
                let first = list.get(kept).map_or(at, |(first, _)| *first);
                list.truncate(kept);
                let grown = found.iter().any(|own| own.first >= first && own.grown);
                found.retain(|own| own.first < first);
                let continues = open.then_some(before).and_then(|ending| ending.masked);
                let address = word.class == Class::Dot || word.text == "@";
                let grown = grown || (number && joined > had);
                found.push(Segment { grown, ..segment(first, at, address, continues) });
                list.push((first, Class::Number(99)));
                open = false;
            }
        }
    }
    let parts = found.into_iter().flat_map(|segment| without_placeholders(segment, words));
    parts.map(|segment| Segment { digits: digits(words, &segment), ..segment }).collect()
}

fn segment(first: usize, last: usize, address: bool, continues: Option<Kind>) -> Segment {
    Segment { first, last, address, grown: false, continues, digits: String::new() }
}

/// A word that belongs to the run before it: that of `found`, or one of an earlier chunk.
fn absorb(found: &mut Vec<Segment>, words: &[Word<'_>], at: usize, before: Option<Ending>) {
    let newest = found.last_mut().filter(|last| {
        // Only fillers lie between.
        words[last.last + 1..at].iter().all(|word| word.class == Class::Filler) || last.address
    });
    let class = words[at].class;
    match newest {
        Some(last) if last.address => last.last = at,
        _ if class == Class::Filler => {}
        Some(last) => last.last = at,
        None => {
            let continues = before.and_then(|ending| ending.masked);
            found.push(segment(at, at, class == Class::Dot, continues));
        }
    }
}

/// A run that holds placeholders, as the parts between them.
fn without_placeholders(whole: Segment, words: &[Word<'_>]) -> Vec<Segment> {
    let stands = |word: &Word<'_>| match word.class {
        Class::Placeholder(kind) if word.text != "@" => Some(kind),
        _ => None,
    };
    let own = &words[whole.first..=whole.last];
    if own.iter().all(|word| stands(word).is_none()) {
        return vec![whole];
    }
    let mut parts: Vec<Segment> = Vec::new();
    let mut kind = whole.continues;
    let mut fresh = true;
    for (at, word) in (whole.first..).zip(own) {
        if let Some(own) = stands(word) {
            (kind, fresh) = (Some(own), true);
        } else if fresh {
            parts.push(segment(at, at, whole.address, kind));
            fresh = false;
        } else if let Some(part) = parts.last_mut() {
            part.last = at;
        }
    }
    parts
}

/// The digits that a run spells.
fn digits(words: &[Word<'_>], segment: &Segment) -> String {
    let mut digits = String::new();
    let mut times = 1;
    let mut tens = false;
    for word in &words[segment.first..=segment.last] {
        let own = match word.class {
            Class::Times(more) => {
                times = usize::from(more) + 1;
                continue;
            }
            Class::Oh => "0",
            _ => match digits_of(&word.text) {
                Some(own) => own,
                None => &written(word),
            },
        };
        // "forty two" is 42.
        if tens && own.len() == 1 && own != "0" {
            digits.pop();
        }
        tens = own.len() == 2
            && own.ends_with('0')
            && own != "00"
            && own != "10"
            && word.class == Class::Number(1);
        for _ in 0..std::mem::replace(&mut times, 1) {
            digits.push_str(own);
        }
    }
    digits
}

/// The digits in a word; those of a run of digits are in the text only.
fn written(word: &Word<'_>) -> String {
    word.text.chars().filter(char::is_ascii_digit).collect()
}
