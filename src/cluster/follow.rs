//! The words of calls that other nodes have, for consoles here that read along: this node folds
//! the call's events too, for as long as somebody does.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;

use super::Cluster;
use super::takeover::Found;
use crate::engine::event::Event;
use crate::hub::Moved;
use crate::journal::jetstream::{BusError, EventsLetter, Letters};

/// How often it is looked whether anybody still reads along. One who has asked once by REST counts
/// as long as this.
const IDLE: Duration = Duration::from_secs(5);
/// Most calls followed at a time; of more only their risks and alerts are here.
const MOST: usize = 1_000;

impl Cluster {
    /// Makes sure that the words of a call are here, and go on coming for a while.
    pub async fn follow(self: &Arc<Self>, call_id: &str) {
        let Some(desk) = self.desk() else { return };
        if desk.has(call_id) {
            return;
        }
        if !self.hub.is_open(call_id) {
            return self.settle(call_id).await;
        }
        let is_theirs = self.lock_index().of(call_id).is_some_and(|own| own.node != self.node);
        if !is_theirs {
            return;
        }
        let call_id: Arc<str> = call_id.into();
        let _turn = self.turn(&call_id).lock().await;
        let is_new = {
            let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
            followed.len() < MOST && followed.insert(Arc::clone(&call_id))
        };
        if !is_new {
            return;
        }
        self.count_followed();
        match self.begin_to_follow(&call_id).await {
            Ok(Some(rest)) => {
                let own = Arc::clone(self);
                tokio::spawn(async move {
                    own.go_on(&call_id, rest).await;
                    own.unfollow(&call_id);
                });
            }
            Ok(None) => self.unfollow(&call_id),
            Err(error) => {
                tracing::warn!(%call_id, %error, "a call of another node cannot be read along");
                self.unfollow(&call_id);
            }
        }
    }

    /// Waits until the tables of this node show a call that has just ended on another.
    async fn settle(&self, call_id: &str) {
        let Some(keeper) = self.keeper.as_ref().filter(|_| self.hub.lacks_words(call_id)) else {
            return;
        };
        let shown = async {
            if let Ok(Some(place)) = self.bus.newest_history(call_id).await {
                keeper.reached(place).await;
            }
        };
        if tokio::time::timeout(self.settings.answer_timeout(), shown).await.is_err() {
            tracing::debug!(call_id, "the tables are late");
        }
    }

    async fn begin_to_follow(&self, call_id: &Arc<str>) -> Result<Option<Rest>, BusError> {
        let Some(desk) = self.desk() else { return Ok(None) };
        let Found::Call(found) = self.look(&desk, call_id).await? else { return Ok(None) };
        self.hub.take_transcript(call_id, found.brought.said());
        let letters = self.bus.events_of(call_id, found.taking.claim.events + 1).await?;
        Ok(Some(Rest { brought: found.brought, letters }))
    }

    async fn go_on(&self, call_id: &Arc<str>, rest: Rest) {
        let Rest { mut brought, mut letters } = rest;
        loop {
            let next = tokio::time::timeout(IDLE, letters.next()).await;
            let read = self.hub.is_watched(call_id);
            match next {
                Err(_) if !read => return,
                Err(_) => continue,
                Ok(Some(Ok(delivered))) => {
                    // Taken over by this node, it comes by the desk.
                    let Some(desk) = self.desk().filter(|desk| !desk.has(call_id)) else { return };
                    let Some(letter) = delivered.letter else { continue };
                    if letter.events.iter().any(|own| matches!(own.event, Event::Start(_))) {
                        return;
                    }
                    let said = brought.go_on(&desk, &letter.events);
                    let call_id = Arc::clone(call_id);
                    let (progress, risk) = (None, None);
                    self.hub.publish_moved(Moved { call_id, progress, risk, said });
                    if letter.over.is_some() {
                        return;
                    }
                }
                Ok(Some(Err(_)) | None) => return,
            }
        }
    }

    fn unfollow(&self, call_id: &Arc<str>) {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner).remove(call_id);
        self.count_followed();
        if self.desk().is_none_or(|desk| !desk.has(call_id)) {
            self.hub.drop_transcript(call_id);
        }
    }

    fn count_followed(&self) {
        let followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner).len();
        self.metrics.followed_calls.set(i64::try_from(followed).unwrap_or(i64::MAX));
    }
}

/// What is needed to read on.
struct Rest {
    brought: crate::desk::Brought,
    letters: Letters<EventsLetter>,
}
