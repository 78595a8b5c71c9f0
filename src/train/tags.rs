//! From which probability on an act head speaks up.

use std::collections::BTreeSet;

use super::evaluate::heads::{ActCase, HeadCases};
use crate::features::Role;
use crate::model::TurnHeads;

/// Of the turns that get a tag at least so many deserve it. A reader forgives a tag that is
/// missing sooner than one that is wrong.
const PRECISION: f64 = 0.5;
/// Tags that a threshold must rest on.
const MIN_TAGS: usize = 10;
/// A head that cannot keep the promise never speaks up.
const NEVER: f64 = 1.0;

/// Sets the thresholds of `heads` by what heads of the same recipe said of turns they had not
/// seen.
pub(super) fn set(heads: &mut TurnHeads, role: Role, cases: &HeadCases) {
    for (name, from) in heads.names.iter().zip(&mut heads.speaks_from) {
        let Some(code) = name.strip_prefix("act:") else { continue };
        let own = cases.acts.get(&format!("{}.{code}", role.name()));
        *from =
            own.map_or(NEVER, |cases| threshold(cases.iter().map(|c| (c.probability, c.truth))));
    }
}

/// What the heads of each group of calls said, put together. A tag counts as shown when it would
/// be by the threshold that the other groups give.
pub(super) fn held_out(groups: Vec<HeadCases>) -> HeadCases {
    let acts: BTreeSet<String> = groups.iter().flat_map(|own| own.acts.keys()).cloned().collect();
    let none: &[ActCase] = &[];
    let judged = |act: &String| {
        let of = |own: usize| groups[own].acts.get(act).map_or(none, Vec::as_slice);
        let group = |own: usize| {
            let others = (0..groups.len()).filter(move |&other| other != own).flat_map(of);
            let from = threshold(others.map(|case| (case.probability, case.truth)));
            of(own).iter().map(move |case| ActCase { tagged: case.probability >= from, ..*case })
        };
        (act.clone(), (0..groups.len()).flat_map(group).collect())
    };
    let acts = acts.iter().map(judged).collect();
    HeadCases { acts, sentiment: groups.into_iter().flat_map(|own| own.sentiment).collect() }
}

/// The threshold with the best F1 among those precise enough, to three decimals.
fn threshold(cases: impl Iterator<Item = (f64, bool)>) -> f64 {
    let mut cases: Vec<(f64, bool)> = cases.collect();
    cases.sort_by(|a, b| b.0.total_cmp(&a.0));
    let occurrences = cases.iter().filter(|(_, truth)| *truth).count();
    let (mut best, mut best_f1, mut hits) = (NEVER, 0.0, 0);
    for (index, &(probability, truth)) in cases.iter().enumerate() {
        hits += usize::from(truth);
        let tags = index + 1;
        let precise = hits as f64 >= PRECISION * tags as f64;
        let f1 = 2.0 * hits as f64 / (tags + occurrences) as f64;
        if tags >= MIN_TAGS && precise && f1 > best_f1 {
            (best, best_f1) = (probability, f1);
        }
    }
    (best * 1e3).floor() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::metrics::classes::f1;

    #[test]
    fn the_best_threshold_that_is_precise_enough() {
        // The surest 20 are right, of the next 20 every other, of the last 60 every sixth.
        let truth = |i: usize| {
            i < 20 || (i < 40 && i.is_multiple_of(2)) || (i >= 40 && i.is_multiple_of(6))
        };
        let cases: Vec<(f64, bool)> =
            (0..100).map(|i| (1.0 - i as f64 / 100.0, truth(i))).collect();
        let at = threshold(cases.iter().copied());
        // Up to the 39th: 30 of them are right, and 10 more are to come.
        assert_eq!(at, 0.62);
        let f1_at = |from: f64| f1(cases.iter().map(|&(p, truth)| (truth, p >= from)));
        assert!(f1_at(at) > f1_at(0.8) && f1_at(at) > f1_at(0.5));
        assert_eq!(threshold(cases.iter().map(|&(p, _)| (p, false))), NEVER);
    }

    #[test]
    fn a_group_is_judged_by_the_thresholds_of_the_others() {
        let case = |i: usize, truth| ActCase { probability: i as f64 / 40.0, tagged: false, truth };
        // In one group the surest half deserve the tag, in the other nobody does.
        let cases = |of: fn(usize) -> bool| (0..40).map(|i| case(i, of(i))).collect::<Vec<_>>();
        let group =
            |of| HeadCases { acts: [("x".to_owned(), cases(of))].into(), sentiment: vec![] };
        let all = held_out(vec![group(|i| i >= 20), group(|_| false)]);
        let tagged = |part: &[ActCase]| part.iter().filter(|case| case.tagged).count();
        assert_eq!((tagged(&all.acts["x"][..40]), tagged(&all.acts["x"][40..])), (0, 20));
    }
}
