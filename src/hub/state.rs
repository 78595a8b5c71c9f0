//! The read model: calls with their transcripts, alerts, and who is connected.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};

use super::ring::Ring;
use super::routing::{Keys, Matcher};
use super::{Metrics, Queue, Settings, Visitor};
use crate::engine::alert::Alert;
use crate::engine::effects::{CallPhase, CallView, Progress, Said};
use crate::wire::lists::AlertKey;

#[derive(Debug)]
pub(super) struct State {
    pub ring: Ring,
    pub calls: HashMap<Arc<str>, CallEntry>,
    /// Calls by their number, which is the order in which they came.
    pub call_order: BTreeMap<u64, Arc<str>>,
    pub alerts: HashMap<Arc<str>, AlertEntry>,
    pub alert_order: BTreeSet<AlertKey>,
    pub consoles: HashMap<u64, Subscriber>,
    pub next_console: u64,
    /// Ended calls with the number of their end, the oldest first; a call that was opened again
    /// is skipped.
    ended: VecDeque<(Arc<str>, u64)>,
    ends: u64,
    closed: VecDeque<Arc<str>>,
    open_calls: i64,
}

#[derive(Debug)]
pub(super) struct CallEntry {
    pub number: u64,
    pub keys: Arc<Keys>,
    pub view: Arc<CallView>,
    pub transcript: VecDeque<Arc<Said>>,
    /// The transcript has all that was said.
    pub whole: bool,
    /// Ids of all alerts it has raised, the oldest first; some may be kept no more.
    pub alerts: Vec<Arc<str>>,
    pub watchers: Vec<u64>,
    /// Number of its newest end among those of all calls.
    end: u64,
}

#[derive(Debug)]
pub(super) struct AlertEntry {
    pub keys: Arc<Keys>,
    pub alert: Arc<Alert>,
}

#[derive(Debug)]
pub(super) struct Subscriber {
    pub visitor: Visitor,
    pub queue: Arc<Queue>,
    pub subscription: Option<Matcher>,
    pub watching: HashSet<Arc<str>>,
}

impl CallEntry {
    /// A call without transcript. It is whole when nothing was said before.
    fn new(number: u64, keys: Arc<Keys>, view: Arc<CallView>, whole: bool) -> CallEntry {
        let (transcript, alerts, watchers) = (VecDeque::new(), Vec::new(), Vec::new());
        CallEntry { number, keys, view, transcript, whole, alerts, watchers, end: 0 }
    }
}

impl Subscriber {
    pub fn new(visitor: Visitor, queue: Arc<Queue>) -> Subscriber {
        Subscriber { visitor, queue, subscription: None, watching: HashSet::new() }
    }
}

impl State {
    pub fn new(offset: u64, settings: &Settings) -> State {
        State {
            ring: Ring::new(offset, settings.ring_messages, settings.ring_bytes),
            calls: HashMap::new(),
            call_order: BTreeMap::new(),
            alerts: HashMap::new(),
            alert_order: BTreeSet::new(),
            consoles: HashMap::new(),
            next_console: 1,
            ended: VecDeque::new(),
            ends: 0,
            closed: VecDeque::new(),
            open_calls: 0,
        }
    }

    /// Takes in a call's new view. `number` comes with whether this is the first that is seen of
    /// the call. Returns the keys before and after.
    pub fn put_call(
        &mut self,
        (number, first): (u64, bool),
        call_id: &Arc<str>,
        view: Arc<CallView>,
    ) -> (Option<Arc<Keys>>, Arc<Keys>) {
        let is_open = view.state == CallPhase::Open;
        let Some(entry) = self.calls.get_mut(call_id) else {
            let keys = Arc::new(Keys::of_call(&view));
            if !first && !is_open {
                // It has left memory, and stays where it is: somebody closed an alert of it.
                return (None, keys);
            }
            self.count_phase(false, is_open);
            self.call_order.insert(number, Arc::clone(call_id));
            let entry = CallEntry::new(number, Arc::clone(&keys), view, first);
            self.calls.insert(Arc::clone(call_id), entry);
            if !is_open {
                self.has_ended(call_id);
            }
            return (None, keys);
        };
        let before = Arc::clone(&entry.keys);
        if !before.fit(&view) {
            entry.keys = Arc::new(Keys::of_call(&view));
        }
        let after = Arc::clone(&entry.keys);
        let was_open = entry.view.state == CallPhase::Open;
        if !first && entry.number == number {
            entry.view = view;
        } else {
            // Another call had this id.
            let watchers = std::mem::take(&mut entry.watchers);
            self.call_order.remove(&entry.number);
            self.call_order.insert(number, Arc::clone(call_id));
            *entry = CallEntry::new(number, Arc::clone(&after), view, first);
            entry.watchers = watchers;
        }
        let ends = !is_open && (was_open || entry.end == 0);
        self.count_phase(was_open, is_open);
        if ends {
            self.has_ended(call_id);
        }
        if !Arc::ptr_eq(&before, &after) {
            self.unwatch_unseen(call_id);
        }
        (Some(before), after)
    }

