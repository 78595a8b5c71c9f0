//! Where the audit is kept: beside the journal, and never in the way of its writer.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::{CommitError, Found, ReadError};
use crate::call::Timestamp;
use crate::wire::audit::{AuditEntry, AuditQuery};

/// Entries that a journal in memory keeps.
const KEPT: usize = 10_000;

/// An audit. Entries get their `id` when they are written, and are never changed.
pub trait Trail: Debug + Send + Sync {
    /// Writes entries, all of them or none.
    ///
    /// # Errors
    /// [`CommitError`]; they may be written again.
    fn write(&self, entries: &[AuditEntry]) -> Result<(), CommitError>;

    /// Drops the oldest: those from before that moment, and those over `max_entries`; 0 sets no
    /// limit.
    ///
    /// # Errors
    /// [`CommitError`]; it is tried again later.
    fn tidy(&self, before: Option<Timestamp>, max_entries: u64) -> Result<(), CommitError>;

    /// Lets go of what it holds open; it may be used again.
    fn close(&self) {}

    /// Entries that match, the newest first, of those below `below`.
    ///
    /// # Errors
    /// [`ReadError`].
    fn read(
        &self,
        query: &AuditQuery,
        below: Option<u64>,
        most: usize,
        until: Instant,
    ) -> Result<Found<u64, AuditEntry>, ReadError>;
}

/// For a journal in memory: the newest entries.
#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<(u64, VecDeque<AuditEntry>)>);

impl Trail for Recent {
    fn write(&self, entries: &[AuditEntry]) -> Result<(), CommitError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, kept) = &mut *kept;
        for entry in entries {
            *last += 1;
            kept.push_back(AuditEntry { id: *last, ..entry.clone() });
        }
        let over = kept.len().saturating_sub(KEPT);
        kept.drain(..over);
        Ok(())
    }

    fn tidy(&self, _before: Option<Timestamp>, _max_entries: u64) -> Result<(), CommitError> {
        Ok(())
    }

    fn read(
        &self,
        query: &AuditQuery,
        below: Option<u64>,
        most: usize,
        _until: Instant,
    ) -> Result<Found<u64, AuditEntry>, ReadError> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let newest_first = kept.1.iter().rev();
        let meant = newest_first
            .filter(|entry| below.is_none_or(|below| entry.id < below) && query.matches(entry));
        let items: Vec<_> = meant.take(most).map(|entry| (entry.id, entry.clone())).collect();
        let reached = items.last().map(|(id, _)| *id).filter(|_| items.len() == most);
        Ok(Found { items, reached })
    }
}
