//! Rules over time: what is said, how often, in which order, or not in time; mood, silence, holds
//! and talking over each other. `data/triggers.toml` documents how they are written.
//!
//! A rule is a tree. Its leaves *happen* at moments of call time: a phrase is said, a deadline
//! passes, a turn ends. Every node keeps when it last happened, which is all that a group has to
//! look at. A rule fires when its root happens. Words and deadlines are taken in the order of
//! their call time, so it does not matter in how many finals words arrive.
//!
//! A deadline passes when words come that are spoken after it, or by [`super::event::Event::Tick`]
//! once the transcript has had time to arrive; the moment is the deadline either way.

mod apply;
mod compile;
mod deadlines;
mod file;
mod groups;
mod spec;
mod state;
#[cfg(test)]
mod tests;
mod turns;

use std::sync::Arc;

use sha2::{Digest, Sha256};

pub use compile::RulesError;
pub use spec::{
    MAX_CONDITIONS, MAX_DEPTH, MAX_RULES, MAX_RULES_BYTES, MAX_TIMES, MAX_WINDOW_S, Rule, Rules,
};
pub(super) use state::RuleState;

/// The text that phrases and rules were read from, and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruleset {
    /// Half of the SHA-256 of the text, in hex: the name that a call's start bears.
    pub hash: Arc<str>,
    /// TOML.
    pub text: Arc<str>,
}

impl Ruleset {
    /// Names a text.
    pub fn new(text: &str) -> Ruleset {
        let hash = Sha256::digest(text.as_bytes());
        let hash: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Ruleset { hash: hash.into(), text: text.into() }
    }
}
