//! The escalation matrix: who is told of an alert, how long they have, and who is told next.
//!
//! Rules are tried in the order of the file and the first that fits wins; the last one fits
//! every alert. A matrix is data: it tells the time only by what it is asked with.

mod explain;
mod file;
mod hours;
mod target;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::alert::{Alert, AlertKind, Reason};
use super::event::{Attributes, CallStart};
use super::policy::Level;
use crate::call::Timestamp;
use crate::text::phrases::Position;

use hours::Hours;
use target::Target;

/// The matrix that ships with this binary.
pub const DEFAULT_MATRIX: &str = include_str!("../../../data/matrix.toml");

/// Why a matrix was refused: file, line, column, what is wrong and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{origin}:{position}: {message}")]
pub struct MatrixError {
    /// File or other name of the text.
    pub origin: String,
    /// Where.
    pub position: Position,
    /// What is wrong, and how to mend it.
    pub message: String,
}

/// Which way an alert goes up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Route {
    /// To those who may decide more.
    #[default]
    Hierarchical,
    /// To those who know more.
    Functional,
}

/// Who is told when. Immutable.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// At least one; only the last is without conditions.
    rules: Vec<Rule>,
    hours: Option<Hours>,
    warnings_per_hour: Option<u32>,
    text: String,
}

/// A rule of the matrix: for which alerts it is, and its tiers.
#[derive(Clone, Debug)]
pub struct Rule {
    name: String,
    route: Route,
    when: Conditions,
    /// At least one.
    tiers: Vec<Tier>,
}

/// All that must hold for a rule to fit. An empty list asks for nothing.
#[derive(Clone, Debug, Default, PartialEq)]
struct Conditions {
    queues: Vec<String>,
    teams: Vec<String>,
    attributes: Vec<(String, Vec<Value>)>,
    kinds: Vec<AlertKind>,
    min_level: Option<Level>,
    because: Vec<String>,
    main_reason: Vec<String>,
    /// True asks for business hours, false for the time outside.
    open: Option<bool>,
}

/// Who is told at once, and how long they have.
#[derive(Clone, Debug)]
struct Tier {
    notify: Vec<Target>,
    /// After this the next tier is told, in seconds; `None` on the last.
    within_s: Option<u32>,
}

/// What a rule is chosen by.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Queue of the call.
    pub queue: Option<&'a str>,
    /// Team of the call.
    pub team: Option<&'a str>,
    /// Agent of the call.
    pub agent_id: Option<&'a str>,
    /// Attributes of the call.
    pub attributes: &'a Attributes,
    /// Why the alert exists.
    pub kind: AlertKind,
    /// How urgent it is.
    pub level: Level,
    /// Its reasons, the main one first.
    pub reasons: &'a [Reason],
}

impl<'a> Subject<'a> {
    /// An alert of a call.
    pub fn of(start: &'a CallStart, alert: &'a Alert) -> Subject<'a> {
        Subject {
            queue: start.queue.as_deref(),
            team: start.team.as_deref(),
            agent_id: start.agent_id.as_deref(),
            attributes: &start.attributes,
            kind: alert.kind,
            level: alert.level,
            reasons: &alert.reasons,
        }
    }
}

impl Matrix {
    /// Reads a matrix from TOML. `origin` names it in errors.
    ///
    /// # Errors
    /// [`MatrixError`] for the first thing that cannot be used.
    pub fn parse(toml: &str, origin: &str) -> Result<Matrix, MatrixError> {
        file::parse(toml, origin)
    }

    /// The same without an alert budget.
    #[must_use]
    pub fn without_budget(mut self) -> Matrix {
        self.warnings_per_hour = None;
        self.text.push_str("\n# without budget\n");
        self
    }

    /// Which rule is for an alert, as its place in the file.
    pub fn choose(&self, subject: &Subject<'_>, at: Timestamp) -> usize {
        let fits = |rule: &Rule| self.misfit(&rule.when, subject, at).is_none();
        // The last rule has no conditions.
        self.rules.iter().position(fits).unwrap_or(self.rules.len() - 1)
    }

    /// The rule at a place that [`Matrix::choose`] gave.
    pub fn rule(&self, place: usize) -> &Rule {
        &self.rules[place]
    }

    /// Its rules in their order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Warnings that may disturb a team in an hour; `None` for any number.
    pub fn warnings_per_hour(&self) -> Option<u32> {
        self.warnings_per_hour
    }

    /// All that it says, for fingerprints.
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

impl Rule {
    /// Its name in the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which way it leads.
    pub fn route(&self) -> Route {
        self.route
    }

    /// Who is told in a tier, from 1. Past the last it is the last.
    pub fn notify(&self, tier: u32, subject: &Subject<'_>) -> Vec<String> {
        target::fill(&self.tier(tier).notify, subject)
    }

    /// How long a tier has before the next is told, in ms; `None` for the last and beyond.
    pub fn within_ms(&self, tier: u32) -> Option<i64> {
        self.tier(tier).within_s.map(|seconds| i64::from(seconds) * 1_000)
    }

    fn tier(&self, tier: u32) -> &Tier {
        let place = (tier as usize).clamp(1, self.tiers.len()) - 1;
        &self.tiers[place]
    }
}
