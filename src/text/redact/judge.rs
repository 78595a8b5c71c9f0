//! Which runs are taken out, and as what.
//!
//! Prices, times, counts, rooms and short order numbers stay. What the chunk ends in may go on
//! in the next one, so a run there is masked at once, unless it is plainly one of those.

use super::Kind;
use super::context::{Cue, Heard};
use super::find::Segment;
use crate::text::class::Class;

/// Digits of payment cards.
const CARD: std::ops::RangeInclusive<usize> = 13..=19;
/// Digits from which on no number is a price, a time or a count.
const LONG: usize = 9;
/// Digits from which on an unnamed number is an account.
const ACCOUNT: usize = 7;
/// Longest number of an order or a case that stays, in digits.
const ORDER: usize = 8;
/// Digits said one by one from which on they are masked, whatever they are.
const READ_OUT: usize = 4;

/// What `segment` is taken out as, if it is.
pub(super) fn kind(segment: &Segment, heard: &Heard<'_>) -> Option<Kind> {
    let cue = heard.cue(segment.first, segment.last);
    if segment.address {
        return (!segment.grown && is_mail(segment, heard, cue)).then_some(Kind::Email);
    }
    let digits = segment.digits.len();
    if digits < LONG && is_measured(segment, heard) {
        return None;
    }
    if let Some(kind) = segment.continues {
        return Some(kind);
    }
    let months = count(segment, heard, |class| class == Class::Month);
    let of_birth = match months {
        0 => cue == Some(Cue::Birth),
        _ => heard.of_birth(segment.first, segment.last),
    };
    if of_birth && digits <= 8 && (months > 0 || digits >= 3) {
        return Some(Kind::BirthDate);
    }
    if months > 0 && digits < LONG {
        return None;
    }
    by_length(segment, heard, cue)
}

fn by_length(segment: &Segment, heard: &Heard<'_>, cue: Option<Cue>) -> Option<Kind> {
    let digits = segment.digits.len();
    let named_otherwise = matches!(cue, Some(Cue::Account | Cue::Order));
    Some(match (digits, cue) {
        _ if CARD.contains(&digits) && (!named_otherwise || luhn(&segment.digits)) => Kind::Card,
        (9, Some(Cue::Ssn)) | (4..=9, Some(Cue::Ssn)) => Kind::Ssn,
        (9, _) if is_grouped(segment, heard, &[3, 2, 4]) => Kind::Ssn,
        (13.., _) => Kind::Account,
        (10..=12, Some(Cue::Account | Cue::Order)) => Kind::Account,
        (3..=12, Some(Cue::Card)) if !is_amount_of_card(segment, heard) => Kind::Card,
        (3..=8, Some(Cue::Pin)) => Kind::Card,
        (10, _) => Kind::Phone,
        (11..=12, _) if is_international(segment, heard) => Kind::Phone,
        (7, _) if is_grouped(segment, heard, &[3, 4]) => Kind::Phone,
        (4..=12, Some(Cue::Phone)) => Kind::Phone,
        (4..=12, Some(Cue::Account)) => Kind::Account,
        (..=6, Some(Cue::Money)) | (..=ORDER, Some(Cue::Order)) => return None,
        (ACCOUNT.., _) => Kind::Account,
        _ if is_year(segment, heard) => return None,
        _ if read_out(segment, heard) >= READ_OUT => Kind::Number,
        (3.., _) if segment.last + 1 == heard.words.len() && !has_scale(segment, heard) => {
            Kind::Number
        }
        _ => return None,
    })
}

/// A card's digits check themselves: every second one doubled, the sum ends in nought.
pub(super) fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte - b'0') << (place % 2);
            if digit > 9 { digit - 9 } else { digit }
        })
        .sum();
    sum.is_multiple_of(10) && digits.bytes().any(|digit| digit != b'0')
}

/// An address has an `@`, or an `at`, or is said to be one.
fn is_mail(segment: &Segment, heard: &Heard<'_>, cue: Option<Cue>) -> bool {
    let at = heard.words[segment.first..=segment.last]
        .iter()
        .any(|word| word.class == Class::At || word.text == "@");
    let dots = heard.words[segment.first..=segment.last]
        .iter()
        .any(|word| word.text == "dot" || word.text == "@");
    dots && (at || cue == Some(Cue::Email))
}

