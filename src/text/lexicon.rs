//! Words as numbers, so that n-grams and phrases are looked up without building strings.

use foldhash::HashMap;

/// A word of a [`Lexicon`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WordId(pub u32);

impl Default for WordId {
    fn default() -> WordId {
        WordId::UNKNOWN
    }
}

impl WordId {
    /// Stands for every word the lexicon does not hold.
    pub const UNKNOWN: WordId = WordId(u32::MAX);
}

/// The words that any n-gram or phrase in use mentions.
#[derive(Clone, Debug, Default)]
pub struct Lexicon {
    ids: HashMap<Box<str>, WordId>,
}

impl Lexicon {
    /// The id of `word`, added when new. `word` must be normalised as by [`super::tokenise`].
    pub fn intern(&mut self, word: &str) -> WordId {
        if let Some(&id) = self.ids.get(word) {
            return id;
        }
        let id = WordId(self.ids.len() as u32);
        self.ids.insert(word.into(), id);
        id
    }

    /// A lexicon of the `words` that were added first, with their ids.
    #[must_use]
    pub fn first(&self, words: usize) -> Lexicon {
        let first = self.ids.iter().filter(|(_, id)| (id.0 as usize) < words);
        Lexicon { ids: first.map(|(word, &id)| (word.clone(), id)).collect() }
    }

    /// Number of words.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether it holds no word.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// All words, in no particular order.
    pub fn words(&self) -> impl Iterator<Item = (&str, WordId)> {
        self.ids.iter().map(|(word, &id)| (&**word, id))
    }

    /// The id of `word`, or [`WordId::UNKNOWN`].
    pub fn get(&self, word: &str) -> WordId {
        self.ids.get(word).copied().unwrap_or(WordId::UNKNOWN)
    }
}
