//! What rules, phrases and a model would have raised on past calls, and what they were worth.
//!
//! [`play`] runs a call through the engine that `serve` runs; [`Backtest`] sums up.

mod figures;
mod play;

pub use figures::{Backtest, Example, Row, Summary};
pub use play::{Raised, play};
