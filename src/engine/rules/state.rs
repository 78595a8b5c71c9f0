//! What a call remembers for its rules: small, bounded, part of the fold.

use std::collections::VecDeque;

use super::spec::{NodeId, Rules};
use super::turns::Turn;
use crate::call::{Speaker, Timestamp};
use crate::engine::event::{Attributes, Chunk};
use crate::text::phrases::Place;

/// Whether the platform says so.
pub(super) fn is_on_hold(attributes: &Attributes) -> bool {
    attributes.get("hold").and_then(serde_json::Value::as_bool) == Some(true)
}

/// Words that had a part in a rule, from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Words {
    pub from: Place,
    pub to: Place,
}

/// Something that counts for a while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mention {
    /// Call time in ms.
    pub at: i64,
    /// How long it lasted, of talking over each other.
    pub ms: i64,
    pub words: Words,
}

/// What a node remembers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Memory {
    /// When it last happened.
    pub happened: Option<i64>,
    /// The words that made it happen.
    pub words: Vec<Words>,
    /// What still counts, the oldest first.
    pub mentions: Vec<Mention>,
    /// Turns in a row.
    pub run: u32,
    /// The start of the silence, hold or fall that it has happened for.
    pub done: Option<i64>,
}

/// A rule whose condition has come true.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fired {
    /// Place in [`Rules::all`].
    pub rule: usize,
    /// Call time in ms.
    pub at_ms: i64,
    pub words: Vec<Words>,
}

/// Call time up to which words have come, and when they came: how wall time and call time meet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Anchor {
    ms: i64,
    came: Timestamp,
}

impl Anchor {
    /// Call time at wall time `at`: as much later than the newest words as `at` is than their
    /// coming.
    pub(super) fn now(self, at: Timestamp) -> i64 {
        self.ms.saturating_add(at.0.saturating_sub(self.came.0).max(0))
    }

    /// When a deadline at call time `deadline` may pass, if no words come until then.
    pub(super) fn wall(self, deadline: i64, delay_ms: i64) -> Timestamp {
        let left = deadline.saturating_sub(self.ms).max(0);
        self.came.plus_ms(left.saturating_add(delay_ms))
    }
}

/// What a call remembers for its rules.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::engine) struct RuleState {
    pub(super) anchor: Anchor,
    /// In the order of the nodes; most calls have none.
    memories: Vec<(NodeId, Memory)>,
    /// The next deadline, in call time.
    pub(super) deadline: Option<i64>,
    /// Where the words of people end so far.
    pub(super) speech_end: Option<i64>,
    /// The platform tells holds by the attribute `hold`.
    hold_told: bool,
    pub(super) hold_since: Option<i64>,
    pub(super) turn: Option<Turn>,
    /// The call's sentiment at the ends of the last customer turns.
    pub(super) moods: VecDeque<(i64, f64)>,
    /// When the newest partial came. It only delays what the lack of words brings about.
    pub(super) stirred: Option<Timestamp>,
    /// Mentions passed over for want of room, since somebody asked.
    pub(super) passed_over: u64,
}

impl RuleState {
    /// Of a call that begins.
    pub(in crate::engine) fn new(rules: &Rules, attributes: &Attributes, at: Timestamp) -> Self {
        let mut state = RuleState {
            anchor: Anchor { ms: 0, came: at },
            memories: Vec::new(),
            deadline: None,
            speech_end: None,
            hold_told: false,
            hold_since: None,
            turn: None,
            moods: VecDeque::new(),
            stirred: None,
            passed_over: 0,
        };
        state.attributes(attributes, 0);
        state.plan(rules);
        state
    }

    /// Takes in that the call is on hold or not, since call time `now`.
    pub(super) fn attributes(&mut self, attributes: &Attributes, now: i64) {
        self.hold_told |= attributes.contains_key("hold");
        if !is_on_hold(attributes) {
            self.hold_since = None;
        } else if self.hold_since.is_none() {
            self.hold_since = Some(now);
        }
    }

    /// When the hold began that goes on, as far as anybody can tell.
    pub(super) fn hold(&self) -> Option<i64> {
        if self.hold_told { self.hold_since } else { self.speech_end }
    }

    /// Call time of a chunk. One without times is spoken when it comes.
    pub(super) fn span(&self, chunk: &Chunk, at: Timestamp) -> (i64, i64) {
        let start = chunk.start_ms.or(chunk.end_ms).unwrap_or_else(|| self.anchor.now(at));
        (start, chunk.end_ms.map_or(start, |end| end.max(start)))
    }

    /// Words up to call time `end` came at `at`.
    pub(super) fn came(&mut self, end: i64, at: Timestamp) {
        if end >= self.anchor.ms {
            self.anchor = Anchor { ms: end, came: at };
        }
    }

    /// Words reach up to call time `end`. An announcement breaks no silence.
    pub(super) fn speak(&mut self, speaker: Speaker, end: i64) {
        if speaker != Speaker::Other {
            self.speech_end = self.speech_end.max(Some(end));
        }
    }

    pub(super) fn memory(&self, node: NodeId) -> Option<&Memory> {
        let place = self.memories.binary_search_by_key(&node, |(id, _)| *id).ok()?;
        Some(&self.memories[place].1)
    }

    pub(super) fn memory_mut(&mut self, node: NodeId) -> &mut Memory {
        let place = match self.memories.binary_search_by_key(&node, |(id, _)| *id) {
            Ok(place) => place,
            Err(place) => {
                self.memories.insert(place, (node, Memory::default()));
                place
            }
        };
        &mut self.memories[place].1
    }

    /// Remembers a mention, if there is room for one more.
    pub(super) fn remember(&mut self, node: NodeId, mention: Mention, most: usize) {
        let held: usize = self.memories.iter().map(|(_, memory)| memory.mentions.len()).sum();
        if held >= most {
            self.passed_over += 1;
            return;
        }
        self.memory_mut(node).mentions.push(mention);
    }
}
