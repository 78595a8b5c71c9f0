//! Whether anybody is there for the tier that an alert has come to.
//!
//! Who is connected is no part of any call's state, so what follows from it is journalled as an
//! event of its own.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::Desk;
use crate::call::Timestamp;
use crate::engine::alert::Alert;
use crate::engine::event::Event;

/// After a restart platforms and consoles have so long to come back before anybody counts as
/// absent, and before what fell due meanwhile happens.
const COME_BACK_MS: i64 = 10_000;

/// Alerts that came to a tier and were not looked at yet; each is the work of one event, and
/// events wait while the journal, which this needs too, is full.
#[derive(Debug, Default)]
pub(super) struct Presence {
    entered: Mutex<VecDeque<(Arc<str>, Arc<Alert>)>>,
    recovered: OnceLock<Recovered>,
}

/// When this desk took over what a journal held.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recovered {
    pub at: Timestamp,
    /// When whoever wants to be back is back.
    pub everybody_back: Timestamp,
}

impl Presence {
    pub fn recovered_at(&self, at: Timestamp) {
        let recovered = Recovered { at, everybody_back: at.plus_ms(COME_BACK_MS) };
        // Once in the life of a desk.
        let _ = self.recovered.set(recovered);
    }

    pub fn recovered(&self) -> Option<Recovered> {
        self.recovered.get().copied()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Arc<str>, Arc<Alert>)>> {
        self.entered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    /// Has those of the alerts looked at that wait in a tier with a next one.
    pub(super) fn watch_tiers(&self, call_id: &Arc<str>, alerts: &[Arc<Alert>]) {
        let mut waiting = alerts.iter().filter(|alert| alert.next_tier_at.is_some()).peekable();
        if waiting.peek().is_some() {
            let waiting = waiting.map(|alert| (Arc::clone(call_id), Arc::clone(alert)));
            self.presence.lock().extend(waiting);
            self.timers.wake();
        }
    }

    /// Passes on every alert that came to a tier of which nobody is connected.
    pub(super) async fn pass_on_absent(&self) {
        let back = self.presence.recovered().map(|recovered| recovered.everybody_back);
        if back.is_some_and(|back| self.clock.now() < back) {
            return;
        }
        loop {
            let Some((call_id, alert)) = self.presence.lock().pop_front() else { return };
            if self.hub.anybody_for(&alert) {
                continue;
            }
            if let Some(elsewhere) = self.elsewhere.get()
                && elsewhere.anybody_for(&alert).await
            {
                continue;
            }
            // A stopped journal means that the server is going down.
            let Some(permit) = self.journal.permit().await else { return };
            let Some(call) = self.shelf.live(&call_id) else { continue };
            let mut call = call.lock();
            let (alert_id, tier) = (alert.alert_id.clone(), alert.tier);
            if call.state.waits_in_tier(&alert_id, tier) {
                self.metrics.tiers_absent.inc();
                let event = Event::PassOn { alert_id, tier };
                self.apply(&mut call, event, self.clock.now(), permit, None, None);
            }
        }
    }
}
