//! `forewarn import`.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufWriter, Write, stdout};
use std::path::{Path, PathBuf};

use clap::Parser;

use super::Failure;
use crate::call::{Call, Outcome};
use crate::corpus::import::{self, Cast, Draft, Format, Labels};
use crate::corpus::redact;
use crate::text::redact::Redactor;
use crate::wire::vendors::Roles;

/// Turns calls kept in other formats into the corpus format: one JSON line a call, for score,
/// evaluate, backtest, calibrate, train and replay.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  forewarn import vcons/ > calls.jsonl
  forewarn import --roles \"Anna Reed:agent,*:customer\" meeting.vtt | forewarn score -
  forewarn import --labels outcomes.csv --out calls.jsonl Analysis/Voice/
  forewarn import --roles 0:agent,1:customer --lang en-US transcribe-output.json.gz
  forewarn import --format text --id support- - < transcript.txt

The content tells the format. Speakers are known by the document's roles and by words such as Agent,
Rep, Caller, Client, Supervisor; others are asked for. A folder stands for all .json, .jsonl, .vcon,
.vtt, .srt and .txt files in and below it, plain or gzipped. The id is the document's own (vCon
uuid, ContactId, job name), else the file's name; an id that comes again is refused. A file that
cannot be read is named, the others go on, and the exit code is 1.

outcomes.csv has a header and a line for each call known by its id, or by its file's name:
  id,escalated,at_ms,kind
  c-7f3a,true,184000,supervisor_request
  c-7f3b,false,,
`turn` (from 0) may stand for `at_ms`; both and `kind` may be missing.")]
pub(super) struct Args {
    /// What the files are: auto, vcon, webvtt, contact-lens, call-analytics, transcribe, text.
    #[arg(long, value_name = "FORMAT", default_value = "auto", value_parser = format)]
    format: Choice,
    /// Who is who: LABEL:ROLE,… with the roles customer, agent, supervisor, other; `*` is whom
    /// nothing else makes known.
    #[arg(long, value_name = "MAP", value_parser = Roles::parse)]
    roles: Option<Roles>,
    /// Put before each id; what stands before an id's first `-` names its batch.
    #[arg(long, value_name = "PREFIX", default_value = "")]
    id: String,
    /// Language (BCP 47) of calls whose document does not say.
    #[arg(long)]
    lang: Option<String>,
    /// How calls ended: CSV with `id` and `escalated`, and perhaps `turn` or `at_ms`, `kind`, `arc`.
    #[arg(long, value_name = "FILE.csv")]
    labels: Option<PathBuf>,
    /// All of these calls escalated.
    #[arg(long, conflicts_with_all = ["labels", "not_escalated", "escalated_category"])]
    escalated: bool,
    /// None of these calls escalated.
    #[arg(long, conflicts_with_all = ["labels", "escalated_category"])]
    not_escalated: bool,
    /// Calls in which the vendor's rule of this name matched escalated, there; the others did not.
    #[arg(long, value_name = "NAME", conflicts_with = "labels")]
    escalated_category: Vec<String>,
    /// Write to this file instead of stdout.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Stop at the first file that cannot be read.
    #[arg(long)]
    strict: bool,
    /// Say nothing of files that can.
    #[arg(long)]
    quiet: bool,
    /// Largest file in MiB, unpacked.
    #[arg(long, value_name = "MIB", default_value_t = import::MAX_BYTES >> 20, value_parser = clap::value_parser!(u64).range(1..=4096))]
    max_file_mib: u64,
    /// Files or folders, plain or gzipped; `-` is stdin.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
}

/// A format, or the content decides.
type Choice = Option<Format>;

