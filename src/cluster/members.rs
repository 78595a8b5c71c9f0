//! Which nodes there are: each gives signs of life, and hears its own.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::Cluster;
use crate::journal::jetstream::{Inbox, stable_hash};

/// Signs of life within the time after which a node is dead.
const BEATS: u32 = 5;

/// A sign of life.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Beat {
    node: Arc<str>,
    /// It was the last.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    bye: bool,
}

/// The nodes that one has heard of.
#[derive(Debug)]
pub(super) struct Members {
    node: Arc<str>,
    timeout: Duration,
    heard: HashMap<Arc<str>, Instant>,
    /// Since when it hears itself without a gap.
    steady: Option<Instant>,
    /// When the streams answered last.
    answered: Option<Instant>,
}

impl Members {
    pub fn new(node: Arc<str>, timeout: Duration) -> Members {
        Members { node, timeout, heard: HashMap::new(), steady: None, answered: None }
    }

    /// Takes in a sign of life.
    pub fn hear(&mut self, beat: &Beat, now: Instant) {
        if beat.bye {
            self.heard.remove(&beat.node);
            return;
        }
        if beat.node == self.node && !self.is_fresh(&self.node, now, self.timeout / 2) {
            self.steady = Some(now);
        }
        self.heard.insert(Arc::clone(&beat.node), now);
        let oldest = self.timeout * 4;
        self.heard.retain(|_, heard| now.duration_since(*heard) < oldest);
    }

    fn is_fresh(&self, node: &str, now: Instant, within: Duration) -> bool {
        self.heard.get(node).is_some_and(|heard| now.duration_since(*heard) < within)
    }

    /// The streams have answered.
    pub fn streams_answered(&mut self, now: Instant) {
        self.answered = Some(now);
    }

    /// Whether its own signs of life come back to it, and the streams answer.
    pub fn is_in_touch(&self) -> bool {
        let now = Instant::now();
        self.is_fresh(&self.node, now, self.timeout / 2)
            && self.answered.is_some_and(|at| now.duration_since(at) < self.timeout)
    }

    /// Whether it has listened long enough to say who is dead.
    pub fn may_judge(&self, now: Instant) -> bool {
        let long = |since: Instant| now.duration_since(since) >= self.timeout;
        self.is_fresh(&self.node, now, self.timeout / 2) && self.steady.is_some_and(long)
    }

    /// Nodes that live, itself included, in one order for all.
    pub fn living(&self, now: Instant) -> Vec<Arc<str>> {
        let fresh = self.heard.keys().filter(|node| self.is_fresh(node, now, self.timeout));
        let mut living: Vec<_> = fresh.cloned().collect();
        living.sort_unstable();
        living
    }
}

/// Which of the living takes a call: the one whose name and the call's make the highest hash, so
/// that few move when one more dies.
pub(super) fn heir<'a>(call_id: &str, living: &'a [Arc<str>]) -> Option<&'a Arc<str>> {
    living.iter().max_by_key(|node| stable_hash(&[call_id, node]))
}

impl Cluster {
    pub(super) async fn beat(self: Arc<Self>) {
        let mut pause = tokio::time::interval(self.settings.node_timeout() / BEATS);
        pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            pause.tick().await;
            if self.is_leaving.load(Ordering::Relaxed) {
                return;
            }
            let beat = Beat { node: Arc::clone(&self.node), bye: false };
            self.bus.post(self.bus.names().beats(), &beat).await;
            // Beats need no JetStream; calls do.
            if self.bus.history_of_news().await.is_ok() {
                self.lock_members().streams_answered(Instant::now());
            }
            let living = self.lock_members().living(Instant::now()).len();
            self.metrics.nodes.set(i64::try_from(living).unwrap_or(i64::MAX));
            self.metrics.connected.set(i64::from(self.is_connected()));
        }
    }

    pub(super) async fn listen_for_beats(self: Arc<Self>, mut beats: Inbox) {
        while let Some(posted) = beats.next().await {
            if let Some(beat) = posted.read::<Beat>() {
                self.lock_members().hear(&beat, Instant::now());
            }
        }
    }

    pub(super) async fn say_bye(&self) {
        // No beat comes after it.
        self.is_leaving.store(true, Ordering::Relaxed);
        let beat = Beat { node: Arc::clone(&self.node), bye: true };
        self.bus.post(self.bus.names().beats(), &beat).await;
        self.bus.flush().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat(node: &str) -> Beat {
        Beat { node: node.into(), bye: false }
    }

    #[test]
    fn who_is_silent_is_dead_but_only_to_who_hears() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut members = Members::new("a".into(), 4 * second);
        for at in 0..5 {
            members.hear(&beat("a"), start + at * second);
            if at < 2 {
                members.hear(&beat("b"), start + at * second);
            }
        }
        assert!(!members.may_judge(start + 3 * second), "it has only just come");
        let now = start + 4 * second;
        assert!(members.may_judge(now));
        assert_eq!(members.living(now), ["a".into(), "b".into()] as [Arc<str>; 2]);
        assert_eq!(members.living(start + 5 * second), ["a".into()] as [Arc<str>; 1]);
        // Cut off for a while, it knows nothing of the others.
        members.hear(&beat("a"), start + 20 * second);
        assert!(!members.may_judge(start + 20 * second));
        members.hear(&Beat { bye: true, ..beat("a") }, start + 21 * second);
        assert!(members.living(start + 21 * second).is_empty());
    }

    #[test]
    fn all_agree_on_the_heir() {
        let living: Vec<Arc<str>> = ["a", "b", "c"].map(Arc::from).to_vec();
        let heirs: std::collections::BTreeSet<_> =
            (0..100).filter_map(|n| heir(&n.to_string(), &living)).collect();
        assert_eq!(heirs.len(), 3, "everybody has some");
        assert_eq!(heir("x", &[]), None);
    }
}
