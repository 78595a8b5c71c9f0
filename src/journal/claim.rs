//! What a journal that several nodes write to needs to know of a call that comes to one of them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::engine::alert::Alert;
use crate::engine::effects::{CallChange, CallView};

/// A numbered message for consoles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// The call itself.
    Call(CallChange, Arc<CallView>),
    /// An alert as it is now.
    Alert(Arc<Alert>),
}

/// Where a call stands in the journal when a node begins to write to it. If it stands elsewhere
/// by then, another node has it, and the node that claims it loses it again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Claim {
    /// Place of its newest events; 0 when there are none.
    pub events: u64,
    /// Place of the newest message about it; 0 when there is none.
    pub desk: u64,
    /// Place of its first events; 0 for a call that begins.
    pub began: u64,
    /// Its number; absent until its first message has a place.
    pub number: Option<u64>,
    /// How many messages it has made.
    pub told: u64,
    /// Messages that its events made and nobody was told of.
    pub untold: Vec<Message>,
}
