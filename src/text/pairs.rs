//! Numbers by pairs of words, most of which have none.

use super::{Slots, WordId};

/// Bits of the sieve for each pair that has a number. Two of them are set for it, so that three in two
/// hundred pairs without one pass all the same.
const BITS: usize = 16;

/// Numbers below `u32::MAX` by pairs of words, or of anything else that has numbers.
///
/// Nearly all pairs that are asked for have none. A sieve that is an eighth of the table's size, and
/// so stays in the processor's caches, says so without a look at the table.
#[derive(Clone, Debug, Default)]
pub struct Pairs {
    slots: Slots,
    sieve: Vec<u64>,
}

impl Pairs {
    /// Sets the number of a pair.
    pub fn insert(&mut self, one: WordId, two: WordId, number: u32) {
        let key = one.then(two);
        self.slots.insert(key, number);
        if self.slots.len() * BITS > self.sieve.len() * 64 {
            let mut larger = vec![0; (self.sieve.len() * 2).max(1)];
            self.slots.keys().for_each(|key| mark(&mut larger, key));
            self.sieve = larger;
        }
        mark(&mut self.sieve, key);
    }

    /// The number of a pair.
    #[inline]
    pub fn get(&self, one: WordId, two: WordId) -> Option<u32> {
        let key = one.then(two);
        let mixed = Slots::mix(key);
        let (place, bits) = spot(mixed, self.sieve.len());
        if self.sieve.get(place)? & bits != bits {
            return None;
        }
        self.slots.get_mixed(key, mixed)
    }
}

fn mark(sieve: &mut [u64], key: u128) {
    let (place, bits) = spot(Slots::mix(key), sieve.len());
    sieve[place] |= bits;
}

/// Where in a sieve of so many words a key is, and its two bits there. The table takes its places from
/// the low bits, so these are others.
#[inline]
fn spot(mixed: u64, words: usize) -> (usize, u64) {
    let place = (mixed >> 32) as usize & words.wrapping_sub(1);
    (place, 1 << (mixed >> 20 & 63) | 1 << (mixed >> 26 & 63))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map(entries in prop::collection::vec((0_u32..40, 0_u32..40, 0_u32..9), 0..900)) {
            let (mut pairs, mut known) = (Pairs::default(), BTreeMap::new());
            for &(one, two, number) in &entries {
                pairs.insert(WordId(one), WordId(two), number);
                known.insert((one, two), number);
            }
            for (one, two) in (0..41).flat_map(|one| (0..41).map(move |two| (one, two))) {
                let found = pairs.get(WordId(one), WordId(two));
                prop_assert_eq!(found, known.get(&(one, two)).copied());
            }
        }
    }

    #[test]
    fn few_pairs_without_a_number_pass_the_sieve() {
        let mut pairs = Pairs::default();
        let word = |number: u32| WordId(number.wrapping_mul(2_654_435_761));
        (0..5_000).for_each(|one| pairs.insert(word(one), word(one + 1), one));
        let passes = |one| {
            let (place, bits) = spot(Slots::mix(word(one).then(word(one + 2))), pairs.sieve.len());
            pairs.sieve[place] & bits == bits
        };
        let passed = (0..5_000).filter(|one| passes(*one)).count();
        assert!(passed < 250, "{passed} of 5000");
    }
}
