//! Fitting the sentiment head: customer turns as heard in their context.

use super::risk;
use crate::call::Call;
use crate::features::{CallFeatures, Space};
use crate::model::SentimentHead;
use crate::train::turns::piece;

/// A customer turn with a sentiment label.
#[derive(Clone, Debug)]
pub(super) struct FeelingRow {
    /// Inputs of the sentiment head, in its order.
    pub inputs: Vec<f64>,
    pub negative: bool,
    pub positive: bool,
}

/// The labelled customer turns of `call` as the heads of `space` hear them.
pub(super) fn rows(call: &Call, space: &Space) -> Vec<FeelingRow> {
    let mut features = CallFeatures::new(space);
    let mut rows = Vec::new();
    // Sum of the labels of the open turn.
    let mut label: Option<i32> = None;
    for (index, turn) in call.turns.iter().enumerate() {
        let before = features.sentiment_inputs(space);
        let pushed = features.push(space, piece(turn, index));
        if pushed.new_turn {
            rows.extend(row(before, label.take()));
        }
        if let Some(own) = turn.sentiment.filter(|_| pushed.words) {
            label = Some(label.unwrap_or(0) + i32::from(own));
        }
    }
    rows.extend(row(features.sentiment_inputs(space), label));
    rows
}

fn row(inputs: Option<Vec<f64>>, label: Option<i32>) -> Option<FeelingRow> {
    let (inputs, label) = inputs.zip(label)?;
    Some(FeelingRow { inputs, negative: label < 0, positive: label > 0 })
}

/// Fits the head on `rows`.
///
/// # Errors
/// A sentence when there are no labels to fit it on.
pub(super) fn fit(
    inputs: &[String],
    rows: &[&FeelingRow],
    penalty: f64,
) -> Result<SentimentHead, String> {
    if rows.is_empty() {
        return Err("the recipe asks for a sentiment head, but no customer turn has a \
                    `sentiment`"
            .into());
    }
    let values: Vec<&[f64]> = rows.iter().map(|row| row.inputs.as_slice()).collect();
    let one = |label: fn(&FeelingRow) -> bool| {
        let labels: Vec<bool> = rows.iter().map(|row| label(row)).collect();
        risk::fit(inputs, &values, &labels, penalty)
            .map_err(|error| format!("sentiment in context: {error}"))
    };
    let (negative, positive) = (one(|row| row.negative)?, one(|row| row.positive)?);
    Ok(SentimentHead {
        inputs: inputs.to_vec(),
        intercepts: [negative.intercept, positive.intercept],
        weights: std::iter::zip(negative.weights, positive.weights).map(|(n, p)| [n, p]).collect(),
    })
}
