//! Subscriptions and watches of a console: what it gets first.

use std::sync::Arc;

use super::routing::Matcher;
use super::state::{CallEntry, State};
use super::{Console, Frame};
use crate::engine::alert::Alert;
use crate::engine::effects::{CallPhase, CallView, RiskUpdate, Said};
use crate::wire::console::Notice;
use crate::wire::{Filter, Since};

/// What a subscription begins with. Everything newer waits in the queue.
#[derive(Debug)]
pub enum Picture {
    /// Nothing is missing but these.
    Recovered {
        /// The offset the picture was taken at.
        offset: u64,
        /// The missed messages in order, then the present risk of each matching open call.
        frames: Vec<Frame>,
    },
    /// Everything that matches.
    Full {
        /// The offset the picture was taken at.
        offset: u64,
        /// Open calls.
        calls: Vec<Arc<CallView>>,
        /// Open alerts.
        alerts: Vec<Arc<Alert>>,
    },
}

impl Console {
    /// Subscribes, in place of any subscription before. Picture and queue fit without a seam.
    pub fn subscribe(&self, filter: Filter, since: Option<&Since>) -> Picture {
        let mut state = self.hub.lock();
        let visitor = state.consoles.get(&self.id).map(|console| console.visitor.clone());
        let matcher = Matcher::new(filter, &visitor.unwrap_or_default());
        self.queue.clear_subscription();
        let missed = since
            .filter(|since| since.epoch == self.hub.epoch)
            .and_then(|since| state.ring.missed(since.offset, &matcher));
        let offset = state.ring.offset();
        let picture = match missed {
            Some(mut frames) => {
                frames.extend(matching(&state, &matcher).map(|entry| risk(&entry.view)));
                Picture::Recovered { offset, frames }
            }
            None => Picture::Full {
                offset,
                calls: matching(&state, &matcher).map(|entry| Arc::clone(&entry.view)).collect(),
                alerts: open_alerts(&state, &matcher),
            },
        };
        if let Some(console) = state.consoles.get_mut(&self.id) {
            console.subscription = Some(matcher);
        }
        picture
    }

    /// Ends the subscription.
    pub fn unsubscribe(&self) {
        let mut state = self.hub.lock();
        self.queue.clear_subscription();
        if let Some(console) = state.consoles.get_mut(&self.id) {
            console.subscription = None;
        }
    }

    /// Whether this console may watch a call that is known.
    pub fn may_watch(&self, call_id: &str) -> bool {
        let state = self.hub.lock();
        let (console, call) = (state.consoles.get(&self.id), state.calls.get(call_id));
        console.zip(call).is_some_and(|(own, call)| own.visitor.scopes.allow(call.keys.place()))
    }

    /// Begins to watch a call: what was said so far, the rest comes through the queue.
    ///
    /// # Errors
    /// A code and a message for the console.
    pub fn watch(&self, call_id: &str) -> Result<Vec<Arc<Said>>, (&'static str, String)> {
        let mut guard = self.hub.lock();
        let state = &mut *guard;
        let unknown = || ("not_found", format!("call `{call_id}` is not known here"));
        let (id, entry) = state.calls.get_key_value(call_id).ok_or_else(unknown)?;
        let id = Arc::clone(id);
        let Some(console) = state.consoles.get_mut(&self.id) else { return Err(unknown()) };
        if !console.visitor.scopes.allow(entry.keys.place()) {
            return Err(unknown());
        }
        let past = entry.transcript.iter().cloned().collect();
        let limit = self.hub.settings.console_watches;
        if console.watching.len() >= limit && !console.watching.contains(&id) {
            let message = format!("a console may watch {limit} calls; unwatch one first");
            return Err(("rate_limited", message));
        }
        // Watching again sends the past again; what waits is part of it.
        self.queue.clear_chunks(call_id);
        if console.watching.insert(Arc::clone(&id))
            && let Some(entry) = state.calls.get_mut(&id)
        {
            entry.watchers.push(self.id);
        }
        Ok(past)
    }

    /// Stops watching a call.
    pub fn unwatch(&self, call_id: &str) {
        let mut state = self.hub.lock();
        self.queue.clear_chunks(call_id);
        if let Some(console) = state.consoles.get_mut(&self.id) {
            console.watching.remove(call_id);
        }
        if let Some(entry) = state.calls.get_mut(call_id) {
            entry.watchers.retain(|&watcher| watcher != self.id);
        }
    }
}

/// Open calls that match, in the order they came.
fn matching<'a>(state: &'a State, matcher: &'a Matcher) -> impl Iterator<Item = &'a CallEntry> {
    let entries = state.call_order.values().filter_map(|id| state.calls.get(id));
    entries.filter(|entry| entry.view.state == CallPhase::Open && matcher.matches(&entry.keys))
}

fn open_alerts(state: &State, matcher: &Matcher) -> Vec<Arc<Alert>> {
    let order = state.alert_order.iter();
    let entries = order.filter_map(|key| state.alerts.get(key.alert_id.as_str()));
    entries
        .filter(|entry| entry.alert.state.is_open() && matcher.matches(&entry.keys))
        .map(|entry| Arc::clone(&entry.alert))
        .collect()
}

fn risk(view: &CallView) -> Frame {
    let risk = RiskUpdate {
        at_ms: view.at_ms,
        risk: view.risk,
        sentiment: view.sentiment,
        trend: view.trend,
        level: view.level,
    };
    Frame::from(Notice::Risk { call_id: &view.call_id, risk: &risk }.to_json())
}
