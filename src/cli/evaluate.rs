//! `forewarn evaluate`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

use clap::Parser;
use serde::Deserialize;

use super::engine::Files;
use super::lessons::{self, Corpus};
use super::{Failure, engine, progress};
use crate::call::Call;
use crate::corpus::{self, CorpusFile};
use crate::engine::{Engine, Settings};
use crate::features::SPACE;
use crate::train::baselines::tfidf::Tfidf;
use crate::train::evaluate::heads::{HeadCases, HeadSpace, Sentiment};
use crate::train::evaluate::judge::{Evidence, Judge};
use crate::train::evaluate::{Options, instructive, report};
use crate::train::report::{page, text};
use crate::train::train;

/// Judges a model on calls with known outcomes: of those that escalate, how many it warns of
/// before they do, at 5 and 10 false alarms per 100 others.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  forewarn evaluate --corpus my-calls.jsonl --report report.html
  forewarn evaluate --model mine.json --corpus my-calls.jsonl --json report.json
  forewarn evaluate --by-batch --folds 5 --corpus data/calls
  forewarn evaluate --by-call --corpus disputes.jsonl.gz --acts disputes_acts.tsv \
      --recipe models/en-disputes.toml

On the calls a model was trained on it looks better than it is. --by-batch trains once for each
author batch, on the others, and judges it on that batch: minutes, but honest. --by-call does the
same with every fifth call, for a corpus of one author or of none.")]
pub(super) struct Args {
    /// Model file [default: the one that ships].
    #[arg(long, value_name = "FILE", conflicts_with_all = ["by_batch", "by_call"])]
    model: Option<PathBuf>,
    /// Files or folders of calls with outcomes.
    #[arg(long, required = true, num_args = 1.., value_name = "PATH")]
    corpus: Vec<PathBuf>,
    /// Acts and reader's risk of the calls, from files of their own.
    #[arg(long, num_args = 1.., value_name = "FILE.tsv")]
    acts: Vec<PathBuf>,
    /// Cross-validate by author batch instead of judging one model.
    #[arg(long)]
    by_batch: bool,
    /// Cross-validate call by call instead of judging one model.
    #[arg(long, conflicts_with = "by_batch")]
    by_call: bool,
    /// Trainings of a cross-validation [default: one for each batch; 5 for --by-call].
    #[arg(long, value_name = "N")]
    folds: Option<usize>,
    /// Recipe of a cross-validation [default: that of the model that ships].
    #[arg(long, value_name = "FILE")]
    recipe: Option<PathBuf>,
    /// Calls to fit the TF-IDF baseline on, other than those of --corpus.
    #[arg(long, num_args = 1.., value_name = "PATH", conflicts_with_all = ["by_batch", "by_call"])]
    train_corpus: Vec<PathBuf>,
    /// Share of calls that escalate where you work: alerts per 100 calls and PPV are for it.
    #[arg(long, value_name = "P", default_value_t = 0.05, value_parser = share)]
    base_rate: f64,
    /// Share of escalating calls that the judged probabilities are for [default: that of the
    /// corpus].
    #[arg(long, value_name = "P", value_parser = share)]
    prior: Option<f64>,
    /// Texts with `sentiment` negative, neutral or positive, one JSON object a line, to judge
    /// the sentiment heads on as well.
    #[arg(long, value_name = "FILE")]
    sentiment_corpus: Option<PathBuf>,
    /// Also write a page for people: plots, tables, ten instructive calls with their words.
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// Also write everything as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// A number between 0 and 1.
fn share(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|&number: &f64| number > 0.0 && number < 1.0);
    number.ok_or_else(|| "expected a share above 0 and below 1, such as 0.05".into())
}

