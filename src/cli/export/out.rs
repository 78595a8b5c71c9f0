//! Stdout, or a file that must be new.

use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write, stdout};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::cli::Failure;

/// Where an export goes. `None` is stdout.
pub(super) struct Out(Option<PathBuf>);

impl Out {
    /// Makes the file, if it is one.
    pub fn open(path: Option<&Path>) -> Result<(Out, Box<dyn Write>), Failure> {
        let write: Box<dyn Write> = match path {
            Some(path) => Box::new(make(path).map_err(|error| about(path, &error))?),
            None => Box::new(stdout()),
        };
        Ok((Out(path.map(Path::to_owned)), Box::new(BufWriter::new(write))))
    }

    /// A failure to write there.
    pub fn failed(&self, error: impl Into<io::Error>) -> Failure {
        match &self.0 {
            Some(path) => about(path, &error.into()),
            None => Failure::output(&error.into()),
        }
    }

    /// Ends it. Half an export would be taken for a whole one, so nothing stays of it.
    pub fn close(
        self,
        written: Result<(), Failure>,
        flushed: io::Result<()>,
    ) -> Result<(), Failure> {
        let ended = written.and(flushed.map_err(|error| self.failed(error)));
        if let (Err(_), Some(path)) = (&ended, &self.0) {
            let _ = fs::remove_file(path);
        }
        ended
    }
}

/// Transcripts are for their owner only, as the journal is.
pub(super) fn make(path: &Path) -> io::Result<fs::File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// What went wrong with a file or folder.
pub(super) fn about(path: &Path, error: &io::Error) -> Failure {
    let path = path.display();
    Failure::Failed(match error.kind() {
        io::ErrorKind::AlreadyExists => {
            format!("{path} is there already; name another --out, or move it away")
        }
        _ => format!("{path}: {error}"),
    })
}
