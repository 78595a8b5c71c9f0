//! A journal without room: inputs wait, what was acked stays, more room is all it needs.

use std::path::Path;

use serde_json::json;

use crate::harness::*;

/// A server whose journal's file may have so many bytes.
fn with_room(dir: &Path, bytes: u64) -> Server {
    let config = dir.join(format!("{bytes}.toml"));
    let data = dir.join("data");
    let text = format!(
        "data_dir = {:?}\n[journal]\nmax_file_bytes = {bytes}\nmax_bytes = 500000\n\
         retry_max_ms = 100\n",
        data.to_str().unwrap()
    );
    std::fs::write(&config, text).unwrap();
    Server::with_file(&config)
}

#[tokio::test]
async fn a_full_journal_stops_acks_and_loses_none() {
    let folder = tempfile::tempdir().unwrap();
    let server = with_room(folder.path(), 1 << 20);
    let mut peer = server.plain_ingest().await;
    peer.start("c").await;
    let text = "word ".repeat(4_000);
    let chunks = 100;
    // Alone in its commit: those that follow may all stand in one, which does not fit.
    peer.chunk("c", 1, "other", &text).await;
    peer.acked("c", 1).await;
    for seq in 2..=chunks {
        peer.chunk("c", seq, "other", &text).await;
    }
    server.says(503, "the journal cannot be written").await;
    assert!(server.metric("journal_commit_failures_total").await > 0);
    assert_eq!(server.metric("journal_writable").await, 0);
    assert_eq!(get(server.address, "/healthz").await["status"], "ok");
    server.logged("raise `max_file_bytes` in [journal]").await;
    server.kill();
    let mut acked = 1;
    while let Ok(message) = peer.try_next().await {
        acked = message["seq"].as_u64().unwrap_or(acked);
    }
    assert!(acked < chunks, "{acked}");
    drop(server);

    let server = with_room(folder.path(), 8 << 20);
    server.says(200, "ready").await;
    let mut peer = server.plain_ingest().await;
    let last_seq = peer.start("c").await["last_seq"].as_u64().unwrap();
    assert!(last_seq >= acked, "acked up to {acked}, but only {last_seq} are there");
    for seq in last_seq + 1..=chunks {
        peer.chunk("c", seq, "other", &text).await;
    }
    peer.acked("c", chunks).await;
    let transcript = get(server.address, "/v1/calls/c").await["transcript"].clone();
    let seqs: Vec<_> = transcript.as_array().unwrap().iter().map(|said| &said["seq"]).collect();
    assert_eq!(json!(seqs), json!((1..=chunks).collect::<Vec<_>>()));
}

/// Ended calls over `max_bytes` go while the file is full, so it comes back by itself.
#[tokio::test]
async fn a_journal_full_of_ended_calls_comes_back_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("small.toml");
    let data = folder.path().join("data");
    let text = format!(
        "data_dir = {:?}\n[journal]\nmax_file_bytes = 1048576\nmax_bytes = 300000\n\
         history_messages = 5\nretry_max_ms = 100\n",
        data.to_str().unwrap()
    );
    std::fs::write(&config, text).unwrap();
    let server = Server::with_file(&config);
    let mut peer = server.plain_ingest().await;
    let text = "word ".repeat(2_000);
    // Until the file has really been full, and some calls more.
    let (mut number, mut more) = (0, 10);
    while more > 0 {
        assert!(number < 200, "the file never was full");
        let call = format!("c-{number}");
        peer.start(&call).await;
        for seq in 1..=10 {
            peer.chunk(&call, seq, "other", &text).await;
        }
        peer.send(json!({"type": "call_end", "call_id": call, "seq": 11})).await;
        // Everything is acked in the end, whatever passes through.
        peer.acked(&call, 11).await;
        more -= i32::from(server.metric("journal_commit_failures_total").await > 0);
        number += 1;
    }
    server.logged("raise `max_file_bytes` in [journal]").await;
    server.says(200, "ready").await;
    assert!(std::fs::metadata(data.join("journal.db")).unwrap().len() <= 1 << 20);
}
