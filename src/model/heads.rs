//! First level: several linear heads over the n-grams of one turn.

use std::collections::HashMap;

use ndarray::{Array1, Array2, ArrayView1};

use crate::text::{Lexicon, WordId};

/// Linear heads that share one vocabulary of word 1- and 2-grams.
///
/// The log-odds of head `h` for a turn with the distinct known n-grams `G` is
/// `intercepts[h] + Σ_{g∈G} weights[g, h] · damping(|G|)`.
#[derive(Clone, Debug)]
pub struct TurnHeads {
    /// Names of the heads.
    pub names: Vec<String>,
    /// Shape: (heads).
    pub intercepts: Array1<f64>,
    /// `word` or `word word`, sorted.
    pub ngrams: Vec<String>,
    /// Shape: (n-grams, heads).
    pub weights: Array2<f32>,
    unigrams: HashMap<WordId, u32>,
    bigrams: HashMap<(WordId, WordId), u32>,
}

impl TurnHeads {
    /// Puts the parts together and interns the vocabulary's words in `lexicon`.
    ///
    /// # Panics
    /// When the shapes do not belong together; readers of files check them first.
    pub fn new(
        names: Vec<String>,
        intercepts: Array1<f64>,
        ngrams: Vec<String>,
        weights: Array2<f32>,
        lexicon: &mut Lexicon,
    ) -> TurnHeads {
        assert_eq!(weights.dim(), (ngrams.len(), names.len()), "weights of the heads");
        assert_eq!(intercepts.len(), names.len(), "intercepts of the heads");
        let (mut unigrams, mut bigrams) = (HashMap::new(), HashMap::new());
        for (row, ngram) in ngrams.iter().enumerate() {
            match ngram.split_once(' ') {
                None => {
                    unigrams.insert(lexicon.intern(ngram), row as u32);
                }
                Some((first, second)) => {
                    let pair = (lexicon.intern(first), lexicon.intern(second));
                    bigrams.insert(pair, row as u32);
                }
            }
        }
        TurnHeads { names, intercepts, ngrams, weights, unigrams, bigrams }
    }

    /// How much each n-gram of a turn with `distinct` known n-grams counts. The square root
    /// keeps long turns from being certain of everything.
    pub fn damping(distinct: u32) -> f64 {
        1.0 / f64::from(distinct.max(1)).sqrt()
    }

    /// Number of heads.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are no heads.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Index of the head called `name`.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|own| own == name)
    }

    /// Rows of the n-grams that end with `word` after `before`.
    pub fn rows(&self, before: WordId, word: WordId) -> impl Iterator<Item = u32> {
        let unigram = self.unigrams.get(&word).copied();
        let bigram = self.bigrams.get(&(before, word)).copied();
        unigram.into_iter().chain(bigram)
    }

    /// Weights of one n-gram, one for each head.
    pub fn row(&self, row: u32) -> ArrayView1<'_, f32> {
        self.weights.row(row as usize)
    }
}
