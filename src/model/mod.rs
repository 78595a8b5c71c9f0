//! Names and numbers: linear heads, calibration, thresholds, the model file.
//!
//! Knows nothing of calls in progress; [`crate::features`] turns a call into the columns that
//! these weights are for. Every sum runs in a fixed order, and `exp` and `ln` come from
//! `libm`, so a score is the same bit for bit on every machine.

mod calibration;
mod file;
mod heads;
pub mod ngrams;
mod risk;
mod sentiment;

pub use calibration::{Calibration, Thresholds, logit, sigmoid};
pub(crate) use file::one_entry_a_line;
pub use file::{FORMAT_VERSION, ModelError, Source, Training};
pub use heads::{Sums, TurnHeads};
pub use risk::RiskHead;
pub use sentiment::{Feeling, SentimentHead};

/// Everything a call is scored with.
#[derive(Clone, Debug)]
pub struct Model {
    /// Name shown to people and stored with every call.
    pub name: String,
    /// BCP 47 language it was trained on.
    pub lang: String,
    /// Share of escalating calls in its training data.
    pub base_rate: f64,
    /// Where its numbers come from.
    pub training: Training,
    /// First level, on the customer's turns.
    pub customer: TurnHeads,
    /// First level, on the agent's turns.
    pub agent: TurnHeads,
    /// Between the levels; without it the sentiment heads among the customer's speak for
    /// themselves.
    pub sentiment: Option<SentimentHead>,
    /// Second level, on the state of the call.
    pub risk: RiskHead,
    /// From the second level's log-odds to a probability.
    pub calibration: Calibration,
    /// Where levels begin.
    pub thresholds: Thresholds,
}

impl Model {
    /// Whether it can score a call in `lang`; calls that name no language are taken as its own.
    pub fn speaks(&self, lang: Option<&str>) -> bool {
        let primary = |tag: &str| tag.split(['-', '_']).next().unwrap_or("").to_ascii_lowercase();
        lang.is_none_or(|lang| primary(lang) == primary(&self.lang))
    }
}
