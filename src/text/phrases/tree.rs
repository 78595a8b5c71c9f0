//! Phrases as ways through a graph of words, with as few nodes as tell them apart.

use std::collections::BTreeMap;

use foldhash::HashMap;

use crate::text::WordId;

/// Where the first words of some phrases lead to. Numbers of branches are 0 where there is none:
/// nothing leads back to the first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Branch {
    /// Where exact words lead.
    pub exact: BTreeMap<WordId, u32>,
    /// Where any word leads.
    pub any: u32,
    /// Phrases that end here.
    pub ends: Vec<u32>,
}

/// Phrases by their beginnings. Nothing has been said at the first branch.
#[derive(Debug)]
pub(super) struct Tree(Vec<Branch>);

impl Tree {
    pub(super) fn new() -> Tree {
        Tree(vec![Branch::default()])
    }

    /// Adds one way of saying `phrase`; `None` stands for any word.
    pub(super) fn insert(&mut self, words: impl Iterator<Item = Option<WordId>>, phrase: u32) {
        let mut at = 0;
        for word in words {
            let fresh = self.0.len() as u32;
            let next = match word {
                Some(word) => self.0[at].exact.entry(word).or_default(),
                None => &mut self.0[at].any,
            };
            if *next == 0 {
                *next = fresh;
            }
            at = *next as usize;
            if at == self.0.len() {
                self.0.push(Branch::default());
            }
        }
        if !self.0[at].ends.contains(&phrase) {
            self.0[at].ends.push(phrase);
        }
    }

    /// Makes one branch of those that go on alike, such as the endings of a pattern with choices
    /// at its beginning. The list that ships has an eighteenth of the branches then, which stay in
    /// the processor's cache.
    pub(super) fn share(self) -> Vec<Branch> {
        let mut shared = vec![Branch::default()];
        let (mut numbers, mut alike) = (vec![0; self.0.len()], HashMap::default());
        // A branch comes before those that it leads to.
        for (old, mut branch) in self.0.into_iter().enumerate().rev() {
            for next in branch.exact.values_mut().chain([&mut branch.any]) {
                *next = numbers[*next as usize];
            }
            if old == 0 {
                shared[0] = branch;
                break;
            }
            numbers[old] = *alike.entry(branch).or_insert_with_key(|branch| {
                shared.push(branch.clone());
                shared.len() as u32 - 1
            });
        }
        shared
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_shared_where_they_are_alike() {
        let mut tree = Tree::new();
        let [a, b, c, d] = [1, 2, 3, 4].map(|word| Some(WordId(word)));
        for (words, phrase) in
            [([a, c, d], 0), ([b, c, d], 0), ([a, None, d], 0), ([d, c, d], 1), ([a, c, d], 0)]
        {
            tree.insert(words.into_iter(), phrase);
        }
        let shared = tree.share();
        let after = |at: u32, word: u32| shared[at as usize].exact[&WordId(word)];
        // Nothing, the three first words, the middles of both phrases, and both ends.
        assert_eq!(shared.len(), 8);
        assert_eq!(after(after(0, 1), 3), after(after(0, 2), 3));
        assert_eq!(after(after(0, 1), 3), shared[after(0, 1) as usize].any);
        let end = |first| after(after(after(0, first), 3), 4);
        assert_eq!((end(1), end(2)), (end(2), end(1)));
        assert_eq!(shared[end(1) as usize].ends, [0]);
        assert_eq!(shared[end(4) as usize].ends, [1]);
    }
}
