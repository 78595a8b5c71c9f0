//! What waits for destinations outside: alerts that changed, in the order of their offsets.
//!
//! An alert is put in by the commit that gives its message an offset, so nothing leaves before its
//! commit and nothing is forgotten by a crash. How far each destination has come is written with
//! time: after a crash a destination gets a little of what it had once more.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{CommitError, Record};
use crate::call::Timestamp;
use crate::engine::alert::Alert;

/// An alert that an event changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Place of its message among those of the event, from 1.
    pub place: u64,
    /// Entries of its history that earlier messages have told already.
    pub told: usize,
    /// Queue and team before, when its call moved.
    pub moved_from: Option<Keys>,
    /// The alert after it.
    pub alert: Arc<Alert>,
}

/// What of a call says whose it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keys {
    /// Queue.
    pub queue: Option<String>,
    /// Team.
    pub team: Option<String>,
}

/// A change as it waits.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// Offset of its message.
    pub offset: u64,
    /// Names the history that the offset is of.
    pub epoch: Arc<str>,
    /// When it happened.
    pub at: Timestamp,
    /// Entries of the alert's history that were told before.
    pub told: usize,
    /// Queue and team before, when its call moved.
    pub moved_from: Option<Keys>,
    /// The alert as JSON, as consoles get it.
    pub alert: Arc<str>,
}

impl Outgoing {
    /// All that a batch puts in, in the order of the offsets.
    pub(super) fn of_batch(epoch: &Arc<str>, batch: &[Record]) -> Vec<Outgoing> {
        let of = |record: &Record, change: &Change| Outgoing {
            offset: record.base_offset + change.place,
            epoch: Arc::clone(epoch),
            at: record.recorded.at,
            told: change.told,
            moved_from: change.moved_from.clone(),
            // Our own types always have a JSON form.
            alert: serde_json::to_string(&*change.alert).unwrap_or_default().into(),
        };
        let records = batch.iter();
        records
            .flat_map(|record| record.changes.iter().map(move |change| of(record, change)))
            .collect()
    }

    /// What it counts against the limit of bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.alert.len() as u64
    }
}

/// The call of an alert that waits.
pub(super) fn call_of(alert: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Of {
        call_id: String,
    }
    serde_json::from_str::<Of>(alert).ok().map(|own| own.call_id)
}

/// How a destination stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Everything up to this offset is done with.
    pub offset: u64,
    /// Changes that wait for it, those included that its filter will pass over.
    pub waiting: u64,
    /// Since when the oldest of them waits.
    pub oldest: Option<Timestamp>,
    /// Changes that went over the limits of the outbox before it had them, since the start.
    pub dropped: u64,
}

/// The way out of the journal, for those who deliver.
pub trait Outbox: Send + Sync + Debug {
    /// Says the newest offset that was put in whenever there is a newer one.
    fn newest(&self) -> watch::Receiver<u64>;

    /// At most `most` changes after that offset, in order. It reads from disk.
    ///
    /// # Errors
    /// [`CommitError`] when the storage cannot be read.
    fn page(&self, after: u64, most: usize) -> Result<Vec<Outgoing>, CommitError>;

    /// `destination` is done with everything up to `offset`. Written with time.
    fn delivered(&self, destination: &str, offset: u64);

    /// How `destination` stands.
    fn standing(&self, destination: &str) -> Standing;
}

/// How far a destination is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub name: Arc<str>,
    pub offset: u64,
    dropped: u64,
}

impl Position {
    pub fn new(name: Arc<str>, offset: u64) -> Position {
        Position { name, offset, dropped: 0 }
    }
}

/// A row of the outbox without its contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub offset: u64,
    pub at: Timestamp,
    pub bytes: u64,
}

impl Row {
    pub fn of(outgoing: &Outgoing) -> Row {
        Row { offset: outgoing.offset, at: outgoing.at, bytes: outgoing.bytes() }
    }
}

