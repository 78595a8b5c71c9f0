//! Names and numbers: linear heads, calibration, the model file.

/// Log-odds after calibration and before the prior shift, one per level. Who is alerted does
/// not depend on the site's prior.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Thresholds {
    /// Colours the board.
    pub watch: f64,
    /// Raises an alert.
    pub warning: f64,
    /// Passes every budget.
    pub critical: f64,
}
