//! Where the heads spoke loudest: the turns that reasons quote.

use crate::text::phrases::Place;

/// Stands for the probability of a turn that has not been.
const NEVER: f64 = -1.0;

/// Words that spoke for a head.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spot {
    pub probability: f64,
    pub place: Place,
}

/// The two strongest turns of each head. Probabilities lie by themselves: they are read at the end
/// of every turn, and most turns are not among the two strongest.
#[derive(Clone, Debug)]
pub(super) struct Evidence {
    probabilities: Vec<[f64; 2]>,
    places: Vec<[Place; 2]>,
}

impl Evidence {
    /// Of so many heads, before the first word.
    pub(super) fn new(heads: usize) -> Evidence {
        let nowhere = Place { seq: 0, start: 0, end: 0 };
        Evidence { probabilities: vec![[NEVER; 2]; heads], places: vec![[nowhere; 2]; heads] }
    }

    /// Whether a turn in which `head` has this `probability` is one of its strongest.
    pub(super) fn wants(&self, head: usize, probability: f64) -> bool {
        probability > self.probabilities[head][1]
    }

    /// Takes the place of one more turn. The earlier of two that are alike is the stronger.
    pub(super) fn keep(&mut self, head: usize, spot: Spot) {
        let (probabilities, places) = (&mut self.probabilities[head], &mut self.places[head]);
        merge(probabilities, places, spot);
    }

    /// The strongest turns of `head` with one more, strongest first.
    pub(super) fn with(&self, head: usize, newest: Option<Spot>) -> impl Iterator<Item = Spot> {
        let (mut probabilities, mut places) = (self.probabilities[head], self.places[head]);
        if let Some(spot) = newest {
            merge(&mut probabilities, &mut places, spot);
        }
        let spots = probabilities.into_iter().zip(places);
        spots
            .filter(|(probability, _)| *probability != NEVER)
            .map(|(probability, place)| Spot { probability, place })
    }
}

fn merge(probabilities: &mut [f64; 2], places: &mut [Place; 2], new: Spot) {
    if new.probability > probabilities[0] {
        *probabilities = [new.probability, probabilities[0]];
        *places = [new.place, places[0]];
    } else if new.probability > probabilities[1] {
        (probabilities[1], places[1]) = (new.probability, new.place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_strongest_are_kept() {
        let spot = |seq, probability| Spot { probability, place: Place { seq, start: 1, end: 2 } };
        let mut evidence = Evidence::new(2);
        assert_eq!(evidence.with(1, None).count(), 0);
        for (seq, probability) in [(1, 0.5), (2, 0.0), (3, 0.5), (4, 0.1)] {
            assert_eq!(evidence.wants(1, probability), seq < 4, "{seq}");
            evidence.keep(1, spot(seq, probability));
        }
        assert!(evidence.with(1, None).eq([spot(1, 0.5), spot(3, 0.5)]));
        assert!(evidence.with(1, Some(spot(5, 0.7))).eq([spot(5, 0.7), spot(1, 0.5)]));
        assert_eq!(evidence.with(0, Some(spot(5, 0.7))).count(), 1);
    }
}
