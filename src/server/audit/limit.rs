//! How often the same thing is listed, so that nobody fills the disk by being turned away.

use std::collections::HashMap;
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
/// Entries a minute under one key: one address that is turned away, one token that comes in.
const PER_KEY: u32 = 10;
/// Entries a minute under all keys.
const IN_ALL: u32 = 300;
/// Keys that are known at a time; of more, nothing is listed before a minute is over.
const MAX_KEYS: usize = 4_096;

/// What becomes of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is listed; so many under the same key were not, since the last that was.
    Listed {
        /// Not listed before.
        missed: u32,
    },
    /// It is not listed.
    Over,
}

/// What was listed lately.
#[derive(Debug, Default)]
pub(super) struct Limits {
    keys: HashMap<String, Window>,
    all: Window,
    seen: HashMap<String, Instant>,
}

#[derive(Debug, Default)]
struct Window {
    began: Option<Instant>,
    listed: u32,
    missed: u32,
}

impl Window {
    fn is_old(&self, now: Instant) -> bool {
        self.began.is_none_or(|began| now.duration_since(began) >= MINUTE)
    }

    /// Whether there is room under the limit.
    fn has_room(&mut self, now: Instant, limit: u32) -> bool {
        if self.is_old(now) {
            (self.began, self.listed) = (Some(now), 0);
        }
        self.listed < limit
    }
}

impl Limits {
    /// Asks for a place.
    pub fn ask(&mut self, key: &str, now: Instant) -> Verdict {
        if !self.keys.contains_key(key) && self.keys.len() >= MAX_KEYS {
            self.keys.retain(|_, window| !window.is_old(now));
            if self.keys.len() >= MAX_KEYS {
                return Verdict::Over;
            }
        }
        let window = self.keys.entry(key.to_owned()).or_default();
        if !(window.has_room(now, PER_KEY) && self.all.has_room(now, IN_ALL)) {
            window.missed = window.missed.saturating_add(1);
            return Verdict::Over;
        }
        window.listed += 1;
        self.all.listed += 1;
        Verdict::Listed { missed: std::mem::take(&mut window.missed) }
    }

    /// Whether a key was not seen for an hour.
    pub fn is_first(&mut self, key: String, now: Instant) -> bool {
        if self.seen.len() >= MAX_KEYS {
            self.seen.retain(|_, at| now.duration_since(*at) < HOUR);
        }
        let known = self.seen.get(&key).is_some_and(|at| now.duration_since(*at) < HOUR);
        if known || self.seen.len() >= MAX_KEYS {
            return false;
        }
        self.seen.insert(key, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_and_not_listed() {
        let (mut limits, now) = (Limits::default(), Instant::now());
        let mut ask = |key: &str, after: u64| limits.ask(key, now + Duration::from_secs(after));
        for _ in 0..PER_KEY {
            assert_eq!(ask("a", 0), Verdict::Listed { missed: 0 });
        }
        for _ in 0..1_000 {
            assert_eq!(ask("a", 59), Verdict::Over);
        }
        assert_eq!(ask("b", 59), Verdict::Listed { missed: 0 }, "others have their own");
        assert_eq!(ask("a", 60), Verdict::Listed { missed: 1_000 });
        assert_eq!(ask("a", 60), Verdict::Listed { missed: 0 });
    }

    #[test]
    fn many_addresses_are_bounded_too() {
        let (mut limits, now) = (Limits::default(), Instant::now());
        let listed = (0..10_000).filter(|n| limits.ask(&n.to_string(), now) != Verdict::Over);
        assert_eq!(listed.count(), IN_ALL as usize);
        assert!(limits.keys.len() <= MAX_KEYS);
        let later = now + MINUTE;
        assert_eq!(limits.ask("next", later), Verdict::Listed { missed: 0 });
        assert!(limits.keys.len() < 10, "the old ones are forgotten");
    }

    #[test]
    fn the_first_in_an_hour_is_told() {
        let (mut limits, now) = (Limits::default(), Instant::now());
        assert!(limits.is_first("a".into(), now) && !limits.is_first("a".into(), now));
        assert!(limits.is_first("a".into(), now + HOUR));
        for n in 0..5_000 {
            limits.is_first(n.to_string(), now);
        }
        assert!(limits.seen.len() <= MAX_KEYS);
    }
}
