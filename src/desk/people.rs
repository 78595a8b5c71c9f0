//! What people do from a console: commands on alerts, a raised hand.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Desk;
use super::live_call::SharedCall;
use crate::engine::event::{Action, Event};
use crate::engine::{Check, Refusal};
use crate::hub::Publication;
use crate::journal::{CommitSlot, Permit};
use crate::wire::{Place, Scopes};

/// A person at a console.
#[derive(Debug)]
pub struct Person {
    desk: Arc<Desk>,
    name: String,
    scopes: Arc<Scopes>,
    slot: Arc<CommitSlot>,
    ticket: u64,
    /// Calls of commands that are not durable yet.
    waiting: VecDeque<(u64, Arc<SharedCall>)>,
}

/// What became of a command.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// Done; to be said once this ticket is durable.
    Done(u64),
    /// Not done.
    Refused(Refusal),
    /// The call is another node's, which is to be asked.
    Elsewhere(Arc<str>),
}

impl Person {
    /// A person who has done nothing yet.
    pub fn new(desk: Arc<Desk>, name: String) -> Person {
        Person {
            desk,
            name,
            scopes: Arc::default(),
            slot: Arc::default(),
            ticket: 0,
            waiting: VecDeque::new(),
        }
    }

    /// The same, for whom calls outside are as if they were not there.
    #[must_use]
    pub fn within(mut self, scopes: Arc<Scopes>) -> Person {
        self.scopes = scopes;
        self
    }

    /// The desk it belongs to.
    pub fn desk(&self) -> &Arc<Desk> {
        &self.desk
    }

    /// Who it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Hears of commits.
    pub fn slot(&self) -> &Arc<CommitSlot> {
        &self.slot
    }

    /// Does something with an alert, if that is still possible: of two people exactly one wins.
    pub fn act(
        &mut self,
        alert_id: &str,
        action: Action,
        permit: Permit<'_, Publication>,
    ) -> Answer {
        let desk = Arc::clone(&self.desk);
        let unknown = || refused("not_found", format!("no alert `{alert_id}`"));
        let alert = desk.hub.alert(alert_id);
        let Some(alert) = alert.filter(|alert| self.scopes.allow(Place::of_alert(alert))) else {
            return unknown();
        };
        let Some(shared) = desk.shelf.live(&alert.call_id) else {
            if alert.state.is_open() && desk.elsewhere.get().is_some() {
                return Answer::Elsewhere(alert.call_id.as_str().into());
            }
            // Only calls without an open alert leave the desk.
            return refused("already_resolved", format!("alert `{alert_id}` is closed"));
        };
        self.act_on(shared, alert_id, action, permit)
    }

    /// The same for somebody who has seen the alert as one of that call. Another node may hear of
    /// an alert before the node whose it is hears that it is durable.
    pub fn act_in(
        &mut self,
        call_id: &str,
        alert_id: &str,
        action: Action,
        permit: Permit<'_, Publication>,
    ) -> Answer {
        match self.desk.shelf.live(call_id) {
            Some(shared) => self.act_on(shared, alert_id, action, permit),
            None => self.act(alert_id, action, permit),
        }
    }

    fn act_on(
        &mut self,
        shared: Arc<SharedCall>,
        alert_id: &str,
        action: Action,
        permit: Permit<'_, Publication>,
    ) -> Answer {
        let desk = Arc::clone(&self.desk);
        let mut call = shared.lock();
        if call.lost {
            return Answer::Elsewhere(Arc::clone(&call.call_id));
        }
        // Where the call is now counts, also when its alert's message is still on its way.
        if call.erased || !self.scopes.allow(call.place()) {
            return refused("not_found", format!("no alert `{alert_id}`"));
        }
        let check = call.state.check(&call.engine, alert_id, &self.name, &action);
        self.ticket += 1;
        let ticket = (Arc::clone(&self.slot), self.ticket);
        match check {
            Err(refusal) => return Answer::Refused(refusal),
            Ok(Check::AlreadyDone) => permit.fence(ticket.0, ticket.1),
            Ok(Check::Apply) => {
                let by = self.name.clone();
                let event = Event::Command { alert_id: alert_id.to_owned(), by, action };
                desk.apply(&mut call, event, desk.clock.now(), permit, None, Some(ticket));
            }
        }
        drop(call);
        self.waiting.push_back((self.ticket, shared));
        Answer::Done(self.ticket)
    }

    /// Asks for help with a call.
    pub fn raise_hand(
        &mut self,
        call_id: &str,
        note: Option<String>,
        permit: Permit<'_, Publication>,
    ) -> Answer {
        let desk = Arc::clone(&self.desk);
        let shared: Option<Arc<SharedCall>> = desk.shelf.live(call_id);
        let unknown = || refused("not_found", format!("no open call `{call_id}`"));
        let Some(shared) = shared else {
            let open = desk
                .hub
                .call_place(call_id)
                .is_some_and(|seen| self.scopes.allow(Place::of_call(&seen)));
            return match open && desk.elsewhere.get().is_some() {
                true => Answer::Elsewhere(call_id.into()),
                false => unknown(),
            };
        };
        let mut call = shared.lock();
        if call.erased || !self.scopes.allow(call.place()) {
            return unknown();
        }
        if !call.is_open() {
            return refused("not_found", format!("call `{call_id}` is over"));
        }
        if !call.state.takes_hand(&call.engine) {
            let most = call.engine.settings.max_alerts_per_call;
            let message = format!("call `{call_id}` has raised {most} alerts, which is the limit");
            return refused("rate_limited", message);
        }
        self.ticket += 1;
        let ticket = Some((Arc::clone(&self.slot), self.ticket));
        let event = Event::RaiseHand { by: self.name.clone(), note };
        desk.apply(&mut call, event, desk.clock.now(), permit, None, ticket);
        drop(call);
        self.waiting.push_back((self.ticket, shared));
        Answer::Done(self.ticket)
    }

    /// The call of a command that is done, if another node took it before that was durable. Asked
    /// in the order of the commands, once each.
    pub fn lost(&mut self, ticket: u64) -> Option<Arc<str>> {
        while self.waiting.front().is_some_and(|(own, _)| *own < ticket) {
            self.waiting.pop_front();
        }
        let (_, shared) = self.waiting.pop_front()?;
        let call = shared.lock();
        call.lost.then(|| Arc::clone(&call.call_id))
    }
}

fn refused(code: &'static str, message: String) -> Answer {
    Answer::Refused(Refusal { code, message })
}
