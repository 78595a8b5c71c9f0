//! Lines that say who speaks and when: `[00:01:02] Agent: …`, `Agent (12:03): …`, `**Anna:** …`.

use super::Cast;
use super::cast::person_named;
use super::stamp::{Stamp, stamp};

/// Most characters and words of a label that the map does not know.
const MAX_LABEL: usize = 40;
const MAX_WORDS: usize = 5;
/// Farthest into a line that a label's colon is looked for, in bytes.
const MAX_BEFORE: usize = 200;

/// One line, taken apart.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Line<'a> {
    /// Who speaks; `None` when the line goes on with what was said before.
    pub label: Option<&'a str>,
    pub start: Option<Stamp>,
    pub end: Option<Stamp>,
    pub text: &'a str,
}

/// Takes a line apart. A line that begins with a blank has a label only if it is a known one.
pub(super) fn line<'a>(line: &'a str, cast: &Cast) -> Line<'a> {
    let indented = line.starts_with([' ', '\t']);
    let whole = line.trim();
    let (times, rest) = leading(whole).unwrap_or((Times::default(), whole));
    let rest = rest.trim_start();
    let bullet = ["- ", "* ", "• "].iter().find_map(|sign| rest.strip_prefix(sign));
    let spoken = bullet.unwrap_or(rest).trim_start();
    let Some((label, after, text)) = labelled(spoken, cast) else {
        return Line { label: None, start: times.0, end: times.1, text: rest };
    };
    if indented && !cast.knows(label) {
        return Line { text: whole, ..Line::default() };
    }
    let times = if times.0.is_some() { times } else { after };
    // `Agent: [00:01:02] …`
    let late = if times.0.is_none() && text.starts_with(['[', '(']) { leading(text) } else { None };
    let (times, text) = late.unwrap_or((times, text));
    Line { label: Some(label), start: times.0, end: times.1, text: text.trim() }
}

/// The label before the text of one line of a caption: `Anna: …`. No times are looked for.
pub(super) fn prefix<'a>(line: &'a str, cast: &Cast) -> Option<(&'a str, &'a str)> {
    let (label, _, text) = by_colon(line.trim(), cast)?;
    Some((label, text))
}

/// Start and end.
type Times = (Option<Stamp>, Option<Stamp>);

/// Label, times beside it, text.
type Labelled<'a> = (&'a str, Times, &'a str);

fn labelled<'a>(text: &'a str, cast: &Cast) -> Option<Labelled<'a>> {
    by_colon(text, cast).or_else(|| by_brackets(text, cast)).or_else(|| by_time(text, cast))
}

/// `Agent: …`, `Agent (00:01:02): …`. Behind an unknown label the colon has a blank or nothing.
fn by_colon<'a>(text: &'a str, cast: &Cast) -> Option<Labelled<'a>> {
    for (at, colon) in text.match_indices([':', '：']).take_while(|(at, _)| *at <= MAX_BEFORE) {
        let (before, after) = (&text[..at], &text[at + colon.len()..]);
        let digit = |c: char| c.is_ascii_digit();
        // A colon within a time, or within brackets.
        if before.ends_with(digit) && after.starts_with(digit) || is_open(before) {
            continue;
        }
        let (label, times) = trailing(before);
        let label = clean(label);
        let apart = colon != ":" || after.is_empty() || after.starts_with(char::is_whitespace);
        // In `**Anna:** …` the stars come first.
        let marked = before.starts_with("**") && after.starts_with("**");
        if cast.knows(label) || ((apart || marked) && looks_like_a_name(label)) {
            let after = after.strip_prefix("**").unwrap_or(after);
            return Some((label, times, after.trim()));
        }
        // The first colon with a blank behind it ends the label, whatever it is.
        if apart {
            return None;
        }
    }
    None
}

/// Whether a bracket is still open.
fn is_open(text: &str) -> bool {
    let count = |signs: [char; 2]| text.matches(signs).count();
    count(['(', '[']) > count([')', ']'])
}

/// `[Agent] …`, `<Agent> …`: known labels only, because anything can stand in brackets.
fn by_brackets<'a>(text: &'a str, cast: &Cast) -> Option<Labelled<'a>> {
    let close = match text.chars().next()? {
        '[' => ']',
        '<' => '>',
        _ => return None,
    };
    let (label, rest) = text[1..].split_once(close)?;
    cast.knows(label.trim()).then(|| (label.trim(), Times::default(), rest.trim()))
}

/// `Anna Smith  0:12`, the words in the lines that follow.
fn by_time<'a>(text: &'a str, cast: &Cast) -> Option<Labelled<'a>> {
    let (label, times) = trailing(text);
    times.0?;
    let label = clean(label);
    let named = cast.knows(label) || (looks_like_a_name(label) && is_written_as_a_name(label));
    named.then_some((label, times, ""))
}

/// A time, or a span of time, at the beginning.
fn leading(text: &str) -> Option<(Times, &str)> {
    if let Some((inside, rest)) = bracketed(text) {
        return Some((span(inside)?, rest.trim_start_matches([' ', '\t', '-', '|', ':'])));
    }
    // Without brackets: a date may stand before, am or pm or another time behind.
    let ends = text.match_indices([' ', '\t']).map(|(at, _)| at).take(6).chain([text.len()]);
    let longest = ends.filter_map(|end| Some((span(&text[..end])?, &text[end..]))).last();
    longest.map(|(times, rest)| {
        (times, rest.trim_start().trim_start_matches(['-', '|', '–']).trim_start())
    })
}

