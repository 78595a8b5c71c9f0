//! Logistic regression by linfa on narrow, dense rows, with the weights turned the right way round.

use linfa::prelude::*;
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, ArrayView2};

/// Iterations after which L-BFGS stops; it converges in about 50 on our data.
const MAX_ITERATIONS: u64 = 100;

/// A fitted head: `log-odds = intercept + weights · x`.
#[derive(Clone, Debug)]
pub(super) struct Fitted {
    pub weights: Vec<f64>,
    pub intercept: f64,
}

/// Fits `P(y | x)` with penalty `alpha/2 · |weights|²` on the sum of the losses. `x` has a row
/// for each case and should be column-major: linfa reads it several times faster.
///
/// When all `y` are equal there is nothing to learn; the weights are 0 and the intercept says
/// which side it was.
pub(super) fn fit(
    x: ArrayView2<'_, f32>,
    y: &[bool],
    alpha: f64,
    tolerance: f64,
) -> Result<Fitted, String> {
    if let Some(constant) = Fitted::constant(y, x.ncols()) {
        return Ok(constant);
    }
    let dataset = DatasetBase::new(x, Array1::from(y.to_vec()));
    let fitted = LogisticRegression::default()
        .alpha(alpha as f32)
        .max_iterations(MAX_ITERATIONS)
        .gradient_tolerance(tolerance as f32)
        .fit(&dataset)
        .map_err(|error| error.to_string())?;
    // linfa takes the more frequent label as the positive one.
    let sign = if fitted.labels().pos.class { 1.0 } else { -1.0 };
    let number = |value: f32| sign * f64::from(value);
    let weights: Vec<f64> = fitted.params().iter().map(|&weight| number(weight)).collect();
    Fitted { weights, intercept: number(fitted.intercept()) }.checked()
}

impl Fitted {
    /// What can be learnt from labels that are all equal; `None` when they are not.
    pub(super) fn constant(labels: &[bool], columns: usize) -> Option<Fitted> {
        let positives = labels.iter().filter(|&&label| label).count();
        let intercept = if positives == 0 { -8.0 } else { 8.0 };
        (positives == 0 || positives == labels.len())
            .then(|| Fitted { weights: vec![0.0; columns], intercept })
    }

    /// Itself, unless the fit ran away.
    pub(super) fn checked(self) -> Result<Fitted, String> {
        let finite = self.intercept.is_finite() && self.weights.iter().all(|w| w.is_finite());
        if finite { Ok(self) } else { Err("the fit diverged".into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, ShapeBuilder};

    fn slope(labels: &[bool]) -> f64 {
        let values: Vec<f32> = (0..labels.len()).map(|i| i as f32 / 10.0).collect();
        let x = Array2::from_shape_vec((labels.len(), 1).f(), values).unwrap();
        fit(x.view(), labels, 0.1, 1e-4).unwrap().weights[0]
    }

    /// linfa 0.8.1 makes the majority class the positive one.
    #[test]
    fn weights_point_at_true_whichever_label_is_rarer() {
        let mostly_true: Vec<bool> = (0..20).map(|i| i > 5).collect();
        let mostly_false: Vec<bool> = (0..20).map(|i| i > 13).collect();
        assert!(slope(&mostly_true) > 0.5 && slope(&mostly_false) > 0.5);
    }

    #[test]
    fn one_class_alone_is_a_constant() {
        let x = Array2::<f32>::ones((3, 2));
        let fitted = fit(x.view(), &[false; 3], 1.0, 1e-4).unwrap();
        assert_eq!((fitted.weights, fitted.intercept), (vec![0.0, 0.0], -8.0));
    }
}
