//! One call as a vendor tells it: readings in, numbered messages of protocol v1 out.
//!
//! Here the rules that all formats share are kept: repeats are dropped, a partial and its final
//! are one segment, speakers get roles, times become call time.

use super::hold::Hold;
use super::legs::Legs;
use super::parts::Parts;
use super::timeline::Timeline;
use super::window::{Window, hash};
use super::{About, Event, Key, Roles, Said, Time};
use crate::call::Speaker;
use crate::engine::event::Chunk;

/// Most tracks of a call told apart; the oldest is forgotten.
const MAX_TRACKS: usize = 64;
/// Most partials remembered to recognise a repeat.
const MAX_PARTIALS: usize = 64;
/// Finals and ids of messages remembered to recognise a retry.
const REMEMBERED: usize = 512;
/// A key that is longer becomes a number: a segment's id may have 256 bytes.
const MAX_KEY_BYTES: usize = 128;

/// How far a call has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The desk has to be asked for it first.
    New,
    /// It takes chunks.
    Open,
    /// It is over; what comes is too late.
    Over,
}

#[derive(Clone, Debug)]
pub(super) struct Session {
    pub phase: Phase,
    was_started: bool,
    /// Highest `seq` of the call.
    pub seq: u64,
    /// What is known of the call.
    pub about: About,
    /// The call after whose end this one began.
    pub previous: Option<String>,
    /// Tells segments of this connection from those of others.
    nonce: String,
    timeline: Timeline,
    tracks: Vec<Track>,
    /// Finals that came.
    finals: Window,
    /// Segments of partials that came, and hashes of their words.
    partials: Vec<(String, u64)>,
    /// Segments that are final.
    segments: Window,
    /// Ids of messages that came.
    messages: Window,
    hold: Hold,
    legs: Legs,
    parts: Parts,
}

/// One utterance after another.
#[derive(Clone, Debug)]
struct Track {
    name: String,
    stream: Option<String>,
    /// Never used again, so that no segment is.
    number: u64,
    /// Utterances so far.
    utterance: u64,
    /// The segment of the present one, once a partial of it has come.
    open: Option<String>,
    /// Start and end of the last final.
    last_final: (Option<Time>, Option<Time>),
}

impl Session {
    pub fn new(nonce: &str) -> Session {
        Session {
            phase: Phase::New,
            was_started: false,
            seq: 0,
            about: About::default(),
            previous: None,
            nonce: nonce.to_owned(),
            timeline: Timeline::default(),
            tracks: Vec::new(),
            finals: Window::new(REMEMBERED),
            partials: Vec::new(),
            segments: Window::new(REMEMBERED),
            messages: Window::new(REMEMBERED),
            hold: Hold::default(),
            legs: Legs::default(),
            parts: Parts::default(),
        }
    }

    /// The desk has the call: its last `seq`, and the call time of its latest word.
    pub fn started(&mut self, last_seq: u64, at_ms: i64) {
        self.seq = last_seq;
        self.phase = Phase::Open;
        // Taken back from another connection, it goes on in its own time.
        if !std::mem::replace(&mut self.was_started, true) {
            self.timeline.resume(at_ms);
        }
    }

    /// The desk has met it before, on this connection.
    pub fn was_started(&self) -> bool {
        self.was_started
    }

    /// The call is over: nothing of it is needed any more but that, and which legs it had.
    pub fn end(&mut self) {
        let (seq, was_started) = (self.seq, self.was_started);
        let legs = std::mem::take(&mut self.legs).end();
        let ended = Session::new(&self.nonce);
        *self = Session { phase: Phase::Over, seq, was_started, legs, ..ended };
    }

    /// Whether it is over, and what is said on `leg` was said after it.
    pub fn is_before(&self, leg: &str) -> bool {
        self.phase == Phase::Over && !self.legs.knows(leg)
    }

    /// Begins another utterance where one is open.
    pub fn close_partials(&mut self) {
        for track in self.tracks.iter_mut().filter(|track| track.open.is_some()) {
            track.open = None;
            track.utterance += 1;
        }
    }

