//! The fold over the journal at the start.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::thread;

use super::Desk;
use super::live_call::{LiveCall, SharedCall};
use super::rulesets::Kept;
use super::shelf::Known;
use crate::engine::CallState;
use crate::engine::effects::Effects;
use crate::engine::event::Event;
use crate::hub::Publication;
use crate::journal::{History, Record};

/// A call folded, and what its events published, each with the offset before it.
#[derive(Debug)]
pub(super) struct Folded {
    pub call: LiveCall,
    /// Offset at which it last changed, for the order in which ended calls leave the desk.
    last_offset: u64,
    pub published: Vec<(u64, Publication)>,
}

impl Desk {
    /// Brings back what the journal holds. Open calls wait for their platform from now on.
    pub fn recover(&self, history: History) {
        let History { records, ended, same_engine, rulesets } = history;
        if !records.is_empty() {
            self.presence.recovered_at(self.clock.now());
        }
        let kept = Kept::new(self.engines.present(), &rulesets);
        let mut folded = self.fold_all(by_call(records), &kept);
        self.engines.remember(&kept);
        folded.sort_by_key(|folded| folded.last_offset);
        let mut published = Vec::new();
        for Folded { call, published: own, .. } in folded {
            published.extend(own);
            self.restore(call);
        }
        // Stable: what one call published keeps its order.
        published.sort_by_key(|(base_offset, _)| *base_offset);
        self.hub.restore(published, same_engine);
        self.shelf.restore_over(ended);
        self.evict();
    }

    /// Calls are independent of each other, so every processor folds its share.
    fn fold_all(&self, mut calls: Vec<Vec<Record>>, kept: &Kept) -> Vec<Folded> {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let share = calls.len().div_ceil(threads).max(1);
        thread::scope(|scope| {
            let mut workers = Vec::new();
            for own in calls.chunks_mut(share) {
                workers.push(scope.spawn(move || {
                    let records = own.iter_mut().map(std::mem::take);
                    records.filter_map(|records| self.fold(records, kept)).collect::<Vec<Folded>>()
                }));
            }
            let folded = workers.into_iter().map(|worker| match worker.join() {
                Ok(folded) => folded,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            folded.flatten().collect()
        })
    }

    /// Folds one call. `None` when nothing of it is left to know.
    pub(super) fn fold(&self, records: Vec<Record>, kept: &Kept) -> Option<Folded> {
        let mut folded: Option<Folded> = None;
        for Record { recorded, base_offset: last_offset, call_id, .. } in records {
            match (&mut folded, &recorded.event) {
                // A second start of the same id is another call.
                (_, Event::Start(start)) => {
                    let engine = kept.of(start);
                    let (state, effects) = CallState::open(engine, start.clone(), recorded.at);
                    let call = LiveCall::new(call_id, state, Arc::clone(engine));
                    let mut published = folded.map_or(Vec::new(), |folded| folded.published);
                    published.push((last_offset, self.publication(&call, effects, None).0));
                    folded = Some(Folded { call, last_offset, published });
                }
                (Some(folded), event) => {
                    let LiveCall { state, engine, .. } = &mut folded.call;
                    let mut effects = state.apply(engine, event, recorded.at);
                    state.hold(&recorded.held, &mut effects);
                    folded.last_offset = last_offset;
                    self.note(folded, effects);
                }
                // The call began before what is kept; nothing can be folded from its middle.
                (None, _) => {}
            }
        }
        let Folded { mut call, last_offset, mut published } = folded?;
        let mut last = self.publication(&call, Effects::default(), None).0;
        last.said.clone_from(&call.said);
        published.push((last_offset, last));
        if !call.is_open() {
            call.take_said();
        }
        Some(Folded { call, last_offset, published })
    }

    /// Takes in what an event did. What was said is shown with the last of it.
    fn note(&self, folded: &mut Folded, mut effects: Effects) {
        let Folded { call, last_offset, published } = folded;
        call.keep(&std::mem::take(&mut effects.said));
        if effects.call.is_none() && effects.alerts.is_empty() {
            return;
        }
        let publication = self.publication(call, effects, None).0;
        published.push((*last_offset, publication));
    }

    pub(super) fn restore(&self, mut call: LiveCall) {
        self.budget.restore(&call.state);
        if call.state.is_forgotten() && call.state.is_final() {
            return;
        }
        if call.state.ended_for_good() {
            call.engine = self.engines.present();
        }
        let now = self.clock.now();
        if call.is_open() {
            self.shelf.adjust(true);
            let grace_ms = i64::from(self.settings.resume_grace_s) * 1_000;
            call.absent_until = Some(now.plus_ms(grace_ms));
        } else {
            self.shelf.restore_ended(&call);
        }
        self.schedule(&mut call);
        let alerts: Vec<_> = call.state.open_alerts().cloned().map(Arc::new).collect();
        self.budget.see(&call.call_id, &alerts);
        self.watch_tiers(&call.call_id, &alerts);
        let call_id = Arc::clone(&call.call_id);
        self.shelf.shard(&call_id).insert(call_id.clone(), Known::Live(SharedCall::new(call)));
    }
}

/// The records of each call in their order, calls in the order of their start.
fn by_call(records: Vec<Record>) -> Vec<Vec<Record>> {
    let mut calls: Vec<Vec<Record>> = Vec::new();
    let mut places: HashMap<Arc<str>, usize> = HashMap::new();
    for mut record in records {
        let place = *places.entry(Arc::clone(&record.call_id)).or_insert_with(|| {
            calls.push(Vec::new());
            calls.len() - 1
        });
        // One name for all records of a call.
        if let Some(first) = calls[place].first() {
            record.call_id = Arc::clone(&first.call_id);
        }
        calls[place].push(record);
    }
    calls
}
