//! Whether a probability means what it says.
//!
//! Cases are turns: the probability shown after a turn, and whether the call escalates later.
//! Turns of one call share their fate, so everything random here is drawn call by call.

use serde::Serialize;

use crate::model::logit;

/// Bins of equal mass for the expected calibration error.
pub const BINS: usize = 15;
/// Redraws behind the noise floor.
const REDRAWS: usize = 20;
/// Newton steps for the calibration line; it converges in fewer than ten.
const STEPS: usize = 50;
/// Probabilities are kept this far from 0 and 1 before their log-odds are taken.
const EDGE: f64 = 1e-9;

/// One turn.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The call it belongs to; cases of one call stand together.
    pub call: usize,
    /// Customer turns so far.
    pub customer_turns: u32,
    /// The probability that was shown.
    pub probability: f64,
    /// Whether the call escalates later.
    pub escalates: bool,
}

/// A group of cases of similar probability.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bin {
    /// Cases in it.
    pub count: usize,
    /// Mean of the probabilities.
    pub predicted: f64,
    /// Share that escalates.
    pub observed: f64,
}

/// How well some cases are calibrated.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Calibration {
    /// Turns judged.
    pub turns: usize,
    /// Mean squared error of the probability.
    pub brier: f64,
    /// `1 − Brier / Brier of always saying the base rate of these turns`.
    pub brier_skill: f64,
    /// Of the logistic regression of the outcome on the log-odds; 1 is right, less is too sure.
    pub slope: f64,
    /// Of the same; 0 is right.
    pub intercept: f64,
    /// Expected calibration error over [`BINS`] bins of equal mass.
    pub ece: f64,
    /// What a perfectly calibrated model would show as `ece` on calls like these.
    pub noise_floor: f64,
    /// The bins, lowest probability first.
    pub bins: Vec<Bin>,
}

/// Judges `cases`; `None` when there are none.
pub fn calibration(cases: &[Case]) -> Option<Calibration> {
    if cases.is_empty() {
        return None;
    }
    let pairs: Vec<(f64, bool)> =
        cases.iter().map(|case| (case.probability, case.escalates)).collect();
    let bins = bins(pairs.clone());
    let (slope, intercept) = line(&pairs);
    Some(Calibration {
        turns: cases.len(),
        brier: brier(&pairs),
        brier_skill: brier_skill(&pairs),
        slope,
        intercept,
        ece: ece(&bins),
        noise_floor: noise_floor(cases),
        bins,
    })
}

/// Mean squared difference of probability and outcome.
pub fn brier(cases: &[(f64, bool)]) -> f64 {
    let error = |&(p, label): &(f64, bool)| (p - f64::from(u8::from(label))).powi(2);
    cases.iter().map(error).sum::<f64>() / cases.len() as f64
}

/// Against always saying the base rate; 0 when all cases end the same way.
fn brier_skill(cases: &[(f64, bool)]) -> f64 {
    let rate = cases.iter().filter(|(_, label)| *label).count() as f64 / cases.len() as f64;
    let reference = rate * (1.0 - rate);
    if reference == 0.0 { 0.0 } else { 1.0 - brier(cases) / reference }
}

/// Cases sorted by probability and cut into [`BINS`] bins whose sizes differ by one at most.
pub fn bins(mut cases: Vec<(f64, bool)>) -> Vec<Bin> {
    cases.sort_by(|a, b| a.0.total_cmp(&b.0));
    let count = cases.len();
    (0..BINS)
        .map(|bin| &cases[count * bin / BINS..count * (bin + 1) / BINS])
        .filter(|part| !part.is_empty())
        .map(|part| {
            let size = part.len() as f64;
            Bin {
                count: part.len(),
                predicted: part.iter().map(|(p, _)| p).sum::<f64>() / size,
                observed: part.iter().filter(|(_, label)| *label).count() as f64 / size,
            }
        })
        .collect()
}

/// Mean distance of predicted and observed over the bins, weighted by their size.
pub fn ece(bins: &[Bin]) -> f64 {
    let total: usize = bins.iter().map(|bin| bin.count).sum();
    bins.iter().map(|bin| bin.count as f64 * (bin.predicted - bin.observed).abs()).sum::<f64>()
        / total.max(1) as f64
}