    /// False for a message that came before.
    pub fn is_new(&mut self, message_id: Option<&str>) -> bool {
        message_id.is_none_or(|id| self.messages.add(id))
    }

    /// Learns about the call. What is known already stays.
    pub fn learn(&mut self, about: &About) {
        if let Some(moment) = about.started_at {
            self.timeline.begin(moment.0);
        }
        if self.phase == Phase::New {
            merge(&mut self.about, about);
        }
    }

    /// What to tell now that `events` of a stream came, each with its stream; `named` is the stream
    /// if the message itself names it.
    pub fn pass(
        &mut self,
        events: Vec<Event>,
        stream: Option<&str>,
        named: Option<&str>,
    ) -> Vec<(Event, Option<String>)> {
        let mut told = Vec::with_capacity(events.len());
        if self.phase == Phase::Over {
            // Nothing of it is told, so nothing is learnt from it either.
            told.extend(events.into_iter().map(|event| (event, None)));
            return told;
        }
        for event in events {
            let event = match event {
                Event::Said(said) => Event::Said(self.parts.whole(said)),
                event => event,
            };
            for (event, stream) in self.hold.pass(event, stream) {
                told.extend(self.legs.pass(event, named).map(|event| (event, stream)));
            }
        }
        told
    }

    /// The chunk of a piece of speech, numbered 0; `None` when it says nothing new. Adds to
    /// `unknown` when nobody knows who speaks.
    pub fn chunk(
        &mut self,
        said: Said,
        stream: Option<&str>,
        roles: &Roles,
        unknown: &mut u64,
    ) -> Option<Chunk> {
        let text = said.text.trim();
        let print = print(&said, stream, text);
        let known = self.finals.has(print) && (said.is_final || !matches!(said.key, Key::Open));
        let track = self.track(&said.track, stream);
        let last_final = self.tracks[track].last_final;
        // A partial of the time of a final is one that the final has replaced.
        let late = !said.is_final && matches!(said.key, Key::Open) && !is_after(last_final, &said);
        if known && has_identity(&said) || late {
            return None;
        }
        let is_back = match said.start {
            Some(_) => Timeline::is_back(last_final.0, said.start),
            None => Timeline::is_back(last_final.1, said.end),
        };
        if said.is_final && is_back {
            self.timeline.restart(stream);
        }
        let epoch = self.timeline.epoch(stream, said.start.or(said.end));
        let start_ms = self.timeline.place(stream, said.start);
        let segment_id = self.segment(&said, stream, track, epoch, start_ms);
        if said.is_final {
            self.finals.add(print);
        }
        let is_repeat = !said.is_final && !self.is_new_partial(text, &segment_id);
        let track = &mut self.tracks[track];
        // Silence says nothing, unless it takes back a partial.
        let may_close = said.is_final && (track.open.is_some() || !matches!(said.key, Key::Open));
        if is_repeat || text.is_empty() && !may_close {
            return None;
        }
        if matches!(said.key, Key::Open) {
            track.open = (!said.is_final).then(|| segment_id.clone());
            track.utterance += u64::from(said.is_final);
        }
        if said.is_final {
            track.last_final = (said.start.or(last_final.0), said.end.or(last_final.1));
            self.partials.retain(|(open, _)| *open != segment_id);
            self.segments.add(&segment_id);
        }
        // A stream without channels and labels has one speaker, number 0.
        let alone = [String::from("0")];
        let keys = if said.speaker.is_empty() { &alone[..] } else { &said.speaker };
        let speaker = roles.of(keys, said.role).unwrap_or_else(|| {
            *unknown += 1;
            Speaker::Other
        });
        Some(Chunk {
            seq: 0,
            segment_id: Some(segment_id),
            speaker,
            start_ms,
            end_ms: self.timeline.place(stream, said.end),
            is_final: said.is_final,
            confidence: said.confidence,
            text: text.to_owned(),
        })
    }

