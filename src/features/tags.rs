//! What the newest turn does, in a word or two: tags for people who read along.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::explain::act_called;
use super::open_turn::OpenTurn;
use super::{CallFeatures, Space};

/// Acts that most turns are; a tag on all of them would say nothing.
const USUAL: [&str; 2] = ["info", "proc"];

/// A conversation act that a turn is taken for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tag {
    /// Its code (`data/README.md`).
    pub act: Cow<'static, str>,
    /// What people read: what the speaker does.
    pub label: Cow<'static, str>,
    /// By the words alone.
    pub probability: f64,
}

impl CallFeatures {
    /// The acts of the open turn, as far as it has been said; surest first.
    pub(super) fn tags(&self, space: &Space) -> Vec<Tag> {
        of_turn(&self.open, space)
    }
}

fn of_turn(turn: &OpenTurn, space: &Space) -> Vec<Tag> {
    let Some(heads) = turn.role.map(|role| space.heads(role)) else { return Vec::new() };
    let said = heads.names.iter().zip(&turn.said).zip(&heads.speaks_from);
    let sure = said.filter(|((_, probability), speaks_from)| probability >= speaks_from);
    let tag = |((name, &probability), _): ((&String, &f64), &f64)| {
        let act = name.strip_prefix("act:").filter(|act| !USUAL.contains(act))?;
        let (act, label) = match act_called(act) {
            Some((code, label)) => (Cow::Borrowed(code), Cow::Borrowed(label)),
            None => (Cow::Owned(act.to_owned()), Cow::Owned(act.to_owned())),
        };
        Some(Tag { act, label, probability })
    };
    let mut tags: Vec<Tag> = sure.filter_map(tag).collect();
    // Stable, so equal ones keep the order of the heads.
    tags.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    tags
}
