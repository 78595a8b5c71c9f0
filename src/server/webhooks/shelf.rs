//! The adapters of calls that come by webhook; the least recently used go.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

use super::Shared;
use crate::wire::vendors::{Adapter, Format};

type Name = (Format, Arc<str>);

/// What is known of calls from one request to the next.
#[derive(Debug)]
pub(in crate::server) struct Shelf {
    calls: Mutex<Calls>,
    limit: usize,
    kept: Gauge,
    evicted: Counter,
}

#[derive(Debug, Default)]
struct Calls {
    adapters: HashMap<Name, (u64, Shared)>,
    /// By last use.
    uses: BTreeMap<u64, Name>,
    next_use: u64,
}

impl Shelf {
    /// Room for `limit` calls.
    pub fn new(limit: usize, kept: Gauge, evicted: Counter) -> Shelf {
        Shelf { calls: Mutex::default(), limit, kept, evicted }
    }

    /// The adapter of a call; `new` makes one that is not there.
    pub fn adapter(&self, format: Format, call_id: &str, new: impl FnOnce() -> Adapter) -> Shared {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let calls = &mut *calls;
        let name: Name = (format, Arc::from(call_id));
        let (last_use, adapter) = calls
            .adapters
            .entry(name.clone())
            .or_insert_with(|| (u64::MAX, Arc::new(tokio::sync::Mutex::new(new()))));
        calls.uses.remove(last_use);
        *last_use = calls.next_use;
        let adapter = Arc::clone(adapter);
        calls.uses.insert(calls.next_use, name);
        calls.next_use += 1;
        while calls.adapters.len() > self.limit
            && let Some((_, oldest)) = calls.uses.pop_first()
        {
            calls.adapters.remove(&oldest);
            self.evicted.inc();
        }
        self.count(calls);
        adapter
    }

    /// Drops what is known of a call.
    pub fn forget(&self, format: Format, call_id: &str) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((last_use, _)) = calls.adapters.remove(&(format, Arc::from(call_id))) {
            calls.uses.remove(&last_use);
        }
        self.count(&calls);
    }

    /// Calls were erased: drops what is held of those that are known no more.
    pub async fn erase(&self, is_known: impl Fn(&str) -> bool) {
        let all: Vec<Shared> = {
            let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
            calls.adapters.values().map(|(_, adapter)| Arc::clone(adapter)).collect()
        };
        for adapter in all {
            adapter.lock().await.erase(&is_known);
        }
    }

    fn count(&self, calls: &Calls) {
        self.kept.set(i64::try_from(calls.adapters.len()).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::vendors::Facts;

    #[test]
    fn the_call_that_was_silent_longest_is_forgotten() {
        let shelf = Shelf::new(2, Gauge::default(), Counter::default());
        let new = || Adapter::new(Format::Twilio, Facts::default(), "n".into(), 1);
        let get = |call_id: &str| shelf.adapter(Format::Twilio, call_id, new);
        let (a, b) = (get("a"), get("b"));
        assert!(Arc::ptr_eq(&a, &get("a")), "the same call, the same adapter");
        get("c");
        assert!(Arc::ptr_eq(&a, &get("a")), "it was used after b");
        assert!(!Arc::ptr_eq(&b, &get("b")), "b went");
        assert_eq!((shelf.kept.get(), shelf.evicted.get()), (2, 2));
        shelf.forget(Format::Twilio, "b");
        assert_eq!(shelf.kept.get(), 1);
    }
}
