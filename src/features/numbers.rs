//! Sets of small numbers, as turns and calls need them: mostly short, sometimes long.

/// Numbers up to which a set is a list. A call has thousands of calls beside it, so what it reads
/// for a word is rarely at hand: a short list is one place in memory, bits are as many as numbers.
const FEW: usize = 512;

/// A set of numbers, such as those of words: a sorted list while it is short, bits afterwards.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Numbers {
    few: Vec<u32>,
    bits: Vec<u64>,
}

impl Numbers {
    /// Takes all out.
    pub fn clear(&mut self) {
        self.few.clear();
        self.bits = Vec::new();
    }

    /// Adds `number`; true when it was not there.
    pub fn insert(&mut self, number: u32) -> bool {
        if !self.bits.is_empty() {
            return self.set(number);
        }
        let Err(place) = self.few.binary_search(&number) else { return false };
        if self.few.len() < FEW {
            self.few.insert(place, number);
        } else {
            for known in std::mem::take(&mut self.few) {
                self.set(known);
            }
            self.set(number);
        }
        true
    }

    fn set(&mut self, number: u32) -> bool {
        let (word, bit) = (number as usize / 64, 1 << (number % 64));
        if word >= self.bits.len() {
            self.bits.resize(word + 1, 0);
        }
        let fresh = self.bits[word] & bit == 0;
        self.bits[word] |= bit;
        fresh
    }

    pub fn contains(&self, number: u32) -> bool {
        let bit = 1 << (number % 64);
        self.bits.get(number as usize / 64).is_some_and(|word| word & bit != 0)
            || self.few.binary_search(&number).is_ok()
    }

    pub fn extend(&mut self, other: &Numbers) {
        for &number in &other.few {
            self.insert(number);
        }
        for (word, &bits) in (0..).step_by(64).zip(&other.bits) {
            for number in (word..word + 64).filter(|number| bits & (1 << (number % 64)) != 0) {
                self.insert(number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set(
            numbers in prop::collection::vec(0_u32..3_000, 0..1_500),
            others in prop::collection::vec(0_u32..3_000, 0..1_500),
        ) {
            let (mut set, mut other) = (Numbers::default(), Numbers::default());
            let mut known = BTreeSet::new();
            for &number in &numbers {
                prop_assert_eq!(set.insert(number), known.insert(number));
            }
            for &number in &others {
                other.insert(number);
            }
            set.extend(&other);
            known.extend(others);
            prop_assert!((0..3_100).all(|number| set.contains(number) == known.contains(&number)));
            set.clear();
            let first = numbers.first();
            prop_assert!(first.is_none_or(|&one| !set.contains(one) && set.insert(one)));
        }
    }
}
