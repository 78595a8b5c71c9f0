//! Erasing calls for good: they end, leave the desk, the journal and the consoles.

use std::sync::Arc;

use super::Desk;
use super::live_call::LiveCall;
use crate::engine::event::{Event, is_customer};
use crate::hub::Publication;
use crate::journal::{Erase, Erased, Permit};

/// Why nothing was erased, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// The server is going down.
    #[error("the server is going down; try again when it is back")]
    Stopped,
    /// The journal said so.
    #[error("{0}")]
    Journal(String),
}

impl Desk {
    /// Erases calls by their id, or all calls of a customer, open ones too: those end first. What
    /// a platform still sends of them is answered `call_ended` and not kept.
    ///
    /// # Errors
    /// [`EraseError`]; it may be asked for again then.
    pub async fn erase(&self, mut wanted: Erase) -> Result<Erased, EraseError> {
        if let Some(customer) = &wanted.customer {
            wanted.call_ids.extend(self.calls_of(customer));
        }
        let mut here: Vec<Arc<str>> = Vec::new();
        for call_id in &wanted.call_ids {
            let permit = self.journal.permit().await.ok_or(EraseError::Stopped)?;
            if self.shelf.erase(call_id, |call| self.end(call, permit)) {
                here.push(Arc::clone(call_id));
            }
        }
        let permit = self.journal.permit().await.ok_or(EraseError::Stopped)?;
        let answer = permit.erase(wanted.clone()).await.map_err(|_| EraseError::Stopped)?;
        let mut erased = answer.map_err(|error| EraseError::Journal(error.message))?;
        let mut all = wanted.call_ids;
        all.extend(erased.call_ids.iter().cloned());
        here.extend(self.hub.erase(&all));
        here.iter().for_each(|call_id| erased.add(call_id));
        self.metrics.calls_erased(erased.call_ids.len());
        Ok(erased)
    }

    /// Whether a call is there with its words, open or not; an erased one is not.
    pub fn has(&self, call_id: &str) -> bool {
        self.shelf.live(call_id).is_some()
    }

    /// Calls of a customer that are in memory.
    fn calls_of(&self, customer: &str) -> Vec<Arc<str>> {
        let mut calls = self.hub.calls_of(customer);
        calls.extend(self.shelf.all().into_iter().filter(|call_id| {
            let Some(call) = self.shelf.live(call_id) else { return false };
            let call = call.lock();
            is_customer(&call.state.start().attributes, customer)
        }));
        calls.sort_unstable();
        calls.dedup();
        calls
    }

    /// An open call ends, so that its alerts do, and nothing of it is due any more.
    fn end(&self, call: &mut LiveCall, permit: Permit<'_, Publication>) {
        call.absent_until = None;
        if call.is_open() {
            self.apply(call, Event::Abandoned, self.clock.now(), permit, None, None);
        }
        call.owner = None;
    }
}