/// Mean ECE over redraws of the labels from the probabilities themselves. One number is drawn
/// for each call and held against the probability of each of its turns: every turn is then right
/// on average, and turns of one call go together as they do in life.
fn noise_floor(cases: &[Case]) -> f64 {
    let mut random = fastrand::Rng::with_seed(1);
    let mut sum = 0.0;
    for _ in 0..REDRAWS {
        let mut redrawn = Vec::with_capacity(cases.len());
        for call in cases.chunk_by(|a, b| a.call == b.call) {
            let drawn = random.f64();
            redrawn.extend(call.iter().map(|case| (case.probability, drawn < case.probability)));
        }
        sum += ece(&bins(redrawn));
    }
    sum / REDRAWS as f64
}

/// Slope and intercept of the unpenalised logistic regression of the label on the log-odds of
/// the probability (Cox 1958), by Newton's method. (0, log-odds of the base rate) when the
/// probabilities do not differ; (1, 0) when the labels do not.
pub fn line(cases: &[(f64, bool)]) -> (f64, f64) {
    let rate = cases.iter().filter(|(_, label)| *label).count() as f64 / cases.len().max(1) as f64;
    if rate == 0.0 || rate == 1.0 {
        return (1.0, 0.0);
    }
    let points: Vec<(f64, f64)> = cases
        .iter()
        .map(|&(p, label)| (logit(p.clamp(EDGE, 1.0 - EDGE)), f64::from(u8::from(label))))
        .collect();
    let (mut slope, mut intercept) = (0.0, logit(rate));
    for _ in 0..STEPS {
        let (mut g0, mut g1, mut h00, mut h01, mut h11) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for &(x, y) in &points {
            let p = crate::model::sigmoid(slope * x + intercept);
            let weight = p * (1.0 - p);
            g0 += y - p;
            g1 += (y - p) * x;
            h00 += weight;
            h01 += weight * x;
            h11 += weight * x * x;
        }
        let determinant = h00 * h11 - h01 * h01;
        if determinant.abs() < 1e-12 {
            break;
        }
        let (step0, step1) =
            ((h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant);
        intercept += step0;
        slope += step1;
        if step0.abs() + step1.abs() < 1e-10 {
            break;
        }
    }
    (slope, intercept)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{assert_close, labels, numbers};
    use super::*;
    use crate::model::sigmoid;

    fn cases() -> Vec<(f64, bool)> {
        numbers("log_odds").into_iter().map(sigmoid).zip(labels()).collect()
    }

    #[test]
    fn as_scikit_learn() {
        assert_close(brier(&cases()), "brier", 1e-12);
        assert_close(ece(&bins(cases())), "ece", 1e-12);
        let (slope, intercept) = line(&cases());
        assert_close(slope, "calibration_slope", 1e-6);
        assert_close(intercept, "calibration_intercept", 1e-6);
    }

    #[test]
    fn values_worked_out_by_hand() {
        let pairs = [(0.2, false), (0.8, true)];
        assert!((brier(&pairs) - 0.04).abs() < 1e-12);
        assert!((brier_skill(&pairs) - (1.0 - 0.04 / 0.25)).abs() < 1e-12);
        // Two bins of one case each, both 0.2 off.
        assert!((ece(&bins(pairs.to_vec())) - 0.2).abs() < 1e-12);
        assert!(calibration(&[]).is_none());
    }

    #[test]
    fn a_calibrated_model_lies_near_its_noise_floor_and_a_shifted_one_above() {
        let mut random = fastrand::Rng::with_seed(3);
        let drawn = |random: &mut fastrand::Rng, shift: f64| -> Vec<Case> {
            (0..2_000)
                .map(|call| {
                    let probability = random.f64();
                    let escalates = random.f64() < (probability - shift).max(0.0);
                    Case { call, customer_turns: 2, probability, escalates }
                })
                .collect()
        };
        let fair = calibration(&drawn(&mut random, 0.0)).unwrap();
        assert!((fair.ece - fair.noise_floor).abs() < 0.01, "{fair:?}");
        assert!((fair.slope - 1.0).abs() < 0.1 && fair.intercept.abs() < 0.15);
        let shifted = calibration(&drawn(&mut random, 0.2)).unwrap();
        assert!(shifted.ece > 3.0 * shifted.noise_floor);
    }
}
