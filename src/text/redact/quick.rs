//! One look at the bytes of a text: may there be something to take out?

/// The first four letters of every word that a run can be made of; a short word ends in a blank,
/// which stands for whatever follows it.
#[rustfmt::skip]
const BEGINNINGS: [&[u8; 4]; 39] = [
    b"zero", b"noug", b"naug", b"one ", b"two ", b"thre", b"four", b"five",
    b"six ", b"seve", b"eigh", b"nine", b"ten ", b"elev", b"twel", b"thir",
    b"fift", b"sixt", b"twen", b"fort", b"hund", b"thou", b"doub", b"trip",
    b"dot ", b"nint", b"born", b"birt", b"janu", b"febr", b"marc",
    b"apri", b"june", b"july", b"augu", b"sept", b"octo", b"nove", b"dece",
];

/// Slots of the table; a power of two.
const SLOTS: usize = 256;

/// Where the beginnings are by their hash, so that a word costs one look.
static TABLE: [u32; SLOTS] = table();

const fn table() -> [u32; SLOTS] {
    let mut table = [0; SLOTS];
    let mut at = 0;
    while at < BEGINNINGS.len() {
        let word = u32::from_le_bytes(*BEGINNINGS[at]);
        let slot = slot(word);
        assert!(table[slot] == 0, "two beginnings share a slot: choose another factor");
        table[slot] = word;
        at += 1;
    }
    table
}

const fn slot(word: u32) -> usize {
    (word.wrapping_mul(FACTOR) >> 24) as usize
}

/// Chosen so that no two beginnings share a slot.
const FACTOR: u32 = 0x7311_D8A3;

/// Whether `text` has a digit, an `@`, or a word that numbers or addresses are made of.
pub(super) fn may_hold(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut inside = false;
    for (at, &byte) in bytes.iter().enumerate() {
        if byte.is_ascii_digit() || byte == b'@' {
            return true;
        }
        let letter = byte.is_ascii_alphabetic();
        if letter && !inside && begins_number(&bytes[at..]) {
            return true;
        }
        inside = letter;
    }
    false
}

/// Whether one of the beginnings is at the start of `word`.
fn begins_number(word: &[u8]) -> bool {
    let mut first = [b' '; 4];
    for (own, byte) in first.iter_mut().zip(word) {
        if !byte.is_ascii_alphabetic() {
            break;
        }
        *own = byte | 0x20;
    }
    let first = u32::from_le_bytes(first);
    TABLE[slot(first)] == first
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::class::Class;

    #[test]
    fn what_can_make_a_run_is_seen() {
        for name in Class::names() {
            let counts = matches!(Class::of(&name, 0), Class::Number(_) | Class::Times(_));
            assert!(!counts || may_hold(&format!("is {} it", name.to_uppercase())), "{name}");
        }
        assert!(may_hold("a@b") && may_hold("room 7"));
    }

    #[test]
    fn common_words_are_passed() {
        let text = "I understand that and I am really sorry to hear this, there is nothing here";
        assert!(!may_hold(text) && !may_hold("don’t onerous tendency dots"));
        assert!(!may_hold(""));
    }
}