/// All that was judged.
struct Judged {
    engines: Vec<Engine>,
    evidence: Vec<Evidence>,
    heads: HeadCases,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let crossed = args.by_batch || args.by_call;
    if !crossed && (args.folds.is_some() || args.recipe.is_some()) {
        return Err(Failure::Usage(
            "--folds and --recipe are for a cross-validation: add --by-batch or --by-call".into(),
        ));
    }
    let corpus = lessons::read(&args.corpus, &args.acts)?;
    let calls = corpus.calls();
    let prior = prior(args, &calls)?;
    let settings = Settings { prior, ..Settings::default() };
    let judged = if crossed {
        cross_validate(args, &corpus, &calls, &settings)?
    } else {
        by_one_model(args, &calls, settings)?
    };
    let options = Options {
        title: match judged.engines[0].model_name() {
            name if args.by_batch => format!("{name}, cross-validated by author batch"),
            name if args.by_call => format!("{name}, cross-validated call by call"),
            name => name.to_owned(),
        },
        base_rate: args.base_rate,
        prior,
        notes: notes(crossed, &corpus.files, &judged),
    };
    let mut report = report(&calls, &judged.evidence, &judged.heads, options);
    if let Some(path) = &args.sentiment_corpus {
        let mut cases = HeadCases::default();
        // Of cross-validated models the first stands for all: none has seen these texts.
        read_sentiments(path, &judged.engines[0], &mut cases)?;
        report.sentiment_corpus = cases.sentiment_figures();
    }
    if let Some(path) = &args.report {
        let lessons = instructive::pick(&calls, &judged.evidence, &judged.engines);
        write(path, &page::write(&report, &calls, &lessons))?;
    }
    if let Some(path) = &args.json {
        let json = serde_json::to_string_pretty(&report).map_err(Failure::failed)?;
        write(path, &(json + "\n"))?;
    }
    std::io::stdout()
        .write_all(text::write(&report).as_bytes())
        .map_err(|error| Failure::output(&error))
}

/// The rate that probabilities are for. Also checks that every call says how it ended.
fn prior(args: &Args, calls: &[&Call]) -> Result<f64, Failure> {
    if let Some(call) = calls.iter().find(|call| call.outcome.is_none()) {
        return Err(Failure::Failed(format!(
            "call `{}` has no `outcome`; evaluate needs to know how each call ended",
            call.id
        )));
    }
    let escalating = calls.iter().filter(|call| call.escalates()).count();
    if escalating == 0 || escalating == calls.len() {
        return Err(Failure::Failed(format!(
            "{escalating} of {} calls escalate; to judge a model both kinds are needed",
            calls.len()
        )));
    }
    Ok(args.prior.unwrap_or(escalating as f64 / calls.len() as f64))
}

/// What a reader must know before believing any figure.
fn notes(crossed: bool, files: &[CorpusFile], judged: &Judged) -> Vec<String> {
    let mut notes = Vec::new();
    let seen = seen(files, &judged.engines[0]);
    if !crossed && seen > 0 {
        notes.push(format!(
            "{seen} of {} files went into this model: it looks better than it is \
             (--by-batch)",
            files.len(),
        ));
    }
    let without = judged.evidence.iter().filter(|one| one.model().turns.is_empty()).count();
    if without > 0 {
        notes.push(format!(
            "{without} calls escalate or end before the customer's second turn: never alerted"
        ));
    }
    notes
}

/// How many of the files the model, or its thresholds, were fitted on.
fn seen(files: &[CorpusFile], engine: &Engine) -> usize {
    let known = &engine.space.model().training.sources;
    files.iter().filter(|file| known.iter().any(|known| known.sha256 == file.sha256)).count()
}

fn by_one_model(args: &Args, calls: &[&Call], settings: Settings) -> Result<Judged, Failure> {
    let prior = settings.prior;
    let engines = vec![engine::build(Files::model(args.model.as_deref()), settings)?];
    let others = match args.train_corpus.as_slice() {
        [] => Vec::new(),
        paths => corpus::read_all(paths).map_err(Failure::failed)?,
    };
    let others: Vec<&Call> = others.iter().flat_map(|file| &file.calls).collect();
    if let Some(both) = others.iter().find(|other| calls.iter().any(|call| call.id == other.id)) {
        return Err(Failure::Usage(format!(
            "call `{}` is in --train-corpus and in --corpus: the baseline would know the answer",
            both.id
        )));
    }
    let tfidf = (!others.is_empty()).then(|| Tfidf::fit(&others)).transpose();
    let tfidf = tfidf.map_err(Failure::failed)?;
    let judge = Judge::new(&engines[0], 0, tfidf, prior).map_err(Failure::failed)?;
    let mut heads = HeadCases::default();
    let evidence =
        calls.iter().enumerate().map(|(index, call)| judge.call(index, call, &mut heads)).collect();
    Ok(Judged { evidence, heads, engines })
}

/// Calls with their places in the corpus.
type Part<'a> = Vec<(usize, &'a Call)>;

