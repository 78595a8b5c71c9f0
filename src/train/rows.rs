//! Second-level rows: the columns of a call after each of its turns.

use super::metrics::ScoredTurn;
use super::turns::piece;
use crate::call::Call;
use crate::features::{CallFeatures, Space};

/// The state of a call after one turn.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Values of the model's columns.
    pub values: Vec<f64>,
    /// Index of the turn in its call.
    pub turn: usize,
    pub customer_turns: u32,
    /// Customer turns still to come before the escalation or the end.
    pub customer_turns_left: u32,
    /// Milliseconds from the end of the turn to the start of the escalation.
    pub ms_left: Option<i64>,
    /// What a careful reader thought of it, 0 … 9.
    pub reader_risk: Option<u8>,
}

impl Row {
    /// Where it is, without a score.
    pub(super) fn place(&self) -> ScoredTurn {
        ScoredTurn {
            turn: self.turn,
            score: 0.0,
            customer_turns: self.customer_turns,
            customer_turns_left: self.customer_turns_left,
            ms_left: self.ms_left,
        }
    }
}

/// A row after each turn that a forecast may see, from the first with enough customer turns.
pub(super) fn walk(call: &Call, space: &Space, min_customer_turns: u32) -> Vec<Row> {
    let mut features = CallFeatures::new(space);
    let event = call.escalates().then(|| call.turns.get(call.visible_turns())).flatten();
    let mut rows = Vec::new();
    let mut customer_turns = 0;
    for (index, turn) in call.turns.iter().enumerate().take(call.visible_turns()) {
        features.push(space, piece(turn, index));
        let assessment = features.assess();
        customer_turns = assessment.customer_turns;
        if customer_turns >= min_customer_turns {
            let start = event.and_then(|event| event.start_ms);
            rows.push(Row {
                values: features.values(space),
                turn: index,
                customer_turns,
                customer_turns_left: 0,
                ms_left: start.zip(turn.end_ms).map(|(event, end)| event - end),
                reader_risk: turn.reader_risk,
            });
        }
    }
    for row in &mut rows {
        row.customer_turns_left = customer_turns - row.customer_turns;
    }
    rows
}
