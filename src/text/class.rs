//! What a word can be in a number, a date or an address that is read out.

use std::sync::LazyLock;

use foldhash::HashMap;

use super::redact::Kind;

/// What a word is to what is read out around it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Class {
    /// Nothing of all this.
    #[default]
    Plain,
    /// A number of so many digits; a number word counts as one.
    Number(u8),
    /// `double`, `triple`: so many more of the next digit.
    Times(u8),
    /// `oh`: nought between digits, a sigh elsewhere.
    Oh,
    /// What people say between the groups of a number.
    Filler,
    /// `first` … `thirty first`, `4th`.
    Ordinal,
    /// A month.
    Month,
    /// `of`, `the` within a date.
    Of,
    /// `dot`, `underscore`.
    Dot,
    /// `at`.
    At,
    /// A single letter.
    Letter,
    /// What stands for something that was redacted.
    Placeholder(Kind),
}

impl Class {
    /// The class of a normalised word of `length` code points. `#` is a run of digits.
    pub fn of(word: &str, length: u32) -> Class {
        if word == "#" {
            return Class::Number(u8::try_from(length.min(99)).unwrap_or(99));
        }
        if let Some(kind) = Kind::of_placeholder(word) {
            return Class::Placeholder(kind);
        }
        static NAMES: LazyLock<HashMap<String, Class>> = LazyLock::new(|| {
            let class = |name: String| Some((name.clone(), Class::of_name(&name)?));
            Class::names().filter_map(class).collect()
        });
        NAMES.get(word).copied().unwrap_or_else(|| Class::of_spelling(word))
    }

    /// Of a word that is not among those with a class by name: one with three digits or more in
    /// it is a number ("ab12345").
    pub fn of_spelling(word: &str) -> Class {
        let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
        let bytes = word.as_bytes();
        if !edge(bytes.first()) && !edge(bytes.last()) {
            return if bytes.len() == 1 { Class::Letter } else { Class::Plain };
        }
        match bytes.iter().filter(|byte| byte.is_ascii_digit()).count() {
            0..3 => Class::Plain,
            digits => Class::Number(u8::try_from(digits.min(99)).unwrap_or(99)),
        }
    }

    /// Of a word with a class by name.
    fn of_name(word: &str) -> Option<Class> {
        Some(match word {
            "oh" | "o" => Class::Oh,
            "double" => Class::Times(1),
            "triple" => Class::Times(2),
            "uh" | "um" | "er" | "erm" | "and" | "then" | "dash" | "hyphen" | "space" | "slash" => {
                Class::Filler
            }
            "of" | "the" => Class::Of,
            "dot" | "underscore" => Class::Dot,
            "at" => Class::At,
            _ if NUMBERS.iter().any(|(name, _)| *name == word) => Class::Number(1),
            _ if MONTHS.contains(&word) => Class::Month,
            _ if ORDINALS.contains(&word) || is_written_ordinal(word) => Class::Ordinal,
            _ => return None,
        })
    }

    /// Every word with a class by name, written ordinals among them.
    pub fn names() -> impl Iterator<Item = String> {
        let others = [
            "oh",
            "o",
            "double",
            "triple",
            "uh",
            "um",
            "er",
            "erm",
            "and",
            "then",
            "dash",
            "hyphen",
            "space",
            "slash",
            "of",
            "the",
            "dot",
            "underscore",
            "at",
        ];
        let written = (1..32).map(|day| {
            let ending = match day {
                1 | 21 | 31 => "st",
                2 | 22 => "nd",
                3 | 23 => "rd",
                _ => "th",
            };
            format!("{day}{ending}")
        });
        let numbers = NUMBERS.iter().map(|(name, _)| *name);
        let named = others.into_iter().chain(numbers).chain(MONTHS).chain(ORDINALS);
        named.map(str::to_owned).chain(written)
    }
}

/// Number words and their digits.
#[rustfmt::skip]
const NUMBERS: [(&str, &str); 33] = [
    ("zero", "0"), ("nought", "0"), ("naught", "0"), ("one", "1"), ("two", "2"), ("three", "3"),
    ("four", "4"), ("five", "5"), ("six", "6"), ("seven", "7"), ("eight", "8"), ("nine", "9"),
    ("ten", "10"), ("eleven", "11"), ("twelve", "12"), ("thirteen", "13"), ("fourteen", "14"),
    ("fifteen", "15"), ("sixteen", "16"), ("seventeen", "17"), ("eighteen", "18"),
    ("nineteen", "19"), ("twenty", "20"), ("thirty", "30"), ("forty", "40"), ("fourty", "40"),
    ("fifty", "50"), ("sixty", "60"), ("seventy", "70"), ("eighty", "80"), ("ninety", "90"),
    ("hundred", "00"), ("thousand", "000"),
];

/// The digits of a number word; those of `hundred` and `thousand` are their noughts.
pub fn digits_of(word: &str) -> Option<&'static str> {
    NUMBERS.iter().find(|(name, _)| *name == word).map(|(_, digits)| *digits)
}

#[rustfmt::skip]
const MONTHS: [&str; 22] = [
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december", "jan", "feb", "apr", "jun", "jul", "aug", "sept", "oct",
    "nov", "dec",
];

#[rustfmt::skip]
const ORDINALS: [&str; 21] = [
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth",
    "eighteenth", "nineteenth", "twentieth", "thirtieth",
];

/// `4th`, `21st`.
fn is_written_ordinal(word: &str) -> bool {
    let Some(at) = word.find(|c: char| !c.is_ascii_digit()) else { return false };
    (1..3).contains(&at) && matches!(&word[at..], "st" | "nd" | "rd" | "th")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_class_and_fits() {
        for name in Class::names() {
            assert!(Class::of_name(&name).is_some(), "{name}");
        }
    }

    #[test]
    fn words_with_many_digits_are_numbers() {
        assert_eq!(Class::of("ab12345", 7), Class::Number(5));
        assert_eq!(Class::of("b2b", 3), Class::Plain);
        assert_eq!(Class::of("5g", 2), Class::Plain);
        assert_eq!(Class::of("#", 16), Class::Number(16));
        assert_eq!(Class::of("[card]", 6), Class::Placeholder(Kind::Card));
        assert_eq!(Class::of("x", 1), Class::Letter);
    }
}
