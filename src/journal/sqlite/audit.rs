//! The audit's table, on a connection of its own: short writes between the journal's commits.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, Row, TransactionBehavior, params};

use super::error::OpenError;
use super::library::rows::required;
use super::{JournalError, int, schema, unsigned};
use crate::call::Timestamp;
use crate::journal::audit::Trail;
use crate::journal::{CommitError, Found, ReadError};
use crate::wire::audit::{AuditEntry, AuditQuery, Done};

/// How long it waits for a commit of the journal.
const BUSY: Duration = Duration::from_secs(5);
/// Entries that retention drops in one transaction, so that no commit waits long for it.
const DROPPED: i64 = 1_000;

/// The table, opened when it is first used.
#[derive(Debug)]
pub(super) struct Table {
    file: PathBuf,
    connection: Mutex<Option<Connection>>,
}

impl Table {
    pub fn new(file: &Path) -> Table {
        Table { file: file.to_owned(), connection: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Connection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T, E: From<OpenError>>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.lock();
        let connection = match &mut *connection {
            Some(connection) => connection,
            none => none.insert(connect(&self.file).map_err(E::from)?),
        };
        work(connection)
    }

    fn failed(&self, error: OpenError) -> CommitError {
        JournalError::new(&self.file, error).into()
    }
}

/// A commit of the audit does not wait for the disk: it would hold up those of the journal. The
/// next of these, which waits, takes it along.
fn connect(file: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    if schema::version(&connection)? < schema::WITH_AUDIT {
        return Err(OpenError::Damaged("it has no audit yet; start the server once".into()));
    }
    Ok(connection)
}

impl Trail for Table {
    fn write(&self, entries: &[AuditEntry]) -> Result<(), CommitError> {
        self.with(|connection| -> Result<(), OpenError> {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let sql = "INSERT INTO audit (at, who, role, token, what, on_id, address, detail)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
            for entry in entries {
                let AuditEntry { at, who, role, token, what, on, address, detail, .. } = entry;
                transaction.prepare_cached(sql)?.execute(params![
                    at.to_string(),
                    who,
                    role,
                    token,
                    what.name(),
                    on,
                    address,
                    detail
                ])?;
            }
            Ok(transaction.commit()?)
        })
        .map_err(|error| self.failed(error))
    }

    fn tidy(&self, before: Option<Timestamp>, max_entries: u64) -> Result<(), CommitError> {
        self.with(|connection| -> Result<(), OpenError> {
            loop {
                let transaction =
                    connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let floor = floor(&transaction, before, max_entries)?;
                let sql = "UPDATE audit_floor SET id = max(id, ?1)";
                transaction.execute(sql, [floor])?;
                let sql = "DELETE FROM audit WHERE id IN
                    (SELECT id FROM audit WHERE id <= ?1 ORDER BY id LIMIT ?2)";
                let dropped = transaction.execute(sql, params![floor, DROPPED])?;
                transaction.commit()?;
                if i64::try_from(dropped).unwrap_or(0) < DROPPED {
                    return Ok(());
                }
            }
        })
        .map_err(|error| self.failed(error))
    }

    fn close(&self) {
        *self.lock() = None;
    }

