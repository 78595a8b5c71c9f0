//! A bounded memory of what was seen lately.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashSet, VecDeque};
use std::hash::{Hash, Hasher};

/// Remembers hashes of the newest `limit` things.
#[derive(Clone, Debug)]
pub(super) struct Window {
    seen: HashSet<u64>,
    order: VecDeque<u64>,
    limit: usize,
}

impl Window {
    pub fn new(limit: usize) -> Window {
        Window { seen: HashSet::new(), order: VecDeque::new(), limit }
    }

    pub fn has(&self, thing: impl Hash) -> bool {
        self.seen.contains(&hash(thing))
    }

    /// Remembers it. False when it was known.
    pub fn add(&mut self, thing: impl Hash) -> bool {
        let hash = hash(thing);
        if !self.seen.insert(hash) {
            return false;
        }
        self.order.push_back(hash);
        if self.order.len() > self.limit
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        true
    }
}

pub(super) fn hash(thing: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    thing.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten() {
        let mut window = Window::new(2);
        assert!(window.add("a") && window.add("b") && !window.add("a"));
        assert!(window.add("c") && !window.has("a") && window.has("b") && window.has("c"));
    }
}
