//! Risks that move between numbered messages: told to all nodes a few times a second, the newest
//! of each call. What is lost comes again with the next.

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Cluster;
use crate::engine::effects::{Progress, RiskUpdate};
use crate::hub::Moved;
use crate::journal::jetstream::Inbox;

/// Between two posts.
const PAUSE: Duration = Duration::from_millis(250);
/// Calls in one post.
const CALLS: usize = 500;

/// The newest of each call since the last post.
#[derive(Debug, Default)]
pub(super) struct Board(HashMap<Arc<str>, (Option<Progress>, Option<RiskUpdate>)>);

/// One post.
#[derive(Serialize, Deserialize)]
struct Post {
    node: Arc<str>,
    calls: Vec<(Arc<str>, Option<Progress>, Option<RiskUpdate>)>,
}

impl Board {
    /// Notes what moved of a call of this node.
    pub fn note(
        &mut self,
        call_id: &Arc<str>,
        progress: Option<&Progress>,
        risk: Option<&RiskUpdate>,
    ) {
        if progress.is_none() && risk.is_none() {
            return;
        }
        let entry = self.0.entry(Arc::clone(call_id)).or_default();
        entry.0 = progress.copied().or(entry.0);
        entry.1 = risk.cloned().or(entry.1.take());
    }
}

impl Cluster {
    pub(super) fn lock_risks(&self) -> MutexGuard<'_, Board> {
        self.risks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn tell_risks(self: Arc<Self>) {
        let mut pause = tokio::time::interval(PAUSE);
        loop {
            pause.tick().await;
            let board = std::mem::take(&mut *self.lock_risks());
            let mut calls: Vec<_> =
                board.0.into_iter().map(|(id, (progress, risk))| (id, progress, risk)).collect();
            while !calls.is_empty() {
                let rest = calls.split_off(calls.len().min(CALLS));
                let post = Post { node: Arc::clone(&self.node), calls };
                self.bus.post(self.bus.names().risks(), &post).await;
                calls = rest;
            }
        }
    }

    pub(super) async fn hear_risks(self: Arc<Self>, mut posts: Inbox) {
        while let Some(posted) = posts.next().await {
            let Some(post) = posted.read::<Post>().filter(|post| post.node != self.node) else {
                continue;
            };
            for (call_id, progress, risk) in post.calls {
                // Only who has the call now tells of it; what comes late is passed over.
                let is_theirs =
                    self.lock_index().of(&call_id).is_some_and(|own| own.node == post.node);
                if is_theirs {
                    self.hub.publish_moved(Moved { call_id, progress, risk, said: Vec::new() });
                }
            }
        }
    }
}
