//! What the journal's tables show of a call that is over.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::engine::CallState;
use crate::engine::alert::Alert;
use crate::engine::effects::{CallView, Said};

/// A call that is over, or was and is open again. It takes the place of what the tables showed
/// of this call before; only the transcript grows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Archive {
    /// The call.
    pub view: Arc<CallView>,
    /// BCP 47 language, as the platform gave it.
    pub lang: Option<String>,
    /// An earlier call of the same customer.
    pub previous_call_id: Option<String>,
    /// Final chunks that no archive of this call has held yet.
    pub said: Vec<Arc<Said>>,
    /// All its alerts with their history.
    pub alerts: Vec<Alert>,
    /// It was ended by `call_end`.
    pub ended_for_good: bool,
    /// Nothing can happen to it any more, so its events need not be kept.
    pub is_final: bool,
}

impl Archive {
    /// Of a call as it is now.
    pub fn of(state: &CallState, view: Arc<CallView>, said: Vec<Arc<Said>>) -> Archive {
        Archive {
            view,
            lang: state.start().lang.clone(),
            previous_call_id: state.start().previous_call_id.clone(),
            said,
            alerts: state.alerts().to_vec(),
            ended_for_good: state.ended_for_good(),
            is_final: state.is_final(),
        }
    }
}
