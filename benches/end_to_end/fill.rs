//! Opens calls and says something in each, as fast as the server takes it.

use std::sync::Arc;

use anyhow::bail;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use crate::connection::Connection;
use crate::frames;
use crate::messages::{self, Turns};

/// Bytes of one write.
const WRITE_BYTES: usize = 64 << 10;

/// Starts `calls[n]` on connection `n` and says `chunks` turns in each, all calls in turn; waits
/// until all of it is acked. Gives the connections back.
///
/// # Errors
/// When the server refuses something.
pub async fn fill(
    connections: Vec<Connection>,
    calls: Vec<Vec<String>>,
    chunks: u64,
    turns: &Arc<Turns>,
) -> anyhow::Result<Vec<Connection>> {
    let mut tasks = JoinSet::new();
    for (place, (connection, calls)) in connections.into_iter().zip(calls).enumerate() {
        let turns = Arc::clone(turns);
        tasks
            .spawn(async move { Ok((place, fill_one(connection, &calls, chunks, &turns).await?)) });
    }
    let mut filled = tasks.join_all().await.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    filled.sort_by_key(|(place, _)| *place);
    Ok(filled.into_iter().map(|(_, connection)| connection).collect())
}

/// `calls` calls named `c-0`, `c-1` …, dealt out to `connections` connections.
pub fn dealt(calls: usize, connections: usize) -> Vec<Vec<String>> {
    let of = |place| (place..calls).step_by(connections).map(|call| format!("c-{call}")).collect();
    (0..connections).map(of).collect()
}

async fn fill_one(
    mut connection: Connection,
    calls: &[String],
    chunks: u64,
    turns: &Turns,
) -> anyhow::Result<Connection> {
    let Connection { stream, received } = &mut connection;
    let (mut from, mut to) = stream.split();
    let writing = async {
        let mut out = Vec::with_capacity(WRITE_BYTES * 2);
        for seq in 0..=chunks {
            for (place, call_id) in calls.iter().enumerate() {
                match seq {
                    0 => messages::call_start(&mut out, call_id),
                    _ => turns.chunk(&mut out, call_id, seq, place),
                }
                if out.len() >= WRITE_BYTES {
                    to.write_all(&out).await?;
                    out.clear();
                }
            }
        }
        to.write_all(&out).await?;
        anyhow::Ok(())
    };
    let reading = async {
        let mut left = calls.len();
        while left > 0 {
            if from.read_buf(received).await? == 0 {
                bail!("the server closed the connection");
            }
            frames::drain(received, |message| {
                // `started` has no `seq`, an ack of all chunks that of the last.
                let done = messages::address(message).is_some_and(|(.., seq)| seq == chunks);
                left -= usize::from(done);
                Ok(())
            })?;
        }
        Ok(())
    };
    tokio::try_join!(writing, reading)?;
    Ok(connection)
}
