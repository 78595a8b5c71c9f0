//! The one place where wall-clock time comes from.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::call::Timestamp;

/// Wall-clock time that never goes backwards within a run, and never stands still: while the
/// system's clock is set back, time goes on at half its speed until the clock has caught up.
pub struct Clock {
    wall: Box<dyn Fn() -> Timestamp + Send + Sync>,
    steady: Box<dyn Fn() -> Duration + Send + Sync>,
    latest: Mutex<Latest>,
}

#[derive(Default)]
struct Latest {
    /// In nanoseconds, so that nothing is lost to rounding.
    now_ns: i64,
    steady: Duration,
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Clock {
        let begin = Instant::now();
        let wall = || {
            // A clock before 1970 is broken.
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
        };
        Clock::new(wall, move || begin.elapsed())
    }

    /// A clock that may be set, and one that only measures how much time passes.
    pub fn new(
        wall: impl Fn() -> Timestamp + Send + Sync + 'static,
        steady: impl Fn() -> Duration + Send + Sync + 'static,
    ) -> Clock {
        Clock { wall: Box::new(wall), steady: Box::new(steady), latest: Mutex::default() }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        let wall_ns = (self.wall)().0.saturating_mul(1_000_000);
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let steady = (self.steady)();
        let passed = steady.saturating_sub(latest.steady).as_nanos();
        let half = i64::try_from(passed / 2).unwrap_or(i64::MAX);
        latest.now_ns = wall_ns.max(latest.now_ns.saturating_add(half));
        latest.steady = steady;
        Timestamp(latest.now_ns / 1_000_000)
    }

    /// How far the time is ahead of the system's clock, which was set back, in ms.
    pub fn ahead_ms(&self) -> i64 {
        (self.now().0 - (self.wall)().0).max(0)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

    use super::*;

    #[test]
    fn a_clock_that_is_set_back_is_waited_for_without_standing_still() {
        let (wall, steady) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(0)));
        let (set, passed) = (Arc::clone(&wall), Arc::clone(&steady));
        let clock = Clock::new(
            move || Timestamp(wall.load(Relaxed)),
            move || Duration::from_micros(steady.load(Relaxed) as u64),
        );
        set.store(10_000_000, Relaxed);
        assert_eq!(clock.now(), Timestamp(10_000_000));
        // Set back by 10 s; looked at every tenth of a millisecond, nothing is lost.
        set.store(9_990_000, Relaxed);
        for tenth in 1..=40_000 {
            passed.store(tenth * 100, Relaxed);
            set.store(9_990_000 + tenth / 10, Relaxed);
            clock.now();
        }
        assert_eq!((clock.now(), clock.ahead_ms()), (Timestamp(10_002_000), 8_000));
        passed.store(20_000_000, Relaxed);
        set.store(10_010_000, Relaxed);
        assert_eq!((clock.now(), clock.ahead_ms()), (Timestamp(10_010_000), 0));
        // Set forward: taken as it is.
        set.store(20_000_000, Relaxed);
        assert_eq!(clock.now(), Timestamp(20_000_000));
    }
}
