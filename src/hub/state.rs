//! The read model: calls with their transcripts, alerts, and who is connected.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::ring::Ring;
use super::routing::{Keys, Matcher};
use super::{Metrics, Queue, Settings};
use crate::engine::alert::Alert;
use crate::engine::effects::{CallPhase, CallView, Said};

#[derive(Debug)]
pub(super) struct State {
    pub ring: Ring,
    pub calls: HashMap<Arc<str>, CallEntry>,
    /// Calls by the order in which they came; lists are paged by this number.
    pub call_order: BTreeMap<u64, Arc<str>>,
    pub alerts: HashMap<Arc<str>, AlertEntry>,
    pub alert_order: BTreeMap<u64, Arc<str>>,
    pub consoles: HashMap<u64, Subscriber>,
    pub next_console: u64,
    /// Ended calls, the oldest end first; a call that was opened again is skipped.
    ended: VecDeque<Arc<str>>,
    closed: VecDeque<Arc<str>>,
    next_ordinal: u64,
    open_calls: i64,
}

#[derive(Debug)]
pub(super) struct CallEntry {
    pub ordinal: u64,
    pub keys: Arc<Keys>,
    pub view: Arc<CallView>,
    pub transcript: VecDeque<Arc<Said>>,
    pub watchers: Vec<u64>,
}

#[derive(Debug)]
pub(super) struct AlertEntry {
    pub ordinal: u64,
    pub keys: Arc<Keys>,
    pub alert: Arc<Alert>,
}

#[derive(Debug)]
pub(super) struct Subscriber {
    pub user: String,
    pub queue: Arc<Queue>,
    pub subscription: Option<Matcher>,
    pub watching: HashSet<Arc<str>>,
}

impl Subscriber {
    pub fn new(user: &str, queue: Arc<Queue>) -> Subscriber {
        Subscriber { user: user.to_owned(), queue, subscription: None, watching: HashSet::new() }
    }
}

impl State {
    pub fn new(offset: u64, settings: &Settings) -> State {
        State {
            ring: Ring::new(offset, settings.ring_messages, settings.ring_bytes),
            calls: HashMap::new(),
            call_order: BTreeMap::new(),
            alerts: HashMap::new(),
            alert_order: BTreeMap::new(),
            consoles: HashMap::new(),
            next_console: 1,
            ended: VecDeque::new(),
            closed: VecDeque::new(),
            next_ordinal: 1,
            open_calls: 0,
        }
    }

    fn ordinal(&mut self) -> u64 {
        self.next_ordinal += 1;
        self.next_ordinal
    }

    /// Takes in a call's new view. Returns the keys before and after.
    pub fn put_call(&mut self, view: Arc<CallView>) -> (Option<Arc<Keys>>, Arc<Keys>) {
        let is_open = view.state == CallPhase::Open;
        if let Some(entry) = self.calls.get_mut(view.call_id.as_str()) {
            let before = Arc::clone(&entry.keys);
            if !before.fit(&view) {
                entry.keys = Arc::new(Keys::of_call(&view));
            }
            let after = Arc::clone(&entry.keys);
            let was_open = entry.view.state == CallPhase::Open;
            let call_id: Arc<str> = Arc::from(view.call_id.as_str());
            entry.view = view;
            match (was_open, is_open) {
                (true, false) => {
                    self.open_calls -= 1;
                    self.ended.push_back(call_id);
                }
                (false, true) => self.open_calls += 1,
                _ => {}
            }
            return (Some(before), after);
        }
        let call_id: Arc<str> = Arc::from(view.call_id.as_str());
        let keys = Arc::new(Keys::of_call(&view));
        let ordinal = self.ordinal();
        self.call_order.insert(ordinal, Arc::clone(&call_id));
        if is_open {
            self.open_calls += 1;
        } else {
            self.ended.push_back(Arc::clone(&call_id));
        }
        let entry = CallEntry {
            ordinal,
            keys: Arc::clone(&keys),
            view,
            transcript: VecDeque::new(),
            watchers: Vec::new(),
        };
        self.calls.insert(call_id, entry);
        (None, keys)
    }

    /// Takes in an alert as it is now. Returns the keys before and after.
    pub fn put_alert(&mut self, alert: Arc<Alert>) -> (Option<Arc<Keys>>, Arc<Keys>) {
        let keys = Arc::new(Keys::of_alert(&alert));
        let is_open = alert.state.is_open();
        if let Some(entry) = self.alerts.get_mut(alert.alert_id.as_str()) {
            let before = std::mem::replace(&mut entry.keys, Arc::clone(&keys));
            if entry.alert.state.is_open() && !is_open {
                self.closed.push_back(Arc::from(alert.alert_id.as_str()));
            }
            entry.alert = alert;
            return (Some(before), keys);
        }
        let id: Arc<str> = Arc::from(alert.alert_id.as_str());
        let ordinal = self.ordinal();
        self.alert_order.insert(ordinal, Arc::clone(&id));
        if !is_open {
            self.closed.push_back(Arc::clone(&id));
        }
        self.alerts.insert(id, AlertEntry { ordinal, keys: Arc::clone(&keys), alert });
        (None, keys)
    }

    /// Keeps a final chunk. Partials leave no trace in a transcript.
    pub fn put_said(&mut self, call_id: &str, said: &Arc<Said>, limit: usize, metrics: &Metrics) {
        let Some(entry) = self.calls.get_mut(call_id) else { return };
        if !said.is_final {
            return;
        }
        entry.transcript.push_back(Arc::clone(said));
        if entry.transcript.len() > limit {
            entry.transcript.pop_front();
            metrics.transcript_dropped.inc();
        }
    }

    /// Begins a transcript anew.
    pub fn forget_said(&mut self, call_id: &str) {
        if let Some(entry) = self.calls.get_mut(call_id) {
            entry.transcript.clear();
        }
    }

    /// Drops the oldest of what is over.
    pub fn evict(&mut self, settings: &Settings, metrics: &Metrics) {
        while self.ended.len() > settings.ended_calls {
            let Some(id) = self.ended.pop_front() else { break };
            let over = |entry: &CallEntry| entry.view.state == CallPhase::Ended;
            // A call that ended twice stands in the queue twice; its later place counts.
            if self.calls.get(&id).is_some_and(over)
                && !self.ended.contains(&id)
                && let Some(entry) = self.calls.remove(&id)
            {
                self.call_order.remove(&entry.ordinal);
                for console in entry.watchers {
                    if let Some(console) = self.consoles.get_mut(&console) {
                        console.watching.remove(&id);
                    }
                }
            }
        }
        while self.closed.len() > settings.closed_alerts {
            let Some(id) = self.closed.pop_front() else { break };
            if let Some(entry) = self.alerts.remove(&id) {
                self.alert_order.remove(&entry.ordinal);
            }
        }
        let gauge = |len: usize| i64::try_from(len).unwrap_or(i64::MAX);
        metrics.open_calls.set(self.open_calls);
        metrics.ended_calls.set(gauge(self.ended.len()));
        metrics.alerts.set(gauge(self.alerts.len()));
        metrics.ring_messages.set(gauge(self.ring.len()));
        metrics.ring_bytes.set(gauge(self.ring.bytes()));
    }

    pub fn disconnect(&mut self, console: u64) {
        let Some(subscriber) = self.consoles.remove(&console) else { return };
        for call_id in subscriber.watching {
            if let Some(entry) = self.calls.get_mut(&call_id) {
                entry.watchers.retain(|&watcher| watcher != console);
            }
        }
    }
}
