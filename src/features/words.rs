//! What single words say about a turn, beside the heads: questions, negations, content.

use crate::text::class::Class;
use crate::text::redact::Kind;
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
    /// Says what the turn is about.
    pub content: bool,
    /// What it is to numbers and the like that are read out.
    pub class: Class,
}

/// The flags of every word of a lexicon.
#[derive(Clone, Debug, Default)]
pub(super) struct WordFlags {
    flags: Vec<Flags>,
    /// Number of `#`.
    digits: WordId,
}

impl WordFlags {
    /// The flags of all words of `lexicon`, to which its own words are added.
    pub(super) fn new(lexicon: &mut Lexicon) -> WordFlags {
        for word in ASKING.iter().chain(&ASKED).chain(&NEGATIONS).chain(&PLAIN) {
            lexicon.intern(word);
        }
        // Words that are there for their class only are no matter of a call.
        let matter = lexicon.len() as u32;
        let digits = lexicon.intern("#");
        for word in Class::names() {
            lexicon.intern(&word);
        }
        for kind in Kind::ALL {
            lexicon.intern(kind.placeholder());
        }
        let mut flags = vec![Flags::default(); lexicon.len()];
        for (word, id) in lexicon.words() {
            flags[id.0 as usize] = Flags {
                asks: ASKING.contains(&word),
                asked: ASKED.contains(&word),
                negates: NEGATIONS.contains(&word),
                content: id.0 < matter && word.len() >= CONTENT_BYTES && !PLAIN.contains(&word),
                class: Class::of(word, 1),
            };
        }
        WordFlags { flags, digits }
    }

    /// What a word is to what is read out; `id` is its number in the lexicon, `length` is in code
    /// points.
    pub(super) fn class(&self, id: WordId, word: &str, length: u32) -> Class {
        match self.flags.get(id.0 as usize) {
            Some(_) if id == self.digits => Class::of(word, length),
            Some(flags) => flags.class,
            None => Class::of_spelling(word),
        }
    }

    /// The word that stands for what is read out.
    pub(super) fn digits(&self) -> WordId {
        self.digits
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
