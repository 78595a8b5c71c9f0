//! Where each call of this node stands in the streams. Pure.
//!
//! Every publication names the sequence that must be the newest on its subject. A node whose
//! number is out of date has lost the call to another, and no seat means that it was lost.

use std::sync::Arc;

use foldhash::HashMap;

use super::letters::DeskLetter;
use crate::journal::Claim;

/// Where a call stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seat {
    /// Sequence of its newest events.
    pub events: u64,
    /// Sequence of its newest news.
    pub desk: u64,
    /// Sequence of its first events; 0 until they have one.
    pub began: u64,
    /// Its number: one less than the sequence of its first news.
    pub number: Option<u64>,
    /// How many numbered messages it has made.
    pub told: u64,
    /// How many of them somebody has told, as far as is known.
    pub seen: u64,
    /// Its last `seq`, when it was ended by `call_end`.
    pub over: Option<u64>,
}

/// The seats of all calls that this node has.
#[derive(Debug, Default)]
pub struct Seats(HashMap<Arc<str>, Seat>);

impl Seats {
    /// Takes a seat for a call as it was found.
    pub fn claim(&mut self, call_id: &Arc<str>, claim: &Claim) {
        let Claim { events, desk, began, number, told, .. } = *claim;
        self.0.insert(
            Arc::clone(call_id),
            Seat { events, desk, began, number, told, seen: told, over: None },
        );
    }

    /// The seat of a call, while this node has it.
    pub fn of(&mut self, call_id: &str) -> Option<&mut Seat> {
        self.0.get_mut(call_id)
    }

    /// Gives a seat up: the call is over, or another node's.
    pub fn leave(&mut self, call_id: &str) {
        self.0.remove(call_id);
    }

    /// Sequence of the newest news of a call; 0 when this node does not have it.
    pub fn desk(&self, call_id: &str) -> u64 {
        self.0.get(call_id).map_or(0, |seat| seat.desk)
    }
}

impl Seat {
    /// Events are in the stream; `over` is the last `seq` of a call that is over with them.
    pub fn wrote(&mut self, sequence: u64, over: Option<u64>) {
        (self.events, self.over) = (sequence, over.or(self.over));
        if self.began == 0 {
            self.began = sequence;
        }
    }

    /// News is in the stream, the call's message number `told`.
    pub fn told(&mut self, sequence: u64, told: u64) {
        self.desk = sequence;
        (self.told, self.seen) = (told, told.max(self.seen));
        if told == 1 {
            self.number = Some(sequence - 1);
        }
    }

    /// Somebody else's news is in the stream.
    pub fn saw(&mut self, sequence: u64, letter: &DeskLetter) {
        self.desk = sequence;
        if letter.began != self.began {
            return;
        }
        self.seen = self.seen.max(letter.told);
        let first = match (letter.number, letter.told) {
            (0, 1) => Some(sequence - 1),
            (0, _) => None,
            (number, _) => Some(number),
        };
        self.number = self.number.or(first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_follows_what_is_written() {
        let (mut seats, call): (_, Arc<str>) = (Seats::default(), "c".into());
        assert_eq!(seats.of("c"), None, "without a claim it is not ours");
        seats.claim(&call, &Claim::default());
        let seat = seats.of("c").unwrap();
        seat.wrote(7, None);
        seat.told(40, 1);
        seat.wrote(9, Some(3));
        seat.told(44, 2);
        let expected = Seat {
            events: 9,
            desk: 44,
            began: 7,
            number: Some(39),
            told: 2,
            seen: 2,
            over: Some(3),
        };
        assert_eq!((*seat, seats.desk("c")), (expected, 44));
        seats.leave("c");
        assert_eq!(seats.of("c"), None);
        assert_eq!(seats.desk("c"), 0);
    }
}
