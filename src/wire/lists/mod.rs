//! Lists of REST: what is asked for, where a part of a list ends, what an item is.
//!
//! A list is the same whether an item lies in memory or in the journal's tables: both ask the
//! queries here what matches, and both order by the keys here, newest first.

mod parameters;
mod query;
mod search;

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::call::Timestamp;
use crate::engine::alert::Alert;
use crate::engine::effects::{CallView, Said};

pub use parameters::Parameters;
pub use query::{AlertQuery, CallQuery, Ending, ShiftQuery};
pub use search::{Listener, Search};

/// A part of a list and where the next part begins.
#[derive(Clone, Debug, Serialize)]
pub struct Page<T> {
    /// The part, newest first.
    pub items: Vec<T>,
    /// Pass as `after` for what follows; null on the last part. A part may be short, or empty,
    /// and still have it: the time for one answer was over.
    pub next: Option<String>,
}

/// A call with its transcript and alerts.
#[derive(Clone, Debug, Serialize)]
pub struct CallDetail {
    /// Its number: the offset before its first message, in which it differs from every other.
    #[serde(skip)]
    pub number: u64,
    /// Whether nothing of it is missing here.
    #[serde(skip)]
    pub whole: bool,
    /// The call.
    #[serde(flatten)]
    pub view: Arc<CallView>,
    /// Its final chunks.
    pub transcript: Vec<Arc<Said>>,
    /// All its alerts, whole, in the order in which they were raised, those of one moment by id.
    pub alert_list: Vec<Arc<Alert>>,
}

/// The place of an alert in the order of all alerts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AlertKey {
    /// When it was raised.
    pub raised_at: Timestamp,
    /// Its id.
    pub alert_id: String,
}

impl AlertKey {
    /// Of an alert.
    pub fn of(alert: &Alert) -> AlertKey {
        AlertKey { raised_at: alert.raised_at, alert_id: alert.alert_id.clone() }
    }

    /// Reads what [`AlertKey::to_string`] wrote.
    pub fn parse(text: &str) -> Option<AlertKey> {
        let (ms, id) = text.split_once('.')?;
        Some(AlertKey { raised_at: Timestamp(ms.parse().ok()?), alert_id: id.to_owned() })
    }
}

impl fmt::Display for AlertKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.raised_at.0, self.alert_id)
    }
}
