//! Partials and finals of one call: which chunk counts and which replaces which.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashSet, VecDeque};
use std::hash::{Hash, Hasher};

use super::event::Chunk;

/// The utterances of a call that are still open, and the ones that are done.
#[derive(Clone, Debug, Default)]
pub(super) struct Segments {
    /// In the order of the first `seq` of each.
    open: Vec<Chunk>,
    /// Hashes of the ids of final segments: an id may be long, and there is one per utterance.
    done: HashSet<u64>,
    /// The same, the oldest first.
    done_order: VecDeque<u64>,
}

/// What to do with a chunk.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    /// Its words become part of the call.
    Final,
    /// A provisional score only.
    Partial,
    /// Its segment is final already.
    Late,
    /// A partial of one segment more than may be open: it is passed over, its final counts.
    TooMany,
}

impl Segments {
    /// Files `chunk` and says what it is. At most `limit` segments are open at a time.
    pub(super) fn take(&mut self, chunk: &Chunk, limit: usize) -> Verdict {
        let Some(id) = &chunk.segment_id else { return Verdict::Final };
        if self.done.contains(&hash(id)) {
            return Verdict::Late;
        }
        let place = self.open.iter().position(|open| open.segment_id == chunk.segment_id);
        if chunk.is_final {
            self.finish(hash(id));
            if let Some(place) = place {
                self.open.remove(place);
            }
            return Verdict::Final;
        }
        match place {
            Some(place) => self.open[place] = chunk.clone(),
            None if self.open.len() >= limit => return Verdict::TooMany,
            None => self.open.push(chunk.clone()),
        }
        Verdict::Partial
    }

    /// The open partials, in the order in which they apply.
    pub(super) fn open(&self) -> &[Chunk] {
        &self.open
    }

    /// Makes every open partial final and returns them in order.
    pub(super) fn force(&mut self) -> Vec<Chunk> {
        let mut forced = std::mem::take(&mut self.open);
        for chunk in &mut forced {
            chunk.is_final = true;
            if let Some(id) = &chunk.segment_id {
                self.finish(hash(id));
            }
        }
        forced
    }

    fn finish(&mut self, id: u64) {
        if self.done.insert(id) {
            self.done_order.push_back(id);
        }
    }

    /// Forgets the oldest finished segments over `limit`. Says how many.
    pub(super) fn forget(&mut self, limit: usize) -> u64 {
        let over = self.done_order.len().saturating_sub(limit);
        for id in self.done_order.drain(..over) {
            self.done.remove(&id);
        }
        over as u64
    }
}

fn hash(id: &String) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Speaker;

    fn chunk(seq: u64, segment: &str, is_final: bool) -> Chunk {
        Chunk {
            seq,
            segment_id: Some(segment.into()),
            speaker: Speaker::Customer,
            start_ms: None,
            end_ms: None,
            is_final,
            confidence: None,
            text: format!("{segment}{seq}"),
        }
    }

    /// Found by a client that opened a new segment with every message: each partial is scored
    /// on all that are open.
    #[test]
    fn open_segments_are_limited() {
        let mut segments = Segments::default();
        assert_eq!(segments.take(&chunk(1, "a", false), 1), Verdict::Partial);
        assert_eq!(segments.take(&chunk(2, "b", false), 1), Verdict::TooMany);
        assert_eq!(segments.take(&chunk(3, "a", false), 1), Verdict::Partial);
        assert_eq!(segments.take(&chunk(4, "b", true), 1), Verdict::Final);
    }

    #[test]
    fn finished_segments_are_forgotten_oldest_first() {
        let mut segments = Segments::default();
        for (seq, id) in (1..).zip(["a", "b", "c"]) {
            segments.take(&chunk(seq, id, true), 9);
        }
        assert_eq!((segments.forget(2), segments.forget(2)), (1, 0));
        assert_eq!(segments.take(&chunk(4, "b", false), 9), Verdict::Late);
        assert_eq!(segments.take(&chunk(5, "a", false), 9), Verdict::Partial);
    }

    #[test]
    fn a_final_replaces_its_partial_and_later_ones_come_late() {
        let mut segments = Segments::default();
        assert_eq!(segments.take(&chunk(1, "a", false), 9), Verdict::Partial);
        assert_eq!(segments.take(&chunk(2, "b", false), 9), Verdict::Partial);
        assert_eq!(segments.take(&chunk(3, "a", false), 9), Verdict::Partial);
        // `a` was first and stays first, with its newest words.
        let texts: Vec<_> = segments.open().iter().map(|c| c.text.as_str()).collect();
        assert_eq!(texts, ["a3", "b2"]);
        assert_eq!(segments.take(&chunk(4, "a", true), 9), Verdict::Final);
        assert_eq!(segments.take(&chunk(5, "a", false), 9), Verdict::Late);
        assert_eq!(segments.take(&chunk(6, "a", true), 9), Verdict::Late);
        assert_eq!(segments.force().len(), 1);
        assert_eq!(segments.take(&chunk(7, "b", true), 9), Verdict::Late);
    }
}
