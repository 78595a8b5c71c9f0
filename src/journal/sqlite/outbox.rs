//! The outbox in the file: what waits for destinations, and how far each of them is.
//!
//! Only the writer writes. Who delivers reads on a connection of its own, and says in memory how
//! far it is; the writer notes it down between commits.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Row as SqlRow, Transaction, TransactionBehavior, params};
use tokio::sync::watch;

use super::error::OpenError;
use super::seal::Seal;
use super::{JournalError, int, shared, unsigned};
use crate::call::Timestamp;
use crate::journal::outbox::{Index, Position, Row};
use crate::journal::{CommitError, Outbox, Outgoing, Standing};

/// How long a reader waits for a checkpoint that must finish.
const BUSY: Duration = Duration::from_millis(500);

/// The outbox of a journal that is open.
#[derive(Debug)]
pub(super) struct Shelf {
    file: PathBuf,
    seal: Seal,
    index: Index,
    /// Opened with the first page that is read.
    reader: Mutex<Option<Connection>>,
}

/// Makes the file's outbox that of these destinations.
pub(super) fn open(
    connection: &mut Connection,
    (file, seal): (&Path, &Seal),
    last_offset: u64,
    destinations: &[Arc<str>],
) -> Result<Shelf, OpenError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let known: HashMap<String, i64> = {
        let mut statement = transaction.prepare("SELECT name, offset FROM destinations")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<Result<_, _>>()?
    };
    let position = |name: &Arc<str>| {
        let offset = known.get(&**name).copied().map_or(last_offset, unsigned);
        Position::new(Arc::clone(name), offset)
    };
    let positions: Vec<Position> = destinations.iter().map(position).collect();
    if destinations.is_empty() {
        forget(&transaction)?;
    } else {
        write_positions(&transaction, &positions)?;
    }
    let rows = {
        let mut statement = transaction
            .prepare("SELECT offset, at, octet_length(alert) FROM outbox ORDER BY offset")?;
        let rows = statement.query_map([], |row| {
            Ok(Row {
                offset: unsigned(row.get(0)?),
                at: moment(&row.get::<_, String>(1)?),
                bytes: unsigned(row.get(2)?),
            })
        })?;
        rows.collect::<Result<Vec<_>, _>>()?
    };
    transaction.commit()?;
    Ok(Shelf {
        file: file.to_owned(),
        seal: seal.clone(),
        index: Index::new(rows, positions),
        reader: Mutex::default(),
    })
}

/// Puts in what a commit changed.
pub(super) fn put(transaction: &Transaction<'_>, outgoing: &[Outgoing]) -> Result<(), OpenError> {
    // Whatever somebody else put there must not keep the journal from being written.
    let sql = "INSERT OR REPLACE INTO outbox (offset, epoch, at, told, moved_from, alert)
        VALUES (?1, ?2, ?3, ?4, ?5, seal('outbox/' || ?1, ?6))";
    for one in outgoing {
        let moved_from = one.moved_from.as_ref().map(serde_json::to_string).transpose();
        let moved_from = moved_from.map_err(|error| OpenError::Damaged(error.to_string()))?;
        let (offset, at, told) = (int(one.offset), one.at.to_string(), one.told as u64);
        let row = params![offset, one.epoch, at, int(told), moved_from, one.alert];
        transaction.prepare_cached(sql)?.execute(row)?;
    }
    Ok(())
}

/// Takes out what waits of some calls, and gives their offsets.
pub(super) fn drop_calls(
    transaction: &Transaction<'_>,
    goes: impl Fn(&str) -> bool,
) -> Result<Vec<u64>, OpenError> {
    let mut statement =
        transaction.prepare("SELECT offset, unseal('outbox/' || offset, alert) FROM outbox")?;
    let mut rows = statement.query([])?;
    let mut offsets = Vec::new();
    while let Some(row) = rows.next()? {
        let alert: String = row.get(1)?;
        if crate::journal::outbox::call_of(&alert).is_some_and(|call_id| goes(&call_id)) {
            offsets.push(unsigned(row.get(0)?));
        }
    }
    for offset in &offsets {
        transaction.execute("DELETE FROM outbox WHERE offset = ?1", [int(*offset)])?;
    }
    Ok(offsets)
}

