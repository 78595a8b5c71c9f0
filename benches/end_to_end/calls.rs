//! Very many calls at once on one machine.

use std::sync::Arc;

use crate::Args;
use crate::connection::Connection;
use crate::fill::fill;
use crate::http::Metrics;
use crate::messages::Turns;
use crate::open_loop::Plan;
use crate::process::{Cores, Server, data_dir};
use crate::report::Section;

const CALLS: usize = 50_000;
const SOCKETS: usize = 20;
/// Of each call.
const SECONDS_A_CHUNK: f64 = 2.0;
const SECONDS: f64 = 20.0;
const P99_BAR_MS: f64 = 100.0;
/// A round is long, so there are not more than these.
const MOST_ROUNDS: u32 = 3;

pub async fn run(args: &Args, section: &mut Section) -> anyhow::Result<()> {
    let per_s = CALLS as f64 / SECONDS_A_CHUNK;
    section.note(format!(
        "{CALLS} open calls on {SOCKETS} sockets, each with a chunk every {SECONDS_A_CHUNK} s \
         ({per_s} chunks/s), open loop, {SECONDS} s; opening them is not measured. The server runs \
         on both cores, and the load takes its share of one of them. `desk.max_open_calls` and \
         `desk.max_calls_per_connection` are raised."
    ));
    let turns = Arc::new(Turns::load()?);
    let plan = Plan { calls: CALLS, sockets: SOCKETS, per_s, seconds: SECONDS, alert_every: None };
    for round in 1..=args.rounds.min(MOST_ROUNDS) {
        section.progress(format!("round {round}"));
        let data = data_dir()?;
        let settings = [
            ("DESK_MAX_OPEN_CALLS", CALLS.to_string()),
            ("DESK_MAX_CALLS_PER_CONNECTION", CALLS.to_string()),
        ];
        let server = Server::forewarn(Cores::Both, data.path(), &settings)?;
        let sockets = Connection::platforms(&server.address, SOCKETS).await?;
        let sockets = fill(sockets, plan.openings(), 0, &turns).await?;
        let (before, cpu) = (Metrics::of(&server)?, server.cpu()?);
        let acked = plan.run(sockets, None, &turns).await?.acked;
        let cpu = server.cpu()?.saturating_sub(cpu).as_secs_f64();
        let commit = "forewarn_journal_commit_seconds";
        let (_, commit) = Metrics::of(&server)?.bounds_since(&before, commit, 0.99)?;
        section.add("chunk to ack p50", "ms", acked.ms(0.5));
        section.add("chunk to ack p99", "ms", acked.ms(0.99)).at_most(P99_BAR_MS);
        section.add("chunk to ack p99.9", "ms", acked.ms(0.999));
        section.add("commit p99 by time, bound", "ms", commit * 1e3);
        section.add("server CPU", "cores", cpu / SECONDS);
        section.add("server CPU of a chunk", "µs", cpu * 1e6 / (per_s * SECONDS));
        section.add("server RSS", "MiB", server.rss()? as f64 / f64::from(1 << 20));
    }
    Ok(())
}
