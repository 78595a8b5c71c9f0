//! Opening the file: directory, lock, mode, pragmas, schema, epoch.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rusqlite::hooks::Wal;
use rusqlite::{Connection, OpenFlags};

use super::error::OpenError;
use super::seal::Seal;
use super::{schema, unsigned};
use crate::journal::fresh_epoch;

/// SQLite's default, which the journal is written with.
const PAGE_BYTES: u64 = 4_096;
/// How long a writer waits for a user's own SQL that writes.
const BUSY: Duration = Duration::from_secs(5);
/// What a checkpointed WAL file may keep on disk.
const WAL_BYTES: u32 = 64 << 20;
const CACHE_KIB: i32 = 16_384;
const STATEMENTS: usize = 64;

/// What was found in the file.
pub(super) struct Opened {
    pub epoch: String,
    pub same_engine: bool,
    pub last_offset: u64,
    pub next_batch: i64,
    /// Pages in the WAL after the newest commit.
    pub wal_pages: Arc<AtomicUsize>,
}

/// Makes the directory if need be, for its owner only, and keeps other processes out.
pub(super) fn lock(dir: &Path) -> Result<File, OpenError> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let lock = private().create(true).truncate(false).open(dir.join("lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Files with transcripts are for their owner only; what SQLite puts beside them gets their mode.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}

/// Opens the file, which is made when it is missing.
pub(super) fn to_write(file: &Path, seal: &Seal) -> Result<Connection, OpenError> {
    if !file.exists() {
        private().create_new(true).open(file)?.sync_all()?;
        sync_dir(file)?;
    }
    not_cut(file)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    seal.give_to(&connection)?;
    Ok(connection)
}

/// Opens a whole file only to read, beside a server that may be running.
pub(super) fn to_read(file: &Path, seal: &Seal) -> Result<Connection, OpenError> {
    not_cut(file)?;
    to_save(file, seal)
}

/// Opens whatever there is of a file, only to read.
pub(super) fn to_save(file: &Path, seal: &Seal) -> Result<Connection, OpenError> {
    // SQLite's own error would not say that it is missing.
    File::open(file)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY)?;
    seal.give_to(&connection)?;
    Ok(connection)
}

/// SQLite fills up a page that is cut, and takes less than one for an empty file. Only a
/// checkpoint that was interrupted may leave one; then the WAL is still there.
fn not_cut(file: &Path) -> Result<(), OpenError> {
    let bytes = std::fs::metadata(file)?.len();
    let interrupted = std::fs::metadata(wal(file)).is_ok_and(|wal| wal.len() > 0);
    if bytes % PAGE_BYTES == 0 || interrupted {
        return Ok(());
    }
    Err(OpenError::Damaged(format!("{bytes} bytes are no whole number of its pages")))
}

/// Where SQLite keeps what is not in the main file yet.
pub(super) fn wal(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

/// Makes a new name in a directory survive a power cut.
pub(super) fn sync_dir(file: &Path) -> Result<(), OpenError> {
    let dir = file.parent().unwrap_or(Path::new("."));
    Ok(File::open(dir)?.sync_all()?)
}

/// Prepares an open file for writing.
pub(super) fn begin(
    connection: &mut Connection,
    engine: Option<&str>,
    max_file_bytes: u64,
    seal: &Seal,
) -> Result<Opened, OpenError> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    schema::version(connection)?;
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        let why = format!("its file system does not allow write-ahead logging (mode {mode})");
        return Err(std::io::Error::other(why).into());
    }
    // An ack means that a power cut does not take it back.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // SQLite would do it within a commit, whose acks would wait for the fsync of the main file: 14
    // to 34 ms were seen. `checkpoint.rs` does it beside them.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    let wal_pages = Arc::new(AtomicUsize::new(0));
    let pages = Arc::clone(&wal_pages);
    connection.wal_hook(Some(move |_: &mut Wal, now| {
        pages.store(usize::try_from(now).unwrap_or(0), Ordering::Relaxed);
        Ok(())
    }))?;
    connection.pragma_update(None, "journal_size_limit", WAL_BYTES)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    // What is deleted is overwritten where its page is written anyway; erasing relies on it.
    connection.pragma_update(None, "secure_delete", "FAST")?;
    if max_file_bytes > 0 {
        let pages = super::int(max_file_bytes / PAGE_BYTES);
        connection
            .pragma_update_and_check(None, "max_page_count", pages, |row| row.get::<_, i64>(0))?;
    }
    schema::migrate(connection)?;
    seal.begin(connection)?;
    seal.check(connection)?;
    let same_engine = match engine {
        Some(engine) => remember_engine(connection, engine)?,
        None => true,
    };
    let epoch = schema::meta(connection, "epoch")?
        .ok_or_else(|| OpenError::Damaged("it has lost its epoch".into()))?;
    let newest = "SELECT batch, last_offset FROM batches ORDER BY batch DESC LIMIT 1";
    let newest = connection.query_row(newest, [], |row| Ok((row.get(0)?, row.get(1)?)));
    let (batch, last_offset): (i64, i64) = match newest {
        Err(rusqlite::Error::QueryReturnedNoRows) => (0, 0),
        found => found?,
    };
    let last_offset = unsigned(last_offset);
    Ok(Opened { epoch, same_engine, last_offset, next_batch: batch + 1, wal_pages })
}

/// Another engine folds the events to other messages than those that were sent: the history of
/// messages cannot go on, and gets a new name. Says whether the engine is the same.
fn remember_engine(connection: &mut Connection, engine: &str) -> Result<bool, OpenError> {
    let before = schema::meta(connection, "engine")?;
    if before.as_deref() == Some(engine) {
        return Ok(true);
    }
    let transaction = connection.transaction()?;
    schema::set_meta(&transaction, "engine", engine)?;
    if before.is_some() {
        tracing::warn!(
            "another model or version wrote this journal: open calls are judged anew, and \
             consoles get the full picture"
        );
        schema::set_meta(&transaction, "epoch", &fresh_epoch())?;
    }
    transaction.commit()?;
    Ok(before.is_none())
}

#[cfg(test)]
mod tests {
    /// Set in `.cargo/config.toml`; without it each commit costs the file system's journal, too.
    #[test]
    fn sqlite_is_built_with_fdatasync() {
        let flags = option_env!("LIBSQLITE3_FLAGS").unwrap_or_default();
        assert!(flags.contains("-DHAVE_FDATASYNC"), "{flags}");
    }
}
