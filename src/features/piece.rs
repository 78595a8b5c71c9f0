//! The words of one chunk, looked up once for all that reads them.

use std::cell::RefCell;

use super::closed::Closed;
use super::heard::Heard;
use super::known::Found;
use super::{Role, Space};
use crate::call::Speaker;
use crate::model::Feeling;
use crate::text::for_each_token;
use crate::text::phrases::Place;

/// Words of a piece up to which its memory is kept for the next one.
const FEW: usize = 4_096;

/// The words of one chunk.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    /// Number of the chunk.
    pub seq: u64,
    /// Who speaks.
    pub speaker: Speaker,
    /// Start in ms of call time.
    pub start_ms: Option<i64>,
    /// End in ms of call time.
    pub end_ms: Option<i64>,
    /// The words.
    pub text: &'a str,
}

/// What is known of the words of a piece: scratch space without a trace of the piece before.
#[derive(Debug, Default)]
pub(super) struct Words {
    pub found: Vec<(Found, Place)>,
    lower: String,
    stem: String,
    alone: Heard,
    log_odds: Vec<f64>,
}

thread_local! {
    /// One for each thread: a chunk is read in about the time that a few allocations take.
    static SCRATCH: RefCell<Words> = RefCell::default();
}

impl Piece<'_> {
    /// Looks the words up and hands them on.
    pub(super) fn read<T>(self, space: &Space, then: impl FnOnce(&mut Words) -> T) -> T {
        SCRATCH.with_borrow_mut(|words| {
            let Words { found, lower, stem, .. } = words;
            found.clear();
            found.shrink_to(FEW);
            for_each_token(self.text, lower, |word, start, end| {
                let place = Place { seq: self.seq, start, end };
                found.push((space.words.find(word, stem), place));
            });
            then(words)
        })
    }
}

impl Words {
    /// How the customer feels in these words alone, coming after the turns before.
    pub(super) fn feeling(&mut self, space: &Space, closed: &Closed) -> Option<Feeling> {
        let heads = space.heads(Role::Customer);
        self.alone.begin(heads);
        for &(found, _) in &self.found {
            self.alone.push(heads, Role::Customer, found, space.words.known(found));
        }
        self.log_odds.clear();
        self.log_odds.extend(self.alone.log_odds(heads));
        closed.feeling(space, &self.log_odds, self.alone.words)
    }
}
