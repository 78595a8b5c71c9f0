//! A call that is over, in the tables that are open to the user's own SQL.

use std::sync::Arc;

use rusqlite::{Connection, params};
use serde::Serialize;

use super::seal::Seal;
use crate::engine::alert::Alert;
use crate::engine::effects::Said;
use crate::journal::Archive;

/// Shows the call as it is now. What was said before stays; the rest is replaced.
pub(super) fn write(
    connection: &Connection,
    seal: &Seal,
    call: i64,
    archive: &Archive,
) -> rusqlite::Result<()> {
    write_call(connection, call, archive)?;
    write_said(connection, seal, call, &archive.said)?;
    for alert in &archive.alerts {
        write_alert(connection, call, alert)?;
    }
    Ok(())
}

fn write_call(connection: &Connection, call: i64, archive: &Archive) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO calls (call, call_id, queue, team, agent_id, lang,
        previous_call_id, attributes, state, started_at, ended_at, reason, escalated, outcome,
        last_seq, at_ms, turns, risk, sentiment, trend, level, model, ended_for_good, is_final)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
        ?19, ?20, ?21, ?22, ?23, ?24)";
    let view = &archive.view;
    connection.prepare_cached(sql)?.execute(params![
        call,
        view.call_id,
        view.queue,
        view.team,
        view.agent_id,
        archive.lang,
        archive.previous_call_id,
        json(&view.attributes),
        name(&view.state),
        view.started_at.to_string(),
        view.ended_at.map(|at| at.to_string()),
        view.reason,
        view.outcome.as_ref().map(|outcome| outcome.escalated),
        view.outcome.as_ref().map(json),
        super::int(view.last_seq),
        view.at_ms,
        view.turns,
        view.risk,
        view.sentiment,
        view.trend,
        view.level.as_ref().and_then(name),
        view.model,
        archive.ended_for_good,
        archive.is_final,
    ])?;
    Ok(())
}

fn write_said(
    connection: &Connection,
    seal: &Seal,
    call: i64,
    said: &[Arc<Said>],
) -> rusqlite::Result<()> {
    // After a restart a call that was opened again brings its first part once more.
    let sql = format!(
        "INSERT OR IGNORE INTO transcript (call, seq, segment_id, speaker, start_ms, end_ms,
        text, sentiment, risk, highlights, acts, forced)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, {}, ?8, ?9, ?10, ?11, ?12)",
        seal.sql("'transcript/' || ?1 || '/' || ?2", "?7")
    );
    let mut insert = connection.prepare_cached(&sql)?;
    for said in said {
        let highlights = (!said.highlights.is_empty()).then(|| json(&said.highlights));
        let acts = (!said.acts.is_empty()).then(|| json(&said.acts));
        insert.execute(params![
            call,
            super::int(said.seq),
            said.segment_id,
            said.speaker.name(),
            said.start_ms,
            said.end_ms,
            &*said.text,
            said.sentiment,
            said.risk,
            highlights,
            acts,
            said.forced,
        ])?;
    }
    Ok(())
}

fn write_alert(connection: &Connection, call: i64, alert: &Alert) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO alerts (call, alert_id, dedup_key, kind, level, state, owner,
        outcome, risk, threshold, sentiment, raised_at, at_ms, seq, alert)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,
        seal('alerts/' || ?1 || '/' || ?2, ?15))";
    connection.prepare_cached(sql)?.execute(params![
        call,
        alert.alert_id,
        alert.dedup_key,
        name(&alert.kind),
        name(&alert.level),
        name(&alert.state),
        alert.owner,
        alert.outcome.as_ref().and_then(name),
        alert.risk,
        alert.threshold,
        alert.sentiment,
        alert.raised_at.to_string(),
        alert.at_ms,
        super::int(alert.seq),
        json(alert),
    ])?;
    // History only grows.
    let sql = "INSERT OR IGNORE INTO alert_events (call, alert_id, n, state, at, by, what, note)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7,
        seal('alert_events/' || ?1 || '/' || ?2 || '/' || ?3, ?8))";
    let mut insert = connection.prepare_cached(sql)?;
    for (n, entry) in (1_i64..).zip(&alert.history) {
        let at = entry.at.to_string();
        let state = name(&entry.state);
        insert.execute(params![
            call,
            alert.alert_id,
            n,
            state,
            at,
            entry.by,
            entry.what,
            entry.note
        ])?;
    }
    Ok(())
}

/// Our own types always have a JSON form; `null` would only be read as absent.
fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".into())
}

/// The name of a state, level or kind as on the wire.
fn name<T: Serialize>(value: &T) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}
