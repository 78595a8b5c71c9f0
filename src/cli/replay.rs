//! `forewarn replay`.

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write, stderr, stdout};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use clap::Parser;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Failure;
use super::login::Login;
use crate::client::{self, INGEST, Note, PlayError, Script, Settings, Speed, Tally, Target};
use crate::corpus;

/// Notes on their way to the terminal and the score file.
const NOTES: usize = 1_024;

/// Plays recorded calls into a running server as a call platform would: paced by their times,
/// acked, resumed after a lost connection.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  forewarn replay data/calls/ta.jsonl
  forewarn replay --speed 10 --connections 3 data/calls
  forewarn replay --speed max --scores scores.jsonl calls.jsonl.gz
  forewarn replay --url ws://10.0.0.5:8080/v1/ingest --id-prefix monday- calls.jsonl

It ends with 0 when every message was acked and none was refused, with 1 otherwise.")]
pub(super) struct Args {
    /// Where the server takes calls.
    #[arg(long, value_name = "WS", default_value = "ws://127.0.0.1:8080/v1/ingest")]
    url: String,
    /// How many times as fast as the calls were spoken, or `max`: as fast as the server acks.
    #[arg(long, value_name = "X", default_value = "1")]
    speed: Speed,
    /// Connections to spread the calls over.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    connections: u16,
    /// Most calls open at a time on each connection.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    at_once: u32,
    /// Put before every call's id, so that the same calls can be played again.
    #[arg(long, value_name = "P", default_value = "")]
    id_prefix: String,
    #[command(flatten)]
    login: Login,
    /// Write every score the server sends to this file, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    scores: Option<PathBuf>,
    /// Print the summary as JSON.
    #[arg(long)]
    json: bool,
    /// Files or folders of calls, plain or gzipped; `-` is stdin.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let mut target = args.login.target(&args.url, INGEST)?;
    let scores = args.scores.as_deref().map(create).transpose()?;
    if scores.is_some() {
        target = target.with_parameter("scores", "true").map_err(Failure::usage)?;
    }
    let shares = shares(args)?;
    let runtime = tokio::runtime::Runtime::new().map_err(Failure::failed)?;
    let begin = Instant::now();
    let tally = Arc::new(Tally::default());
    let played = runtime.block_on(play(args, target, shares, Arc::clone(&tally), scores));
    print(args, &tally, begin.elapsed()).map_err(|error| Failure::output(&error))?;
    played?;
    match tally.is_clean() {
        true => Ok(()),
        false => Err(Failure::Failed(
            "not every message was acked, or some were refused; the lines above say which".into(),
        )),
    }
}

fn create(path: &Path) -> Result<BufWriter<File>, Failure> {
    File::create(path)
        .map(BufWriter::new)
        .map_err(|error| Failure::Failed(format!("cannot write {}: {error}", path.display())))
}

/// The calls, dealt out to the connections.
fn shares(args: &Args) -> Result<Vec<Vec<Script>>, Failure> {
    let connections = usize::from(args.connections);
    let mut shares: Vec<Vec<Script>> = vec![Vec::new(); connections];
    let files = corpus::read_as_said(&args.paths).map_err(Failure::failed)?;
    let calls = files.into_iter().flat_map(|file| file.calls);
    for (place, call) in calls.enumerate() {
        let call_id = format!("{}{}", args.id_prefix, call.id);
        shares[place % connections].push(Script::new(call_id, call));
    }
    shares.retain(|share| !share.is_empty());
    Ok(shares)
}

async fn play(
    args: &Args,
    target: Target,
    shares: Vec<Vec<Script>>,
    tally: Arc<Tally>,
    scores: Option<BufWriter<File>>,
) -> Result<(), Failure> {
    let at_once = usize::try_from(args.at_once).unwrap_or(usize::MAX);
    let settings = Settings { speed: args.speed, at_once, stagger: Duration::ZERO };
    let total: usize = shares.iter().map(Vec::len).sum();
    let (notes, heard) = mpsc::channel(NOTES);
    let mut players: JoinSet<Result<(), PlayError>> = JoinSet::new();
    for share in shares {
        let (target, tally, notes) = (target.clone(), Arc::clone(&tally), notes.clone());
        players.spawn(async move {
            client::play(&target, share.into_iter(), &settings, tally, notes).await
        });
    }
    drop(notes);
    let written = listen(heard, scores, total, &tally).await;
    let mut outcome = Ok(());
    while let Some(played) = players.join_next().await {
        let played = played.map_err(Failure::failed)?;
        outcome = outcome.and(played.map_err(Failure::failed));
    }
    written.and(outcome)
}

/// Takes notes until all players are done.
async fn listen(
    mut notes: mpsc::Receiver<Note>,
    mut scores: Option<BufWriter<File>>,
    total: usize,
    tally: &Tally,
) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::Failed(format!("cannot write scores: {error}"));
    let terminal = stderr().is_terminal();
    let mut second = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            note = notes.recv() => match note {
                None => break,
                Some(Note::Line(line)) => eprintln!("{line}"),
                Some(Note::Score(score)) => if let Some(out) = &mut scores {
                    serde_json::to_writer(&mut *out, &score)
                        .map_err(std::io::Error::from)
                        .and_then(|()| out.write_all(b"\n"))
                        .map_err(failed)?;
                },
            },
            _ = second.tick(), if terminal => {
                let (ended, acked) = (tally.ended.load(Relaxed), tally.acked.load(Relaxed));
                eprint!("\r{ended} of {total} calls, {acked} messages acked ");
            }
        }
    }
    if terminal {
        eprint!("\r\x1b[K");
    }
    scores.map_or(Ok(()), |mut out| out.flush()).map_err(failed)
}

fn print(args: &Args, tally: &Tally, took: Duration) -> std::io::Result<()> {
    let read = |count: &AtomicU64| count.load(Relaxed);
    let seconds = took.as_secs_f64();
    // Only a count shown to people; far below where a float would lose whole numbers.
    let rate = read(&tally.chunks) as f64 / seconds.max(1e-6);
    let mut out = stdout().lock();
    if args.json {
        let summary = json!({
            "calls": read(&tally.calls),
            "chunks": read(&tally.chunks),
            "acked": read(&tally.acked),
            "unacked": read(&tally.unacked),
            "ended": read(&tally.ended),
            "errors": read(&tally.errors),
            "reconnects": read(&tally.reconnects),
            "seconds": seconds,
            "chunks_per_s": rate,
        });
        return writeln!(out, "{summary}");
    }
    writeln!(
        out,
        "{} calls, {} of them ended; {} chunks sent, {} messages acked, {} not; {} errors, \
         {} reconnects; {seconds:.1} s, {rate:.0} chunks/s",
        read(&tally.calls),
        read(&tally.ended),
        read(&tally.chunks),
        read(&tally.acked),
        read(&tally.unacked),
        read(&tally.errors),
        read(&tally.reconnects),
    )
}
