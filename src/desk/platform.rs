//! A call platform's connection: order, duplicates, gaps, resume, takeover.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use foldhash::{HashMap, HashMapExt};

use super::Desk;
use super::live_call::{Applied, LiveCall, SharedCall, Ticket};
use super::quota::{Quota, Reserved};
use super::reach::forbidden;
use super::shelf::Known;
use super::taken::{Later, Now, Taken, ack, address, internal, taken_over, too_many, unknown};
use crate::engine::CallState;
use crate::engine::event::{CallStart, CallUpdate, Event};
use crate::hub::Publication;
use crate::journal::{Claim, CommitSlot, Permit};
use crate::wire::{Body, Code, Message, Problem, Scopes};

/// Lost calls a connection remembers, to say `taken_over` instead of `unknown_call`.
const MAX_LOST: usize = 1_024;

/// A connection as the calls it holds see it.
#[derive(Debug, Default)]
pub(super) struct Link {
    pub(super) slot: Arc<CommitSlot>,
    pub(super) lost: Mutex<Vec<Arc<str>>>,
}

/// One connection of a call platform.
#[derive(Debug)]
pub struct Platform {
    desk: Arc<Desk>,
    link: Arc<Link>,
    ticket: u64,
    calls: HashMap<Arc<str>, Hold>,
    held: usize,
    /// How long its calls wait for another connection when this one is gone.
    grace_s: u32,
    /// Calls outside are as if they were not there.
    pub(super) scopes: Arc<Scopes>,
    /// Whose calls they are, where those are counted.
    quota: Option<Arc<Quota>>,
    /// The call that was looked for on other nodes last, when it is on none.
    pub(super) brought: Option<(Arc<str>, Box<Claim>)>,
}

/// What a connection knows of a call it started.
#[derive(Debug)]
enum Hold {
    /// It may write to it.
    Mine {
        call: Arc<SharedCall>,
        /// A gap was answered; nothing more is said until the missing message comes.
        nacked: bool,
    },
    /// Another connection has it.
    Lost,
}

impl Platform {
    /// A connection that holds no call yet.
    pub fn new(desk: Arc<Desk>) -> Platform {
        let grace_s = desk.settings.resume_grace_s;
        Platform {
            desk,
            link: Arc::default(),
            ticket: 0,
            calls: HashMap::new(),
            held: 0,
            grace_s,
            scopes: Arc::default(),
            quota: None,
            brought: None,
        }
    }

    /// One that lasts for a single request; its calls then wait longer for the next.
    pub fn of_webhooks(desk: Arc<Desk>) -> Platform {
        let grace_s = desk.settings.webhook_grace_s;
        let mut platform = Platform::new(desk);
        platform.grace_s = grace_s;
        platform
    }

    /// Its calls count among those of `quota`.
    #[must_use]
    pub fn counted(mut self, quota: &Arc<Quota>) -> Platform {
        self.quota = Some(Arc::clone(quota));
        self
    }

    /// Hears of commits and of calls that were taken over.
    pub fn slot(&self) -> &Arc<CommitSlot> {
        &self.link.slot
    }

    /// Calls it holds.
    pub fn held_calls(&self) -> usize {
        self.held
    }

