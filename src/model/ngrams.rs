//! The n-grams of a turn: which there are, how they are written, how they are looked up.
//!
//! | written | meaning |
//! | --- | --- |
//! | `refund` | the word |
//! | `want refund` | the word after the other |
//! | `refu*` | a word of more than four letters that begins so |
//! | `^no` | the turn begins with the word |
//! | `^no way` | the turn begins with the two |

use crate::text::{Lexicon, Pairs, WordId};

/// Letters of a word's beginning that stand for the word.
const STEM: usize = 4;

/// Stands for an n-gram that a vocabulary lacks.
const NONE: u32 = u32::MAX;

/// What a vocabulary knows of one word: what lies in one place costs one reach into memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WordRows {
    word: u32,
    stem: u32,
    first: u32,
}

impl Default for WordRows {
    fn default() -> WordRows {
        WordRows { word: NONE, stem: NONE, first: NONE }
    }
}

/// A word where it stands in its turn.
#[derive(Clone, Copy, Debug)]
pub struct Spoken<'a> {
    /// The word.
    pub word: WordId,
    /// What the vocabulary knows of it, or of its stem when it does not know the word.
    pub rows: &'a WordRows,
    /// The word before it in the turn; unknown for the first.
    pub before: WordId,
    /// 0 for the first word of the turn.
    pub index: u32,
}

/// The stem of `word` as it is written in n-grams, in `buffer`; `None` for short words.
pub fn stem<'a>(word: &str, buffer: &'a mut String) -> Option<&'a str> {
    let (end, _) = word.char_indices().nth(STEM)?;
    buffer.clear();
    buffer.push_str(&word[..end]);
    buffer.push('*');
    Some(buffer)
}

/// All n-grams of a turn as they are written, repeats included.
pub fn written(words: &[String]) -> Vec<String> {
    let mut ngrams = Vec::with_capacity(words.len() * 3 + 2);
    let mut buffer = String::new();
    for (index, word) in words.iter().enumerate() {
        ngrams.push(word.clone());
        ngrams.extend(stem(word, &mut buffer).map(str::to_owned));
        if index > 0 {
            ngrams.push(format!("{} {word}", words[index - 1]));
        }
        match index {
            0 => ngrams.push(format!("^{word}")),
            1 => ngrams.push(format!("^{} {word}", words[0])),
            _ => {}
        }
    }
    ngrams
}

/// A vocabulary compiled for lookup.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// By the numbers of the words, and of the stems as they are written.
    words: Vec<WordRows>,
    pairs: Pairs,
    first_two: Pairs,
}

impl Index {
    pub(super) fn new(ngrams: &[String], lexicon: &mut Lexicon) -> Index {
        let mut index = Index::default();
        for (row, ngram) in ngrams.iter().enumerate() {
            let row = row as u32;
            let (body, opens) = match ngram.strip_prefix('^') {
                Some(body) => (body, true),
                None => (ngram.as_str(), false),
            };
            match body.split_once(' ') {
                None if body.ends_with('*') => {
                    index.own(lexicon.intern(body)).stem = row;
                }
                None => {
                    let own = index.own(lexicon.intern(body));
                    *(if opens { &mut own.first } else { &mut own.word }) = row;
                }
                Some((one, two)) => {
                    let (one, two) = (lexicon.intern(one), lexicon.intern(two));
                    if opens {
                        index.first_two.insert(one, two, row);
                    } else {
                        index.pairs.insert(one, two, row);
                    }
                }
            }
        }
        index
    }

    fn own(&mut self, word: WordId) -> &mut WordRows {
        let place = word.0 as usize;
        if place >= self.words.len() {
            self.words.resize(place + 1, WordRows::default());
        }
        &mut self.words[place]
    }

    /// What is known of `word`, and of its `stem` with it.
    pub(super) fn word(&self, word: WordId, stem: WordId) -> WordRows {
        let of = |word: WordId| self.words.get(word.0 as usize).copied().unwrap_or_default();
        WordRows { stem: of(stem).stem, ..of(word) }
    }

    /// Rows of the n-grams that `spoken` completes.
    #[inline]
    pub(super) fn rows(&self, spoken: Spoken<'_>) -> impl Iterator<Item = u32> {
        let Spoken { word, rows, before, index } = spoken;
        let of = |pairs: &Pairs| pairs.get(before, word).unwrap_or(NONE);
        let opening = match index {
            0 => rows.first,
            1 => of(&self.first_two),
            _ => NONE,
        };
        [rows.word, rows.stem, of(&self.pairs), opening].into_iter().filter(|row| *row != NONE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What training counts and what scoring looks up must be the same n-grams.
    #[test]
    fn what_is_written_is_what_is_found() {
        let words: Vec<String> =
            "no way i want a refund no way".split(' ').map(str::to_owned).collect();
        let mut expected = written(&words);
        expected.sort();
        let mut vocabulary = expected.clone();
        vocabulary.dedup();
        let mut lexicon = Lexicon::default();
        let index = Index::new(&vocabulary, &mut lexicon);
        let mut found = Vec::new();
        let mut before = WordId::UNKNOWN;
        for (place, word) in words.iter().enumerate() {
            let mut buffer = String::new();
            let stem = stem(word, &mut buffer).map_or(WordId::UNKNOWN, |stem| lexicon.get(stem));
            let word = lexicon.get(word);
            let rows = &index.word(word, stem);
            let spoken = Spoken { word, rows, before, index: place as u32 };
            found.extend(index.rows(spoken).map(|row| vocabulary[row as usize].clone()));
            before = word;
        }
        found.sort();
        assert_eq!(found, expected);
        assert!(found.contains(&"^no way".into()) && found.contains(&"refu*".into()));
    }

    #[test]
    fn stems_are_of_long_words_only() {
        let mut buffer = String::new();
        assert_eq!(stem("want", &mut buffer), None);
        assert_eq!(stem("wanted", &mut buffer), Some("want*"));
        assert_eq!(stem("ärgerlich", &mut buffer), Some("ärge*"));
    }
}
