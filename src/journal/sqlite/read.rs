//! Reading the journal back at the start.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rusqlite::params;

use super::batch::Batch;
use super::error::OpenError;
use super::{Sqlite, line, rulesets, shared, unsigned};
use crate::journal::{History, Record};

/// A row of `log_calls`.
struct Listed {
    call: u64,
    call_id: Arc<str>,
    final_offset: Option<u64>,
}

impl Sqlite {
    /// Everything that counts, and the ledger of it.
    pub(super) fn read_history(&mut self, ended_calls: usize) -> Result<History, OpenError> {
        let listed = self.listed_calls()?;
        let numbers: HashSet<u64> = listed.iter().map(|listed| listed.call).collect();
        let mut begun: HashSet<Arc<str>> = HashSet::new();
        let mut records: Vec<Record> = Vec::new();
        let sql = "SELECT last_offset, crc, unseal('batches/' || batch, events), batch
            FROM batches ORDER BY batch";
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let number: i64 = row.get(3)?;
            let batch = Batch::read(row)?;
            for record in batch.decode().map_err(|why| damaged(number, why))? {
                let record = record.map_err(|why| damaged(number, why))?;
                if record.is_start() {
                    // Remains of a call that needs nothing any more may begin before, or be
                    // followed by, another call of the same id.
                    match numbers.contains(&record.base_offset) {
                        true => begun.insert(Arc::clone(&record.call_id)),
                        false => begun.remove(&record.call_id),
                    };
                }
                if begun.contains(&record.call_id) {
                    self.ledger.add(number, &line(&record));
                    records.push(record);
                } else {
                    self.ledger.add_remains(number);
                }
            }
            self.ledger.settle(number);
        }
        drop(rows);
        drop(statement);
        self.finish_listed(listed)?;
        let ended = self.ended(ended_calls)?;
        let rulesets = rulesets::read(&self.connection)?;
        Ok(History { records, ended, rulesets, same_engine: self.same_engine })
    }

    /// The calls whose events count.
    fn listed_calls(&self) -> Result<Vec<Listed>, OpenError> {
        let sql = "SELECT call, call_id, final_offset FROM log_calls";
        let mut statement = self.connection.prepare(sql)?;
        let rows = statement.query_map([], |row| {
            let final_offset: Option<i64> = row.get(2)?;
            Ok(Listed {
                call: unsigned(row.get(0)?),
                call_id: shared(row.get(1)?),
                final_offset: final_offset.map(unsigned),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Lets the ledger know which calls are final, the oldest first.
    fn finish_listed(&mut self, listed: Vec<Listed>) -> Result<(), OpenError> {
        let mut finals: Vec<_> = Vec::new();
        for Listed { call, call_id, final_offset } in listed {
            match (self.ledger.call(&call_id), final_offset) {
                (Some(own), Some(offset)) if own == call => finals.push((offset, call, call_id)),
                (Some(own), _) if own >= call => {}
                _ => {
                    let why = format!("call `{call_id}` is open, but its start is missing");
                    return Err(OpenError::Damaged(why));
                }
            }
        }
        finals.sort_unstable();
        for (offset, call, call_id) in finals {
            self.ledger.finish(&call_id, call, offset);
        }
        Ok(())
    }

    /// The newest calls ended by `call_end` that are not in the log, the oldest first.
    fn ended(&self, most: usize) -> Result<Vec<(Arc<str>, u64)>, OpenError> {
        let sql = "SELECT call_id, last_seq, call FROM calls WHERE ended_for_good
            ORDER BY call DESC LIMIT ?1";
        let mut statement = self.connection.prepare(sql)?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let mut rows = statement.query(params![most])?;
        let mut known: HashMap<Arc<str>, u64> = HashMap::new();
        let mut ended = Vec::new();
        while let Some(row) = rows.next()? {
            let call_id = shared(row.get(0)?);
            // Of two calls of one id the newer counts, and so does one in the log.
            if self.ledger.call(&call_id).is_none() && !known.contains_key(&call_id) {
                known.insert(Arc::clone(&call_id), unsigned(row.get(2)?));
                ended.push((call_id, unsigned(row.get(1)?)));
            }
        }
        ended.reverse();
        Ok(ended)
    }
}

fn damaged(batch: i64, why: impl std::fmt::Display) -> OpenError {
    OpenError::Damaged(format!("batch {batch} of its events: {why}"))
}