/// What is in the outbox and how far its destinations are: the part that every journal shares.
#[derive(Debug)]
pub(super) struct Index {
    held: Mutex<Held>,
    newest: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Held {
    rows: VecDeque<Row>,
    bytes: u64,
    positions: Vec<Position>,
    /// Some position has changed since it was asked for.
    moved: bool,
}

impl Index {
    /// With the rows that are there, in order, and the positions of the destinations.
    pub fn new(rows: Vec<Row>, positions: Vec<Position>) -> Index {
        let newest = rows.last().map_or(0, |row| row.offset);
        let bytes = rows.iter().map(|row| row.bytes).sum();
        let held = Held { rows: rows.into(), bytes, positions, moved: true };
        Index { held: Mutex::new(held), newest: watch::Sender::new(newest) }
    }

    /// Takes in what was committed.
    pub fn push(&self, rows: impl Iterator<Item = Row>) {
        let mut held = self.lock();
        for row in rows {
            held.bytes += row.bytes;
            held.rows.push_back(row);
        }
        let newest = held.rows.back().map(|row| row.offset);
        drop(held);
        if let Some(newest) = newest {
            self.newest.send_replace(newest);
        }
    }

    pub fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    pub fn delivered(&self, destination: &str, offset: u64) {
        let mut held = self.lock();
        let own = held.positions.iter_mut().find(|position| *position.name == *destination);
        if let Some(position) = own.filter(|position| position.offset < offset) {
            position.offset = offset;
            held.moved = true;
        }
    }

    pub fn standing(&self, destination: &str) -> Standing {
        let held = self.lock();
        let own = held.positions.iter().find(|position| *position.name == *destination);
        let Some(&Position { offset, dropped, .. }) = own else { return Standing::default() };
        let first = held.rows.partition_point(|row| row.offset <= offset);
        let oldest = held.rows.get(first).map(|row| row.at);
        Standing { offset, waiting: (held.rows.len() - first) as u64, oldest, dropped }
    }

    /// What is to be written: the positions, and up to which offset rows can go, because every
    /// destination has them or they are over the limits. `None` when nothing has changed.
    pub fn due(&self, before: Option<Timestamp>, most_bytes: u64) -> Option<(Vec<Position>, u64)> {
        let held = &mut *self.lock();
        let mut gone = held.positions.iter().map(|position| position.offset).min().unwrap_or(0);
        let mut left = held.bytes;
        for row in &held.rows {
            let too_old = before.is_some_and(|before| row.at < before);
            if row.offset > gone && !too_old && left <= most_bytes {
                break;
            }
            gone = gone.max(row.offset);
            left -= row.bytes;
        }
        let any_goes = held.rows.front().is_some_and(|row| row.offset <= gone);
        if !held.moved && !any_goes {
            return None;
        }
        held.moved = false;
        Some((held.positions.clone(), gone))
    }

    /// Rows up to that offset are gone. Says how many some destination has not had.
    pub fn gone(&self, offset: u64) -> u64 {
        let held = &mut *self.lock();
        let mut lost = 0;
        while let Some(row) = held.rows.front().copied().filter(|row| row.offset <= offset) {
            held.rows.pop_front();
            held.bytes -= row.bytes;
            let mut missed = false;
            for position in held.positions.iter_mut().filter(|own| own.offset < row.offset) {
                position.dropped += 1;
                missed = true;
            }
            lost += u64::from(missed);
        }
        lost
    }

    /// Names of the destinations.
    pub fn names(&self) -> Vec<Arc<str>> {
        self.lock().positions.iter().map(|position| Arc::clone(&position.name)).collect()
    }

    /// Rows that were taken out, whoever still waited for them.
    pub fn remove(&self, offsets: &[u64]) {
        let held = &mut *self.lock();
        let stays = |row: &Row| !offsets.contains(&row.offset);
        held.rows.retain(stays);
        held.bytes = held.rows.iter().map(|row| row.bytes).sum();
    }

    /// What was said to be due could not be written.
    pub fn try_again(&self) {
        self.lock().moved = true;
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        // Whoever panicked left numbers that are still of use.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
