//! The calls of one connection of a vendor: what it sent, as messages for the desk.
//!
//! The desk answers at its own pace, so messages wait in a queue: the caller takes one with
//! [`Adapter::next`], gives it to the desk, and says here what became of it.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

use super::recognise::{self, Read};
use super::session::{Phase, Session};
use super::{About, Event, Format, Memory, Reading, Roles};
use crate::engine::event::{CallEnd, CallStart, CallUpdate};
use crate::wire::ingest::{Body, Message, call_id_is_usable};
use crate::wire::{Code, Problem, Settings};

/// What the URL says of the calls of a connection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// The call that all messages are about.
    pub call_id: Option<String>,
    /// What is known of it; stands before what the vendor says.
    pub about: About,
    /// Who speaks on which channel.
    pub roles: Roles,
}

/// What did not become a chunk, and chunks of nobody knows whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages of kinds that are not used, and messages to calls that are over.
    pub skipped: u64,
    /// Chunks whose speaker no role is known for.
    pub unknown_speakers: u64,
}

/// The calls of one connection.
#[derive(Debug)]
pub struct Adapter {
    format: Format,
    facts: Facts,
    /// In ids of segments, and of a call that nobody names.
    nonce: String,
    memory: Memory,
    /// The call that was named last, for messages that name none.
    current: Option<String>,
    /// The stream that was named last, for the same.
    stream: Option<String>,
    sessions: HashMap<String, Session>,
    max_calls: usize,
    queue: VecDeque<Queued>,
    counts: Counts,
}

#[derive(Debug)]
struct Queued {
    call_id: String,
    stream: Option<String>,
    step: Step,
}

#[derive(Debug)]
enum Step {
    /// Not yet looked at: the call may have to be opened first.
    Raw(Event, Box<About>),
    /// Ready but for its number.
    Ready(Body),
}

impl Adapter {
    /// A connection without calls. `nonce` is a short name that no other connection has;
    /// `max_calls` is the most calls it may have open.
    pub fn new(format: Format, facts: Facts, nonce: String, max_calls: usize) -> Adapter {
        Adapter {
            format,
            facts,
            nonce,
            memory: Memory::default(),
            current: None,
            stream: None,
            sessions: HashMap::new(),
            max_calls,
            queue: VecDeque::new(),
            counts: Counts::default(),
        }
    }

    /// The format; what `auto` found, once it has.
    pub fn format(&self) -> Format {
        self.format
    }

    /// What was counted since the last time.
    pub fn take_counts(&mut self) -> Counts {
        std::mem::take(&mut self.counts)
    }

