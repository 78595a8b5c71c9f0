//! Events that no call needs any more leave their streams. One node does it for all, whole
//! stretches at a time: to purge a single call costs NATS a walk through every block that holds
//! some of it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Cluster;

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(30);
/// Events so young stay: an abandoned call may come back.
const YOUNG: Duration = Duration::from_secs(3_600);

impl Cluster {
    pub(super) async fn purge_events(self: Arc<Self>) {
        let mut pause = tokio::time::interval(PAUSE);
        pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // Where each stream ended at earlier looks.
        let mut ends: HashMap<u16, VecDeque<(Instant, u64)>> = HashMap::new();
        loop {
            pause.tick().await;
            let now = Instant::now();
            let is_first = self.lock_members().living(now).first() == Some(&self.node);
            for partition in self.bus.names().partitions() {
                let Ok(end) = self.bus.end_of_events(partition).await else { continue };
                let looks = ends.entry(partition).or_default();
                looks.push_back((now, end));
                let old = |(at, _): &(Instant, u64)| now.duration_since(*at) >= YOUNG;
                let mut old_end = None;
                while looks.front().is_some_and(old) {
                    old_end = looks.pop_front().map(|(_, end)| end);
                }
                let Some(old_end) = old_end.filter(|_| is_first) else { continue };
                let names = self.bus.names();
                let needed =
                    self.lock_index().oldest(|call_id| names.partition(call_id) == partition);
                let upto = needed.map_or(old_end, |needed| needed.min(old_end));
                if let Err(error) = self.bus.purge_events(partition, upto).await {
                    tracing::warn!(%error, partition, "events that nobody needs stay a while");
                }
            }
        }
    }
}
