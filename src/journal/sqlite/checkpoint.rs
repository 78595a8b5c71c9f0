//! Checkpoints: the pages of the WAL are brought to the main file.
//!
//! Beside the commits, on a thread and a connection of its own, as each takes 10 to 20 ms for
//! which acks and alerts would wait. SQLite begins the WAL anew at the first commit that finds all
//! of it in the main file. Commits that come during a checkpoint keep it from that, so there is
//! another round, which is shorter; and when none ends between two commits, the writer brings the
//! rest itself, for 2 to 5 ms. (Before 3.51.3 SQLite could lose pages when two connections did
//! this at once; a test asks for a newer one.)

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;

use rusqlite::{Connection, OpenFlags};

use super::error::OpenError;

/// Pages (4 KiB) of WAL after which they go to the main file. More of them make checkpoints
/// rarer, as small commits write the same pages again and again, and each of them longer.
const PAGES: usize = 2_000;
/// Pages of WAL at which the writer brings what the helper has left.
const MANY_PAGES: usize = 2 * PAGES;
/// Pages of WAL at which the writer waits: they may not grow without end on a slow disk.
const MOST_PAGES: usize = 4 * PAGES;

/// When checkpoints are due, and who makes them.
#[derive(Debug)]
pub(super) struct Checkpoints {
    file: PathBuf,
    /// Pages in the WAL after the newest commit.
    wal_pages: Arc<AtomicUsize>,
    helper: Option<Helper>,
    /// The helper is at a round.
    is_running: bool,
    /// It has done one since the WAL began.
    has_helped: bool,
}

impl Checkpoints {
    pub fn new(file: &Path, wal_pages: Arc<AtomicUsize>) -> Checkpoints {
        Checkpoints {
            file: file.to_owned(),
            wal_pages,
            helper: None,
            is_running: false,
            has_helped: false,
        }
    }

    /// One step of whatever is due, between two commits.
    ///
    /// # Errors
    /// When the pages cannot be brought to the main file, as on a full disk.
    pub fn step(&mut self, connection: &Connection) -> Result<(), OpenError> {
        let pages = self.wal_pages.load(Ordering::Relaxed);
        if self.is_running {
            let helper = self.helper.as_ref();
            if !helper.is_some_and(|helper| helper.has_done(pages >= MOST_PAGES)) {
                return Ok(());
            }
            (self.is_running, self.has_helped) = (false, true);
        }
        if pages < PAGES {
            self.has_helped = false;
            return Ok(());
        }
        if pages < MANY_PAGES || !self.has_helped {
            self.is_running = self.helper().is_some_and(Helper::begin);
        }
        if !self.is_running {
            // What the helper failed at fails here once more, and is reported.
            checkpoint(connection)?;
            self.wal_pages.store(0, Ordering::Relaxed);
            self.has_helped = false;
        }
        Ok(())
    }

    /// Waits until the helper rests. Whoever empties the WAL must be alone: for the lock of
    /// checkpoints SQLite does not wait.
    pub fn rest(&mut self) {
        if self.is_running
            && let Some(helper) = &self.helper
        {
            helper.has_done(true);
        }
        self.is_running = false;
    }

    /// `None` where there can be no thread; then the writer does all of it.
    fn helper(&mut self) -> Option<&Helper> {
        if self.helper.is_none() {
            self.helper = Helper::start(&self.file).ok();
        }
        self.helper.as_ref()
    }
}

/// Brings pages as far as no reader needs them.
fn checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}

/// The thread. It ends when this is dropped.
#[derive(Debug)]
struct Helper {
    wanted: Option<Sender<()>>,
    done: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

impl Helper {
    fn start(file: &Path) -> Result<Helper, OpenError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(file, flags)?;
        // Only who has read knows that there is a WAL; before, a checkpoint does nothing.
        connection.pragma_query_value(None, "schema_version", |_| Ok(()))?;
        let (wanted, wants) = channel();
        let (tell, done) = channel();
        let thread = std::thread::Builder::new().name("checkpoints".into()).spawn(move || {
            while wants.recv().is_ok() {
                if let Err(error) = checkpoint(&connection) {
                    tracing::debug!(%error, "a checkpoint beside the commits failed");
                }
                if tell.send(()).is_err() {
                    return;
                }
            }
        })?;
        Ok(Helper { wanted: Some(wanted), done, thread: Some(thread) })
    }

    fn begin(&self) -> bool {
        self.wanted.as_ref().is_some_and(|wanted| wanted.send(()).is_ok())
    }

    /// Also when there will never be an answer.
    fn has_done(&self, wait: bool) -> bool {
        if wait {
            let _ = self.done.recv();
            return true;
        }
        self.done.try_recv() != Err(TryRecvError::Empty)
    }
}

