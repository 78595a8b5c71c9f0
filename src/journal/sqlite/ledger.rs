//! Which batches of the event log are still needed, and by which calls. Pure.
//!
//! A call needs every batch that holds one of its events, until it is final and its messages are
//! too old to be asked for. A batch that nobody needs is deleted; one of which little is needed
//! is written again without the rest, so that a long call does not pin what went by beside it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use foldhash::HashMap;

/// A batch is written again when at most one in so many of its records is needed. Each record
/// is then copied a bounded number of times, and the log is at most so many times what is needed.
const SPARSE: u32 = 4;

/// One record of a batch.
pub(super) struct Line<'a> {
    pub call_id: &'a Arc<str>,
    pub base_offset: u64,
    pub is_start: bool,
    /// Whether the call is final with this record.
    pub is_final: bool,
}

#[derive(Debug, Default)]
pub(super) struct Ledger {
    shares: HashMap<Arc<str>, Share>,
    fills: BTreeMap<i64, Fill>,
    /// Final calls, the oldest first: offset, the call's number, its id. Some may have come back.
    finals: VecDeque<(u64, u64, Arc<str>)>,
    /// Calls that need nothing any more; the file does not know yet.
    gone: Vec<u64>,
    sparse: BTreeSet<i64>,
    /// Records of sparse batches that nobody needs.
    waste: u64,
}

/// What a call needs.
#[derive(Debug)]
struct Share {
    /// Offset before its first message: its number in all tables.
    call: u64,
    /// Batches and how many records it has in each.
    places: Vec<(i64, u32)>,
    final_offset: Option<u64>,
}

#[derive(Debug, Default)]
struct Fill {
    records: u32,
    needed: u32,
}

/// What is to be done to the file.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Work {
    /// Calls to strike off the list.
    pub gone: Vec<u64>,
    /// Batches to delete.
    pub unneeded: Vec<i64>,
    /// Batches to write again.
    pub sparse: Vec<i64>,
}

impl Ledger {
    /// The number of the call that now has this id.
    pub fn call(&self, call_id: &str) -> Option<u64> {
        self.shares.get(call_id).map(|share| share.call)
    }

    /// Whether the record at that offset counts.
    pub fn needs(&self, call_id: &str, base_offset: u64) -> bool {
        self.call(call_id).is_some_and(|call| call <= base_offset)
    }

    /// Takes in one record of `batch`; batches come in order.
    pub fn add(&mut self, batch: i64, line: &Line<'_>) {
        if line.is_start {
            // An earlier call of this id can not come back.
            self.drop_share(line.call_id);
            let share = Share { call: line.base_offset, places: Vec::new(), final_offset: None };
            self.shares.insert(Arc::clone(line.call_id), share);
        }
        let Some(share) = self.shares.get_mut(line.call_id) else {
            return self.add_remains(batch);
        };
        let fill = self.fills.entry(batch).or_default();
        fill.records += 1;
        fill.needed += 1;
        match share.places.last_mut() {
            Some((last, count)) if *last == batch => *count += 1,
            _ => share.places.push((batch, 1)),
        }
        share.final_offset = None;
        if line.is_final {
            let call = share.call;
            self.finish(line.call_id, call, line.base_offset);
        }
    }

    /// Takes in a record of `batch` that nobody needs.
    pub fn add_remains(&mut self, batch: i64) {
        self.fills.entry(batch).or_default().records += 1;
        self.waste += u64::from(self.sparse.contains(&batch));
    }

    /// Says that a batch is complete, so that it may be found sparse.
    pub fn settle(&mut self, batch: i64) {
        let fill = self.fills.entry(batch).or_default();
        if fill.is_sparse() && self.sparse.insert(batch) {
            self.waste += fill.waste();
        }
    }

    /// The call is final since that offset.
    pub fn finish(&mut self, call_id: &Arc<str>, call: u64, offset: u64) {
        if let Some(share) = self.shares.get_mut(call_id).filter(|share| share.call == call) {
            share.final_offset = Some(offset);
            self.finals.push_back((offset, call, Arc::clone(call_id)));
        }
    }

    /// Lets go of calls that were final by `offset`.
    pub fn release(&mut self, offset: u64) {
        while self.finals.front().is_some_and(|(at, ..)| *at < offset)
            && let Some((at, call, call_id)) = self.finals.pop_front()
        {
            let share = self.shares.get(&call_id);
            if share.is_some_and(|share| share.call == call && share.final_offset == Some(at)) {
                self.drop_share(&call_id);
            }
        }
    }

    fn drop_share(&mut self, call_id: &Arc<str>) {
        let Some(share) = self.shares.remove(call_id) else { return };
        self.gone.push(share.call);
        for (batch, count) in share.places {
            let Some(fill) = self.fills.get_mut(&batch) else { continue };
            fill.needed -= count;
            if self.sparse.contains(&batch) {
                self.waste += u64::from(count);
            } else if fill.is_sparse() {
                self.sparse.insert(batch);
                self.waste += fill.waste();
            }
        }
    }

    /// Records that could go.
    pub fn waste(&self) -> u64 {
        self.waste
    }

    /// Whether anything is to be done.
    pub fn is_idle(&self) -> bool {
        self.gone.is_empty() && self.unneeded_or_sparse().next().is_none()
    }

    /// The newest batch stays: it tells how far the offsets have come.
    fn unneeded_or_sparse(&self) -> impl Iterator<Item = (i64, &Fill)> {
        let newest = self.fills.last_key_value().map_or(i64::MAX, |(batch, _)| *batch);
        let old = self.sparse.range(..newest);
        old.filter_map(|batch| Some((*batch, self.fills.get(batch)?)))
    }

    /// A piece of the work, of at most so many records.
    pub fn work(&self, most_records: u64) -> Work {
        let mut work = Work { gone: self.gone.clone(), ..Work::default() };
        let mut records = 0;
        for (batch, fill) in self.unneeded_or_sparse() {
            match fill.needed {
                0 => work.unneeded.push(batch),
                _ => work.sparse.push(batch),
            }
            records += u64::from(fill.records);
            if records >= most_records {
                break;
            }
        }
        work
    }

    /// The work is done and durable.
    pub fn done(&mut self, work: &Work) {
        self.gone.drain(..work.gone.len());
        for batch in &work.unneeded {
            self.spare(*batch);
            self.fills.remove(batch);
        }
        for batch in &work.sparse {
            self.spare(*batch);
            if let Some(fill) = self.fills.get_mut(batch) {
                fill.records = fill.needed;
            }
        }
    }

    /// Leaves a batch as it is.
    pub fn spare(&mut self, batch: i64) {
        if self.sparse.remove(&batch) {
            self.waste -= self.fills.get(&batch).map_or(0, Fill::waste);
        }
    }
}

impl Fill {
    fn waste(&self) -> u64 {
        u64::from(self.records - self.needed)
    }

    fn is_sparse(&self) -> bool {
        self.needed * SPARSE <= self.records
    }
}
