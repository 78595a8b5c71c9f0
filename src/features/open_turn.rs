//! The turn that is being spoken: n-grams of it so far and what the heads make of them.

use super::words::WordFlags;
use super::{Role, TURN_GAP_MS};
use crate::call::Speaker;
use crate::model::TurnHeads;
use crate::model::ngrams::Spoken;
use crate::text::WordId;
use crate::text::phrases::{MatchState, Place};

/// A set of small numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    /// Adds `index`; true when it was not there.
    pub(super) fn insert(&mut self, index: u32) -> bool {
        let (word, bit) = (index as usize / 64, 1 << (index % 64));
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        let fresh = self.0[word] & bit == 0;
        self.0[word] |= bit;
        fresh
    }

    pub(super) fn contains(&self, index: u32) -> bool {
        self.0.get(index as usize / 64).is_some_and(|word| word & (1 << (index % 64)) != 0)
    }

    pub(super) fn extend(&mut self, other: &Bits) {
        if other.0.len() > self.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (own, theirs) in self.0.iter_mut().zip(&other.0) {
            *own |= theirs;
        }
    }
}

/// The word that spoke loudest for a head, and where.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Loudest {
    pub weight: f32,
    pub place: Place,
}

/// Whether words of `speaker` from `start_ms` on belong to a turn of `before` that reaches to
/// `end_ms`. Unknown times never part a turn.
pub fn same_turn(
    before: Speaker,
    end_ms: Option<i64>,
    speaker: Speaker,
    start_ms: Option<i64>,
) -> bool {
    let gap = start_ms.zip(end_ms).map(|(start, end)| start.saturating_sub(end));
    speaker == before && gap.is_none_or(|gap| gap < TURN_GAP_MS)
}

/// The turn that is being spoken.
#[derive(Clone, Debug)]
pub(super) struct OpenTurn {
    pub speaker: Speaker,
    /// `None` when the speaker is no feature.
    pub role: Option<Role>,
    pub start_ms: Option<i64>,
    pub end_ms: Option<i64>,
    pub words: u32,
    /// Log-odds of each head so far, without intercept and damping.
    pub sums: Vec<f64>,
    pub distinct: u32,
    pub loudest: Vec<Option<Loudest>>,
    pub negations: u32,
    pub asks: bool,
    /// Distinct content words, and those of them that this role has used before.
    pub content: u32,
    pub repeated: u32,
    pub content_words: Bits,
    pub phrases: MatchState,
    seen: Bits,
    before: WordId,
}

impl OpenTurn {
    pub(super) fn new(speaker: Speaker, start_ms: Option<i64>, heads: Option<&TurnHeads>) -> Self {
        let size = heads.map_or(0, TurnHeads::len);
        OpenTurn {
            speaker,
            role: Role::of(speaker),
            start_ms,
            end_ms: start_ms,
            words: 0,
            sums: vec![0.0; size],
            distinct: 0,
            loudest: vec![None; size],
            negations: 0,
            asks: false,
            content: 0,
            repeated: 0,
            content_words: Bits::default(),
            phrases: MatchState::default(),
            seen: Bits::default(),
            before: WordId::UNKNOWN,
        }
    }

    /// Whether a piece of `speaker` from `start_ms` on belongs to this turn.
    pub(super) fn goes_on(&self, speaker: Speaker, start_ms: Option<i64>) -> bool {
        same_turn(self.speaker, self.end_ms, speaker, start_ms)
    }

    /// Takes one more word.
    pub(super) fn push(
        &mut self,
        heads: &TurnHeads,
        flags: &WordFlags,
        spoken_before: &Bits,
        word: WordId,
        stem: WordId,
        place: Place,
    ) {
        let spoken = Spoken { word, stem, before: self.before, index: self.words };
        for row in heads.rows(spoken) {
            if self.seen.insert(row) {
                self.distinct += 1;
                self.add(heads, row, place);
            }
        }
        let (own, before) = (flags.of(word), flags.of(self.before));
        self.negations += u32::from(own.negates);
        self.asks |= (self.words == 0 && own.asks) || (before.asks && own.asked);
        if own.content && self.content_words.insert(word.0) {
            self.content += 1;
            self.repeated += u32::from(spoken_before.contains(word.0));
        }
        self.words += 1;
        self.before = word;
    }

    fn add(&mut self, heads: &TurnHeads, row: u32, place: Place) {
        let parts = self.sums.iter_mut().zip(&mut self.loudest);
        for (&weight, (sum, loudest)) in heads.row(row).iter().zip(parts) {
            *sum += f64::from(weight);
            if weight > loudest.map_or(0.0, |l| l.weight) {
                *loudest = Some(Loudest { weight, place });
            }
        }
    }

    /// Log-odds of each head for the turn so far, from its words alone.
    pub(super) fn log_odds(&self, heads: &TurnHeads) -> Vec<f64> {
        let damping = TurnHeads::damping(self.distinct);
        let log_odds = |(intercept, sum): (&f64, &f64)| intercept + sum * damping;
        heads.intercepts.iter().zip(&self.sums).map(log_odds).collect()
    }
}
