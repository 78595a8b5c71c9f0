//! The texts of the rules that calls in the log began with.

use rusqlite::Connection;

use crate::engine::rules::Ruleset;

/// Keeps a text, once.
pub(super) fn keep(connection: &Connection, ruleset: &Ruleset) -> rusqlite::Result<()> {
    // Looked up first: a text is long, and it is there for all calls but the first.
    let known = "SELECT 1 FROM rulesets WHERE hash = ?1";
    if connection.prepare_cached(known)?.exists([&*ruleset.hash])? {
        return Ok(());
    }
    let sql = "INSERT INTO rulesets (hash, text) VALUES (?1, ?2)";
    connection.execute(sql, [&*ruleset.hash, &*ruleset.text]).map(drop)
}

/// All that are kept.
pub(super) fn read(connection: &Connection) -> rusqlite::Result<Vec<Ruleset>> {
    let mut statement = connection.prepare("SELECT hash, text FROM rulesets")?;
    let text = |row: &rusqlite::Row<'_>, column| row.get::<_, String>(column).map(super::shared);
    let rows =
        statement.query_map([], |row| Ok(Ruleset { hash: text(row, 0)?, text: text(row, 1)? }))?;
    rows.collect()
}

/// Drops the texts that no call in the log needs.
pub(super) fn drop_unneeded(connection: &Connection) -> rusqlite::Result<()> {
    let kept: i64 = connection.query_row("SELECT count(*) FROM rulesets", [], |row| row.get(0))?;
    if kept > 1 {
        let needed = "SELECT ruleset FROM log_calls WHERE ruleset IS NOT NULL";
        connection.execute(&format!("DELETE FROM rulesets WHERE hash NOT IN ({needed})"), [])?;
    }
    Ok(())
}
