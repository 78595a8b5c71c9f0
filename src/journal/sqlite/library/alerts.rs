//! Lists of alerts.

use rusqlite::{Connection, params};

use super::{part, rows};
use crate::call::Timestamp;
use crate::engine::alert::Alert;
use crate::journal::{Found, Stretch};
use crate::wire::lists::{AlertKey, AlertQuery};

/// Alerts that match, newest first. As with calls, every row comes here to be judged.
pub(super) fn list(
    connection: &Connection,
    query: &AlertQuery,
    stretch: &Stretch<'_, AlertKey>,
) -> rusqlite::Result<Found<AlertKey, Alert>> {
    let sql = "SELECT unseal('alerts/' || call || '/' || alert_id, alert) FROM alerts
        WHERE (raised_at, alert_id) < (?1, ?2) AND (raised_at, alert_id) >= (?3, ?4)
            AND (?5 IS NULL OR call IN (SELECT call FROM calls WHERE call_id = ?5))
        ORDER BY raised_at DESC, alert_id DESC";
    let mut statement = connection.prepare_cached(sql)?;
    let (below, from) = ends(query, stretch);
    let mut alerts = statement.query(params![below.0, below.1, from.0, from.1, query.call_id])?;
    let mut items = Vec::new();
    let mut reached = None;
    loop {
        let row = match alerts.next() {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(Found { items, reached: None }),
            Err(error) => return part(items, reached, error),
        };
        let alert = rows::alert(row, 0)?;
        let key = AlertKey::of(&alert);
        if !stretch.without.contains(&key) && query.matches(&alert) {
            items.push((key.clone(), alert));
        }
        reached = Some(key);
        if items.len() >= stretch.most {
            return Ok(Found { items, reached });
        }
    }
}

/// The ends of a stretch in the text of the table, the times of the query taken in.
fn ends(
    query: &AlertQuery,
    stretch: &Stretch<'_, AlertKey>,
) -> ((String, String), (String, String)) {
    let first = |at: Timestamp| AlertKey { raised_at: at, alert_id: String::new() };
    let below = stretch.below.clone().into_iter().chain(query.to.map(first)).min();
    let from = stretch.from.clone().into_iter().chain(query.from.map(first)).max();
    let text = |key: AlertKey| (key.raised_at.to_string(), key.alert_id);
    // Times begin with a digit.
    let (newest, oldest) = (("~".into(), String::new()), (String::new(), String::new()));
    (below.map_or(newest, text), from.map_or(oldest, text))
}