    /// False for a partial that says what the one before it said.
    fn is_new_partial(&mut self, text: &str, segment_id: &str) -> bool {
        let text = hash(text);
        if let Some((_, before)) = self.partials.iter_mut().find(|(open, _)| open == segment_id) {
            return std::mem::replace(before, text) != text;
        }
        if self.partials.len() >= MAX_PARTIALS {
            self.partials.remove(0);
        }
        self.partials.push((segment_id.to_owned(), text));
        true
    }

    /// Names the segment so that another connection, or this one after a restart of the server,
    /// finds the same name for the same utterance wherever the format allows it.
    fn segment(
        &self,
        said: &Said,
        stream: Option<&str>,
        track: usize,
        epoch: u32,
        start_ms: Option<i64>,
    ) -> String {
        let nameless = || format!("{}.{epoch}", self.nonce);
        match &said.key {
            Key::Own(key) => short(key),
            Key::Stream(key) => {
                format!("{}:{}", stream.map_or_else(nameless, short), short(key))
            }
            Key::Open => {
                let Track { number, utterance, open, .. } = &self.tracks[track];
                if let Some(open) = open {
                    return open.clone();
                }
                // Moments as the vendor gave them: call time 0 may be another after a restart.
                let at = match (said.start, said.end) {
                    (Some(Time::Wall(ms)), _) | (None, Some(Time::Wall(ms) | Time::Stream(ms))) => {
                        Some(ms)
                    }
                    _ => start_ms,
                };
                let place = hash((stream, &said.track));
                let by_time = at.map(|at| format!("{place:016x}@{at}"));
                by_time
                    .filter(|id| !self.segments.has(id))
                    .unwrap_or_else(|| format!("{}.{number}.{utterance}", self.nonce))
            }
        }
    }

    fn track(&mut self, name: &str, stream: Option<&str>) -> usize {
        let is_it = |track: &Track| track.name == name && track.stream.as_deref() == stream;
        self.tracks.iter().position(is_it).unwrap_or_else(|| {
            let number = self.tracks.last().map_or(0, |last| last.number + 1);
            if self.tracks.len() >= MAX_TRACKS {
                self.tracks.remove(0);
            }
            self.tracks.push(Track {
                name: name.to_owned(),
                stream: stream.map(str::to_owned),
                number,
                utterance: 0,
                open: None,
                last_final: (None, None),
            });
            self.tracks.len() - 1
        })
    }
}

/// A name of bounded length.
fn short(name: &str) -> String {
    match name.len() {
        ..=MAX_KEY_BYTES => name.to_owned(),
        _ => format!("{:016x}", hash(name)),
    }
}

/// What a final is known by when it comes again: its id, or its time and words.
fn print(said: &Said, stream: Option<&str>, text: &str) -> u64 {
    match &said.key {
        Key::Own(key) => hash(("own", key)),
        Key::Stream(key) => hash(("stream", stream, key, said.start)),
        Key::Open => hash(("open", stream, &said.track, said.start, said.end, text)),
    }
}

/// Without an id and a time, the same words may well have been said twice.
fn has_identity(said: &Said) -> bool {
    !matches!(said.key, Key::Open) || said.start.is_some() || said.end.is_some()
}

/// Whether a piece begins after the start of the last final, or ends after its end, as far as
/// they are known.
fn is_after((start, end): (Option<Time>, Option<Time>), said: &Said) -> bool {
    let later = |last, new| match (last, new) {
        (Some(Time::Stream(last)), Some(Time::Stream(new)))
        | (Some(Time::Wall(last)), Some(Time::Wall(new))) => Some(new > last),
        _ => None,
    };
    later(start, said.start).or_else(|| later(end, said.end)).unwrap_or(true)
}

/// Fills what is not known yet.
fn merge(known: &mut About, news: &About) {
    let About { started_at, queue, team, agent_id, lang, attributes } = news;
    known.started_at = known.started_at.or(*started_at);
    for (own, other) in [
        (&mut known.queue, queue),
        (&mut known.team, team),
        (&mut known.agent_id, agent_id),
        (&mut known.lang, lang),
    ] {
        if own.is_none() {
            own.clone_from(other);
        }
    }
    for (name, value) in attributes {
        known.attributes.entry(name.clone()).or_insert_with(|| value.clone());
    }
}
