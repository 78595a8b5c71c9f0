//! What time brings about: silence, holds, and words that were not said in time.

use super::spec::{Kind, NodeId, Rules};
use super::state::{Fired, RuleState};

impl RuleState {
    /// Finds the next deadline anew. To be called after whatever may have moved one.
    pub(super) fn plan(&mut self, rules: &Rules) {
        self.deadline = self.next(rules).map(|(deadline, _)| deadline);
    }

    /// Passes the deadlines that `is_over` says are over, the earliest first.
    pub(super) fn pass(
        &mut self,
        rules: &Rules,
        is_over: impl Fn(i64) -> bool,
        fired: &mut Vec<Fired>,
    ) {
        if !self.deadline.is_some_and(&is_over) {
            return;
        }
        while let Some((deadline, node)) = self.next(rules).filter(|next| is_over(next.0)) {
            let since = self.since(rules, node);
            let memory = self.memory_mut(node);
            let words = memory.mentions.drain(..).map(|mention| mention.words).collect();
            memory.done = since;
            self.happen(rules, node, deadline, words, fired);
        }
        self.plan(rules);
    }

    /// The hold that was told of ends at call time `now`; if it lasted long enough, it did so
    /// before.
    pub(super) fn hold_ends(&mut self, rules: &Rules, now: i64, fired: &mut Vec<Fired>) {
        for &node in &rules.timed {
            let (Kind::Hold { over }, Some(since)) = (rules.node(node).kind, self.hold_since)
            else {
                continue;
            };
            let deadline = since.saturating_add(over);
            let done = self.memory(node).and_then(|memory| memory.done);
            if deadline < now && done != Some(since) {
                self.memory_mut(node).done = Some(since);
                self.happen(rules, node, deadline, Vec::new(), fired);
            }
        }
    }

    fn next(&self, rules: &Rules) -> Option<(i64, NodeId)> {
        let deadlines = rules.timed.iter().filter_map(|&node| {
            let length = match rules.node(node).kind {
                Kind::NotFollowed { within } | Kind::NotSaid { within } => within,
                Kind::Silence { over } | Kind::Hold { over } => over,
                _ => return None,
            };
            let since = self.since(rules, node)?;
            let done = self.memory(node).and_then(|memory| memory.done);
            (done != Some(since)).then_some((since.saturating_add(length), node))
        });
        deadlines.min()
    }

    /// From when on the node waits.
    fn since(&self, rules: &Rules, node: NodeId) -> Option<i64> {
        match rules.node(node).kind {
            // From the start of the call.
            Kind::NotSaid { .. } => Some(0),
            Kind::Silence { .. } => self.speech_end,
            Kind::Hold { .. } => self.hold(),
            _ => Some(self.memory(node)?.mentions.first()?.at),
        }
    }
}
