//! What single words say about a turn, beside the heads: questions, negations, content.

use std::num::NonZeroU32;

use crate::text::{Lexicon, WordId};

const ASKING: [&str; 19] = [
    "what", "when", "where", "why", "how", "who", "which", "can", "could", "would", "will", "do",
    "does", "did", "is", "are", "may", "shall", "have",
];
const ASKED: [&str; 7] = ["you", "i", "we", "that", "it", "the", "there"];
const NEGATIONS: [&str; 18] = [
    "not", "no", "never", "don't", "can't", "won't", "didn't", "doesn't", "isn't", "wasn't",
    "nothing", "nobody", "couldn't", "wouldn't", "haven't", "hasn't", "none", "neither",
];
/// Long words that carry no matter of their own.
const PLAIN: [&str; 46] = [
    "that", "this", "with", "have", "from", "they", "them", "then", "there", "what", "when",
    "your", "you're", "it's", "just", "like", "yeah", "okay", "well", "about", "been", "were",
    "will", "would", "could", "their", "which", "know", "think", "because", "that's", "i'm",
    "i've", "don't", "can't", "didn't", "need", "want", "make", "sure", "right", "going", "here",
    "said", "some", "please",
];
/// Shortest word that counts as content, in bytes.
const CONTENT_BYTES: usize = 4;

/// What one word is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flags {
    /// May open a question.
    pub asks: bool,
    /// Follows an opener in a question.
    pub asked: bool,
    /// Negates.
    pub negates: bool,
    /// Says what the turn is about: its number among such words.
    pub content: Option<NonZeroU32>,
}

/// The flags of every word of a lexicon.
#[derive(Clone, Debug, Default)]
pub(super) struct WordFlags {
    flags: Vec<Flags>,
}

impl WordFlags {
    /// Adds its own words to `lexicon`; to be called before [`WordFlags::new`] reads it.
    pub(super) fn intern(lexicon: &mut Lexicon) {
        for word in ASKING.iter().chain(&ASKED).chain(&NEGATIONS).chain(&PLAIN) {
            lexicon.intern(word);
        }
    }

    pub(super) fn new(lexicon: &Lexicon) -> WordFlags {
        let mut numbers = 1..;
        let mut flags = Vec::with_capacity(lexicon.len());
        for (word, _) in lexicon.words() {
            // Stems are in the lexicon too, and are no words.
            let content =
                word.len() >= CONTENT_BYTES && !PLAIN.contains(&word) && !word.ends_with('*');
            flags.push(Flags {
                asks: ASKING.contains(&word),
                asked: ASKED.contains(&word),
                negates: NEGATIONS.contains(&word),
                content: if content { numbers.next().and_then(NonZeroU32::new) } else { None },
            });
        }
        WordFlags { flags }
    }

    /// How many words it knows: those of the lexicon it was made of.
    pub(super) fn len(&self) -> usize {
        self.flags.len()
    }

    /// Nothing for words that the lexicon does not hold.
    pub(super) fn of(&self, word: WordId) -> Flags {
        self.flags.get(word.0 as usize).copied().unwrap_or_default()
    }
}
