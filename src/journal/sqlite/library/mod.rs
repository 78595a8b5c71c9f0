//! The read side: connections of its own that can only read, each reading with an end in time.

mod alerts;
mod calls;
pub(super) mod rows;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::error::OpenError;
use super::seal::Seal;
use super::{FILE, JournalError, open, schema};
use crate::engine::alert::Alert;
use crate::engine::effects::CallView;
use crate::journal::{Began, Found, Library, Most, ReadError, Stretch, Which};
use crate::wire::lists::{AlertKey, AlertQuery, CallDetail, CallQuery, ShiftQuery};

/// Steps of SQLite between two looks at the clock: some tens of microseconds.
const STEPS: i32 = 1_000;
/// How long a reader waits for a checkpoint that must finish.
const BUSY: Duration = Duration::from_millis(500);
const CACHE_KIB: i32 = 4_096;

/// What stands in the tables. As many connections are open as were ever used at a time.
#[derive(Debug)]
pub(super) struct Shelves {
    file: PathBuf,
    seal: Seal,
    idle: Mutex<Vec<Connection>>,
}

impl Shelves {
    pub fn new(file: &Path, seal: &Seal) -> Shelves {
        Shelves { file: file.to_owned(), seal: seal.clone(), idle: Mutex::default() }
    }

    /// Reads on a connection that is nobody else's. SQLite stops at `until`.
    fn read<T>(
        &self,
        until: Instant,
        reading: impl FnOnce(&Connection) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let idle = self.lock().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.connect().map_err(|error| self.failed(error))?,
        };
        let too_late = move || Instant::now() >= until;
        let set = connection.progress_handler(STEPS, Some(too_late));
        set.map_err(|error| self.failed(error))?;
        let read = reading(&connection);
        if !matches!(read, Err(ReadError::Failed(_))) {
            self.lock().push(connection);
        }
        read
    }

    /// The file is opened by SQLite only: closing it any other way would drop the locks that the
    /// writer of this process holds on it.
    fn connect(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.file, flags)?;
        connection.busy_timeout(BUSY)?;
        self.seal.give_to(&connection)?;
        connection.pragma_update(None, "query_only", true)?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        Ok(connection)
    }

    fn failed(&self, error: rusqlite::Error) -> ReadError {
        ReadError::Failed(JournalError::new(&self.file, error).to_string())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What stands in the tables of the journal in `dir`, also while a server uses it.
///
/// # Errors
/// [`JournalError`] when there is no journal, or one that cannot be read.
pub fn library(dir: &Path, seal: &Seal) -> Result<Arc<dyn Library>, JournalError> {
    let file = dir.join(FILE);
    let check = || {
        let connection = open::to_read(&file, seal)?;
        match schema::version(&connection)? {
            0 => Err(OpenError::Damaged("it is empty".into())),
            _ => seal.check(&connection),
        }
    };
    check().map_err(|error| JournalError::new(&file, error))?;
    Ok(Arc::new(Shelves::new(&file, seal)))
}

impl Library for Shelves {
    fn calls(
        &self,
        query: &CallQuery,
        stretch: &Stretch<'_, u64>,
        until: Instant,
    ) -> Result<Found<u64, CallView>, ReadError> {
        self.read(until, |connection| Ok(calls::list(connection, query, stretch)?))
    }

    fn call(
        &self,
        which: Which<'_>,
        most: Most,
        until: Instant,
    ) -> Result<Option<CallDetail>, ReadError> {
        self.read(until, |connection| Ok(calls::one(connection, which, most)?))
    }

    fn alerts(
        &self,
        query: &AlertQuery,
        stretch: &Stretch<'_, AlertKey>,
        until: Instant,
    ) -> Result<Found<AlertKey, Alert>, ReadError> {
        self.read(until, |connection| Ok(alerts::list(connection, query, stretch)?))
    }

    fn began(
        &self,
        query: &ShiftQuery,
        until: Instant,
        see: &mut dyn FnMut(Began),
    ) -> Result<(), ReadError> {
        self.read(until, |connection| Ok(calls::began(connection, query, see)?))
    }
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> ReadError {
        match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => ReadError::TooSlow,
            _ => ReadError::Failed(format!("the journal cannot be read: {error}")),
        }
    }
}

/// The part of a stretch that was read, when time was over after some of it.
fn part<K, T>(
    items: Vec<(K, T)>,
    reached: Option<K>,
    error: rusqlite::Error,
) -> rusqlite::Result<Found<K, T>> {
    let interrupted = error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted);
    if interrupted && reached.is_some() {
        return Ok(Found { items, reached });
    }
    Err(error)
}
