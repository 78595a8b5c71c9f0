//! The journal: what was acked is in here, and all state is a fold over it.
//!
//! [`Journal`] is the storage; [`Writer`] is the one thread that writes to it in groups, numbers
//! what goes to consoles, and tells who waits. Nothing above knows which storage it is, and
//! nothing in here knows what an event means.

mod memory;
mod metrics;
mod slot;
mod writer;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::engine::event::Recorded;

pub use memory::Memory;
pub use metrics::Metrics;
pub use slot::CommitSlot;
pub use writer::{Committed, Entry, Permit, Writer, WriterHandle};

/// How the journal is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Most records waiting for their commit. When it is full, sockets are read more slowly.
    /// A larger queue rides out longer stalls of the disk and holds more memory.
    pub queue_records: usize,
    /// Most records in one commit. Larger groups write more a second and wait longer each.
    pub commit_records: usize,
    /// First pause after a commit that failed; it doubles up to `retry_max_ms`.
    pub retry_min_ms: u64,
    /// Longest pause between attempts.
    pub retry_max_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            queue_records: 16_384,
            commit_records: 1_024,
            retry_min_ms: 50,
            retry_max_ms: 2_000,
        }
    }
}

/// One event of one call, as the journal keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The call.
    pub call_id: Arc<str>,
    /// The event and when it was taken.
    pub recorded: Recorded,
    /// Offset before the messages this event published: they are `base_offset + 1` and on, so
    /// a fold over the records finds every message's own offset again.
    pub base_offset: u64,
}

/// A commit that did not happen. Nothing of the batch is durable; it may be tried again.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct CommitError {
    /// What failed and where.
    pub message: String,
}

/// Storage of records.
pub trait Journal: Send {
    /// Names this history. It changes only when the history cannot go on.
    fn epoch(&self) -> &str;

    /// The highest offset given to a message so far.
    fn last_offset(&self) -> u64;

    /// Makes the batch durable, all of it or nothing.
    ///
    /// # Errors
    /// [`CommitError`]; the writer keeps the batch and tries again.
    fn commit(&mut self, batch: &[Record]) -> Result<(), CommitError>;

    /// The records of the calls that may still go on, in the order of their commit.
    ///
    /// # Errors
    /// [`CommitError`] when the storage cannot be read; the server does not start then.
    fn read_back(&mut self) -> Result<Vec<Record>, CommitError>;
}
