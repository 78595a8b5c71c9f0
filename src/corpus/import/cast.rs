//! Who the speakers are to the call: the user's map, then the format, then the words people use.

use super::draft::{Draft, Piece};
use crate::call::{Call, Speaker, Turn};
use crate::wire::vendors::Roles;
use crate::wire::vendors::roles::role_named;
use crate::wire::vendors::view::same;

/// Unknown speakers that an error names.
const MAX_NAMED: usize = 8;
/// Unknown speakers that are counted.
const MAX_STRANGERS: usize = 500;
/// Characters of their first words that it quotes.
const QUOTE: usize = 40;

/// The user's map of speakers, and what else decides about calls of all formats.
#[derive(Clone, Debug, Default)]
pub struct Cast {
    /// Label → role. Here `*` is whom nothing else makes known.
    pub roles: Roles,
    /// Language of calls that do not say theirs.
    pub lang: Option<String>,
}

impl Cast {
    /// The role of a speaker by any of `keys`; `format` is what the document says.
    pub fn role(&self, keys: &[String], format: Option<Speaker>) -> Option<Speaker> {
        self.certain(keys).or(format).or_else(|| self.by_words(keys)).or_else(|| {
            // Nobody is not anybody else.
            self.roles.everybody_else()
        })
    }

    /// Whether this label is somebody's for certain, not only by `*`.
    pub fn knows(&self, label: &str) -> bool {
        let keys = [label.to_owned()];
        self.certain(&keys).or_else(|| self.by_words(&keys)).is_some()
    }

    fn certain(&self, keys: &[String]) -> Option<Speaker> {
        // `Doe, John` cannot be written in a map that commas divide; `Doe John` can.
        let plain: Vec<String> = keys.iter().map(|key| key.replace(", ", " ")).collect();
        self.roles.named(keys).or_else(|| self.roles.named(&plain))
    }

    fn by_words(&self, keys: &[String]) -> Option<Speaker> {
        keys.iter().find_map(|key| person_named(key))
    }

    /// The call of a draft, in the order of speaking.
    ///
    /// # Errors
    /// A sentence that names the speakers nobody knows and how to tell who they are.
    pub fn call(&self, draft: &Draft, id: String) -> Result<Call, String> {
        let mut unknown: Vec<(&str, usize, &str)> = Vec::new();
        let mut turns = Vec::with_capacity(draft.pieces.len());
        for piece in &draft.pieces {
            match self.role(&piece.keys, piece.role) {
                Some(speaker) => turns.push(turn(piece, speaker)),
                None => {
                    let label = piece.keys.first().map_or("", String::as_str);
                    let place = unknown.iter().position(|(known, ..)| *known == label);
                    match place {
                        Some(at) => unknown[at].1 += 1,
                        None if unknown.len() == MAX_STRANGERS => break,
                        None => unknown.push((label, 1, &piece.text)),
                    }
                }
            }
        }
        if !unknown.is_empty() {
            return Err(strangers(&unknown));
        }
        if turns.is_empty() {
            return Err("nobody says anything in it: no words were found".into());
        }
        let order = in_order(&mut turns);
        let mut outcome = draft.outcome.clone();
        if let Some(outcome) = &mut outcome {
            outcome.turn = outcome.turn.and_then(|turn| order.iter().position(|own| *own == turn));
        }
        let style = draft.chat.then(|| "chat".to_owned());
        let lang = draft.lang.clone().or_else(|| self.lang.clone());
        Ok(Call { id, lang, industry: None, root_cause: None, style, outcome, turns })
    }
}

fn turn(piece: &Piece, speaker: Speaker) -> Turn {
    let end_ms = piece.end_ms.filter(|end| piece.start_ms.is_none_or(|start| start <= *end));
    Turn {
        speaker,
        start_ms: piece.start_ms,
        end_ms,
        text: piece.text.trim().to_owned(),
        sentiment: None,
        reader_risk: None,
        acts: Vec::new(),
    }
}

/// Sorts by start. What has none stays behind what it followed; equal starts keep their order.
/// Gives the place that each had.
fn in_order(turns: &mut [Turn]) -> Vec<usize> {
    let mut last = i64::MIN;
    let starts: Vec<i64> = turns
        .iter()
        .map(|turn| {
            last = turn.start_ms.unwrap_or(last);
            last
        })
        .collect();
    let mut order: Vec<usize> = (0..turns.len()).collect();
    order.sort_by_key(|&index| starts[index]);
    let sorted: Vec<Turn> = order.iter().map(|&index| turns[index].clone()).collect();
    turns.clone_from_slice(&sorted);
    order
}

