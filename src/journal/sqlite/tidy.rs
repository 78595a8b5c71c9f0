//! Housekeeping in small steps between commits: what nobody needs goes, pages are used again.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, TransactionBehavior, params};

use super::batch::Batch;
use super::error::OpenError;
use super::ledger::{Ledger, Work};
use super::{Sqlite, int, rulesets};
use crate::call::Timestamp;

/// Wasted records after which a step is worth its fsync at once.
const WASTE: u64 = 16_384;
/// Records whose batches one step touches.
const STEP_RECORDS: u64 = 8_192;
/// Time between steps while little is wasted, and between looks at age and size.
const PAUSE: Duration = Duration::from_secs(1);
/// Time that one step may drop ended calls.
const STEP: Duration = Duration::from_millis(10);
/// Ended calls dropped at a time.
const CALLS: i64 = 20;

impl Sqlite {
    /// One step of whatever is due.
    pub(super) fn tidy_up(&mut self) -> Result<(), OpenError> {
        self.checkpoints.step(&self.connection)?;
        self.ledger.release(self.last_offset.saturating_sub(self.settings.history_messages));
        let rested = self.tidied.elapsed() >= PAUSE;
        if (rested || self.ledger.waste() >= WASTE) && !self.ledger.is_idle() {
            self.compact()?;
        }
        if self.over_limits || self.used_bytes == 0 || self.retained.elapsed() >= PAUSE {
            self.retained = Instant::now();
            self.used_bytes = used_bytes(&self.connection)?;
            self.over_limits = self.retain()?;
        }
        if self.outbox_tidied.elapsed() >= PAUSE {
            self.tidy_outbox()?;
        }
        Ok(())
    }

    /// Writes how far destinations are, and drops what none of them needs or may have any more.
    pub(super) fn tidy_outbox(&mut self) -> Result<(), OpenError> {
        self.outbox_tidied = Instant::now();
        let Some(shelf) = &self.outbox else { return Ok(()) };
        let before =
            moment_before(Duration::from_secs(u64::from(self.settings.outbox_hours) * 3_600));
        shelf.tidy(&mut self.connection, before, self.settings.outbox_bytes)
    }

    /// One step of work on the event log.
    pub(super) fn compact(&mut self) -> Result<(), OpenError> {
        self.tidied = Instant::now();
        let work = self.ledger.work(STEP_RECORDS);
        write(&mut self.connection, &mut self.ledger, &work)?;
        self.ledger.done(&work);
        Ok(())
    }

    /// Drops the oldest ended calls over the limits of age and size for a moment. Says whether
    /// more is to be dropped.
    fn retain(&mut self) -> Result<bool, OpenError> {
        let began = Instant::now();
        while began.elapsed() < STEP {
            let most = self.settings.max_bytes;
            let too_large = most > 0 && used_bytes(&self.connection)? > most;
            if drop_oldest(&mut self.connection, self.settings.keep_days, too_large)? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Does the work on the event log, all of it or nothing.
fn write(connection: &mut Connection, ledger: &mut Ledger, work: &Work) -> Result<(), OpenError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for call in &work.gone {
        let sql = "DELETE FROM log_calls WHERE call = ?1";
        transaction.prepare_cached(sql)?.execute([int(*call)])?;
    }
    if !work.gone.is_empty() {
        rulesets::drop_unneeded(&transaction)?;
    }
    for batch in &work.unneeded {
        transaction.prepare_cached("DELETE FROM batches WHERE batch = ?1")?.execute([batch])?;
    }
    for number in &work.sparse {
        let sql = "SELECT last_offset, crc, unseal('batches/' || batch, events)
            FROM batches WHERE batch = ?1";
        let batch = transaction.prepare_cached(sql)?.query_row([number], Batch::read)?;
        let kept = match batch.filter(|call_id, offset| ledger.needs(call_id, offset)) {
            Ok(kept) => kept,
            Err(why) => {
                // What is damaged stays as it is, for `journal export` and for eyes.
                ledger.spare(*number);
                return Err(OpenError::Damaged(format!("batch {number} of its events: {why}")));
            }
        };
        let sql = "UPDATE batches SET events = seal('batches/' || ?1, ?2), crc = ?3
            WHERE batch = ?1";
        transaction.prepare_cached(sql)?.execute(params![number, kept.events, kept.crc])?;
    }
    Ok(transaction.commit()?)
}

/// Bytes of pages in use. Free pages are used again, so the file never needs VACUUM.
fn used_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let pages = number("page_count")? - number("freelist_count")?;
    Ok(super::unsigned(pages * number("page_size")?))
}

/// Drops a few of the oldest ended calls that are too old, or any while there is no room.
fn drop_oldest(
    connection: &mut Connection,
    keep_days: u32,
    too_large: bool,
) -> Result<usize, OpenError> {
    let oldest = too_old(keep_days);
    if oldest.is_none() && !too_large {
        return Ok(0);
    }
    let calls: Vec<i64> = {
        let sql = "SELECT call FROM (SELECT call, ended_at FROM calls WHERE is_final
            ORDER BY call LIMIT ?1) WHERE ?2 OR ended_at < ?3";
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement.query_map(params![CALLS, too_large, oldest], |row| row.get(0))?;
        rows.collect::<Result<_, _>>()?
    };
    if calls.is_empty() {
        return Ok(0);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for call in &calls {
        for table in ["calls", "transcript", "alerts", "alert_events"] {
            let sql = format!("DELETE FROM {table} WHERE call = ?1");
            transaction.prepare_cached(&sql)?.execute([call])?;
        }
    }
    transaction.commit()?;
    tracing::debug!(calls = calls.len(), too_large, "dropped the oldest ended calls");
    Ok(calls.len())
}

/// The moment before which an ended call is too old.
fn too_old(keep_days: u32) -> Option<String> {
    let days = Duration::from_secs(u64::from(keep_days) * 86_400);
    moment_before(days).map(|moment| moment.to_string())
}

/// The moment so long ago; `None` for 0, which sets no limit.
fn moment_before(ago: Duration) -> Option<Timestamp> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    let then = now.checked_sub(ago).filter(|_| !ago.is_zero())?;
    Some(Timestamp(i64::try_from(then.as_millis()).ok()?))
}
