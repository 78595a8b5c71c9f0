//! A token bucket: how fast one peer may go.

use std::time::{Duration, Instant};

/// Allows so much a second, and a burst at once.
#[derive(Debug)]
pub(super) struct Pace {
    per_s: f64,
    burst: f64,
    left: f64,
    filled: Instant,
}

impl Pace {
    /// Twice as much at once as in a second.
    pub fn new(per_s: u32, now: Instant) -> Pace {
        let per_s = f64::from(per_s.max(1));
        Pace::with_burst(per_s, per_s * 2.0, now)
    }

    /// At least one at once.
    pub fn with_burst(per_s: f64, burst: f64, now: Instant) -> Pace {
        let burst = burst.max(1.0);
        Pace { per_s, burst, left: burst, filled: now }
    }

    /// Counts one. False when that was too much.
    pub fn take(&mut self, now: Instant) -> bool {
        self.spend(1.0, now)
    }

    /// Counts so many at once. False when that was too much.
    pub fn spend(&mut self, cost: f64, now: Instant) -> bool {
        self.fill(now);
        self.left -= cost;
        self.left >= 0.0
    }

    /// Whether nothing of what was counted matters any more.
    pub fn is_full(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.left >= self.burst
    }

    /// Forgets what was too much, but for a second's worth.
    pub fn forgive(&mut self, now: Instant) {
        self.fill(now);
        self.left = self.left.max(-self.per_s);
    }

    /// How long to wait until one more is allowed.
    pub fn wait(&mut self, now: Instant) -> Option<Duration> {
        self.fill(now);
        (self.left < 1.0).then(|| Duration::from_secs_f64((1.0 - self.left) / self.per_s))
    }

    fn fill(&mut self, now: Instant) {
        let seconds = now.saturating_duration_since(self.filled).as_secs_f64();
        self.left = (self.left + seconds * self.per_s).min(self.burst);
        self.filled = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_allowed_and_then_the_rate() {
        let start = Instant::now();
        let mut pace = Pace::new(10, start);
        assert!((0..20).all(|_| pace.take(start)));
        assert!(!pace.take(start));
        let later = start + Duration::from_millis(250);
        assert!(pace.wait(later).is_none() && pace.take(later) && !pace.take(later));
        assert!(pace.wait(later).is_some_and(|wait| wait <= Duration::from_millis(200)));
    }
}
