//! Words as numbers, so that n-grams and phrases are looked up without building strings.

use foldhash::HashMap;

use super::slots::Slots;

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

    /// Two words, one after the other, as a key of [`Slots`].
    pub(super) fn then(self, next: WordId) -> u128 {
        u128::from(self.0) | u128::from(next.0) << 32
    }
}

/// The words that any n-gram or phrase in use mentions.
#[derive(Clone, Debug, Default)]
pub struct Lexicon {
    /// By their ids.
    words: Vec<Box<str>>,
    /// Ids of the words that fit into a key: nearly all that is said.
    short: Slots,
    long: HashMap<Box<str>, WordId>,
}

impl Lexicon {
    /// The id of `word`, added when new. `word` must be normalised as by [`super::tokenise`].
    pub fn intern(&mut self, word: &str) -> WordId {
        let known = self.get(word);
        if known != WordId::UNKNOWN {
            return known;
        }
        let id = WordId(self.words.len() as u32);
        self.words.push(word.into());
        match key(word) {
            Some(key) => self.short.insert(key, id.0),
            None => drop(self.long.insert(word.into(), id)),
        }
        id
    }

    /// A lexicon of the `words` that were added first, with their ids.
    #[must_use]
    pub fn first(&self, words: usize) -> Lexicon {
        let mut first = Lexicon::default();
        for word in self.words.iter().take(words) {
            first.intern(word);
        }
        first
    }

    /// Number of words.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether it holds no word.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// All words, in the order in which they were added.
    pub fn words(&self) -> impl Iterator<Item = (&str, WordId)> {
        self.words.iter().zip(0..).map(|(word, id)| (&**word, WordId(id)))
    }

    /// The id of `word`, or [`WordId::UNKNOWN`].
    #[inline]
    pub fn get(&self, word: &str) -> WordId {
        match key(word) {
            Some(key) => self.short.get(key).map_or(WordId::UNKNOWN, WordId),
            None => self.long.get(word).copied().unwrap_or(WordId::UNKNOWN),
        }
    }
}

/// The bytes of a word of up to twelve as a number; normalised words hold no zero bytes. They are
/// read in three pieces that may overlap, at places that need no branch: the lengths of words that
/// follow each other cannot be foreseen, and each wrong guess costs more than all the reading.
#[inline]
fn key(word: &str) -> Option<u128> {
    let bytes = word.as_bytes();
    match bytes.len() {
        0 => Some(0),
        length @ 1..=3 => {
            let piece = |at: usize| u128::from(bytes[at]) << (8 * at);
            Some(piece(0) | piece(length / 2) | piece(length - 1))
        }
        length @ 4..=12 => {
            let (&first, &last) = (bytes.first_chunk()?, bytes.last_chunk()?);
            let middle = (length - 4).min(4);
            let &between = bytes[middle..].first_chunk()?;
            let piece = |four, at| u128::from(u32::from_le_bytes(four)) << (8 * at);
            Some(piece(first, 0) | piece(between, middle) | piece(last, length - 4))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_every_length_are_told_apart() {
        let mut lexicon = Lexicon::default();
        let letters = "abcdefghijklmnopqrst";
        let words: Vec<&str> =
            (1..=20).flat_map(|end| [&letters[..end], &letters[20 - end..]]).collect();
        let ids: Vec<WordId> = words.iter().map(|word| lexicon.intern(word)).collect();
        assert_eq!(lexicon.len(), 39, "the whole alphabet is both beginning and end");
        for (word, &id) in words.iter().zip(&ids) {
            assert_eq!((lexicon.get(word), lexicon.intern(word)), (id, id), "{word}");
        }
        assert_eq!(lexicon.get("bcd"), WordId::UNKNOWN);
        let first = lexicon.first(5);
        assert!(
            first.words().eq(lexicon.words().take(5)) && first.get(words[6]) == WordId::UNKNOWN
        );
    }

    #[test]
    fn a_key_is_the_bytes_of_its_word() {
        for length in 0..=12 {
            let word = &"abcdefghijkl"[..length];
            let mut bytes = [0; 16];
            bytes[..length].copy_from_slice(word.as_bytes());
            assert_eq!(key(word), Some(u128::from_le_bytes(bytes)));
        }
        assert_eq!(key("abcdefghijklm"), None);
    }
}
