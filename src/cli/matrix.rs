//! `forewarn matrix check`.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use serde_json::Value;

use super::{Failure, engine};
use crate::call::Timestamp;
use crate::desk::Clock;
use crate::engine::alert::{AlertKind, Reason};
use crate::engine::event::Attributes;
use crate::engine::matrix::{DEFAULT_MATRIX, Matrix, Subject};
use crate::engine::policy::Level;

/// Looks after the escalation matrix: who is told of an alert, and who is told next.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  forewarn matrix check matrix.toml
  forewarn matrix check matrix.toml --queue billing --team t1 --attribute tier=gold
  forewarn matrix check matrix.toml --level critical --because act:auth --at 2026-11-22T19:30:00Z
  forewarn matrix check --kind manual          # the matrix that ships

data/matrix.toml is that matrix, with every condition explained; copy it to begin.")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check a matrix and say what would happen to an alert, and when. What is wrong is named
    /// with its line and column (exit code 2).
    Check(Check),
}

#[derive(Debug, Parser)]
struct Check {
    /// The matrix (TOML) [default: the one that ships].
    file: Option<PathBuf>,
    /// Queue of the call.
    #[arg(long, value_name = "QUEUE")]
    queue: Option<String>,
    /// Team of the call.
    #[arg(long, value_name = "TEAM")]
    team: Option<String>,
    /// Agent of the call.
    #[arg(long, value_name = "AGENT")]
    agent: Option<String>,
    /// An attribute of the call; a number, true and false are taken as such.
    #[arg(long, value_name = "NAME=VALUE", value_parser = attribute)]
    attribute: Vec<(String, Value)>,
    /// Why the alert exists.
    #[arg(long, value_name = "KIND", default_value = "risk")]
    kind: Kind,
    /// How urgent it is.
    #[arg(long, value_name = "LEVEL", default_value = "warning")]
    level: Urgency,
    /// A reason it gives, such as act:auth; the first is the main one.
    #[arg(long, value_name = "FEATURE")]
    because: Vec<String>,
    /// When it is raised (RFC 3339) [default: now].
    #[arg(long, value_name = "TIME", value_parser = moment)]
    at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Risk,
    Trigger,
    Manual,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Urgency {
    Warning,
    Critical,
}

fn attribute(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    let plain = serde_json::from_str(value).ok().filter(|value: &Value| !value.is_object());
    Ok((name.to_owned(), plain.unwrap_or_else(|| Value::from(value))))
}

fn moment(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "write it as 2026-11-22T03:40:00Z".into())
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let Command::Check(check) = &args.command;
    let (matrix, name) = match &check.file {
        Some(path) => (engine::matrix(path)?, path.display().to_string()),
        None => {
            let ships = "the matrix that ships";
            (Matrix::parse(DEFAULT_MATRIX, ships).map_err(Failure::usage)?, ships.to_owned())
        }
    };
    let text = report(check, &matrix, &name);
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| Failure::output(&error))
}

fn report(check: &Check, matrix: &Matrix, name: &str) -> String {
    let attributes: Attributes = check.attribute.iter().cloned().collect();
    let reasons: Vec<Reason> = check.because.iter().map(|feature| reason(feature)).collect();
    let subject = Subject {
        queue: check.queue.as_deref(),
        team: check.team.as_deref(),
        agent_id: check.agent.as_deref(),
        attributes: &attributes,
        kind: match check.kind {
            Kind::Risk => AlertKind::Risk,
            Kind::Trigger => AlertKind::Trigger,
            Kind::Manual => AlertKind::Manual,
        },
        level: match check.level {
            Urgency::Warning => Level::Warning,
            Urgency::Critical => Level::Critical,
        },
        reasons: &reasons,
    };
    let at = check.at.unwrap_or_else(|| Clock::system().now());
    let rules = matrix.rules().len();
    let mut text = format!("{name} is sound; rules in the order they are tried: {rules}\n");
    indent(&mut text, &matrix.summary());
    // Writing to a String cannot fail.
    let _ = writeln!(text, "\n{} raised at {at} would go like this (times in UTC):", shown(check));
    indent(&mut text, &matrix.explain(&subject, at));
    text
}

fn reason(feature: &str) -> Reason {
    let (feature, label) = (feature.to_owned(), feature.to_owned());
    Reason { feature, label, contribution: 1.0, quotes: Vec::new() }
}

fn shown(check: &Check) -> String {
    let mut text = format!("a {:?} {:?} alert", check.level, check.kind).to_lowercase();
    for (what, value) in [("queue", &check.queue), ("team", &check.team), ("agent", &check.agent)] {
        if let Some(value) = value {
            let _ = write!(text, ", {what} {value}");
        }
    }
    for (name, value) in &check.attribute {
        let _ = write!(text, ", {name} {value}");
    }
    if !check.because.is_empty() {
        let _ = write!(text, ", because of {}", check.because.join(", "));
    }
    text
}

fn indent(text: &mut String, lines: &str) {
    for line in lines.lines() {
        let _ = writeln!(text, "  {line}");
    }
}
