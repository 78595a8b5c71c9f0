//! What comes from other nodes: news in the order of the stream that all share, and what moves
//! between them.

use std::sync::Arc;

use super::Hub;
use super::publish::{Publication, send_risk};
use crate::engine::effects::{CallPhase, CallView, Progress, RiskUpdate, Said};

/// What moved of a call since its last numbered message.
#[derive(Clone, Debug)]
pub struct Moved {
    /// The call.
    pub call_id: Arc<str>,
    /// Its numbers.
    pub progress: Option<Progress>,
    /// Its risk, when it may have changed.
    pub risk: Option<RiskUpdate>,
    /// What was said.
    pub said: Vec<Arc<Said>>,
}

impl Hub {
    /// Shows a numbered message of the stream that all nodes read. What lies between it and the
    /// one before is no message for consoles, or is kept no more. `in_tables`: from here on the tables
    /// are to be asked for what was said in the call, because not all of it need be here.
    pub fn publish_at(&self, offset: u64, publication: Publication, in_tables: bool) {
        let call_id = Arc::clone(&publication.call_id);
        self.skip_to(offset - 1);
        self.publish(std::iter::once((offset - 1, publication)));
        if in_tables && let Some(entry) = self.lock().calls.get_mut(&call_id) {
            entry.whole = false;
        }
    }

    /// Says that nothing for consoles lies up to `offset`.
    pub fn skip_to(&self, offset: u64) {
        self.lock().ring.skip_to(offset);
    }

    /// The newest view of a call that goes on.
    pub fn call_place(&self, call_id: &str) -> Option<Arc<CallView>> {
        let state = self.lock();
        let entry = state.calls.get(call_id)?;
        (entry.view.state == CallPhase::Open).then(|| Arc::clone(&entry.view))
    }

    /// Shows what moved.
    pub fn publish_moved(&self, moved: Moved) {
        let Moved { call_id, progress, risk, said } = moved;
        let mut state = self.lock();
        let Some(entry) = state.calls.get_mut(&call_id) else { return };
        // A numbered message that was later may have come sooner.
        let is_late = progress.is_some_and(|own| own.last_seq < entry.view.last_seq);
        let is_over = entry.view.state == CallPhase::Ended;
        if let Some(progress) = progress.filter(|_| !is_late && !is_over) {
            Arc::make_mut(&mut entry.view).advance(&progress);
        }
        let keys = Arc::clone(&entry.keys);
        if let Some(risk) = risk.filter(|_| !is_late) {
            send_risk(&state, &call_id, &keys, &risk);
        }
        state.put_said(&call_id, &said, self.settings.transcript_chunks, &self.metrics);
    }

    /// Whether a call goes on.
    pub fn is_open(&self, call_id: &str) -> bool {
        self.call_place(call_id).is_some()
    }

    /// Whether words of a call that is known are not here.
    pub fn lacks_words(&self, call_id: &str) -> bool {
        self.lock().calls.get(call_id).is_some_and(|entry| !entry.whole)
    }

    /// Whether some console watches a call.
    pub fn is_watched(&self, call_id: &str) -> bool {
        self.lock().calls.get(call_id).is_some_and(|entry| !entry.watchers.is_empty())
    }

    /// Brings the transcript of a call up to date: this is all that was said so far.
    pub fn take_transcript(&self, call_id: &Arc<str>, said: &[Arc<Said>]) {
        let mut state = self.lock();
        let Some(entry) = state.calls.get_mut(call_id) else { return };
        let have = entry.transcript.back().map_or(0, |last| last.seq);
        let fresh: Vec<_> = said.iter().filter(|own| own.seq > have).cloned().collect();
        entry.whole = true;
        state.put_said(call_id, &fresh, self.settings.transcript_chunks, &self.metrics);
    }

    /// The transcript is followed no more: what is here of it would lack what comes.
    pub fn drop_transcript(&self, call_id: &str) {
        let mut state = self.lock();
        let Some(entry) = state.calls.get_mut(call_id) else { return };
        if entry.view.state == CallPhase::Open {
            entry.transcript.clear();
            entry.whole = false;
        }
    }
}
