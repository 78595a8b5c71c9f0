//! The command line: a file a subcommand, each thin.

mod backtest;
mod calibrate;
mod config;
mod demo;
mod destination;
mod engine;
mod evaluate;
mod export;
mod failure;
mod forget;
mod import;
mod journal;
mod lessons;
mod login;
mod matrix;
mod progress;
mod replay;
mod score;
mod serve;
mod token;
mod train;
mod watch;

use clap::{Parser, Subcommand};

pub use failure::Failure;

/// Sees, while a customer call is still going on, that it is about to escalate.
#[derive(Debug, Parser)]
#[command(name = "forewarn", version, arg_required_else_help = true, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// See it work: the service with sample calls played in live.
    Demo(demo::Args),
    /// Run the service: transcripts in, alerts out.
    Serve(serve::Args),
    /// Play recorded calls into a running server, as a call platform would.
    Replay(replay::Args),
    /// A console in the terminal: calls and alerts as they come.
    Watch(watch::Args),
    /// Score recorded calls: one JSON line for each turn.
    Score(score::Args),
    /// Turn vCon, WebVTT, Contact Lens, Call Analytics and plain text into recorded calls.
    Import(import::Args),
    /// Fit a model on recorded calls and write it with its card.
    Train(train::Args),
    /// Judge a model on recorded calls: what it catches, how early, at what price.
    Evaluate(evaluate::Args),
    /// See which alerts rules or a model would have raised on past calls.
    Backtest(backtest::Args),
    /// Set a model's thresholds by your own ended calls.
    Calibrate(calibrate::Args),
    /// Write ended calls and their alerts for other programs: JSON Lines, CSV, vCon, WebVTT.
    Export(export::Args),
    /// Erase a call, or all calls of a customer, for good.
    Forget(forget::Args),
    /// Check the configuration of the service and see every setting.
    Config(config::Args),
    /// Check the escalation matrix and see who would be told of an alert, and when.
    Matrix(matrix::Args),
    /// See whether alerts reach a destination.
    Destination(destination::Args),
    /// Make, list and revoke tokens: who may what.
    Token(token::Args),
    /// Look after the journal: check, export, backup, restore.
    Journal(journal::Args),
}

/// The environment, as far as it is text.
fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Runs the command.
///
/// # Errors
/// [`Failure`], with the exit code and one line for the user.
pub fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Demo(args) => demo::run(&args),
        Command::Serve(args) => serve::run(args),
        Command::Replay(args) => replay::run(&args),
        Command::Watch(args) => watch::run(&args),
        Command::Score(args) => score::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Train(args) => train::run(&args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Backtest(args) => backtest::run(&args),
        Command::Calibrate(args) => calibrate::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Forget(args) => forget::run(&args),
        Command::Config(args) => config::run(&args),
        Command::Matrix(args) => matrix::run(&args),
        Command::Destination(args) => destination::run(&args),
        Command::Token(args) => token::run(args),
        Command::Journal(args) => journal::run(&args),
    }
}
