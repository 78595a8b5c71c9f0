//! Those who bring much beside those who bring little.
//!
//! One platform alone may use all that the machine has. While others are there that bring little
//! (a modest platform, somebody at a console or REST), those that bring much share a rate that
//! leaves time for them: a queue that is full, and a processor that is busy, are everybody's.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Settings;
use super::pace::Pace;

/// How long somebody who asked for something counts as there.
const THERE: Duration = Duration::from_secs(10);
/// Bytes that cost as much as a message.
const BYTES: f64 = 1_024.0;
/// What many may bring at once, as a part of what they may in a second.
const BURST: f64 = 1.0 / 100.0;
/// What a connection may bring at once before it is one that brings much.
const FIRST: f64 = 64.0;

/// Most messages that a connection brings at a time while others are there: 64 keep a worker for 2
/// to 3 ms, for which everybody else on it waits.
const AT_A_TIME: usize = 8;

/// Who is there, and the rate that is shared.
#[derive(Debug)]
pub(super) struct Fair {
    began: Instant,
    /// Connections of platforms that bring little.
    modest: AtomicUsize,
    /// Until when somebody else counts as there, in ms.
    others: AtomicU64,
    shared: Mutex<Pace>,
    modest_per_s: f64,
}

impl Fair {
    pub fn new(settings: &Settings) -> Arc<Fair> {
        let now = Instant::now();
        let per_s = f64::from(settings.shared_messages_per_s);
        Arc::new(Fair {
            began: now,
            modest: AtomicUsize::new(0),
            others: AtomicU64::new(0),
            shared: Mutex::new(Pace::with_burst(per_s, per_s * BURST, now)),
            modest_per_s: f64::from(settings.modest_messages_per_s),
        })
    }

    /// The part of a platform's connection.
    pub fn share(self: &Arc<Self>, now: Instant) -> Share {
        let own = Pace::with_burst(self.modest_per_s, FIRST.max(self.modest_per_s / 4.0), now);
        Share { fair: Arc::clone(self), own, is_modest: false }
    }

    /// Somebody who is no platform asked for something.
    pub fn somebody(&self, now: Instant) {
        self.others.fetch_max(self.ms(now + THERE), Ordering::Relaxed);
    }

    fn is_shared(&self, now: Instant) -> bool {
        self.modest.load(Ordering::Relaxed) > 0
            || self.others.load(Ordering::Relaxed) > self.ms(now)
    }

    fn ms(&self, now: Instant) -> u64 {
        let ms = now.saturating_duration_since(self.began).as_millis();
        u64::try_from(ms).unwrap_or(u64::MAX)
    }
}

/// One connection among others.
#[derive(Debug)]
pub(super) struct Share {
    fair: Arc<Fair>,
    own: Pace,
    /// It brings little, and is counted as such.
    is_modest: bool,
}

impl Share {
    /// Counts messages. `Some`: how long it is to wait for more, so that others get their turn.
    pub fn sends(&mut self, messages: usize, bytes: usize, now: Instant) -> Option<Duration> {
        let cost = (messages as f64).max(bytes as f64 / BYTES);
        self.own.spend(cost, now);
        self.own.forgive(now);
        let is_modest = self.own.wait(now).is_none();
        self.count(is_modest);
        if self.is_modest || !self.fair.is_shared(now) {
            return None;
        }
        let mut shared = self.fair.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.spend(cost, now);
        shared.wait(now)
    }

    /// How many messages to take at a time, of at most so many.
    pub fn batch(&self, most: usize, now: Instant) -> usize {
        if self.fair.is_shared(now) { most.min(AT_A_TIME) } else { most }
    }

    fn count(&mut self, is_modest: bool) {
        match (std::mem::replace(&mut self.is_modest, is_modest), is_modest) {
            (false, true) => self.fair.modest.fetch_add(1, Ordering::Relaxed),
            (true, false) => self.fair.modest.fetch_sub(1, Ordering::Relaxed),
            _ => 0,
        };
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.count(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fair() -> Arc<Fair> {
        let settings = Settings {
            shared_messages_per_s: 1_000,
            modest_messages_per_s: 100,
            ..Settings::default()
        };
        Fair::new(&settings)
    }

    #[test]
    fn who_is_alone_has_everything() {
        let fair = fair();
        let now = Instant::now();
        let mut one = fair.share(now);
        let mut other = fair.share(now);
        for _ in 0..100 {
            // Both bring much, so nobody has to be waited for.
            assert_eq!((one.sends(64, 0, now).is_some(), other.sends(64, 0, now).is_some()), {
                let first = fair.modest.load(Ordering::Relaxed) > 0;
                (first, first)
            });
        }
        assert_eq!(fair.modest.load(Ordering::Relaxed), 0);
        assert_eq!(one.sends(1_000_000, 0, now), None);
    }

    #[test]
    fn beside_somebody_modest_the_others_share_a_rate() {
        let fair = fair();
        let now = Instant::now();
        let (mut small, mut large) = (fair.share(now), fair.share(now));
        assert_eq!(large.batch(64, now), 64);
        assert_eq!(small.sends(1, 200, now), None);
        assert_eq!((large.batch(64, now), large.batch(3, now)), (AT_A_TIME, 3));
        // At most what a second allows, and a little more at the beginning.
        let wait = large.sends(1_000, 0, now).unwrap();
        assert!(wait > Duration::from_millis(900) && wait < Duration::from_millis(1_100));
        // Also those that come with it, of another connection.
        let later = fair.share(now).sends(500, 0, now).unwrap();
        assert!(later > wait + Duration::from_millis(400), "{later:?}");
        // Large messages count for more.
        let mut bytes = fair.share(now);
        assert!(bytes.sends(1, 1 << 20, now).is_some_and(|wait| wait > later));
        // Who brings little never waits.
        let mut at = now;
        for _ in 0..500 {
            at += Duration::from_millis(20);
            assert_eq!(small.sends(1, 200, at), None);
        }
        // Nor does anybody, when who was modest has gone.
        drop(small);
        assert_eq!(large.sends(10_000, 0, at), None);
        // At REST or a console.
        fair.somebody(at);
        assert!(large.sends(64, 0, at).is_some());
        let gone = at + THERE + Duration::from_millis(2);
        assert_eq!(large.sends(10_000, 0, gone), None);
        // What was much is forgiven soon.
        assert_eq!(large.sends(1, 0, gone + Duration::from_secs(3)), None);
        assert_eq!(fair.modest.load(Ordering::Relaxed), 1, "it brings little now");
    }
}
