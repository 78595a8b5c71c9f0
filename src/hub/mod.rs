//! What is durable, as consoles and REST see it, and the way from there to every console.
//!
//! The hub is fed by the journal's writer after each commit and by nobody else. It holds the
//! read model (calls, transcripts, alerts), a ring of the newest numbered messages for consoles
//! that come back, and one bounded queue per console. It never waits for a console and knows
//! neither sockets nor how a call's state comes about.

mod elsewhere;
mod erase;
mod lists;
mod metrics;
mod number;
mod publish;
mod queue;
mod ring;
mod routing;
mod state;
mod subscribe;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

pub use elsewhere::Moved;
pub use lists::Listed;
pub use metrics::Metrics;
pub use number::CallNumber;
pub use publish::{Publication, Shown, Timing};
pub use queue::Queue;
pub use subscribe::Picture;

use crate::wire::Scopes;
use state::State;

/// Text of a frame, encoded once and shared by all consoles.
pub type Frame = bytes::Bytes;

/// How much the hub holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Most consoles at a time; one more is turned away with 503.
    pub max_consoles: usize,
    /// Most numbered messages kept for consoles that come back. A console that missed more
    /// gets the full picture instead.
    pub ring_messages: usize,
    /// Most bytes of those messages.
    pub ring_bytes: usize,
    /// Most bytes of alerts and calls waiting for one console; over it the console is closed
    /// with 4008 and resumes.
    pub console_queue_bytes: usize,
    /// Most chunks waiting for one console; over it the oldest are dropped and marked.
    pub console_queue_chunks: usize,
    /// Most calls one console may watch.
    pub console_watches: usize,
    /// Ended calls kept for REST, the newest.
    pub ended_calls: usize,
    /// Closed alerts kept for REST, the newest.
    pub closed_alerts: usize,
    /// Final chunks kept of one call, the newest.
    pub transcript_chunks: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            max_consoles: 5_000,
            ring_messages: 20_000,
            ring_bytes: 64 << 20,
            console_queue_bytes: 4 << 20,
            console_queue_chunks: 500,
            console_watches: 64,
            ended_calls: 2_000,
            closed_alerts: 5_000,
            transcript_chunks: 10_000,
        }
    }
}

impl Settings {
    /// # Errors
    /// A sentence naming the first setting that cannot be used.
    pub fn check(&self) -> Result<(), String> {
        for (name, value) in [
            ("max_consoles", self.max_consoles),
            ("console_queue_bytes", self.console_queue_bytes),
            ("console_queue_chunks", self.console_queue_chunks),
        ] {
            if value == 0 {
                return Err(format!("`{name}` is 0; no console could be served, set at least 1"));
            }
        }
        Ok(())
    }
}

/// Who sits at a console, and what they may see.
#[derive(Clone, Debug, Default)]
pub struct Visitor {
    /// Their name.
    pub user: String,
    /// Calls and alerts outside are as if they were not there.
    pub scopes: Arc<Scopes>,
    /// An agent: no tier that tells supervisors counts this console as one.
    pub is_agent: bool,
}

/// The read model and the fan-out.
#[derive(Debug)]
pub struct Hub {
    epoch: String,
    settings: Settings,
    metrics: Metrics,
    state: Mutex<State>,
}

impl Hub {
    /// An empty hub that goes on after `offset` of the given history.
    pub fn new(epoch: &str, offset: u64, settings: Settings, metrics: Metrics) -> Hub {
        let state = Mutex::new(State::new(offset, &settings));
        Hub { epoch: epoch.to_owned(), settings, metrics, state }
    }

    /// Names the history its offsets belong to.
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// The newest offset.
    pub fn offset(&self) -> u64 {
        self.lock().ring.offset()
    }

    /// An alert as it was last committed, while it is kept.
    pub fn alert(&self, alert_id: &str) -> Option<Arc<crate::engine::alert::Alert>> {
        self.lock().alerts.get(alert_id).map(|entry| Arc::clone(&entry.alert))
    }

    /// Whether anybody is there for those whom an alert tells.
    pub fn anybody_for(&self, alert: &crate::engine::alert::Alert) -> bool {
        let keys = routing::Keys::of_alert(alert);
        let state = self.lock();
        state.consoles.values().any(|console| {
            let sees = console.subscription.as_ref().filter(|matcher| matcher.matches(&keys));
            sees.is_some_and(|own| {
                alert.notify.iter().any(|told| own.is_for(&console.visitor.user, told))
            })
        })
    }

    /// Takes in a new console of somebody who may see everything. `None` when there are too many.
    #[cfg(test)]
    pub fn connect(self: &Arc<Self>, user: &str) -> Option<Console> {
        self.seat(Visitor { user: user.to_owned(), ..Visitor::default() })
    }

    /// Takes in a new console. `None` when there are too many.
    pub fn seat(self: &Arc<Self>, visitor: Visitor) -> Option<Console> {
        let mut state = self.lock();
        if state.consoles.len() >= self.settings.max_consoles {
            return None;
        }
        let id = state.next_console;
        state.next_console += 1;
        let queue = Arc::new(Queue::new(&self.settings, self.metrics.clone()));
        state.consoles.insert(id, state::Subscriber::new(visitor, Arc::clone(&queue)));
        self.metrics.consoles.set(i64::try_from(state.consoles.len()).unwrap_or(i64::MAX));
        Some(Console { hub: Arc::clone(self), id, queue })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while publishing would be our bug; the rest of the state is still of use.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connected console. Dropping it takes it out of the hub.
#[derive(Debug)]
pub struct Console {
    hub: Arc<Hub>,
    id: u64,
    queue: Arc<Queue>,
}

impl Console {
    /// What waits for this console.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let mut state = self.hub.lock();
        state.disconnect(self.id);
        self.hub.metrics.consoles.set(i64::try_from(state.consoles.len()).unwrap_or(i64::MAX));
    }
}
