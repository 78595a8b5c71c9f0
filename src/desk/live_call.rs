//! One call on the desk, and the one way in which it changes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::Desk;
use super::changes::Before;
use super::platform::Link;
use super::quota::Reserved;
use crate::call::Timestamp;
use crate::engine::effects::{CallPhase, Effects, Said, Score};
use crate::engine::event::{Event, Recorded};
use crate::engine::{CallState, Engine};
use crate::hub::{CallNumber, Publication, Shown, Timing};
use crate::journal::{Archive, Claim, CommitSlot, Entry, Permit, Record};
use crate::wire::{Code, Place};

/// What came of an event.
#[derive(Debug, Default)]
pub(super) struct Applied {
    /// Of a chunk.
    pub score: Option<Score>,
    /// The engine failed on it: it was refused in its place.
    pub failed: bool,
}

/// Who waits for a commit, and as which of its submissions.
pub(super) type Ticket = Option<(Arc<CommitSlot>, u64)>;

/// A call and what the desk knows beside its state.
#[derive(Debug)]
pub(super) struct LiveCall {
    pub call_id: Arc<str>,
    pub number: CallNumber,
    pub state: CallState,
    /// What it is judged with: that of its start, as long as rules matter.
    pub engine: Arc<Engine>,
    /// The connection that may write to it.
    pub owner: Option<Arc<Link>>,
    /// Counts it, while it is open, for whoever opened it or came back for it last.
    pub reserved: Option<Reserved>,
    /// When it counts as abandoned, while no connection holds it.
    pub absent_until: Option<Timestamp>,
    /// Before that, no deadline of a rule passes for want of words: the platform has just come
    /// back and may have some to send.
    pub words_until: Option<Timestamp>,
    /// When a timer will look at it.
    pub scheduled: Option<Timestamp>,
    /// At least the bytes of its attributes; an update that replaces one is counted in full.
    pub attributes_bytes: usize,
    /// Final chunks that are in no archive yet.
    pub said: Vec<Arc<Said>>,
    /// Bytes they take.
    pub said_bytes: usize,
    /// Where the journal stood with it when it began, where several nodes write to one; goes
    /// with its first record.
    pub claim: Option<Box<Claim>>,
    /// Taken off the shelf: whoever still holds it must look it up again.
    pub evicted: bool,
    /// Another node has it: what was handed in and is not durable yet never will be.
    pub lost: bool,
    /// It was erased: what still comes of it is not taken.
    pub erased: bool,
}

impl LiveCall {
    pub fn new(call_id: Arc<str>, state: CallState, engine: Arc<Engine>) -> LiveCall {
        LiveCall {
            call_id,
            number: CallNumber::default(),
            state,
            engine,
            owner: None,
            reserved: None,
            absent_until: None,
            words_until: None,
            scheduled: None,
            attributes_bytes: 0,
            said: Vec::new(),
            said_bytes: 0,
            claim: None,
            evicted: false,
            lost: false,
            erased: false,
        }
    }

    /// What scopes look at.
    pub fn place(&self) -> Place<'_> {
        let (queue, team, agent) = self.state.keys();
        Place { queue, team, agent }
    }

    pub fn is_open(&self) -> bool {
        self.state.phase() == CallPhase::Open
    }

    /// Keeps final chunks for the archive. Partials leave no trace.
    pub fn keep(&mut self, said: &[Arc<Said>]) {
        for said in said.iter().filter(|said| said.is_final) {
            self.said_bytes += size_of::<Said>() + said.text.len();
            self.said.push(Arc::clone(said));
        }
    }

    /// Takes them out.
    pub fn take_said(&mut self) -> Vec<Arc<Said>> {
        self.said_bytes = 0;
        std::mem::take(&mut self.said)
    }

    pub fn is_held_by(&self, link: &Arc<Link>) -> bool {
        self.owner.as_ref().is_some_and(|owner| Arc::ptr_eq(owner, link))
    }
}

/// A call behind its lock.
#[derive(Debug)]
pub(super) struct SharedCall(Mutex<LiveCall>);

impl SharedCall {
    pub fn new(call: LiveCall) -> Arc<SharedCall> {
        Arc::new(SharedCall(Mutex::new(call)))
    }

    pub fn lock(&self) -> MutexGuard<'_, LiveCall> {
        // Only a panic of ours poisons it, and `apply` catches those of the engine.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    /// Applies an event, hands it to the journal and plans the next timer: every change of a
    /// call comes through here, with the call locked.
    pub(super) fn apply(
        &self,
        call: &mut LiveCall,
        event: Event,
        at: Timestamp,
        permit: Permit<'_, Publication>,
        read: Option<Instant>,
        ticket: Ticket,
    ) -> Applied {
        let was_open = call.is_open();
        let before = Before::of(&call.state, &event);
        let scoring = Instant::now();
        let (event, mut effects, failed) = self.effects(call, event, at);
        let held = self.budget.over(&call.state, &effects.warned, at);
        call.state.hold(&held, &mut effects);
        let recorded = Recorded { at, event, held };
        let scored = Instant::now();
        self.metrics.events.inc();
        self.metrics.apply_seconds.observe((scored - scoring).as_secs_f64());
        let timing = read.map(|read| Timing { read, scoring, scored });
        let archived = !was_open || !call.is_open();
        let score = self.submit(call, before, recorded, effects, timing, archived, permit, ticket);
        if was_open != call.is_open() {
            self.shelf.phase_changed(call);
            call.reserved = None;
        }
        if call.state.ended_for_good() {
            call.engine = self.engines.present();
        }
        self.schedule(call);
        Applied { score, failed }
    }

