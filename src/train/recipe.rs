//! Settings of a training run: a TOML file of numbers and names.

use std::collections::BTreeMap;

use serde::Deserialize;
use thiserror::Error;

use super::data::Needed;
use crate::features::Role;

/// The recipe of the model that ships.
pub const DEFAULT: &str = include_str!("../../models/en-calls.toml");

/// What to fit, and how strongly to hold the weights down.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Name of the model.
    pub name: String,
    /// BCP 47 language of the corpus.
    pub lang: String,
    /// Files it was written for; without any it suits every corpus.
    #[serde(default)]
    pub data: Vec<Needed>,
    /// Teacher whose heads are taken over: `tone-en`, or a file.
    #[serde(default)]
    pub teacher: Option<String>,
    /// N-grams of each role at most.
    pub max_ngrams: usize,
    /// Calls an n-gram must occur in.
    pub min_calls: usize,
    /// Penalty on the weights of a first-level head: `alpha/2 · |w|²` on a sum of losses.
    pub head_penalty: f64,
    /// The same for the risk head, on columns scaled to unit variance.
    pub risk_penalty: f64,
    /// Inputs of the sentiment head: names, or `*` within a name for any part. None: the
    /// sentiment heads among the customer's speak for themselves.
    #[serde(default)]
    pub sentiment_inputs: Vec<String>,
    /// Inputs that ride on another one with a fixed share of its weight. A corpus of calls would
    /// give a teacher's opinion next to none, and what it knows beyond them would be lost.
    #[serde(default)]
    pub sentiment_ties: BTreeMap<String, Tie>,
    /// The penalty of the sentiment head, on inputs scaled to unit variance.
    #[serde(default = "one")]
    pub sentiment_penalty: f64,
    /// Groups of author batches for cross-fitting; no more than there are batches.
    pub groups: usize,
    /// The risk head learns whether a careful reader saw at least this risk, 0 to 9, after each
    /// turn. Without it, it learns how the call ended. Where outcomes are noisy the reader is the
    /// better teacher.
    #[serde(default)]
    pub reader_risk_from: Option<u8>,
    /// When it learns the outcome: of calls that escalate only the last so many customer turns
    /// before it are training rows, as earlier there is often nothing yet to see.
    #[serde(default = "all_turns")]
    pub last_customer_turns: u32,
    /// After a first fit of the risk head, each call keeps only the rows that it scored highest,
    /// this many, for a second: a call is judged by its maximum. Without it there is one fit.
    #[serde(default)]
    pub top_rows: Option<usize>,
    /// Blocks of columns by name, for `train --ablate`: what does each of them bring?
    #[serde(default)]
    pub blocks: BTreeMap<String, Vec<String>>,
    /// What the model does badly, in sentences for its card.
    #[serde(default)]
    pub weaknesses: Vec<String>,
    /// Promised false alarms in 100 calm calls at watch, warning and critical.
    pub false_alarms: FalseAlarms,
    /// First-level heads on customer turns.
    pub customer_heads: Vec<String>,
    /// First-level heads on agent turns.
    pub agent_heads: Vec<String>,
    /// Columns of the risk head: names, or `*` within a name for any part.
    pub columns: Vec<String>,
    /// Columns that may only raise the risk; one that would lower it is left out. A reason must
    /// point the way its name says, or nobody trusts the rest.
    pub raising: Vec<String>,
    /// Columns that may only lower the risk.
    pub lowering: Vec<String>,
}

/// An input that rides on another.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tie {
    /// The input whose weight is fitted, on the sum of both.
    pub rides_on: String,
    /// Share of that weight.
    pub share: f64,
}

/// False alarms per 100 calls that do not escalate.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FalseAlarms {
    /// At level watch.
    pub watch: f64,
    /// At level warning: the promise.
    pub warning: f64,
    /// At level critical.
    pub critical: f64,
}

/// Why a recipe was refused.
#[derive(Debug, Error)]
#[error("{origin}: {message}")]
pub struct RecipeError {
    /// File or other name of the text.
    pub origin: String,
    /// What is wrong and how to mend it.
    pub message: String,
}

