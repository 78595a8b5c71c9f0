//! `forewarn score`.

use std::io::{BufWriter, Write, stdout};
use std::path::PathBuf;

use clap::Parser;

use super::engine::Files;
use super::{Failure, engine};
use crate::corpus;
use crate::engine::{Settings, score_call};

/// Scores recorded calls with the engine that `serve` runs, each turn as one chunk.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  forewarn score data/calls/ta.jsonl | head
  forewarn score --explain - < my-calls.jsonl
  forewarn score --model my-model.json --prior 0.08 calls.jsonl.gz

The calls are JSON Lines (data/README.md); one JSON object a turn comes out.")]
pub(super) struct Args {
    /// Model file [default: the one that ships].
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Phrases and rules [default: those that ship].
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Share of your calls that escalate; shifts the probabilities [default: 0.05, as serve].
    #[arg(long, value_name = "P")]
    prior: Option<f64>,
    /// Also say what moved the risk: reasons with contributions and quotes.
    #[arg(long)]
    explain: bool,
    /// Files or folders of calls, plain or gzipped; `-` is stdin [default: -].
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let mut settings = Settings::default();
    settings.prior = args.prior.unwrap_or(settings.prior);
    let (model, rules) = (args.model.as_deref(), args.rules.as_deref());
    let engine = engine::build(Files { rules, ..Files::model(model) }, settings)?;
    let stdin = [PathBuf::from("-")];
    let files = if args.files.is_empty() { &stdin[..] } else { &args.files };
    let mut out = BufWriter::new(stdout().lock());
    for path in corpus::expand(files).map_err(Failure::failed)? {
        for call in corpus::calls(&path).map_err(Failure::failed)? {
            // What was scored before a bad line is still of use.
            let call = call.map_err(|error| {
                let _ = out.flush();
                Failure::failed(error)
            })?;
            for score in score_call(&engine, &call, args.explain) {
                serde_json::to_writer(&mut out, &score)
                    .map_err(std::io::Error::from)
                    .and_then(|()| out.write_all(b"\n"))
                    .map_err(|error| Failure::output(&error))?;
            }
        }
    }
    out.flush().map_err(|error| Failure::output(&error))
}
