//! Which calls a platform may open, resume and move, by the scopes of its token. Others are as if
//! they were not there: `forbidden` reads like `unknown_call`.

use std::sync::Arc;

use super::Desk;
use super::live_call::LiveCall;
use super::platform::Platform;
use super::shelf::Known;
use super::taken::{address, unknown};
use crate::engine::event::{CallStart, CallUpdate, Event};
use crate::wire::{Code, Place, Problem, Scopes};

impl Platform {
    /// The same, for which calls outside are as if they were not there.
    #[must_use]
    pub fn within(mut self, scopes: Arc<Scopes>) -> Platform {
        self.scopes = scopes;
        self
    }

    /// Whether it may write to a call of that id: the one that is there, or one that would begin
    /// at that place.
    pub fn may_reach(&self, call_id: &str, place: Place<'_>) -> bool {
        self.scopes.is_all()
            || match self.desk().shelf.find(call_id) {
                None => self.scopes.allow(place),
                Some(Known::Over(_)) => false,
                Some(Known::Live(call)) => self.scopes.allow(call.lock().place()),
            }
    }

    pub(super) fn may_open(&self, start: &CallStart) -> bool {
        self.scopes.allow(Place {
            queue: start.queue.as_deref(),
            team: start.team.as_deref(),
            agent: start.agent_id.as_deref(),
        })
    }

    /// The `seq` at which a call was ended, if that is for this platform to know.
    pub(super) fn ended_at(&self, desk: &Desk, call_id: &str) -> Option<u64> {
        let sees = || match desk.shelf.find(call_id) {
            Some(Known::Live(call)) => self.scopes.allow(call.lock().place()),
            _ => false,
        };
        desk.shelf.ended_at(call_id).filter(|_| self.scopes.is_all() || sees())
    }

    /// [`Desk::admit`], and no update takes a call out of reach.
    pub(super) fn admit_within(
        &self,
        desk: &Desk,
        call: &mut LiveCall,
        event: Event,
    ) -> (Event, Option<Problem>) {
        if let Event::Update(CallUpdate { seq, queue, team, agent_id, .. }) = &event {
            let now = call.place();
            let after = Place {
                queue: queue.as_ref().map_or(now.queue, Option::as_deref),
                team: team.as_ref().map_or(now.team, Option::as_deref),
                agent: agent_id.as_ref().map_or(now.agent, Option::as_deref),
            };
            if !self.scopes.allow(after) {
                let problem = forbidden(&call.call_id, Some(*seq));
                desk.metrics.message_refused(&call.call_id, *seq, problem.code.name());
                let refused = Event::Refused { seq: *seq, code: problem.code.name().into() };
                return (refused, Some(problem));
            }
        }
        desk.admit(call, event)
    }
}

/// The answer about a call that is out of reach.
pub(super) fn forbidden(call_id: &str, seq: Option<u64>) -> Problem {
    address(Code::Forbidden, unknown(call_id), call_id, seq)
}
