//! What is done to a seed.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// Pieces that readers stumble over.
const PIECES: [&str; 38] = [
    "\"",
    "\\",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "true",
    "-0",
    "1e999",
    "-1e-999",
    "18446744073709551616",
    "9223372036854775807",
    "-9223372036854775808",
    "0.1",
    "\\u0000",
    "\\ud800",
    "\\ud83d\\ude00",
    "\u{feff}",
    "\u{202e}",
    "\u{0}",
    "\r\n",
    "'",
    "''''",
    "\"\"\"",
    "[[category]]",
    "[[rule]]",
    "= ",
    "#",
    "*",
    "(|)",
    "((((",
    "\u{10ffff}",
    "ﬀ",
    "İ",
    "#",
];
/// Deep enough to overflow a stack that is not guarded.
const DEEP: usize = 20_000;

/// One change.
#[derive(Clone, Debug)]
pub(super) enum Mutation {
    /// A bit is turned.
    Flip(Index, u8),
    /// A byte becomes another.
    Set(Index, u8),
    /// A range goes.
    Cut(Index, Index),
    /// A range is said again elsewhere.
    Repeat(Index, Index, Index),
    /// A piece is put in.
    Put(Index, Index),
    /// A number is replaced by a piece.
    Number(Index, Index),
    /// Some of another seed is put in.
    Splice(Index, Index, Index),
    /// Many of one bracket.
    Nest(Index, bool),
    /// Bytes of no meaning.
    Noise(Index, Vec<u8>),
    /// The rest is missing.
    End(Index),
}

pub(super) fn mutation() -> impl Strategy<Value = Mutation> {
    let at = any::<Index>;
    prop_oneof![
        4 => (at(), 0..8_u8).prop_map(|(place, bit)| Mutation::Flip(place, bit)),
        4 => (at(), any::<u8>()).prop_map(|(place, byte)| Mutation::Set(place, byte)),
        4 => (at(), at()).prop_map(|(from, to)| Mutation::Cut(from, to)),
        3 => (at(), at(), at()).prop_map(|(from, to, place)| Mutation::Repeat(from, to, place)),
        8 => (at(), at()).prop_map(|(place, piece)| Mutation::Put(place, piece)),
        4 => (at(), at()).prop_map(|(place, piece)| Mutation::Number(place, piece)),
        3 => (at(), at(), at()).prop_map(|(seed, from, place)| Mutation::Splice(seed, from, place)),
        1 => (at(), any::<bool>()).prop_map(|(place, list)| Mutation::Nest(place, list)),
        2 => (at(), vec(any::<u8>(), 1..40)).prop_map(|(place, bytes)| Mutation::Noise(place, bytes)),
        1 => at().prop_map(Mutation::End),
    ]
}

/// A seed after all of them.
pub(super) fn mutated(seed: &[u8], mutations: &[Mutation], seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for mutation in mutations {
        apply(&mut bytes, mutation, seeds);
    }
    bytes
}

fn apply(bytes: &mut Vec<u8>, mutation: &Mutation, seeds: &[Vec<u8>]) {
    let length = bytes.len();
    let place = |index: &Index| index.index(length + 1);
    let range = |one: &Index, two: &Index| {
        let (one, two) = (place(one), place(two));
        one.min(two)..one.max(two)
    };
    let mut put = |at: usize, piece: &[u8]| drop(bytes.splice(at..at, piece.iter().copied()));
    match mutation {
        Mutation::Put(at, piece) => put(place(at), piece.get(&PIECES).as_bytes()),
        Mutation::Noise(at, noise) => put(place(at), noise),
        Mutation::Nest(at, list) => {
            let bracket: &[u8] = if *list { b"[" } else { b"{\"a\":" };
            put(place(at), &bracket.repeat(DEEP));
        }
        Mutation::Splice(seed, from, at) => {
            let other = seed.get::<Vec<u8>>(seeds);
            put(place(at), &other[from.index(other.len() + 1)..]);
        }
        Mutation::Repeat(from, to, at) => {
            let said = bytes[range(from, to)].to_vec();
            bytes.splice(place(at)..place(at), said);
        }
        Mutation::Cut(from, to) => drop(bytes.drain(range(from, to))),
        Mutation::End(at) => bytes.truncate(place(at)),
        Mutation::Flip(at, bit) if length > 0 => bytes[at.index(length)] ^= 1 << bit,
        Mutation::Set(at, byte) if length > 0 => bytes[at.index(length)] = *byte,
        Mutation::Number(at, piece) => {
            let numbers: Vec<usize> =
                (0..length).filter(|&at| bytes[at].is_ascii_digit()).collect();
            if let Some(&first) = numbers.get(at.index(numbers.len().max(1))) {
                let digits = bytes[first..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                bytes.splice(first..first + digits, piece.get(&PIECES).bytes());
            }
        }
        Mutation::Flip(..) | Mutation::Set(..) => {}
    }
}