    /// Whether messages wait for the desk.
    pub fn is_waiting(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Reads one frame. False when `auto` found that it is protocol v1 itself.
    ///
    /// # Errors
    /// The first [`Problem`] of its messages; the others are taken in.
    pub fn read(&mut self, text: &str, settings: &Settings) -> Result<bool, Problem> {
        let Read { format, readings } = recognise::message(self.format, text, &mut self.memory)?;
        self.format = format;
        if format == Format::Native {
            return Ok(false);
        }
        let mut problem = None;
        for reading in readings {
            let pushed = reading.and_then(|reading| self.push(reading, settings));
            problem = problem.or(pushed.err());
        }
        problem.map_or(Ok(true), Err)
    }

    /// Takes in what one message says.
    ///
    /// # Errors
    /// A [`Problem`] when its call cannot be had.
    pub fn push(&mut self, reading: Reading, settings: &Settings) -> Result<(), Problem> {
        let Reading { call, message_id, stream, about, events } = reading;
        if call.is_some() {
            self.current = call;
        }
        if stream.is_some() {
            self.stream.clone_from(&stream);
        }
        if events.is_empty() {
            self.counts.skipped += 1;
            return Ok(());
        }
        let named = self.facts.call_id.as_ref().or(self.current.as_ref()).cloned();
        let call_id = named.unwrap_or_else(|| format!("{}-{}", self.format.name(), self.nonce));
        let current = self.stream.clone();
        let later = stream.as_deref().and_then(|leg| self.later(&call_id, leg, &events));
        let previous = later.as_ref().map(|_| call_id.clone());
        let call_id = later.unwrap_or(call_id);
        let session = self.session(&call_id, settings)?;
        session.previous = previous;
        if !session.is_new(message_id.as_deref()) {
            return Ok(());
        }
        session.learn(&about);
        let events = session.pass(events, current.as_deref(), stream.as_deref());
        for (event, stream) in events {
            let step = Step::Raw(event, Box::new(about.clone()));
            self.queue.push_back(Queued { call_id: call_id.clone(), stream, step });
        }
        Ok(())
    }

    /// The call that what is said on `leg` belongs to when `call_id` has ended without that leg:
    /// somebody paused the transcription, or handed the caller on. An ended call stays ended.
    fn later(&self, call_id: &str, leg: &str, events: &[Event]) -> Option<String> {
        let is_said = |event: &Event| matches!(event, Event::Said(said) if !said.text.is_empty());
        let later = format!("{call_id}~{leg}");
        let begins = self.sessions.get(call_id)?.is_before(leg) && events.iter().any(is_said);
        (begins || self.sessions.contains_key(&later)).then_some(later)
    }

    fn session(&mut self, call_id: &str, settings: &Settings) -> Result<&mut Session, Problem> {
        if !self.sessions.contains_key(call_id) {
            call_id_is_usable(call_id, settings)
                .map_err(|text| Problem::new(Code::BadMessage, text))?;
            if self.sessions.len() >= self.max_calls {
                self.sessions.retain(|_, session| session.phase != Phase::Over);
            }
            if self.sessions.len() >= self.max_calls {
                let text = format!("{} calls are open on this connection", self.max_calls);
                return Err(Problem::new(Code::TooManyCalls, text));
            }
        }
        let (nonce, about) = (&self.nonce, &self.facts.about);
        Ok(self.sessions.entry(call_id.to_owned()).or_insert_with(|| {
            let mut session = Session::new(nonce);
            session.learn(about);
            session
        }))
    }

    /// The next message for the desk. It stays the next one until one of the methods below says
    /// what became of it.
    pub fn next(&mut self, settings: &Settings) -> Option<Message<'static>> {
        loop {
            let Queued { call_id, stream, step } = self.queue.front_mut()?;
            let Some(session) = self.sessions.get_mut(call_id) else {
                // Over, and its place was needed.
                self.queue.pop_front();
                continue;
            };
            match session.phase {
                Phase::New => {
                    let start = Body::Start(start(call_id, session, settings));
                    return Some(Message { call_id: Cow::Owned(call_id.clone()), body: start });
                }
                Phase::Over => {
                    self.counts.skipped += u64::from(!matches!(step, Step::Raw(Event::Start, _)));
                    self.queue.pop_front();
                    continue;
                }
                Phase::Open => {}
            }
            if let Step::Raw(event, about) = step {
                let event = std::mem::replace(event, Event::Start);
                let unknown = &mut self.counts.unknown_speakers;
                let roles = &self.facts.roles;
                let body = match event {
                    Event::Start => None,
                    Event::Said(said) => {
                        session.chunk(said, stream.as_deref(), roles, unknown).map(Body::Chunk)
                    }
                    Event::Update => Some(Body::Update(update(about, settings))),
                    Event::End { reason } | Event::Close { reason } => {
                        Some(Body::End(CallEnd { reason, ..CallEnd::default() }))
                    }
                };
                let Some(body) = body else {
                    self.queue.pop_front();
                    continue;
                };
                *step = Step::Ready(body);
            }
            let Step::Ready(body) = step else { continue };
            let body = numbered(body.clone(), session.seq + 1);
            return Some(Message { call_id: Cow::Owned(call_id.clone()), body });
        }
    }

    /// Whether `started` should say up to which time the call is known.
    pub fn needs_time(&self, call_id: &str) -> bool {
        self.sessions.get(call_id).is_some_and(|session| !session.was_started())
    }

