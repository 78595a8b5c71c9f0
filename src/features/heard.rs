//! What some words that follow each other weigh for the heads of one role.

use super::Role;
use super::known::{Found, Known};
use super::numbers::Numbers;
use crate::model::ngrams::Spoken;
use crate::model::{Sums, TurnHeads};
use crate::text::WordId;

/// The words of a turn, or of one piece of it, as the heads hear them.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard {
    /// How many.
    pub words: u32,
    /// Distinct n-grams in the order of speaking.
    ngrams: Numbers,
    /// Of the weights of the n-grams, up to `summed`.
    sums: Sums,
    summed: usize,
    /// The newest word.
    before: WordId,
}

impl Heard {
    /// Forgets the words and becomes a listener for `heads`, in the memory that it has.
    pub(super) fn begin(&mut self, heads: &TurnHeads) {
        self.words = 0;
        self.ngrams.clear();
        heads.no_sums(&mut self.sums);
        self.summed = 0;
        self.before = WordId::UNKNOWN;
    }

    /// Takes one more word.
    #[inline]
    pub(super) fn push(&mut self, heads: &TurnHeads, role: Role, found: Found, known: &Known) {
        let rows = known.rows(role);
        let spoken = Spoken { word: found.word, rows, before: self.before, index: self.words };
        for row in heads.rows(spoken) {
            self.ngrams.insert(row);
        }
        self.before = found.word;
        self.words += 1;
    }

    /// Log-odds of each head. The weights of the new n-grams are added here, after all words of a
    /// piece are looked up, so that nothing waits for one while the next could be fetched.
    #[inline]
    pub(super) fn log_odds(&mut self, heads: &TurnHeads) -> impl Iterator<Item = f64> {
        let ngrams = self.ngrams.as_slice();
        heads.add(&mut self.sums, &ngrams[self.summed..]);
        self.summed = ngrams.len();
        heads.log_odds(&self.sums, ngrams.len())
    }

    /// Distinct n-grams in the order of speaking.
    #[inline]
    pub(super) fn ngrams(&self) -> &[u32] {
        self.ngrams.as_slice()
    }
}
