//! How forecasts of whole calls are judged. A call's score is the maximum over its turns: one
//! alert, the first time the risk crosses the threshold.
//!
//! Pure arithmetic, a file a question; the tests hold it to values worked out by hand and to
//! those of scikit-learn (`tests/fixtures`).

pub mod alarms;
pub mod calibration;
pub mod classes;
pub mod lead;
pub mod ranking;

/// Customer turns that an *early* alert leaves between itself and the event, at least. Both the
/// turn of the alert and the turn of the event are left out of the count.
pub const EARLY: u32 = 2;

/// Scores of one call, turn by turn.
#[derive(Clone, Debug)]
pub struct Scored {
    /// Index of the call in its corpus.
    pub call: usize,
    /// Whether it escalates.
    pub escalates: bool,
    /// A score for each turn that has a forecast, in order.
    pub turns: Vec<ScoredTurn>,
}

/// One turn with a forecast.
#[derive(Clone, Copy, Debug, Default)]
pub struct ScoredTurn {
    /// Index of the turn in its call.
    pub turn: usize,
    /// Any number that rises with the risk.
    pub score: f64,
    /// Customer turns so far, the present one included.
    pub customer_turns: u32,
    /// Customer turns that follow before the escalation or the end.
    pub customer_turns_left: u32,
    /// Milliseconds from the end of this turn to the start of the event, where known.
    pub ms_left: Option<i64>,
}

/// A call as rankings see it.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    /// Whether it escalates.
    pub escalates: bool,
    /// Its highest score; minus infinity without a forecast.
    pub max: f64,
    /// Its highest score among the turns that an early alert may come from.
    pub early: f64,
}

impl Scored {
    /// The call's score, counting only turns with at least `early` customer turns left.
    /// Minus infinity when there is none.
    pub fn max(&self, early: u32) -> f64 {
        let counted = self.turns.iter().filter(|turn| turn.customer_turns_left >= early);
        counted.map(|turn| turn.score).fold(f64::NEG_INFINITY, f64::max)
    }

    /// The first turn whose score is strictly above `threshold`.
    pub fn alert(&self, threshold: f64) -> Option<&ScoredTurn> {
        self.turns.iter().find(|turn| turn.score > threshold)
    }

    /// What rankings need of it.
    pub fn point(&self) -> Point {
        Point { escalates: self.escalates, max: self.max(0), early: self.max(EARLY) }
    }
}

/// The middle value, or the mean of the two middle ones; 0 of nothing.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[n / 2],
        n => (values[n / 2 - 1] + values[n / 2]) / 2.0,
    }
}

/// What scikit-learn said: `tests/fixtures/README.md`.
#[cfg(test)]
pub(crate) mod fixture {
    use super::Scored;
    use super::ScoredTurn;

    pub(crate) fn read() -> serde_json::Value {
        serde_json::from_str(include_str!("../../../tests/fixtures/metrics.json")).unwrap()
    }

    pub(crate) fn numbers(name: &str) -> Vec<f64> {
        read()[name].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
    }

    pub(crate) fn labels() -> Vec<bool> {
        read()["labels"].as_array().unwrap().iter().map(|v| v.as_bool().unwrap()).collect()
    }

    #[track_caller]
    pub(crate) fn assert_close(own: f64, name: &str, tolerance: f64) {
        let theirs = read()[name].as_f64().unwrap();
        assert!((own - theirs).abs() < tolerance, "{name}: {own} here, {theirs} there");
    }

    /// A call whose turns are all the customer's, 1 s each.
    pub(crate) fn call(escalates: bool, scores: &[f64]) -> Scored {
        let turns = scores
            .iter()
            .enumerate()
            .map(|(turn, &score)| ScoredTurn {
                turn,
                score,
                customer_turns: turn as u32 + 1,
                customer_turns_left: (scores.len() - 1 - turn) as u32,
                ms_left: Some(1000 * (scores.len() - turn) as i64),
            })
            .collect();
        Scored { call: 0, escalates, turns }
    }
}