/// A time behind the label: `Agent (00:01:02)`, `Agent [12:03]`, `Agent 12:03`.
fn trailing(text: &str) -> (&str, Times) {
    let text = text.trim_end();
    for (open, close) in [('(', ')'), ('[', ']')] {
        if let Some((label, inside)) = text.strip_suffix(close).and_then(|t| t.rsplit_once(open))
            && let Some(times) = span(inside)
        {
            return (label, times);
        }
    }
    let starts = text.rmatch_indices([' ', '\t']).map(|(at, _)| at).take(3);
    let longest = starts.filter_map(|at| Some((&text[..at], span(&text[at..])?))).last();
    longest.unwrap_or((text, Times::default()))
}

/// What stands in the brackets at the beginning, and the rest.
fn bracketed(text: &str) -> Option<(&str, &str)> {
    let close = match text.chars().next()? {
        '[' => ']',
        '(' => ')',
        _ => return None,
    };
    text[1..].split_once(close)
}

/// A time, or two with an arrow or a dash between them.
fn span(text: &str) -> Option<Times> {
    if let Some(start) = stamp(text) {
        return Some((Some(start), None));
    }
    let (start, end) =
        ["-->", "->", "–", " - ", "-"].iter().find_map(|sign| text.split_once(sign))?;
    Some((Some(stamp(start)?), Some(stamp(end)?)))
}

/// Without the signs that only decorate.
fn clean(label: &str) -> &str {
    let label = label.trim().trim_matches(['*', '_', '"']).trim();
    let inside = label.strip_prefix(['[', '<']).and_then(|l| l.strip_suffix([']', '>']));
    inside.unwrap_or(label).trim_end_matches(['-', '–', '|']).trim()
}

/// Whether an unknown label can be a speaker's: short, without the marks of a sentence, and one
/// word, or written as a name, or with a role in it.
fn looks_like_a_name(label: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || " .,'’-_&()#/@+".contains(c);
    let words = label.split_whitespace();
    label.chars().any(char::is_alphabetic)
        && label.chars().count() <= MAX_LABEL
        && label.chars().all(allowed)
        && words.clone().count() <= MAX_WORDS
        && (words.clone().count() == 1
            || is_written_as_a_name(label)
            || words.clone().any(|word| person_named(word).is_some()))
}

/// `Mr. Smith`, `Speaker 1`, `Ludwig van Dyk`: it begins with a capital, as does its last word.
fn is_written_as_a_name(label: &str) -> bool {
    let first = |word: &str| word.chars().find(|c| c.is_alphanumeric());
    let begins = |word: &str| first(word).is_some_and(|c| !c.is_lowercase());
    let mut words = label.split_whitespace().filter(|word| first(word).is_some());
    words.next().is_some_and(begins) && words.next_back().is_none_or(begins)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::vendors::Roles;

    fn told(text: &str) -> String {
        let roles = Roles::parse("Anna:agent,Mr. Smith:customer").unwrap();
        let line = line(text, &Cast { roles, ..Cast::default() });
        let at = |stamp: Option<Stamp>| match stamp {
            Some(Stamp::Time(ms) | Stamp::Clock(ms) | Stamp::Moment(ms)) => format!("{ms} "),
            None => String::new(),
        };
        let label = line.label.map(|label| format!("{label}| ")).unwrap_or_default();
        format!("{}{}{label}{}", at(line.start), at(line.end), line.text)
    }

    #[test]
    fn times_stand_in_the_usual_places() {
        for text in [
            "[00:01:02] Agent: so: yes",
            "00:01:02 Agent: so: yes",
            "(1:02) - Agent: so: yes",
            "Agent (00:01:02): so: yes",
            "Agent [01:02]: so: yes",
            "Agent 00:01:02: so: yes",
            "Agent: [00:01:02] so: yes",
            "- **Agent** (01:02): so: yes",
            "[00:01:02] [Agent] so: yes",
            "00:01:02\tAgent:\tso: yes",
        ] {
            assert_eq!(told(text), "62000 Agent| so: yes", "{text}");
        }
        assert_eq!(told("[00:00:01.5 --> 00:00:02] Anna: hi"), "1500 2000 Anna| hi");
        assert_eq!(told("2:05 PM Agent: hi"), "50700000 Agent| hi");
        assert_eq!(told("Mr. Smith  0:12"), "12000 Mr. Smith| ");
        assert_eq!(told("00:01:02 and so on"), "62000 and so on");
    }

    #[test]
    fn labels_are_told_from_text() {
        for (text, expected) in [
            ("**Anna:** hi", "Anna| hi"),
            ("anna:hi", "anna| hi"),
            ("Customer：hi", "Customer| hi"),
            ("Dana Smith: hi", "Dana Smith| hi"),
            ("SPEAKER_00: hi", "SPEAKER_00| hi"),
            ("<Caller> hi", "Caller| hi"),
            ("my number is: five", "my number is: five"),
            ("https://x.example/a: b", "https://x.example/a: b"),
            ("we said: no", "we said: no"),
            ("call me at 10:30", "call me at 10:30"),
            ("See, I told you: no", "See, I told you: no"),
            ("  Note: indented", "Note: indented"),
            ("  Agent: indented", "Agent| indented"),
            ("[laughs] Oh: well", "[laughs] Oh: well"),
            ("", ""),
        ] {
            assert_eq!(told(text), expected, "{text}");
        }
    }
}
