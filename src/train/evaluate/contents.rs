//! What an evaluation found, as `--json` writes it and the reports read it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::figures::Line;
use super::heads::{ActFigures, SentimentFigures};
use super::live::LiveFigures;
use super::tables::Table;
use crate::train::metrics::alarms::Alarms;
use crate::train::metrics::calibration::Calibration;
use crate::train::metrics::lead::Lead;

/// Everything that `evaluate` says, as `--json` writes it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What was judged.
    pub title: String,
    /// What a reader must know before believing any of it.
    pub notes: Vec<String>,
    /// Calls judged.
    pub calls: usize,
    /// Of them escalating.
    pub escalating: usize,
    /// Batches whose figures were averaged; 1 when all calls were pooled.
    pub batches: usize,
    /// Model, masked model, baselines.
    pub lines: Vec<Line>,
    /// AUC masked minus AUC plain.
    pub masked_gap: f64,
    /// Base rate that `prices` are stated at.
    pub base_rate: f64,
    /// The model at its operating points.
    pub prices: Vec<Price>,
    /// Share of escalating calls that probabilities were shown for.
    pub prior: f64,
    /// Calibration of the per-turn probability, pooled and by customer turns so far.
    pub calibration: Vec<(String, Calibration)>,
    /// What the live engine did.
    pub live: LiveFigures,
    /// Sentiment on labelled customer turns of the corpus.
    pub sentiment: Option<SentimentFigures>,
    /// The same on a flat corpus of texts.
    pub sentiment_corpus: Option<SentimentFigures>,
    /// Act heads on annotated turns.
    pub acts: Vec<ActFigures>,
    /// By kind of escalation, industry, style, length.
    pub tables: Vec<Table>,
    /// The model by author batch, when there are several of some size.
    pub by_batch: BTreeMap<String, Batch>,
    /// Recall at each budget, for the plot.
    pub curves: Vec<Curve>,
    /// Customer turns of lead of each caught call at 10 false alarms, and the misses.
    pub leads: Leads,
    /// Each call's score and when it would have been alerted.
    pub each_call: Vec<EachCall>,
}

/// An operating point.
#[derive(Clone, Debug, Serialize)]
pub struct Price {
    /// Which.
    pub name: String,
    /// What it catches and costs.
    pub alarms: Alarms,
    /// Recall counting only early alerts.
    pub early_recall: f64,
    /// Lead time.
    pub lead: Lead,
}

/// One author batch.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Batch {
    /// Calls in it.
    pub calls: usize,
    /// Of the maxima.
    pub auc: f64,
    /// At its own 10 false alarms per 100.
    pub recall_at_10: f64,
    /// At its own 5.
    pub recall_at_5: f64,
    /// Recall at the carried warning threshold.
    pub carried_recall: f64,
    /// False alarms at the carried warning threshold: what was promised, kept or not.
    pub realised_false_alarms: f64,
}

/// Recall against the budget.
#[derive(Clone, Debug, Serialize)]
pub struct Curve {
    /// Whose.
    pub name: String,
    /// Recall at 0, 1, 2 … false alarms per 100 calls that do not escalate.
    pub recall: Vec<f64>,
}

/// Lead times for the histogram.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Leads {
    /// Customer turns between alert and event, of each caught call.
    pub turns: Vec<u32>,
    /// Escalating calls that were not caught.
    pub missed: usize,
}

/// One call, for whoever wants to look further.
#[derive(Clone, Debug, Serialize)]
pub struct EachCall {
    /// Its id.
    pub id: String,
    /// Whether it escalates.
    pub escalates: bool,
    /// Highest probability shown; absent without a forecast.
    pub risk: Option<f64>,
    /// Turn of the alert at 10 false alarms per 100.
    pub alert_turn: Option<usize>,
    /// Customer turns between alert and event or end.
    pub customer_turns_left: Option<u32>,
}
