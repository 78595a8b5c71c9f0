//! Erased calls leave the read model, and the consoles that had them are told.

use std::sync::Arc;

use super::{Frame, Hub};
use crate::engine::effects::CallPhase;
use crate::engine::event::is_customer;
use crate::wire::console::Notice;
use crate::wire::lists::AlertKey;

impl Hub {
    /// Forgets calls and their alerts. Who comes back later gets the full picture, because what
    /// was sent holds their words. Gives those that were here.
    pub fn erase(&self, call_ids: &[Arc<str>]) -> Vec<Arc<str>> {
        let mut state = self.lock();
        let state = &mut *state;
        let mut gone = Vec::new();
        for call_id in call_ids {
            let own = |id: &Arc<str>, alert: &str| (alert == &**call_id).then(|| Arc::clone(id));
            let alerts: Vec<Arc<str>> =
                state.alerts.iter().filter_map(|(id, e)| own(id, &e.alert.call_id)).collect();
            for id in &alerts {
                if let Some(entry) = state.alerts.remove(id) {
                    state.alert_order.remove(&AlertKey::of(&entry.alert));
                }
            }
            let Some(entry) = state.calls.remove(call_id) else { continue };
            state.call_order.remove(&entry.number);
            if entry.view.state == CallPhase::Open {
                state.open_calls -= 1;
            }
            let frame = Frame::from(Notice::Erased { call_id }.to_json());
            for (id, console) in &mut state.consoles {
                let sees =
                    console.subscription.as_ref().is_some_and(|own| own.matches(&entry.keys));
                if sees || entry.watchers.contains(id) {
                    console.watching.remove(call_id);
                    console.queue.clear_chunks(call_id);
                    console.queue.clear_risk(call_id);
                    console.queue.push_ordered(&frame);
                }
            }
            gone.push(Arc::clone(call_id));
        }
        state.ring.forget();
        gone
    }

    /// Calls with this `customer_key` among their attributes.
    pub fn calls_of(&self, customer: &str) -> Vec<Arc<str>> {
        let state = self.lock();
        let calls = state.calls.iter();
        let own = calls.filter(|(_, entry)| is_customer(&entry.view.attributes, customer));
        own.map(|(call_id, _)| Arc::clone(call_id)).collect()
    }
}
