//! What is heard, and what follows from it up the tree of a rule.

use super::spec::{Kind, NodeId, Part, Rules};
use super::state::{Fired, Mention, RuleState, Words};

/// Words that an alert quotes of one rule.
const MAX_WORDS: usize = 4;

impl RuleState {
    /// Takes in words that a node listens for, said at call time `at`.
    pub(super) fn hear(
        &mut self,
        rules: &Rules,
        (node, part): (NodeId, Part),
        (at, words): (i64, Words),
        most: usize,
        fired: &mut Vec<Fired>,
    ) {
        let mention = Mention { at, ms: 0, words };
        match rules.node(node).kind {
            Kind::Said => self.happen(rules, node, at, vec![words], fired),
            Kind::Count { times, within } => {
                let mentions = &mut self.memory_mut(node).mentions;
                // Two phrases over the same words are one mention.
                if mentions.last().is_some_and(|last| overlap(&last.words, &words)) {
                    return;
                }
                mentions.retain(|mention| at.saturating_sub(mention.at) <= within);
                if mentions.len() >= times {
                    mentions.remove(0);
                }
                self.remember(node, mention, most);
                let mentions = &self.memory_mut(node).mentions;
                if mentions.len() == times {
                    let words = mentions.iter().map(|mention| mention.words).collect();
                    self.happen(rules, node, at, words, fired);
                }
            }
            Kind::Sequence { .. } | Kind::NotFollowed { .. } if part == Part::First => {
                // A sequence goes from the newest first words, a deadline from the oldest.
                let newest = matches!(rules.node(node).kind, Kind::Sequence { .. });
                let mentions = &mut self.memory_mut(node).mentions;
                if newest {
                    mentions.clear();
                }
                if mentions.is_empty() {
                    self.remember(node, mention, most);
                }
            }
            Kind::Sequence { within } => {
                let mentions = &mut self.memory_mut(node).mentions;
                let first = mentions.first().filter(|first| first.at <= at).copied();
                if let Some(first) = first.filter(|first| at - first.at <= within) {
                    mentions.clear();
                    self.happen(rules, node, at, vec![first.words, words], fired);
                }
            }
            Kind::NotFollowed { .. } => {
                self.memory_mut(node).mentions.retain(|first| first.at > at);
            }
            Kind::NotSaid { .. } => self.memory_mut(node).done = Some(0),
            _ => {}
        }
    }

    /// A leaf happens at call time `at`; its rule may fire.
    pub(super) fn happen(
        &mut self,
        rules: &Rules,
        leaf: NodeId,
        at: i64,
        words: Vec<Words>,
        fired: &mut Vec<Fired>,
    ) {
        self.memory_mut(leaf).words = words;
        let rule = usize::from(rules.node(leaf).rule);
        let root = rules.rules[rule].root;
        if self.follows(rules, root, leaf, at) {
            let mut words = Vec::new();
            self.words(rules, root, &mut words);
            words.truncate(MAX_WORDS);
            fired.push(Fired { rule, at_ms: at, words });
        }
    }

    /// Whether `node` happens now, because `leaf` does.
    fn follows(&mut self, rules: &Rules, node: NodeId, leaf: NodeId, at: i64) -> bool {
        let Some(children) = rules.children(node) else {
            if node == leaf {
                self.memory_mut(node).happened = Some(at);
            }
            return node == leaf;
        };
        let mut follows = false;
        for &child in children {
            follows |= self.follows(rules, child, leaf, at);
        }
        follows = match rules.node(node).kind {
            Kind::All { within } => {
                follows && children.iter().all(|&child| self.holds(rules, child, at, within))
            }
            Kind::Not => false,
            _ => follows,
        };
        if follows {
            self.memory_mut(node).happened = Some(at);
        }
        follows
    }

    /// Whether `node` has happened by now, and not longer than `within` ago; of a `not`, whether
    /// its condition has not.
    fn holds(&self, rules: &Rules, node: NodeId, at: i64, within: Option<i64>) -> bool {
        if rules.node(node).kind == Kind::Not {
            return !rules.node(node).children.iter().any(|&c| self.holds(rules, c, at, within));
        }
        let happened = self.memory(node).and_then(|memory| memory.happened);
        happened.is_some_and(|then| within.is_none_or(|within| at - then <= within))
    }

    /// The words that a node rests on.
    fn words(&self, rules: &Rules, node: NodeId, into: &mut Vec<Words>) {
        let happened = |node: NodeId| self.memory(node).and_then(|memory| memory.happened);
        match (rules.node(node).kind, rules.children(node)) {
            (Kind::Not, _) => {}
            (Kind::Any, Some(children)) => {
                if let Some(newest) = children.iter().copied().max_by_key(|&c| happened(c)) {
                    self.words(rules, newest, into);
                }
            }
            (_, Some(children)) => {
                for &child in children {
                    self.words(rules, child, into);
                }
            }
            (_, None) => {
                let own = self.memory(node).map(|memory| memory.words.as_slice());
                for words in own.unwrap_or_default() {
                    if !into.contains(words) {
                        into.push(*words);
                    }
                }
            }
        }
    }
}

impl Rules {
    /// What a group holds; `None` for a leaf.
    fn children(&self, node: NodeId) -> Option<&[NodeId]> {
        let node = self.node(node);
        (!node.children.is_empty()).then_some(node.children.as_slice())
    }
}

/// Whether `next` begins before `last` has ended.
fn overlap(last: &Words, next: &Words) -> bool {
    (next.from.seq, next.from.start) <= (last.to.seq, last.to.start)
}
