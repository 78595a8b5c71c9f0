//! Second-level rows: the columns of a call after each of its turns.

use super::turns::piece;
use crate::call::Call;
use crate::features::{CallFeatures, Space};

/// The state of a call after one turn.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Values of the model's columns.
    pub values: Vec<f64>,
    pub customer_turns: u32,
    /// Customer turns still to come before the escalation or the end.
    pub customer_turns_left: u32,
}

/// A row after each turn that a forecast may see, from the first with enough customer turns.
pub(super) fn walk(call: &Call, space: &Space, min_customer_turns: u32) -> Vec<Row> {
    let mut features = CallFeatures::new(space);
    let mut rows = Vec::new();
    let mut customer_turns = 0;
    for (index, turn) in call.turns.iter().enumerate().take(call.visible_turns()) {
        features.push(space, piece(turn, index));
        let assessment = features.assess(space);
        customer_turns = assessment.customer_turns;
        if customer_turns >= min_customer_turns {
            rows.push(Row {
                values: features.values(space),
                customer_turns,
                customer_turns_left: 0,
            });
        }
    }
    for row in &mut rows {
        row.customer_turns_left = customer_turns - row.customer_turns;
    }
    rows
}
