//! How the one who waits for commits hears of them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

/// The commits of one waiter. It numbers its submissions 1, 2, 3 … ; the writer says up to which
/// number everything is durable, and wakes only this waiter. Only one task may wait at a time.
#[derive(Debug, Default)]
pub struct CommitSlot {
    committed: AtomicU64,
    changed: AtomicBool,
    waiter: AtomicWaker,
}

impl CommitSlot {
    /// The highest ticket that is durable.
    pub fn committed(&self) -> u64 {
        self.committed.load(Ordering::Acquire)
    }

    /// Says that everything up to `ticket` is durable.
    pub fn complete(&self, ticket: u64) {
        self.committed.fetch_max(ticket, Ordering::AcqRel);
        self.wake();
    }

    /// Wakes the waiter for another reason.
    pub fn wake(&self) {
        self.changed.store(true, Ordering::Release);
        self.waiter.wake();
    }

    /// Ready once something has changed since the last time it was. A change between two calls is
    /// not missed.
    pub fn poll_changed(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.changed.swap(false, Ordering::AcqRel) {
            return Poll::Ready(());
        }
        self.waiter.register(context.waker());
        // A change after the first look and before the waker was there woke nobody.
        match self.changed.swap(false, Ordering::AcqRel) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    /// Waits until something changed.
    pub async fn changed(&self) {
        std::future::poll_fn(|context| self.poll_changed(context)).await;
    }

    /// Waits until `ticket` is durable. For a waiter that does nothing else.
    pub async fn wait_for(&self, ticket: u64) {
        while self.committed() < ticket {
            self.changed().await;
        }
    }
}
