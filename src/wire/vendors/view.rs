//! Vendors' JSON read liberally: fields whatever their case, numbers that come as strings.

use serde_json::Value;

use super::Time;
use crate::call::Timestamp;

/// Farthest time from its zero that is believed, in milliseconds: about thirty years.
const MAX_MS: f64 = 1e12;

/// Ticks of 100 ns from the year 1 to 1970, and to the end of the year 9999.
const TICKS_OF_1970: f64 = 621_355_968e9;
const MAX_TICKS: f64 = 3_155_378_976e9;

/// One value of a vendor's message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a>(pub &'a Value);

impl<'a> View<'a> {
    /// A field that is there and not null. `isFinal`, `is_final` and `IsFinal` are the same.
    pub fn get(self, name: &str) -> Option<View<'a>> {
        let fields = self.0.as_object()?;
        let exact = fields.get(name);
        let value = exact.or_else(|| fields.iter().find(|(key, _)| same(key, name)).map(|it| it.1));
        value.filter(|value| !value.is_null()).map(View)
    }

    /// A field of a field of …, and the first of lists on the way.
    pub fn at(self, path: &[&str]) -> Option<View<'a>> {
        path.iter().try_fold(self, |view, name| match view.0 {
            Value::Array(list) => View(list.first()?).get(name),
            _ => view.get(name),
        })
    }

    /// The elements of a list field; none when it is absent.
    pub fn list(self, name: &str) -> impl DoubleEndedIterator<Item = View<'a>> + use<'a> {
        let list = self.get(name).and_then(|view| view.0.as_array());
        list.map_or(&[][..], Vec::as_slice).iter().map(View)
    }

    /// The first element, of a list.
    pub fn first(self) -> Option<View<'a>> {
        self.0.as_array()?.first().map(View)
    }

    pub fn str(self, name: &str) -> Option<&'a str> {
        self.get(name)?.0.as_str()
    }

    /// A name: text that is not empty, or a number.
    pub fn name(self, name: &str) -> Option<String> {
        match self.get(name)?.0 {
            Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// A string field compared without regard to case.
    pub fn says(self, name: &str, what: &str) -> bool {
        self.str(name).is_some_and(|text| same(text, what))
    }

    pub fn number(self, name: &str) -> Option<f64> {
        self.get(name)?.as_number()
    }

    fn as_number(self) -> Option<f64> {
        let number = match self.0 {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.filter(|number| number.is_finite())
    }

    pub fn flag(self, name: &str) -> Option<bool> {
        match self.get(name)?.0 {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => text.trim().to_ascii_lowercase().parse().ok(),
            Value::Number(number) => number.as_f64().map(|number| number != 0.0),
            _ => None,
        }
    }

    pub fn confidence(self, name: &str) -> Option<f64> {
        self.number(name).filter(|number| (0.0..=1.0).contains(number))
    }

    /// Seconds of the stream, `12.4`.
    pub fn seconds(self, name: &str) -> Option<Time> {
        stream(self.number(name)? * 1_000.0)
    }

    /// Milliseconds of the stream, `12400`.
    pub fn millis(self, name: &str) -> Option<Time> {
        stream(self.number(name)?)
    }

    /// Ticks of 100 ns, `124000000`. As many as since the year 1 are a moment, and so are as many
    /// as are left until the end of the year 9999.
    pub fn ticks(self, name: &str) -> Option<Time> {
        let ticks = self.number(name)?;
        if let Some(moment) = dotnet(ticks).or_else(|| dotnet(MAX_TICKS - ticks)) {
            return Some(moment);
        }
        stream(ticks / 10_000.0)
    }

    /// A protobuf duration: in words, `"12.4s"`, or in parts, `{"seconds": 12, "nanos": 400000000}`.
    pub fn duration(self, name: &str) -> Option<Time> {
        let view = self.get(name)?;
        if view.0.is_object() {
            let part = |name| view.number(name).unwrap_or(0.0);
            return stream(part("seconds") * 1_000.0 + part("nanos") / 1e6);
        }
        let seconds: f64 = match view.0.as_str() {
            Some(text) => text.trim().trim_end_matches('s').parse().ok()?,
            None => view.as_number()?,
        };
        stream(seconds * 1_000.0)
    }

    /// A moment: RFC 3339 (UTC when it does not say), or a number since 1970 whose size tells
    /// seconds, milliseconds, microseconds and nanoseconds apart.
    pub fn moment(self, name: &str) -> Option<Time> {
        let view = self.get(name)?;
        let Some(number) = view.as_number() else {
            let text = view.0.as_str()?.trim();
            let moment = Timestamp::parse(text)
                .or_else(|| Timestamp::parse(&format!("{text}Z")))
                // Minutes and seconds alone, as in a vendor's own example.
                .or_else(|| Timestamp::parse(&text.replacen('T', "T00:", 1)));
            return moment.map(|moment| Time::Wall(moment.0));
        };
        let ms = match number.abs() {
            1e17.. => number / 1e6,
            1e14.. => number / 1e3,
            1e11.. => number,
            1e8.. => number * 1e3,
            _ => return None,
        };
        Some(Time::Wall(ms as i64))
    }
}

/// Ticks since the year 1 as a moment, when they fall into a time in which this may run.
fn dotnet(ticks: f64) -> Option<Time> {
    let years = 6.3e17..6.8e17;
    years.contains(&ticks).then(|| Time::Wall(((ticks - TICKS_OF_1970) / 10_000.0) as i64))
}

fn stream(ms: f64) -> Option<Time> {
    (ms.abs() <= MAX_MS).then(|| Time::Stream(ms.round() as i64))
}

/// Whether two names differ in case and separators only.
pub(crate) fn same(left: &str, right: &str) -> bool {
    fn plain(text: &str) -> impl Iterator<Item = u8> + '_ {
        text.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase())
    }
    left == right || plain(left).eq(plain(right))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_numbers_and_flags_are_read_however_they_are_written() {
        let value = json!({"isFinal": "True", "Start_Time": "12.4", "n": 7, "Confidence": 2,
                           "a": [{"b": {"c": "x"}}], "nothing": null});
        let view = View(&value);
        assert_eq!(view.flag("is_final"), Some(true));
        assert_eq!(view.seconds("startTime"), Some(Time::Stream(12_400)));
        assert_eq!(view.name("n").as_deref(), Some("7"));
        assert_eq!(view.confidence("confidence"), None, "no probability");
        assert_eq!(view.at(&["a", "b"]).unwrap().str("c"), Some("x"));
        assert!(view.get("nothing").is_none());
    }

    #[test]
    fn all_units_of_time_are_milliseconds() {
        let value = json!({"ticks": 124_000_000, "ms": 12_400, "s": 12.4, "d": "12.400s",
                           "iso": "2026-11-22T03:40:12.4Z", "bare": "2026-11-22T03:40:12.4",
                           "unix_s": 1_795_318_812, "unix_ms": 1_795_318_812_400_i64,
                           "unix_us": 1_795_318_812_400_000_i64, "far": 1e30, "bad": "soon"});
        let view = View(&value);
        for time in [view.ticks("ticks"), view.millis("ms"), view.seconds("s"), view.duration("d")]
        {
            assert_eq!(time, Some(Time::Stream(12_400)));
        }
        let moment = Time::Wall(1_795_318_812_400);
        for name in ["iso", "bare", "unix_ms", "unix_us"] {
            assert_eq!(view.moment(name), Some(moment), "{name}");
        }
        assert_eq!(view.moment("unix_s"), Some(Time::Wall(1_795_318_812_000)));
        let absolute = json!({"ticks": 639_309_156_124_000_000_i64,
                              "left": 2_516_069_819_876_000_000_i64,
                              "parts": {"seconds": "12", "nanos": 400_000_000}});
        let view = View(&absolute);
        for name in ["ticks", "left"] {
            let Some(Time::Wall(ms)) = view.ticks(name) else { panic!("no moment") };
            assert!((ms - 1_795_318_812_400).abs() <= 1, "{name}: {ms}");
        }
        assert_eq!(view.duration("parts"), Some(Time::Stream(12_400)));
        let short = json!({"t": "2026-11-22T20:05.101Z"});
        let Some(Time::Wall(ms)) = View(&short).moment("t") else { panic!("no moment") };
        assert_eq!(ms % 3_600_000, 20 * 60_000 + 5_101);
        assert_eq!((view.seconds("far"), view.moment("bad")), (None, None));
    }
}
