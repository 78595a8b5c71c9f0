//! The turn that is being spoken: n-grams of it so far and what the heads make of them.

use super::numbers::Numbers;
use super::{Role, Space, TURN_GAP_MS};
use crate::call::Speaker;
use crate::model::ngrams::Spoken;
use crate::model::{Feeling, TurnHeads, sigmoid};
use crate::text::WordId;
use crate::text::class::Class;
use crate::text::phrases::{Hit, MatchState, Place};
use crate::text::runs::{Ending, Runs, Verdict};

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
#[derive(Clone, Debug, Default)]
pub(super) struct OpenTurn {
    /// `None` when the speaker is no feature.
    pub role: Option<Role>,
    pub speaker: Option<Speaker>,
    pub start_ms: Option<i64>,
    pub end_ms: Option<i64>,
    pub words: u32,
    pub negations: u32,
    pub asks: bool,
    /// Distinct content words, and those of them that this role has used before.
    pub content: u32,
    pub repeated: u32,
    pub content_words: Numbers,
    pub phrases: MatchState,
    /// What the heads make of it. Up to date after [`OpenTurn::weigh`], like the next three.
    pub log_odds: Vec<f64>,
    /// The same as probabilities, by the words alone.
    pub said: Vec<f64>,
    /// The same with the feelings as they are meant after what was said before.
    pub meant: Vec<f64>,
    /// How the customer feels in it.
    pub feeling: Option<Feeling>,
    /// Log-odds of each head so far, without intercept and damping.
    sums: Vec<f64>,
    /// Distinct n-grams with their last words, in the order of speaking.
    ngrams: Vec<(u32, Place)>,
    seen: Numbers,
    before: WordId,
    /// Numbers and the like that are read out.
    pub runs: Runs,
    /// Its words, for when one turns out to be part of what is read out.
    heard: Vec<Heard>,
}

/// A word of a turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    pub word: WordId,
    /// Its first letters; unknown for short words.
    pub stem: WordId,
    pub place: Place,
    pub class: Class,
}

impl OpenTurn {
    /// A turn of nobody.
    pub(super) fn new() -> OpenTurn {
        OpenTurn { before: WordId::UNKNOWN, ..OpenTurn::default() }
    }

    /// Becomes a turn without words, in the memory of the turn that it was. `before` is how the
    /// speaker's last turn ended.
    pub(super) fn begin(
        &mut self,
        speaker: Speaker,
        start_ms: Option<i64>,
        heads: Option<&TurnHeads>,
        before: Ending,
    ) {
        let heads = heads.map_or(0, TurnHeads::len);
        for values in [&mut self.log_odds, &mut self.said, &mut self.meant, &mut self.sums] {
            values.clear();
            values.resize(heads, 0.0);
        }
        self.heard.clear();
        self.unsay();
        *self = OpenTurn {
            role: Role::of(speaker),
            speaker: Some(speaker),
            start_ms,
            end_ms: start_ms,
            feeling: None,
            runs: Runs::after(before),
            ..std::mem::take(self)
        };
    }

    /// Forgets what its words summed up to.
    fn unsay(&mut self) {
        self.sums.fill(0.0);
        for numbers in [&mut self.content_words, &mut self.seen] {
            numbers.clear();
        }
        self.ngrams.clear();
        self.phrases.clear();
        (self.words, self.negations, self.asks) = (0, 0, false);
        (self.content, self.repeated) = (0, 0);
        self.before = WordId::UNKNOWN;
    }

    /// Takes the next word as it is heard; `hit` is told of phrases that end in it. Where it makes
    /// a number or the like of words before it, the turn is read again without those, so that
    /// what it sums up to is the same however the number was said, cut or redacted.
    pub(super) fn hear(
        &mut self,
        space: &Space,
        spoken_before: &Numbers,
        heard: Heard,
        hit: impl FnMut(Hit),
    ) -> Verdict {
        let list = &self.heard;
        let prior = |n: usize| list.len().checked_sub(n + 1).map(|at| list[at].class);
        let verdict = self.runs.take(heard.class, prior);
        match verdict {
            Verdict::Absorb => {}
            Verdict::Push => self.say(space, spoken_before, heard, hit),
            Verdict::Join(words) => {
                if words > 0 {
                    self.heard.truncate(self.heard.len() - words);
                    self.unsay();
                    for earlier in std::mem::take(&mut self.heard) {
                        self.say(space, spoken_before, earlier, |_| {});
                    }
                }
                self.say(space, spoken_before, space.read_out(heard.place), hit);
            }
        }
        verdict
    }

    fn say(&mut self, space: &Space, spoken_before: &Numbers, heard: Heard, hit: impl FnMut(Hit)) {
        let Heard { word, place, .. } = heard;
        let Some(speaker) = self.speaker else { return };
        self.heard.push(heard);
        space.matcher.step(&space.phrases, &mut self.phrases, speaker, word, place, hit);
        if let Some(role) = self.role {
            self.push(space, space.heads(role), spoken_before, heard);
        }
    }

    /// Whether a piece of `speaker` from `start_ms` on belongs to this turn.
    pub(super) fn goes_on(&self, speaker: Speaker, start_ms: Option<i64>) -> bool {
        self.speaker.is_some_and(|own| same_turn(own, self.end_ms, speaker, start_ms))
    }

    /// Takes one more word.
    pub(super) fn push(
        &mut self,
        space: &Space,
        heads: &TurnHeads,
        spoken_before: &Numbers,
        heard: Heard,
    ) {
        let (Heard { word, stem, place, .. }, flags) = (heard, &space.flags);
        let spoken = Spoken { word, stem, before: self.before, index: self.words };
        for row in heads.rows(spoken) {
            if self.seen.insert(row) {
                self.ngrams.push((row, place));
                for (sum, &weight) in self.sums.iter_mut().zip(heads.row(row)) {
                    *sum += f64::from(weight);
                }
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

    /// Brings what the heads make of it up to date with its words.
    pub(super) fn weigh(&mut self, heads: &TurnHeads) {
        // The square root keeps long turns from being certain of everything.
        let damping = TurnHeads::damping(self.ngrams.len());
        let sums = heads.intercepts.iter().zip(&self.sums);
        for (((intercept, sum), log_odds), said) in sums.zip(&mut self.log_odds).zip(&mut self.said)
        {
            *log_odds = intercept + sum * damping;
            *said = sigmoid(*log_odds);
        }
        self.meant.copy_from_slice(&self.said);
    }

    /// The word that spoke loudest for `head`; `None` when no word spoke for it.
    pub(super) fn loudest(&self, heads: &TurnHeads, head: usize) -> Option<Place> {
        let mut loudest = (0.0, None);
        for &(row, place) in &self.ngrams {
            let weight = heads.row(row)[head];
            if weight > loudest.0 {
                loudest = (weight, Some(place));
            }
        }
        loudest.1
    }
}
