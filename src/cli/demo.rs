//! `forewarn demo`.

use std::io::{ErrorKind, Write, stdout};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::engine::Files;
use super::{Failure, engine};
use crate::call::Call;
use crate::client::{self, INGEST, Note, Script, Settings, Speed, Target};
use crate::config::Config;
use crate::engine::Engine;
use crate::journal::Memory;
use crate::server::{self, Running, StartError};
use crate::telemetry;

/// Calls of the corpus that show each way a call can go.
const SAMPLES: &str = include_str!("../../data/samples.jsonl");
const AT_ONCE: usize = 8;
/// At this pace all places are taken after ten seconds.
const STAGGER: Duration = Duration::from_millis(1_400);
const AGENTS: [&str; 12] =
    ["ana", "ben", "chloe", "dev", "emil", "fay", "goran", "hana", "ines", "jo", "kofi", "lena"];

/// Starts the service with sample calls played in as if they went on now, over the same websocket
/// that a call platform uses. Nothing is kept.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  forewarn demo
  forewarn demo --speed 1
  forewarn demo --listen 127.0.0.1:9000

Open the address it prints in a browser. Ctrl-C ends it.")]
pub(super) struct Args {
    /// Where to listen [default: 127.0.0.1:8080, or a free port if that is taken].
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// How many times as fast as they were spoken the calls are played.
    #[arg(long, value_name = "X", default_value = "8")]
    speed: Speed,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    if args.speed == Speed::Max {
        return Err(Failure::Usage("a demo at speed max shows nothing; write a number".into()));
    }
    let log = telemetry::Settings { level: "warn".into(), ..telemetry::Settings::default() };
    telemetry::init(&log).map_err(Failure::usage)?;
    let samples: Vec<Call> = SAMPLES
        .lines()
        .map(Call::parse)
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::Failed(format!("the built-in samples: {error}")))?;
    let engine = engine::build(Files::default(), Config::default().engine)?;
    // Calls played this fast would have spent an hour's budget within minutes.
    let matrix = engine.matrix.clone().without_budget();
    let engine = Arc::new(engine.with_matrix(matrix));
    let runtime = tokio::runtime::Runtime::new().map_err(Failure::failed)?;
    runtime.block_on(demo(args, engine, samples))
}

async fn demo(args: &Args, engine: Arc<Engine>, samples: Vec<Call>) -> Result<(), Failure> {
    // Before anything runs, so that no signal is missed.
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::failed)?;
    let running = start(args.listen, engine).await?;
    let address = running.address();
    welcome(address).map_err(|error| Failure::output(&error))?;
    let url = format!("ws://{address}/v1/ingest");
    let target = Target::new(&url, INGEST, None, None).map_err(Failure::failed)?;
    let settings = Settings { speed: args.speed, at_once: AT_ONCE, stagger: STAGGER };
    let (notes, mut heard) = mpsc::channel(64);
    let played = client::play(&target, scripts(samples), &settings, Arc::default(), notes);
    let listened = async {
        while let Some(note) = heard.recv().await {
            if let Note::Line(line) = note {
                eprintln!("{line}");
            }
        }
    };
    let outcome = tokio::select! {
        (played, ()) = async { tokio::join!(played, listened) } => played.map_err(Failure::failed),
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    };
    running.drain().await;
    outcome
}

/// Listens where it was told to, or on any free port when nobody said and the usual one is taken.
async fn start(listen: Option<SocketAddr>, engine: Arc<Engine>) -> Result<Running, Failure> {
    let mut rooms = Config::default().rooms();
    rooms.server.listen = listen.unwrap_or(rooms.server.listen);
    let journal = || Box::<Memory>::default();
    let started = match server::start(rooms.clone(), Arc::clone(&engine), journal(), None).await {
        Err(StartError::Listen { address, source })
            if listen.is_none() && source.kind() == ErrorKind::AddrInUse =>
        {
            eprintln!("{address} is taken by another program; using a free port instead");
            rooms.server.listen.set_port(0);
            server::start(rooms, engine, journal(), None).await
        }
        started => started,
    };
    started.map_err(|error| match error {
        StartError::Settings(message) => Failure::Usage(message),
        other => Failure::failed(other),
    })
}

fn welcome(address: SocketAddr) -> std::io::Result<()> {
    let mut out = stdout().lock();
    writeln!(
        out,
        "Forewarn is running, with sample calls played in live:

  http://{address}/

Open it in a browser: calls appear at once, a first alert within half a minute.
Then, in another terminal:

  forewarn watch --url ws://{address}/v1/console
  forewarn replay --url ws://{address}/v1/ingest --speed 10 YOUR-CALLS.jsonl

Ctrl-C ends it. `forewarn serve` runs the service for your own platform."
    )?;
    out.flush()
}

/// The samples over and over, each time as new calls.
fn scripts(samples: Vec<Call>) -> impl Iterator<Item = Script> {
    let rounds = (1_u64..).flat_map(move |round| {
        samples.clone().into_iter().map(move |call| (format!("{}-{round}", call.id), call))
    });
    rounds.zip(AGENTS.iter().enumerate().cycle()).map(|((call_id, call), (place, agent))| {
        let queue = queue(call.root_cause.as_deref());
        let mut script = Script::new(call_id, call);
        script.queue = Some(queue.into());
        script.team = Some(if place % 2 == 0 { "north" } else { "south" }.into());
        script.agent_id = Some((*agent).into());
        script
    })
}

fn queue(root_cause: Option<&str>) -> &'static str {
    match root_cause {
        Some("billing_error" | "hidden_fee") => "billing",
        Some("outage" | "product_fault" | "account_access") => "technical",
        _ => "service",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_samples_go_round_under_new_ids() {
        let samples: Vec<Call> = SAMPLES.lines().map(|line| Call::parse(line).unwrap()).collect();
        let number = samples.len();
        assert!((12..=20).contains(&number));
        let arcs: HashSet<_> =
            samples.iter().filter_map(|call| call.outcome.as_ref()?.arc.clone()).collect();
        assert_eq!(arcs.len(), 3, "calm, averted and escalated");
        let ids: HashSet<String> =
            scripts(samples).take(number * 3).map(|script| script.call_id).collect();
        assert_eq!(ids.len(), number * 3);
    }
}
