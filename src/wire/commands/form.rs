//! What a console may send, as the published contract says it. The decoder reads by hand; these
//! types exist for their schema alone, and the tests hold both against each other.

use schemars::JsonSchema;

use super::{MAX_SNOOZE_S, RequestId};
use crate::engine::event::Resolution;
use crate::engine::policy::Level;

/// A command of a console. Each may carry an `id`, which the reply echoes as it came; a string
/// has at most 256 bytes.
#[derive(JsonSchema)]
#[schemars(tag = "type", rename_all = "snake_case")]
pub enum ConsoleCommand {
    /// Calls and alerts that match, from now on or from where the console left off. Replaces
    /// the subscription before. Answered with `snapshot`.
    Subscribe {
        /// Echoed in every part of the snapshot.
        id: Option<RequestId>,
        /// What to send; everything the console may see when absent.
        filter: Option<FilterForm>,
        /// Where the console left off; the full picture when absent.
        since: Option<SinceForm>,
    },
    /// No more calls and alerts.
    Unsubscribe {
        /// Echoed in the reply.
        id: Option<RequestId>,
    },
    /// The transcript of a call: first the chunks so far (`past`), then each as it comes.
    Watch {
        /// Echoed in the reply.
        id: Option<RequestId>,
        /// The call.
        #[schemars(length(min = 1))]
        call_id: String,
    },
    /// No more transcript.
    Unwatch {
        /// Echoed in the reply.
        id: Option<RequestId>,
        /// The call.
        #[schemars(length(min = 1))]
        call_id: String,
    },
    /// Takes an alert, raised or snoozed. Of two people exactly one wins.
    Acknowledge {
        /// Echoed in the reply.
        id: Option<RequestId>,
        /// The alert.
        #[schemars(length(min = 1))]
        alert_id: String,
    },
    /// Puts an alert off, for everybody. It comes back by itself, or when the level rises.
    Snooze {
        /// Echoed in the reply.
        id: Option<RequestId>,
        /// The alert.
        #[schemars(length(min = 1))]
        alert_id: String,
        /// For how long, in seconds; at most a day.
        #[schemars(range(min = 1, max = MAX_SNOOZE_S))]
        for_s: u64,
    },
    /// Gives an alert to somebody, in any open state.
    Assign {
        /// Echoed in the reply.
        id: Option<RequestId>,
        /// The alert.
        #[schemars(length(min = 1))]
        alert_id: String,
        /// The new owner.
        #[schemars(length(min = 1))]
        to: String,
        /// The owner the console shows, null for none: if another has it by now, the command is
        /// refused. Absent: whoever has it.
        from: Option<String>,
    },
    /// Closes an alert, in any open state.
    Resolve {
        /// Echoed in the reply.
        id: Option<RequestId>,
        /// The alert.
        #[schemars(length(min = 1))]
        alert_id: String,
        /// What became of it.
        outcome: Resolution,
        /// In the person's words, at most 4096 bytes.
        note: Option<String>,
    },
    /// Asks for help with a call: raises a `manual` alert.
    RaiseHand {
        /// Echoed in the reply.
        id: Option<RequestId>,
        /// The call.
        #[schemars(length(min = 1))]
        call_id: String,
        /// Why, at most 4096 bytes.
        note: Option<String>,
    },
}

/// Which calls and alerts a console wants. Each list that is empty or absent asks for all.
#[derive(JsonSchema)]
#[schemars(rename = "Filter")]
pub struct FilterForm {
    /// Any of these queues.
    pub queues: Option<Vec<String>>,
    /// Any of these teams.
    pub teams: Option<Vec<String>>,
    /// Any of these agents.
    pub agents: Option<Vec<String>>,
    /// Any of these calls.
    pub calls: Option<Vec<String>>,
    /// At least this level.
    pub min_level: Option<Level>,
}

/// Where a console left off: the `epoch` of its last `hello` and the last `offset` it has.
#[derive(JsonSchema)]
#[schemars(rename = "Since")]
pub struct SinceForm {
    /// The journal it was.
    pub epoch: String,
    /// The last offset it has.
    #[schemars(range(max = i64::MAX))]
    pub offset: u64,
}
