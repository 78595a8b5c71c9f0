//! Durable, scored, acked chunks a second, and what one costs the server's processor.

use std::sync::Arc;
use std::time::Duration;

use crate::closed_loop::ClosedLoop;
use crate::connection::Connection;
use crate::messages::Turns;
use crate::process::{Cores, Server, data_dir};
use crate::reference::Peer;
use crate::report::Section;
use crate::{Args, phrases};

/// Messages of one write.
const BURSTS: [u64; 2] = [1, 16];

pub async fn run(args: &Args, section: &mut Section) -> anyhow::Result<()> {
    section.note(format!(
        "Closed loop: {} connections send, wait for their answers, and send again. `echo` sends \
         back, with the library's own settings; `sink` acks without looking, with the socket \
         settings of the server; `forewarn` scores with {} phrases beside those that ship, \
         journals with fsync, and acks. They take turns within a round, each alone on its core.",
        args.connections, args.phrases
    ));
    let turns = Arc::new(Turns::load()?);
    let rules = phrases::write(&turns, args.phrases)?;
    for round in 1..=args.rounds {
        for burst in BURSTS {
            let mut rate_of_ours = 0.0;
            for peer in [Peer::Forewarn, Peer::Echo, Peer::Sink] {
                section.progress(format!("round {round}, {burst} a write, {peer}"));
                let data = data_dir()?;
                let settings = [("RULES", rules.path().display().to_string())];
                let server = match peer {
                    Peer::Forewarn => Server::forewarn(Cores::One, data.path(), &settings)?,
                    Peer::Echo | Peer::Sink => Server::reference(peer)?,
                };
                let sockets = Connection::platforms(&server.address, args.connections).await?;
                let mut load = ClosedLoop::begin(peer, sockets, burst, &turns).await?;
                let before = server.cpu()?;
                let (messages, time) = load.run_for(Duration::from_secs_f64(args.seconds)).await?;
                let cpu = server.cpu()?.saturating_sub(before);
                let rate = messages as f64 / time.as_secs_f64();
                let cpu = cpu.as_secs_f64() * 1e6 / messages as f64;
                let name = format!("{burst} a write, {peer}");
                section.add(&name, "chunks/s", rate);
                section.add(&format!("{name}, server CPU"), "µs a chunk", cpu);
                match peer {
                    Peer::Forewarn => rate_of_ours = rate,
                    Peer::Echo | Peer::Sink => {
                        let name = format!("{burst} a write, forewarn against {peer}");
                        section.add(&name, "×", rate_of_ours / rate);
                    }
                }
            }
        }
    }
    Ok(())
}
