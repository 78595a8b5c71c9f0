//! Erasing calls so that their words are in no page of the file any more.
//!
//! What is deleted is overwritten, free pages that may hold older copies are filled with noughts,
//! and the WAL is emptied. The file is not made anew, so it takes as long as reading the event log
//! and writing the free pages.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::batch::Batch;
use super::error::OpenError;
use super::ledger::Ledger;
use super::seal::Seal;
use super::{FILE, JournalError, Sqlite, int, outbox, shared, unsigned};
use crate::engine::event::{Attributes, Event, is_customer};
use crate::journal::{Erase, Erased};

/// Bytes of a page that content of a large value takes.
const PAGE_CONTENT: i64 = 4_092;
/// Of a large value, the bytes that stay beside its row.
const IN_ROW: i64 = 489;
/// Pages that are filled at a time.
const FILL_PAGES: i64 = 4_000;

/// The calls of some ids by their numbers, and which of them go.
#[derive(Default)]
struct Calls(BTreeMap<Arc<str>, BTreeMap<u64, bool>>);

impl Calls {
    fn add(&mut self, call_id: &Arc<str>, number: u64, goes: bool) {
        let own = self.0.entry(Arc::clone(call_id)).or_default();
        *own.entry(number).or_default() |= goes;
    }

    /// Whether the call to which an event belongs goes; one that no number tells goes with its id.
    fn goes(&self, call_id: &str, base_offset: u64) -> bool {
        self.0
            .get(call_id)
            .is_some_and(|own| own.range(..=base_offset).next_back().is_none_or(|(_, goes)| *goes))
    }

    /// Those that go.
    fn numbers(&self) -> impl Iterator<Item = (&Arc<str>, u64)> {
        let each = |(id, own): (_, &'_ BTreeMap<u64, bool>)| {
            let goes = own.iter().filter(|(_, goes)| **goes);
            goes.map(|(number, _)| (id, *number)).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(each)
    }
}

impl Sqlite {
    /// Erases calls, and says what.
    pub(super) fn erase_calls(&mut self, erase: &Erase) -> Result<Erased, OpenError> {
        let calls = self.find(erase)?;
        let mut erased = Erased::default();
        if let Some(shelf) = &self.outbox {
            erased.destinations = shelf.names();
        }
        // What is deleted here is overwritten, whatever that costs.
        self.connection.pragma_update(None, "secure_delete", "ON")?;
        let done = self.erase_found(&calls, &mut erased);
        self.connection.pragma_update(None, "secure_delete", "FAST")?;
        let offsets = done?;
        if let Some(shelf) = &self.outbox {
            shelf.forget_rows(&offsets);
        }
        self.ledger = Ledger::default();
        self.read_history(0)?;
        self.checkpoints.rest();
        scrub(&self.connection)?;
        self.used_bytes = 0;
        Ok(erased)
    }

    fn find(&self, erase: &Erase) -> Result<Calls, OpenError> {
        let mut calls = Calls::default();
        let wanted: HashSet<&str> = erase.call_ids.iter().map(|id| &**id).collect();
        for table in ["calls", "log_calls"] {
            let sql = format!("SELECT call, call_id FROM {table}");
            self.each(&sql, |call, call_id| {
                if wanted.contains(&**call_id) {
                    calls.add(call_id, call, true);
                }
            })?;
        }
        for id in &erase.call_ids {
            calls.0.entry(Arc::clone(id)).or_default();
        }
        if let Some(customer) = &erase.customer {
            self.find_customer(customer, &mut calls)?;
        }
        Ok(calls)
    }

    /// The calls of a customer, and the other calls of their ids.
    fn find_customer(&self, customer: &str, calls: &mut Calls) -> Result<(), OpenError> {
        let mut starts: Vec<(Arc<str>, u64)> = Vec::new();
        let mut statement =
            self.connection.prepare("SELECT call, call_id, attributes FROM calls")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (call_id, call) = (shared(row.get(1)?), unsigned(row.get(0)?));
            let attributes: String = row.get(2)?;
            let attributes: Attributes = serde_json::from_str(&attributes).unwrap_or_default();
            if is_customer(&attributes, customer) {
                calls.add(&call_id, call, true);
            }
            starts.push((call_id, call));
        }
        self.each_batch(|_, batch| {
            for record in batch.decode()? {
                let record = record?;
                let attributes = match &record.recorded.event {
                    Event::Start(start) => {
                        starts.push((Arc::clone(&record.call_id), record.base_offset));
                        &start.attributes
                    }
                    Event::Update(update) => &update.attributes,
                    _ => continue,
                };
                if is_customer(attributes, customer) {
                    let own = starts.iter().rev().find(|(id, number)| {
                        *id == record.call_id && *number <= record.base_offset
                    });
                    let number = own.map_or(record.base_offset, |(_, number)| *number);
                    calls.add(&record.call_id, number, true);
                }
            }
            Ok(())
        })?;
        for (call_id, number) in starts {
            if calls.0.contains_key(&call_id) {
                calls.add(&call_id, number, false);
            }
        }
        Ok(())
    }

