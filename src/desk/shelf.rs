//! Where calls are found: open ones, ended ones while there is room, and the memory of the rest.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::live_call::{LiveCall, SharedCall};
use super::platform::Link;
use super::{Metrics, Settings};

const SHARDS: usize = 64;

/// What is known of a call.
#[derive(Clone, Debug)]
pub(super) enum Known {
    /// Its whole state.
    Live(Arc<SharedCall>),
    /// It was ended by `call_end`, after this `seq`.
    Over(u64),
}

type Shard = HashMap<Arc<str>, Known>;

#[derive(Debug)]
pub(super) struct Shelf {
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
    open: AtomicUsize,
    max_open: usize,
    ended: Mutex<Ended>,
    kept_calls: usize,
    remembered_calls: usize,
    metrics: Metrics,
}

#[derive(Debug, Default)]
struct Ended {
    /// Ended calls that are still whole, the oldest first.
    kept: VecDeque<Arc<str>>,
    /// Calls of which only the end is known.
    remembered: VecDeque<Arc<str>>,
}

impl Shelf {
    pub fn new(settings: &Settings, metrics: Metrics) -> Shelf {
        Shelf {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            open: AtomicUsize::new(0),
            max_open: settings.max_open_calls,
            ended: Mutex::default(),
            kept_calls: settings.kept_calls,
            remembered_calls: settings.remembered_calls,
            metrics,
        }
    }

