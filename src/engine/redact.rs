//! The first step of a chunk: what is to be redacted never gets past it.

use super::call_state::CallState;
use super::event::Chunk;
use super::settings::Engine;

impl CallState {
    /// Takes out of a chunk what is not to be kept, before it is applied and journalled: an event
    /// in the journal is redacted already. It depends on the state only, so a restart changes
    /// nothing.
    pub fn redact(&self, engine: &Engine, chunk: &mut Chunk) {
        let runs = || self.features.runs(chunk.speaker, chunk.start_ms);
        let earlier = self.said.iter().rev().map(|(_, _, text)| &**text);
        if let Some(text) = engine.redactor.redact(&chunk.text, runs, earlier) {
            chunk.text = text;
        }
    }
}
