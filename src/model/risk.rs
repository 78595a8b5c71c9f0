//! Second level: one linear head over the named columns of a call's state.

/// Weights for the columns that [`crate::features`] computes.
///
/// `log_odds = intercept + Σ weights[c] · value[c]`, summed in the order of `columns`.
#[derive(Clone, Debug, PartialEq)]
pub struct RiskHead {
    /// Log-odds of a call of which nothing is known.
    pub intercept: f64,
    /// Names, `group.aggregate`; the group is the reason people see.
    pub columns: Vec<String>,
    /// One for each column.
    pub weights: Vec<f64>,
}

impl RiskHead {
    /// The same head without the columns that weigh nothing.
    pub fn without_zeros(self) -> RiskHead {
        let weighed = self.columns.into_iter().zip(self.weights);
        let (columns, weights) = weighed.filter(|(_, weight)| *weight != 0.0).unzip();
        RiskHead { intercept: self.intercept, columns, weights }
    }

    /// The model's own log-odds for `values`, in the order of `columns`.
    pub fn log_odds(&self, values: impl IntoIterator<Item = f64>) -> f64 {
        let parts = self.weights.iter().zip(values);
        parts.fold(self.intercept, |sum, (weight, value)| sum + weight * value)
    }
}
