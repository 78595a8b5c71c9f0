//! `forewarn calibrate`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Parser;

use super::engine::Files;
use super::{Failure, engine};
use crate::call::Call;
use crate::corpus::{self, CorpusFile};
use crate::engine::{Engine, Settings};
use crate::features::SPACE;
use crate::model::sigmoid;
use crate::train::calibrate::{CALIBRATION_SOURCE, Calibrated, calibrate};
use crate::train::data::sources;

/// Sets a model's thresholds by your own ended calls, for a promised number of false alarms.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  forewarn calibrate --corpus last-month.jsonl --false-alarms 5 --out ours.json
  forewarn calibrate --model mine.json --corpus last-month.jsonl --recalibrate --out ours.json

Of 100 calls like these that do not escalate, at most so many will ever be raised by a risk alert
at level warning; watch and critical keep their distance. Alerts by phrases come on top (see
`forewarn evaluate`). Use calls that the model was not trained on, all of a period and not a
selection. Weights stay as they are.")]
pub(super) struct Args {
    /// Model file [default: the one that ships].
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Files or folders of ended calls with outcomes.
    #[arg(long, required = true, num_args = 1.., value_name = "PATH")]
    corpus: Vec<PathBuf>,
    /// Promised false alarms in 100 calls that do not escalate.
    #[arg(long, value_name = "N", default_value_t = 5.0, value_parser = per_hundred)]
    false_alarms: f64,
    /// Also fit the probability to these calls (Platt scaling); they need escalations.
    #[arg(long)]
    recalibrate: bool,
    /// Where to write the model.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

fn per_hundred(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|&number: &f64| number > 0.0 && number <= 50.0);
    number.ok_or_else(|| "expected a number of calls in 100, above 0 and at most 50".into())
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let engine = engine::build(Files::model(args.model.as_deref()), Settings::default())?;
    let files = corpus::read_all(&args.corpus).map_err(Failure::failed)?;
    let calls: Vec<&Call> = files.iter().flat_map(|file| &file.calls).collect();
    if let Some(call) = calls.iter().find(|call| call.outcome.is_none()) {
        return Err(Failure::Failed(format!(
            "call `{}` has no `outcome`; calibrate needs to know how each call ended",
            call.id
        )));
    }
    let seen = seen(&files, &engine);
    if !seen.is_empty() {
        eprintln!(
            "warning: the model was trained on {}: thresholds from calls it has seen promise too \
             much",
            seen.join(", ")
        );
    }
    let done =
        calibrate(&calls, &engine.space, args.false_alarms, args.recalibrate, sources(&files))
            .map_err(Failure::failed)?;
    std::fs::write(&args.out, done.model.to_json(SPACE)).map_err(|error| {
        Failure::Failed(format!("cannot write {}: {error}", args.out.display()))
    })?;
    std::io::stdout()
        .write_all(told(&done, &engine, &args.out).as_bytes())
        .map_err(|error| Failure::output(&error))
}

/// Names of the files that the model's weights were fitted on.
fn seen(files: &[CorpusFile], engine: &Engine) -> Vec<String> {
    let training = &engine.space.model().training;
    let known = |sha256: &str| {
        let mut weights =
            training.sources.iter().filter(|own| !own.file.starts_with(CALIBRATION_SOURCE));
        weights.any(|own| own.sha256 == sha256)
    };
    sources(files).into_iter().filter(|own| known(&own.sha256)).map(|own| own.file).collect()
}

/// What was done, for the user.
fn told(done: &Calibrated, engine: &Engine, out: &Path) -> String {
    let (before, after) = (engine.space.model(), &done.model);
    let mut text = format!(
        "{}: {} calls that do not escalate and {} that do",
        after.name, done.calm, done.escalating
    );
    if done.without_forecast > 0 {
        text += &format!("; {} too short for a forecast left out", done.without_forecast);
    }
    text += "\n\nlevel        false alarms in 100   begins at (log-odds; risk at the model's base rate)\n";
    let promise = done.promise;
    for (level, promised, old, new) in [
        ("watch", promise.watch, done.before.watch, after.thresholds.watch),
        ("warning", promise.warning, done.before.warning, after.thresholds.warning),
        ("critical", promise.critical, done.before.critical, after.thresholds.critical),
    ] {
        text += &format!(
            "{level:12} {promised:>19}   {old:.3} ({:.3})  ->  {new:.3} ({:.3})\n",
            sigmoid(old),
            sigmoid(new)
        );
    }
    if done.critical_unproven {
        text += &format!(
            "critical: {} calls are too few to prove its promise; it begins above all of them\n",
            done.calm
        );
    }
    if before.calibration != after.calibration {
        let (old, new) = (before.calibration, after.calibration);
        text += &format!(
            "calibration: slope {} -> {}, intercept {} -> {}, base rate {:.3} -> {:.3}\n",
            old.slope, new.slope, old.intercept, new.intercept, before.base_rate, after.base_rate
        );
    }
    text + &format!(
        "\nOf these calls {:.1} % escalate. If they are all calls of a period and not a selection, \
         set `prior = {:.3}` in the\nconfig: the shown risk is then for your own calls. Who is \
         alerted does not depend on it.\nWritten: {}\n",
        100.0 * done.base_rate,
        done.base_rate.clamp(0.001, 0.999),
        out.display()
    )
}
