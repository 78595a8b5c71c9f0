//! Second level: the risk head, its calibration and its thresholds.

use ndarray::{Array2, ShapeBuilder};

use super::logistic;
use super::recipe::FalseAlarms;
use crate::model::{Calibration, RiskHead, Thresholds};

const TOLERANCE: f64 = 1e-2;
const DECIMALS: f64 = 1e6;
/// Non-escalating calls without which no promise about false alarms can be made.
pub(super) const MIN_CALM: usize = 19;

/// Fits the head as [`fit`] does, and again without the columns whose weights point against
/// their `directions`, until none does. The columns left out keep a weight of 0.
pub(super) fn fit_directed(
    columns: &[String],
    directions: &[f64],
    rows: &[&[f64]],
    labels: &[bool],
    penalty: f64,
) -> Result<RiskHead, String> {
    let mut kept: Vec<usize> = (0..columns.len()).collect();
    loop {
        let names: Vec<String> = kept.iter().map(|&column| columns[column].clone()).collect();
        let narrow: Vec<Vec<f64>> =
            rows.iter().map(|row| kept.iter().map(|&column| row[column]).collect()).collect();
        let narrow: Vec<&[f64]> = narrow.iter().map(Vec::as_slice).collect();
        let head = fit(&names, &narrow, labels, penalty)?;
        let allowed = |place: usize| head.weights[place] * directions[kept[place]] >= 0.0;
        if (0..kept.len()).all(allowed) {
            let mut weights = vec![0.0; columns.len()];
            for (&column, &weight) in kept.iter().zip(&head.weights) {
                weights[column] = weight;
            }
            return Ok(RiskHead { intercept: head.intercept, columns: columns.to_vec(), weights });
        }
        kept = (0..kept.len()).filter(|&place| allowed(place)).map(|place| kept[place]).collect();
    }
}

/// Fits the head on `rows` with a label each. Columns are scaled to unit variance for the fit,
/// so that one penalty suits all, and the scales folded back into the weights.
pub(super) fn fit(
    columns: &[String],
    rows: &[&[f64]],
    labels: &[bool],
    penalty: f64,
) -> Result<RiskHead, String> {
    let (means, scales): (Vec<f64>, Vec<f64>) =
        (0..columns.len()).map(|column| moments(rows, column)).unzip();
    let x = Array2::from_shape_fn((rows.len(), columns.len()).f(), |(row, column)| {
        ((rows[row][column] - means[column]) / scales[column]) as f32
    });
    let fitted = logistic::fit(x.view(), labels, penalty, TOLERANCE)
        .map_err(|error| format!("the risk head: {error}"))?;
    let weights: Vec<f64> =
        fitted.weights.iter().zip(&scales).map(|(weight, scale)| round(weight / scale)).collect();
    let shift: f64 = weights.iter().zip(&means).map(|(weight, mean)| weight * mean).sum();
    Ok(RiskHead { intercept: round(fitted.intercept - shift), columns: columns.to_vec(), weights })
}

/// Mean and standard deviation of a column; a constant column gets a scale that mutes it.
fn moments(rows: &[&[f64]], column: usize) -> (f64, f64) {
    let count = rows.len() as f64;
    let mean = rows.iter().map(|row| row[column]).sum::<f64>() / count;
    let variance = rows.iter().map(|row| (row[column] - mean).powi(2)).sum::<f64>() / count;
    (mean, if variance > 1e-12 { variance.sqrt() } else { 1e6 })
}

/// A weight of a narrow head as the file has it.
pub(super) fn round(weight: f64) -> f64 {
    (weight * DECIMALS).round() / DECIMALS
}

