//! How soon the last of many consoles has one lone alert.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::io::AsyncWriteExt;

use crate::Args;
use crate::connection::Connection;
use crate::consoles::Consoles;
use crate::fill::{dealt, fill};
use crate::messages::{self, Turns};
use crate::process::{Cores, Server, data_dir, max_connections};
use crate::report::Section;

/// Consoles, with the bar for the last of them in milliseconds.
const CONSOLES: [(usize, Option<f64>); 3] = [(100, None), (1_000, Some(40.0)), (5_000, None)];
/// Alerts of a round, one after the other.
const ALERTS: usize = 8;
/// Between an alert that everybody has and the next.
const PAUSE: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(10);

pub async fn run(args: &Args, section: &mut Section) -> anyhow::Result<()> {
    section.note(format!(
        "From the sending of a chunk with an alerting phrase until consoles have read the alert, \
         the fsync of the journal included; one alert at a time, {ALERTS} a round, median of \
         these. All consoles see everything. The server is alone on its core."
    ));
    for round in 1..=args.rounds {
        for (consoles, bar) in CONSOLES {
            if consoles > max_connections() {
                let limit = max_connections();
                section.skip(&format!("{consoles} consoles; `ulimit -n` leaves room for {limit}"));
                continue;
            }
            section.progress(format!("round {round}, {consoles} consoles"));
            let [first, middle, last] = lone_alerts(consoles).await?;
            section.add(&format!("{consoles} consoles, first"), "ms", first);
            section.add(&format!("{consoles} consoles, median"), "ms", middle);
            let last = section.add(&format!("{consoles} consoles, last"), "ms", last);
            if let Some(bar) = bar {
                last.at_most(bar);
            }
        }
    }
    Ok(())
}

/// Milliseconds until the first, the middle and the last console have an alert, medians.
async fn lone_alerts(count: usize) -> anyhow::Result<[f64; 3]> {
    let data = data_dir()?;
    let server = Server::forewarn(Cores::One, data.path(), &[])?;
    let platform = Connection::platforms(&server.address, 1).await?;
    let turns = Arc::new(Turns::load()?);
    let mut platform = fill(platform, dealt(ALERTS, 1), 0, &turns).await?.remove(0);
    let mut consoles = Consoles::open(&server.address, count, "{}").await?;
    let mut waits: [Vec<f64>; 3] = Default::default();
    for call in 0..ALERTS {
        tokio::time::sleep(PAUSE).await;
        let mut chunk = Vec::new();
        messages::alerting_chunk(&mut chunk, &format!("c-{call}"));
        let sent = Instant::now();
        platform.stream.write_all(&chunk).await?;
        let mut came = Vec::with_capacity(count);
        while came.len() < count {
            let heard = tokio::time::timeout(PATIENCE, consoles.heard.recv()).await;
            let heard = heard.with_context(|| {
                format!("{} of {count} consoles have heard of c-{call}", came.len())
            })?;
            let heard = heard.context("the consoles are gone")?;
            if heard.call == call {
                came.push(heard.at.duration_since(sent).as_secs_f64() * 1e3);
            }
        }
        came.sort_by(f64::total_cmp);
        for (waits, place) in waits.iter_mut().zip([0, count / 2, count - 1]) {
            waits.push(came[place]);
        }
    }
    Ok(waits.map(|mut waits| {
        waits.sort_by(f64::total_cmp);
        waits[waits.len() / 2]
    }))
}
