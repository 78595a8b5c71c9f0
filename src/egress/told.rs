//! A change of an alert as a destination is told of it.

use std::sync::Arc;

use crate::call::Timestamp;
use crate::engine::alert::Alert;
use crate::engine::step::Step;
use crate::journal::{Keys, Outgoing};

/// What happened, to which alert, and its name for all time.
#[derive(Clone, Debug)]
pub(super) struct Told {
    /// The same each time it is sent: the history's name and the offset in it.
    pub id: String,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub step: Step,
    /// Queue and team before, when its call moved.
    pub moved_from: Option<Keys>,
    /// The alert after it.
    pub alert: Alert,
    /// The same as consoles get it.
    pub json: Arc<str>,
}

impl Told {
    /// # Errors
    /// When it was written by another version and cannot be read.
    pub fn of(outgoing: Outgoing) -> Result<Told, serde_json::Error> {
        let Outgoing { offset, epoch, at, told, moved_from, alert: json } = outgoing;
        let alert: Alert = serde_json::from_str(&json)?;
        let step = Step::newest(&alert, told);
        Ok(Told { id: format!("{epoch}-{offset}"), at, step, moved_from, alert, json })
    }

    /// Who did it, and what the history says of it.
    pub fn by(&self) -> &str {
        self.alert.history.last().map_or("engine", |entry| &entry.by)
    }

    /// What the history says of it.
    pub fn what(&self) -> Option<&str> {
        self.alert.history.last()?.what.as_deref()
    }
}
