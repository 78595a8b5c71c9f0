//! From the time a chunk should be sent until its ack, and until its alert is at a console.

use std::sync::Arc;

use crate::Args;
use crate::connection::Connection;
use crate::consoles::Consoles;
use crate::fill::fill;
use crate::http::Metrics;
use crate::messages::Turns;
use crate::open_loop::Plan;
use crate::process::{Cores, Server, data_dir};
use crate::reference::Peer;
use crate::report::Section;

/// Chunks a second; bars are for the middle one.
const RATES: [f64; 3] = [1_000.0, 5_000.0, 20_000.0];
const RATE_OF_BARS: f64 = 5_000.0;
const P50_BAR_MS: f64 = 3.0;
const ABOVE_BAR_MS: f64 = 2.0;
const ALERT_EVERY: usize = 50;

pub async fn run(args: &Args, section: &mut Section) -> anyhow::Result<()> {
    section.note(format!(
        "Open loop over {} connections with a call each: send times are fixed beforehand and \
         evenly spaced, and latency counts from them. One chunk in {ALERT_EVERY} has an alerting \
         phrase, in a call of its own, opened beforehand. `echo` gets the same bytes at the same \
         times. The commit is the least bound of the server's own histogram that 99 % of commits are \
         not above, and that 99 % of the time of commits is not above: a chunk meets a long one \
         more often than a short one. The bounds double.",
        args.connections
    ));
    let turns = Arc::new(Turns::load()?);
    for round in 1..=args.rounds {
        for per_s in RATES {
            section.progress(format!("round {round}, {per_s} chunks/s"));
            let plan = Plan {
                calls: args.connections,
                sockets: args.connections,
                per_s,
                seconds: args.seconds,
                alert_every: Some(ALERT_EVERY),
            };
            let echo_p99 = echo(plan, section, &turns).await?;
            ours(plan, echo_p99, section, &turns).await?;
        }
    }
    Ok(())
}

/// Gives its p99 in milliseconds.
async fn echo(plan: Plan, section: &mut Section, turns: &Arc<Turns>) -> anyhow::Result<f64> {
    let server = Server::reference(Peer::Echo)?;
    let sockets = Connection::platforms(&server.address, plan.sockets).await?;
    let echoed = plan.run(sockets, None, turns).await?.acked;
    for (name, share) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)] {
        section.add(&format!("{}/s, echo {name}", plan.per_s), "ms", echoed.ms(share));
    }
    Ok(echoed.ms(0.99))
}

async fn ours(
    plan: Plan,
    echo_p99: f64,
    section: &mut Section,
    turns: &Arc<Turns>,
) -> anyhow::Result<()> {
    let data = data_dir()?;
    let server = Server::forewarn(Cores::One, data.path(), &[])?;
    let sockets = Connection::platforms(&server.address, plan.sockets).await?;
    let sockets = fill(sockets, plan.openings(), 0, turns).await?;
    let mut console = Consoles::open(&server.address, 1, r#"{"min_level":"warning"}"#).await?;
    let before = Metrics::of(&server)?;
    let outcome = plan.run(sockets, Some(&mut console), turns).await?;
    let commit = "forewarn_journal_commit_seconds";
    let (commit_p99, of_time) = Metrics::of(&server)?.bounds_since(&before, commit, 0.99)?;
    let commit_p99 = commit_p99 * 1e3;
    let has_bars = plan.per_s == RATE_OF_BARS;
    let mut add = |name: &str, value: f64, bar: Option<f64>| {
        let figure = section.add(&format!("{}/s, {name}", plan.per_s), "ms", value);
        if let Some(bar) = bar.filter(|_| has_bars) {
            figure.at_most(bar);
        }
    };
    let (acked, alerted) = (outcome.acked, outcome.alerted);
    add("chunk to ack p50", acked.ms(0.5), Some(P50_BAR_MS));
    add("chunk to ack p99", acked.ms(0.99), None);
    add("chunk to ack p99.9", acked.ms(0.999), None);
    add("chunk to alert p50", alerted.ms(0.5), None);
    add("chunk to alert p99", alerted.ms(0.99), None);
    add("commit p99, bound", commit_p99, None);
    add("commit p99 by time, bound", of_time * 1e3, None);
    let above = acked.ms(0.99) - echo_p99 - commit_p99;
    add("ack p99 above echo p99 and commit p99", above, Some(ABOVE_BAR_MS));
    Ok(())
}
