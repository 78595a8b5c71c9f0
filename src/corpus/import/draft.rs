//! A call as its format tells it, before it is known who its speakers are to it.

use crate::call::{Outcome, Speaker};
use crate::wire::vendors::Time;

/// Most notes of a call.
const MAX_NOTES: usize = 20;

/// One thing that somebody said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Piece {
    /// What the speaker is called: the first is shown, all are looked up. Empty when nobody says.
    pub keys: Vec<String>,
    /// The role that the format itself gives.
    pub role: Option<Speaker>,
    /// Start in milliseconds of call time, where known.
    pub start_ms: Option<i64>,
    /// End in milliseconds of call time, where known.
    pub end_ms: Option<i64>,
    /// The words.
    pub text: String,
}

/// Something that a vendor's rule found in the call.
#[derive(Clone, Debug, PartialEq)]
pub struct Category {
    /// The rule's name.
    pub name: String,
    /// Where it was found first, in milliseconds of call time; `None` for the whole call.
    pub at_ms: Option<i64>,
}

/// A call as its format tells it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// Its id, when the document has one.
    pub id: Option<String>,
    /// Its number in the file, when that is all there is: the file's name comes before it.
    pub number: Option<String>,
    /// Other names of the call, by which labels find it.
    pub also: Vec<String>,
    /// BCP 47 language, when the document says.
    pub lang: Option<String>,
    /// Whether it was typed.
    pub chat: bool,
    /// How it ended, when the document is one of ours and says. Its turn counts pieces.
    pub outcome: Option<Outcome>,
    /// What was said.
    pub pieces: Vec<Piece>,
    /// What the vendor's rules matched.
    pub categories: Vec<Category>,
    /// What a user should know of how it was read.
    pub notes: Vec<String>,
}

impl Draft {
    /// Takes what `part` adds, unless it has no words.
    pub(super) fn say(&mut self, part: Piece) {
        if !part.text.trim().is_empty() {
            self.pieces.push(part);
        }
    }

    /// Tells the user once.
    pub(super) fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if self.notes.len() < MAX_NOTES && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

/// Milliseconds of a time that counts from the start of the call.
pub(super) fn stream_ms(time: Option<Time>) -> Option<i64> {
    match time {
        Some(Time::Stream(ms)) => Some(ms),
        _ => None,
    }
}

/// Milliseconds since 1970 of a moment.
pub(super) fn wall_ms(time: Option<Time>) -> Option<i64> {
    match time {
        Some(Time::Wall(ms)) => Some(ms),
        _ => None,
    }
}
