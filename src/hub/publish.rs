//! From a committed event to the consoles it concerns.

use std::sync::Arc;
use std::time::Instant;

use super::ring::{Kept, Ring};
use super::routing::Keys;
use super::state::State;
use super::{CallNumber, Frame, Hub};
use crate::engine::alert::Alert;
use crate::engine::effects::{CallChange, CallView, Progress, RiskUpdate, Said};
use crate::wire::console::{Latency, LiveAlert, Notice};

/// What one event changed, ready to be shown once it is durable.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The platform's id of the call.
    pub call_id: Arc<str>,
    /// Which call.
    pub number: CallNumber,
    /// The call after the event.
    pub shown: Shown,
    /// Set when the call itself must be sent; it is whole then.
    pub change: Option<CallChange>,
    /// The call's risk, when it may have changed.
    pub risk: Option<RiskUpdate>,
    /// What was said.
    pub said: Vec<Arc<Said>>,
    /// Alerts that changed, in the order of the changes.
    pub alerts: Vec<Arc<Alert>>,
    /// When the event came in; absent when nobody waits for it, as with timers.
    pub timing: Option<Timing>,
}

/// A call after an event. Most events move its numbers only; a whole view for each of them would
/// cost as much as scoring it.
#[derive(Clone, Debug)]
pub enum Shown {
    /// All of it.
    Whole(Arc<CallView>),
    /// Its numbers; the rest is as it was.
    Moved(Progress),
    /// As it was.
    Kept,
}

/// When an event was read and scored.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// The frame was read.
    pub read: Instant,
    /// Scoring began.
    pub scoring: Instant,
    /// Scoring was done.
    pub scored: Instant,
}

impl Timing {
    fn latency(&self) -> Latency {
        let us = |from: Instant, to: Instant| {
            u64::try_from(to.saturating_duration_since(from).as_micros()).unwrap_or(u64::MAX)
        };
        let now = Instant::now();
        Latency {
            queue: us(self.read, self.scoring),
            score: us(self.scoring, self.scored),
            journal: us(self.scored, now),
            total: us(self.read, now),
        }
    }
}

impl Publication {
    /// How many numbered messages it makes.
    pub fn messages(&self) -> u64 {
        self.alerts.len() as u64 + u64::from(self.change.is_some())
    }

    /// The call, when it must be sent.
    pub fn call(&self) -> Option<(CallChange, Arc<CallView>)> {
        match (&self.change, &self.shown) {
            (Some(change), Shown::Whole(view)) => Some((*change, Arc::clone(view))),
            _ => None,
        }
    }

    /// Place of its first alert among those messages, from 1.
    pub fn first_alert(&self) -> u64 {
        1 + u64::from(self.change == Some(CallChange::Started))
    }
}

impl Hub {
    /// Shows a batch, each with the offset before its first message. Called by the writer of
    /// the journal only, so everything shown is durable and in order.
    pub fn publish(&self, batch: impl Iterator<Item = (u64, Publication)>) {
        let mut state = self.lock();
        for (base_offset, publication) in batch {
            self.metrics.published.inc_by(publication.messages());
            self.publish_one(&mut state, base_offset, publication);
        }
        state.evict(&self.settings, &self.metrics);
    }

    /// Takes in what a fold over the journal found at the start, in the order of the offsets.
    /// Nobody is connected yet. The messages can be asked for again if they are `as_sent`.
    pub fn restore(&self, history: Vec<(u64, Publication)>, as_sent: bool) {
        let mut state = self.lock();
        let offset = state.ring.offset();
        state.ring = Ring::new(0, self.settings.ring_messages, self.settings.ring_bytes);
        for (base_offset, publication) in history {
            self.publish_one(&mut state, base_offset, publication);
        }
        if !as_sent {
            state.ring.forget();
        }
        state.ring.continue_after(offset);
        state.evict(&self.settings, &self.metrics);
    }

    fn publish_one(&self, state: &mut State, base_offset: u64, publication: Publication) {
        let mut offset = base_offset + publication.first_alert();
        let Publication { call_id, number, shown, change, risk, said, alerts, timing } =
            publication;
        let number = number.settle(base_offset);
        let (before, after, call) = match shown {
            Shown::Whole(view) => {
                let (before, after) = state.put_call(number, &call_id, Arc::clone(&view));
                (before, Some(after), change.map(|change| (change, view)))
            }
            Shown::Kept => (None, None, None),
            Shown::Moved(progress) => (None, state.move_call(number.0, &call_id, &progress), None),
        };
        let (first, last) = match call {
            Some((CallChange::Started, view)) => (Some((CallChange::Started, view)), None),
            other => (None, other),
        };
        let send = |state: &mut State, offset, call: Option<(CallChange, Arc<CallView>)>| {
            if let (Some((change, view)), Some(after)) = (call, &after) {
                send_call(state, offset, change, &view, before.as_ref(), after);
            }
        };
        send(state, base_offset + 1, first);
        let latency = timing.filter(|_| !alerts.is_empty()).map(|timing| timing.latency());
        for alert in alerts {
            send_alert(state, offset, alert, latency);
            offset += 1;
        }
        send(state, offset, last);
        if let Some((risk, after)) = risk.zip(after) {
            send_risk(state, &call_id, &after, &risk);
        }
        state.put_said(&call_id, &said, self.settings.transcript_chunks, &self.metrics);
    }
}

fn send_call(
    state: &mut State,
    offset: u64,
    event: CallChange,
    view: &CallView,
    before: Option<&Arc<Keys>>,
    after: &Arc<Keys>,
) {
    let frame = Frame::from(Notice::Call { offset, event, call: view }.to_json());
    let kept = Kept { offset, before: before.cloned(), after: Arc::clone(after), frame };
    for console in state.consoles.values() {
        if let Some(matcher) = &console.subscription
            && matcher.concerns(kept.before.as_deref(), &kept.after)
        {
            console.queue.push_ordered(&kept.frame);
            if !matcher.matches(&kept.after) {
                // That was the last of it; a risk that still waits would come after.
                console.queue.clear_risk(&view.call_id);
            }
        }
    }
    state.ring.push(kept);
}

fn send_alert(state: &mut State, offset: u64, alert: Arc<Alert>, latency_us: Option<Latency>) {
    let encode = |latency_us| {
        let alert = LiveAlert { alert: &alert, latency_us };
        Frame::from(Notice::Alert { offset, alert }.to_json())
    };
    let frame = encode(None);
    let live = latency_us.map_or_else(|| frame.clone(), |latency| encode(Some(latency)));
    let (before, after) = state.put_alert(Arc::clone(&alert));
    for console in state.consoles.values() {
        if let Some(matcher) = &console.subscription
            && matcher.concerns(before.as_deref(), &after)
        {
            console.queue.push_ordered(&live);
        }
    }
    state.ring.push(Kept { offset, before, after, frame });
}

pub(super) fn send_risk(state: &State, call_id: &Arc<str>, keys: &Keys, risk: &RiskUpdate) {
    let mut shared: Option<Frame> = None;
    for console in state.consoles.values() {
        if console.subscription.as_ref().is_some_and(|matcher| matcher.matches(keys)) {
            // Encoded only when somebody wants it.
            let frame =
                shared.get_or_insert_with(|| Frame::from(Notice::Risk { call_id, risk }.to_json()));
            console.queue.push_risk(call_id, frame.clone());
        }
    }
}
