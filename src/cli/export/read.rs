//! The tables of a journal from the newest on, in short readings: a reader that stayed in one
//! transaction would make the write-ahead log of a running server grow.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::cli::Failure;
use crate::cli::journal::{KeyFile, failure};
use crate::engine::alert::Alert;
use crate::journal::sqlite::{self, FILE};
use crate::journal::{Library, Most, ReadError, Stretch, Which};
use crate::wire::lists::{AlertQuery, CallDetail, CallQuery};

/// Calls or alerts of one reading; so many are in memory at a time.
const PAGE: usize = 256;
/// Longest time of one reading. What takes longer goes on from where it came.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Tables(Arc<dyn Library>);

impl Tables {
    /// Of the journal in a data directory.
    pub fn of(dir: &Path, key: &KeyFile) -> Result<Tables, Failure> {
        if !dir.join(FILE).exists() {
            let dir = dir.display();
            return Err(Failure::Failed(format!(
                "no {FILE} in {dir}; give the --data-dir of `forewarn serve`"
            )));
        }
        Ok(Tables(sqlite::library(dir, &key.seal()?).map_err(failure)?))
    }

    /// Hands the numbers of all calls that match to `see`.
    pub fn calls(
        &self,
        query: &CallQuery,
        mut see: impl FnMut(u64) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let without = BTreeSet::new();
        let mut below = None;
        loop {
            let stretch = Stretch { below, from: None, without: &without, most: PAGE };
            let found = self.0.calls(query, &stretch, until()).map_err(unreadable)?;
            for (number, _) in found.items {
                see(number)?;
            }
            below = found.reached;
            if below.is_none() {
                return Ok(());
            }
        }
    }

    /// Hands all alerts that match to `see`.
    pub fn alerts(
        &self,
        query: &AlertQuery,
        mut see: impl FnMut(&Alert) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let without = BTreeSet::new();
        let mut below = None;
        loop {
            let stretch = Stretch { below, from: None, without: &without, most: PAGE };
            let found = self.0.alerts(query, &stretch, until()).map_err(unreadable)?;
            for (_, alert) in &found.items {
                see(alert)?;
            }
            below = found.reached;
            if below.is_none() {
                return Ok(());
            }
        }
    }

    /// One call.
    pub fn call(&self, which: Which<'_>, most: Most) -> Result<Option<CallDetail>, Failure> {
        self.0.call(which, most, until()).map_err(unreadable)
    }
}

fn until() -> Instant {
    Instant::now() + PATIENCE
}

fn unreadable(error: ReadError) -> Failure {
    let hint = match error {
        ReadError::TooSlow => "try again with less, by --from and --to for example",
        ReadError::Failed(_) => "`forewarn journal check` tells more",
    };
    Failure::Failed(format!("{error}; {hint}"))
}
