//! Times as people and caption files write them: `00:01:02.500`, `12:03`, `2:05 PM`, with a date.

use crate::call::Timestamp;

const DAY_MS: i64 = 86_400_000;
/// No call begins so late; a first time beyond it is a time of day.
const LATEST_BEGIN_MS: i64 = 3_600_000;

/// A time in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stamp {
    /// Hours, minutes and seconds from the start of the call, or of the day.
    Time(i64),
    /// A time of day.
    Clock(i64),
    /// A moment since 1970.
    Moment(i64),
}

/// Reads all of `text` as one time.
pub(super) fn stamp(text: &str) -> Option<Stamp> {
    let text = text.trim();
    if let Some((date, time)) = text.split_once(['T', ' '])
        && is_date(date)
    {
        // UTC when it does not say; only differences count.
        let moment = Timestamp::parse(&format!("{date}T{time}"))
            .or_else(|| Timestamp::parse(&format!("{date}T{time}Z")));
        return match moment {
            Some(moment) => Some(Stamp::Moment(moment.0)),
            None => stamp(time),
        };
    }
    let lower = text.to_ascii_lowercase();
    for (half, hours) in [("am", 0), ("pm", 12)] {
        if let Some(time) = lower.strip_suffix(half) {
            let time = time.trim_end();
            let whole =
                if time.matches(':').count() == 1 { format!("{time}:00") } else { time.into() };
            let ms = clock_ms(&whole)?;
            return Some(Stamp::Clock(ms % (DAY_MS / 2) + hours * 3_600_000));
        }
    }
    clock_ms(text).map(Stamp::Time)
}

/// `2026-11-22`, `11/22/2026`, `22.11.2026`.
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split(['-', '/', '.']).collect();
    let number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.len() == 3 && parts.iter().all(number)
}

/// Milliseconds of `hh:mm:ss.mmm` or `mm:ss`; hours may have any number of digits, the fraction
/// may be missing and stand behind a comma.
pub(super) fn clock_ms(text: &str) -> Option<i64> {
    let (whole, fraction) = text.trim().split_once(['.', ',']).unwrap_or((text.trim(), ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mut seconds = 0_i64;
    let parts: Vec<&str> = whole.split(':').collect();
    if !(2..=3).contains(&parts.len()) || !digits(fraction) {
        return None;
    }
    for (index, part) in parts.iter().enumerate() {
        if part.is_empty() || part.len() > 6 || !digits(part) {
            return None;
        }
        let number: i64 = part.parse().ok()?;
        // Only the first may be as large as it likes.
        if index > 0 && number > 59 {
            return None;
        }
        seconds = seconds * 60 + number;
    }
    let padded = format!("{fraction:0<3}");
    let ms: i64 = padded.get(..3)?.parse().ok()?;
    Some(seconds * 1_000 + ms)
}

/// Turns the times of one call into call time, one after the other.
#[derive(Debug, Default)]
pub(super) struct Zero {
    first: Option<Stamp>,
    last_ms: i64,
}

impl Zero {
    /// Milliseconds of call time. Moments and times of day count from the first of the call.
    pub fn call_ms(&mut self, stamp: Stamp) -> i64 {
        let first = *self.first.get_or_insert(match stamp {
            Stamp::Time(ms) if ms >= LATEST_BEGIN_MS => Stamp::Clock(ms),
            stamp => stamp,
        });
        let ms = match (first, stamp) {
            (Stamp::Time(_), Stamp::Time(ms) | Stamp::Clock(ms) | Stamp::Moment(ms)) => ms,
            (Stamp::Moment(zero), Stamp::Moment(ms)) => ms - zero,
            (Stamp::Moment(zero) | Stamp::Clock(zero), Stamp::Time(ms) | Stamp::Clock(ms))
            | (Stamp::Clock(zero), Stamp::Moment(ms)) => {
                let ms = (ms - zero % DAY_MS).rem_euclid(DAY_MS);
                // A little back is an overlap, not the next day.
                if ms > self.last_ms + DAY_MS / 2 { ms - DAY_MS } else { ms }
            }
        };
        self.last_ms = self.last_ms.max(ms);
        ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        for (text, ms) in [
            ("00:01:02", 62_000),
            ("12:03", 723_000),
            ("1:00:00.5", 3_600_500),
            ("00:00:01,250", 1_250),
            ("0:0:0.0", 0),
            ("75:10", 4_510_000),
            ("100:00:00.000", 360_000_000),
            ("00:00:01.2345678", 1_234),
        ] {
            assert_eq!(stamp(text), Some(Stamp::Time(ms)), "{text}");
        }
        assert_eq!(stamp("2:05 PM"), Some(Stamp::Clock((14 * 60 + 5) * 60_000)));
        assert_eq!(stamp("12:00:30 am"), Some(Stamp::Clock(30_000)));
        assert_eq!(stamp("2026-11-22 03:40:12"), stamp("2026-11-22T03:40:12Z"));
        assert_eq!(stamp("11/22/2026 2:05 PM"), stamp("2:05 PM"));
        for text in ["", "12", "1:2:3:4", "12:60", "a:b", ":", "00:00:01.x", "9999999:00"] {
            assert_eq!(stamp(text), None, "{text}");
        }
    }

    #[test]
    fn times_of_day_count_from_the_first() {
        let told = |stamps: &[&str]| -> Vec<i64> {
            let mut zero = Zero::default();
            stamps.iter().map(|text| zero.call_ms(stamp(text).unwrap())).collect()
        };
        assert_eq!(told(&["00:00:05", "00:01:00"]), [5_000, 60_000]);
        assert_eq!(told(&["14:03:00", "14:03:09"]), [0, 9_000]);
        assert_eq!(told(&["23:59:50", "00:00:10", "00:00:08"]), [0, 20_000, 18_000]);
        assert_eq!(told(&["11:59 PM", "12:01 AM"]), [0, 120_000]);
        assert_eq!(told(&["2026-11-22T03:40:12.5Z", "2026-11-22T03:40:13Z"]), [0, 500]);
    }
}
