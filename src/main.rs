//! The `forewarn` program: parse, run, say in one line what went wrong.

use std::process::ExitCode;

use clap::Parser;
use forewarn::cli::{self, Cli};

fn main() -> ExitCode {
    match cli::run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
