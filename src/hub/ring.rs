//! The newest numbered messages, for consoles that come back.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Frame;
use super::routing::{Keys, Matcher};

/// What a kept message costs beside its text, roughly.
const OVERHEAD_BYTES: usize = 200;

/// A message as it was sent, with what is needed to decide again who gets it.
#[derive(Debug)]
pub(super) struct Kept {
    pub offset: u64,
    pub before: Option<Arc<Keys>>,
    pub after: Arc<Keys>,
    pub frame: Frame,
}

#[derive(Debug)]
pub(super) struct Ring {
    kept: VecDeque<Kept>,
    bytes: usize,
    offset: u64,
    /// Everything after this offset is kept.
    floor: u64,
    max_messages: usize,
    max_bytes: usize,
}

impl Ring {
    /// An empty ring after `offset`: what came before is not here.
    pub fn new(offset: u64, max_messages: usize, max_bytes: usize) -> Ring {
        Ring { kept: VecDeque::new(), bytes: 0, offset, floor: offset, max_messages, max_bytes }
    }

    /// The newest offset.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    pub fn len(&self) -> usize {
        self.kept.len()
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Goes on after `offset`. What is missing before it cannot be asked for, nor what came
    /// before that.
    pub fn continue_after(&mut self, offset: u64) {
        if self.offset != offset {
            self.offset = offset;
            self.forget();
        }
    }

    /// Says that there is nothing between the newest message and `offset`. Before the first
    /// message it says where the ring begins.
    pub fn skip_to(&mut self, offset: u64) {
        if self.offset == 0 && self.kept.is_empty() {
            self.floor = offset;
        }
        self.offset = self.offset.max(offset);
    }

    /// Drops everything up to now.
    pub fn forget(&mut self) {
        self.kept.clear();
        self.bytes = 0;
        self.floor = self.offset;
    }

    pub fn push(&mut self, message: Kept) {
        // Only at a start from the journal is anything missing.
        self.continue_after(message.offset.saturating_sub(1));
        self.offset = message.offset;
        self.bytes += message.frame.len() + OVERHEAD_BYTES;
        self.kept.push_back(message);
        while self.kept.len() > self.max_messages || self.bytes > self.max_bytes {
            let Some(oldest) = self.kept.pop_front() else { break };
            self.bytes -= oldest.frame.len() + OVERHEAD_BYTES;
            self.floor = oldest.offset;
        }
    }

    /// What a console with this filter missed since `offset`; `None` when not all of it is here.
    pub fn missed(&self, offset: u64, matcher: &Matcher) -> Option<Vec<Frame>> {
        if offset < self.floor || offset > self.offset {
            return None;
        }
        let from = self.kept.partition_point(|message| message.offset <= offset);
        let missed = self.kept.range(from..);
        Some(
            missed
                .filter(|message| matcher.concerns(message.before.as_deref(), &message.after))
                .map(|message| message.frame.clone())
                .collect(),
        )
    }
}
