//! How forecasts of whole calls are judged. A call's score is the maximum over its turns: one
//! alert, the first time the risk crosses the threshold.

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
#[derive(Clone, Copy, Debug)]
pub struct ScoredTurn {
    /// Any number that rises with the risk.
    pub score: f64,
    /// Customer turns that follow before the escalation or the end.
    pub customer_turns_left: u32,
    /// Milliseconds from the end of this turn to the start of the event, where known.
    pub ms_left: Option<i64>,
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
}

/// Probability that a call that escalates has a higher maximum than one that does not; ties
/// count half (Mann–Whitney). 0.5 when there is only one kind.
pub fn auc(calls: &[&Scored]) -> f64 {
    let mut scores: Vec<(f64, bool)> =
        calls.iter().map(|call| (call.max(0), call.escalates)).collect();
    scores.sort_by(|a, b| a.0.total_cmp(&b.0));
    let positives = scores.iter().filter(|(_, positive)| *positive).count() as f64;
    let negatives = scores.len() as f64 - positives;
    if positives == 0.0 || negatives == 0.0 {
        return 0.5;
    }
    let mut rank_sum = 0.0;
    let mut begin = 0;
    while begin < scores.len() {
        let tied =
            scores[begin..].iter().take_while(|(score, _)| *score == scores[begin].0).count();
        // Ranks count from 1; a tie shares the mean of its ranks.
        let rank = begin as f64 + (tied as f64 + 1.0) / 2.0;
        let inside = scores[begin..begin + tied].iter().filter(|(_, positive)| *positive).count();
        rank_sum += rank * inside as f64;
        begin += tied;
    }
    (rank_sum - positives * (positives + 1.0) / 2.0) / (positives * negatives)
}

/// The lowest threshold at which at most `per_hundred` of 100 calls that do not escalate are
/// ever strictly above.
pub fn threshold_at(calls: &[&Scored], per_hundred: f64) -> f64 {
    let mut calm: Vec<f64> =
        calls.iter().filter(|call| !call.escalates).map(|call| call.max(0)).collect();
    if calm.is_empty() {
        return f64::NEG_INFINITY;
    }
    calm.sort_by(|a, b| b.total_cmp(a));
    let allowed = (per_hundred / 100.0 * calm.len() as f64 + 1e-9).floor() as usize;
    calm.get(allowed).copied().unwrap_or(f64::NEG_INFINITY)
}

/// Share of escalating calls alerted before the event, at least `early` customer turns ahead.
pub fn recall(calls: &[&Scored], threshold: f64, early: u32) -> f64 {
    share(calls, true, |call| call.max(early) > threshold)
}

/// Share of other calls that are ever alerted.
pub fn false_alarms(calls: &[&Scored], threshold: f64) -> f64 {
    share(calls, false, |call| call.max(0) > threshold)
}

fn share(calls: &[&Scored], escalates: bool, hit: impl Fn(&Scored) -> bool) -> f64 {
    let of: Vec<_> = calls.iter().filter(|call| call.escalates == escalates).collect();
    if of.is_empty() {
        return 0.0;
    }
    of.iter().filter(|call| hit(call)).count() as f64 / of.len() as f64
}

/// Lead of the caught calls at `threshold`: customer turns strictly between alert and event,
/// and seconds where times are known; medians.
pub fn median_lead(calls: &[&Scored], threshold: f64) -> (f64, f64) {
    let caught: Vec<&ScoredTurn> = calls
        .iter()
        .filter(|call| call.escalates)
        .filter_map(|call| call.alert(threshold))
        .collect();
    let turns = caught.iter().map(|turn| f64::from(turn.customer_turns_left)).collect();
    let seconds = caught.iter().filter_map(|turn| turn.ms_left).map(|ms| ms as f64 / 1e3).collect();
    (median(turns), median(seconds))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn call(escalates: bool, scores: &[f64]) -> Scored {
        let turns = scores
            .iter()
            .enumerate()
            .map(|(index, &score)| ScoredTurn {
                score,
                customer_turns_left: (scores.len() - 1 - index) as u32,
                ms_left: Some(1000 * (scores.len() - index) as i64),
            })
            .collect();
        Scored { call: 0, escalates, turns }
    }

    #[test]
    fn values_worked_out_by_hand() {
        let calls = [
            call(true, &[0.1, 0.9, 0.2]),
            call(true, &[0.3, 0.3, 0.4]),
            call(false, &[0.4, 0.1]),
            call(false, &[0.2]),
        ];
        let calls: Vec<&Scored> = calls.iter().collect();
        // Pairs: .9 beats both, .4 ties once and wins once.
        assert_eq!(auc(&calls), 3.5 / 4.0);
        let none = threshold_at(&calls, 10.0);
        assert_eq!((none, recall(&calls, none, 0)), (0.4, 0.5));
        let half = threshold_at(&calls, 50.0);
        assert_eq!((half, false_alarms(&calls, half)), (0.2, 0.5));
        assert_eq!((recall(&calls, half, 0), recall(&calls, half, 2)), (1.0, 0.5));
        assert_eq!(median_lead(&calls, half), (1.5, 2.5));
    }

    #[test]
    fn a_call_without_a_forecast_is_never_alerted() {
        let silent = call(true, &[]);
        let calm = call(false, &[0.1]);
        let calls = vec![&silent, &calm];
        assert_eq!((auc(&calls), recall(&calls, -1.0, 0)), (0.0, 0.0));
    }
}
