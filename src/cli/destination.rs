//! `forewarn destination test`.

use std::io::Write;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::{Failure, variables};
use crate::config::Config;
use crate::egress::{self, Answer, Client};

/// Looks after the destinations that alerts are sent to.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  forewarn destination test team-channel --config forewarn.toml

Exit code 0 when the destination took it, 1 when it did not, 2 when the configuration is wrong.")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send one message that says it is a test, and print the answer. An incident at PagerDuty is
    /// resolved at once.
    Test {
        /// Name of the destination.
        name: String,
        /// Configuration file (TOML) that has it.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let Command::Test { name, config: file } = &args.command;
    let config = Config::load(Some(file), variables()).map_err(Failure::usage)?;
    let checked = config.check().and_then(|()| config.check_destinations());
    checked.map_err(|error| Failure::usage(error.at(Some(file), variables())))?;
    let Some(own) = config.destination.iter().position(|own| own.name == *name) else {
        let names: Vec<&str> = config.destination.iter().map(|own| own.name.as_str()).collect();
        let known = if names.is_empty() { "none".into() } else { names.join(", ") };
        let file = file.display();
        return Err(Failure::Usage(format!("{file} has no destination `{name}`; it has: {known}")));
    };
    let settings = &config.destination[own..=own];
    let opened = egress::open(settings, &config.server.public_url);
    let client = opened
        .map_err(|(_, message)| Failure::Usage(message))?
        .pop()
        .ok_or_else(|| Failure::Failed("the destination is gone".into()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(Failure::failed)?.block_on(test(&client))
}

async fn test(client: &Client) -> Result<(), Failure> {
    let destination = client.destination();
    for message in destination.samples() {
        let Answer { verdict, text, .. } = client.send(&message).await;
        let host = destination.host();
        if verdict != egress::Verdict::Taken {
            return Err(Failure::Failed(format!("{host} did not take the test: {text}")));
        }
        writeln!(std::io::stdout(), "{host} took {}: {text}", message.id)
            .map_err(|error| Failure::output(&error))?;
    }
    Ok(())
}
