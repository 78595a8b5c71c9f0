//! The one definition of the feature space: from the turns of a call to the named columns of
//! the risk head. `serve`, `score`, `train` and `evaluate` all come through [`CallFeatures`].
//!
//! **Invariant.** The state after some words depends on the words, their speakers and the
//! starts and ends of turns, never on how a turn's words were cut into chunks.

mod call_features;
mod closed;
mod columns;
mod context;
mod evidence;
mod explain;
mod heard;
mod known;
mod numbers;
mod open_turn;
mod patterns;
mod piece;
mod space;
mod tags;
mod talk;
mod tracks;
mod words;

pub use call_features::{Assessment, CallFeatures, Pushed};
pub use columns::{Column, all_columns};
pub use context::all_inputs;
pub use explain::{Explanation, Part, is_reason, tells_something};
pub use open_turn::same_turn;
pub use piece::Piece;
pub use space::{Space, SpaceError};
pub use tags::Tag;
pub use talk::{HOLD_MS, OVERLAP_MS};

/// Name of this feature space. Changes whenever a column's meaning does: a model that was made
/// for another is refused.
pub const SPACE: &str = "acts/2";

/// Silence after which a speaker who goes on begins a new turn, in ms. Part of the space and no
/// setting: features are counted by turns, so a model must be served with the turns that it was
/// trained on. Another gap is another [`SPACE`].
pub const TURN_GAP_MS: i64 = 3_000;

/// Whose n-grams a turn is read with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The customer.
    Customer,
    /// The agent, or a supervisor who has taken over.
    Agent,
}

impl Role {
    /// The role of `speaker`; `None` for announcements and the like, which are no features.
    pub fn of(speaker: crate::call::Speaker) -> Option<Role> {
        use crate::call::Speaker;
        match speaker {
            Speaker::Customer => Some(Role::Customer),
            Speaker::Agent | Speaker::Supervisor => Some(Role::Agent),
            Speaker::Other => None,
        }
    }

    /// Name in columns and files.
    pub fn name(self) -> &'static str {
        match self {
            Role::Customer => "customer",
            Role::Agent => "agent",
        }
    }
}
