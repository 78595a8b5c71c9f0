//! Copies of a journal: taken while it is in use, put back under a new epoch.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::error::OpenError;
use super::seal::Seal;
use super::{FILE, JournalError, check, open, outbox, schema};
use crate::journal::fresh_epoch;

/// Copies the journal of `dir`, as it is at this moment, to `target`, which must not exist yet.
///
/// # Errors
/// [`JournalError`] with what is wrong; nothing is left at `target` then.
pub fn backup(dir: &Path, target: &Path) -> Result<(), JournalError> {
    let source = dir.join(FILE);
    let read = || -> Result<rusqlite::Connection, OpenError> {
        let connection = open::to_read(&source, &Seal::default())?;
        schema::version(&connection)?;
        Ok(connection)
    };
    let connection = read().map_err(|error| JournalError::new(&source, error))?;
    let target_error = |error: std::io::Error| JournalError::new(target, error);
    open::private().create_new(true).open(target).map_err(target_error)?;
    let copied = connection
        .execute("VACUUM INTO ?1", [path_text(target)])
        .map_err(JournalError::at(&source))
        .and_then(|_| synced(target));
    if copied.is_err() {
        // Half a copy is worse than none.
        let _ = fs::remove_file(target);
    }
    copied
}

/// Puts a backup into `dir`, which must not hold a journal. Its history goes on under a new
/// epoch, because consoles may have seen messages that the backup does not know. For the same
/// reason its outbox is emptied: what waited when it was taken has been sent since, and would only
/// be told again, late. Destinations begin anew.
///
/// # Errors
/// [`JournalError`] with what is wrong; `dir` is as before then.
pub fn restore(from: &Path, dir: &Path, seal: &Seal) -> Result<(), JournalError> {
    let target = dir.join(FILE);
    let target_error = |error| JournalError::new(&target, error);
    let _lock = open::lock(dir).map_err(target_error)?;
    // A WAL left behind would be taken for that of the backup.
    if target.exists() || open::wal(&target).exists() {
        let why = "there is a journal already; move journal.db* away first, or use another \
                   --data-dir";
        return Err(target_error(std::io::Error::other(why).into()));
    }
    // Under another name until it is whole.
    let draft = dir.join("journal.db.restoring");
    let _ = fs::remove_file(&draft);
    let made = draw_up(from, &draft, seal).and_then(|()| {
        let move_in = || -> Result<(), OpenError> {
            fs::rename(&draft, &target)?;
            open::sync_dir(&target)
        };
        move_in().map_err(target_error)
    });
    if made.is_err() {
        let _ = fs::remove_file(&draft);
    }
    made
}

/// A sound journal of the present schema and a new epoch, from a backup of any age.
fn draw_up(from: &Path, draft: &Path, seal: &Seal) -> Result<(), JournalError> {
    let copy = || -> Result<(), OpenError> {
        let source = open::to_read(from, seal)?;
        if schema::version(&source)? == 0 {
            return Err(OpenError::Damaged("it is empty".into()));
        }
        seal.check(&source)?;
        open::private().create_new(true).open(draft)?;
        // Through SQLite, so that a journal with its WAL beside it is read right, too.
        source.execute("VACUUM INTO ?1", [path_text(draft)])?;
        let mut connection = open::to_write(draft, seal)?;
        schema::migrate(&mut connection)?;
        schema::set_meta(&connection, "epoch", &fresh_epoch())?;
        outbox::forget(&connection)?;
        drop(connection);
        Ok(File::open(draft)?.sync_all()?)
    };
    copy().map_err(|error| JournalError::new(from, error))?;
    match check(draft, seal)?.problems.into_iter().next() {
        Some(problem) => Err(JournalError::new(from, OpenError::Damaged(problem))),
        None => Ok(()),
    }
}

fn synced(target: &Path) -> Result<(), JournalError> {
    let sync = || -> Result<(), OpenError> {
        File::open(target)?.sync_all()?;
        open::sync_dir(target)
    };
    sync().map_err(|error| JournalError::new(target, error))
}

fn path_text(path: &Path) -> String {
    PathBuf::from(path).to_string_lossy().into_owned()
}
