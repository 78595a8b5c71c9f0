//! The turn that is being spoken: n-grams of it so far and what the heads make of them.

use super::heard::Heard;
use super::known::{Found, Known};
use super::numbers::{Bits, Numbers};
use super::{Role, TURN_GAP_MS};
use crate::call::Speaker;
use crate::model::{Feeling, TurnHeads, sigmoid};
use crate::text::phrases::{MatchState, Place};

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
    /// `None` before anybody has spoken.
    pub speaker: Option<Speaker>,
    pub start_ms: Option<i64>,
    pub end_ms: Option<i64>,
    pub negations: u32,
    pub asks: bool,
    /// Distinct content words, and those of them that this role has used before.
    pub content_words: Numbers,
    pub repeated: u32,
    pub phrases: MatchState,
    /// The words as the heads hear them.
    pub heard: Heard,
    /// What the heads make of it. Up to date after [`OpenTurn::weigh`], like the next three.
    pub log_odds: Vec<f64>,
    /// The same as probabilities, by the words alone.
    pub said: Vec<f64>,
    /// The same with the feelings as they are meant after what was said before.
    pub meant: Vec<f64>,
    /// How the customer feels in it.
    pub feeling: Option<Feeling>,
    /// Words that brought new n-grams, and how many there were before each.
    places: Vec<(u32, Place)>,
    /// The newest word may open a question.
    asked_before: bool,
}

/// Places up to which the memory of a long turn is kept for the next one.
const FEW_PLACES: usize = 32;

impl OpenTurn {
    /// Becomes a turn without words, in the memory of the turn that it was.
    pub(super) fn begin(
        &mut self,
        speaker: Speaker,
        start_ms: Option<i64>,
        heads: Option<&TurnHeads>,
    ) {
        (self.role, self.speaker) = (Role::of(speaker), Some(speaker));
        (self.start_ms, self.end_ms) = (start_ms, start_ms);
        (self.negations, self.repeated) = (0, 0);
        (self.asks, self.asked_before) = (false, false);
        self.content_words.clear();
        self.phrases.clear();
        self.places.clear();
        self.places.shrink_to(FEW_PLACES);
        self.feeling = None;
        for values in [&mut self.log_odds, &mut self.said, &mut self.meant] {
            values.clear();
            values.resize(heads.map_or(0, TurnHeads::len), 0.0);
        }
        if let Some(heads) = heads {
            self.heard.begin(heads);
        }
    }

    /// Whether a piece of `speaker` from `start_ms` on belongs to this turn.
    pub(super) fn goes_on(&self, speaker: Speaker, start_ms: Option<i64>) -> bool {
        self.speaker.is_some_and(|own| same_turn(own, self.end_ms, speaker, start_ms))
    }

    /// Takes one more word of `role`.
    #[inline]
    pub(super) fn push(
        &mut self,
        heads: &TurnHeads,
        role: Role,
        spoken_before: &Bits,
        (found, known): (Found, &Known),
        place: Place,
    ) {
        let own = known.flags;
        self.negations += u32::from(own.negates);
        self.asks |= (self.heard.words == 0 && own.asks) || (self.asked_before && own.asked);
        self.asked_before = own.asks;
        if let Some(content) = own.content
            && self.content_words.insert(content.get())
        {
            self.repeated += u32::from(spoken_before.contains(content.get()));
        }
        let before = self.heard.ngrams().len();
        self.heard.push(heads, role, found, known);
        if self.heard.ngrams().len() > before {
            self.places.push((before as u32, place));
        }
    }

    /// Brings what the heads make of it up to date with its words.
    pub(super) fn weigh(&mut self, heads: &TurnHeads) {
        let outputs = self.log_odds.iter_mut().zip(&mut self.said);
        for (now, (log_odds, said)) in self.heard.log_odds(heads).zip(outputs) {
            *log_odds = now;
            *said = sigmoid(now);
        }
        self.meant.copy_from_slice(&self.said);
    }

    /// The words that spoke loudest for each head; `None` where no word spoke for it.
    pub(super) fn loudest(&self, heads: &TurnHeads) -> impl Iterator<Item = Option<Place>> {
        heads.loudest(self.heard.ngrams()).map(|ngram| {
            let ngram = ngram?;
            let after = self.places.partition_point(|(before, _)| *before <= ngram);
            Some(self.places[after - 1].1)
        })
    }
}
