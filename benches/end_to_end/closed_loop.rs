//! Closed loop: every connection sends, waits for its answers, and sends again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;

use crate::connection::Connection;
use crate::messages::{self, Turns};
use crate::reference::Peer;

/// Chunks of a call before the next call begins on the same connection.
const CALL_CHUNKS: u64 = 40;

/// Connections that never stop talking.
pub struct ClosedLoop {
    answered: Arc<AtomicU64>,
    talking: JoinSet<anyhow::Result<()>>,
}

impl ClosedLoop {
    /// Begins to talk, `burst` messages a write, and waits until everybody has spoken: buffers are
    /// grown by then, caches warm.
    ///
    /// # Errors
    /// When a connection fails.
    pub async fn begin(
        peer: Peer,
        connections: Vec<Connection>,
        burst: u64,
        turns: &Arc<Turns>,
    ) -> anyhow::Result<ClosedLoop> {
        let warm = connections.len() as u64 * burst * 2;
        let mut load = ClosedLoop { answered: Arc::default(), talking: JoinSet::new() };
        for (number, connection) in connections.into_iter().enumerate() {
            let turns = Arc::clone(turns);
            let talker = Talker { connection, peer, burst, number, turns, calls: 0, seq: 0 };
            load.talking.spawn(talker.talk(Arc::clone(&load.answered)));
        }
        while load.answered.load(Relaxed) < warm {
            load.run_for(Duration::from_millis(5)).await?;
        }
        Ok(load)
    }

    /// Lets it go on for a while; gives how many messages were answered, and the time.
    ///
    /// # Errors
    /// When a connection fails.
    pub async fn run_for(&mut self, time: Duration) -> anyhow::Result<(u64, Duration)> {
        let (before, began) = (self.answered.load(Relaxed), Instant::now());
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            Some(ended) = self.talking.join_next() => ended?.context("a connection failed")?,
        }
        Ok((self.answered.load(Relaxed) - before, began.elapsed()))
    }
}

struct Talker {
    connection: Connection,
    peer: Peer,
    burst: u64,
    number: usize,
    turns: Arc<Turns>,
    /// Calls begun, and the newest number in the present one.
    calls: u64,
    seq: u64,
}

impl Talker {
    /// Sends and waits for ever. Counts chunks that were answered.
    async fn talk(mut self, answered: Arc<AtomicU64>) -> anyhow::Result<()> {
        let mut out = Vec::new();
        loop {
            out.clear();
            if self.calls == 0 || self.seq >= CALL_CHUNKS {
                self.next_call(&mut out);
            }
            let call_id = self.call_id();
            for _ in 0..self.burst {
                self.seq += 1;
                self.turns.chunk(&mut out, &call_id, self.seq, self.number);
            }
            self.connection.stream.write_all(&out).await?;
            self.answers().await?;
            answered.fetch_add(self.burst, Relaxed);
        }
    }

    fn call_id(&self) -> String {
        format!("c-{}-{}", self.number, self.calls)
    }

    /// Only our server knows calls; the others get the same chunks without their ends.
    fn next_call(&mut self, out: &mut Vec<u8>) {
        let ended = self.call_id();
        self.calls += 1;
        if self.peer == Peer::Forewarn {
            if self.calls > 1 {
                messages::call_end(out, &ended, self.seq + 1);
            }
            messages::call_start(out, &self.call_id());
        }
        self.seq = 0;
    }

    /// Waits for the answer to the last chunk.
    async fn answers(&mut self) -> anyhow::Result<()> {
        let wanted = format!(r#""call_id":"{}","seq":{}}}"#, self.call_id(), self.seq);
        let (mut left, peer) = (self.burst, self.peer);
        while left > 0 {
            let taken = self.connection.receive(|message| {
                match peer {
                    Peer::Forewarn if message.ends_with(wanted.as_bytes()) => left = 0,
                    Peer::Forewarn => {}
                    Peer::Echo | Peer::Sink if left == 0 => bail!("more answers than chunks"),
                    Peer::Echo | Peer::Sink => left -= 1,
                }
                Ok(())
            });
            taken.await?;
        }
        Ok(())
    }
}
