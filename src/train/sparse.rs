//! Logistic regression on n-grams: few of many columns in each row.
//!
//! linfa fits dense matrices only; ours are 99 % zeros. This hands the same objective to the
//! same optimiser that linfa uses (L-BFGS of argmin) and costs about a hundredth.

use argmin::core::{CostFunction, Error, Executor, Gradient, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;

use super::logistic::Fitted;
use crate::model::sigmoid;

/// Iterations after which L-BFGS stops; it converges in about 50 on our data.
const MAX_ITERATIONS: u64 = 200;
/// Steps that L-BFGS remembers.
const MEMORY: usize = 10;

/// A row: its columns, distinct, and the value that all of them have in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct SparseRow<'a> {
    pub columns: &'a [u32],
    pub value: f64,
}

/// `Σ ln(1 + exp(−s·z)) + alpha/2 · |weights|²` with `s` = ±1 and `z` the log-odds. The last
/// parameter is the intercept, which is not held down.
struct Objective<'a> {
    rows: &'a [SparseRow<'a>],
    labels: &'a [bool],
    columns: usize,
    alpha: f64,
}

impl Objective<'_> {
    fn log_odds(&self, parameters: &[f64], row: SparseRow<'_>) -> f64 {
        let sum: f64 = row.columns.iter().map(|&column| parameters[column as usize]).sum();
        parameters[self.columns] + row.value * sum
    }

    fn cases(&self) -> impl Iterator<Item = (SparseRow<'_>, f64)> {
        let sign = |&label: &bool| if label { 1.0 } else { -1.0 };
        self.rows.iter().copied().zip(self.labels.iter().map(sign))
    }
}

impl CostFunction for Objective<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, parameters: &Vec<f64>) -> Result<f64, Error> {
        let loss: f64 =
            self.cases().map(|(row, sign)| softplus(-sign * self.log_odds(parameters, row))).sum();
        let squares: f64 = parameters[..self.columns].iter().map(|weight| weight * weight).sum();
        Ok(loss + self.alpha / 2.0 * squares)
    }
}

impl Gradient for Objective<'_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, parameters: &Vec<f64>) -> Result<Vec<f64>, Error> {
        let mut gradient: Vec<f64> =
            parameters[..self.columns].iter().map(|weight| self.alpha * weight).collect();
        gradient.push(0.0);
        for (row, sign) in self.cases() {
            let pull = -sign * sigmoid(-sign * self.log_odds(parameters, row));
            gradient[self.columns] += pull;
            for &column in row.columns {
                gradient[column as usize] += pull * row.value;
            }
        }
        Ok(gradient)
    }
}

/// `ln(1 + exp(x))`.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + libm::log1p(libm::exp(-x.abs()))
}

/// Fits `P(label | row)` with penalty `alpha/2 · |weights|²` on the sum of the losses, until
/// the gradient is no longer than `tolerance`.
///
/// When all labels are equal there is nothing to learn; the weights are 0 and the intercept
/// says which side it was.
pub(super) fn fit(
    rows: &[SparseRow<'_>],
    labels: &[bool],
    columns: usize,
    alpha: f64,
    tolerance: f64,
) -> Result<Fitted, String> {
    if let Some(constant) = Fitted::constant(labels, columns) {
        return Ok(constant);
    }
    let objective = Objective { rows, labels, columns, alpha };
    let solver = LBFGS::new(MoreThuenteLineSearch::new(), MEMORY)
        .with_tolerance_grad(tolerance)
        .map_err(|error| error.to_string())?;
    let start = vec![0.0; columns + 1];
    let result = Executor::new(objective, solver)
        .configure(|state| state.param(start).max_iters(MAX_ITERATIONS))
        .run()
        .map_err(|error| error.to_string())?;
    let mut weights = result.state().get_best_param().cloned().unwrap_or_default();
    let intercept = weights.pop().unwrap_or(f64::NAN);
    Fitted { weights, intercept }.checked()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::logistic;
    use ndarray::{Array2, ShapeBuilder};

    /// Both fits minimise the same function.
    #[test]
    fn the_sparse_fit_is_the_dense_fit() {
        let columns: Vec<Vec<u32>> = (0..60u32)
            .map(|row| (0..5).filter(|c| (row + c * c) % (c + 2) == 0).collect())
            .collect();
        let rows: Vec<SparseRow<'_>> =
            columns.iter().map(|own| SparseRow { columns: own, value: 0.5 }).collect();
        let labels: Vec<bool> = (0..60).map(|row| row % 7 < 3).collect();
        let mut x = Array2::<f32>::zeros((60, 5).f());
        for (row, own) in columns.iter().enumerate() {
            own.iter().for_each(|&column| x[[row, column as usize]] = 0.5);
        }
        let dense = logistic::fit(x.view(), &labels, 0.7, 1e-4).unwrap();
        let sparse = fit(&rows, &labels, 5, 0.7, 1e-6).unwrap();
        assert!((dense.intercept - sparse.intercept).abs() < 1e-3);
        for (dense, sparse) in dense.weights.iter().zip(&sparse.weights) {
            assert!((dense - sparse).abs() < 1e-3, "{dense} {sparse}");
        }
        assert!(sparse.weights.iter().any(|weight| weight.abs() > 0.05));
    }
}