    /// Drops the oldest ended calls over the limit. Called without any call locked.
    pub(super) fn evict(&self) {
        self.shelf.evict(|call| {
            // Without room in the journal the call stays a little longer.
            let Some(permit) = self.journal.try_permit() else { return false };
            self.apply(call, Event::Forgotten, self.clock.now(), permit, None, None);
            true
        });
    }

    /// The engine's answer, and whether it failed. Should the engine ever panic, the event is
    /// refused for good in its place, so that the same message sent again does not stop the call
    /// for ever. What the engine had changed before it failed stays; a restart folds the refusal
    /// and does not have it.
    fn effects(&self, call: &mut LiveCall, event: Event, at: Timestamp) -> (Event, Effects, bool) {
        let state = &mut call.state;
        let engine: &Engine = &call.engine;
        match catch_unwind(AssertUnwindSafe(|| state.apply(engine, &event, at))) {
            Ok(effects) => (event, effects, false),
            Err(_) => {
                self.metrics.engine_panicked(&call.call_id, at);
                let seq = seq_of(&event).unwrap_or_else(|| state.last_seq());
                let refused = Event::Refused { seq, code: Code::Internal.name().into() };
                let effects = state.apply(engine, &refused, at);
                (refused, effects, true)
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one record")]
    fn submit(
        &self,
        call: &mut LiveCall,
        before: Before,
        recorded: Recorded,
        effects: Effects,
        timing: Option<Timing>,
        archived: bool,
        permit: Permit<'_, Publication>,
        ticket: Ticket,
    ) -> Option<Score> {
        let (publication, score) = self.publication(call, effects, timing);
        self.metrics.alert_changes.inc_by(publication.alerts.len() as u64);
        self.budget.see(&call.call_id, &publication.alerts);
        self.watch_tiers(&call.call_id, &publication.alerts);
        call.keep(&publication.said);
        // A call that goes on for long brings its first part to the tables before its end.
        let early = !archived && call.said_bytes > self.settings.max_unarchived_bytes;
        self.metrics.early_archives.inc_by(u64::from(early));
        let archive = (archived || early).then(|| {
            let said = call.take_said();
            let view = match &publication.shown {
                Shown::Whole(view) => Arc::clone(view),
                Shown::Moved(_) | Shown::Kept => Arc::new(call.state.view(&call.engine)),
            };
            Box::new(Archive::of(&call.state, view, said))
        });
        let begins = matches!(recorded.event, Event::Start(_));
        let ruleset = begins.then(|| call.engine.ruleset.clone());
        let call_id = Arc::clone(&call.call_id);
        let changes = before.changes(&publication);
        let shown = publication.call();
        let claim = call.claim.take();
        let base_offset = 0;
        let record = Record {
            call_id,
            recorded,
            base_offset,
            archive,
            ruleset,
            changes,
            call: shown,
            claim,
        };
        let messages = publication.messages();
        permit.submit(Entry { record, messages, payload: publication }, ticket);
        score
    }

    /// The record of a call that begins.
    pub(super) fn submit_start(
        &self,
        call: &mut LiveCall,
        event: Event,
        effects: Effects,
        at: Timestamp,
        permit: Permit<'_, Publication>,
        ticket: Ticket,
    ) {
        self.metrics.events.inc();
        let recorded = Recorded { at, event, held: Vec::new() };
        let before = Before::default();
        self.submit(call, before, recorded, effects, None, false, permit, ticket);
    }

    pub(super) fn publication(
        &self,
        call: &LiveCall,
        effects: Effects,
        timing: Option<Timing>,
    ) -> (Publication, Option<Score>) {
        let Effects { score, said, risk, alerts, warned: _, call: change, over, rules: _ } =
            effects;
        self.metrics.over_limits(over);
        let shown = match change {
            Some(_) => Shown::Whole(Arc::new(call.state.view(&call.engine))),
            None => Shown::Moved(call.state.progress()),
        };
        let alerts = alerts.into_iter().map(Arc::new).collect();
        let (call_id, number) = (Arc::clone(&call.call_id), call.number.clone());
        (Publication { call_id, number, shown, change, risk, said, alerts, timing }, score)
    }
}

fn seq_of(event: &Event) -> Option<u64> {
    match event {
        Event::Chunk(chunk) => Some(chunk.seq),
        Event::Update(update) => Some(update.seq),
        Event::End(end) => Some(end.seq),
        Event::Refused { seq, .. } => Some(*seq),
        _ => None,
    }
}