/// Money, time, a share, a count of something.
fn is_measured(segment: &Segment, heard: &Heard<'_>) -> bool {
    let (first, last) = (&heard.words[segment.first], &heard.words[segment.last]);
    let before = heard.text[..first.start].trim_end().chars().next_back();
    let after = heard.text[last.end..].chars().next();
    let said = &heard.text[first.start..last.end];
    let next = heard.word(segment.last + 1);
    matches!(before, Some('$' | '£' | '€'))
        || after == Some('%')
        || UNITS.contains(&next)
        || (next == "and" && matches!(heard.word(segment.last + 2), "a" | "change"))
        || is_time(said, next)
        || is_amount(said)
        || said == "24/7"
}

/// `4:30`, `1030 am`.
fn is_time(said: &str, next: &str) -> bool {
    let colons = said.contains(':') && said.len() <= "11:59:59".len();
    colons || matches!(next, "am" | "pm" | "a.m" | "p.m" | "o'clock" | "oclock")
}

/// `1,250`, `19.99`.
fn is_amount(said: &str) -> bool {
    let (whole, cents) = said.split_once('.').unwrap_or((said, "00"));
    let grouped = whole.split(',').skip(1).all(|group| group.len() == 3);
    let figures = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b',');
    let marked = said.contains(['.', ',']);
    marked && grouped && cents.len() <= 2 && figures(whole) && figures(cents)
}

/// "my card was charged 250": nearer than the card is what was done with it.
fn is_amount_of_card(segment: &Segment, heard: &Heard<'_>) -> bool {
    heard.before(segment.first) != Some(Cue::Card) && segment.digits.len() < READ_OUT
}

/// A year: `in 2019`, `since nineteen ninety nine`.
fn is_year(segment: &Segment, heard: &Heard<'_>) -> bool {
    let before = segment.first.checked_sub(1).map_or("", |at| heard.word(at));
    let century = segment.digits.starts_with("19") || segment.digits.starts_with("20");
    let leads = ["in", "since", "of", "from", "year", "until", "till", "by", "late", "early"];
    segment.digits.len() == 4 && century && leads.contains(&before)
}

/// Whether the digits are written in groups of these lengths.
fn is_grouped(segment: &Segment, heard: &Heard<'_>, groups: &[u8]) -> bool {
    let own = &heard.words[segment.first..=segment.last];
    let joined = own.windows(2).all(|pair| {
        let between = &heard.text[pair[0].end..pair[1].start];
        matches!(between, "-" | "." | " " | " - " | "–")
    });
    let lengths = own.iter().map(|word| match word.class {
        Class::Number(length) => length,
        _ => 0,
    });
    joined && lengths.eq(groups.iter().copied())
}

/// `+44 …`, `1 800 …`, `07…`.
fn is_international(segment: &Segment, heard: &Heard<'_>) -> bool {
    let plus = heard.text[..heard.words[segment.first].start].ends_with('+');
    plus || segment.digits.starts_with(['0', '1'])
}

/// Digits said one by one.
fn read_out(segment: &Segment, heard: &Heard<'_>) -> usize {
    let own = &heard.words[segment.first..=segment.last];
    let single = |word: &&super::find::Word| match word.class {
        Class::Oh | Class::Times(_) => true,
        Class::Number(1) => {
            word.text.len() == 1
                || crate::text::class::digits_of(&word.text).is_some_and(|own| own.len() == 1)
        }
        _ => false,
    };
    own.iter().filter(single).count()
}

/// "two hundred fifty" is a sum; nobody reads a card out so.
fn has_scale(segment: &Segment, heard: &Heard<'_>) -> bool {
    let own = &heard.words[segment.first..=segment.last];
    own.iter().any(|word| matches!(&*word.text, "hundred" | "thousand"))
}

fn count(segment: &Segment, heard: &Heard<'_>, is: impl Fn(Class) -> bool) -> usize {
    heard.words[segment.first..=segment.last].iter().filter(|word| is(word.class)).count()
}

/// What is counted.
#[rustfmt::skip]
const UNITS: [&str; 62] = [
    "dollars", "dollar", "bucks", "pounds", "quid", "euros", "euro", "cents", "pence", "percent",
    "hours", "hour", "minutes", "minute", "mins", "seconds", "days", "day", "weeks", "week",
    "months", "month", "years", "year", "times", "people", "customers", "calls", "emails",
    "miles", "kilometers", "kilometres", "km", "feet", "inches", "degrees", "items", "boxes",
    "units", "points", "gigs", "gig", "gb", "mb", "mbps", "megabytes", "megabits", "gigabytes",
    "texts", "messages", "channels", "pages", "employees", "business", "square", "calories",
    "kilos", "grams", "million", "k", "working", "volts",
];
