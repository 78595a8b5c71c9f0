//! Calls that are over, from their stream into the tables of this node. The place in the stream is
//! kept beside them: what is read again after a crash replaces itself. Tables that were lost are
//! made again from the stream as far as it goes back.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::watch;

use super::metrics::Metrics;
use crate::journal::jetstream::{Bus, Erasing, HistoryLetter, Letters};
use crate::journal::sqlite::Sqlite;
use crate::journal::{CommitError, Erase, Erased, Journal, Library, Trail};

/// Most calls of one transaction.
const BATCH: usize = 256;
/// Before what failed is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// The tables of a node.
#[derive(Debug)]
pub(super) struct Keeper {
    tables: Mutex<Sqlite>,
    library: Arc<dyn Library>,
    trail: Arc<dyn Trail>,
    place: watch::Sender<u64>,
}

impl Keeper {
    /// Opens tables that follow the history of that name.
    pub fn open(mut tables: Sqlite, epoch: &str) -> Result<Arc<Keeper>, String> {
        let began = tables.follow(epoch).map_err(|error| error.to_string())?;
        let library = tables.library().ok_or("the tables cannot be read")?;
        let trail = tables.audit();
        let (place, _) = watch::channel(began);
        Ok(Arc::new(Keeper { tables: Mutex::new(tables), library, trail, place }))
    }

    pub fn library(&self) -> Arc<dyn Library> {
        Arc::clone(&self.library)
    }

    pub fn trail(&self) -> Arc<dyn Trail> {
        Arc::clone(&self.trail)
    }

    /// Follows the stream for as long as it is polled.
    pub async fn follow(self: Arc<Self>, bus: Bus, metrics: Metrics) {
        loop {
            let place = *self.place.borrow();
            match bus.history_after(place).await {
                Ok(letters) => self.read(letters, &metrics).await,
                Err(error) => tracing::warn!(%error, "ended calls cannot be read"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Reads until the stream breaks off.
    async fn read(self: &Arc<Self>, letters: Letters<HistoryLetter>, metrics: &Metrics) {
        let lag = |left: u64| metrics.history_lag.set(i64::try_from(left).unwrap_or(i64::MAX));
        lag(letters.waiting);
        let mut letters = letters.ready_chunks(BATCH);
        while let Some(chunk) = letters.next().await {
            let (mut calls, mut newest, mut left) = (Vec::new(), *self.place.borrow(), 0);
            let whole = chunk.into_iter().all(|next| match next {
                Ok(delivered) => {
                    (newest, left) = (delivered.sequence, delivered.waiting);
                    calls.extend(delivered.letter);
                    true
                }
                Err(_) => false,
            });
            self.keep(calls, newest).await;
            self.place.send_replace(newest);
            lag(left);
            if !whole {
                return;
            }
        }
    }

    /// Waits until the tables show everything up to a place of the stream.
    pub async fn reached(&self, place: u64) {
        // The sender is this keeper's.
        let _ = self.place.subscribe().wait_for(|own| *own >= place).await;
    }

    /// Tries until it works: nothing of the stream is passed over.
    async fn keep(self: &Arc<Self>, letters: Vec<HistoryLetter>, place: u64) {
        let letters = Arc::new(letters);
        loop {
            let (own, letters) = (Arc::clone(self), Arc::clone(&letters));
            let kept = tokio::task::spawn_blocking(move || own.write(&letters, place)).await;
            match kept {
                Ok(Ok(())) => return,
                Ok(Err(error)) => tracing::warn!(%error, "ended calls cannot be kept; tried again"),
                Err(error) => tracing::warn!(%error, "ended calls cannot be kept; tried again"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Shows what letters say, in their order: a call may be erased and begin anew.
    fn write(&self, letters: &[HistoryLetter], place: u64) -> Result<(), CommitError> {
        let mut tables = self.lock();
        for run in letters.chunk_by(|one, next| one.archive.is_some() == next.archive.is_some()) {
            let calls: Vec<_> =
                run.iter().filter_map(|own| Some((own.number, own.archive.as_ref()?))).collect();
            if calls.is_empty() {
                let call_ids = run.iter().map(|own| Arc::clone(&own.call_id)).collect();
                tables.erase(&Erase { call_ids, customer: None })?;
            } else {
                tables.show(&calls)?;
            }
        }
        tables.came_to(place)
    }

    fn lock(&self) -> MutexGuard<'_, Sqlite> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Erasing for Keeper {
    fn erase(&self, erase: &Erase) -> Result<Erased, CommitError> {
        self.lock().erase(erase)
    }
}