    fn each(&self, sql: &str, mut take: impl FnMut(u64, &Arc<str>)) -> Result<(), OpenError> {
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            take(unsigned(row.get(0)?), &shared(row.get(1)?));
        }
        Ok(())
    }

    fn each_batch(
        &self,
        mut take: impl FnMut(i64, &Batch) -> Result<(), String>,
    ) -> Result<(), OpenError> {
        let sql = "SELECT last_offset, crc, unseal('batches/' || batch, events), batch
            FROM batches ORDER BY batch";
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let number: i64 = row.get(3)?;
            let batch = Batch::read(row)?;
            take(number, &batch).map_err(|why| {
                OpenError::Damaged(format!("batch {number} of its events: {why}"))
            })?;
        }
        Ok(())
    }

    /// Deletes, all of it or nothing. Gives the places in the outbox that are empty now.
    fn erase_found(&mut self, calls: &Calls, erased: &mut Erased) -> Result<Vec<u64>, OpenError> {
        let mut rewritten: Vec<(i64, Batch, u64)> = Vec::new();
        self.each_batch(|number, batch| {
            let mut gone = 0;
            let mut ids: Vec<Arc<str>> = Vec::new();
            let kept = batch.filter(|call_id, offset| {
                let goes = calls.goes(call_id, offset);
                if goes {
                    gone += 1;
                    ids.push(call_id.into());
                }
                !goes
            })?;
            ids.iter().for_each(|id| erased.add(id));
            if gone > 0 {
                rewritten.push((number, kept, gone));
            }
            Ok(())
        })?;
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (number, batch, gone) in rewritten {
            let sql = "UPDATE batches SET events = seal('batches/' || ?1, ?2), crc = ?3
            WHERE batch = ?1";
            transaction.execute(sql, params![number, batch.events, batch.crc])?;
            erased.lines += gone;
        }
        for (call_id, number) in calls.numbers() {
            let gone = drop_call(&transaction, int(number))?;
            if gone.iter().any(|rows| *rows > 0) {
                erased.add(call_id);
            }
            erased.lines += gone[1];
            erased.alerts += gone[2];
        }
        let offsets = outbox::drop_calls(&transaction, |call_id| calls.0.contains_key(call_id))?;
        erased.waiting = offsets.len() as u64;
        transaction.commit()?;
        Ok(offsets)
    }
}

/// Erases calls from the journal of `dir`, on which no server runs, and makes its file anew.
///
/// # Errors
/// [`JournalError`]; also while a server has it.
pub fn forget(dir: &Path, seal: &Seal, erase: &Erase) -> Result<Erased, JournalError> {
    let file = dir.join(FILE);
    if !file.exists() {
        let why = std::io::Error::new(std::io::ErrorKind::NotFound, "there is no journal");
        return Err(JournalError::new(&file, why));
    }
    let mut journal = Sqlite::open_as_it_is(dir, seal)?;
    let done = (|| {
        journal.read_history(0)?;
        let mut erased = journal.erase_calls(erase)?;
        let sql = "SELECT name FROM destinations ORDER BY name";
        let mut statement = journal.connection.prepare(sql)?;
        let names = statement.query_map([], |row| Ok(shared(row.get(0)?)))?;
        erased.destinations = names.collect::<Result<_, _>>()?;
        drop(statement);
        // An older binary may have left words where nothing overwrites them.
        journal.connection.execute_batch("VACUUM")?;
        scrub(&journal.connection)?;
        Ok(erased)
    })();
    done.map_err(|error: OpenError| JournalError::new(&file, error))
}

/// Deletes a call from every table; says how many rows of each.
fn drop_call(transaction: &Transaction<'_>, call: i64) -> rusqlite::Result<[u64; 5]> {
    let tables = ["calls", "transcript", "alerts", "alert_events", "log_calls"];
    let mut gone = [0; 5];
    for (rows, table) in gone.iter_mut().zip(tables) {
        *rows =
            transaction.execute(&format!("DELETE FROM {table} WHERE call = ?1"), [call])? as u64;
    }
    Ok(gone)
}

/// Fills free pages with noughts and empties the WAL: both may hold older copies.
pub(super) fn scrub(connection: &Connection) -> Result<(), OpenError> {
    let free: i64 = connection.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
    if free > 0 {
        connection.execute_batch("BEGIN IMMEDIATE; CREATE TABLE noughts (filling BLOB);")?;
        let filled = fill(connection, free - 1);
        let end = match filled {
            Ok(()) => "DROP TABLE noughts; COMMIT;",
            Err(_) => "ROLLBACK;",
        };
        connection.execute_batch(end)?;
        filled?;
    }
    // Who reads at this moment keeps the WAL for so long; the busy handler waits for them.
    let busy: i64 =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    match busy {
        0 => Ok(()),
        _ => Err(OpenError::Damaged(
            "the calls are erased, but somebody reads the file, so its WAL cannot be emptied yet; \
             end what reads it and erase them once more"
                .into(),
        )),
    }
}

fn fill(connection: &Connection, mut pages: i64) -> rusqlite::Result<()> {
    while pages > 0 {
        let own = pages.min(FILL_PAGES);
        let bytes = own * PAGE_CONTENT + IN_ROW;
        connection.execute("INSERT INTO noughts (filling) VALUES (zeroblob(?1))", [bytes])?;
        pages -= own;
    }
    Ok(())
}
