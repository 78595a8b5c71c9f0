//! The read model as REST shows it: calls and alerts in the order of their lists, newest first.

use std::sync::Arc;

use super::Hub;
use super::state::{CallEntry, State};
use crate::engine::alert::Alert;
use crate::engine::effects::{CallView, Said};
use crate::wire::lists::{AlertKey, CallDetail};

/// A call of a list.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its number.
    pub number: u64,
    /// The call.
    pub view: Arc<CallView>,
    /// It has raised an alert.
    pub alerted: bool,
    /// Its final chunks, as far as they are kept, if they were asked for.
    pub transcript: Vec<Arc<Said>>,
    /// No final chunk is missing here.
    pub whole: bool,
}

impl Hub {
    /// The newest call of that id, while it is kept.
    pub fn call(&self, call_id: &str) -> Option<CallDetail> {
        let state = self.lock();
        let entry = state.calls.get(call_id)?;
        let mut alert_list: Vec<_> = alerts_of(&state, entry).collect();
        alert_list.sort_by_cached_key(|alert| AlertKey::of(alert));
        Some(CallDetail {
            number: entry.number,
            whole: entry.whole && alert_list.len() == entry.alerts.len(),
            view: Arc::clone(&entry.view),
            transcript: entry.transcript.iter().cloned().collect(),
            alert_list,
        })
    }

    /// The newest calls whose number is below `below`, whatever they are.
    pub fn calls_below(&self, below: Option<u64>, most: usize, transcripts: bool) -> Vec<Listed> {
        let state = self.lock();
        let newest_first = state.call_order.range(..below.unwrap_or(u64::MAX)).rev();
        let entries = newest_first.filter_map(|(_, id)| state.calls.get(id));
        let listed = entries.take(most).map(|entry| Listed {
            number: entry.number,
            view: Arc::clone(&entry.view),
            alerted: !entry.alerts.is_empty(),
            transcript: match transcripts {
                true => entry.transcript.iter().cloned().collect(),
                false => Vec::new(),
            },
            whole: entry.whole,
        });
        listed.collect()
    }

    /// The newest alerts below `below`, whatever they are.
    pub fn alerts_below(&self, below: Option<&AlertKey>, most: usize) -> Vec<Arc<Alert>> {
        let state = self.lock();
        let alerts = |order: &mut dyn Iterator<Item = &AlertKey>| {
            order.filter_map(|key| state.alert(key)).take(most).collect()
        };
        match below {
            Some(below) => alerts(&mut state.alert_order.range(..below).rev()),
            None => alerts(&mut state.alert_order.iter().rev()),
        }
    }

    /// Most final chunks that are shown of one call.
    pub fn transcript_chunks(&self) -> usize {
        self.settings.transcript_chunks
    }
}

/// The alerts of a call that are still kept, in the order in which they were raised.
fn alerts_of<'a>(state: &'a State, entry: &'a CallEntry) -> impl Iterator<Item = Arc<Alert>> + 'a {
    let kept = entry.alerts.iter().filter_map(|id| state.alerts.get(id));
    kept.map(|entry| Arc::clone(&entry.alert))
}