/// Platt scaling on log-odds of calls that the head had not seen.
pub(super) fn calibrate(log_odds: &[f64], labels: &[bool]) -> Result<Calibration, String> {
    let x = Array2::from_shape_fn((log_odds.len(), 1).f(), |(row, _)| log_odds[row] as f32);
    let fitted = logistic::fit(x.view(), labels, 1e-6, 1e-2)
        .map_err(|error| format!("calibration: {error}"))?;
    if fitted.weights[0] <= 0.0 {
        return Err("calibration: on calls it has not seen the model is no better than chance; \
                    more or other training data is needed"
            .into());
    }
    Ok(Calibration { slope: round(fitted.weights[0]), intercept: round(fitted.intercept) })
}

/// Thresholds for a promised share of false alarms, by conformal risk control on whole calls
/// (Angelopoulos et al. 2022): of `n` calls that do not escalate, with the maxima `calm` of
/// their log-odds, at most `α(n + 1) − 1` may lie strictly above.
pub(super) fn thresholds(mut calm: Vec<f64>, promise: FalseAlarms) -> Result<Thresholds, String> {
    if calm.len() < MIN_CALM {
        return Err(format!(
            "thresholds: {} calls that do not escalate are too few to promise a false-alarm \
             rate; at least {MIN_CALM} are needed",
            calm.len()
        ));
    }
    calm.sort_by(|a, b| b.total_cmp(a));
    let at = |per_hundred: f64| {
        let allowed = (per_hundred / 100.0 * (calm.len() + 1) as f64 - 1.0).floor();
        let index = (allowed.max(0.0) as usize).min(calm.len() - 1);
        (calm[index] * DECIMALS).ceil() / DECIMALS
    };
    Ok(Thresholds {
        watch: at(promise.watch),
        warning: at(promise.warning),
        critical: at(promise.critical),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_keep_the_promise_on_their_own_calls() {
        let calm: Vec<f64> = (0..200).map(f64::from).collect();
        let promise = FalseAlarms { watch: 20.0, warning: 5.0, critical: 1.0 };
        let thresholds = thresholds(calm, promise).unwrap();
        // 5 % of 201 is 10.05, less 1: nine of 200 may lie above.
        assert_eq!(thresholds.warning, 190.0);
        assert_eq!((thresholds.watch, thresholds.critical), (160.0, 198.0));
    }

    #[test]
    fn too_few_calls_are_refused() {
        let promise = FalseAlarms { watch: 20.0, warning: 5.0, critical: 1.0 };
        assert!(thresholds(vec![0.0; 18], promise).unwrap_err().contains("19"));
    }

    #[test]
    fn a_column_that_points_the_wrong_way_is_left_out() {
        let values: Vec<[f64; 2]> =
            (0..100).map(|i| [f64::from(i % 10), f64::from(i % 7)]).collect();
        let rows: Vec<&[f64]> = values.iter().map(|v| v.as_slice()).collect();
        let labels: Vec<bool> = values.iter().map(|v| v[0] - v[1] > 2.0).collect();
        let columns = ["up".into(), "down".into()];
        let free = fit_directed(&columns, &[0.0, 0.0], &rows, &labels, 0.1).unwrap();
        assert!(free.weights[0] > 0.0 && free.weights[1] < 0.0);
        let directed = fit_directed(&columns, &[1.0, 1.0], &rows, &labels, 0.1).unwrap();
        assert!(directed.weights[0] > 0.0 && directed.weights[1] == 0.0);
    }

    #[test]
    fn the_head_separates_and_scales_fold_back() {
        let values: Vec<[f64; 2]> =
            (0..100).map(|i| [f64::from(i % 10) * 100.0, f64::from(i)]).collect();
        let rows: Vec<&[f64]> = values.iter().map(|v| v.as_slice()).collect();
        let labels: Vec<bool> = values.iter().map(|v| v[0] > 450.0).collect();
        let head = fit(&["a".into(), "b".into()], &rows, &labels, 0.1).unwrap();
        assert!(head.log_odds([900.0, 50.0]) > 0.0 && head.log_odds([0.0, 50.0]) < 0.0);
    }
}
