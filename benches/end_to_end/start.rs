//! How long the server takes to be there: with nothing, and after a crash with very much.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::ensure;

use crate::Args;
use crate::connection::Connection;
use crate::fill::{dealt, fill};
use crate::http::{Metrics, ready_after};
use crate::messages::Turns;
use crate::process::{Cores, Server, data_dir};
use crate::report::Section;

const EMPTY_STARTS: usize = 10;
const EMPTY_BAR_MS: f64 = 300.0;
const CALLS: usize = 25_000;
const CALL_CHUNKS: u64 = 40;
const SOCKETS: usize = 20;
const RECOVERY_BAR_S: f64 = 10.0;

pub async fn run(args: &Args, section: &mut Section) -> anyhow::Result<()> {
    let chunks = CALLS as u64 * CALL_CHUNKS;
    section.note(format!(
        "From the start of the process, with the default model, on both cores. Recovery: {chunks} \
         chunks in {CALLS} open calls, written by the server itself, which is then killed with \
         SIGKILL; each round starts it again on the same journal and kills it once it is ready."
    ));
    section.progress(format!("{EMPTY_STARTS} starts with nothing"));
    for _ in 0..EMPTY_STARTS {
        let data = data_dir()?;
        let server = Server::forewarn(Cores::Both, data.path(), &[])?;
        let listening = server.listening_after.as_secs_f64() * 1e3;
        section.add("empty, listening", "ms", listening);
        let ready = ready_after(&server)?.as_secs_f64() * 1e3;
        section.add("empty, ready", "ms", ready).at_most(EMPTY_BAR_MS);
    }
    section.progress(format!("writing {chunks} chunks"));
    let data = data_dir()?;
    let began = Instant::now();
    write(data.path()).await?;
    let rate = chunks as f64 / began.elapsed().as_secs_f64();
    section.add("writing the journal, load on the same cores", "chunks/s", rate);
    let bytes = std::fs::metadata(data.path().join("journal.db"))?.len();
    section.add("journal.db", "MiB", bytes as f64 / f64::from(1 << 20));
    for round in 1..=args.rounds {
        section.progress(format!("recovery {round}"));
        let server = start(data.path())?;
        let ready = ready_after(&server)?.as_secs_f64();
        section.add("recovery, ready", "s", ready).at_most(RECOVERY_BAR_S);
        let open = Metrics::of(&server)?.value("forewarn_hub_open_calls")?;
        ensure!(open as usize == CALLS, "{open} calls are open after the restart, not {CALLS}");
        section.add("recovery, RSS when ready", "MiB", server.rss()? as f64 / f64::from(1 << 20));
    }
    Ok(())
}

fn start(data: &Path) -> anyhow::Result<Server> {
    let settings = [("DESK_MAX_OPEN_CALLS", CALLS.to_string())];
    Server::forewarn(Cores::Both, data, &settings)
}

/// Fills a journal; the server is killed in the end.
async fn write(data: &Path) -> anyhow::Result<()> {
    let server = start(data)?;
    let turns = Arc::new(Turns::load()?);
    let sockets = Connection::platforms(&server.address, SOCKETS).await?;
    fill(sockets, dealt(CALLS, SOCKETS), CALL_CHUNKS, &turns).await?;
    Ok(())
}
