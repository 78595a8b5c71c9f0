//! Looking for damage, in a journal that may be in use.

use std::collections::HashSet;
use std::path::Path;

use rusqlite::Connection;
use serde::Serialize;

use super::batch::Batch;
use super::error::OpenError;
use super::seal::Seal;
use super::{JournalError, open, schema, unsigned};

/// Problems told of at most; a broken page can make thousands.
const MAX_PROBLEMS: usize = 20;

/// What a journal holds and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Findings {
    /// Schema of the tables.
    pub schema: usize,
    /// Name of its history.
    pub epoch: String,
    /// The newest offset.
    pub last_offset: u64,
    /// Calls whose events are in the log: open ones and those just ended.
    pub log_calls: u64,
    /// Rows of the log.
    pub batches: u64,
    /// Events of those calls.
    pub events: u64,
    /// Calls in the tables.
    pub calls: u64,
    /// Final chunks in the tables.
    pub transcript: u64,
    /// Alerts in the tables.
    pub alerts: u64,
    /// Alert changes that wait for destinations.
    pub outbox: u64,
    /// What is wrong; empty for a sound journal.
    pub problems: Vec<String>,
}

/// Reads all of the journal in that file.
///
/// # Errors
/// [`JournalError`] when it cannot be opened at all.
pub fn check(file: &Path, seal: &Seal) -> Result<Findings, JournalError> {
    let opened = open::to_read(file, seal).and_then(|connection| {
        let schema = schema::version(&connection)?;
        seal.check(&connection)?;
        Ok((connection, schema))
    });
    let (connection, schema) = opened.map_err(|error| JournalError::new(file, error))?;
    if schema == 0 {
        let problems = vec!["it is empty".to_owned()];
        return Ok(Findings { problems, ..Findings::default() });
    }
    let mut findings = Findings { schema, ..Findings::default() };
    // Each part by itself, so that one broken page does not hide the rest.
    let parts = [
        ("pages", pages(&connection, &mut findings)),
        ("events", events(&connection, &mut findings)),
        ("tables", tables(&connection, &mut findings)),
        ("words", words(&connection, seal)),
    ];
    for (part, result) in parts {
        if let Err(error) = result {
            findings.problems.push(format!("{part}: {error}"));
        }
    }
    findings.problems.truncate(MAX_PROBLEMS);
    Ok(findings)
}

fn pages(connection: &Connection, findings: &mut Findings) -> Result<(), OpenError> {
    let mut statement = connection.prepare("PRAGMA integrity_check(20)")?;
    let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
    for line in lines {
        let line = line?;
        if line != "ok" {
            findings.problems.push(format!("pages: {}", line.replace('\n', "; ")));
        }
    }
    Ok(())
}

fn events(connection: &Connection, findings: &mut Findings) -> Result<(), OpenError> {
    let mut waiting: HashSet<u64> = {
        let mut statement = connection.prepare("SELECT call FROM log_calls")?;
        let calls = statement.query_map([], |row| row.get(0).map(unsigned))?;
        calls.collect::<Result<_, _>>()?
    };
    findings.log_calls = waiting.len() as u64;
    let sql = "SELECT last_offset, crc, unseal('batches/' || batch, events), batch
            FROM batches ORDER BY batch";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(3)?;
        let batch = Batch::read(row)?;
        findings.batches += 1;
        findings.last_offset = unsigned(batch.last_offset);
        match batch.decode().and_then(Iterator::collect::<Result<Vec<_>, _>>) {
            Ok(records) => {
                findings.events += records.len() as u64;
                for record in records.iter().filter(|record| record.is_start()) {
                    waiting.remove(&record.base_offset);
                }
            }
            Err(why) => findings.problems.push(format!("batch {number}: {why}")),
        }
    }
    if !waiting.is_empty() {
        let missing = waiting.len();
        findings.problems.push(format!("the start of {missing} open call(s) is missing"));
    }
    Ok(())
}

/// Reads all that is sealed.
fn words(connection: &Connection, seal: &Seal) -> Result<(), OpenError> {
    let transcript = "SELECT count(unseal('transcript/' || call || '/' || seq, text))
        FROM transcript";
    let alerts = "SELECT count(unseal('alerts/' || call || '/' || alert_id, alert)) FROM alerts";
    for sql in [transcript, alerts].into_iter().filter(|_| seal.is_on()) {
        connection.query_row(sql, [], |row| row.get::<_, i64>(0))?;
    }
    Ok(())
}

fn tables(connection: &Connection, findings: &mut Findings) -> Result<(), OpenError> {
    let count = |table: &str| -> Result<u64, OpenError> {
        let sql = format!("SELECT count(*) FROM {table}");
        Ok(unsigned(connection.query_row(&sql, [], |row| row.get(0))?))
    };
    findings.epoch = schema::meta(connection, "epoch")?.unwrap_or_default();
    if findings.epoch.is_empty() {
        findings.problems.push("tables: the epoch is missing".into());
    }
    findings.calls = count("calls")?;
    findings.transcript = count("transcript")?;
    findings.alerts = count("alerts")?;
    // An older journal has none.
    if findings.schema >= schema::WITH_OUTBOX {
        findings.outbox = count("outbox")?;
    }
    Ok(())
}
