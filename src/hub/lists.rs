//! The read model as REST shows it: one call, lists of calls and alerts, newest first.

use std::sync::Arc;

use serde::Serialize;

use super::Hub;
use crate::call::Timestamp;
use crate::engine::alert::{Alert, AlertState};
use crate::engine::effects::{CallPhase, CallView, Said};

/// A call with its transcript.
#[derive(Clone, Debug, Serialize)]
pub struct CallDetail {
    /// The call.
    #[serde(flatten)]
    pub view: Arc<CallView>,
    /// Its final chunks.
    pub transcript: Vec<Arc<Said>>,
}

/// A part of a list and where the next part begins.
#[derive(Clone, Debug, Serialize)]
pub struct Page<T> {
    /// The part.
    pub items: Vec<T>,
    /// Pass as `after` for what follows; absent on the last part.
    pub next: Option<String>,
}

/// Which calls to list.
#[derive(Clone, Debug)]
pub struct CallQuery {
    /// `next` of the part before.
    pub after: Option<u64>,
    /// Most items.
    pub limit: usize,
    /// Only calls in this state.
    pub state: Option<CallPhase>,
}

/// Which alerts to list.
#[derive(Clone, Debug)]
pub struct AlertQuery {
    /// `next` of the part before.
    pub after: Option<u64>,
    /// Most items.
    pub limit: usize,
    /// Only alerts in one of these states; empty for all.
    pub states: Vec<AlertState>,
    /// Raised at this time or later.
    pub from: Option<Timestamp>,
    /// Raised before this time.
    pub to: Option<Timestamp>,
}

impl Hub {
    /// One call, while it is kept.
    pub fn call(&self, call_id: &str) -> Option<CallDetail> {
        let state = self.lock();
        let entry = state.calls.get(call_id)?;
        let transcript = entry.transcript.iter().cloned().collect();
        Some(CallDetail { view: Arc::clone(&entry.view), transcript })
    }

    /// Calls, newest first.
    pub fn calls(&self, query: &CallQuery) -> Page<Arc<CallView>> {
        let state = self.lock();
        let newest_first = state.call_order.range(..query.after.unwrap_or(u64::MAX)).rev();
        let entries = newest_first.filter_map(|(&ordinal, id)| {
            let view = &state.calls.get(id)?.view;
            let wanted = query.state.is_none_or(|phase| view.state == phase);
            wanted.then(|| (ordinal, Arc::clone(view)))
        });
        page(entries, query.limit)
    }

    /// Alerts, newest first.
    pub fn alerts(&self, query: &AlertQuery) -> Page<Arc<Alert>> {
        let state = self.lock();
        let newest_first = state.alert_order.range(..query.after.unwrap_or(u64::MAX)).rev();
        let entries = newest_first.filter_map(|(&ordinal, id)| {
            let alert = &state.alerts.get(id)?.alert;
            let wanted = (query.states.is_empty() || query.states.contains(&alert.state))
                && query.from.is_none_or(|from| alert.raised_at >= from)
                && query.to.is_none_or(|to| alert.raised_at < to);
            wanted.then(|| (ordinal, Arc::clone(alert)))
        });
        page(entries, query.limit)
    }
}

fn page<T>(mut entries: impl Iterator<Item = (u64, T)>, limit: usize) -> Page<T> {
    let mut items = Vec::new();
    let mut last = None;
    for (ordinal, item) in entries.by_ref().take(limit) {
        items.push(item);
        last = Some(ordinal);
    }
    let next = entries.next().and(last).map(|ordinal| ordinal.to_string());
    Page { items, next }
}
