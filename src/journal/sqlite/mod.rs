//! The journal on disk: SQLite in WAL mode, every commit fsynced.
//!
//! Open calls are rows of `batches`, one for each group commit. A call that is over is written
//! once to `calls`, `transcript`, `alerts` and `alert_events`, and its events go when nobody can
//! ask for them again. Only this room knows SQLite.

mod archive;
mod audit;
mod backup;
mod batch;
mod check;
mod checkpoint;
mod erase;
mod error;
mod export;
mod history;
mod ledger;
mod library;
mod open;
mod outbox;
mod read;
mod rulesets;
mod schema;
mod seal;
#[cfg(test)]
mod tests;
mod tidy;

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use rusqlite::{Connection, TransactionBehavior, params};

use super::{
    CommitError, Erase, Erased, History, Journal, Library, Outbox, Outgoing, Record, Settings,
    Trail,
};
use checkpoint::Checkpoints;
use ledger::{Ledger, Line};
use outbox::Shelf;

pub use backup::{backup, restore};
pub use check::{Findings, check};
pub use erase::forget;
pub use error::JournalError;
pub use export::{Exported, export};
pub use library::library;
pub use seal::Seal;

/// Name of the journal in its directory.
pub const FILE: &str = "journal.db";

/// The audit of the journal in `dir`, also while a server uses it.
pub fn trail(dir: &Path) -> Arc<dyn Trail> {
    Arc::new(audit::Table::new(&dir.join(FILE)))
}

/// A journal in a directory. While it is open, no other process can open it to write.
#[derive(Debug)]
pub struct Sqlite {
    /// Before the connection, so that it is closed before.
    checkpoints: Checkpoints,
    connection: Connection,
    file: PathBuf,
    /// Held until the journal is closed.
    _lock: File,
    seal: Seal,
    settings: Settings,
    epoch: Arc<str>,
    same_engine: bool,
    last_offset: u64,
    next_batch: i64,
    ledger: Ledger,
    /// What waits for destinations, if there are any.
    outbox: Option<Arc<Shelf>>,
    used_bytes: u64,
    tidied: Instant,
    retained: Instant,
    outbox_tidied: Instant,
    /// Ended calls are to be dropped for their age or for room.
    over_limits: bool,
}

impl Sqlite {
    /// Opens the journal in `dir`, which is made when it is missing. `engine` names what folds
    /// the events; another engine than last time begins a new epoch.
    ///
    /// # Errors
    /// [`JournalError`] with what is wrong, where, and how to mend it.
    pub fn open(dir: &Path, settings: &Settings, engine: &str) -> Result<Sqlite, JournalError> {
        let path = settings.key_file.as_deref();
        let seal = Seal::of_file(path).map_err(|why| JournalError::of_key(&dir.join(FILE), why))?;
        Sqlite::open_for(dir, settings, Some(engine), seal)
    }

    /// Opens it to look after it: whatever engine wrote it, its history goes on.
    fn open_as_it_is(dir: &Path, seal: &Seal) -> Result<Sqlite, JournalError> {
        Sqlite::open_for(dir, &Settings::default(), None, seal.clone())
    }

    fn open_for(
        dir: &Path,
        settings: &Settings,
        engine: Option<&str>,
        seal: Seal,
    ) -> Result<Sqlite, JournalError> {
        let file = dir.join(FILE);
        let lock = open::lock(dir).map_err(|error| JournalError::new(&file, error))?;
        let mut connection =
            open::to_write(&file, &seal).map_err(|error| JournalError::new(&file, error))?;
        let opened = open::begin(&mut connection, engine, settings.max_file_bytes, &seal)
            .map_err(|error| JournalError::new(&file, error))?;
        Ok(Sqlite {
            checkpoints: Checkpoints::new(&file, opened.wal_pages),
            connection,
            file,
            _lock: lock,
            seal,
            settings: settings.clone(),
            epoch: opened.epoch.into(),
            same_engine: opened.same_engine,
            last_offset: opened.last_offset,
            next_batch: opened.next_batch,
            ledger: Ledger::default(),
            outbox: None,
            used_bytes: 0,
            tidied: Instant::now(),
            retained: Instant::now(),
            outbox_tidied: Instant::now(),
            over_limits: false,
        })
    }

    fn failed(&self, error: impl Into<error::OpenError>) -> CommitError {
        JournalError::new(&self.file, error).into()
    }

