//! Sets of small numbers, as turns and calls need them.

/// Numbers up to which a list is looked through.
const FEW: usize = 256;
/// Numbers up to which the memory of a list is kept: as many as n-grams in most turns.
const KEPT: usize = 64;

/// A set of small numbers with one bit for each.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    pub fn insert(&mut self, number: u32) {
        let word = number as usize / 64;
        if word >= self.0.len() {
            // Not twice as much as is needed: every open call has these.
            self.0.reserve_exact(word + 1 - self.0.len());
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (number % 64);
    }

    #[inline]
    pub fn contains(&self, number: u32) -> bool {
        self.0.get(number as usize / 64).is_some_and(|word| word & 1 << (number % 64) != 0)
    }
}

/// A set of numbers in the order in which they came, mostly few. A call has thousands of calls
/// beside it, so what it reads for a word is rarely at hand: a filter of one cache line says of
/// most numbers that they are new, and only the others are looked for in the list.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Numbers {
    filter: [u64; 8],
    list: Vec<u32>,
    /// All of them once they are more than [`FEW`], else none.
    many: Bits,
}

impl Numbers {
    /// Takes all out. An open call keeps the memory of a turn of usual length.
    pub fn clear(&mut self) {
        self.filter = [0; 8];
        self.list.clear();
        self.list.shrink_to(KEPT);
        self.many = Bits::default();
    }

    /// Adds `number`; true when it was not there.
    #[inline]
    pub fn insert(&mut self, number: u32) -> bool {
        let (word, bit) = (number as usize / 64 % 8, 1 << (number % 64));
        if self.filter[word] & bit != 0 && self.holds(number) {
            return false;
        }
        self.filter[word] |= bit;
        self.list.push(number);
        if self.list.len() > FEW {
            self.mark(number);
        }
        true
    }

    /// The newest of many is `number`.
    #[cold]
    fn mark(&mut self, number: u32) {
        match self.list.len() {
            count if count == FEW + 1 => self.list.iter().for_each(|own| self.many.insert(*own)),
            _ => self.many.insert(number),
        }
    }

    fn holds(&self, number: u32) -> bool {
        match self.list.len() {
            0..=FEW => self.list.contains(&number),
            _ => self.many.contains(number),
        }
    }

    /// In the order in which they came.
    pub fn as_slice(&self) -> &[u32] {
        &self.list
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn they_are_sets(numbers in prop::collection::vec(0_u32..3_000, 0..1_500)) {
            let (mut set, mut bits) = (Numbers::default(), Bits::default());
            let (mut known, mut order) = (BTreeSet::new(), Vec::new());
            for &number in &numbers {
                prop_assert_eq!(bits.contains(number), known.contains(&number));
                prop_assert_eq!(set.insert(number), known.insert(number));
                if !bits.contains(number) {
                    order.push(number);
                }
                bits.insert(number);
            }
            prop_assert_eq!(set.as_slice(), order);
            set.clear();
            let first = numbers.first();
            prop_assert!(first.is_none_or(|&one| set.insert(one) && !set.insert(one)));
        }
    }
}
