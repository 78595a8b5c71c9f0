//! What is in the vCons that Forewarn itself writes, beyond what the drafts describe.

use std::collections::HashSet;

use super::super::draft::{Draft, Piece};
use crate::call::Outcome;
use crate::wire::vendors::view::View;

/// The schema of the analysis that holds the call as it was watched.
const SCHEMA: &str = "forewarn-call-1";

/// Takes the id and the outcome that the call had here.
pub(super) fn report(vcon: View<'_>, draft: &mut Draft) {
    let own = vcon.list("analysis").find(|entry| entry.str("schema") == Some(SCHEMA));
    let Some(call) = own.and_then(|entry| entry.at(&["body", "call"])) else { return };
    if let Some(id) = call.name("call_id") {
        draft.also.extend(draft.id.replace(id));
    }
    let outcome = call.get("outcome").map(|outcome| outcome.0.clone());
    draft.outcome = outcome.and_then(|value| serde_json::from_value::<Outcome>(value).ok());
}

/// Segments whose times were never given and are estimated.
#[derive(Default)]
pub(super) struct Estimated {
    starts: HashSet<String>,
    ends: HashSet<String>,
}

impl Estimated {
    /// `None` for a transcript that we did not write.
    pub fn of(body: View<'_>) -> Option<Estimated> {
        let own = body.at(&["extensions", "forewarn"])?;
        let ids = |name: &str| own.list(name).map(|id| id.0.to_string()).collect();
        Some(Estimated { starts: ids("estimated_start"), ends: ids("estimated_end") })
    }

    /// The piece of a segment without what is only estimated.
    pub fn without(&self, segment: View<'_>, mut piece: Piece) -> Piece {
        let Some(id) = segment.get("id").map(|id| id.0.to_string()) else { return piece };
        if self.starts.contains(&id) {
            piece.start_ms = None;
        }
        if self.ends.contains(&id) {
            piece.end_ms = None;
        }
        piece
    }
}
