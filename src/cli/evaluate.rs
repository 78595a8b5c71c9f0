//! `forewarn evaluate`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use clap::Parser;

use super::{Failure, engine, progress, train::recipe};
use crate::call::Call;
use crate::corpus::{self, CorpusFile};
use crate::engine::{DEFAULT_PHRASES, Settings};
use crate::features::{SPACE, Space};
use crate::text::phrases::PhraseList;
use crate::train::evaluate::{ModelScores, Report, report};
use crate::train::pipeline::{sources, train};

/// Judges a model on calls with known outcomes: of those that escalate, how many it warns of
/// before they do, at 5 and 10 false alarms per 100 others.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  forewarn evaluate --corpus my-calls.jsonl
  forewarn evaluate --model mine.json --corpus my-calls.jsonl --json report.json
  forewarn evaluate --by-batch --corpus data/calls

On the calls a model was trained on it looks better than it is. --by-batch trains once for each
author batch, on the others, and judges it on that batch: minutes, but honest.")]
pub(super) struct Args {
    /// Model file [default: the one that ships].
    #[arg(long, value_name = "FILE", conflicts_with = "by_batch")]
    model: Option<PathBuf>,
    /// Files or folders of calls with outcomes.
    #[arg(long, required = true, num_args = 1.., value_name = "PATH")]
    corpus: Vec<PathBuf>,
    /// Cross-validate by author batch instead of judging one model.
    #[arg(long)]
    by_batch: bool,
    /// Recipe for --by-batch [default: that of the model that ships].
    #[arg(long, value_name = "FILE", requires = "by_batch")]
    recipe: Option<PathBuf>,
    /// Also write the report as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let files = corpus::read_all(&args.corpus).map_err(Failure::failed)?;
    let calls: Vec<&Call> = files.iter().flat_map(|file| &file.calls).collect();
    if let Some(call) = calls.iter().find(|call| call.outcome.is_none()) {
        return Err(Failure::Failed(format!(
            "call `{}` has no `outcome`; evaluate needs to know how each call ended",
            call.id
        )));
    }
    let engine = engine::build(args.model.as_deref(), Settings::default())?;
    let scores = if args.by_batch {
        by_batch(args, &files, &calls)?
    } else {
        let numbered: Vec<(usize, &Call)> = calls.iter().copied().enumerate().collect();
        ModelScores::new(&numbered, &engine.space)
    };
    let report = report(&calls, &engine.space, &scores);
    if let Some(path) = &args.json {
        let json = serde_json::to_string_pretty(&report).map_err(Failure::failed)?;
        std::fs::write(path, json + "\n").map_err(|error| {
            Failure::Failed(format!("cannot write {}: {error}", path.display()))
        })?;
    }
    let title = match (args.by_batch, args.model.as_deref()) {
        (true, _) => "cross-validated by author batch".to_owned(),
        (false, _) => engine.model_name().to_owned(),
    };
    print(&title, &report).map_err(|error| Failure::output(&error))
}

/// Scores each batch with a model trained on the others.
fn by_batch(args: &Args, files: &[CorpusFile], calls: &[&Call]) -> Result<ModelScores, Failure> {
    let recipe = recipe(args.recipe.as_deref())?;
    let mut batches: BTreeMap<&str, Vec<(usize, &Call)>> = BTreeMap::new();
    for (index, call) in calls.iter().enumerate() {
        batches.entry(call.batch()).or_default().push((index, call));
    }
    if batches.len() < 2 {
        return Err(Failure::Failed(
            "--by-batch needs at least two author batches; the part of an id before its first \
             `-` names its batch"
                .into(),
        ));
    }
    let say = progress::printer();
    let mut all = ModelScores { plain: vec![], masked: vec![], warning: vec![] };
    for (place, (batch, held_out)) in batches.iter().enumerate() {
        let others: Vec<&Call> =
            calls.iter().copied().filter(|call| call.batch() != *batch).collect();
        let note = |line: &str| {
            say(&format!("batch {batch} ({} of {}): {line}", place + 1, batches.len()));
        };
        let model = train(&others, &recipe, sources(files), &note).map_err(Failure::failed)?;
        let phrases =
            PhraseList::parse(DEFAULT_PHRASES, "the built-in phrases").map_err(Failure::failed)?;
        let space = Space::parse(&model.to_json(SPACE), "the trained model", phrases)
            .map_err(Failure::failed)?;
        all.extend(ModelScores::new(held_out, &space));
    }
    Ok(all)
}

fn print(title: &str, report: &Report) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{title}: {} calls, {} escalating; figures are {}, [95 % intervals by bootstrap]\n",
        report.calls,
        report.escalating,
        match report.batches {
            1 => "over all calls".to_owned(),
            n => format!("means over {n} batches"),
        }
    )?;
    writeln!(
        out,
        "{:36}  {:18} {:18} {:18} {:18} lead: turns, s",
        "", "AUC (max)", "recall@10", "recall@5", "early recall@10"
    )?;
    for line in &report.lines {
        write!(out, "{:36}", line.name)?;
        for figure in [line.auc, line.recall_at_10, line.recall_at_5, line.early_recall_at_10] {
            write!(out, "  {:.3} [{:.2}, {:.2}]", figure.value, figure.low, figure.high)?;
        }
        writeln!(out, "  {:.0}, {:.0}", line.lead_turns, line.lead_seconds)?;
    }
    writeln!(
        out,
        "\nat the model's own warning threshold: recall {:.3}, false alarms {:.1} per 100",
        report.carried.recall,
        report.carried.false_alarms * 100.0
    )?;
    for (batch, (auc, recall)) in &report.by_batch {
        writeln!(out, "  {batch:12} AUC {auc:.3}  recall@10 {recall:.3}")?;
    }
    Ok(())
}
