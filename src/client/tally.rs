//! What has been played so far.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts over all connections.
#[derive(Debug, Default)]
pub struct Tally {
    /// Calls begun.
    pub calls: AtomicU64,
    /// Chunks sent, each counted once however often it was sent.
    pub chunks: AtomicU64,
    /// Messages with a `seq` that the server made durable.
    pub acked: AtomicU64,
    /// Messages of calls that were given up, or never begun, that no ack came for.
    pub unacked: AtomicU64,
    /// Calls of which everything was acked.
    pub ended: AtomicU64,
    /// Messages and calls that the server refused.
    pub errors: AtomicU64,
    /// Connections made after the first.
    pub reconnects: AtomicU64,
}

impl Tally {
    /// Whether everything that was begun is durable and nothing was refused.
    pub fn is_clean(&self) -> bool {
        let read = |count: &AtomicU64| count.load(Relaxed);
        read(&self.unacked) == 0
            && read(&self.errors) == 0
            && read(&self.calls) == read(&self.ended)
    }

    pub(super) fn add(count: &AtomicU64, number: u64) {
        count.fetch_add(number, Relaxed);
    }

    pub(super) fn take(count: &AtomicU64, number: u64) {
        count.fetch_sub(number, Relaxed);
    }
}
