//! The table's lines: figures with intervals, mean over author batches.

use std::collections::BTreeMap;

use serde::Serialize;

use super::judge::{Contender, Evidence};
use crate::call::Call;
use crate::train::metrics::Point;
use crate::train::metrics::ranking::{
    auc, average_precision, early_recall, maxima, recall, threshold_at,
};

/// Calls a batch must have for a false-alarm budget of its own.
const MIN_BATCH: usize = 20;
/// Resamples of the bootstrap.
const RESAMPLES: usize = 1_000;
/// Figures of a line.
const FIGURES: usize = 6;

/// One row of the table: a model or a baseline.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// What is judged.
    pub name: String,
    /// Absent when it could not be judged in this run.
    pub figures: Option<Figures>,
}

/// The figures of a line.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Figures {
    /// Probability that an escalating call has the higher maximum.
    pub auc: Interval,
    /// Average precision of the maxima.
    pub average_precision: Interval,
    /// Recall at 10 false alarms per 100 calls that do not escalate.
    pub recall_at_10: Interval,
    /// Recall at 5.
    pub recall_at_5: Interval,
    /// Recall at 10 counting only early alerts.
    pub early_recall_at_10: Interval,
    /// The same at 5.
    pub early_recall_at_5: Interval,
}

/// A figure and its 95 % interval, by bootstrap over calls.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Interval {
    /// Mean over batches where there are several, else over all calls.
    pub value: f64,
    /// 2.5 % quantile.
    pub low: f64,
    /// 97.5 % quantile.
    pub high: f64,
}

/// Calls by author batch; one part for all when batches are too few or too small to carry a
/// budget of their own.
pub struct Parts(BTreeMap<String, Vec<usize>>);

impl Parts {
    /// Parts of `evidence`, by its index.
    pub fn new(calls: &[&Call], evidence: &[Evidence]) -> Parts {
        let mut parts: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, one) in evidence.iter().enumerate() {
            let batch = calls[one.model().call].batch();
            parts.entry(batch.to_owned()).or_default().push(index);
        }
        if parts.len() < 2 || parts.values().any(|part| part.len() < MIN_BATCH) {
            return Parts(BTreeMap::from([("all".into(), (0..evidence.len()).collect())]));
        }
        Parts(parts)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and members.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.0.iter().map(|(name, members)| (name.as_str(), members.as_slice()))
    }

    /// Mean of a figure over the parts.
    pub fn mean(&self, figure: impl Fn(&[usize]) -> f64) -> f64 {
        self.0.values().map(|members| figure(members)).sum::<f64>() / self.0.len().max(1) as f64
    }

    /// For each evidence the threshold at which its part keeps the budget.
    pub fn thresholds(
        &self,
        evidence: &[Evidence],
        contender: Contender,
        per_hundred: f64,
    ) -> Vec<f64> {
        let mut thresholds = vec![f64::INFINITY; evidence.len()];
        for members in self.0.values() {
            let threshold = threshold_at(&points(evidence, contender, members), per_hundred);
            members.iter().for_each(|&index| thresholds[index] = threshold);
        }
        thresholds
    }
}

/// The calls of a part as rankings see them; none where the contender has no score.
pub fn points(evidence: &[Evidence], contender: Contender, members: &[usize]) -> Vec<Point> {
    let of = |&index: &usize| evidence[index].of(contender).map(|scored| scored.point());
    members.iter().filter_map(of).collect()
}

/// The line of `contender`.
pub fn line(contender: Contender, evidence: &[Evidence], parts: &Parts) -> Line {
    let name = contender.name().to_owned();
    if evidence.iter().any(|one| one.of(contender).is_none()) {
        return Line { name, figures: None };
    }
    let parts: Vec<Vec<Point>> =
        parts.iter().map(|(_, members)| points(evidence, contender, members)).collect();
    Line { name, figures: Some(bootstrap(&parts)) }
}

/// AUC, recall@10, recall@5 and early recall@10 of the model in `one` minus those in `other`,
/// which judge the same calls in the same order. The bootstrap is paired: both are resampled
/// alike.
pub fn differences(one: &[Evidence], other: &[Evidence], parts: &Parts) -> [Interval; 4] {
    let points = |evidence: &[Evidence]| -> Vec<Vec<Point>> {
        let of = |members: &[usize]| points(evidence, Contender::Model, members);
        parts.iter().map(|(_, members)| of(members)).collect()
    };
    let (one, other) = (points(one), points(other));
    let difference = |one: &[Vec<Point>], other: &[Vec<Point>]| {
        let (one, other) = (mean_figures(one), mean_figures(other));
        [0, 2, 3, 4].map(|figure| one[figure] - other[figure])
    };
    let values = difference(&one, &other);
    let mut resampled: [Vec<f64>; 4] = Default::default();
    for (one, other) in resamples(&one).zip(resamples(&other)) {
        for (all, value) in resampled.iter_mut().zip(difference(&one, &other)) {
            all.push(value);
        }
    }
    std::array::from_fn(|index| interval(values[index], &mut resampled[index]))
}

/// Calls drawn with replacement within each part. The draws depend on the sizes of the parts
/// alone.
fn resamples(parts: &[Vec<Point>]) -> impl Iterator<Item = Vec<Vec<Point>>> {
    let mut random = fastrand::Rng::with_seed(1);
    (0..RESAMPLES).map(move |_| {
        parts
            .iter()
            .map(|part| (0..part.len()).map(|_| part[random.usize(..part.len())]).collect())
            .collect()
    })
}

fn bootstrap(parts: &[Vec<Point>]) -> Figures {
    let values = mean_figures(parts);
    let mut resampled: [Vec<f64>; FIGURES] = Default::default();
    for drawn in resamples(parts) {
        for (all, value) in resampled.iter_mut().zip(mean_figures(&drawn)) {
            all.push(value);
        }
    }
    let [auc, average_precision, recall_at_10, recall_at_5, early_recall_at_10, early_recall_at_5] =
        std::array::from_fn(|index| interval(values[index], &mut resampled[index]));
    Figures {
        auc,
        average_precision,
        recall_at_10,
        recall_at_5,
        early_recall_at_10,
        early_recall_at_5,
    }
}

fn interval(value: f64, resampled: &mut [f64]) -> Interval {
    resampled.sort_by(f64::total_cmp);
    let at = |share: f64| resampled[((resampled.len() - 1) as f64 * share).round() as usize];
    Interval { value, low: at(0.025), high: at(0.975) }
}

fn mean_figures(parts: &[Vec<Point>]) -> [f64; FIGURES] {
    let mut sum = [0.0; FIGURES];
    for part in parts {
        let (ten, five) = (threshold_at(part, 10.0), threshold_at(part, 5.0));
        let own = [
            auc(maxima(part)),
            average_precision(maxima(part)),
            recall(part, ten),
            recall(part, five),
            early_recall(part, ten),
            early_recall(part, five),
        ];
        sum = std::array::from_fn(|index| sum[index] + own[index]);
    }
    sum.map(|value| value / parts.len().max(1) as f64)
}
