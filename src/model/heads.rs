//! First level: several linear heads over the n-grams of one turn.

use ndarray::{Array1, Array2};

use super::ngrams::{Index, Spoken};
use crate::text::Lexicon;

/// Linear heads that share one vocabulary of n-grams ([`super::ngrams`]).
///
/// The log-odds of head `h` for a turn with the distinct known n-grams `G` is
/// `intercepts[h] + Σ_{g∈G} weights[g, h] · damping(|G|)`.
#[derive(Clone, Debug)]
pub struct TurnHeads {
    /// Names of the heads.
    pub names: Vec<String>,
    /// Shape: (heads).
    pub intercepts: Array1<f64>,
    /// As written, sorted.
    pub ngrams: Vec<String>,
    /// Shape: (n-grams, heads).
    pub weights: Array2<f32>,
    /// Probability from which a head speaks up to people; shape: (heads).
    pub speaks_from: Vec<f64>,
    index: Index,
}

impl TurnHeads {
    /// Puts the parts together, of heads that never speak up, and interns the vocabulary's words in `lexicon`.
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
        let weights = weights.as_standard_layout().into_owned();
        let index = Index::new(&ngrams, lexicon);
        let speaks_from = vec![1.0; names.len()];
        TurnHeads { names, intercepts, ngrams, weights, speaks_from, index }
    }

    /// How much each n-gram of a turn with `distinct` known n-grams counts. The square root
    /// keeps long turns from being certain of everything.
    pub fn damping(distinct: usize) -> f64 {
        1.0 / (distinct.max(1) as f64).sqrt()
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

    /// Rows of the n-grams that `spoken` completes.
    pub fn rows(&self, spoken: Spoken) -> impl Iterator<Item = u32> {
        self.index.rows(spoken)
    }

    /// Weights of one n-gram, one for each head.
    pub fn row(&self, row: u32) -> &[f32] {
        let (heads, row) = (self.names.len(), row as usize);
        // Rows lie one after the other: `new` sees to it.
        self.weights.as_slice().map_or(&[], |all| &all[row * heads..(row + 1) * heads])
    }
}
