//! Labels of single turns: how often a head is right.

/// F1 of one class: `2·TP / (2·TP + FP + FN)`; 0 when the class neither occurs nor is guessed.
pub fn f1(cases: impl Iterator<Item = (bool, bool)>) -> f64 {
    let (mut hits, mut wrong) = (0u32, 0u32);
    for (truth, guess) in cases {
        hits += u32::from(truth && guess);
        wrong += u32::from(truth != guess);
    }
    if hits == 0 { 0.0 } else { 2.0 * f64::from(hits) / f64::from(2 * hits + wrong) }
}

/// Mean of the F1 of `classes` classes numbered from 0; cases are (truth, guess).
pub fn macro_f1(cases: &[(u8, u8)], classes: u8) -> f64 {
    let of = |class| f1(cases.iter().map(move |&(truth, guess)| (truth == class, guess == class)));
    (0..classes).map(of).sum::<f64>() / f64::from(classes)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{assert_close, numbers};
    use super::*;

    #[test]
    fn values_worked_out_by_hand() {
        let cases = [(true, true), (true, false), (false, true), (false, false)];
        assert_eq!(f1(cases.into_iter()), 0.5);
        // Class 0: one hit, nothing wrong: 1. Class 1: one hit, one miss: 2/3. Class 2: a false hit: 0.
        let macro_mean = macro_f1(&[(0, 0), (1, 1), (1, 2)], 3);
        assert!((macro_mean - 5.0 / 9.0).abs() < 1e-12);
    }

    #[test]
    fn as_scikit_learn() {
        let classes = |name| numbers(name).into_iter().map(|class| class as u8);
        let cases: Vec<_> = classes("truth").zip(classes("guess")).collect();
        assert_close(macro_f1(&cases, 3), "macro_f1", 1e-12);
    }
}