    /// Calls that other connections took since the last time, each once.
    pub fn take_lost(&mut self) -> Vec<Arc<str>> {
        let mut lost = {
            let mut lost = self.link.lost.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *lost)
        };
        // One that was started again since, or of whose loss it was told already, is known.
        lost.retain(|call_id| {
            let gone = match self.calls.get(call_id) {
                Some(Hold::Mine { call, .. }) => !call.lock().is_held_by(&self.link),
                _ => false,
            };
            if gone {
                self.lose(call_id);
            }
            gone
        });
        lost
    }

    /// Whether another node took a call before what was sent last was durable.
    pub fn was_lost(&self) -> bool {
        self.calls.values().any(|hold| match hold {
            Hold::Mine { call, .. } => call.lock().lost,
            Hold::Lost => false,
        })
    }

    /// The desk it belongs to.
    pub fn desk(&self) -> &Arc<Desk> {
        &self.desk
    }

    /// Takes one message, or the problem it turned out to be. `read` is when its frame was read;
    /// `permit` is room in the journal.
    pub fn take(
        &mut self,
        message: Result<Message<'_>, Problem>,
        read: Instant,
        permit: Permit<'_, Publication>,
    ) -> Taken {
        let desk = Arc::clone(&self.desk);
        let Message { call_id, body } = match message {
            Ok(message) => message,
            Err(problem) => return self.problem(&desk, problem, permit, read),
        };
        let event = match body {
            Body::Start(start) => return self.start(&desk, start, permit),
            Body::Chunk(chunk) => Event::Chunk(chunk),
            Body::Update(update) => Event::Update(update),
            Body::End(end) => Event::End(end),
        };
        self.event(&desk, &call_id, event, permit, read)
    }

    fn ticket(&mut self) -> (Ticket, u64) {
        self.ticket += 1;
        (Some((Arc::clone(&self.link.slot), self.ticket)), self.ticket)
    }

    fn start(
        &mut self,
        desk: &Arc<Desk>,
        start: CallStart,
        permit: Permit<'_, Publication>,
    ) -> Taken {
        let mine = matches!(self.calls.get(start.call_id.as_str()), Some(Hold::Mine { .. }));
        let most = desk.settings.max_calls_per_connection;
        if !mine && self.held >= most {
            desk.metrics.too_many_calls(most);
            return Taken::refused(too_many(start.call_id, most, "on this connection"));
        }
        // Of use for this message only.
        let mut brought = self.brought.take().filter(|own| *own.0 == *start.call_id);
        loop {
            let mut shard = desk.shelf.shard(&start.call_id);
            let known = shard.get_key_value(start.call_id.as_str());
            let known = known.map(|(call_id, known)| (Arc::clone(call_id), known.clone()));
            match known {
                None => {
                    if !self.may_open(&start) {
                        return Taken::refused(forbidden(&start.call_id, None));
                    }
                    if brought.is_none() && desk.elsewhere.get().is_some() {
                        return Taken::elsewhere(&start.call_id);
                    }
                    let reserved = match self.reserve(desk, &start.call_id) {
                        Ok(reserved) => reserved,
                        Err(problem) => return Taken::refused(problem),
                    };
                    let claim = brought.take().map(|(_, claim)| claim);
                    let mut call = self.open(desk, start, claim, permit);
                    call.reserved = reserved;
                    let call_id = Arc::clone(&call.call_id);
                    let call = SharedCall::new(call);
                    shard.insert(Arc::clone(&call_id), Known::Live(Arc::clone(&call)));
                    self.hold(Arc::clone(&call_id), call);
                    return self.started(call_id, 0, false, false);
                }
                Some((call_id, Known::Over(last_seq))) => {
                    drop(shard);
                    // Nobody knows any more where it was.
                    if !self.scopes.is_all() {
                        return Taken::refused(forbidden(&call_id, None));
                    }
                    let (ticket, _) = self.ticket();
                    fence(permit, ticket);
                    return self.started(call_id, last_seq, false, true);
                }
                Some((_, Known::Live(call))) => {
                    drop(shard);
                    let mut locked = call.lock();
                    if !locked.evicted && !self.scopes.allow(locked.place()) {
                        return Taken::refused(forbidden(&start.call_id, None));
                    }
                    if !locked.evicted {
                        return self.resume(desk, &call, &mut locked, permit);
                    }
                }
            }
        }
    }

    /// Takes a place among the open calls.
    fn reserve(&self, desk: &Desk, call_id: &str) -> Result<Option<Reserved>, Problem> {
        let refused = |most, place| {
            desk.metrics.too_many_calls(most);
            too_many(call_id.to_owned(), most, place)
        };
        let reserved = match &self.quota {
            None => None,
            Some(quota) => match quota.reserve() {
                None => return Err(refused(quota.most(), "with this token or from this address")),
                reserved => reserved,
            },
        };
        match desk.shelf.reserve() {
            true => Ok(reserved),
            false => Err(refused(desk.settings.max_open_calls, "here")),
        }
    }

    /// Opens a call that is not known. The caller holds the shard, so nobody sees it half made.
    fn open(
        &mut self,
        desk: &Desk,
        mut start: CallStart,
        claim: Option<Box<Claim>>,
        permit: Permit<'_, Publication>,
    ) -> LiveCall {
        let at = desk.clock.now();
        let engine = desk.engines.present();
        start.ruleset = Some(engine.ruleset.hash.to_string());
        let call_id: Arc<str> = Arc::from(start.call_id.as_str());
        let bytes = attribute_bytes(&start.attributes);
        let (state, effects) = CallState::open(&engine, start.clone(), at);
        let mut call = LiveCall::new(call_id, state, engine);
        call.owner = Some(Arc::clone(&self.link));
        call.attributes_bytes = bytes;
        call.claim = claim;
        let (ticket, _) = self.ticket();
        desk.submit_start(&mut call, Event::Start(start), effects, at, permit, ticket);
        desk.schedule(&mut call);
        call
    }

    /// `call_start` of a call that is known.
    fn resume(
        &mut self,
        desk: &Desk,
        shared: &Arc<SharedCall>,
        call: &mut LiveCall,
        permit: Permit<'_, Publication>,
    ) -> Taken {
        let call_id = Arc::clone(&call.call_id);
        let ended = call.state.ended_for_good();
        let reopened = !ended && !call.is_open();
        let reserved = match reopened.then(|| self.reserve(desk, &call_id)) {
            Some(Err(problem)) => return Taken::refused(problem),
            Some(Ok(reserved)) => reserved,
            None => self.quota.as_ref().filter(|_| !ended).map(Quota::take_over),
        };
        let (ticket, _) = self.ticket();
        if reopened {
            desk.metrics.call_reopened(&call_id);
            desk.apply(call, Event::Reopened, desk.clock.now(), permit, None, ticket);
        } else {
            fence(permit, ticket);
        }
        if !ended {
            call.absent_until = None;
            call.reserved = reserved;
            let delay_ms = call.engine.settings.transcript_delay_ms;
            call.words_until = Some(desk.clock.now().plus_ms(delay_ms));
            let before = call.owner.replace(Arc::clone(&self.link));
            if let Some(before) = before.filter(|link| !Arc::ptr_eq(link, &self.link)) {
                desk.metrics.call_taken_over(&call_id);
                let mut lost = before.lost.lock().unwrap_or_else(PoisonError::into_inner);
                lost.push(Arc::clone(&call_id));
                drop(lost);
                before.slot.wake();
            }
            desk.schedule(call);
            self.hold(Arc::clone(&call_id), Arc::clone(shared));
        }
        self.started(call_id, call.state.last_seq(), reopened, ended)
    }

    fn started(&self, call_id: Arc<str>, last_seq: u64, reopened: bool, ended: bool) -> Taken {
        let started = Later::Started { call_id, last_seq, reopened, ended };
        Taken { later: Some((self.ticket, started)), ..Taken::default() }
    }

    fn event(
        &mut self,
        desk: &Desk,
        call_id: &str,
        event: Event,
        permit: Permit<'_, Publication>,
        read: Instant,
    ) -> Taken {
        let seq = match &event {
            Event::Chunk(chunk) => chunk.seq,
            Event::Update(update) => update.seq,
            Event::End(end) => end.seq,
            Event::Refused { seq, .. } => *seq,
            _ => return Taken::default(),
        };
        let Some(Hold::Mine { call, nacked }) = self.calls.get_mut(call_id) else {
            return self.not_held(desk, call_id, seq, permit);
        };
        let shared = Arc::clone(call);
        let mut call = shared.lock();
        if call.erased {
            drop(call);
            self.release(call_id);
            return self.not_held(desk, call_id, seq, permit);
        }
        if !call.is_held_by(&self.link) {
            drop(call);
            self.lose(call_id);
            return Taken::refused(taken_over(call_id, Some(seq)));
        }
        let id = Arc::clone(&call.call_id);
        let expected = call.state.last_seq() + 1;
        if seq < expected {
            desk.metrics.duplicates.inc();
            // What it repeats was handed in before; the newest ticket covers it.
            return ack(self.ticket, id, call.state.last_seq(), None);
        }
        if seq > expected {
            desk.metrics.gaps.inc();
            let first = !std::mem::replace(nacked, true);
            let now = first.then_some(Now::Nack { call_id: id, expected });
            return Taken { now, ..Taken::default() };
        }
        *nacked = false;
        let (event, problem) = match self.scopes.is_all() {
            true => desk.admit(&mut call, event),
            false => self.admit_within(desk, &mut call, event),
        };
        self.ticket += 1;
        let ticket = Some((Arc::clone(&self.link.slot), self.ticket));
        let Applied { score, failed } =
            desk.apply(&mut call, event, desk.clock.now(), permit, Some(read), ticket);
        let problem = problem.or_else(|| failed.then(|| internal(call_id, seq)));
        let over = !call.is_open();
        if over {
            call.owner = None;
        }
        drop(call);
        if over {
            self.release(call_id);
            desk.evict();
        }
        let taken = ack(self.ticket, id, seq, score.map(Box::new));
        Taken { now: problem.map(Now::Refused), ..taken }
    }

    /// A message that could not be decoded. With an address it holds its place in the call.
    fn problem(
        &mut self,
        desk: &Desk,
        problem: Problem,
        permit: Permit<'_, Publication>,
        read: Instant,
    ) -> Taken {
        let (Some(call_id), Some(seq)) = (problem.call_id.as_deref(), problem.seq) else {
            return Taken::refused(problem);
        };
        let Some(Hold::Mine { call, .. }) = self.calls.get(call_id) else {
            // Of a call that is over, what was received is acked again, bad or not.
            return match self.ended_at(desk, call_id) {
                Some(last_seq) if seq <= last_seq => self.not_held(desk, call_id, seq, permit),
                _ => Taken::refused(problem),
            };
        };
        let repeated = call.lock().state.last_seq() >= seq;
        let code = problem.code.name();
        let event = Event::Refused { seq, code: code.into() };
        if repeated {
            // Acked again without other effect, like everything that is sent twice.
            return self.event(desk, call_id, event, permit, read);
        }
        desk.metrics.message_refused(call_id, seq, code);
        let taken = self.event(desk, call_id, event, permit, read);
        match taken.now {
            // After a gap it will come again and be refused then.
            None if taken.later.is_none() => taken,
            None => Taken { now: Some(Now::Refused(problem)), ..taken },
            Some(_) => taken,
        }
    }

    fn not_held(
        &mut self,
        desk: &Desk,
        call_id: &str,
        seq: u64,
        permit: Permit<'_, Publication>,
    ) -> Taken {
        match self.ended_at(desk, call_id) {
            Some(last_seq) if seq <= last_seq => {
                desk.metrics.duplicates.inc();
                let (ticket, number) = self.ticket();
                fence(permit, ticket);
                ack(number, Arc::from(call_id), last_seq, None)
            }
            Some(last_seq) => {
                let text = format!("call `{call_id}` was ended by call_end at seq {last_seq}");
                Taken::refused(address(Code::CallEnded, text, call_id, Some(seq)))
            }
            None if self.calls.contains_key(call_id) => {
                Taken::refused(taken_over(call_id, Some(seq)))
            }
            None => {
                Taken::refused(address(Code::UnknownCall, unknown(call_id), call_id, Some(seq)))
            }
        }
    }

    fn hold(&mut self, call_id: Arc<str>, call: Arc<SharedCall>) {
        let before = self.calls.insert(call_id, Hold::Mine { call, nacked: false });
        if !matches!(before, Some(Hold::Mine { .. })) {
            self.held += 1;
        }
    }

    fn release(&mut self, call_id: &str) {
        if let Some(Hold::Mine { .. }) = self.calls.remove(call_id) {
            self.held -= 1;
        }
    }

    fn lose(&mut self, call_id: &str) {
        self.release(call_id);
        if self.calls.len() - self.held >= MAX_LOST {
            self.calls.retain(|_, hold| matches!(hold, Hold::Mine { .. }));
        }
        self.calls.insert(Arc::from(call_id), Hold::Lost);
    }
}