    fn write(
        &mut self,
        batch: &[Record],
        last_offset: u64,
        outgoing: &[Outgoing],
    ) -> Result<(), error::OpenError> {
        let row = batch::encode(batch, int(last_offset)).map_err(error::OpenError::Damaged)?;
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let events = self.seal.sql("'batches/' || ?1", "?4");
        let insert = format!(
            "INSERT INTO batches (batch, last_offset, crc, events) VALUES (?1, ?2, ?3, {events})"
        );
        transaction.prepare_cached(&insert)?.execute(params![
            self.next_batch,
            row.last_offset,
            row.crc,
            row.events
        ])?;
        let mut started: HashMap<&str, u64> = HashMap::new();
        for record in batch {
            if record.is_start() {
                started.insert(&record.call_id, record.base_offset);
                let hash = record.ruleset.as_ref().map(|ruleset| &*ruleset.hash);
                let sql = "INSERT INTO log_calls (call, call_id, ruleset) VALUES (?1, ?2, ?3)";
                let row = params![int(record.base_offset), record.call_id, hash];
                transaction.prepare_cached(sql)?.execute(row)?;
            }
            if let Some(ruleset) = &record.ruleset {
                rulesets::keep(&transaction, ruleset)?;
            }
            let Some(archive) = &record.archive else { continue };
            let known = started.get(&*record.call_id).copied();
            let Some(call) = known.or_else(|| self.ledger.call(&record.call_id)) else { continue };
            archive::write(&transaction, &self.seal, int(call), archive)?;
            let final_offset = archive.is_final.then_some(int(record.base_offset));
            let sql = "UPDATE log_calls SET final_offset = ?2 WHERE call = ?1";
            transaction.prepare_cached(sql)?.execute(params![int(call), final_offset])?;
        }
        outbox::put(&transaction, outgoing)?;
        transaction.commit()?;
        Ok(())
    }
}

impl Journal for Sqlite {
    fn epoch(&self) -> &str {
        &self.epoch
    }

    fn last_offset(&self) -> u64 {
        self.last_offset
    }

    fn commit(&mut self, batch: &[Record], last_offset: u64) -> Result<(), CommitError> {
        let outgoing = match &self.outbox {
            Some(_) => Outgoing::of_batch(&self.epoch, batch),
            None => Vec::new(),
        };
        self.write(batch, last_offset, &outgoing).map_err(|error| self.failed(error))?;
        if let Some(outbox) = &self.outbox {
            outbox.took_in(&outgoing);
        }
        for record in batch {
            self.ledger.add(self.next_batch, &line(record));
        }
        self.ledger.settle(self.next_batch);
        self.next_batch += 1;
        self.last_offset = last_offset;
        Ok(())
    }

    fn tidy(&mut self) -> Result<(), CommitError> {
        self.tidy_up().map_err(|error| self.failed(error))
    }

    fn renew_epoch(&mut self) -> Result<(), CommitError> {
        let epoch = super::fresh_epoch();
        schema::set_meta(&self.connection, "epoch", &epoch).map_err(|error| self.failed(error))?;
        (self.epoch, self.same_engine) = (epoch.into(), false);
        Ok(())
    }

    fn used_bytes(&self) -> u64 {
        self.used_bytes
    }

    fn library(&self) -> Option<Arc<dyn Library>> {
        Some(Arc::new(library::Shelves::new(&self.file, &self.seal)))
    }

    fn audit(&self) -> Arc<dyn Trail> {
        Arc::new(audit::Table::new(&self.file))
    }

    fn open_outbox(
        &mut self,
        destinations: &[Arc<str>],
    ) -> Result<Option<Arc<dyn Outbox>>, CommitError> {
        let opened = outbox::open(
            &mut self.connection,
            (&self.file, &self.seal),
            self.last_offset,
            destinations,
        );
        let shelf = Arc::new(opened.map_err(|error| self.failed(error))?);
        self.outbox = (!destinations.is_empty()).then(|| Arc::clone(&shelf));
        Ok(Some(shelf))
    }

    fn erase(&mut self, erase: &Erase) -> Result<Erased, CommitError> {
        self.erase_calls(erase).map_err(|error| self.failed(error))
    }

    fn close(&mut self) -> Result<(), CommitError> {
        self.tidy_outbox().map_err(|error| self.failed(error))
    }

    fn read_back(&mut self, ended_calls: usize) -> Result<History, CommitError> {
        self.read_history(ended_calls).map_err(|error| self.failed(error))
    }
}

fn line(record: &Record) -> Line<'_> {
    Line {
        call_id: &record.call_id,
        base_offset: record.base_offset,
        is_start: record.is_start(),
        is_final: record.archive.as_ref().is_some_and(|archive| archive.is_final),
    }
}

/// SQLite's integers are signed; no offset comes near the end of them.
fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn shared(text: String) -> Arc<str> {
    Arc::from(text)
}