    fn read(
        &self,
        query: &AuditQuery,
        below: Option<u64>,
        most: usize,
        until: Instant,
    ) -> Result<Found<u64, AuditEntry>, ReadError> {
        let failed = |error: OpenError| ReadError::Failed(self.failed(error).to_string());
        self.with(|connection| list(connection, query, below, most, until)).map_err(failed)
    }
}

/// The highest entry that may go.
fn floor(
    connection: &Connection,
    before: Option<Timestamp>,
    max_entries: u64,
) -> rusqlite::Result<i64> {
    let number = |sql: &str, value: &dyn rusqlite::ToSql| {
        connection.query_row(sql, [value], |row| row.get::<_, Option<i64>>(0))
    };
    let mut floor = 0;
    if let Some(before) = before {
        let sql = "SELECT max(id) FROM audit WHERE at < ?1";
        floor = number(sql, &before.to_string())?.unwrap_or(0);
    }
    if max_entries > 0 {
        let sql = "SELECT max(id) - ?1 FROM audit";
        floor = floor.max(number(sql, &int(max_entries))?.unwrap_or(0));
    }
    Ok(floor)
}

fn list(
    connection: &Connection,
    query: &AuditQuery,
    below: Option<u64>,
    most: usize,
    until: Instant,
) -> Result<Found<u64, AuditEntry>, OpenError> {
    let sql = "SELECT id, at, who, role, token, what, on_id, address, detail FROM audit
        WHERE id < ?1 ORDER BY id DESC";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([below.map_or(i64::MAX, int)])?;
    let mut found = Found::default();
    let mut looked = 0_u32;
    while let Some(row) = rows.next()? {
        let entry = entry(row)?;
        let id = entry.id;
        if query.matches(&entry) {
            found.items.push((id, entry));
        }
        looked += 1;
        // A look at the clock now and then.
        let is_late = looked.is_multiple_of(256) && Instant::now() >= until;
        if found.items.len() == most || is_late {
            found.reached = Some(id);
            return Ok(found);
        }
    }
    Ok(found)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<AuditEntry> {
    let what: String = row.get(5)?;
    Ok(AuditEntry {
        id: unsigned(row.get(0)?),
        at: required(row, 1)?,
        who: row.get(2)?,
        role: row.get(3)?,
        token: row.get(4)?,
        // A newer binary may have written others.
        what: Done::named(&what).unwrap_or(Done::Config),
        on: row.get(6)?,
        address: row.get(7)?,
        detail: row.get(8)?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::{FILE, Sqlite};
    use super::*;
    use crate::journal::{Journal, Settings};

    fn said(who: &str, at: i64) -> AuditEntry {
        AuditEntry {
            id: 0,
            at: Timestamp(at),
            who: who.into(),
            role: None,
            token: Some("t1".into()),
            what: Done::Login,
            on: None,
            address: Some("127.0.0.1".into()),
            detail: None,
        }
    }

    fn later() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn entries_are_kept_read_in_parts_and_never_changed() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Sqlite::open(folder.path(), &Settings::default(), "e").unwrap();
        let trail = journal.audit();
        let now = 1_795_318_815_000;
        let entries: Vec<_> =
            (0..25).map(|n| said(["ana", "ben"][n % 2], now + n as i64)).collect();
        trail.write(&entries).unwrap();
        let ana = AuditQuery { who: Some("ana".into()), ..AuditQuery::default() };
        let (mut seen, mut below) = (Vec::new(), None);
        loop {
            let found = trail.read(&ana, below, 5, later()).unwrap();
            seen.extend(found.items.into_iter().map(|(id, _)| id));
            below = found.reached;
            if below.is_none() {
                break;
            }
        }
        assert_eq!(seen, (1..=25).rev().step_by(2).collect::<Vec<u64>>());
        let connection = Connection::open(folder.path().join(FILE)).unwrap();
        for sql in [
            "UPDATE audit SET who = 'nobody'",
            "DELETE FROM audit",
            "DELETE FROM audit WHERE id = 1",
            "DELETE FROM audit_floor",
            "INSERT OR REPLACE INTO audit (id, at, who, what) VALUES (1, '', 'x', 'login')",
        ] {
            let error = connection.execute(sql, []).unwrap_err().to_string();
            assert!(error.contains("append-only"), "{sql}: {error}");
        }
    }

    #[test]
    fn the_oldest_go_for_age_and_number() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Sqlite::open(folder.path(), &Settings::default(), "e").unwrap();
        let trail = journal.audit();
        let now = 1_795_318_815_000;
        let old = (0..1_500).map(|_| said("old", now - 11));
        let new = (0..20).map(|_| said("new", now));
        trail.write(&old.chain(new).collect::<Vec<_>>()).unwrap();
        let count =
            || trail.read(&AuditQuery::default(), None, 9_999, later()).unwrap().items.len();
        let before = Some(Timestamp(now - 10));
        trail.tidy(None, 0).unwrap();
        assert_eq!(count(), 1_520);
        trail.tidy(before, 0).unwrap();
        assert_eq!(count(), 20);
        trail.tidy(before, 7).unwrap();
        assert_eq!(count(), 7);
        trail.write(&[said("next", now)]).unwrap();
        let newest = trail.read(&AuditQuery::default(), None, 1, later()).unwrap();
        assert_eq!(newest.items[0].0, 1_521, "numbers are never used again");
    }
}
