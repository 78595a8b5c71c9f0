//! The phrase language: `(called|rang) [you] three times`, `*` for any one word.

use super::{MAX_EXPANSIONS, MAX_PHRASE_WORDS};
use crate::text::tokenise;

/// One word of a concrete phrase.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Step {
    Word(String),
    Any,
}

/// Expands a pattern into the concrete phrases it stands for.
///
/// # Errors
/// A sentence that says what is wrong with the pattern and how to mend it.
pub(super) fn expand(pattern: &str) -> Result<Vec<Vec<Step>>, String> {
    let mut phrases = vec![Vec::new()];
    let mut rest = pattern;
    while !rest.is_empty() {
        let (alternatives, after) = next_part(rest)?;
        if phrases.len() * alternatives.len() > MAX_EXPANSIONS {
            return Err(format!(
                "stands for more than {MAX_EXPANSIONS} phrases; split it into several"
            ));
        }
        phrases = phrases
            .iter()
            .flat_map(|head: &Vec<Step>| {
                alternatives.iter().map(move |tail| [head.as_slice(), tail].concat())
            })
            .collect();
        rest = after;
    }
    for phrase in &phrases {
        check(phrase)?;
    }
    phrases.sort_by_key(Vec::len);
    phrases.dedup();
    Ok(phrases)
}

fn check(phrase: &[Step]) -> Result<(), String> {
    match phrase.first() {
        None => Err("can be empty; keep at least one word outside [brackets]".into()),
        Some(Step::Any) => Err("may not start with `*`; start with a word".into()),
        _ if phrase.len() > MAX_PHRASE_WORDS => {
            Err(format!("is longer than {MAX_PHRASE_WORDS} words; shorten it"))
        }
        _ => Ok(()),
    }
}

/// The alternatives of the first group or run of words, and the text after it.
fn next_part(text: &str) -> Result<(Vec<Vec<Step>>, &str), String> {
    let (close, optional) = match text.as_bytes()[0] {
        b'(' => (')', false),
        b'[' => (']', true),
        b')' | b']' => return Err(format!("has a `{}` that nothing opens", &text[..1])),
        _ => {
            let end = text.find(['(', '[', ')', ']']).unwrap_or(text.len());
            return Ok((vec![steps(&text[..end])?], &text[end..]));
        }
    };
    let end = text.find(close).ok_or_else(|| format!("has a group without its `{close}`"))?;
    let inside = &text[1..end];
    if inside.contains(['(', '[']) {
        return Err("has a group inside a group; write the alternatives out".into());
    }
    let mut alternatives = inside.split('|').map(steps).collect::<Result<Vec<_>, _>>()?;
    if alternatives.iter().any(Vec::is_empty) {
        return Err("has an empty alternative; use [brackets] for what may be missing".into());
    }
    if optional {
        alternatives.push(Vec::new());
    }
    Ok((alternatives, &text[end + 1..]))
}

fn steps(text: &str) -> Result<Vec<Step>, String> {
    if text.contains('|') && !text.is_empty() {
        return Err("has a `|` outside (brackets)".into());
    }
    let mut steps = Vec::new();
    for piece in text.split_whitespace() {
        if piece == "*" {
            steps.push(Step::Any);
        } else {
            steps.extend(tokenise(piece).into_iter().map(|token| Step::Word(token.word)));
        }
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pattern: &str) -> Vec<String> {
        let word = |step: &Step| match step {
            Step::Word(word) => word.clone(),
            Step::Any => "*".into(),
        };
        let phrases = expand(pattern).unwrap();
        phrases.iter().map(|p| p.iter().map(word).collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn groups_and_options_expand() {
        assert_eq!(
            shown("(call|ring me) [right] back *"),
            ["call back *", "call right back *", "ring me back *", "ring me right back *"]
        );
    }

    #[test]
    fn bad_patterns_say_what_is_wrong() {
        for (pattern, part) in [
            ("(a|b", "without its `)`"),
            ("a) b", "nothing opens"),
            ("((a) b)", "inside a group"),
            ("[maybe]", "can be empty"),
            ("* you", "start with"),
            ("a|b", "outside"),
            ("(a|) b", "empty alternative"),
            ("a b c d e f g h i j k l m", "longer than"),
            ("(a|b|c|d|e|f|g|h|i) (a|b|c|d|e|f|g|h|i) (a|b|c|d)", "more than"),
        ] {
            let message = expand(pattern).unwrap_err();
            assert!(message.contains(part), "{pattern}: {message}");
        }
    }
}
