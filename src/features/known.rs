//! What the feature space knows of single words, laid out for the turns that are made of them.

use super::Role;
use super::words::{Flags, WordFlags};
use crate::model::Model;
use crate::model::ngrams::{self, WordRows};
use crate::text::phrases::{Matcher, Opening};
use crate::text::{Lexicon, WordId};

/// All that a turn needs of one word. It is gathered from the tables of model, phrases and flags
/// into one line of the processor's cache: on varied text each table was a miss of its own, and
/// together they were half of what a chunk cost.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
pub(super) struct Known {
    /// By role.
    rows: [WordRows; 2],
    opening: Opening,
    pub flags: Flags,
}

impl Known {
    #[inline]
    pub(super) fn rows(&self, role: Role) -> &WordRows {
        &self.rows[role as usize]
    }
}

/// A word of a text: its number, and where it is known. What it is to phrases comes with it, so
/// that its line is fetched while the next words are still being read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub word: WordId,
    entry: u32,
    pub opening: Opening,
}

/// The words of a lexicon and what is known of them.
#[derive(Debug)]
pub(super) struct Words {
    pub lexicon: Lexicon,
    /// By the numbers of the words; the last one is of a word of which nothing is known.
    known: Vec<Known>,
}

impl Words {
    pub(super) fn new(
        lexicon: Lexicon,
        model: &Model,
        matcher: &Matcher,
        flags: &WordFlags,
    ) -> Words {
        let mut buffer = String::new();
        let known = lexicon.words().map(|(text, word)| {
            let stem = stem(&lexicon, text, &mut buffer);
            Known {
                rows: [model.customer.word(word, stem), model.agent.word(word, stem)],
                opening: matcher.opening(word),
                flags: flags.of(word),
            }
        });
        let known = known.chain([Known::default()]).collect();
        Words { lexicon, known }
    }

    /// Looks up a normalised word. One that is unknown is known by its stem, whose own entry
    /// holds that and nothing else: no text has a word that is written like a stem.
    #[inline]
    pub(super) fn find(&self, text: &str, buffer: &mut String) -> Found {
        let word = self.lexicon.get(text);
        let entry = match word {
            WordId::UNKNOWN => stem(&self.lexicon, text, buffer),
            word => word,
        };
        let entry = entry.0.min(self.known.len() as u32 - 1);
        Found { word, entry, opening: self.known[entry as usize].opening }
    }

    #[inline]
    pub(super) fn known(&self, found: Found) -> &Known {
        &self.known[found.entry as usize]
    }
}

/// The number of the stem of a word; unknown for short words.
fn stem(lexicon: &Lexicon, word: &str, buffer: &mut String) -> WordId {
    ngrams::stem(word, buffer).map_or(WordId::UNKNOWN, |stem| lexicon.get(stem))
}
