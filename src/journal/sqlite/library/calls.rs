//! Calls: lists, one of them, and those of a shift.

use std::sync::Arc;

use rusqlite::{Connection, params};

use super::super::{int, unsigned};
use super::{part, rows};
use crate::engine::effects::{CallView, Said};
use crate::journal::{Began, Found, Most, Stretch, Which};
use crate::wire::Place;
use crate::wire::lists::{CallDetail, CallQuery, Search, ShiftQuery};

/// Calls that match, newest first. Every row comes here to be judged, so that it is known how far
/// the reading came when its time is over.
pub(super) fn list(
    connection: &Connection,
    query: &CallQuery,
    stretch: &Stretch<'_, u64>,
) -> rusqlite::Result<Found<u64, CallView>> {
    let sql = format!(
        "SELECT {}, CASE WHEN ?3 THEN EXISTS (SELECT 1 FROM alerts WHERE alerts.call = calls.call)
            ELSE 0 END
        FROM calls WHERE call < ?1 AND call >= ?2 ORDER BY call DESC",
        rows::VIEW
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let below = stretch.below.map_or(i64::MAX, int);
    let from = stretch.from.map_or(i64::MIN, int);
    let mut calls = statement.query(params![below, from, query.alerted.is_some()])?;
    let mut items = Vec::new();
    let mut reached = None;
    loop {
        let row = match calls.next() {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(Found { items, reached: None }),
            Err(error) => return part(items, reached, error),
        };
        let call: i64 = row.get(0)?;
        let number = unsigned(call);
        if !stretch.without.contains(&number) {
            let view = rows::view(row)?;
            let found = match &query.search {
                _ if !query.matches(&view, row.get(20)?) => Ok(false),
                Some(search) if !search.names(&view) => was_said(connection, call, search),
                _ => Ok(true),
            };
            let found = found.and_then(|found| match found {
                true => Ok(Some(CallView { alerts: open_alerts(connection, call)?, ..view })),
                false => Ok(None),
            });
            match found {
                Ok(found) => items.extend(found.map(|view| (number, view))),
                Err(error) => return part(items, reached, error),
            }
        }
        reached = Some(number);
        if items.len() >= stretch.most {
            return Ok(Found { items, reached });
        }
    }
}

/// Whether all words of a search are in the transcript.
fn was_said(connection: &Connection, call: i64, search: &Search) -> rusqlite::Result<bool> {
    let sql = "SELECT unseal('transcript/' || call || '/' || seq, text) FROM transcript
        WHERE call = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut chunks = statement.query([call])?;
    let mut listener = search.listener();
    while let Some(row) = chunks.next()? {
        if listener.hears(rows::text(row, 0)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn open_alerts(connection: &Connection, call: i64) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT alert_id FROM alerts
        WHERE call = ?1 AND state IN ('raised', 'acknowledged', 'snoozed')
        ORDER BY raised_at, alert_id";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_map([call], |row| row.get(0))?.collect()
}

/// One call, with the newest chunks of its transcript.
pub(super) fn one(
    connection: &Connection,
    which: Which<'_>,
    most: Most,
) -> rusqlite::Result<Option<CallDetail>> {
    let Some((call, view)) = named(connection, which)? else { return Ok(None) };
    let view = CallView { alerts: open_alerts(connection, call)?, ..view };
    let (transcript, whole) = newest(connection, call, most)?;
    let sql = "SELECT unseal('alerts/' || call || '/' || alert_id, alert) FROM alerts
        WHERE call = ?1 ORDER BY raised_at, alert_id";
    let mut statement = connection.prepare_cached(sql)?;
    let alerts = statement.query_map([call], |row| rows::alert(row, 0).map(Arc::new))?;
    let alert_list = alerts.collect::<Result<_, _>>()?;
    let (number, view) = (unsigned(call), Arc::new(view));
    Ok(Some(CallDetail { number, whole, view, transcript, alert_list }))
}

fn named(connection: &Connection, which: Which<'_>) -> rusqlite::Result<Option<(i64, CallView)>> {
    let condition = match which {
        Which::Newest(_) => "call_id",
        Which::Number(_) => "call",
    };
    let columns = rows::VIEW;
    let sql =
        format!("SELECT {columns} FROM calls WHERE {condition} = ?1 ORDER BY call DESC LIMIT 1");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut calls = match which {
        Which::Newest(call_id) => statement.query([call_id])?,
        Which::Number(number) => statement.query([int(number)])?,
    };
    calls.next()?.map(|row| Ok((row.get(0)?, rows::view(row)?))).transpose()
}

/// The newest chunks of a transcript in their order, and whether these are all.
fn newest(
    connection: &Connection,
    call: i64,
    most: Most,
) -> rusqlite::Result<(Vec<Arc<Said>>, bool)> {
    let columns = rows::SAID;
    let sql = format!("SELECT {columns} FROM transcript WHERE call = ?1 ORDER BY seq DESC");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut chunks = statement.query([call])?;
    let mut transcript = Vec::new();
    let (mut text_bytes, mut whole) = (0_usize, true);
    while let Some(row) = chunks.next()? {
        text_bytes = text_bytes.saturating_add(rows::text(row, 5)?.len());
        if transcript.len() == most.chunks || text_bytes > most.text_bytes {
            whole = false;
            break;
        }
        transcript.push(rows::said(row)?);
    }
    transcript.reverse();
    Ok((transcript, whole))
}

/// Every call that began in a shift.
pub(super) fn began(
    connection: &Connection,
    query: &ShiftQuery,
    see: &mut dyn FnMut(Began),
) -> rusqlite::Result<()> {
    let sql = "SELECT call, started_at, escalated IS TRUE,
            EXISTS (SELECT 1 FROM alerts WHERE alerts.call = calls.call), queue, team, agent_id
        FROM calls WHERE started_at >= ?1 AND started_at < ?2
            AND (?3 IS NULL OR queue = ?3) AND (?4 IS NULL OR team = ?4)";
    let mut statement = connection.prepare_cached(sql)?;
    let (from, to) = (query.from.to_string(), query.to.to_string());
    let mut calls = statement.query(params![from, to, query.queue, query.team])?;
    while let Some(row) = calls.next()? {
        let name = |column| row.get_ref(column)?.as_str_or_null().map_err(rusqlite::Error::from);
        let place = Place { queue: name(4)?, team: name(5)?, agent: name(6)? };
        if !query.scopes.allow(place) {
            continue;
        }
        see(Began {
            number: unsigned(row.get(0)?),
            at: rows::required(row, 1)?,
            escalated: row.get(2)?,
            alerted: row.get(3)?,
        });
    }
    Ok(())
}