    /// The desk has the call. `at_ms` is the call time of its latest word.
    pub fn started(&mut self, call_id: &str, last_seq: u64, at_ms: i64, ended: bool) {
        if let Some(session) = self.sessions.get_mut(call_id) {
            session.started(last_seq, at_ms);
            if ended {
                session.end();
            }
        }
    }

    /// The desk had given the call up: its open partials counted as final then.
    pub fn reopened(&mut self, call_id: &str) {
        if let Some(session) = self.sessions.get_mut(call_id) {
            session.close_partials();
        }
    }

    /// The desk took the next message under its number.
    pub fn taken(&mut self) {
        let Some(Queued { call_id, step, .. }) = self.queue.pop_front() else { return };
        if let Some(session) = self.sessions.get_mut(&call_id) {
            session.seq += 1;
            if matches!(step, Step::Ready(Body::End(_))) {
                session.end();
            }
        }
    }

    /// Another connection has the call. It is asked for again before its next message: vendors
    /// may use one connection for each channel, and none of them knows of taking over.
    pub fn lost(&mut self, call_id: &str) {
        if let Some(session) = self.sessions.get_mut(call_id)
            && session.phase == Phase::Open
        {
            session.phase = Phase::New;
        }
    }

    /// The connection itself is another one.
    pub fn lost_all(&mut self) {
        for session in self.sessions.values_mut().filter(|it| it.phase == Phase::Open) {
            session.phase = Phase::New;
        }
    }

    /// Calls were erased. Those that the desk has no more, without another connection having taken
    /// them, are over here, too, and of what was held back of them nothing is left.
    pub fn erase(&mut self, is_known: impl Fn(&str) -> bool) {
        let mut gone = Vec::new();
        for (call_id, session) in &mut self.sessions {
            if session.phase == Phase::Open && !is_known(call_id) {
                session.end();
                gone.push(call_id.clone());
            }
        }
        if !gone.is_empty() {
            self.queue.retain(|queued| !gone.contains(&queued.call_id));
            self.memory = Memory::default();
        }
    }

    /// The desk refused the next message, and with it, what waits for the same call.
    pub fn refused(&mut self) {
        let Some(Queued { call_id, .. }) = self.queue.pop_front() else { return };
        self.queue.retain(|queued| queued.call_id != call_id);
    }
}

fn start(call_id: &str, session: &Session, settings: &Settings) -> CallStart {
    let About { started_at, queue, team, agent_id, lang, attributes } = session.about.clone();
    let short = |name: Option<String>| name.filter(|name| name.len() <= settings.max_name_bytes);
    CallStart {
        call_id: call_id.to_owned(),
        started_at,
        queue: short(queue),
        team: short(team),
        agent_id: short(agent_id),
        lang: short(lang),
        previous_call_id: session.previous.clone(),
        attributes: small(attributes, settings),
        ruleset: None,
    }
}

fn update(about: &About, settings: &Settings) -> CallUpdate {
    let short = |name: &Option<String>| {
        name.clone().filter(|name| name.len() <= settings.max_name_bytes).map(Some)
    };
    CallUpdate {
        seq: 0,
        queue: short(&about.queue),
        team: short(&about.team),
        agent_id: short(&about.agent_id),
        attributes: small(about.attributes.clone(), settings),
    }
}

/// Attributes within the limit of a message, or none: a call matters more than what is known
/// about it.
fn small(
    attributes: serde_json::Map<String, serde_json::Value>,
    settings: &Settings,
) -> serde_json::Map<String, serde_json::Value> {
    let bytes = serde_json::to_string(&attributes).map_or(usize::MAX, |json| json.len());
    if bytes <= settings.max_attributes_bytes { attributes } else { serde_json::Map::new() }
}

fn numbered(mut body: Body, number: u64) -> Body {
    match &mut body {
        Body::Start(_) => {}
        Body::Chunk(chunk) => chunk.seq = number,
        Body::Update(update) => update.seq = number,
        Body::End(end) => end.seq = number,
    }
    body
}
