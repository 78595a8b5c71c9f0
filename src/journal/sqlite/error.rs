//! Why a journal cannot be used, and what to do about it.

use std::fmt;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::journal::CommitError;

/// What is wrong, without the place.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("another process has it")]
    Locked,
    #[error("not a journal of forewarn")]
    Foreign,
    #[error("schema {found}, newer than {known}")]
    Newer { found: usize, known: usize },
    #[error("{0}")]
    Damaged(String),
    #[error("holds the history {0}")]
    OtherHistory(&'static str),
    #[error("{0}")]
    Key(String),
    #[error("{0}")]
    Full(rusqlite::Error),
    #[error("{0}")]
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> OpenError {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                OpenError::Damaged(error.to_string())
            }
            Some(ErrorCode::DiskFull) => OpenError::Full(error),
            _ => OpenError::Sqlite(error),
        }
    }
}

/// A journal that cannot be used: which, why, how to mend it.
#[derive(Debug)]
pub struct JournalError {
    file: PathBuf,
    error: OpenError,
}

impl JournalError {
    pub(super) fn new(file: &Path, error: impl Into<OpenError>) -> JournalError {
        JournalError { file: file.to_owned(), error: error.into() }
    }

    /// Whether it is the key that is wrong or missing, which is a matter of usage.
    pub fn is_about_key(&self) -> bool {
        matches!(self.error, OpenError::Key(_))
    }

    pub(super) fn of_key(file: &Path, why: String) -> JournalError {
        JournalError::new(file, OpenError::Key(format!("cannot be opened: {why}")))
    }

    pub(super) fn at(file: &Path) -> impl Fn(rusqlite::Error) -> JournalError + '_ {
        move |error| JournalError::new(file, error)
    }
}

impl std::error::Error for JournalError {}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        let dir = self.file.parent().unwrap_or(Path::new(".")).display();
        match &self.error {
            OpenError::Io(error) => write!(f, "{file}: {error}"),
            OpenError::OtherHistory(whose) => write!(
                f,
                "{file}: it holds the history {whose}; give this node a --data-dir of its own"
            ),
            OpenError::Locked => write!(
                f,
                "{file}: another process has this journal; end it, or use another --data-dir"
            ),
            OpenError::Foreign => write!(
                f,
                "{file} is a file of another program and no journal of forewarn; use another \
                 --data-dir"
            ),
            OpenError::Newer { found, known } => write!(
                f,
                "{file} was written by a newer forewarn (schema {found}; this one knows up to \
                 {known}); run the newer one again, or `forewarn journal restore` a backup made \
                 before the upgrade into another --data-dir"
            ),
            OpenError::Damaged(why) => write!(
                f,
                "{file} is damaged: {why}; `forewarn journal check --data-dir {dir}` tells more, \
                 `forewarn journal export --data-dir {dir}` saves what is readable; then move \
                 {file}* away and start anew, or `forewarn journal restore` a backup"
            ),
            OpenError::Key(why) => write!(f, "{file} {why}"),
            OpenError::Full(error) => write!(
                f,
                "{file}: {error}; free space on its disk, or raise `max_file_bytes` in [journal]"
            ),
            OpenError::Sqlite(error) => write!(f, "{file}: {error}"),
        }
    }
}

impl From<JournalError> for CommitError {
    fn from(error: JournalError) -> CommitError {
        CommitError { message: error.to_string() }
    }
}
