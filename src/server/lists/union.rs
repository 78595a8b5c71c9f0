//! One list out of two: what is in memory, and what is in the journal and not in memory.
//!
//! Things go from memory to the journal's tables and never back, and a table has them before
//! memory lets go of them. So a stretch is read from memory first, then from the tables without
//! what memory had: nothing is missed, and nothing is there twice. Pure.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::journal::{Found, ReadError, Stretch};

/// A stretch of what is in memory.
pub(super) struct Live<K, T> {
    /// Everything there, whether it matches or not.
    pub keys: BTreeSet<K>,
    /// What matches.
    pub items: Vec<(K, T)>,
    /// Nothing lies beyond.
    pub last: bool,
}

/// A part of a list.
#[derive(Debug, PartialEq)]
pub(super) struct Part<K, T> {
    /// The highest key first.
    pub items: Vec<T>,
    /// The next part has what is below.
    pub next: Option<K>,
}

/// At most `limit` items below `after`, and fewer when `until` comes before.
pub(super) fn part<K: Ord + Clone, T>(
    after: Option<K>,
    limit: usize,
    until: Instant,
    mut live: impl FnMut(Option<&K>) -> Result<Live<K, T>, ReadError>,
    mut past: impl FnMut(&Stretch<'_, K>) -> Result<Found<K, T>, ReadError>,
) -> Result<Part<K, T>, ReadError> {
    let mut items: Vec<(K, T)> = Vec::new();
    let mut below = after;
    let mut moved = false;
    loop {
        let step = match live(below.as_ref()) {
            Err(ReadError::TooSlow) if moved => break,
            step => step?,
        };
        let from = if step.last { None } else { step.keys.first().cloned() };
        // One more than wanted tells whether anything follows.
        let most = limit + 1 - items.len();
        let stretch = Stretch { below: below.clone(), from, without: &step.keys, most };
        let found = match past(&stretch) {
            Err(ReadError::TooSlow) if moved => break,
            found => found?,
        };
        let reached = found.reached.or(stretch.from);
        let seen = |key: &K| reached.as_ref().is_none_or(|reached| key >= reached);
        let of_step = items.len();
        items.extend(step.items.into_iter().filter(|(key, _)| seen(key)).chain(found.items));
        items[of_step..].sort_by(|(a, _), (b, _)| b.cmp(a));
        if items.len() > limit {
            items.truncate(limit);
            below = items.last().map(|(key, _)| key.clone());
            break;
        }
        below = reached;
        moved = true;
        if below.is_none() || Instant::now() >= until {
            break;
        }
    }
    Ok(Part { items: items.into_iter().map(|(_, item)| item).collect(), next: below })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const STEP: usize = 3;

    /// What has ended is in the table; memory holds the rest and some of what has ended.
    #[derive(Clone, Debug)]
    struct World {
        live: BTreeSet<u32>,
        table: BTreeSet<u32>,
        matching: BTreeSet<u32>,
    }

    impl World {
        /// One part; the table is read at most `reading` keys at a time.
        fn part(&self, after: Option<u32>, limit: usize, reading: usize) -> Part<u32, u32> {
            let until = Instant::now() + Duration::from_secs(60);
            let live = |below: Option<&u32>| {
                let all = self.live.range(..below.copied().unwrap_or(u32::MAX)).rev();
                let keys: BTreeSet<u32> = all.copied().take(STEP).collect();
                let items = keys.intersection(&self.matching).map(|key| (*key, *key)).collect();
                Ok(Live { last: keys.len() < STEP, keys, items })
            };
            let past = |stretch: &Stretch<'_, u32>| {
                let below = stretch.below.unwrap_or(u32::MAX);
                let range = self.table.range(stretch.from.unwrap_or(0)..below).rev();
                let mut found = Found::default();
                for (read, key) in range.enumerate() {
                    if read == reading || found.items.len() == stretch.most {
                        return Ok(found);
                    }
                    if self.matching.contains(key) && !stretch.without.contains(key) {
                        found.items.push((*key, *key));
                    }
                    found.reached = Some(*key);
                }
                found.reached = None;
                Ok(found)
            };
            part(after, limit, until, live, past).unwrap()
        }
    }

    fn keys(most: usize) -> impl Strategy<Value = BTreeSet<u32>> {
        prop::collection::btree_set(0..60_u32, 0..most)
    }

    proptest! {
        /// Between two parts calls end, and memory lets go of ended ones.
        #[test]
        fn parts_make_the_whole_list(
            (open, ended, matching) in (keys(20), keys(40), keys(60)),
            kept in keys(20),
            moves in prop::collection::vec((0..60_u32, 0..60_u32), 1..20),
            limit in 1..6_usize,
            reading in 1..8_usize,
        ) {
            let mut world = World { live: &open | &kept, table: &ended | &kept, matching };
            let everything = &world.live | &world.table;
            let all: Vec<u32> = (&everything & &world.matching).into_iter().rev().collect();
            let mut seen = Vec::new();
            let mut after = None;
            for step in 0.. {
                let Part { items, next } = world.part(after, limit, reading);
                prop_assert!(items.len() <= limit);
                seen.extend(items);
                prop_assert!(next.is_none() || next != after, "it goes on");
                after = next;
                if after.is_none() {
                    break;
                }
                let (ends, goes) = moves[step % moves.len()];
                if world.live.contains(&ends) {
                    world.table.insert(ends);
                }
                if world.table.contains(&goes) {
                    world.live.remove(&goes);
                }
            }
            prop_assert_eq!(seen, all);
        }
    }

    #[test]
    fn what_was_found_in_time_is_given() {
        let world = World { live: (0..9).collect(), table: BTreeSet::new(), matching: [7].into() };
        let live = |below: Option<&u32>| {
            let range = world.live.range(..below.copied().unwrap_or(u32::MAX)).rev();
            let keys: BTreeSet<u32> = range.copied().take(STEP).collect();
            let items = keys.intersection(&world.matching).map(|key| (*key, *key)).collect();
            Ok(Live { last: keys.len() < STEP, keys, items })
        };
        let late = Instant::now();
        let nothing = |_: &Stretch<'_, u32>| Ok(Found::default());
        let first = part(None, 5, late, live, nothing).unwrap();
        assert_eq!(first, Part { items: vec![7], next: Some(6) });
        // Too slow before anything was looked at: there is nothing to go on from.
        let slow = |_: &Stretch<'_, u32>| Err(ReadError::TooSlow);
        let none: Result<Part<u32, u32>, _> = part(None, 5, late, live, slow);
        assert!(matches!(none, Err(ReadError::TooSlow)));
    }
}
