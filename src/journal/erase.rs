//! Erasing calls for good: what a customer may ask for.

use std::sync::Arc;

use super::CommitError;

/// What is to be erased.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Erase {
    /// Calls by their id, every call that ever had it.
    pub call_ids: Vec<Arc<str>>,
    /// All calls with this `customer_key` among their attributes.
    pub customer: Option<String>,
}

/// What was erased.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Erased {
    /// Ids of the calls, each once.
    pub call_ids: Vec<Arc<str>>,
    /// Chunks and other events of the log, and rows of transcripts.
    pub lines: u64,
    /// Alerts of ended calls.
    pub alerts: u64,
    /// Messages that waited for destinations.
    pub waiting: u64,
    /// Destinations, which may have been told of alerts before.
    pub destinations: Vec<Arc<str>>,
}

impl Erased {
    /// Notes a call.
    pub fn add(&mut self, call_id: &Arc<str>) {
        if !self.call_ids.contains(call_id) {
            self.call_ids.push(Arc::clone(call_id));
        }
    }
}

/// Where the answer goes.
pub(super) type Answer = tokio::sync::oneshot::Sender<Result<Erased, CommitError>>;
