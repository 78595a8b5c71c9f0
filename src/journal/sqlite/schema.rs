//! The tables, and the way from an older schema to the present one.

use rusqlite::{Connection, TransactionBehavior};

use super::error::OpenError;
use crate::journal::fresh_epoch;

/// Tells a journal from any other SQLite file: "FWRN".
const APPLICATION_ID: i64 = 0x4657_524e;

/// Step n leads from schema n to n + 1. A step that was released never changes.
const STEPS: [&str; 5] = [
    include_str!("schema.sql"),
    include_str!("schema_lists.sql"),
    include_str!("schema_rulesets.sql"),
    include_str!("schema_outbox.sql"),
    include_str!("schema_audit.sql"),
];

/// The first schema that has an outbox.
pub(super) const WITH_OUTBOX: usize = 4;

/// The first schema that has an audit.
pub(super) const WITH_AUDIT: usize = 5;

/// The schema that this binary writes.
const VERSION: usize = STEPS.len();

/// Refuses what is no journal, and a journal of a newer binary. Gives the schema, 0 for a file
/// that is empty.
pub(super) fn version(connection: &Connection) -> Result<usize, OpenError> {
    let number = |pragma: &str| -> Result<i64, OpenError> {
        connection.pragma_query_value(None, pragma, |row| row.get(0)).map_err(OpenError::from)
    };
    let (application, version) = (number("application_id")?, number("user_version")?);
    let objects: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != APPLICATION_ID && (objects > 0 || version != 0) {
        return Err(OpenError::Foreign);
    }
    let version = usize::try_from(version).map_err(|_| OpenError::Foreign)?;
    if version > VERSION {
        return Err(OpenError::Newer { found: version, known: VERSION });
    }
    Ok(version)
}

/// Brings the file up to the present schema, each step whole or not at all.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), OpenError> {
    migrate_by(connection, &STEPS)
}

fn migrate_by(connection: &mut Connection, steps: &[&str]) -> Result<(), OpenError> {
    let found = version_unchecked(connection)?;
    for (from, step) in steps.iter().enumerate().skip(found) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(step)?;
        if from == 0 {
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            set_meta(&transaction, "epoch", &fresh_epoch())?;
        }
        transaction.pragma_update(None, "user_version", from as i64 + 1)?;
        transaction.commit()?;
        if found > 0 {
            tracing::info!(from, to = from + 1, "journal brought to a newer schema");
        }
    }
    Ok(())
}

fn version_unchecked(connection: &Connection) -> Result<usize, OpenError> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    usize::try_from(version).map_err(|_| OpenError::Foreign)
}

/// A value of `meta`.
pub(super) fn meta(connection: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    let mut found = connection.prepare_cached("SELECT value FROM meta WHERE name = ?1")?;
    let mut rows = found.query([name])?;
    rows.next()?.map(|row| row.get(0)).transpose()
}

/// Sets a value of `meta`.
pub(super) fn set_meta(connection: &Connection, name: &str, value: &str) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)";
    connection.execute(sql, [name, value]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_schema_is_brought_up_step_by_step() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate_by(&mut connection, &STEPS[..1]).unwrap();
        let epoch = meta(&connection, "epoch").unwrap();
        migrate(&mut connection).unwrap();
        assert_eq!(version(&connection).unwrap(), VERSION);
        let mut steps = STEPS.to_vec();
        steps.push("ALTER TABLE calls ADD COLUMN tier TEXT;");
        migrate_by(&mut connection, &steps).unwrap();
        connection.execute("UPDATE calls SET tier = 'gold'", []).unwrap();
        assert_eq!(version_unchecked(&connection).unwrap(), VERSION + 1);
        assert_eq!(meta(&connection, "epoch").unwrap(), epoch, "the history goes on");
        let refused = version(&connection).unwrap_err();
        let newer =
            matches!(refused, OpenError::Newer { found, known: VERSION } if found > VERSION);
        assert!(newer, "{refused}");
        // A step that fails leaves nothing of itself.
        steps.push("CREATE TABLE half (x); CREATE TABLE half (x);");
        migrate_by(&mut connection, &steps).unwrap_err();
        assert_eq!(version_unchecked(&connection).unwrap(), VERSION + 1);
        connection.execute("CREATE TABLE half (x)", []).unwrap();
    }

    #[test]
    fn another_programs_file_is_left_alone() {
        let connection = Connection::open_in_memory().unwrap();
        assert_eq!(version(&connection).unwrap(), 0);
        connection.execute("CREATE TABLE songs (title TEXT)", []).unwrap();
        assert!(matches!(version(&connection), Err(OpenError::Foreign)));
    }
}
