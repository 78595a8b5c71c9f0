//! What the first-level heads said over the turns of one role.

use crate::model::Feeling;

/// Weight of the newest turn in the fast and the slow moving average.
const FAST: f64 = 0.4;
const SLOW: f64 = 0.15;

/// One head over the turns of one role. All values are probabilities, or sums of them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct HeadTrack {
    /// Of the newest turn.
    pub last: f64,
    /// Of the turn before.
    pub previous: f64,
    /// Moving average over about three turns; starts at 0.
    pub fast: f64,
    /// Moving average over about seven turns; starts at 0.
    pub slow: f64,
    /// Over all turns.
    pub sum: f64,
    /// Over all turns.
    pub max: f64,
}

impl HeadTrack {
    fn push(&mut self, probability: f64) {
        self.previous = self.last;
        self.last = probability;
        self.fast = moved(self.fast, FAST, probability);
        self.slow = moved(self.slow, SLOW, probability);
        self.sum += probability;
        self.max = self.max.max(probability);
    }
}

/// What is kept of a head over the turns of its role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aggregate {
    Last,
    Previous,
    Fast,
    Slow,
    Mean,
    Max,
}

/// All heads of one role.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RoleTrack {
    /// In the order of the model's heads.
    pub heads: Vec<HeadTrack>,
    /// Turns of this role.
    pub turns: u32,
}

impl RoleTrack {
    pub(super) fn new(heads: usize) -> RoleTrack {
        RoleTrack { heads: vec![HeadTrack::default(); heads], turns: 0 }
    }

    /// Takes the probabilities of one more turn.
    pub(super) fn push(&mut self, probabilities: &[f64]) {
        self.turns += 1;
        for (track, &probability) in self.heads.iter_mut().zip(probabilities) {
            track.push(probability);
        }
    }

    /// The track as it will be with the probabilities of a turn that is being spoken.
    pub(super) fn ahead<'a>(&'a self, newest: Option<&'a [f64]>) -> Ahead<'a> {
        Ahead { track: self, newest }
    }
}

/// A track and, maybe, one turn more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ahead<'a> {
    track: &'a RoleTrack,
    newest: Option<&'a [f64]>,
}

impl Ahead<'_> {
    pub(super) fn turns(self) -> u32 {
        self.track.turns + u32::from(self.newest.is_some())
    }

    pub(super) fn value(self, head: usize, aggregate: Aggregate) -> f64 {
        let track = &self.track.heads[head];
        // Only what is asked for is worked out: this is done for every column after every chunk.
        let Some(now) = self.newest.map(|newest| newest[head]) else {
            return match aggregate {
                Aggregate::Last => track.last,
                Aggregate::Previous => track.previous,
                Aggregate::Fast => track.fast,
                Aggregate::Slow => track.slow,
                Aggregate::Mean => track.sum / (f64::from(self.turns()) + 1.0),
                Aggregate::Max => track.max,
            };
        };
        match aggregate {
            Aggregate::Last => now,
            Aggregate::Previous => track.last,
            Aggregate::Fast => moved(track.fast, FAST, now),
            Aggregate::Slow => moved(track.slow, SLOW, now),
            Aggregate::Mean => (track.sum + now) / (f64::from(self.turns()) + 1.0),
            Aggregate::Max => track.max.max(now),
        }
    }
}

/// A moving average with its newest value.
fn moved(average: f64, weight: f64, newest: f64) -> f64 {
    (1.0 - weight) * average + weight * newest
}

/// The customer's feelings over their turns.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Mood {
    /// Moving average of the sentiment, −1 … 1; `None` until the customer speaks.
    pub average: Option<f64>,
    /// Of the newest turn alone.
    pub last: Option<f64>,
    /// P(negative) and its square, as moving averages; they start at 0.
    negative: f64,
    square: f64,
    /// Least and greatest P(negative).
    range: Option<(f64, f64)>,
}

impl Mood {
    pub(super) fn push(&mut self, feeling: Feeling) {
        let (own, negative) = (feeling.sentiment(), feeling.negative);
        let before = self.average.unwrap_or(own);
        self.average = Some((1.0 - FAST) * before + FAST * own);
        self.last = Some(own);
        self.negative = (1.0 - FAST) * self.negative + FAST * negative;
        self.square = (1.0 - FAST) * self.square + FAST * negative * negative;
        let (least, greatest) = self.range.unwrap_or((negative, negative));
        self.range = Some((least.min(negative), greatest.max(negative)));
    }

    /// Variance of P(negative) over about three turns.
    pub(super) fn variance(&self) -> f64 {
        (self.square - self.negative * self.negative).max(0.0)
    }

    /// From the least to the greatest P(negative) of the call.
    pub(super) fn range(&self) -> f64 {
        self.range.map_or(0.0, |(least, greatest)| greatest - least)
    }
}

/// A number that comes and goes, as a moving average and a sum.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Pulse {
    /// Over about four occasions; starts at 0.
    pub fast: f64,
    /// Over all occasions.
    pub sum: f64,
}

impl Pulse {
    pub(super) fn push(&mut self, value: f64) {
        self.fast = 0.7 * self.fast + 0.3 * value;
        self.sum += value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_worked_out_by_hand() {
        let mut track = RoleTrack::new(1);
        track.push(&[1.0]);
        track.push(&[0.5]);
        let head = track.heads[0];
        assert_eq!((head.last, head.previous, head.max, head.sum), (0.5, 1.0, 1.0, 1.5));
        assert!((head.fast - 0.44).abs() < 1e-15 && (head.slow - 0.2025).abs() < 1e-15);
    }

    #[test]
    fn moods_worked_out_by_hand() {
        let mut mood = Mood::default();
        mood.push(Feeling { negative: 0.5, positive: 0.5 });
        mood.push(Feeling { negative: 1.0, positive: 0.0 });
        assert!((mood.average.unwrap() + 0.4).abs() < 1e-15);
        // 0.4 · 0.25 · 0.6 + 0.4 · 1 less the square of 0.4 · 0.5 · 0.6 + 0.4 · 1.
        assert!((mood.variance() - (0.46 - 0.52 * 0.52)).abs() < 1e-15);
        assert_eq!(mood.range(), 0.5);
    }
}
