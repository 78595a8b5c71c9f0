//! Redaction: what identifies a person or opens an account is taken out of the words before
//! anything else sees them.
//!
//! Pure. [`Redactor::redact`] gives the text with placeholders, or `None` when there is nothing to
//! take out, which one quick look at most texts tells. What is replaced is always a run that the
//! features do not tell apart ([`super::runs`]), so the state of a call never depends on it.

mod context;
mod find;
mod judge;
mod kind;
mod quick;
mod token;

use std::borrow::Cow;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use kind::Kind;
pub use token::Key;

use super::class::Class;
use super::runs::Runs;
use context::Heard;
use find::Word;
use quick::Look;

/// What becomes of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// `[card]` takes its place.
    Mask,
    /// `[card:1a2b3c4d]`: the same value is the same token, which only who has the key can make.
    Hash,
    /// It stays.
    Keep,
}

/// What is taken out of transcripts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Payment cards, their codes and PINs. Default mask, as all of these.
    pub card: Policy,
    /// Account numbers and other long numbers.
    pub account: Policy,
    /// Social security numbers and their like.
    pub ssn: Policy,
    /// Telephone numbers.
    pub phone: Policy,
    /// E-mail addresses.
    pub email: Policy,
    /// Dates of birth.
    pub birth_date: Policy,
    /// File with the key of what is hashed, 16 bytes or more. None by default.
    pub key_file: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            card: Policy::Mask,
            account: Policy::Mask,
            ssn: Policy::Mask,
            phone: Policy::Mask,
            email: Policy::Mask,
            birth_date: Policy::Mask,
            key_file: None,
        }
    }
}

impl Settings {
    /// Of a number that is not over yet one cannot tell what it will be: it is masked unless
    /// all that it could become stays.
    fn of(&self, kind: Kind) -> Policy {
        match kind {
            Kind::Card => self.card,
            Kind::Account => self.account,
            Kind::Ssn => self.ssn,
            Kind::Phone => self.phone,
            Kind::Email => self.email,
            Kind::BirthDate => self.birth_date,
            Kind::Number => {
                let numbers = [self.card, self.account, self.ssn, self.phone];
                let all_stay = numbers.iter().all(|policy| *policy == Policy::Keep);
                if all_stay { Policy::Keep } else { Policy::Mask }
            }
        }
    }

    /// Whether anything is hashed, which takes a key.
    pub fn hash(&self) -> bool {
        Kind::ALL.iter().any(|kind| self.of(*kind) == Policy::Hash)
    }
}

/// Takes out of texts what its settings say. The default masks everything.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    settings: Settings,
    key: Option<Key>,
}

impl Redactor {
    /// # Errors
    /// A sentence, when something is to be hashed and there is no key.
    pub fn new(settings: Settings, key: Option<Key>) -> Result<Redactor, String> {
        if settings.hash() && key.is_none() {
            return Err("`key_file` is missing; what is hashed needs a key".into());
        }
        Ok(Redactor { settings, key })
    }

    /// `text` without what is taken out, `None` when all of it stays. `runs` is what was open in
    /// the speaker's words before; `earlier` are the texts before, the newest first: a question
    /// tells what its answer is.
    pub fn redact<'a>(
        &self,
        text: &'a str,
        runs: impl FnOnce() -> Runs,
        earlier: impl Iterator<Item = &'a str> + 'a,
    ) -> Option<String> {
        let runs = match quick::look(text) {
            Look::Nothing => return None,
            Look::OneWord => Some(runs()).filter(Runs::is_open)?,
            Look::Something => runs(),
        };
        let mut out = String::with_capacity(text.len());
        let mut copied = 0;
        for Found { start, end, kind, value } in find(text, runs, earlier) {
            let token: Cow<'_, str> = match (self.settings.of(kind), &self.key) {
                (Policy::Keep, _) => continue,
                (Policy::Hash, Some(key)) => key.token(kind, &value).into(),
                _ => kind.placeholder().into(),
            };
            out.push_str(&text[copied..start]);
            out.push_str(&token);
            copied = end;
        }
        if copied == 0 {
            return None;
        }
        out.push_str(&text[copied..]);
        Some(out)
    }
}

/// Something that may be taken out.
#[derive(Clone, Debug, PartialEq)]
struct Found {
    /// First byte.
    start: usize,
    /// One past its last byte.
    end: usize,
    kind: Kind,
    /// What it says, however it was said.
    value: String,
}

/// What there is in `text`, in order.
fn find<'a>(text: &'a str, runs: Runs, earlier: impl Iterator<Item = &'a str> + 'a) -> Vec<Found> {
    let words = find::words(text);
    let segments = find::segments(&words, runs);
    if segments.is_empty() {
        return Vec::new();
    }
    let heard = Heard::new(text, &words, earlier);
    let judged = segments.iter().filter_map(|segment| {
        let kind = judge::kind(segment, &heard)?;
        // Dots and `at` at the edges stay: what is on their other side belongs to the address,
        // too, and may be of another chunk.
        let mut own = &words[segment.first..=segment.last];
        // "reach me at jo dot ruiz at …": what comes before the last two parts is speech.
        let at = |word: &Word<'_>| word.class == Class::At;
        while own.iter().filter(|word| at(word)).count() > 1
            && let Some(first) = own.iter().position(at)
        {
            own = &own[first + 1..];
        }
        while let [Word { class: Class::At | Class::Dot, .. }, rest @ ..] = own {
            own = rest;
        }
        while let [rest @ .., Word { class: Class::Dot, .. }] = own {
            own = rest;
        }
        let (start, end) = (own.first()?.start, own.last()?.end);
        Some(Found { start, end, kind, value: segment.value(&words, &text[start..end]) })
    });
    judged.collect()
}

#[cfg(test)]
mod tests;
