//! A journal that forgets: for `demo`, for tests, and for servers without a data directory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::outbox::{Index, Position, Row, call_of};
use super::{
    CommitError, Erase, Erased, History, Journal, Outbox, Outgoing, Record, Standing, fresh_epoch,
};

/// Most bytes of alerts that wait for destinations; over it the oldest go unsent.
const OUTBOX_BYTES: u64 = 16 << 20;

/// Keeps nothing but what waits for destinations. Every start is a new epoch, so consoles know to
/// take the full picture.
#[derive(Debug)]
pub struct Memory {
    epoch: Arc<str>,
    outbox: Option<Arc<Shelf>>,
}

impl Default for Memory {
    fn default() -> Memory {
        Memory { epoch: fresh_epoch().into(), outbox: None }
    }
}

impl Journal for Memory {
    fn epoch(&self) -> &str {
        &self.epoch
    }

    fn last_offset(&self) -> u64 {
        0
    }

    fn commit(&mut self, batch: &[Record], _last_offset: u64) -> Result<(), CommitError> {
        if let Some(outbox) = &self.outbox {
            outbox.take_in(Outgoing::of_batch(&self.epoch, batch));
        }
        Ok(())
    }

    fn open_outbox(
        &mut self,
        destinations: &[Arc<str>],
    ) -> Result<Option<Arc<dyn Outbox>>, CommitError> {
        let positions = destinations.iter().map(|name| Position::new(Arc::clone(name), 0));
        let index = Index::new(Vec::new(), positions.collect());
        let shelf = Arc::new(Shelf { index, waiting: Mutex::default() });
        self.outbox = (!destinations.is_empty()).then(|| Arc::clone(&shelf));
        Ok(Some(shelf))
    }

    fn erase(&mut self, erase: &Erase) -> Result<Erased, CommitError> {
        let mut erased = Erased::default();
        if let Some(outbox) = &self.outbox {
            erased.destinations = outbox.index.names();
            erased.waiting = outbox.erase(&erase.call_ids);
        }
        Ok(erased)
    }

    fn read_back(&mut self, _ended_calls: usize) -> Result<History, CommitError> {
        Ok(History::default())
    }
}

/// What waits, with its contents.
#[derive(Debug)]
struct Shelf {
    index: Index,
    waiting: Mutex<VecDeque<Outgoing>>,
}

impl Shelf {
    fn take_in(&self, outgoing: Vec<Outgoing>) {
        if outgoing.is_empty() {
            return;
        }
        let rows: Vec<Row> = outgoing.iter().map(Row::of).collect();
        self.lock().extend(outgoing);
        self.index.push(rows.into_iter());
        let Some((_, gone)) = self.index.due(None, OUTBOX_BYTES) else { return };
        let mut waiting = self.lock();
        let first = waiting.partition_point(|one| one.offset <= gone);
        waiting.drain(..first);
        drop(waiting);
        let lost = self.index.gone(gone);
        if lost > 0 {
            tracing::warn!(alerts = lost, "too many alerts wait: the oldest are dropped");
        }
    }

    /// Takes out what waits of some calls; says how many messages.
    fn erase(&self, call_ids: &[Arc<str>]) -> u64 {
        let of_those = |one: &Outgoing| {
            call_of(&one.alert).is_some_and(|own| call_ids.iter().any(|id| **id == own))
        };
        let mut waiting = self.lock();
        let gone: Vec<u64> =
            waiting.iter().filter(|one| of_those(one)).map(|one| one.offset).collect();
        waiting.retain(|one| !gone.contains(&one.offset));
        self.index.remove(&gone);
        gone.len() as u64
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Outgoing>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outbox for Shelf {
    fn newest(&self) -> watch::Receiver<u64> {
        self.index.newest()
    }

    fn page(&self, after: u64, most: usize) -> Result<Vec<Outgoing>, CommitError> {
        let waiting = self.lock();
        let first = waiting.partition_point(|one| one.offset <= after);
        Ok(waiting.iter().skip(first).take(most).cloned().collect())
    }

    fn delivered(&self, destination: &str, offset: u64) {
        self.index.delivered(destination, offset);
    }

    fn standing(&self, destination: &str) -> Standing {
        self.index.standing(destination)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Timestamp;
    use crate::engine::event::{CallStart, Event, Recorded};
    use crate::engine::{CallState, Engine};
    use crate::journal::Change;

    /// A record with an alert of a good mebibyte.
    fn large(engine: &Engine, base_offset: u64) -> Record {
        let start = CallStart { call_id: "c".into(), ..CallStart::default() };
        let (mut state, _) = CallState::open(engine, start, Timestamp(0));
        let event = Event::RaiseHand { by: "ana".into(), note: Some("x".repeat(1 << 20)) };
        let alert = state.apply(engine, &event, Timestamp(0)).alerts.remove(0);
        let changes = vec![Change { place: 1, told: 0, moved_from: None, alert: Arc::new(alert) }];
        let recorded = Recorded { at: Timestamp(0), event, held: Vec::new() };
        let call_id = "c".into();
        Record { base_offset, changes, ..Record::new(call_id, recorded) }
    }

    #[test]
    fn what_waits_is_bounded() {
        let engine = Engine::with_model(None, Default::default()).unwrap();
        let mut journal = Memory::default();
        journal.commit(&[large(&engine, 0)], 1).unwrap();
        let outbox = journal.open_outbox(&["one".into()]).unwrap().unwrap();
        assert_eq!(outbox.standing("one").waiting, 0, "nobody wanted it");
        for offset in 1..=20 {
            journal.commit(&[large(&engine, offset)], offset + 1).unwrap();
        }
        let page = outbox.page(0, 100).unwrap();
        let bytes: u64 = page.iter().map(Outgoing::bytes).sum();
        assert!(bytes <= OUTBOX_BYTES && bytes > OUTBOX_BYTES / 2, "{bytes}");
        assert_eq!(page.last().unwrap().offset, 21);
        let standing = outbox.standing("one");
        assert_eq!(standing.waiting, page.len() as u64);
        assert_eq!(standing.waiting + standing.dropped, 20);
        // What everybody has goes with the next that comes.
        outbox.delivered("one", 21);
        journal.commit(&[large(&engine, 21)], 22).unwrap();
        assert_eq!(outbox.page(0, 100).unwrap().len(), 1);
    }
}
