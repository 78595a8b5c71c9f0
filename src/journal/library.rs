//! The read side of a journal: calls that are over, as lists and one by one.
//!
//! It stands beside the writer and never in its way. Every reading ends at a given moment,
//! whatever it has found by then.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::Instant;

use crate::call::Timestamp;
use crate::engine::alert::Alert;
use crate::engine::effects::CallView;
use crate::wire::lists::{AlertKey, AlertQuery, CallDetail, CallQuery, ShiftQuery};

/// A reading that gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Its time was over before anything was read.
    #[error("reading the journal took too long")]
    TooSlow,
    /// The storage cannot be read.
    #[error("{0}")]
    Failed(String),
}

/// A stretch of a list, which is ordered by `K`, the highest first.
#[derive(Debug)]
pub struct Stretch<'a, K> {
    /// Only keys below this one; from the first on when absent.
    pub below: Option<K>,
    /// Only from this key up; to the last when absent.
    pub from: Option<K>,
    /// None of these.
    pub without: &'a BTreeSet<K>,
    /// Most items.
    pub most: usize,
}

/// What was found of a stretch.
#[derive(Debug)]
pub struct Found<K, T> {
    /// Items, the highest key first.
    pub items: Vec<(K, T)>,
    /// How far the reading came: what has this key or a higher one was looked at. Absent when
    /// all of the stretch was.
    pub reached: Option<K>,
}

impl<K, T> Default for Found<K, T> {
    fn default() -> Self {
        Found { items: Vec::new(), reached: None }
    }
}

/// Names one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which<'a> {
    /// The newest of that id.
    Newest(&'a str),
    /// That of this number.
    Number(u64),
}

/// How much of a transcript is read: its newest chunks, up to the first of these limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Most {
    /// Chunks.
    pub chunks: usize,
    /// Bytes of text.
    pub text_bytes: usize,
}

impl Most {
    /// So many chunks, whatever they hold.
    pub fn chunks(chunks: usize) -> Most {
        Most { chunks, text_bytes: usize::MAX }
    }
}

/// A call as the figures of a shift count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Began {
    /// Its number.
    pub number: u64,
    /// When it began.
    pub at: Timestamp,
    /// Its platform told that it escalated.
    pub escalated: bool,
    /// It raised an alert.
    pub alerted: bool,
}

/// What a journal holds of calls that are over. A call is known by its number: the offset
/// before its first message.
pub trait Library: Debug + Send + Sync {
    /// Calls that match.
    ///
    /// # Errors
    /// [`ReadError`].
    fn calls(
        &self,
        query: &CallQuery,
        stretch: &Stretch<'_, u64>,
        until: Instant,
    ) -> Result<Found<u64, CallView>, ReadError>;

    /// One call, with the newest part of its transcript.
    ///
    /// # Errors
    /// [`ReadError`].
    fn call(
        &self,
        which: Which<'_>,
        most: Most,
        until: Instant,
    ) -> Result<Option<CallDetail>, ReadError>;

    /// Alerts that match.
    ///
    /// # Errors
    /// [`ReadError`].
    fn alerts(
        &self,
        query: &AlertQuery,
        stretch: &Stretch<'_, AlertKey>,
        until: Instant,
    ) -> Result<Found<AlertKey, Alert>, ReadError>;

    /// Hands every call that began in a shift to `see`.
    ///
    /// # Errors
    /// [`ReadError`]; also when only some could be read in time.
    fn began(
        &self,
        query: &ShiftQuery,
        until: Instant,
        see: &mut dyn FnMut(Began),
    ) -> Result<(), ReadError>;
}
