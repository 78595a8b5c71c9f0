//! How the one who waits for commits hears of them.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// The commits of one waiter. It numbers its submissions 1, 2, 3 … ; the writer says up to which
/// number everything is durable, and wakes only this waiter.
#[derive(Debug, Default)]
pub struct CommitSlot {
    committed: AtomicU64,
    changed: Notify,
}

impl CommitSlot {
    /// The highest ticket that is durable.
    pub fn committed(&self) -> u64 {
        self.committed.load(Ordering::Acquire)
    }

    /// Says that everything up to `ticket` is durable.
    pub fn complete(&self, ticket: u64) {
        self.committed.fetch_max(ticket, Ordering::AcqRel);
        self.changed.notify_one();
    }

    /// Wakes the waiter for another reason.
    pub fn wake(&self) {
        self.changed.notify_one();
    }

    /// Waits until something changed. A change between two calls is not missed.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Waits until `ticket` is durable. For a waiter that does nothing else.
    pub async fn wait_for(&self, ticket: u64) {
        while self.committed() < ticket {
            self.changed().await;
        }
    }
}
