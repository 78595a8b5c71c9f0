//! Due times of calls: resume grace, snoozes, tiers, outcome grace, deadlines of rules.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::Desk;
use super::live_call::LiveCall;
use super::presence::Recovered;
use crate::call::Timestamp;
use crate::engine::event::Event;

/// Longest sleep, so that a wall clock that was set is noticed.
const MAX_SLEEP_MS: u64 = 1_000;
/// Kinds of events that fall due: the end of the grace, a timer, a tick.
const KINDS: usize = 3;

type Due = Reverse<(Timestamp, Arc<str>)>;

/// What is due when. A call stands here at most once for each earlier time it ever waited for;
/// an entry that no longer applies does nothing.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: Mutex<BinaryHeap<Due>>,
    changed: Notify,
}

impl Timers {
    /// Makes sure that the call is looked at when it is due.
    pub fn schedule(&self, call: &mut LiveCall, due: Timestamp) {
        if call.scheduled.is_none_or(|scheduled| due < scheduled) {
            call.scheduled = Some(due);
            self.lock().push(Reverse((due, Arc::clone(&call.call_id))));
            self.changed.notify_one();
        }
    }

    /// Has the timers looked at without delay.
    pub fn wake(&self) {
        self.changed.notify_one();
    }

    fn take_due(&self, now: Timestamp) -> Vec<Arc<str>> {
        let mut heap = self.lock();
        let mut due = Vec::new();
        while heap.peek().is_some_and(|Reverse((at, _))| *at <= now) {
            due.extend(heap.pop().map(|Reverse((_, call_id))| call_id));
        }
        due
    }

    fn next(&self) -> Option<Timestamp> {
        self.lock().peek().map(|Reverse((at, _))| *at)
    }

    fn lock(&self) -> MutexGuard<'_, BinaryHeap<Due>> {
        self.heap.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    /// Fires timers for as long as it is polled.
    pub async fn run_timers(&self) {
        loop {
            let sleep_ms = self.timers.next().map_or(MAX_SLEEP_MS, |due| {
                let left = due.0.saturating_sub(self.clock.now().0);
                u64::try_from(left).unwrap_or(0).min(MAX_SLEEP_MS)
            });
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(sleep_ms)) => {}
                () = self.timers.changed.notified() => {}
            }
            self.fire_due().await;
        }
    }

    /// Does everything that is due by now. Called at least once a second.
    pub(super) async fn fire_due(&self) {
        self.metrics.clock_is_ahead(self.clock.ahead_ms());
        for call_id in self.in_order(self.timers.take_due(self.clock.now())) {
            self.fire_call(&call_id).await;
        }
        self.pass_on_absent().await;
        self.release_held().await;
        self.evict();
    }

    /// Does all that is due of one call, which may be several things at once.
    async fn fire_call(&self, call_id: &str) {
        for _ in 0..KINDS {
            // A stopped journal means that the server is going down.
            let Some(permit) = self.journal.permit().await else { return };
            let Some(call) = self.shelf.live(call_id) else { return };
            let mut call = call.lock();
            if call.erased || call.evicted {
                return;
            }
            let now = self.clock.now();
            call.scheduled = None;
            let Some(event) = self.what_is_due(&call, now) else {
                self.schedule(&mut call);
                return;
            };
            if event == Event::Abandoned {
                self.metrics.call_abandoned(call_id);
                call.absent_until = None;
            }
            self.apply(&mut call, event, now, permit, None, None);
        }
    }

    fn what_is_due(&self, call: &LiveCall, now: Timestamp) -> Option<Event> {
        let is_due = |due: Option<Timestamp>| due.is_some_and(|due| due <= now);
        if is_due(call.absent_until) && call.is_open() {
            return Some(Event::Abandoned);
        }
        if is_due(self.due(call)) {
            return Some(Event::Timer);
        }
        is_due(tick_due(call)).then_some(Event::Tick)
    }

    /// Calls in the order in which something of theirs is due, which is not that of the times for
    /// which they were once planned.
    fn in_order(&self, call_ids: Vec<Arc<str>>) -> Vec<Arc<str>> {
        let mut calls: Vec<(Option<Timestamp>, Arc<str>)> = Vec::with_capacity(call_ids.len());
        for call_id in call_ids {
            let Some(call) = self.shelf.live(&call_id) else { continue };
            let call = call.lock();
            let due = self.due(&call).into_iter().chain(call.absent_until);
            let due = due.chain(tick_due(&call)).min();
            calls.push((due, call_id));
        }
        calls.sort();
        calls.into_iter().map(|(_, call_id)| call_id).collect()
    }

    /// When something of a call is due. What fell due while the server was down waits until
    /// everybody had time to come back.
    fn due(&self, call: &LiveCall) -> Option<Timestamp> {
        let due = call.state.due(&call.engine)?;
        Some(match self.presence.recovered() {
            Some(Recovered { at, everybody_back }) if due < at => everybody_back,
            _ => due,
        })
    }

    /// Plans the next look at a call.
    pub(super) fn schedule(&self, call: &mut LiveCall) {
        let due = self.due(call).into_iter().chain(call.absent_until).chain(tick_due(call));
        if let Some(due) = due.min() {
            self.timers.schedule(call, due);
        }
    }
}

/// When a deadline of a rule may pass for want of words. Never while no platform is there that
/// could send some.
fn tick_due(call: &LiveCall) -> Option<Timestamp> {
    call.owner.as_ref()?;
    let due = call.state.tick_due(&call.engine)?;
    Some(call.words_until.map_or(due, |words| due.max(words)))
}
