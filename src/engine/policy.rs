//! From log-odds to a level: thresholds and hysteresis.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::Thresholds;

/// How urgent a call is. Ordered: watch below warning below critical.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Colours the board, raises nothing.
    Watch,
    /// Raises an alert; carries the promised false-alarm rate.
    Warning,
    /// Passes every budget.
    Critical,
}

/// How far, in calibrated log-odds, the risk must fall under a threshold before the level
/// goes down. About a third of the way from 50 % to 70 %.
pub const HYSTERESIS: f64 = 0.3;

/// The level at calibrated log-odds `log_odds` (before the prior shift) for a call whose level
/// was `before`. Going up takes the threshold, going down takes [`HYSTERESIS`] below it.
pub fn step(thresholds: &Thresholds, before: Option<Level>, log_odds: f64) -> Option<Level> {
    [
        (Level::Critical, thresholds.critical),
        (Level::Warning, thresholds.warning),
        (Level::Watch, thresholds.watch),
    ]
    .into_iter()
    .find(|&(level, on)| {
        let held = before >= Some(level);
        log_odds > if held { on - HYSTERESIS } else { on }
    })
    .map(|(level, _)| level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_held_until_the_risk_is_clearly_lower() {
        let thresholds = Thresholds { watch: -1.0, warning: 0.0, critical: 2.0 };
        assert_eq!(step(&thresholds, None, -1.1), None);
        assert_eq!(step(&thresholds, None, 0.1), Some(Level::Warning));
        assert_eq!(step(&thresholds, Some(Level::Warning), -0.2), Some(Level::Warning));
        assert_eq!(step(&thresholds, Some(Level::Warning), -0.4), Some(Level::Watch));
        assert_eq!(step(&thresholds, Some(Level::Critical), -2.0), None);
        // Strictly above, as the headline metric counts.
        assert_eq!(step(&thresholds, None, 0.0), Some(Level::Watch));
    }
}
