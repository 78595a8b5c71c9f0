//! The n-grams of a turn: which there are, how they are written, how they are looked up.
//!
//! | written | meaning |
//! | --- | --- |
//! | `refund` | the word |
//! | `want refund` | the word after the other |
//! | `refu*` | a word of more than four letters that begins so |
//! | `^no` | the turn begins with the word |
//! | `^no way` | the turn begins with the two |

use foldhash::HashMap;

use crate::text::{Lexicon, WordId};

/// Letters of a word's beginning that stand for the word.
const STEM: usize = 4;

/// A word where it stands in its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// The word.
    pub word: WordId,
    /// Its stem, [`WordId::UNKNOWN`] when it is too short to have one.
    pub stem: WordId,
    /// The word before it in the turn.
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

/// Rows by word. Ids are small and dense, so no hash is needed.
#[derive(Clone, Debug, Default)]
struct Rows(Vec<Option<u32>>);

impl Rows {
    fn insert(&mut self, word: WordId, row: u32) {
        let place = word.0 as usize;
        if place >= self.0.len() {
            self.0.resize(place + 1, None);
        }
        self.0[place] = Some(row);
    }

    fn get(&self, word: WordId) -> Option<u32> {
        self.0.get(word.0 as usize).copied().flatten()
    }
}

/// A vocabulary compiled for lookup.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    words: Rows,
    stems: Rows,
    pairs: Pairs,
    first: Rows,
    first_two: Pairs,
}

/// Rows by two words. Most words begin no pair or end none, which needs no hash to know.
#[derive(Clone, Debug, Default)]
struct Pairs {
    rows: HashMap<(WordId, WordId), u32>,
    begins: Vec<bool>,
    ends: Vec<bool>,
}

impl Pairs {
    fn insert(&mut self, one: WordId, two: WordId, row: u32) {
        for (marks, word) in [(&mut self.begins, one), (&mut self.ends, two)] {
            let place = word.0 as usize;
            if place >= marks.len() {
                marks.resize(place + 1, false);
            }
            marks[place] = true;
        }
        self.rows.insert((one, two), row);
    }

    fn get(&self, one: WordId, two: WordId) -> Option<u32> {
        let marked = |marks: &[bool], word: WordId| marks.get(word.0 as usize) == Some(&true);
        if !(marked(&self.begins, one) && marked(&self.ends, two)) {
            return None;
        }
        self.rows.get(&(one, two)).copied()
    }
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
                    index.stems.insert(lexicon.intern(body), row);
                }
                None => {
                    let map = if opens { &mut index.first } else { &mut index.words };
                    map.insert(lexicon.intern(body), row);
                }
                Some((one, two)) => {
                    let map = if opens { &mut index.first_two } else { &mut index.pairs };
                    map.insert(lexicon.intern(one), lexicon.intern(two), row);
                }
            }
        }
        index
    }

    /// Rows of the n-grams that `spoken` completes.
    pub(super) fn rows(&self, spoken: Spoken) -> impl Iterator<Item = u32> {
        let Spoken { word, stem, before, index } = spoken;
        let opening = match index {
            0 => self.first.get(word),
            1 => self.first_two.get(before, word),
            _ => None,
        };
        let pair = self.pairs.get(before, word);
        [self.words.get(word), self.stems.get(stem), pair, opening].into_iter().flatten()
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
            let spoken = Spoken { word, stem, before, index: place as u32 };
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