    /// The call belongs elsewhere now: who may not see it there hears no more of it.
    fn unwatch_unseen(&mut self, call_id: &Arc<str>) {
        let Some(entry) = self.calls.get_mut(call_id) else { return };
        let place = entry.keys.place();
        entry.watchers.retain(|id| {
            let Some(console) = self.consoles.get_mut(id) else { return false };
            let may_see = console.visitor.scopes.allow(place);
            if !may_see {
                console.watching.remove(call_id);
                console.queue.clear_chunks(call_id);
            }
            may_see
        });
    }

    /// Brings the numbers of a call up to date. `None` when it is not in memory any more.
    pub fn move_call(
        &mut self,
        number: u64,
        call_id: &Arc<str>,
        progress: &Progress,
    ) -> Option<Arc<Keys>> {
        let entry = self.calls.get_mut(call_id).filter(|entry| entry.number == number)?;
        // Copied only while somebody still looks at the view before.
        Arc::make_mut(&mut entry.view).advance(progress);
        Some(Arc::clone(&entry.keys))
    }

    fn count_phase(&mut self, was_open: bool, is_open: bool) {
        self.open_calls += i64::from(is_open) - i64::from(was_open);
    }

    fn has_ended(&mut self, call_id: &Arc<str>) {
        self.ends += 1;
        if let Some(entry) = self.calls.get_mut(call_id) {
            entry.end = self.ends;
        }
        self.ended.push_back((Arc::clone(call_id), self.ends));
    }

    /// Takes in an alert as it is now. Returns the keys before and after.
    pub fn put_alert(&mut self, alert: Arc<Alert>) -> (Option<Arc<Keys>>, Arc<Keys>) {
        let keys = Arc::new(Keys::of_alert(&alert));
        let is_open = alert.state.is_open();
        let place = AlertKey::of(&alert);
        let id: Arc<str> = Arc::from(alert.alert_id.as_str());
        if let Some(call) = self.calls.get_mut(alert.call_id.as_str())
            && !call.alerts.contains(&id)
        {
            call.alerts.push(Arc::clone(&id));
        }
        let entry = AlertEntry { keys: Arc::clone(&keys), alert };
        let before = self.alerts.insert(Arc::clone(&id), entry);
        let was_open = before.as_ref().is_none_or(|entry| entry.alert.state.is_open());
        if was_open && !is_open {
            self.closed.push_back(id);
        }
        // An alert of an earlier call that had this id has the same, but another time.
        if let Some(before) = &before {
            self.alert_order.remove(&AlertKey::of(&before.alert));
        }
        self.alert_order.insert(place);
        (before.map(|entry| entry.keys), keys)
    }

    /// The alert at that place of the order.
    pub fn alert(&self, key: &AlertKey) -> Option<Arc<Alert>> {
        Some(Arc::clone(&self.alerts.get(key.alert_id.as_str())?.alert))
    }

    /// Shows chunks to who watches the call, and keeps the final ones. Partials leave no trace in
    /// a transcript.
    pub fn put_said(
        &mut self,
        call_id: &Arc<str>,
        said: &[Arc<Said>],
        limit: usize,
        metrics: &Metrics,
    ) {
        let Some(entry) = self.calls.get_mut(call_id).filter(|_| !said.is_empty()) else { return };
        for said in said {
            for console in entry.watchers.iter().filter_map(|id| self.consoles.get(id)) {
                console.queue.push_chunk(call_id, said);
            }
            if said.is_final {
                entry.transcript.push_back(Arc::clone(said));
            }
            if entry.transcript.len() > limit {
                entry.transcript.pop_front();
                entry.whole = false;
                metrics.transcript_dropped.inc();
            }
        }
    }

    /// Drops the oldest of what is over.
    pub fn evict(&mut self, settings: &Settings, metrics: &Metrics) {
        while self.ended.len() > settings.ended_calls {
            let Some((id, end)) = self.ended.pop_front() else { break };
            // A call that ended twice stands in the queue twice; its later place counts.
            let over = |entry: &CallEntry| entry.view.state == CallPhase::Ended && entry.end == end;
            if self.calls.get(&id).is_some_and(over)
                && let Some(entry) = self.calls.remove(&id)
            {
                self.call_order.remove(&entry.number);
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
                self.alert_order.remove(&AlertKey::of(&entry.alert));
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