    pub fn shard(&self, call_id: &str) -> MutexGuard<'_, Shard> {
        let hash = self.hasher.hash_one(call_id) as usize;
        self.shards[hash % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn find(&self, call_id: &str) -> Option<Known> {
        self.shard(call_id).get(call_id).cloned()
    }

    pub fn live(&self, call_id: &str) -> Option<Arc<SharedCall>> {
        match self.find(call_id)? {
            Known::Live(call) => Some(call),
            Known::Over(_) => None,
        }
    }

    /// The `seq` at which a call was ended by `call_end`.
    pub fn ended_at(&self, call_id: &str) -> Option<u64> {
        match self.find(call_id)? {
            Known::Over(last_seq) => Some(last_seq),
            Known::Live(call) => {
                let call = call.lock();
                call.state.ended_for_good().then(|| call.state.last_seq())
            }
        }
    }

    /// Takes one of the places for open calls.
    pub fn reserve(&self) -> bool {
        let more = |open: usize| (open < self.max_open).then_some(open + 1);
        let taken = self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        self.count_open();
        taken.is_ok()
    }

    /// Gives a place back, or, at recovery, takes one that was there before.
    pub fn adjust(&self, open: bool) {
        if open {
            self.open.fetch_add(1, Ordering::Relaxed);
        } else {
            self.open.fetch_sub(1, Ordering::Relaxed);
        }
        self.count_open();
    }

    pub fn open_calls(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    fn count_open(&self) {
        let open = self.open.load(Ordering::Relaxed);
        self.metrics.open_calls.set(i64::try_from(open).unwrap_or(i64::MAX));
    }

    /// A call ended, or was opened again (its place was reserved before).
    pub fn phase_changed(&self, call: &LiveCall) {
        if call.is_open() {
            return;
        }
        self.adjust(false);
        self.lock_ended().kept.push_back(Arc::clone(&call.call_id));
    }

    /// An ended call found in the journal.
    pub fn restore_ended(&self, call: &LiveCall) {
        self.lock_ended().kept.push_back(Arc::clone(&call.call_id));
    }

    /// Remembers the end of calls that are not here whole, the oldest first.
    pub fn restore_over(&self, ended: Vec<(Arc<str>, u64)>) {
        for (call_id, last_seq) in ended {
            self.shard(&call_id).insert(Arc::clone(&call_id), Known::Over(last_seq));
            self.remember(&call_id);
        }
    }

    /// Drops the oldest ended calls over the limit. Called without any call locked. `forget`
    /// tells the journal that an abandoned call cannot be opened again; false when it cannot.
    pub fn evict(&self, forget: impl Fn(&mut LiveCall) -> bool) {
        loop {
            let oldest = {
                let mut ended = self.lock_ended();
                self.metrics.kept_calls.set(i64::try_from(ended.kept.len()).unwrap_or(i64::MAX));
                if ended.kept.len() <= self.kept_calls {
                    return;
                }
                ended.kept.pop_front()
            };
            let Some(call_id) = oldest else { return };
            if !self.evict_one(&call_id, &forget) {
                // Somebody still has an alert of it, or the journal is busy; it goes later.
                self.lock_ended().kept.push_back(call_id);
                return;
            }
        }
    }

    /// False when the call must stay.
    fn evict_one(&self, call_id: &Arc<str>, forget: impl Fn(&mut LiveCall) -> bool) -> bool {
        let mut shard = self.shard(call_id);
        let Some(Known::Live(shared)) = shard.get(call_id) else { return true };
        let shared = Arc::clone(shared);
        let mut call = shared.lock();
        if call.is_open() {
            // Opened again since; it comes back to the queue when it ends.
            return true;
        }
        if !call.state.is_finished() || !(call.state.ended_for_good() || forget(&mut call)) {
            return false;
        }
        call.evicted = true;
        if call.state.ended_for_good() {
            shard.insert(Arc::clone(call_id), Known::Over(call.state.last_seq()));
            drop(call);
            drop(shard);
            self.remember(call_id);
        } else {
            shard.remove(call_id);
        }
        true
    }

    /// Takes a call off for good; `end` ends it. Of its id only that it is over stays known, so
    /// that nothing more of it is taken. False when it was not there.
    pub fn erase(&self, call_id: &Arc<str>, end: impl FnOnce(&mut LiveCall)) -> bool {
        let mut shard = self.shard(call_id);
        let Some(Known::Live(shared)) = shard.get(call_id) else {
            return shard.contains_key(call_id);
        };
        let shared = Arc::clone(shared);
        let mut call = shared.lock();
        end(&mut call);
        (call.evicted, call.erased) = (true, true);
        let last_seq = call.state.last_seq();
        shard.insert(Arc::clone(call_id), Known::Over(last_seq));
        drop(call);
        drop(shard);
        self.remember(call_id);
        true
    }

    /// Takes a call off that another node has. Its connection, if it had one; `None` when it was
    /// not here.
    pub fn lose(&self, call_id: &Arc<str>) -> Option<Option<Arc<Link>>> {
        let mut shard = self.shard(call_id);
        let Some(Known::Live(shared)) = shard.get(call_id) else { return None };
        let shared = Arc::clone(shared);
        let mut call = shared.lock();
        (call.evicted, call.lost) = (true, true);
        if call.is_open() {
            self.adjust(false);
        }
        call.reserved = None;
        shard.remove(call_id);
        let link = call.owner.take();
        // Under the lock: whoever finds the call gone finds its connection told.
        if let Some(link) = &link {
            link.lost.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(call_id));
        }
        Some(link)
    }

    /// Ids of all calls that are known.
    pub fn all(&self) -> Vec<Arc<str>> {
        let lock = |shard: &Mutex<Shard>| {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.keys().cloned().collect::<Vec<_>>()
        };
        self.shards.iter().flat_map(lock).collect()
    }

    fn remember(&self, call_id: &Arc<str>) {
        let forgotten = {
            let mut ended = self.lock_ended();
            ended.remembered.push_back(Arc::clone(call_id));
            let over = ended.remembered.len() > self.remembered_calls;
            let forgotten = over.then(|| ended.remembered.pop_front()).flatten();
            let len = i64::try_from(ended.remembered.len()).unwrap_or(i64::MAX);
            self.metrics.remembered_calls.set(len);
            forgotten
        };
        if let Some(call_id) = forgotten {
            let mut shard = self.shard(&call_id);
            if matches!(shard.get(&call_id), Some(Known::Over(_))) {
                shard.remove(&call_id);
            }
        }
    }

    fn lock_ended(&self) -> MutexGuard<'_, Ended> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
