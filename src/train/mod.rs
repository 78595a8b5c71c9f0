//! Fitting a model and judging it. The only room that sees linfa.
//!
//! [`pipeline::train`] reads top-down: cross-fit the first level, walk the calls with it to get
//! the rows of the second, fit that, calibrate on scores of calls it has not seen.
//! [`evaluate::report()`] judges, [`calibrate::calibrate`] sets thresholds for a site by its own calls.

pub mod ablation;
pub mod backtest;
pub mod baselines;
pub mod calibrate;
pub mod card;
pub mod data;
pub mod evaluate;
mod feelings;
mod heads;
mod logistic;
pub mod metrics;
pub mod pipeline;
pub mod recipe;
pub mod report;
mod risk;
mod rows;
mod sparse;
mod table;
mod tags;
pub mod teacher;
mod template;
mod turns;
mod vocabulary;

pub use pipeline::{Materials, TrainError, Trained, train};
pub use recipe::Recipe;

/// Told what a long piece of work is doing, one line at a time.
pub type Progress<'a> = &'a (dyn Fn(&str) + Sync);
