//! First level: several linear heads over the n-grams of one turn.

use ndarray::{Array1, Array2};

use super::ngrams::{Index, Spoken, WordRows};
use crate::text::{Lexicon, WordId};

/// Heads that lie together in [`Line`] and [`Sums`].
const WIDE: usize = 16;

/// Weights of one n-gram for up to sixteen heads, with zeros behind the last head: one line of
/// the processor's cache, and a loop of fixed length.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Line([f32; WIDE]);

/// Sums of weights, in the order of the heads.
pub type Sums = Vec<[f64; WIDE]>;

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
    /// Probability from which a head speaks up to people; shape: (heads).
    pub speaks_from: Vec<f64>,
    index: Index,
    /// So many for each n-gram as its heads take.
    lines: Vec<Line>,
}

impl TurnHeads {
    /// Puts the parts together, of heads that never speak up, and interns the vocabulary's words
    /// in `lexicon`. The shape of `weights` is (n-grams, heads).
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
        let mut lines = vec![Line([0.0; WIDE]); ngrams.len() * names.len().div_ceil(WIDE)];
        let wide = names.len().div_ceil(WIDE);
        for ((row, head), &weight) in weights.indexed_iter() {
            lines[row * wide + head / WIDE].0[head % WIDE] = weight;
        }
        let index = Index::new(&ngrams, lexicon);
        let speaks_from = vec![1.0; names.len()];
        TurnHeads { names, intercepts, ngrams, speaks_from, index, lines }
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

    /// What the vocabulary knows of `word`, and of its `stem` with it.
    pub fn word(&self, word: WordId, stem: WordId) -> WordRows {
        self.index.word(word, stem)
    }

    /// Rows of the n-grams that `spoken` completes.
    #[inline]
    pub fn rows(&self, spoken: Spoken<'_>) -> impl Iterator<Item = u32> {
        self.index.rows(spoken)
    }

    /// Weights of one n-gram, one for each head.
    pub fn row(&self, row: u32) -> impl Iterator<Item = f32> {
        (0..self.len()).map(move |head| self.weight(row, head))
    }

    /// Weight of one n-gram for one head.
    #[inline]
    pub fn weight(&self, row: u32, head: usize) -> f32 {
        self.lines[row as usize * self.wide() + head / WIDE].0[head % WIDE]
    }

    /// Makes `sums` those of no n-gram.
    pub fn no_sums(&self, sums: &mut Sums) {
        sums.clear();
        sums.resize(self.wide(), [0.0; WIDE]);
    }

    /// Adds the weights of n-grams to `sums`, one n-gram after the other.
    pub fn add(&self, sums: &mut Sums, rows: &[u32]) {
        let wide = self.wide();
        for (part, sums) in sums.iter_mut().enumerate() {
            let mut own = *sums;
            for &row in rows {
                let line = &self.lines[row as usize * wide + part].0;
                for (sum, &weight) in own.iter_mut().zip(line) {
                    *sum += f64::from(weight);
                }
            }
            *sums = own;
        }
    }

    /// For each head the place in `rows` of the n-gram that weighs most for it, the first of those
    /// that weigh the same; `None` where none weighs more than 0.
    pub fn loudest(&self, rows: &[u32]) -> impl Iterator<Item = Option<u32>> {
        let parts = (0..self.wide()).flat_map(|part| self.loudest_in(part, rows));
        parts.take(self.len()).map(|place| (place != u32::MAX).then_some(place))
    }

    /// The same for the heads of one line, all at once. `u32::MAX` stands for none.
    fn loudest_in(&self, part: usize, rows: &[u32]) -> [u32; WIDE] {
        let (mut most, mut places) = ([0.0; WIDE], [u32::MAX; WIDE]);
        for (place, &row) in (0..).zip(rows) {
            let line = &self.lines[row as usize * self.wide() + part].0;
            for ((most, own), &weight) in most.iter_mut().zip(&mut places).zip(line) {
                // Written as choices and not as branches, so that it runs over four heads a step.
                let louder = weight > *most;
                *most = if louder { weight } else { *most };
                *own = if louder { place } else { *own };
            }
        }
        places
    }

    /// Log-odds of each head for a turn whose `distinct` n-grams weigh `sums`.
    #[inline]
    pub fn log_odds(&self, sums: &Sums, distinct: usize) -> impl Iterator<Item = f64> {
        let damping = TurnHeads::damping(distinct);
        self.intercepts.iter().zip(sums.as_flattened()).map(move |(one, sum)| one + sum * damping)
    }

    #[inline]
    fn wide(&self) -> usize {
        self.names.len().div_ceil(WIDE)
    }
}
