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

/// What one look at a text tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Look {
    /// There is nothing in it.
    Nothing,
    /// One number word, which matters only when it goes on with what came before.
    OneWord,
    /// It has to be read.
    Something,
}

/// Looks for digits, an `@`, and words that numbers or addresses are made of.
pub(super) fn look(text: &str) -> Look {
    let bytes = text.as_bytes();
    // Without a way out in the middle, so that many bytes are looked at at once.
    let signs = |any, byte: &u8| any | byte.is_ascii_digit() | (*byte == b'@');
    if bytes.iter().fold(false, signs) {
        return Look::Something;
    }
    let (mut at, mut words, mut nought) = (0, 0, false);
    while at < bytes.len() {
        match first_four(&bytes[at..]) {
            Some(word) if word == u32::from_le_bytes(*b"dot ") => return Look::Something,
            Some(word) if TABLE[slot(word)] == word => words += 1,
            _ => {}
        }
        let start = at;
        while at < bytes.len() && bytes[at].is_ascii_alphabetic() {
            at += 1;
        }
        nought |= matches!(bytes[start..at], [b'o' | b'O'] | [b'o' | b'O', b'h' | b'H']);
        while at < bytes.len() && !bytes[at].is_ascii_alphabetic() {
            at += 1;
        }
    }
    match words {
        0 => Look::Nothing,
        1 if !nought => Look::OneWord,
        _ => Look::Something,
    }
}

/// The first four letters of a word as they are in the table.
fn first_four(word: &[u8]) -> Option<u32> {
    let [a, b, c, rest @ ..] = word else { return None };
    let fourth = rest.first().filter(|byte| byte.is_ascii_alphabetic()).unwrap_or(&b' ');
    Some(u32::from_le_bytes([*a, *b, *c, *fourth]) | 0x2020_2020)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::class::Class;

    #[test]
    fn what_can_make_a_run_is_seen() {
        for name in Class::names() {
            let counts = matches!(Class::of(&name, 0), Class::Number(_) | Class::Times(_));
            let one = look(&format!("is {} it", name.to_uppercase()));
            assert!(!counts || one == Look::OneWord, "{name}");
            assert!(!counts || look(&format!("{name} {name}")) == Look::Something, "{name}");
        }
        assert_eq!([look("a@b"), look("room 7"), look("one oh oh")], [Look::Something; 3]);
    }

    #[test]
    fn common_words_are_passed() {
        let text = "I understand that and I am really sorry to hear this, there is nothing here";
        for text in [text, "don’t onerous tendency dots", "oh", "", "no"] {
            assert_eq!(look(text), Look::Nothing, "{text}");
        }
        assert_eq!(look("I called three times"), Look::OneWord);
    }
}
