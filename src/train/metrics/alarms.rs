//! What an operating point means in a contact centre, where escalations are rare.

use serde::Serialize;

/// A threshold's price at a base rate of escalating calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Alarms {
    /// Share of escalating calls alerted before the event.
    pub recall: f64,
    /// Share of other calls ever alerted.
    pub false_alarms: f64,
    /// Calls alerted, of 100.
    pub alerts_per_100: f64,
    /// Positive predictive value: share of alerted calls that escalate. 0 without alerts.
    pub ppv: f64,
}

impl Alarms {
    /// By Bayes' rule from the shares of a corpus whose own base rate does not matter.
    pub fn at(recall: f64, false_alarms: f64, base_rate: f64) -> Alarms {
        let right = base_rate * recall;
        let all = right + (1.0 - base_rate) * false_alarms;
        let ppv = if all > 0.0 { right / all } else { 0.0 };
        Alarms { recall, false_alarms, alerts_per_100: 100.0 * all, ppv }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_events_make_most_alerts_false() {
        // Of 1,000 calls 50 escalate: 30 are caught, and 95 of the others alerted.
        let alarms = Alarms::at(0.6, 0.1, 0.05);
        assert!((alarms.alerts_per_100 - 12.5).abs() < 1e-12);
        assert!((alarms.ppv - 30.0 / 125.0).abs() < 1e-12);
        assert_eq!(Alarms::at(0.0, 0.0, 0.05).ppv, 0.0);
    }
}
