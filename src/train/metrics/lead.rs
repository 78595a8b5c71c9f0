//! How long before the event the alert came.

use serde::Serialize;

use super::{Scored, median};

/// Medians of the lead time: customer turns strictly between the turn of the alert and that of
/// the event, and seconds from the end of the one to the start of the other. Calls without those
/// times are left out of the seconds; without any there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Lead {
    /// Turns, over the escalating calls that were caught.
    pub turns_caught: f64,
    /// Turns, over all escalating calls; a miss counts 0.
    pub turns_all: f64,
    /// Seconds, over the caught.
    pub seconds_caught: Option<f64>,
    /// Seconds, over all; a miss counts 0.
    pub seconds_all: Option<f64>,
}

/// Lead of `calls`, each with the threshold that holds for it.
pub fn lead<'a>(calls: impl Iterator<Item = (&'a Scored, f64)>) -> Lead {
    let (mut turns, mut seconds, mut missed) = (Vec::new(), Vec::new(), 0);
    for (call, threshold) in calls.filter(|(call, _)| call.escalates) {
        match call.alert(threshold) {
            Some(alert) => {
                turns.push(f64::from(alert.customer_turns_left));
                seconds.extend(alert.ms_left.map(|ms| ms as f64 / 1e3));
            }
            None => missed += 1,
        }
    }
    let with_misses = |caught: &[f64]| {
        median(caught.iter().copied().chain(std::iter::repeat_n(0.0, missed)).collect())
    };
    let timed = !seconds.is_empty();
    Lead {
        turns_all: with_misses(&turns),
        seconds_all: timed.then(|| with_misses(&seconds)),
        turns_caught: median(turns),
        seconds_caught: timed.then(|| median(seconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::call;
    use super::*;

    #[test]
    fn medians_worked_out_by_hand() {
        let calls = [
            call(true, &[0.1, 0.9, 0.2, 0.2]),      // 2 turns left, 3 s
            call(true, &[0.9, 0.2, 0.2, 0.2, 0.2]), // 4 turns left, 5 s
            call(true, &[0.1, 0.1]),
            call(false, &[0.9, 0.9]),
        ];
        let lead = lead(calls.iter().map(|call| (call, 0.5)));
        assert_eq!((lead.turns_caught, lead.turns_all), (3.0, 2.0));
        assert_eq!((lead.seconds_caught, lead.seconds_all), (Some(4.0), Some(3.0)));
    }

    #[test]
    fn without_times_there_are_no_seconds() {
        let mut call = call(true, &[0.9, 0.2]);
        call.turns.iter_mut().for_each(|turn| turn.ms_left = None);
        let lead = lead([(&call, 0.5)].into_iter());
        assert_eq!((lead.turns_caught, lead.seconds_caught, lead.seconds_all), (1.0, None, None));
    }
}
