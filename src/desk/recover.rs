//! The fold over the journal at the start.

use std::collections::HashMap;
use std::sync::Arc;

use super::Desk;
use super::live_call::{LiveCall, SharedCall};
use super::shelf::Known;
use crate::engine::CallState;
use crate::engine::event::Event;
use crate::journal::Record;

impl Desk {
    /// Brings back the calls of `history`, the records of calls that may still go on, in the
    /// order of their commit. Open calls wait for their platform from now on.
    pub fn recover(&self, history: Vec<Record>) {
        let mut states: HashMap<Arc<str>, CallState> = HashMap::new();
        for Record { call_id, recorded, .. } in history {
            let effects = match (states.get_mut(&call_id), &recorded.event) {
                (None, Event::Start(start)) => {
                    let (state, effects) =
                        CallState::open(&self.engine, start.clone(), recorded.at);
                    states.insert(Arc::clone(&call_id), state);
                    effects
                }
                (Some(state), event) => state.apply(&self.engine, event, recorded.at),
                // The call began before what is kept; nothing can be folded from its middle.
                (None, _) => continue,
            };
            if let Some(state) = states.get(&call_id) {
                self.hub.restore(self.publication(state, effects, None).0);
            }
        }
        let grace_ms = i64::from(self.settings.resume_grace_s) * 1_000;
        for (call_id, state) in states {
            let mut call = LiveCall::new(Arc::clone(&call_id), state);
            if call.is_open() {
                self.shelf.adjust(true);
                call.absent_until = Some(self.clock.now().plus_ms(grace_ms));
            } else {
                self.shelf.restore_ended(&call);
            }
            self.schedule(&mut call);
            self.shelf.shard(&call_id).insert(call_id.clone(), Known::Live(SharedCall::new(call)));
        }
        self.shelf.evict();
    }
}
