//! `forewarn journal`.

use std::io::{BufWriter, Write, stdout};
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::Failure;
use crate::journal::sqlite::{self, FILE, Findings};

/// Looks after the journal of a data directory.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  forewarn journal check --data-dir data
  forewarn journal export --data-dir data > calls.jsonl
  forewarn journal backup --data-dir data --to monday.db       # also while the server runs
  forewarn journal restore --from monday.db --data-dir fresh   # consoles then start anew")]
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
    /// Put a backup into a directory without a journal.
    Restore {
        /// The backup.
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Parser)]
struct Place {
    /// Where the server keeps its data.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    match &args.what {
        What::Check { place, json } => check(place, *json),
        What::Export { place } => export(place),
        What::Backup { place, to } => {
            sqlite::backup(&place.data_dir, to).map_err(Failure::failed)?;
            say(&format!("backup written to {}", to.display()))
        }
        What::Restore { from, place } => {
            sqlite::restore(from, &place.data_dir).map_err(Failure::failed)?;
            say(&format!("restored to {}", place.data_dir.join(FILE).display()))
        }
    }
}

fn check(place: &Place, json: bool) -> Result<(), Failure> {
    let file = place.data_dir.join(FILE);
    let findings = sqlite::check(&file).map_err(Failure::failed)?;
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
    let mut out = BufWriter::new(stdout().lock());
    let exported = sqlite::export(&file, &mut out).map_err(Failure::failed)?;
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
