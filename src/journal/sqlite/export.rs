//! Saving what can be read, also from a damaged file, as JSON Lines.

use std::io::Write;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use serde_json::{Map, Value, json};

use super::batch::Batch;
use super::error::OpenError;
use super::seal::Seal;
use super::{JournalError, open, schema};

/// What was saved and what could not be.
#[derive(Debug, Default)]
pub struct Exported {
    /// Calls from the tables.
    pub calls: u64,
    /// Events of the log.
    pub events: u64,
    /// What could not be read, one sentence each.
    pub lost: Vec<String>,
}

/// Writes each call of the tables as one line, with its transcript and alerts, then each event
/// of the log: first the calls `{"call_id",…,"transcript","alerts"}`, then `{"event":{…}}`.
///
/// # Errors
/// [`JournalError`] when nothing can be read or `out` cannot be written.
pub fn export(file: &Path, seal: &Seal, out: &mut dyn Write) -> Result<Exported, JournalError> {
    let mut run = || -> Result<Exported, OpenError> {
        let connection = open::to_save(file, seal)?;
        // Lets SQLite read a file that is shorter than it should be.
        connection.pragma_update(None, "writable_schema", true)?;
        schema::version(&connection)?;
        seal.check(&connection)?;
        let mut exported = Exported::default();
        calls(&connection, out, &mut exported)?;
        events(&connection, out, &mut exported)?;
        Ok(exported)
    };
    run().map_err(|error| JournalError::new(file, error))
}

fn calls(
    connection: &Connection,
    out: &mut dyn Write,
    exported: &mut Exported,
) -> Result<(), OpenError> {
    let mut write = |row: Map<String, Value>| -> Result<(), OpenError> {
        let mut call = row;
        let number = call.get("call").and_then(Value::as_i64).unwrap_or_default();
        let transcript = "SELECT *, unseal('transcript/' || call || '/' || seq, text) AS text
            FROM transcript WHERE call = ?1 ORDER BY seq";
        let alerts = "SELECT unseal('alerts/' || call || '/' || alert_id, alert) AS alert
            FROM alerts WHERE call = ?1";
        for (name, sql) in [("transcript", transcript), ("alerts", alerts)] {
            let (rows, lost) = read_some(connection, sql, number);
            let rows = rows.into_iter().map(|mut row| {
                row.remove("call");
                row.remove("alert").unwrap_or(Value::Object(row))
            });
            call.insert(name.into(), rows.collect());
            if let Some(why) = lost {
                let id = call.get("call_id").and_then(Value::as_str).unwrap_or_default();
                exported.lost.push(format!("call `{id}`: part of its {name}: {why}"));
            }
        }
        exported.calls += 1;
        Ok(writeln!(out, "{}", Value::Object(call))?)
    };
    let lost = both_ways(connection, "calls", "call", &mut write)?;
    exported.lost.extend(lost);
    Ok(())
}

fn events(
    connection: &Connection,
    out: &mut dyn Write,
    exported: &mut Exported,
) -> Result<(), OpenError> {
    let mut damaged = Vec::new();
    let mut write = |row: Map<String, Value>| -> Result<(), OpenError> {
        let number = |name| row.get(name).and_then(Value::as_i64).unwrap_or_default();
        let text = row.get("events").and_then(Value::as_str).unwrap_or_default();
        let crc = u32::try_from(number("crc")).unwrap_or_default();
        let batch = Batch { last_offset: number("last_offset"), crc, events: text.to_owned() };
        if let Err(why) = batch.check() {
            damaged.push(format!("batch {}: {why}, some of it may be, too", number("batch")));
        }
        for line in text.lines() {
            if let Ok(event) = serde_json::from_str::<Value>(line) {
                exported.events += 1;
                writeln!(out, "{}", json!({"event": event}))?;
            }
        }
        Ok(())
    };
    let lost = both_ways(connection, "batches", "batch", &mut write)?;
    exported.lost.extend(damaged.into_iter().chain(lost));
    Ok(())
}

/// Reads a table from its start to the first row that cannot be read, then from its end back to
/// there. Says what is between.
fn both_ways(
    connection: &Connection,
    table: &str,
    key: &str,
    take: &mut dyn FnMut(Map<String, Value>) -> Result<(), OpenError>,
) -> Result<Option<String>, OpenError> {
    let mut newest = i64::MIN;
    let mut lost = None;
    for order in ["ASC", "DESC"] {
        // A later column of the same name takes the place of the one before.
        let unsealed = match table {
            "batches" => ", unseal('batches/' || batch, events) AS events",
            _ => "",
        };
        let sql =
            format!("SELECT *{unsealed} FROM {table} WHERE {key} > ?1 ORDER BY {key} {order}");
        let mut read = || -> Result<(), OpenError> {
            let mut statement = connection.prepare(&sql)?;
            let mut rows = statement.query([newest])?;
            while let Some(row) = rows.next()? {
                let row = object(row)?;
                if order == "ASC" {
                    newest = row.get(key).and_then(Value::as_i64).unwrap_or(newest);
                }
                take(row)?;
            }
            Ok(())
        };
        match read() {
            Ok(()) => break,
            Err(OpenError::Io(error)) => return Err(error.into()),
            Err(error) => lost = Some(format!("rows of {table}: {error}")),
        }
    }
    Ok(lost)
}

/// Rows until the first that cannot be read.
fn read_some(
    connection: &Connection,
    sql: &str,
    call: i64,
) -> (Vec<Map<String, Value>>, Option<OpenError>) {
    let mut read = Vec::new();
    let mut all = || -> Result<(), OpenError> {
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([call])?;
        while let Some(row) = rows.next()? {
            read.push(object(row)?);
        }
        Ok(())
    };
    let lost = all().err();
    (read, lost)
}

/// A row by the names of its columns; what is JSON comes out as such.
fn object(row: &Row<'_>) -> Result<Map<String, Value>, OpenError> {
    let mut object = Map::new();
    for (place, name) in row.as_ref().column_names().enumerate() {
        let value = match row.get_ref(place)? {
            ValueRef::Null | ValueRef::Blob(_) => Value::Null,
            ValueRef::Integer(number) => number.into(),
            ValueRef::Real(number) => number.into(),
            ValueRef::Text(text) => {
                let text = String::from_utf8_lossy(text);
                match name {
                    "attributes" | "outcome" | "highlights" | "acts" | "alert" => {
                        serde_json::from_str(&text).unwrap_or_else(|_| text.into())
                    }
                    _ => text.into(),
                }
            }
        };
        object.insert(name.to_owned(), value);
    }
    Ok(object)
}
