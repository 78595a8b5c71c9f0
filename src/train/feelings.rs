//! Fitting the sentiment head: customer turns as heard in their context.

use super::recipe::{Recipe, Tie};
use super::risk;
use super::turns::piece;
use crate::call::Call;
use crate::features::{CallFeatures, Space};
use crate::model::SentimentHead;

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

/// Fits the head on `rows`. Inputs of `ties` get their share of the weight they ride on.
///
/// # Errors
/// A sentence when there are no labels to fit it on, or a tie has an unknown end.
pub(super) fn fit(
    inputs: &[String],
    rows: &[&FeelingRow],
    recipe: &Recipe,
) -> Result<SentimentHead, String> {
    if rows.is_empty() {
        return Err("the recipe asks for a sentiment head, but no customer turn has a \
                    `sentiment`"
            .into());
    }
    let ties = ties(inputs, recipe)?;
    let free: Vec<usize> =
        (0..inputs.len()).filter(|&own| ties.iter().all(|tie| tie.rider != own)).collect();
    let names: Vec<String> = free.iter().map(|&own| inputs[own].clone()).collect();
    let summed: Vec<Vec<f64>> = rows.iter().map(|row| sum(&row.inputs, &free, &ties)).collect();
    let values: Vec<&[f64]> = summed.iter().map(Vec::as_slice).collect();
    let one = |label: fn(&FeelingRow) -> bool| {
        let labels: Vec<bool> = rows.iter().map(|row| label(row)).collect();
        risk::fit(&names, &values, &labels, recipe.sentiment_penalty)
            .map_err(|error| format!("sentiment in context: {error}"))
    };
    let (negative, positive) = (one(|row| row.negative)?, one(|row| row.positive)?);
    let mut weights = vec![[0.0; 2]; inputs.len()];
    for (&own, fitted) in free.iter().zip(negative.weights.iter().zip(&positive.weights)) {
        weights[own] = [*fitted.0, *fitted.1];
    }
    for tie in &ties {
        weights[tie.rider] = weights[tie.ridden].map(|weight| risk::round(tie.share * weight));
    }
    let intercepts = [negative.intercept, positive.intercept];
    Ok(SentimentHead { inputs: inputs.to_vec(), intercepts, weights })
}

/// A tie by positions of inputs.
struct Ridden {
    rider: usize,
    ridden: usize,
    share: f64,
}

fn ties(inputs: &[String], recipe: &Recipe) -> Result<Vec<Ridden>, String> {
    let find = |name: &String| {
        inputs
            .iter()
            .position(|own| own == name)
            .ok_or_else(|| format!("`sentiment_ties`: `{name}` is not among the inputs"))
    };
    let tie = |(rider, tie): (&String, &Tie)| {
        Ok(Ridden { rider: find(rider)?, ridden: find(&tie.rides_on)?, share: tie.share })
    };
    recipe.sentiment_ties.iter().map(tie).collect()
}

/// The free inputs, each with its riders' shares added.
fn sum(inputs: &[f64], free: &[usize], ties: &[Ridden]) -> Vec<f64> {
    let with_riders = |&own: &usize| {
        let riders = ties.iter().filter(|tie| tie.ridden == own);
        inputs[own] + riders.map(|tie| tie.share * inputs[tie.rider]).sum::<f64>()
    };
    free.iter().map(with_riders).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::recipe;

    #[test]
    fn a_rider_gets_its_share_of_the_weight() {
        let mut recipe = Recipe::parse(recipe::DEFAULT, "built in").unwrap();
        let tie = Tie { rides_on: "a".into(), share: 0.5 };
        recipe.sentiment_ties = [("b".to_owned(), tie)].into();
        let row = |place: usize| FeelingRow {
            inputs: vec![(place % 7) as f64, (place % 5) as f64, 1.0],
            negative: (place % 7) * 2 + place % 5 > 8,
            positive: place % 7 < 2,
        };
        let rows: Vec<FeelingRow> = (0..200).map(row).collect();
        let rows: Vec<&FeelingRow> = rows.iter().collect();
        let inputs = ["a".to_owned(), "b".into(), "c".into()];
        let head = fit(&inputs, &rows, &recipe).unwrap();
        let [a, b, _] = head.weights[..] else { panic!("three weights") };
        assert!(a[0] > 0.1 && a[1] < -0.1, "{a:?}");
        assert!((b[0] - a[0] / 2.0).abs() < 1e-6 && (b[1] - a[1] / 2.0).abs() < 1e-6);
        recipe.sentiment_ties.get_mut("b").unwrap().rides_on = "x".into();
        assert!(fit(&inputs, &rows, &recipe).unwrap_err().contains("`x`"));
    }
}
