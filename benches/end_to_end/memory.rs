//! Memory of the server for each idle console and each open call.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use forewarn::engine::{CallState, Engine, Settings};

use crate::Args;
use crate::connection::Connection;
use crate::consoles::Consoles;
use crate::fill::fill;
use crate::http::Metrics;
use crate::messages::Turns;
use crate::process::{Cores, Server, data_dir, rss_of};
use crate::report::Section;
use crate::scorer::{open, say};

const CONSOLES: usize = 1_000;
const CONSOLE_BAR_KIB: f64 = 12.0;
const CALLS: usize = 2_000;
const CALL_CHUNKS: u64 = 20;
const CALL_BAR_KIB: f64 = 8.0;
const SOCKETS: usize = 4;
/// Calls at a time: with more of them the journal's queue grows, and what it grew to would count.
const BATCH: usize = 40;
/// Consoles and calls that come first, so that what all share is there, the caches of the journal
/// above all.
const WARM: usize = 600;
/// Until commits, timers and the allocator have come to rest.
const REST: Duration = Duration::from_millis(500);

pub async fn run(args: &Args, section: &mut Section) -> anyhow::Result<()> {
    section.note(format!(
        "Growth of the server's resident memory, divided: by {CONSOLES} consoles that have \
         subscribed and are idle (the kernel's memory for their sockets comes on top), and by \
         {CALLS} open calls of {CALL_CHUNKS} turns on {SOCKETS} sockets. \"Keeps no words\" is a \
         server that is told to keep no transcript in memory (`hub.transcript_chunks`, \
         `engine.max_transcript_chars`, `desk.max_unarchived_bytes`) and no messages for consoles \
         that come back (`hub.ring_messages`). Engine state is measured in this process: \
         {CALLS} calls and nothing else, words for quotes not kept."
    ));
    let turns = Arc::new(Turns::load()?);
    for round in 1..=args.rounds {
        section.progress(format!("round {round}"));
        section.add("an idle console", "KiB", of_a_console().await?).at_most(CONSOLE_BAR_KIB);
        let without = [
            ("HUB_TRANSCRIPT_CHUNKS", "1"),
            ("HUB_RING_MESSAGES", "1"),
            ("ENGINE_MAX_TRANSCRIPT_CHARS", "1"),
            ("DESK_MAX_UNARCHIVED_BYTES", "1"),
        ];
        let without = without.map(|(name, value)| (name, value.to_owned()));
        let state = of_a_call(&without, &turns).await?;
        let whole = of_a_call(&[], &turns).await?;
        let engine = of_engine_state(&turns)?;
        section.add("engine state of a call", "KiB", engine).at_most(CALL_BAR_KIB);
        section.add("an open call, server keeps no words", "KiB", state.kib);
        section.add("an open call, with everything", "KiB", whole.kib);
        section.add("alerts that it has raised", "", whole.alerts);
        let text: usize = (0..CALL_CHUNKS as usize).map(|turn| turns.all()[turn].text.len()).sum();
        section.add("text of its turns, once", "KiB", text as f64 / 1024.0);
    }
    Ok(())
}

async fn of_a_console() -> anyhow::Result<f64> {
    let data = data_dir()?;
    let server = Server::forewarn(Cores::One, data.path(), &[])?;
    let _warm = Consoles::open(&server.address, WARM, "{}").await?;
    let before = rss(&server).await?;
    let _consoles = Consoles::open(&server.address, CONSOLES, "{}").await?;
    Ok((rss(&server).await? - before) / CONSOLES as f64)
}

/// What a server has of each call, on average.
struct OfACall {
    kib: f64,
    alerts: f64,
}

async fn of_a_call(settings: &[(&str, String)], turns: &Arc<Turns>) -> anyhow::Result<OfACall> {
    let data = data_dir()?;
    let server = Server::forewarn(Cores::One, data.path(), settings)?;
    let sockets = Connection::platforms(&server.address, SOCKETS).await?;
    let sockets = open_calls(sockets, 0..WARM, turns).await?;
    let before = rss(&server).await?;
    let _sockets = open_calls(sockets, WARM..WARM + CALLS, turns).await?;
    let grown = rss(&server).await? - before;
    let alerts = Metrics::of(&server)?.value("forewarn_hub_alerts")?;
    Ok(OfACall { kib: grown / CALLS as f64, alerts: alerts / (WARM + CALLS) as f64 })
}

async fn open_calls(
    mut sockets: Vec<Connection>,
    calls: Range<usize>,
    turns: &Arc<Turns>,
) -> anyhow::Result<Vec<Connection>> {
    for from in calls.step_by(BATCH) {
        let of = |socket| (from + socket..from + BATCH).step_by(SOCKETS);
        let named = |socket| of(socket).map(|call| format!("c-{call}")).collect();
        let batch = (0..SOCKETS).map(named).collect();
        sockets = fill(sockets, batch, CALL_CHUNKS, turns).await?;
    }
    Ok(sockets)
}

/// Of calls as the engine alone has them.
fn of_engine_state(turns: &Turns) -> anyhow::Result<f64> {
    let settings = Settings { max_transcript_chars: 1, ..Settings::default() };
    let engine = Engine::with_model(None, settings)?;
    let mut calls: Vec<CallState> = Vec::with_capacity(WARM + CALLS);
    let fill = |calls: &mut Vec<CallState>, count: usize| -> anyhow::Result<f64> {
        for place in 0..count {
            let mut state = open(&engine);
            for seq in 1..=CALL_CHUNKS {
                let message = turns.message("c-1", seq, place);
                say(&engine, &mut state, &message)?;
            }
            calls.push(state);
        }
        Ok(rss_of(std::process::id())? as f64 / 1024.0)
    };
    let before = fill(&mut calls, WARM)?;
    Ok((fill(&mut calls, CALLS)? - before) / CALLS as f64)
}

/// KiB, once nothing happens any more.
async fn rss(server: &Server) -> anyhow::Result<f64> {
    tokio::time::sleep(REST).await;
    Ok(server.rss()? as f64 / 1024.0)
}
