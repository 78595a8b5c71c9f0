//! Warnings that a flood would repeat: at most one a second is logged, all are counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Says now and then that a warning may be logged.
#[derive(Clone, Debug)]
pub struct Seldom {
    began: Instant,
    /// Second of the last, plus one.
    last: Arc<AtomicU64>,
}

impl Default for Seldom {
    fn default() -> Self {
        Seldom { began: Instant::now(), last: Arc::default() }
    }
}

impl Seldom {
    /// True once a second.
    pub fn may(&self) -> bool {
        self.may_at(self.began.elapsed().as_secs())
    }

    fn may_at(&self, second: u64) -> bool {
        self.last.fetch_max(second + 1, Ordering::Relaxed) <= second
    }
}

#[cfg(test)]
mod tests {
    use super::Seldom;

    #[test]
    fn one_a_second() {
        let seldom = Seldom::default();
        let seen: Vec<bool> = [0, 0, 0, 1, 5, 5, 4, 6].map(|s| seldom.may_at(s)).into();
        assert_eq!(seen, [true, false, false, true, true, false, false, true]);
    }
}
