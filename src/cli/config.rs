//! `forewarn config check`.

use std::io::Write;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::{Failure, engine, variables};
use crate::config::Config;

/// Looks after the configuration of the service.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  forewarn config check forewarn.toml
  forewarn config check > all-settings.toml
  FOREWARN_SERVER_CREDITS=64 forewarn config check forewarn.toml")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read a file and the FOREWARN_* variables as `serve` does. What is wrong is named with its
    /// line (exit code 2); when all is right, every setting with its value is printed.
    Check {
        /// Configuration file (TOML) [default: none, only variables].
        file: Option<PathBuf>,
    },
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let Command::Check { file } = &args.command;
    let config = Config::load(file.as_deref(), variables()).map_err(Failure::usage)?;
    let checked = config.check().and_then(|()| config.check_destinations());
    let checked = checked.and_then(|()| config.check_access());
    checked.map_err(|error| Failure::usage(error.at(file.as_deref(), variables())))?;
    // A model, rules, a playbook or a matrix that cannot be read would stop the start as well.
    engine::of_service(&config)?;
    let text = toml::to_string(&config).map_err(Failure::failed)?;
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| Failure::output(&error))
}