impl Drop for Platform {
    /// The connection is gone; its calls wait for another one.
    fn drop(&mut self) {
        let grace_ms = i64::from(self.grace_s) * 1_000;
        for hold in self.calls.values() {
            let Hold::Mine { call, .. } = hold else { continue };
            let mut call = call.lock();
            if call.is_held_by(&self.link) {
                call.owner = None;
                call.absent_until = Some(self.desk.clock.now().plus_ms(grace_ms));
                self.desk.schedule(&mut call);
            }
        }
    }
}

impl Desk {
    /// What of an event that is next in line is applied: the event, redacted, or its refusal.
    pub(super) fn admit(&self, call: &mut LiveCall, mut event: Event) -> (Event, Option<Problem>) {
        if let Event::Chunk(chunk) = &mut event {
            call.state.redact(&call.engine, chunk);
        }
        let Event::Update(CallUpdate { seq, attributes, .. }) = &event else {
            return (event, None);
        };
        let limit = self.settings.max_call_attributes_bytes;
        let added = attribute_bytes(attributes);
        if call.attributes_bytes + added > limit {
            // Count what is really there before refusing.
            let view = call.state.view(&call.engine);
            call.attributes_bytes = attribute_bytes(&view.attributes);
        }
        if call.attributes_bytes + added > limit {
            let text = format!("call_update: the call's attributes would exceed {limit} bytes");
            let problem = address(Code::BadMessage, text, &call.call_id, Some(*seq));
            self.metrics.message_refused(&call.call_id, *seq, problem.code.name());
            return (Event::Refused { seq: *seq, code: problem.code.name().into() }, Some(problem));
        }
        call.attributes_bytes += added;
        (event, None)
    }
}

fn attribute_bytes(attributes: &serde_json::Map<String, serde_json::Value>) -> usize {
    if attributes.is_empty() {
        return 0;
    }
    serde_json::to_string(attributes).map_or(usize::MAX / 2, |json| json.len())
}

fn fence(permit: Permit<'_, Publication>, ticket: Ticket) {
    if let Some((slot, ticket)) = ticket {
        permit.fence(slot, ticket);
    }
}
