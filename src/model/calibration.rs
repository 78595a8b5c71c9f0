//! From a model's log-odds to a probability at a site's base rate, and back.

use serde::{Deserialize, Serialize};

/// `1 / (1 + e^−x)`.
pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}

/// `ln(p / (1 − p))`; the inverse of [`sigmoid`].
pub fn logit(p: f64) -> f64 {
    libm::log(p / (1.0 - p))
}

/// Platt scaling: `calibrated = slope × log-odds + intercept`, fitted on scores that the model
/// gave to calls it had not seen (Platt 1999, "Probabilistic outputs for support vector
/// machines").
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Above 0, so that calibration never changes an order.
    pub slope: f64,
    /// In log-odds.
    pub intercept: f64,
}

impl Calibration {
    /// Calibrated log-odds at the base rate of the training data.
    pub fn apply(&self, log_odds: f64) -> f64 {
        self.slope * log_odds + self.intercept
    }
}

/// Log-odds after calibration and before the prior shift, one per level. Who is alerted does
/// not depend on the site's prior.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// Colours the board.
    pub watch: f64,
    /// Raises an alert.
    pub warning: f64,
    /// Passes every budget.
    pub critical: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logit_undoes_sigmoid() {
        for x in [-5.0, -0.3, 0.0, 2.5] {
            assert!((logit(sigmoid(x)) - x).abs() < 1e-12);
        }
        assert_eq!(sigmoid(0.0), 0.5);
        assert!(sigmoid(-800.0) == 0.0 && sigmoid(800.0) == 1.0);
    }
}
