//! Rows of the tables as the types they were written from.

use std::sync::Arc;

use rusqlite::types::Type;
use rusqlite::{Error, Row};
use serde::de::DeserializeOwned;
use serde::de::value::{Error as NameError, StrDeserializer};

use crate::engine::alert::Alert;
use crate::engine::effects::{CallView, Said};

/// What [`view`] reads, in its order.
pub(super) const VIEW: &str = "call, call_id, queue, team, agent_id, attributes, state, started_at,
    ended_at, reason, outcome, last_seq, at_ms, turns, risk, sentiment, trend, level, model,
    lang";

/// A call. Its open alerts are not in this row.
pub(super) fn view(row: &Row<'_>) -> rusqlite::Result<CallView> {
    Ok(CallView {
        call_id: row.get(1)?,
        queue: row.get(2)?,
        team: row.get(3)?,
        agent_id: row.get(4)?,
        lang: row.get(19)?,
        attributes: json(row, 5)?.unwrap_or_default(),
        state: required(row, 6)?,
        started_at: required(row, 7)?,
        ended_at: named(row, 8)?,
        reason: row.get(9)?,
        outcome: json(row, 10)?,
        last_seq: super::super::unsigned(row.get(11)?),
        at_ms: row.get(12)?,
        turns: row.get(13)?,
        risk: row.get(14)?,
        sentiment: row.get(15)?,
        trend: row.get(16)?,
        level: named(row, 17)?,
        alerts: Vec::new(),
        model: row.get(18)?,
    })
}

/// What [`said`] reads, in its order.
pub(super) const SAID: &str = "seq, segment_id, speaker, start_ms, end_ms,
    unseal('transcript/' || call || '/' || seq, text), sentiment, risk,
    highlights, acts, forced";

/// A final chunk.
pub(super) fn said(row: &Row<'_>) -> rusqlite::Result<Arc<Said>> {
    Ok(Arc::new(Said {
        seq: super::super::unsigned(row.get(0)?),
        segment_id: row.get(1)?,
        is_final: true,
        start_ms: row.get(3)?,
        end_ms: row.get(4)?,
        speaker: required(row, 2)?,
        text: Arc::from(text(row, 5)?),
        sentiment: row.get(6)?,
        risk: row.get(7)?,
        highlights: json(row, 8)?.unwrap_or_default(),
        acts: json(row, 9)?.unwrap_or_default(),
        forced: row.get(10)?,
    }))
}

/// An alert, whole.
pub(super) fn alert(row: &Row<'_>, column: usize) -> rusqlite::Result<Alert> {
    json(row, column)?.ok_or(Error::InvalidColumnType(column, "alert".into(), Type::Null))
}

/// Text that stays where it is.
pub(super) fn text<'a>(row: &'a Row<'_>, column: usize) -> rusqlite::Result<&'a str> {
    Ok(row.get_ref(column)?.as_str()?)
}

fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>> {
    let Some(text) = row.get_ref(column)?.as_str_or_null()? else { return Ok(None) };
    serde_json::from_str(text).map(Some).map_err(|error| unreadable(column, error))
}

/// A state, level, speaker or time, by its name on the wire.
fn named<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>> {
    let Some(name) = row.get_ref(column)?.as_str_or_null()? else { return Ok(None) };
    let name: StrDeserializer<'_, NameError> = StrDeserializer::new(name);
    T::deserialize(name).map(Some).map_err(|error| unreadable(column, error))
}

pub(in crate::journal::sqlite) fn required<T: DeserializeOwned>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<T> {
    named(row, column)?.ok_or(Error::InvalidColumnType(column, "name".into(), Type::Null))
}

fn unreadable(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}
