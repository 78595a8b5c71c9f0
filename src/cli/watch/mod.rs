//! `forewarn watch`: the board in a terminal, lines in a pipe.

mod app;
mod lines;
mod order;
mod screen;
mod state;
#[cfg(test)]
mod tests;
mod view;

use std::io::IsTerminal;

use clap::Parser;

use super::Failure;
use super::login::Login;
use crate::client::{CONSOLE, Subscription};

/// A console in the terminal: open calls by risk, and alerts with their reasons. Comes back by
/// itself where it left off. Into a pipe it prints a line for each call and alert.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  forewarn watch
  forewarn watch --queue billing --queue retention --user ana
  forewarn watch --lines | tee watch.log
  forewarn watch --json | jq 'select(.type == \"alert\")'

On the board, ? shows the keys.")]
pub(super) struct Args {
    /// Where the server takes consoles.
    #[arg(long, value_name = "WS", default_value = "ws://127.0.0.1:8080/v1/console")]
    url: String,
    /// Only calls of these queues [default: all].
    #[arg(long, value_name = "Q", num_args = 1..)]
    queue: Vec<String>,
    /// Who is watching, on a server without tokens.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    #[command(flatten)]
    login: Login,
    /// Print lines, also in a terminal.
    #[arg(long)]
    lines: bool,
    /// Print every message as it came.
    #[arg(long, conflicts_with = "lines")]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let mut target = args.login.target(&args.url, CONSOLE)?;
    if let Some(user) = &args.user {
        target = target.with_parameter("user", user).map_err(Failure::usage)?;
    }
    let subscription = Subscription { queues: args.queue.clone() };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    let terminal = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    runtime.block_on(async {
        match terminal && !args.lines && !args.json {
            true => screen::run(&target, &subscription).await,
            false => lines::run(&target, &subscription, args.json).await,
        }
    })
}
