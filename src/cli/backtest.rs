//! `forewarn backtest`.

use std::fmt::Write as _;
use std::io::{Write as _, stdout};
use std::path::PathBuf;

use clap::Parser;

use super::engine::Files;
use super::{Failure, engine, progress};
use crate::corpus;
use crate::engine::{Engine, Settings};
use crate::train::backtest::{Backtest, Row, Summary, play};

/// Calls between two lines of progress.
const STEP: u64 = 500;
/// Characters of a quote that are shown.
const QUOTE: usize = 70;

/// Says which alerts rules or a model would have raised on past calls, and what they were worth.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  forewarn backtest --rules my-rules.toml calls/
  forewarn backtest --rules new.toml --current old.toml --json calls.jsonl.gz > figures.json
  forewarn backtest --model mine.json calls.jsonl

The calls are JSON Lines (data/README.md). An alert is right in a call that escalated, no later
than the turn in which it did; it is wrong in a call that did not. Calls without an outcome count
in the numbers only; in calls without times, a word takes 0.4 s. `new`, `gone` and `same` are
calls alerted now only, by the present rules only, by both.")]
pub(super) struct Args {
    /// Phrases and rules to try (TOML, as data/triggers.toml).
    #[arg(long, value_name = "FILE", required_unless_present = "model")]
    rules: Option<PathBuf>,
    /// Model to try; its risk alerts are counted, too.
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Phrases and rules to compare with [default: those that ship].
    #[arg(long, value_name = "FILE")]
    current: Option<PathBuf>,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
    /// Files or folders of calls, plain or gzipped; `-` is stdin.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let current = args.current.as_deref();
    let present = Files { rules: current, ..Files::default() };
    // With a model alone, the rules stay what they are.
    let rules = args.rules.as_deref().or(current);
    let tried = Files { rules, ..Files::model(args.model.as_deref()) };
    let present = engine::build(present, Settings::default())?;
    let tried = engine::build(tried, Settings::default())?;
    let summary = backtest(args, &tried, &present)?;
    if summary.calls == 0 {
        return Err(Failure::Failed("no calls in what was given; see data/README.md".into()));
    }
    let text = match args.json {
        true => serde_json::to_string(&summary).map_err(Failure::failed)? + "\n",
        false => table(&summary),
    };
    stdout().lock().write_all(text.as_bytes()).map_err(|error| Failure::output(&error))
}

fn backtest(args: &Args, tried: &Engine, present: &Engine) -> Result<Summary, Failure> {
    let say = progress::printer();
    let mut backtest = Backtest::new([tried, present], args.model.is_some());
    let mut calls = 0;
    for path in corpus::expand(&args.paths).map_err(Failure::failed)? {
        for call in corpus::calls(&path).map_err(Failure::failed)? {
            let call = call.map_err(Failure::failed)?;
            let (now, ms) = play(tried, &call);
            let (before, _) = play(present, &call);
            backtest.add(&call, &now, &before, ms);
            calls += 1;
            if calls % STEP == 0 {
                say(&format!("{calls} calls"));
            }
        }
    }
    Ok(backtest.summary())
}

fn table(summary: &Summary) -> String {
    let Summary { calls, with_outcome, escalating, hours, rows } = summary;
    let mut text = format!(
        "{calls} calls of {hours:.1} hours; of {with_outcome} the outcome is known, {escalating} \
         escalated\n\n"
    );
    let width = rows.iter().map(|row| row.key.len()).max().unwrap_or(0).max(4);
    let _ = writeln!(
        text,
        "{:width$}  alerts  /hour  /100 calls  right  wrong  late  precision  lead         new  \
         gone  same",
        "what"
    );
    for row in rows {
        let precision = row.precision.map_or("-".into(), |share| format!("{:.0} %", share * 100.0));
        let _ = writeln!(
            text,
            "{:width$}  {:>6}  {:>5.2}  {:>10.1}  {:>5}  {:>5}  {:>4}  {precision:>9}  {:<9}  {:>4}  \
             {:>4}  {:>4}",
            row.key,
            row.alerts,
            row.per_hour,
            row.per_100_calls,
            row.right,
            row.wrong,
            row.late,
            lead(row),
            row.new_calls,
            row.gone_calls,
            row.same_calls
        );
    }
    for row in rows.iter().filter(|row| !row.examples.is_empty()) {
        let _ = writeln!(text, "\n{} ({})", row.key, row.label);
        for example in &row.examples {
            let (call, turn) = (&example.call_id, example.turn);
            let seconds = example.at_ms / 1_000;
            let _ = write!(text, "  {call}, turn {turn}, {}:{:02}", seconds / 60, seconds % 60);
            if let Some(quote) = &example.quote {
                let short: String = quote.chars().take(QUOTE).collect();
                let more = if short.len() < quote.len() { " ..." } else { "" };
                let _ = write!(text, ": \"{short}{more}\"");
            }
            text.push('\n');
        }
    }
    text
}

/// `4 t, 45 s`: customer turns and seconds.
fn lead(row: &Row) -> String {
    match (row.lead_turns, row.lead_s) {
        (Some(turns), Some(seconds)) => format!("{turns:.0} t, {seconds:.0} s"),
        (Some(turns), None) => format!("{turns:.0} t"),
        _ => "-".into(),
    }
}
