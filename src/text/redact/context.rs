//! What is said around a number, which tells what it is.

use std::cell::LazyCell;

use super::find::Word;

/// What a word says that a number near it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cue {
    Card,
    Pin,
    Account,
    Ssn,
    Phone,
    Email,
    Birth,
    /// Orders, cases, rooms, flights: short ones are no secret.
    Order,
    /// Prices, balances.
    Money,
}

/// Words before a number that may say what it is.
const BEFORE: usize = 12;
/// Words after it.
const AFTER: usize = 7;
/// Texts before that may hold the question.
const EARLIER: usize = 4;

/// A text, its words, and what was said before it.
pub(super) struct Heard<'a> {
    pub text: &'a str,
    pub words: &'a [Word<'a>],
    /// What the newest text before that asks for anything asks for, the last first. Read only
    /// when nothing nearer tells: most numbers are told by the words beside them.
    asked: LazyCell<Vec<Cue>, Box<dyn FnOnce() -> Vec<Cue> + 'a>>,
}

impl<'a> Heard<'a> {
    pub fn new<'b: 'a>(
        text: &'a str,
        words: &'a [Word<'a>],
        earlier: impl Iterator<Item = &'b str> + 'a,
    ) -> Heard<'a> {
        let asked = || earlier.take(EARLIER).map(cues).find(|cues| !cues.is_empty());
        let asked = LazyCell::new(Box::new(|| asked().unwrap_or_default()) as _);
        Heard { text, words, asked }
    }

    /// What is said nearest before the words `first` …, else right after `last`, else earlier.
    pub fn cue(&self, first: usize, last: usize) -> Option<Cue> {
        self.before(first).or_else(|| self.after(last)).or(self.asked.first().copied())
    }

    /// Whether a date of birth is what is talked about.
    pub fn of_birth(&self, first: usize, last: usize) -> bool {
        let here = self.before(first).or_else(|| self.after(last));
        here.map_or(self.asked.contains(&Cue::Birth), |cue| cue == Cue::Birth)
    }

    /// The nearest cue before.
    pub fn before(&self, first: usize) -> Option<Cue> {
        (first.saturating_sub(BEFORE)..first).rev().find_map(|at| self.at(at))
    }

    /// A cue after, when the number is said to be that: "… is my date of birth".
    fn after(&self, last: usize) -> Option<Cue> {
        let verb = self.word(last + 1);
        let says = matches!(verb, "is" | "was" | "that's" | "for" | "as" | "it's" | "on");
        let end = (last + AFTER).min(self.words.len());
        let cue = (last + 1..end).find_map(|at| self.at(at))?;
        let says = says || cue == Cue::Birth || cue == Cue::Ssn;
        (says && !matches!(cue, Cue::Money | Cue::Order)).then_some(cue)
    }

    /// The word at a place; empty beyond the end.
    pub fn word(&self, at: usize) -> &'a str {
        self.words.get(at).map_or("", |word| &*word.text)
    }

    fn at(&self, at: usize) -> Option<Cue> {
        cue_at(|n| self.word(n), at)
    }
}

/// What a text asks for, the last first. A price that was told asks for nothing.
fn cues(text: &str) -> Vec<Cue> {
    let said = crate::text::tokenise(text);
    let word = |at: usize| said.get(at).map_or("", |token| token.word.as_str());
    let cues = (0..said.len()).rev().filter_map(|at| cue_at(word, at));
    cues.filter(|cue| !matches!(cue, Cue::Money | Cue::Order)).collect()
}

fn cue_at<'w>(word: impl Fn(usize) -> &'w str, at: usize) -> Option<Cue> {
    Some(match word(at) {
        "card" | "visa" | "mastercard" | "amex" | "cards" | "[card]" => Cue::Card,
        "cvv" | "cvc" | "pin" | "passcode" | "cvv2" => Cue::Pin,
        "code" if matches!(prior(&word, at), "security" | "pin" | "verification" | "card") => {
            Cue::Pin
        }
        "account" | "acct" | "routing" | "iban" | "policy" | "member" | "membership"
        | "license" | "licence" | "passport" | "subscriber" | "sort" | "medicare" | "insurance"
        | "patient" | "accounts" | "loan" | "swift" | "[account]" => {
            match (word(at), prior(&word, at)) {
                ("insurance", "national") => Cue::Ssn,
                _ => Cue::Account,
            }
        }
        "social" | "ssn" | "socials" | "tin" | "itin" | "[ssn]" => Cue::Ssn,
        "phone" | "mobile" | "cell" | "cellphone" | "telephone" | "callback" | "landline"
        | "whatsapp" | "[phone]" => Cue::Phone,
        "reach" | "call" | "ring" | "text"
            if matches!(word(at + 1), "me" | "us" | "him" | "her" | "back" | "you") =>
        {
            match (word(at + 2), word(at + 3)) {
                ("at" | "on" | "back", _) | (_, "at" | "on") => Cue::Phone,
                _ => return None,
            }
        }
        "email" | "e-mail" | "mail" | "gmail" | "emails" | "[email]" => Cue::Email,
        "born" | "birth" | "birthday" | "birthdate" | "dob" | "[birth_date]" => Cue::Birth,
        "order" | "ticket" | "case" | "confirmation" | "reference" | "invoice" | "tracking"
        | "booking" | "reservation" | "flight" | "room" | "gate" | "extension" | "apartment"
        | "apt" | "unit" | "suite" | "zip" | "postcode" | "model" | "error" | "version"
        | "channel" | "page" | "route" | "highway" | "interstate" | "bus" | "train" | "size"
        | "seat" | "claim" | "form" | "section" | "step" | "building" | "item" | "part"
        | "number's" | "ref" | "rma" => Cue::Order,
        "charged" | "charge" | "paid" | "pay" | "paying" | "cost" | "costs" | "owe" | "owed"
        | "refund" | "refunded" | "credited" | "balance" | "bill" | "price" | "fee" | "total"
        | "worth" | "spent" | "charges" | "deducted" | "amount" | "deposit" | "quoted"
        | "limit" | "budget" | "salary" | "rent" => Cue::Money,
        _ => return None,
    })
}

fn prior<'w>(word: &impl Fn(usize) -> &'w str, at: usize) -> &'w str {
    at.checked_sub(1).map_or("", word)
}
