//! The built server against two reference servers, side by side: durable, scored, acked chunks a
//! second, and what a message costs the server's processor.
//!
//! ```text
//! cargo bench --bench end_to_end                  # five rounds of three seconds each
//! cargo bench --bench end_to_end -- --rounds 9 --seconds 5 --json bench.json
//! ```
//!
//! Closed loop: every connection sends, waits for its answers, sends again. Each server is pinned
//! to the first core and the load, a process of its own, to the second; the servers take turns
//! within a round, and the ratios are those of the same round.

mod frames;
mod load;
mod process;
mod reference;
mod report;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use load::{Job, Peer};
use process::Pinned;
use report::{Case, Report};

/// What to run. The hidden words make this program one of the processes of its own run.
#[derive(Debug, Parser)]
struct Args {
    /// Rounds; the table shows medians.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of load for each server in each round.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Connections.
    #[arg(long, default_value_t = 1_000)]
    connections: usize,
    /// Write the figures here.
    #[arg(long, value_name = "FILE")]
    json: Option<std::path::PathBuf>,
    /// `cargo bench` passes it.
    #[arg(long, hide = true)]
    bench: bool,
    #[arg(long, hide = true)]
    serve: Option<Peer>,
    #[arg(long, hide = true)]
    load: Option<String>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match (&args.serve, &args.load) {
        (Some(peer), _) => reference::serve(*peer),
        (_, Some(job)) => load::run(job),
        _ => compare(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("end_to_end: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn compare(args: &Args) -> anyhow::Result<()> {
    process::need_taskset()?;
    let mut report = Report::default();
    for round in 0..args.rounds {
        for burst in [1, 16] {
            for peer in [Peer::Echo, Peer::Sink, Peer::Forewarn] {
                eprintln!("round {} of {}: {peer}, {burst} a write", round + 1, args.rounds);
                let mut server = Pinned::server(peer)?;
                let job = Job {
                    peer,
                    address: server.address.clone(),
                    connections: args.connections,
                    burst,
                    seconds: args.seconds,
                };
                let mut load = job.start()?;
                load.begun()?;
                let before = server.cpu()?;
                let (messages, time) = load.finish()?;
                let cpu = server.cpu()?.saturating_sub(before);
                load.stop();
                report.add(Case { peer, burst, messages, time, cpu });
                server.stop(Duration::from_secs(10));
            }
        }
    }
    print!("{report}");
    if let Some(path) = &args.json {
        std::fs::write(path, report.to_json())?;
    }
    Ok(())
}
