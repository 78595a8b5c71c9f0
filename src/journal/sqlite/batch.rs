//! A group of records as one value of the event log: JSON Lines with a checksum.

use rusqlite::Row;
use serde::Deserialize;

use crate::journal::Record;

/// A row of the log, without its number.
#[derive(Debug, PartialEq)]
pub(super) struct Batch {
    pub last_offset: i64,
    pub events: String,
    pub crc: u32,
}

impl Batch {
    fn of(last_offset: i64, events: String) -> Batch {
        let crc = crc(last_offset, &events);
        Batch { last_offset, events, crc }
    }

    /// A row read with `SELECT last_offset, crc, events`.
    pub fn read(row: &Row<'_>) -> rusqlite::Result<Batch> {
        Ok(Batch { last_offset: row.get(0)?, crc: row.get(1)?, events: row.get(2)? })
    }

    /// Its records in order.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn decode(&self) -> Result<impl Iterator<Item = Result<Record, String>>, String> {
        self.check()?;
        Ok(self.events.lines().map(|line| serde_json::from_str(line).map_err(unreadable)))
    }

    /// The same without the records (id, offset) that `keep` does not want.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn filter(&self, mut keep: impl FnMut(&str, u64) -> bool) -> Result<Batch, String> {
        self.check()?;
        let mut kept = String::new();
        for line in self.events.split_inclusive('\n') {
            let head: Head<'_> = serde_json::from_str(line).map_err(unreadable)?;
            if keep(&head.call_id, head.base_offset) {
                kept.push_str(line);
            }
        }
        Ok(Batch::of(self.last_offset, kept))
    }

    pub fn check(&self) -> Result<(), String> {
        match crc(self.last_offset, &self.events) == self.crc {
            true => Ok(()),
            false => Err("the checksum of a batch of events is wrong".into()),
        }
    }
}

/// What a line says of itself; the rest is not read.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    call_id: std::borrow::Cow<'a, str>,
    base_offset: u64,
}

/// Without the words of the error, which may quote those of the call.
fn unreadable(error: serde_json::Error) -> String {
    let (what, column) = (error.classify(), error.column());
    format!("an event cannot be read ({what:?} error at column {column})")
}

/// CRC-32: tells a bit that fell over, which SQLite alone does not.
fn crc(last_offset: i64, events: &str) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(&last_offset.to_le_bytes());
    crc.update(events.as_bytes());
    crc.sum()
}

/// # Errors
/// A sentence, for a record that JSON cannot hold.
pub(super) fn encode(records: &[Record], last_offset: i64) -> Result<Batch, String> {
    let mut bytes = Vec::with_capacity(records.len() * 256);
    for record in records {
        serde_json::to_writer(&mut bytes, record).map_err(|error| error.to_string())?;
        bytes.push(b'\n');
    }
    let events = String::from_utf8(bytes).map_err(|error| error.to_string())?;
    Ok(Batch::of(last_offset, events))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Timestamp;
    use crate::engine::event::{Event, Recorded};

    fn record(call: &str, base_offset: u64) -> Record {
        let event = Event::Refused { seq: base_offset, code: "bad\nline \"é\"".into() };
        let recorded = Recorded { at: Timestamp(1_700_000_000_123), event, held: Vec::new() };
        Record { base_offset, ..Record::new(call.into(), recorded) }
    }

    #[test]
    fn a_batch_comes_back_as_it_was() {
        let records = vec![record("a", 1), record("b\n\"", 1), record("a", 2)];
        let mut batch = encode(&records, 7).unwrap();
        let back: Vec<_> = batch.decode().unwrap().collect::<Result<_, _>>().unwrap();
        assert_eq!(back, records);
        batch.events = batch.events.replace("bad", "bat");
        assert!(batch.decode().is_err());
    }

    #[test]
    fn a_filtered_batch_keeps_the_order() {
        let records = vec![record("a", 1), record("b", 1), record("a", 3), record("b", 4)];
        let batch = encode(&records, 9).unwrap();
        let kept = batch.filter(|call, offset| call == "b" || offset > 2).unwrap();
        assert_eq!(kept, encode(&records[1..], 9).unwrap());
    }
}