fn format(name: &str) -> Result<Choice, String> {
    if name == "auto" {
        return Ok(None);
    }
    let known = Format::ALL.iter().find(|(own, _)| *own == name);
    known.map(|(_, format)| Some(*format)).ok_or_else(|| {
        let names: Vec<&str> = Format::ALL.iter().map(|(name, _)| *name).collect();
        format!("use auto or one of {}", names.join(", "))
    })
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let labels = args.labels.as_deref().map(Labels::load).transpose().map_err(Failure::usage)?;
    let mut found = import::find(&args.paths);
    if let Some(out) = args.out.as_deref().and_then(|path| path.canonicalize().ok()) {
        let is_out = |path: &PathBuf| path.canonicalize().is_ok_and(|path| path == out);
        if args.paths.iter().any(is_out) {
            let out = out.display();
            return Err(Failure::Usage(format!("--out {out} would overwrite what is imported")));
        }
        // The output of last time, in a folder that is imported again.
        found.files.retain(|path| !is_out(path));
    }
    let out: Box<dyn Write> = match &args.out {
        None => Box::new(stdout().lock()),
        Some(path) => Box::new(File::create(path).map_err(|error| {
            Failure::Usage(format!("cannot write {}: {error}", path.display()))
        })?),
    };
    let roles = args.roles.clone().unwrap_or_default();
    let cast = Cast { roles, lang: args.lang.clone() };
    let mut import = Import {
        args,
        cast,
        labels,
        out: BufWriter::new(out),
        ids: HashMap::new(),
        formats: BTreeMap::new(),
        failed: 0,
        without_turn: 0,
        unlabelled: 0,
    };
    for error in &found.failed {
        import.refuse(error)?;
    }
    for path in &found.files {
        import.file(path)?;
    }
    import.out.flush().map_err(|error| Failure::output(&error))?;
    import.sum_up(found.files.len(), found.passed_over)
}

struct Import<'a> {
    args: &'a Args,
    cast: Cast,
    labels: Option<Labels>,
    out: BufWriter<Box<dyn Write>>,
    /// Id → the file that had it.
    ids: HashMap<String, String>,
    formats: BTreeMap<Format, usize>,
    failed: usize,
    without_turn: usize,
    unlabelled: usize,
}

