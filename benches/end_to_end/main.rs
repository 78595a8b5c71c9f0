//! What the built server does end to end, printed as medians of rounds, as a table and as JSON.
//!
//! ```text
//! cargo bench --bench end_to_end                                  # everything, about ten minutes
//! cargo bench --bench end_to_end -- --only fan-out,memory
//! cargo bench --bench end_to_end -- --rounds 9 --json bench.json
//! ```
//!
//! The load is this process, on the second core; the server under test is a process of its own on
//! the first, unless a bench says otherwise. A bar that is missed is printed as missed and fails
//! nothing: wall time of a shared machine is no test.

mod calls;
mod closed_loop;
mod cluster;
mod connection;
mod consoles;
mod fan_out;
mod fill;
mod frames;
mod http;
mod ingest;
mod latency;
mod memory;
mod messages;
mod nats;
mod open_loop;
mod phrases;
mod process;
mod reference;
mod report;
mod scorer;
mod start;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use mimalloc::MiMalloc;

use reference::Peer;
use report::Report;

/// That of the program, because `scorer` runs its engine in this process.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// What to run.
#[derive(Debug, Parser)]
struct Args {
    /// Only these, as `--only fan-out,memory`.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Bench>,
    /// Rounds; the table shows medians.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Seconds of load for each server in each round of `ingest`, `latency` and `cluster`.
    #[arg(long, default_value_t = 2.5)]
    seconds: f64,
    /// Connections of `ingest`, `latency` and `cluster`.
    #[arg(long, default_value_t = 1_000)]
    connections: usize,
    /// Phrases that the server has in `ingest`, beside those that ship.
    #[arg(long, default_value_t = 5_000)]
    phrases: usize,
    /// Write the figures of every round here.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// `cargo bench` passes it.
    #[arg(long, hide = true)]
    bench: bool,
    /// Makes this program the reference server of its own run.
    #[arg(long, hide = true)]
    serve: Option<Peer>,
}

/// The benches, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Bench {
    Ingest,
    FanOut,
    Memory,
    Latency,
    Calls,
    Cluster,
    Start,
    Scorer,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match args.serve {
        Some(peer) => reference::serve(peer),
        None => run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("end_to_end: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> anyhow::Result<()> {
    process::take_core_of_load()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut report = Report::default();
    for &bench in Bench::value_variants() {
        if !args.only.is_empty() && !args.only.contains(&bench) {
            continue;
        }
        let section = report.section(name(bench));
        runtime.block_on(async {
            match bench {
                Bench::Ingest => ingest::run(args, section).await,
                Bench::FanOut => fan_out::run(args, section).await,
                Bench::Memory => memory::run(args, section).await,
                Bench::Latency => latency::run(args, section).await,
                Bench::Calls => calls::run(args, section).await,
                Bench::Cluster => cluster::run(args, section).await,
                Bench::Start => start::run(args, section).await,
                Bench::Scorer => scorer::run(args, section),
            }
        })?;
        println!("{section}");
    }
    if let Some(path) = &args.json {
        std::fs::write(path, report.to_json())?;
    }
    Ok(())
}

/// As it is written on the command line.
fn name(bench: Bench) -> &'static str {
    match bench {
        Bench::Ingest => "ingest",
        Bench::FanOut => "fan-out",
        Bench::Memory => "memory",
        Bench::Latency => "latency",
        Bench::Calls => "calls",
        Bench::Cluster => "cluster",
        Bench::Start => "start",
        Bench::Scorer => "scorer",
    }
}
