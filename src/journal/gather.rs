//! When a commit waits for more records.
//!
//! A commit costs as much as five to ten records in it: with six in each the journal took 25 µs of a
//! record, with seventy 13. So many small ones take the processor from those who bring records. A
//! wait costs every ack in the group some time. So it waits only when so much comes that the group
//! grows by it, and lets it be for a while when that was wrong.

use std::time::{Duration, Instant};

/// Records that must be expected within the wait, or it is not worth it. More than the rate that is
/// shared beside others brings, which leaves time for them.
const WORTH: f64 = 20.0;
/// Records of a group that is large enough.
const ENOUGH: f64 = 64.0;
/// Most commits without a wait after waits that brought too little. One alone rests but once: a
/// scheduler's whim looks the same.
const MAX_REST: u32 = 512;
/// Over how long the rate is taken. One commit says little: it brings two records or twenty.
const WINDOW: Duration = Duration::from_millis(10);

/// Decides for one commit after the other.
#[derive(Debug)]
pub(super) struct Gather {
    most: Duration,
    since: Option<Instant>,
    /// Records since then.
    records: usize,
    /// Records a second in the window before.
    per_s: f64,
    /// Commits before the next try, and how many there were before this one.
    resting: u32,
    rest: u32,
}

impl Gather {
    /// One that waits at `most` so long.
    pub fn new(most: Duration) -> Gather {
        Gather { most, since: None, records: 0, per_s: 0.0, resting: 0, rest: 1 }
    }

    /// Counts records that have come.
    pub fn came(&mut self, records: usize, now: Instant) {
        self.records += records;
        let passed = now.saturating_duration_since(*self.since.get_or_insert(now));
        if passed >= WINDOW {
            self.per_s = self.records as f64 / passed.as_secs_f64();
            (self.since, self.records) = (Some(now), 0);
        }
    }

    /// How long the next commit waits, if it does.
    pub fn pause(&mut self) -> Option<Duration> {
        if self.resting > 0 {
            self.resting -= 1;
            return None;
        }
        if self.per_s * self.most.as_secs_f64() < WORTH {
            return None;
        }
        Some(self.most.min(Duration::from_secs_f64(ENOUGH / self.per_s)))
    }

    /// Says how many records a wait added. When those who bring them are all waiting for their
    /// acks, nothing more comes, however busy they were.
    pub fn paid(&mut self, pause: Duration, records: usize) {
        let paid = records as f64 >= self.per_s * pause.as_secs_f64() / 4.0;
        self.rest = if paid { 1 } else { (self.rest * 2).min(MAX_REST) };
        self.resting = self.rest - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Duration = Duration::from_millis(2);

    /// After a window of so many records.
    fn after(records: usize) -> Gather {
        let (start, mut gather) = (Instant::now(), Gather::new(MOST));
        gather.came(0, start);
        gather.came(records, start + WINDOW);
        gather
    }

    #[test]
    fn only_a_busy_time_waits() {
        assert_eq!(Gather::new(MOST).pause(), None, "nothing is known yet");
        assert_eq!(after(50).pause(), None, "5,000 a second");
        assert_eq!(after(100).pause(), Some(MOST), "10,000 a second");
        assert_eq!(after(640).pause(), Some(Duration::from_millis(1)), "enough comes sooner");
        assert_eq!(Gather { most: Duration::ZERO, ..after(640) }.pause(), None, "switched off");
    }

    /// Ten platforms that each wait for their ack bring nothing more, however long it waits.
    #[test]
    fn a_wait_that_brought_nothing_is_not_repeated_for_a_while() {
        let mut gather = after(300);
        let mut tries = Vec::new();
        for commit in 0..2_000 {
            if let Some(pause) = gather.pause() {
                gather.paid(pause, 3);
                tries.push(commit);
            }
        }
        assert_eq!(tries[..4], [0, 2, 6, 14]);
        assert_eq!(tries[9] - tries[8], MAX_REST, "the rests do not grow for ever");
        gather.resting = 0;
        gather.paid(MOST, 60);
        assert!(gather.pause().is_some(), "it paid");
    }
}
