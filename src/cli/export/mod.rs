//! `forewarn export`.

mod filter;
mod folder;
mod lines;
mod out;
mod read;
mod table;

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use super::{Failure, progress};
use crate::access::now;
use crate::engine::alert::Alert;
use crate::journal::{Most, Which, sqlite};
use crate::wire::audit::{AuditEntry, Done};
use crate::wire::exports::{MAX_CHUNKS, MAX_TEXT_BYTES};
use crate::wire::lists::CallDetail;
use filter::Filter;
use folder::Folder;
use lines::Lines;
use read::Tables;
use table::Table;

/// Calls or alerts between two lines of progress.
const STEP: u64 = 500;

/// Writes ended calls and their alerts for people and other programs, newest first, also while
/// the server runs.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  forewarn export --data-dir data | forewarn score -     # calls in the form that `score` and `train` read
  forewarn export --data-dir data --from 2026-11-01T00:00:00Z --outcome escalated --out november.jsonl
  forewarn export --data-dir data --format csv --out calls.csv
  forewarn export --data-dir data --what alerts --level critical --format csv --out alerts.csv
  forewarn export --data-dir data --format vcon --queue billing --out billing-vcons

The filters are those of /v1/calls and /v1/alerts. data/README.md has the fields and columns. A
cell of CSV that would be a formula has an apostrophe before it.

To save all that is readable of a damaged journal, with the calls that go on, there is
`forewarn journal export`.")]
pub(super) struct Args {
    /// Where the server keeps its data.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// What to write.
    #[arg(long, value_enum, default_value_t = What::Calls)]
    what: What,
    /// How to write it.
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
    /// The file to make; of vcon and vtt the folder, with a file a call [default: stdout].
    #[arg(long, value_name = "FILE|DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    filter: Filter,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// Calls with transcript and alerts; in CSV a row each, without.
    Calls,
    /// What was said: a row for each final chunk.
    Transcripts,
    /// Alerts as they are now, a row each.
    Alerts,
    /// What happened to alerts: a row for each step.
    AlertHistory,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// JSON Lines; of calls in the form of a corpus.
    Jsonl,
    /// RFC 4180, with a header.
    Csv,
    /// A vCon for each call.
    Vcon,
    /// A WebVTT transcript for each call.
    Vtt,
}

/// What calls are written to, in one format.
trait Calls {
    /// Writes a call. `is_newest`: no later one had its id.
    fn call(&mut self, call: &CallDetail, is_newest: bool) -> Result<(), Failure>;

    /// Ends it, after all was written or something failed.
    fn close(self: Box<Self>, written: Result<(), Failure>) -> Result<(), Failure>;
}

/// The same for alerts.
trait Alerts {
    /// Writes an alert.
    fn alert(&mut self, alert: &Alert) -> Result<(), Failure>;

    /// Ends it, after all was written or something failed.
    fn close(self: Box<Self>, written: Result<(), Failure>) -> Result<(), Failure>;
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let done = match args.what {
        What::Calls | What::Transcripts => calls(args),
        What::Alerts | What::AlertHistory => alerts(args),
    };
    // Who reads the first lines of it and no more has had something, too.
    if matches!(done, Ok(()) | Err(Failure::Quiet)) {
        note(args);
    }
    done
}

/// Puts the export into the audit. One that may read the journal and not write it is told so.
fn note(args: &Args) {
    let entry = AuditEntry {
        id: 0,
        at: now(),
        who: format!("cli:{}", std::env::var("USER").unwrap_or_default()),
        role: None,
        token: None,
        what: Done::Export,
        on: None,
        address: None,
        detail: Some(format!("{:?} as {:?}", args.what, args.format).to_ascii_lowercase()),
    };
    if let Err(error) = sqlite::trail(&args.data_dir).write(&[entry]) {
        eprintln!("this export is not in the audit: {error}");
    }
}

fn calls(args: &Args) -> Result<(), Failure> {
    let query = args.filter.calls()?;
    let tables = Tables::of(&args.data_dir)?;
    let mut writer = calls_writer(args)?;
    let mut count = counter();
    let most = match (args.what, args.format) {
        (What::Calls, Format::Csv) => Most::chunks(0),
        _ => Most { chunks: MAX_CHUNKS, text_bytes: MAX_TEXT_BYTES },
    };
    let written = tables.calls(&query, |number| {
        count();
        // Retention may have dropped it meanwhile.
        let Some(call) = tables.call(Which::Number(number), most)? else { return Ok(()) };
        let call_id = &call.view.call_id;
        if !call.whole && most.chunks > 0 {
            eprintln!("call `{call_id}`: only the newest part of its transcript is written");
        }
        let newest = tables.call(Which::Newest(call_id), Most::chunks(0))?;
        writer.call(&call, newest.is_none_or(|newest| newest.number == number))
    });
    writer.close(written)
}

fn alerts(args: &Args) -> Result<(), Failure> {
    let query = args.filter.alerts()?;
    let tables = Tables::of(&args.data_dir)?;
    let mut writer = alerts_writer(args)?;
    let mut count = counter();
    let written = tables.alerts(&query, |alert| {
        count();
        writer.alert(alert)
    });
    writer.close(written)
}

fn calls_writer(args: &Args) -> Result<Box<dyn Calls>, Failure> {
    let out = args.out.as_deref();
    Ok(match (args.format, out) {
        (Format::Jsonl, _) => Box::new(Lines::open(out, args.what)?),
        (Format::Csv, _) => Box::new(Table::open(out, args.what)?),
        (Format::Vcon, Some(out)) => Box::new(Folder::open(out, folder::VCON)?),
        (Format::Vtt, Some(out)) => Box::new(Folder::open(out, folder::VTT)?),
        (Format::Vcon | Format::Vtt, None) => {
            let text = "--format vcon and vtt make a file for each call: give --out DIR";
            return Err(Failure::usage(text));
        }
    })
}

fn alerts_writer(args: &Args) -> Result<Box<dyn Alerts>, Failure> {
    let out = args.out.as_deref();
    Ok(match args.format {
        Format::Jsonl => Box::new(Lines::open(out, args.what)?),
        Format::Csv => Box::new(Table::open(out, args.what)?),
        Format::Vcon | Format::Vtt => {
            return Err(Failure::usage("--format vcon and vtt are for calls; use jsonl or csv"));
        }
    })
}

/// Says now and then how much has been written.
fn counter() -> impl FnMut() {
    let say = progress::printer();
    let mut done: u64 = 0;
    move || {
        done += 1;
        if done.is_multiple_of(STEP) {
            say(&format!("{done} written"));
        }
    }
}
