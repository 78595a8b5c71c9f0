//! `forewarn journal`.

use std::io::{BufWriter, Write, stdout};
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::Failure;
use crate::journal::sqlite::{self, FILE, Findings, JournalError, Seal};

/// Looks after the journal of a data directory.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  forewarn journal check --data-dir data
  forewarn journal export --data-dir data > calls.jsonl
  forewarn journal backup --data-dir data --to monday.db       # also while the server runs
  forewarn journal restore --from monday.db --data-dir fresh   # consoles then start anew
  forewarn journal key new /etc/forewarn/journal.key           # then key_file in [journal]")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Read all of it and say whether it is sound; also while the server runs.
    Check {
        #[command(flatten)]
        place: Place,
        /// Print the findings as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Save all that is readable, open calls and remains too, also from a damaged journal: the
    /// tables' rows and the log's events as they are, as JSON Lines on stdout. To choose among
    /// ended calls and hand them to other programs there is `forewarn export`.
    Export {
        #[command(flatten)]
        place: Place,
    },
    /// Copy it into one file, also while the server runs.
    Backup {
        #[command(flatten)]
        place: Place,
        /// The file to make.
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
    /// Make a key file, to encrypt a new journal with (`key_file` in [journal]).
    Key {
        #[command(subcommand)]
        what: KeyWhat,
    },
    /// Put a backup into a directory without a journal.
    Restore {
        /// The backup.
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Subcommand)]
enum KeyWhat {
    /// Write a new random key. Without it nobody reads the journal again: keep a copy elsewhere.
    New {
        /// The file to make.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

#[derive(Debug, Parser)]
struct Place {
    /// Where the server keeps its data.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    #[command(flatten)]
    key: KeyFile,
}

/// The key of an encrypted journal.
#[derive(Debug, Parser)]
pub(super) struct KeyFile {
    /// Key file of an encrypted journal.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

impl KeyFile {
    /// # Errors
    /// [`Failure::Usage`] when the file cannot be used.
    pub fn seal(&self) -> Result<Seal, Failure> {
        Seal::of_file(self.key_file.as_deref()).map_err(Failure::Usage)
    }
}

/// A wrong or missing key is a matter of usage.
pub(super) fn failure(error: JournalError) -> Failure {
    if error.is_about_key() { Failure::usage(error) } else { Failure::failed(error) }
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    match &args.what {
        What::Check { place, json } => check(place, *json),
        What::Export { place } => export(place),
        What::Backup { place, to } => {
            sqlite::backup(&place.data_dir, to).map_err(failure)?;
            say(&format!("backup written to {}", to.display()))
        }
        What::Key { what: KeyWhat::New { file } } => {
            Seal::make_file(file).map_err(Failure::Failed)?;
            say(&format!("key written to {}; keep a copy elsewhere", file.display()))
        }
        What::Restore { from, place } => {
            sqlite::restore(from, &place.data_dir, &place.key.seal()?).map_err(failure)?;
            say(&format!("restored to {}", place.data_dir.join(FILE).display()))
        }
    }
}

fn check(place: &Place, json: bool) -> Result<(), Failure> {
    let file = place.data_dir.join(FILE);
    let findings = sqlite::check(&file, &place.key.seal()?).map_err(failure)?;
    let text = match json {
        true => serde_json::to_string(&findings).map_err(Failure::failed)?,
        false => summary(&findings),
    };
    say(&text)?;
    if findings.problems.is_empty() {
        return Ok(());
    }
    let (file, dir) = (file.display(), place.data_dir.display());
    Err(Failure::Failed(format!(
        "{file} is damaged; save what is readable with `forewarn journal export --data-dir {dir}`, \
         then move {file}* away and start anew, or `forewarn journal restore` a backup"
    )))
}

fn summary(findings: &Findings) -> String {
    let Findings { schema, epoch, last_offset, log_calls, batches, events, .. } = findings;
    let mut text = format!(
        "schema {schema}, epoch {epoch}, offset {last_offset}\n{log_calls} open and recent calls \
         ({events} events in {batches} batches)\n{} ended calls, {} chunks, {} alerts",
        findings.calls, findings.transcript, findings.alerts
    );
    for problem in &findings.problems {
        text.push_str("\nproblem: ");
        text.push_str(problem);
    }
    if findings.problems.is_empty() {
        text.push_str("\nsound");
    }
    text
}

fn export(place: &Place) -> Result<(), Failure> {
    let file = place.data_dir.join(FILE);
    let seal = place.key.seal()?;
    let mut out = BufWriter::new(stdout().lock());
    let exported = sqlite::export(&file, &seal, &mut out).map_err(failure)?;
    out.flush().map_err(|error| Failure::output(&error))?;
    let saved = format!("{} calls and {} events saved", exported.calls, exported.events);
    if exported.lost.is_empty() {
        return Ok(());
    }
    for lost in &exported.lost {
        eprintln!("not readable: {lost}");
    }
    Err(Failure::Failed(format!("{saved}; not all of {} could be read", file.display())))
}

fn say(text: &str) -> Result<(), Failure> {
    writeln!(stdout().lock(), "{text}").map_err(|error| Failure::output(&error))
}