impl Recipe {
    /// Reads a recipe. `origin` names it in errors.
    ///
    /// # Errors
    /// [`RecipeError`] when the text is no recipe or a number cannot be used.
    pub fn parse(toml: &str, origin: &str) -> Result<Recipe, RecipeError> {
        let refused = |message: String| RecipeError { origin: origin.into(), message };
        let recipe: Recipe = toml::from_str(toml).map_err(|error| refused(error.to_string()))?;
        let FalseAlarms { watch, warning, critical } = recipe.false_alarms;
        if !(watch >= warning && warning >= critical && critical > 0.0 && watch < 100.0) {
            return Err(refused(
                "`false_alarms` must fall from watch to warning to critical, within 0 and 100"
                    .into(),
            ));
        }
        if recipe.groups < 2 {
            return Err(refused("`groups` must be at least 2".into()));
        }
        let penalties = [recipe.head_penalty, recipe.risk_penalty, recipe.sentiment_penalty];
        if penalties.iter().any(|&penalty| penalty.is_nan() || penalty <= 0.0) {
            return Err(refused("penalties must be above 0".into()));
        }
        Ok(recipe)
    }

    /// The heads of a role.
    pub fn heads(&self, role: Role) -> &[String] {
        match role {
            Role::Customer => &self.customer_heads,
            Role::Agent => &self.agent_heads,
        }
    }

    /// The numbers among the settings, by name, for the model file.
    pub fn numbers(&self) -> BTreeMap<String, f64> {
        let count = |number: usize| number as f64;
        let optional = [
            ("top_rows", self.top_rows.map(count)),
            ("reader_risk_from", self.reader_risk_from.map(f64::from)),
            (
                "last_customer_turns",
                (self.last_customer_turns != all_turns()).then(|| self.last_customer_turns.into()),
            ),
        ];
        let always = [
            ("max_ngrams", count(self.max_ngrams)),
            ("min_calls", count(self.min_calls)),
            ("head_penalty", self.head_penalty),
            ("risk_penalty", self.risk_penalty),
            ("sentiment_penalty", self.sentiment_penalty),
            ("groups", count(self.groups)),
            ("false_alarms_watch", self.false_alarms.watch),
            ("false_alarms_warning", self.false_alarms.warning),
            ("false_alarms_critical", self.false_alarms.critical),
        ];
        let set = optional.into_iter().filter_map(|(name, number)| Some((name, number?)));
        always.into_iter().chain(set).map(|(name, number)| (name.to_owned(), number)).collect()
    }

    /// Which way each of `columns` may point: 1 up, −1 down, 0 either.
    pub fn directions(&self, columns: &[String]) -> Vec<f64> {
        let any = |patterns: &[String], column: &str| patterns.iter().any(|p| matches(p, column));
        columns
            .iter()
            .map(|column| match (any(&self.raising, column), any(&self.lowering, column)) {
                (true, false) => 1.0,
                (false, true) => -1.0,
                _ => 0.0,
            })
            .collect()
    }

    /// The columns among `all` that the recipe asks for, in the order of `all`.
    ///
    /// # Errors
    /// A pattern that matches nothing.
    pub fn select(&self, all: &[String]) -> Result<Vec<String>, String> {
        select(&self.columns, all)
            .map_err(|pattern| format!("column `{pattern}` matches none that these heads give"))
    }

    /// The inputs of the sentiment head among `all`, in the order of `all`.
    ///
    /// # Errors
    /// A pattern that matches nothing.
    pub fn select_inputs(&self, all: &[String]) -> Result<Vec<String>, String> {
        select(&self.sentiment_inputs, all).map_err(|pattern| {
            format!("sentiment input `{pattern}` matches none that these heads give")
        })
    }
}

/// Those of `all` that one of `patterns` matches, or a pattern that matches none.
fn select<'a>(patterns: &'a [String], all: &[String]) -> Result<Vec<String>, &'a str> {
    match patterns.iter().find(|pattern| !all.iter().any(|name| matches(pattern, name))) {
        Some(pattern) => Err(pattern),
        None => {
            let wanted = |name: &&String| patterns.iter().any(|pattern| matches(pattern, name));
            Ok(all.iter().filter(wanted).cloned().collect())
        }
    }
}

fn all_turns() -> u32 {
    u32::MAX
}

fn one() -> f64 {
    1.0
}

/// Whether `name` is `pattern`, where `*` stands for anything.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, rest)) => name.strip_prefix(head).is_some_and(|tail| {
            tail.char_indices()
                .map(|(at, _)| at)
                .chain([tail.len()])
                .any(|at| matches(rest, &tail[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recipe_that_ships_can_be_read() {
        Recipe::parse(DEFAULT, "models/en-calls.toml").unwrap();
    }

    #[test]
    fn stars_stand_for_anything() {
        assert!(matches("customer.*.last", "customer.act:frus.last"));
        assert!(matches("*", "x") && matches("a*", "a"));
        assert!(!matches("customer.*.last", "agent.act:refu.last"));
    }
}
