//! What single words say about a turn, beside the heads: questions, negations, content.

use std::num::NonZeroU32;

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
    kind: u8,
    /// Says what the turn is about: its number among such words.
    pub content: Option<NonZeroU32>,
    /// What it is to numbers and the like that are read out.
    pub class: Class,
}

/// Bits of `kind`. Bytes are dear here: all that is known of a word is one line of the cache.
const ASKS: u8 = 1;
const IS_ASKED: u8 = 2;
const NEGATES: u8 = 4;

impl Flags {
    /// May open a question.
    pub fn asks(self) -> bool {
        self.kind & ASKS != 0
    }

    /// Follows an opener in a question.
    pub fn asked(self) -> bool {
        self.kind & IS_ASKED != 0
    }

    pub fn negates(self) -> bool {
        self.kind & NEGATES != 0
    }
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
        let mut numbers = 1..;
        let mut flags = Vec::with_capacity(lexicon.len());
        for (word, id) in lexicon.words() {
            // Stems are in the lexicon too, and are no words.
            let is_word = id.0 < matter && !word.ends_with('*');
            let content = is_word && word.len() >= CONTENT_BYTES && !PLAIN.contains(&word);
            let bit = |list: &[&str], bit: u8| if list.contains(&word) { bit } else { 0 };
            flags.push(Flags {
                kind: bit(&ASKING, ASKS) | bit(&ASKED, IS_ASKED) | bit(&NEGATIONS, NEGATES),
                content: if content { numbers.next().and_then(NonZeroU32::new) } else { None },
                class: Class::of(word, 1),
            });
        }
        WordFlags { flags, digits }
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
