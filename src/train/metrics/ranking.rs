//! Who ranks above whom, and what a false-alarm budget buys.

use super::Point;

/// Area under the ROC curve: probability that a positive case scores higher than a negative one,
/// ties counting half (Mann–Whitney). 0.5 when there is only one kind.
pub fn auc(mut cases: Vec<(f64, bool)>) -> f64 {
    cases.sort_by(|a, b| a.0.total_cmp(&b.0));
    let positives = cases.iter().filter(|(_, positive)| *positive).count() as f64;
    let negatives = cases.len() as f64 - positives;
    if positives == 0.0 || negatives == 0.0 {
        return 0.5;
    }
    let (mut rank_sum, mut begin) = (0.0, 0);
    for tied in cases.chunk_by(|a, b| a.0 == b.0) {
        // Ranks count from 1; a tie shares the mean of its ranks.
        let rank = begin as f64 + (tied.len() as f64 + 1.0) / 2.0;
        rank_sum += rank * tied.iter().filter(|(_, positive)| *positive).count() as f64;
        begin += tied.len();
    }
    (rank_sum - positives * (positives + 1.0) / 2.0) / (positives * negatives)
}

/// Average precision: `Σ (R_n − R_{n−1}) P_n` over the distinct scores from the highest down, as
/// scikit-learn's `average_precision_score`. 0 when there is no positive case.
pub fn average_precision(mut cases: Vec<(f64, bool)>) -> f64 {
    cases.sort_by(|a, b| b.0.total_cmp(&a.0));
    let positives = cases.iter().filter(|(_, positive)| *positive).count() as f64;
    let (mut seen, mut caught, mut sum) = (0.0, 0.0, 0.0);
    for tied in cases.chunk_by(|a, b| a.0 == b.0) {
        let fresh = tied.iter().filter(|(_, positive)| *positive).count() as f64;
        seen += tied.len() as f64;
        caught += fresh;
        sum += fresh * caught / seen;
    }
    if positives == 0.0 { 0.0 } else { sum / positives }
}

/// The maxima of calls as cases.
pub fn maxima(calls: &[Point]) -> Vec<(f64, bool)> {
    calls.iter().map(|call| (call.max, call.escalates)).collect()
}

/// The lowest threshold at which at most `per_hundred` of 100 calls that do not escalate are
/// ever strictly above. Minus infinity when all of them may be.
pub fn threshold_at(calls: &[Point], per_hundred: f64) -> f64 {
    let mut calm: Vec<f64> =
        calls.iter().filter(|call| !call.escalates).map(|call| call.max).collect();
    calm.sort_by(|a, b| b.total_cmp(a));
    // Without the small number 5 % of 20 could come out below 1.
    let allowed = (per_hundred / 100.0 * calm.len() as f64 + 1e-9).floor() as usize;
    calm.get(allowed).copied().unwrap_or(f64::NEG_INFINITY)
}

/// Share of escalating calls alerted before the event.
pub fn recall(calls: &[Point], threshold: f64) -> f64 {
    share(calls, true, |call| call.max > threshold)
}

/// The same, counting only alerts with at least [`super::EARLY`] customer turns left.
pub fn early_recall(calls: &[Point], threshold: f64) -> f64 {
    share(calls, true, |call| call.early > threshold)
}

/// Share of other calls that are ever alerted.
pub fn false_alarms(calls: &[Point], threshold: f64) -> f64 {
    share(calls, false, |call| call.max > threshold)
}

fn share(calls: &[Point], escalates: bool, hit: impl Fn(&Point) -> bool) -> f64 {
    let of = calls.iter().filter(|call| call.escalates == escalates);
    let (all, hits) = of.fold((0, 0), |(all, hits), call| (all + 1, hits + usize::from(hit(call))));
    if all == 0 { 0.0 } else { f64::from(hits as u32) / f64::from(all) }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, assert_close, call};
    use super::*;

    #[test]
    fn values_worked_out_by_hand() {
        let calls = [
            call(true, &[0.1, 0.9, 0.2]),
            call(true, &[0.3, 0.3, 0.4]),
            call(false, &[0.4, 0.1]),
            call(false, &[0.2]),
        ];
        let calls = calls.map(|call| call.point());
        // Pairs: .9 beats both, .4 ties once and wins once.
        assert_eq!(auc(maxima(&calls)), 3.5 / 4.0);
        // At .9 precision 1 for half the recall, at .4 precision 2/3 for the other half.
        assert!((average_precision(maxima(&calls)) - (0.5 + 0.5 * 2.0 / 3.0)).abs() < 1e-12);
        let none = threshold_at(&calls, 10.0);
        assert_eq!((none, recall(&calls, none)), (0.4, 0.5));
        let half = threshold_at(&calls, 50.0);
        assert_eq!((half, false_alarms(&calls, half)), (0.2, 0.5));
        assert_eq!((recall(&calls, half), early_recall(&calls, half)), (1.0, 0.5));
    }

    #[test]
    fn an_early_alert_leaves_two_customer_turns() {
        // Above the threshold with one customer turn left, and with two.
        let (late, early) = (call(true, &[0.0, 0.9, 0.0]), call(true, &[0.9, 0.0, 0.0]));
        let calls = [late.point(), early.point()];
        assert_eq!((recall(&calls, 0.5), early_recall(&calls, 0.5)), (1.0, 0.5));
    }

    #[test]
    fn a_call_without_a_forecast_is_never_alerted() {
        let calls = [call(true, &[]).point(), call(false, &[0.1]).point()];
        assert_eq!((auc(maxima(&calls)), recall(&calls, -1.0)), (0.0, 0.0));
    }

    #[test]
    fn as_scikit_learn() {
        let labels = fixture::labels();
        let log_odds = fixture::numbers("log_odds");
        let cases: Vec<_> = log_odds.iter().copied().zip(labels.iter().copied()).collect();
        assert_close(auc(cases.clone()), "auc", 1e-12);
        assert_close(average_precision(cases.clone()), "average_precision", 1e-12);
        let ties: Vec<_> = cases
            .iter()
            .map(|&(x, label)| ((crate::model::sigmoid(x) * 10.0).round_ties_even(), label))
            .collect();
        assert_close(auc(ties.clone()), "auc_ties", 1e-12);
        assert_close(average_precision(ties), "average_precision_ties", 1e-12);
    }
}
