//! The turn that is being spoken: n-grams of it so far and what the heads make of them.

use super::heard::Heard;
use super::known::{Found, Known};
use super::numbers::{Bits, Numbers};
use super::{Role, Space, TURN_GAP_MS};
use crate::call::Speaker;
use crate::model::{Feeling, TurnHeads, sigmoid};
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
    /// Numbers and the like that are read out.
    pub runs: Runs,
    /// Its words, for when one turns out to be part of what is read out.
    list: Vec<Word>,
}

/// A word of a turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word {
    pub found: Found,
    pub place: Place,
    pub class: Class,
}

/// Places up to which the memory of a long turn is kept for the next one.
const FEW_PLACES: usize = 32;

impl OpenTurn {
    /// Becomes a turn without words, in the memory of the turn that it was. `before` is how the
    /// speaker's last turn ended.
    pub(super) fn begin(
        &mut self,
        speaker: Speaker,
        start_ms: Option<i64>,
        heads: Option<&TurnHeads>,
        before: Ending,
    ) {
        (self.role, self.speaker) = (Role::of(speaker), Some(speaker));
        (self.start_ms, self.end_ms) = (start_ms, start_ms);
        self.runs = Runs::after(before);
        self.list.clear();
        self.list.shrink_to(FEW_PLACES);
        self.unsay(heads);
        self.places.shrink_to(FEW_PLACES);
        self.feeling = None;
        for values in [&mut self.log_odds, &mut self.said, &mut self.meant] {
            values.clear();
            values.resize(heads.map_or(0, TurnHeads::len), 0.0);
        }
    }

    /// Forgets what its words summed up to.
    fn unsay(&mut self, heads: Option<&TurnHeads>) {
        (self.negations, self.repeated) = (0, 0);
        (self.asks, self.asked_before) = (false, false);
        self.content_words.clear();
        self.phrases.clear();
        self.places.clear();
        if let Some(heads) = heads {
            self.heard.begin(heads);
        }
    }

    /// Takes the next word; `hit` is told of phrases that end in it. Where it makes a number or
    /// the like of words before it, the turn is read again without those, so that what it sums up
    /// to is the same however the number was said, cut or redacted.
    pub(super) fn hear(
        &mut self,
        space: &Space,
        spoken_before: &Bits,
        word: Word,
        hit: impl FnMut(Hit),
    ) -> Verdict {
        let list = &self.list;
        let prior = |n: usize| list.len().checked_sub(n + 1).map(|at| list[at].class);
        let verdict = self.runs.take(word.class, prior);
        match verdict {
            Verdict::Absorb => {}
            Verdict::Push => self.say(space, spoken_before, word, hit),
            Verdict::Join(words) => {
                if words > 0 {
                    self.list.truncate(self.list.len() - words);
                    self.unsay(self.role.map(|role| space.heads(role)));
                    for earlier in std::mem::take(&mut self.list) {
                        self.say(space, spoken_before, earlier, |_| {});
                    }
                }
                let found = space.words.read_out;
                let read_out = Word { found, place: word.place, class: Class::Number(u8::MAX) };
                self.say(space, spoken_before, read_out, hit);
            }
        }
        verdict
    }

    #[inline]
    fn say(&mut self, space: &Space, spoken_before: &Bits, word: Word, hit: impl FnMut(Hit)) {
        let Word { found, place, .. } = word;
        let Some(speaker) = self.speaker else { return };
        self.list.push(word);
        let known = (found.word, found.opening);
        space.matcher.step(&space.phrases, &mut self.phrases, speaker, known, place, hit);
        if let Some(role) = self.role {
            let known = (found, space.words.known(found));
            self.push(space.heads(role), role, spoken_before, known, place);
        }
    }

    /// Whether a piece of `speaker` from `start_ms` on belongs to this turn.
    pub(super) fn goes_on(&self, speaker: Speaker, start_ms: Option<i64>) -> bool {
        self.speaker.is_some_and(|own| same_turn(own, self.end_ms, speaker, start_ms))
    }

    /// Takes one more word of `role`.
    #[inline]
    fn push(
        &mut self,
        heads: &TurnHeads,
        role: Role,
        spoken_before: &Bits,
        (found, known): (Found, &Known),
        place: Place,
    ) {
        let own = known.flags;
        self.negations += u32::from(own.negates());
        self.asks |= (self.heard.words == 0 && own.asks()) || (self.asked_before && own.asked());
        self.asked_before = own.asks();
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
