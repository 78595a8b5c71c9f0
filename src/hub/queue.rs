//! What waits for one console, and what happens when the console is slow.
//!
//! Alerts and calls are never dropped: past the limit the console is cut off and resumes.
//! A risk waits once per call, the newest. A chunk waits once per segment; past the limit the
//! oldest goes, and the next chunk of its call says so.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::{Frame, Metrics, Settings};
use crate::engine::effects::Said;
use crate::wire::console::Notice;

/// What waits for one console.
#[derive(Debug)]
pub struct Queue {
    state: Mutex<Waiting>,
    changed: Notify,
    max_bytes: usize,
    max_chunks: usize,
    metrics: Metrics,
}

#[derive(Debug, Default)]
struct Waiting {
    ordered: VecDeque<Frame>,
    ordered_bytes: usize,
    risks: HashMap<Arc<str>, Frame>,
    risk_order: VecDeque<Arc<str>>,
    chunks: VecDeque<(Arc<str>, Arc<Said>)>,
    gaps: HashSet<Arc<str>>,
    overflowed: bool,
}

impl Queue {
    pub(super) fn new(settings: &Settings, metrics: Metrics) -> Queue {
        Queue {
            state: Mutex::default(),
            changed: Notify::new(),
            max_bytes: settings.console_queue_bytes,
            max_chunks: settings.console_queue_chunks.max(1),
            metrics,
        }
    }

    /// Waits until there is something to take, or the queue has overflowed. What came between
    /// two calls is not missed.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Whether an alert or a call could not be kept; the console must be closed with 4008.
    pub fn overflowed(&self) -> bool {
        self.lock().overflowed
    }

    /// Takes about `max_bytes` of frames: alerts and calls first, then risks, then chunks.
    pub fn take(&self, max_bytes: usize) -> Vec<Frame> {
        let mut waiting = self.lock();
        let mut frames = Vec::new();
        let mut bytes = 0;
        while bytes < max_bytes {
            let Some(frame) = waiting.next() else { break };
            bytes += frame.len();
            frames.push(frame);
        }
        frames
    }

    pub(super) fn push_ordered(&self, frame: &Frame) {
        let mut waiting = self.lock();
        if waiting.overflowed {
            return;
        }
        waiting.ordered_bytes += frame.len();
        waiting.ordered.push_back(frame.clone());
        if waiting.ordered_bytes > self.max_bytes {
            *waiting = Waiting { overflowed: true, ..Waiting::default() };
            self.metrics.slow_consoles.inc();
            tracing::warn!(limit_bytes = self.max_bytes, "console is too slow and is closed");
        }
        drop(waiting);
        self.changed.notify_one();
    }

    pub(super) fn push_risk(&self, call_id: &Arc<str>, frame: Frame) {
        let mut waiting = self.lock();
        if waiting.overflowed {
            return;
        }
        if waiting.risks.insert(Arc::clone(call_id), frame).is_some() {
            self.metrics.risks_coalesced.inc();
            return;
        }
        waiting.risk_order.push_back(Arc::clone(call_id));
        drop(waiting);
        self.changed.notify_one();
    }

    pub(super) fn push_chunk(&self, call_id: &Arc<str>, said: &Arc<Said>) {
        let mut waiting = self.lock();
        if waiting.overflowed {
            return;
        }
        if said.segment_id.is_some() {
            // Only a partial can be waiting under the same segment.
            let same = |(call, other): &(Arc<str>, Arc<Said>)| {
                !other.is_final && call == call_id && other.segment_id == said.segment_id
            };
            if let Some(at) = waiting.chunks.iter().rposition(same) {
                // Taken out, not replaced: finals stay in the order of their seq.
                waiting.chunks.remove(at);
            }
        }
        waiting.chunks.push_back((Arc::clone(call_id), Arc::clone(said)));
        if waiting.chunks.len() > self.max_chunks
            && let Some((call, dropped)) = waiting.chunks.pop_front()
        {
            self.metrics.chunks_dropped.inc();
            if dropped.is_final {
                waiting.gaps.insert(call);
            }
        }
        drop(waiting);
        self.changed.notify_one();
    }

    /// Forgets alerts, calls and risks: a new subscription begins.
    pub(super) fn clear_subscription(&self) {
        let mut waiting = self.lock();
        waiting.ordered.clear();
        waiting.ordered_bytes = 0;
        waiting.risks.clear();
        waiting.risk_order.clear();
    }

    /// Forgets the risk of a call that is out of sight.
    pub(super) fn clear_risk(&self, call_id: &str) {
        let mut waiting = self.lock();
        if waiting.risks.remove(call_id).is_some() {
            waiting.risk_order.retain(|waiting| waiting.as_ref() != call_id);
        }
    }

    /// Forgets the chunks of a call that is no longer watched.
    pub(super) fn clear_chunks(&self, call_id: &str) {
        let mut waiting = self.lock();
        waiting.chunks.retain(|(call, _)| call.as_ref() != call_id);
        waiting.gaps.remove(call_id);
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn next(&mut self) -> Option<Frame> {
        if let Some(frame) = self.ordered.pop_front() {
            self.ordered_bytes -= frame.len();
            return Some(frame);
        }
        if let Some(call_id) = self.risk_order.pop_front() {
            return self.risks.remove(&call_id);
        }
        let (call_id, said) = self.chunks.pop_front()?;
        let gap = self.gaps.remove(&call_id);
        let notice = Notice::Chunk { call_id: &call_id, said: &said, past: false, gap };
        Some(Frame::from(notice.to_json()))
    }
}
