//! A call's state × an event → what changed. Pure: no clock, no socket, no log.
//!
//! [`CallState`] is the fold of a call's events; [`Engine`] holds what all calls share and never
//! changes while they run. `serve`, `score`, `evaluate` and `replay` all come through here.

pub mod alert;
mod alerts;
mod call_state;
mod chunks;
pub mod effects;
pub mod event;
pub mod guidance;
pub mod matrix;
pub mod policy;
mod raise;
mod redact;
pub mod rules;
mod score;
mod segments;
mod settings;
pub mod step;
mod tiers;

#[cfg(test)]
mod life_tests;
#[cfg(test)]
mod limits_tests;
#[cfg(test)]
mod tests;

pub use alerts::{Check, Refusal};
pub use call_state::CallState;
pub use score::{TurnExplanation, TurnScore, chunks, score_call};
pub use settings::{
    DEFAULT_MODEL, DEFAULT_PHRASES, DEFAULT_PLAYBOOK, Engine, EngineError, Settings,
};
