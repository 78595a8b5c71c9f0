//! Chunks on one, two and three nodes of a cluster, beside one node for itself: how many are acked
//! a second, and what each costs the nodes and NATS.

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use crate::Args;
use crate::closed_loop::ClosedLoop;
use crate::connection::Connection;
use crate::http::ready_after;
use crate::messages::Turns;
use crate::nats::{self, Nats};
use crate::process::{Cores, Server, data_dir};
use crate::reference::Peer;
use crate::report::Section;

/// Nodes of each run; none is one node for itself, with its journal in SQLite.
const RUNS: [(usize, &str); 4] = [(0, "embedded"), (1, "1 node"), (2, "2 nodes"), (3, "3 nodes")];
/// Messages of one write: most calls have one on its way at a time.
const BURST: u64 = 1;

pub async fn run(args: &Args, section: &mut Section) -> anyhow::Result<()> {
    let Some(version) = nats::version() else {
        section.skip("all of it: `nats-server` is not installed");
        return Ok(());
    };
    section.note(format!(
        "Closed loop: {} connections send a chunk, wait for its ack, and send again; after 40 a \
         call ends and the next begins. They are dealt to the nodes in turns. Nodes and one \
         {version} (`replicas = 1`, so acks do not wait for fsync; embedded they do) share both \
         cores, and this process, the load, takes its share of one of them: more nodes have no \
         more processor here, so what a chunk costs tells more than how many come through. CPU \
         of nodes is that of all of them together.",
        args.connections
    ));
    let turns = Arc::new(Turns::load()?);
    for round in 1..=args.rounds {
        for (nodes, name) in RUNS {
            section.progress(format!("round {round}, {name}"));
            let stage = Stage::of(nodes)?;
            let sockets = stage.connect(args.connections).await?;
            let mut load = ClosedLoop::begin(Peer::Forewarn, sockets, BURST, &turns).await?;
            let (before, nats_before) = stage.cpu()?;
            let (chunks, time) = load.run_for(Duration::from_secs_f64(args.seconds)).await?;
            let (after, nats_after) = stage.cpu()?;
            let of_a_chunk = |cpu: Duration| cpu.as_secs_f64() * 1e6 / chunks as f64;
            section.add(name, "chunks/s", chunks as f64 / time.as_secs_f64());
            let cpu = of_a_chunk(after.saturating_sub(before));
            section.add(&format!("{name}, CPU of nodes"), "µs a chunk", cpu);
            if nodes > 0 {
                let cpu = of_a_chunk(nats_after.saturating_sub(nats_before));
                section.add(&format!("{name}, CPU of NATS"), "µs a chunk", cpu);
            }
        }
    }
    Ok(())
}

/// The nodes, and what they stand on; dropped in this order.
struct Stage {
    nodes: Vec<Server>,
    nats: Option<Nats>,
    _data: Vec<TempDir>,
}

impl Stage {
    fn of(nodes: usize) -> anyhow::Result<Stage> {
        let nats = if nodes > 0 { Some(Nats::start()?) } else { None };
        let settings: Vec<_> = nats.iter().map(|nats| ("CLUSTER_URL", nats.url.clone())).collect();
        let mut stage = Stage { nodes: Vec::new(), nats, _data: Vec::new() };
        for _ in 0..nodes.max(1) {
            let data = data_dir()?;
            let node = Server::forewarn(Cores::Both, data.path(), &settings)?;
            ready_after(&node)?;
            stage.nodes.push(node);
            stage._data.push(data);
        }
        Ok(stage)
    }

    /// So many connections, of each node the same number, more or less.
    async fn connect(&self, connections: usize) -> anyhow::Result<Vec<Connection>> {
        let mut open = Vec::with_capacity(connections);
        for node in self.nodes.iter().cycle().take(connections) {
            open.push(Connection::open(&node.address, "/v1/ingest").await?);
        }
        Ok(open)
    }

    /// Processor time that the nodes and NATS have used.
    fn cpu(&self) -> anyhow::Result<(Duration, Duration)> {
        let nodes = self.nodes.iter().map(Server::cpu).sum::<anyhow::Result<Duration>>()?;
        let nats = self.nats.as_ref().map_or(Ok(Duration::ZERO), Nats::cpu)?;
        Ok((nodes, nats))
    }
}