impl Drop for Helper {
    /// Its connection is to be closed before the journal's, which then leaves no WAL.
    fn drop(&mut self) {
        self.wanted = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// A file with a table, and the number of pages in its WAL.
    fn file(dir: &Path) -> (PathBuf, Connection, Arc<AtomicUsize>) {
        let file = dir.join("own.db");
        let mut connection = Connection::open(&file).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        let wal_pages = Arc::new(AtomicUsize::new(0));
        let pages = Arc::clone(&wal_pages);
        let hook = move |_: &mut rusqlite::hooks::Wal, now| {
            pages.store(usize::try_from(now).unwrap(), Ordering::Relaxed);
            Ok(())
        };
        connection.wal_hook(Some(hook)).unwrap();
        connection.execute_batch("CREATE TABLE kept (bytes BLOB)").unwrap();
        (file, connection, wal_pages)
    }

    fn write(connection: &Connection, pages: usize) {
        let bytes = i64::try_from(pages * 4_096).unwrap();
        connection.execute("INSERT INTO kept VALUES (zeroblob(?1))", [bytes]).unwrap();
    }

    /// Pages in the WAL that the main file has not got.
    fn left(connection: &Connection) -> i64 {
        let sql = "PRAGMA wal_checkpoint(NOOP)";
        let count = |row: &rusqlite::Row<'_>| Ok(row.get::<_, i64>(1)? - row.get::<_, i64>(2)?);
        connection.query_row(sql, [], count).unwrap()
    }

    #[test]
    fn the_wal_begins_anew_while_commits_go_on() {
        let dir = tempfile::tempdir().unwrap();
        let (file, connection, wal_pages) = file(dir.path());
        let mut checkpoints = Checkpoints::new(&file, Arc::clone(&wal_pages));
        checkpoints.step(&connection).unwrap();
        assert!(checkpoints.helper.is_none(), "nothing is due");
        for _ in 0..3 {
            write(&connection, PAGES);
            let most = PAGES + MOST_PAGES;
            while wal_pages.load(Ordering::Relaxed) > PAGES / 2 {
                checkpoints.step(&connection).unwrap();
                write(&connection, 3);
                assert!(wal_pages.load(Ordering::Relaxed) < most, "the WAL never begins anew");
            }
        }
    }

    #[test]
    fn the_writer_brings_what_the_helper_left() {
        let dir = tempfile::tempdir().unwrap();
        let (file, connection, wal_pages) = file(dir.path());
        let mut checkpoints = Checkpoints::new(&file, Arc::clone(&wal_pages));
        write(&connection, MANY_PAGES);
        // As if the next commit came while the helper is at it: it gets as far as a reader lets it.
        let reader = Connection::open(&file).unwrap();
        reader.execute_batch("BEGIN; SELECT count(*) FROM kept;").unwrap();
        write(&connection, 3);
        checkpoints.step(&connection).unwrap();
        let begun = Instant::now();
        while left(&connection) > 10 {
            assert!(begun.elapsed() < Duration::from_secs(30), "the helper does nothing");
        }
        assert!(left(&connection) > 0);
        drop(reader);
        while left(&connection) > 0 {
            assert!(begun.elapsed() < Duration::from_secs(30), "the writer does nothing");
            checkpoints.step(&connection).unwrap();
        }
        write(&connection, 3);
        let pages = wal_pages.load(Ordering::Relaxed);
        assert!(pages < 100, "the WAL begins anew: {pages}");
    }

    #[test]
    fn the_writer_waits_before_there_is_too_much() {
        let dir = tempfile::tempdir().unwrap();
        let (file, connection, wal_pages) = file(dir.path());
        let mut checkpoints = Checkpoints::new(&file, wal_pages);
        for _ in 0..3 {
            write(&connection, MOST_PAGES);
            checkpoints.step(&connection).unwrap();
            assert!(checkpoints.is_running);
            checkpoints.step(&connection).unwrap();
            assert_eq!((checkpoints.is_running, left(&connection)), (false, 0));
        }
    }

    #[test]
    fn who_empties_the_wal_is_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (file, connection, wal_pages) = file(dir.path());
        let mut checkpoints = Checkpoints::new(&file, wal_pages);
        write(&connection, PAGES);
        checkpoints.step(&connection).unwrap();
        checkpoints.rest();
        assert_eq!((checkpoints.is_running, left(&connection)), (false, 0));
        let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
        let busy: i64 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(busy, 0);
    }

    #[test]
    fn without_a_helper_the_writer_does_it() {
        let dir = tempfile::tempdir().unwrap();
        let (_, connection, wal_pages) = file(dir.path());
        let mut checkpoints = Checkpoints::new(&dir.path().join("no/such.db"), wal_pages);
        write(&connection, PAGES);
        checkpoints.step(&connection).unwrap();
        assert_eq!((checkpoints.is_running, left(&connection)), (false, 0));
    }

    /// Older ones may lose pages when one connection makes a checkpoint and another commits.
    #[test]
    fn sqlite_is_one_that_allows_it() {
        assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
    }
}