impl Import<'_> {
    /// Reads and writes the calls of one file. What cannot be read is told.
    fn file(&mut self, path: &Path) -> Result<(), Failure> {
        let name = path.display().to_string();
        let read = import::read(path, self.args.max_file_mib << 20)
            .and_then(|text| import::parse(&text, self.args.format, &self.cast));
        let document = match read {
            Ok(document) => document,
            Err(error) => return self.refuse(format!("{name}: {error}")),
        };
        let format = document.format;
        let stem = import::stem(path);
        let (mut calls, mut turns) = (0, 0);
        let mut notes: Vec<String> = Vec::new();
        for call in import::calls(document, &stem, &self.cast) {
            let finished = call.and_then(|(mut call, draft)| {
                redact(&mut call, &Redactor::default());
                self.finish(&mut call, &draft, &stem, &name)?;
                Ok((call, draft))
            });
            let (call, draft) = match finished {
                Ok(finished) => finished,
                Err(error) => {
                    self.refuse(format!("{name}: {error}"))?;
                    continue;
                }
            };
            notes.extend(draft.notes);
            (calls, turns) = (calls + 1, turns + call.turns.len());
            self.write(&call)?;
        }
        if calls > 0 {
            *self.formats.entry(format).or_default() += calls;
            self.say(&format!(
                "{name}: {}, {}, {}",
                format.name(),
                counted(calls, "call"),
                counted(turns, "turn")
            ));
        }
        notes.dedup();
        for note in notes {
            eprintln!("{name}: {note}");
        }
        Ok(())
    }

    /// Gives a call its id and its outcome.
    fn finish(
        &mut self,
        call: &mut Call,
        draft: &Draft,
        stem: &str,
        file: &str,
    ) -> Result<(), String> {
        call.id.insert_str(0, &self.args.id);
        if let Some(other) = self.ids.get(&call.id) {
            return Err(format!(
                "the id `{}` was already had from {other}; import one of them (a redacted file and \
                 its original have the same), or each with its own --id",
                call.id
            ));
        }
        let known = match &mut self.labels {
            Some(labels) => labels.apply(call, draft, stem)?,
            None => {
                call.outcome = self.outcome(call, draft).or(call.outcome.take());
                call.outcome.is_some()
            }
        };
        self.unlabelled += usize::from(!known);
        let outcome = call.outcome.as_ref();
        self.without_turn += usize::from(outcome.is_some_and(|o| o.escalated && o.turn.is_none()));
        self.ids.insert(call.id.clone(), file.to_owned());
        Ok(())
    }

    fn outcome(&self, call: &Call, draft: &Draft) -> Option<Outcome> {
        if self.args.escalated || self.args.not_escalated {
            return Some(Outcome { escalated: self.args.escalated, ..Outcome::default() });
        }
        let names = &self.args.escalated_category;
        if names.is_empty() {
            return None;
        }
        let found: Vec<_> =
            draft.categories.iter().filter(|category| names.contains(&category.name)).collect();
        let at_ms = found.iter().filter_map(|category| category.at_ms).min();
        let turn = at_ms.and_then(|ms| import::turn_at(call, ms));
        Some(Outcome { escalated: !found.is_empty(), turn, ..Outcome::default() })
    }

    fn write(&mut self, call: &Call) -> Result<(), Failure> {
        serde_json::to_writer(&mut self.out, call)
            .map_err(std::io::Error::from)
            .and_then(|()| self.out.write_all(b"\n"))
            .map_err(|error| Failure::output(&error))
    }

    fn refuse(&mut self, error: impl std::fmt::Display) -> Result<(), Failure> {
        self.failed += 1;
        if self.args.strict {
            // What came before is still of use.
            let _ = self.out.flush();
            return Err(Failure::failed(error));
        }
        eprintln!("{error}");
        Ok(())
    }

    fn say(&self, line: &str) {
        if !self.args.quiet {
            eprintln!("{line}");
        }
    }

    /// What became of it all.
    fn sum_up(&self, files: usize, passed_over: usize) -> Result<(), Failure> {
        let calls: usize = self.formats.values().sum();
        if passed_over > 0 {
            self.say(&format!(
                "{} passed over: their names are of no format",
                counted(passed_over, "file")
            ));
        }
        if let Some(labels) = &self.labels {
            if let Some((count, first)) = labels.unused() {
                eprintln!("{} no call has, such as `{first}`", counted(count, "label"));
            }
            if self.unlabelled > 0 {
                eprintln!("{} without a label", counted(self.unlabelled, "call"));
            }
            if !labels.other_columns.is_empty() {
                self.say(&format!("columns not used: {}", labels.other_columns.join(", ")));
            }
        }
        if self.without_turn > 0 {
            eprintln!(
                "{} escalated, and nothing says where (`turn` or `at_ms`): train and evaluate will \
                 take the escalation itself for what came before it",
                counted(self.without_turn, "call")
            );
        }
        let formats: Vec<String> = self
            .formats
            .iter()
            .map(|(format, calls)| format!("{calls} {}", format.name()))
            .collect();
        if self.failed == 0 && calls > 0 {
            let from = if files > 1 { format!(" from {files} files") } else { String::new() };
            self.say(&format!("{}{from}: {}", counted(calls, "call"), formats.join(", ")));
            return Ok(());
        }
        if calls == 0 && self.failed == 0 {
            return Err(Failure::Failed("no file with calls in what was given".into()));
        }
        Err(Failure::Failed(format!(
            "{} imported; {} could not be, named above",
            counted(calls, "call"),
            counted(self.failed, "file or call")
        )))
    }
}

/// `1 call`, `2 calls`.
fn counted(count: usize, what: &str) -> String {
    match (count, what) {
        (1, _) => format!("1 {what}"),
        (_, "file or call") => format!("{count} files or calls"),
        _ => format!("{count} {what}s"),
    }
}
