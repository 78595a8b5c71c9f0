//! Numbers by short keys, as words and pairs of words need them.

/// Bits of a key; the rest of a slot is its number.
const KEY_BITS: u32 = 96;
const KEY: u128 = (1 << KEY_BITS) - 1;
/// A slot that holds nothing: no key has this number.
const FREE: u128 = !KEY;

/// Numbers below `u32::MAX` by keys of 96 bits.
///
/// Key and number lie side by side in 16 bytes and the table is at most half full, so most
/// look-ups, found or not, reach into memory once; a general hash map reaches twice, and for
/// words a third time to compare them. Keys come from models and phrase lists, not from callers.
#[derive(Clone, Debug, Default)]
pub struct Slots {
    slots: Vec<u128>,
    used: usize,
}

impl Slots {
    /// Sets the number of `key`.
    pub fn insert(&mut self, key: u128, number: u32) {
        if self.used * 2 >= self.slots.len() {
            let larger = vec![FREE; (self.slots.len() * 2).max(16)];
            for slot in std::mem::replace(&mut self.slots, larger) {
                if slot != FREE {
                    let place = self.place(slot & KEY);
                    self.slots[place] = slot;
                }
            }
        }
        let place = self.place(key);
        self.used += usize::from(self.slots[place] == FREE);
        self.slots[place] = key | u128::from(number) << KEY_BITS;
    }

    /// The slot of `key`, or the free one where it would be.
    fn place(&self, key: u128) -> usize {
        let mut place = self.home(Slots::mix(key));
        while self.slots[place] != FREE && self.slots[place] & KEY != key {
            place = (place + 1) & (self.slots.len() - 1);
        }
        place
    }

    /// A product of halves, folded: every bit of the key moves all bits of it.
    #[inline]
    pub(super) fn mix(key: u128) -> u64 {
        let (low, high) = (key as u64 ^ 0x9E37_79B9_7F4A_7C15, (key >> 64) as u64);
        let product = u128::from(low) * u128::from(high ^ 0xD1B5_4A32_D192_ED03);
        product as u64 ^ (product >> 64) as u64
    }

    #[inline]
    fn home(&self, mixed: u64) -> usize {
        mixed as usize & self.slots.len().wrapping_sub(1)
    }

    /// How many keys have a number.
    pub(super) fn len(&self) -> usize {
        self.used
    }

    /// All keys that have a number, in no order.
    pub(super) fn keys(&self) -> impl Iterator<Item = u128> {
        self.slots.iter().filter(|slot| **slot != FREE).map(|slot| slot & KEY)
    }

    /// The number of `key`.
    #[inline]
    pub fn get(&self, key: u128) -> Option<u32> {
        self.get_mixed(key, Slots::mix(key))
    }

    /// The number of `key`, for who has [`Slots::mix`] of it already.
    #[inline]
    pub(super) fn get_mixed(&self, key: u128, mixed: u64) -> Option<u32> {
        let mut place = self.home(mixed);
        loop {
            let slot = *self.slots.get(place)?;
            if slot & KEY == key {
                return (slot != FREE).then_some((slot >> KEY_BITS) as u32);
            }
            if slot == FREE {
                return None;
            }
            place = (place + 1) & (self.slots.len() - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map(
            entries in prop::collection::vec((0_u128..400, 0_u32..9), 0..400),
            high in 0_u32..90,
        ) {
            let (mut slots, mut known) = (Slots::default(), BTreeMap::new());
            for &(key, number) in &entries {
                slots.insert(key << high & KEY, number);
                known.insert(key << high & KEY, number);
            }
            for key in (0..500).map(|key| key << high & KEY) {
                prop_assert_eq!(slots.get(key), known.get(&key).copied());
            }
        }
    }
}
