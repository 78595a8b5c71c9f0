//! Calls of nodes that died: each living node takes its share, in one pass over the events.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::members::heir;
use super::takeover::{Candidate, Found, NewsPlace, assemble};
use super::{Cluster, index::Entry};
use crate::desk::Desk;
use crate::engine::rules::Ruleset;
use crate::journal::jetstream::{BusError, EventsLetter, Names};

/// Calls whose events are in memory at once.
const SHARE: usize = 5_000;
/// Calls taken over at a time.
const AT_ONCE: usize = 200;

type Orphan = (Arc<str>, Entry);

impl Cluster {
    pub(super) async fn adopt_orphans(self: Arc<Self>) {
        let mut pause = tokio::time::interval(self.settings.node_timeout() / 5);
        pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // Calls that stand under this node's name without being here, at the look before.
        let mut strays: Vec<Arc<str>> = Vec::new();
        loop {
            pause.tick().await;
            let Some(desk) = self.desk() else { return };
            let orphans = self.own_orphans(&desk, &mut strays);
            for share in orphans.chunks(SHARE) {
                if let Err(error) = self.adopt(&desk, share).await {
                    tracing::warn!(%error, calls = share.len(), "calls of a dead node are taken over later");
                    break;
                }
            }
        }
    }

    /// Calls of the dead that fall to this node, and those that stand under its own name and are
    /// not here although they were not at the last look either: something failed in between.
    fn own_orphans(&self, desk: &Desk, strays: &mut Vec<Arc<str>>) -> Vec<Orphan> {
        let (living, may_judge) = {
            let (members, now) = (self.lock_members(), Instant::now());
            (members.living(now), members.may_judge(now))
        };
        if !may_judge || !self.bus.is_connected() {
            strays.clear();
            return Vec::new();
        }
        let alone = self.lock_index().without(|call_id, node| match *node == *self.node {
            true => desk.has(call_id),
            false => living.iter().any(|own| **own == *node),
        });
        let before = std::mem::take(strays);
        let (own, others): (Vec<_>, Vec<_>) =
            alone.into_iter().partition(|(_, entry)| entry.node == self.node);
        *strays = own.iter().map(|(call_id, _)| Arc::clone(call_id)).collect();
        let again = own.into_iter().filter(|(call_id, _)| before.contains(call_id));
        let inherited =
            others.into_iter().filter(|(call_id, _)| heir(call_id, &living) == Some(&self.node));
        inherited.chain(again).filter(|(call_id, _)| !desk.has(call_id)).collect()
    }

    /// Reads and folds all at once, then takes them over a few at a time: while it does, nobody
    /// else brings a call here.
    async fn adopt(&self, desk: &Arc<Desk>, orphans: &[Orphan]) -> Result<(), BusError> {
        let began = Instant::now();
        let letters = self.read_events(orphans).await?;
        let mut rulesets: Vec<Ruleset> = Vec::new();
        for own in letters.values() {
            for found in self.rulesets(desk, own).await? {
                if rulesets.iter().all(|known| known.hash != found.hash) {
                    rulesets.push(found);
                }
            }
        }
        let mut candidates = self.fold(desk, orphans, letters, rulesets).await.into_iter();
        let mut won = 0;
        loop {
            let some: Vec<Candidate> = candidates.by_ref().take(AT_ONCE).collect();
            if some.is_empty() {
                break;
            }
            let _turns = self.all_turns().await;
            desk.journal().flush().await;
            let still = some.into_iter().filter(|own| !desk.has(&own.taking.call_id)).collect();
            won += self.take_over(desk, still).await?;
        }
        self.metrics.orphans.inc_by(won as u64);
        let seconds = began.elapsed().as_secs_f64();
        tracing::info!(calls = won, of = orphans.len(), seconds, "took over calls of a dead node");
        Ok(())
    }

    /// The events of some calls, in one pass over each stream that holds some.
    async fn read_events(
        &self,
        orphans: &[Orphan],
    ) -> Result<HashMap<Arc<str>, Vec<(u64, EventsLetter)>>, BusError> {
        let names = self.bus.names();
        let mut letters: HashMap<Arc<str>, Vec<(u64, EventsLetter)>> =
            orphans.iter().map(|(call_id, _)| (Arc::clone(call_id), Vec::new())).collect();
        for partition in names.partitions() {
            let own = orphans.iter().filter(|(call_id, _)| names.partition(call_id) == partition);
            let Some(first) = own.map(|(_, entry)| entry.began).min() else { continue };
            let mut pass = self.bus.events_from(partition, first).await?;
            pass.read_all(|delivered| {
                let Some(call_id) = Names::call_of(&delivered.subject) else {
                    return;
                };
                if let (Some(own), Some(letter)) = (letters.get_mut(&*call_id), delivered.letter) {
                    own.push((delivered.sequence, letter));
                }
            })
            .await?;
        }
        Ok(letters)
    }

    /// Folds what was read, on a thread that serves nobody meanwhile. Calls that a living node
    /// has written to since are left to it.
    async fn fold(
        &self,
        desk: &Arc<Desk>,
        orphans: &[Orphan],
        mut letters: HashMap<Arc<str>, Vec<(u64, EventsLetter)>>,
        rulesets: Vec<Ruleset>,
    ) -> Vec<Candidate> {
        let living = self.lock_members().living(Instant::now());
        let (desk, own, orphans) = (Arc::clone(desk), Arc::clone(&self.node), orphans.to_vec());
        let folding = tokio::task::spawn_blocking(move || {
            let mut hopeless: Vec<Arc<str>> = Vec::new();
            let candidate = |(call_id, entry): Orphan| {
                let letters = letters.remove(&call_id)?;
                let Entry { desk: place, began, number, told, .. } = entry;
                let number = (told > 0).then_some(number);
                let news = NewsPlace { desk: place, began, number, told };
                let Found::Call(found) = assemble(&desk, &call_id, letters, news, &rulesets) else {
                    // Nothing is left to be done for it, or that could be done.
                    hopeless.push(call_id);
                    return None;
                };
                let is_dead =
                    *found.node == *own || living.iter().all(|node| **node != *found.node);
                is_dead.then_some(*found)
            };
            let candidates: Vec<Candidate> = orphans.into_iter().filter_map(candidate).collect();
            (candidates, hopeless)
        });
        let (candidates, hopeless) = folding.await.unwrap_or_default();
        for call_id in hopeless {
            tracing::warn!(%call_id, "nothing is left of a call of a dead node; nobody takes it over");
            self.lock_index().forget(&call_id);
        }
        candidates
    }
}