/// What to do about speakers nobody knows.
fn strangers(unknown: &[(&str, usize, &str)]) -> String {
    if let [("", lines, words)] = unknown {
        return format!(
            "nothing says who speaks ({lines} in all, the first \"{}\"); --roles \"*:other\" takes \
             all of it as said by nobody in particular",
            quote(words)
        );
    }
    let named = unknown.iter().take(MAX_NAMED);
    let who: Vec<String> = named
        .map(|(label, lines, words)| {
            let label = if label.is_empty() { "nobody named" } else { label };
            format!("`{label}` ({lines}: \"{}\")", quote(words))
        })
        .collect();
    let more = unknown.len().saturating_sub(MAX_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let labels = unknown.iter().map(|(label, ..)| *label).filter(|label| !label.is_empty());
    // A role in the label is a better guess than the order.
    let guess = |label: &str| label.split_whitespace().find_map(person_named);
    let example: Vec<String> = labels
        .take(2)
        .zip([Speaker::Agent, Speaker::Customer])
        .map(|(label, role)| {
            let role = guess(label).unwrap_or(role).name();
            format!("{}:{role}", label.replace(", ", " "))
        })
        .collect();
    format!(
        "who is {}{more}? Say it with --roles, for example --roles \"{}\" (roles: customer, agent, \
         supervisor, other; `*` is everybody else)",
        who.join(", "),
        if example.is_empty() { "*:other".into() } else { example.join(",") }
    )
}

fn quote(words: &str) -> String {
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(QUOTE) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}

/// The role that a word, a number behind it or brackets beside it name: `Rep`, `Agent 2`,
/// `Dana (Agent)`.
pub(super) fn person_named(label: &str) -> Option<Speaker> {
    let label = label.trim();
    let bare = label.trim_end_matches(|c: char| c.is_ascii_digit() || " _-#".contains(c));
    let inside =
        label.rsplit_once(['(', '[']).map(|(_, inside)| inside.trim_end_matches([')', ']']));
    let outside = label.split_once(['(', '[']).map(|(outside, _)| outside.trim());
    let words = [Some(label), Some(bare), inside, outside];
    words.into_iter().flatten().filter(|word| !word.is_empty()).find_map(word_named)
}

fn word_named(word: &str) -> Option<Speaker> {
    const WORDS: [(&[&str], Speaker); 4] = [
        (&["client", "user", "member", "guest", "consumer", "subscriber"], Speaker::Customer),
        (
            &[
                "rep",
                "representative",
                "advisor",
                "adviser",
                "csr",
                "operator",
                "custom_bot",
                "virtual agent",
                "customer service",
                "customer service rep",
                "customer service representative",
                "customer service agent",
                "support agent",
            ],
            Speaker::Agent,
        ),
        (&["manager", "team lead", "team leader"], Speaker::Supervisor),
        (&["ivr", "sme", "thirdparty"], Speaker::Other),
    ];
    let plain = word.bytes().any(|byte| byte.is_ascii_alphanumeric()).then_some(word)?;
    role_named(plain).or_else(|| {
        let known = WORDS.iter().find(|(words, _)| words.iter().any(|known| same(known, plain)));
        known.map(|(_, speaker)| *speaker)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn piece(label: &str, start_ms: Option<i64>, text: &str) -> Piece {
        let keys = if label.is_empty() { Vec::new() } else { keys(&[label]) };
        Piece { keys, start_ms, text: text.into(), ..Piece::default() }
    }

    #[test]
    fn words_of_people_name_roles() {
        for (label, speaker) in [
            ("AGENT", Speaker::Agent),
            ("Rep", Speaker::Agent),
            ("Customer Service Representative", Speaker::Agent),
            ("Agent 2", Speaker::Agent),
            ("Dana (Advisor)", Speaker::Agent),
            ("Caller", Speaker::Customer),
            ("Customer (John)", Speaker::Customer),
            ("member", Speaker::Customer),
            ("Manager", Speaker::Supervisor),
            ("IVR", Speaker::Other),
        ] {
            assert_eq!(person_named(label), Some(speaker), "{label}");
        }
        for label in ["", "Dana", "Speaker 1", "0", "客服", "Customer Success"] {
            assert_eq!(person_named(label), None, "{label}");
        }
    }

    #[test]
    fn the_map_comes_first_and_the_star_last() {
        let roles = Roles::parse("Anna:agent,Doe John:customer,*:other").unwrap();
        let cast = Cast { roles, ..Cast::default() };
        assert_eq!(cast.role(&keys(&["anna"]), Some(Speaker::Customer)), Some(Speaker::Agent));
        assert_eq!(cast.role(&keys(&["Doe, John"]), None), Some(Speaker::Customer));
        assert_eq!(cast.role(&keys(&["Agent"]), None), Some(Speaker::Agent));
        assert_eq!(cast.role(&keys(&["x"]), Some(Speaker::Customer)), Some(Speaker::Customer));
        assert_eq!(cast.role(&keys(&["x"]), None), Some(Speaker::Other));
        assert_eq!(cast.role(&[], None), Some(Speaker::Other));
        assert!(!cast.knows("x") && cast.knows("Anna"));
    }

    #[test]
    fn strangers_are_named_with_the_map_to_give() {
        let pieces =
            vec![piece("Anna", None, "hi"), piece("Bo", None, "yes"), piece("Anna", None, "so")];
        let draft = Draft { pieces, ..Draft::default() };
        let error = Cast::default().call(&draft, "c".into()).unwrap_err();
        assert!(error.contains("`Anna` (2: \"hi\"), `Bo` (1: \"yes\")"), "{error}");
        assert!(error.contains("--roles \"Anna:agent,Bo:customer\""), "{error}");
        let draft = Draft { pieces: vec![piece("", None, "hi")], ..Draft::default() };
        let error = Cast::default().call(&draft, "c".into()).unwrap_err();
        assert!(error.contains("--roles \"*:other\""), "{error}");
        let error = Cast::default().call(&Draft::default(), "c".into()).unwrap_err();
        assert!(error.contains("no words"), "{error}");
    }

    #[test]
    fn turns_are_in_the_order_of_speaking() {
        let pieces = vec![
            piece("agent", Some(500), "b"),
            piece("agent", None, "b2"),
            piece("customer", Some(100), "a"),
            piece("customer", Some(500), "c"),
        ];
        let draft = Draft { pieces, ..Draft::default() };
        let call = Cast::default().call(&draft, "c".into()).unwrap();
        let texts: Vec<&str> = call.turns.iter().map(|turn| turn.text.as_str()).collect();
        assert_eq!(texts, ["a", "b", "b2", "c"]);
        let mut wrong = piece("agent", Some(5), "x");
        wrong.end_ms = Some(3);
        assert_eq!(turn(&wrong, Speaker::Agent).end_ms, None);
    }
}
