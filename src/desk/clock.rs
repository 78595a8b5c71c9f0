//! The one place where wall-clock time comes from.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::call::Timestamp;

/// Wall-clock time that never goes backwards within a run.
pub struct Clock {
    read: Box<dyn Fn() -> Timestamp + Send + Sync>,
    latest_ms: AtomicI64,
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Clock {
        Clock::from_fn(|| {
            // A clock before 1970 is broken; time then stands still until it is set.
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
        })
    }

    /// Any other clock.
    pub fn from_fn(read: impl Fn() -> Timestamp + Send + Sync + 'static) -> Clock {
        Clock { read: Box::new(read), latest_ms: AtomicI64::new(0) }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        let now = (self.read)().0;
        Timestamp(self.latest_ms.fetch_max(now, Ordering::Relaxed).max(now))
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").finish_non_exhaustive()
    }
}
