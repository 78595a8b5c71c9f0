//! Business hours: opening times by weekday in a time zone, and days that are closed.

use jiff::civil::{Date, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::call::Timestamp;

/// Times within a day in minutes from midnight, the end not included.
pub(super) type Opening = (u16, u16);

/// When the business is open.
#[derive(Clone, Debug)]
pub(super) struct Hours {
    pub zone: TimeZone,
    /// From Monday.
    pub week: [Vec<Opening>; 7],
    pub closed: Vec<Date>,
}

/// A zone by its IANA name, from the database that is compiled in: every machine agrees.
pub(super) fn zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok()
}

/// Reads `08:00-18:00`; 24:00 is the end of the day.
pub(super) fn opening(text: &str) -> Result<Opening, String> {
    let example = "write for example \"08:00-18:00\"";
    let parsed = text
        .split_once('-')
        .and_then(|(from, to)| Some((minute(from.trim(), false)?, minute(to.trim(), true)?)));
    let (from, to) = parsed.ok_or_else(|| format!("`{text}` is no opening time; {example}"))?;
    if from >= to {
        return Err(format!(
            "`{text}` ends before it begins; past midnight, write \"{}-24:00\" here and the rest \
             on the next day",
            text.split('-').next().unwrap_or_default().trim()
        ));
    }
    Ok((from, to))
}

fn minute(text: &str, is_end: bool) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let two = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !two(hour) || !two(minute) {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let of_day = hour * 60 + minute;
    (minute < 60 && (of_day < 1_440 || is_end && of_day == 1_440)).then_some(of_day)
}

impl Hours {
    /// Whether the business is open then.
    pub fn is_open(&self, at: Timestamp) -> bool {
        let local = self.local(at);
        if self.closed.contains(&local.date()) {
            return false;
        }
        let minute = local.hour() as u16 * 60 + local.minute() as u16;
        let day = local.weekday().to_monday_zero_offset() as usize;
        self.week[day].iter().any(|&(from, to)| from <= minute && minute < to)
    }

    /// The moment as the business reads it off its clocks.
    pub fn shown(&self, at: Timestamp) -> String {
        let local = self.local(at);
        let zone = self.zone.iana_name().unwrap_or("UTC");
        format!("{} {} in {zone}", weekday(local.weekday()), local.strftime("%Y-%m-%d %H:%M"))
    }

    fn local(&self, at: Timestamp) -> jiff::Zoned {
        // Out of jiff's range only for a clock that is broken.
        let moment = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        moment.to_zoned(self.zone.clone())
    }
}

fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
        Weekday::Sunday => "Sunday",
    }
}