/// The parts that are held out one after the other, each with a name for people.
fn parts<'a>(args: &Args, calls: &[&'a Call]) -> Result<Vec<(String, Part<'a>)>, Failure> {
    let mut batches: BTreeMap<String, Part<'a>> = BTreeMap::new();
    let most = if args.by_call { calls.len() } else { 0 };
    for (index, &call) in calls.iter().enumerate() {
        let batch = if args.by_call { format!("call {index:06}") } else { call.batch().into() };
        batches.entry(batch).or_default().push((index, call));
    }
    if batches.len() < 2 {
        return Err(Failure::Failed(
            "--by-batch needs at least two author batches; the part of an id before its first \
             `-` names its batch. Without batches use --by-call"
                .into(),
        ));
    }
    let usual = if args.by_call { 5 } else { batches.len() };
    let folds = args.folds.unwrap_or(usual);
    if !(2..=batches.len()).contains(&folds) {
        return Err(Failure::Usage(format!(
            "--folds is {folds}; this corpus can be held out in 2 to {} parts",
            batches.len()
        )));
    }
    let mut parts: Vec<(String, Part<'a>)> = vec![Default::default(); folds];
    for (place, (batch, members)) in batches.into_iter().enumerate() {
        let (name, part) = &mut parts[place % folds];
        if most == 0 {
            *name += if name.is_empty() { "" } else { ", " };
            *name += &batch;
        }
        part.extend(members);
    }
    for (index, (name, part)) in parts.iter_mut().enumerate().filter(|_| most > 0) {
        *name = format!("{} calls, every {folds}th from the {}.", part.len(), index + 1);
    }
    Ok(parts)
}

/// Judges each part by a model trained on the others.
fn cross_validate(
    args: &Args,
    corpus: &Corpus,
    calls: &[&Call],
    settings: &Settings,
) -> Result<Judged, Failure> {
    let materials = corpus.materials(args.recipe.as_deref())?;
    let parts = parts(args, calls)?;
    let say = progress::printer();
    let mut judged =
        Judged { engines: Vec::new(), evidence: Vec::new(), heads: HeadCases::default() };
    for (fold, (name, part)) in parts.iter().enumerate() {
        let held_out: BTreeSet<usize> = part.iter().map(|(index, _)| *index).collect();
        let others = calls.iter().enumerate().filter(|(index, _)| !held_out.contains(index));
        let others: Vec<&Call> = others.map(|(_, call)| *call).collect();
        let note = |line: &str| {
            say(&format!("without {name} ({} of {}): {line}", fold + 1, parts.len()));
        };
        let model = train(&others, &materials, &note).map_err(Failure::failed)?.model;
        let json = model.to_json(SPACE);
        let engine = Engine::with_model(Some((&json, "the trained model")), settings.clone())
            .map_err(Failure::failed)?;
        note("the TF-IDF baseline");
        let tfidf = Tfidf::fit(&others).map_err(Failure::failed)?;
        let judge =
            Judge::new(&engine, fold, Some(tfidf), settings.prior).map_err(Failure::failed)?;
        for &(index, call) in part {
            judged.evidence.push(judge.call(index, call, &mut judged.heads));
        }
        judged.engines.push(engine);
    }
    Ok(judged)
}

/// A line of a corpus of texts.
#[derive(Deserialize)]
struct SentimentLine {
    text: String,
    sentiment: Sentiment,
}

fn read_sentiments(path: &Path, engine: &Engine, cases: &mut HeadCases) -> Result<(), Failure> {
    let heads = HeadSpace::new(&engine.space).map_err(Failure::failed)?;
    let name = path.display();
    for (index, line) in corpus::open(path).map_err(Failure::failed)?.lines().enumerate() {
        let line = line.map_err(|error| Failure::Failed(format!("{name}: {error}")))?;
        if line.trim().is_empty() {
            continue;
        }
        let line: SentimentLine = serde_json::from_str(&line).map_err(|error| {
            Failure::Failed(format!(
                "{name}:{}: not a text with `sentiment` negative, neutral or positive: {error}",
                index + 1
            ))
        })?;
        cases.sentiment.extend(heads.feeling(&line.text).map(|own| (own, line.sentiment)));
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text)
        .map_err(|error| Failure::Failed(format!("cannot write {}: {error}", path.display())))
}