/// Empties the outbox and forgets all destinations.
pub(super) fn forget(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("DELETE FROM outbox; DELETE FROM destinations;")
}

fn write_positions(transaction: &Transaction<'_>, positions: &[Position]) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM destinations", [])?;
    for Position { name, offset, .. } in positions {
        let sql = "INSERT INTO destinations (name, offset) VALUES (?1, ?2)";
        transaction.prepare_cached(sql)?.execute(params![name, int(*offset)])?;
    }
    Ok(())
}

impl Shelf {
    /// After the commit: tells who delivers.
    pub fn took_in(&self, outgoing: &[Outgoing]) {
        if !outgoing.is_empty() {
            self.index.push(outgoing.iter().map(Row::of));
        }
    }

    /// Names of the destinations.
    pub fn names(&self) -> Vec<Arc<str>> {
        self.index.names()
    }

    /// Rows that are not in the file any more.
    pub fn forget_rows(&self, offsets: &[u64]) {
        self.index.remove(offsets);
    }

    /// Writes what has changed: positions, and rows that go for age, for room, or because every
    /// destination has them.
    pub fn tidy(
        &self,
        connection: &mut Connection,
        before: Option<Timestamp>,
        most_bytes: u64,
    ) -> Result<(), OpenError> {
        let Some((positions, gone)) = self.index.due(before, most_bytes) else { return Ok(()) };
        let mut write = || -> Result<(), OpenError> {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            write_positions(&transaction, &positions)?;
            transaction
                .prepare_cached("DELETE FROM outbox WHERE offset <= ?1")?
                .execute([int(gone)])?;
            Ok(transaction.commit()?)
        };
        if let Err(error) = write() {
            self.index.try_again();
            return Err(error);
        }
        let lost = self.index.gone(gone);
        if lost > 0 {
            tracing::warn!(
                alerts = lost,
                "alerts waited too long for a destination, or too many did: the oldest are dropped"
            );
        }
        Ok(())
    }

    fn read(&self, after: u64, most: usize) -> Result<Vec<Outgoing>, OpenError> {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = match &mut *reader {
            Some(connection) => connection,
            none => none.insert(connect(&self.file, &self.seal)?),
        };
        let sql = "SELECT offset, epoch, at, told, moved_from,
            unseal('outbox/' || offset, alert) FROM outbox
            WHERE offset > ?1 ORDER BY offset LIMIT ?2";
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement.query_map(params![int(after), int(most as u64)], outgoing)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// Opened by SQLite only: closing the file any other way would drop the locks that the writer of
/// this process holds on it.
fn connect(file: &Path, seal: &Seal) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY)?;
    seal.give_to(&connection)?;
    Ok(connection)
}

fn outgoing(row: &SqlRow<'_>) -> rusqlite::Result<Outgoing> {
    let moved_from: Option<String> = row.get(4)?;
    Ok(Outgoing {
        offset: unsigned(row.get(0)?),
        epoch: shared(row.get(1)?),
        at: moment(&row.get::<_, String>(2)?),
        told: usize::try_from(row.get::<_, i64>(3)?).unwrap_or(0),
        moved_from: moved_from.and_then(|text| serde_json::from_str(&text).ok()),
        alert: shared(row.get(5)?),
    })
}

/// We wrote it; what somebody else wrote there counts as old.
fn moment(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap_or(Timestamp(0))
}

impl Outbox for Shelf {
    fn newest(&self) -> watch::Receiver<u64> {
        self.index.newest()
    }

    fn page(&self, after: u64, most: usize) -> Result<Vec<Outgoing>, CommitError> {
        self.read(after, most).map_err(|error| JournalError::new(&self.file, error).into())
    }

    fn delivered(&self, destination: &str, offset: u64) {
        self.index.delivered(destination, offset);
    }

    fn standing(&self, destination: &str) -> Standing {
        self.index.standing(destination)
    }
}
