//! Calls, messages and bytes of a token, over all its connections.

use serde_json::{Value, json};

use super::*;
use crate::access::{platform, token};

/// Two tokens, and a server that knows them.
fn two_tokens(config: &str) -> (tempfile::TempDir, Server, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let own = token(folder.path(), &["--role", "ingest"]);
    let other = token(folder.path(), &["--role", "ingest"]);
    let open = format!("{config}[auth]\nmetrics_without_token = true\n");
    let server = Server::on_disk_with(folder.path(), &open);
    (folder, server, own, other)
}

async fn tries(peer: &mut Peer, call: &str) -> Value {
    peer.send(json!({"type": "call_start", "call_id": call})).await;
    peer.find(|m| m["call_id"] == call && (m["type"] == "started" || m["type"] == "error")).await
}

#[tokio::test]
async fn open_calls_of_a_token_are_bounded() {
    let (_folder, server, own, other) =
        two_tokens("[desk]\nmax_calls_per_token = 3\nresume_grace_s = 600\n");
    let mut first = platform(&server, &own).await;
    let mut second = platform(&server, &own).await;
    for call in ["a", "b"] {
        assert_eq!(tries(&mut first, call).await["type"], "started");
    }
    assert_eq!(tries(&mut second, "c").await["type"], "started");
    let refused = tries(&mut second, "d").await;
    assert_eq!((&refused["code"], &refused["temporary"]), (&json!("too_many_calls"), &json!(true)));
    let mut stranger = platform(&server, &other).await;
    assert_eq!(tries(&mut stranger, "x").await["type"], "started", "others have their own");
    // Resumed on another connection of the same token: no place more, and none less.
    assert_eq!(tries(&mut second, "a").await["type"], "started");
    assert_eq!(tries(&mut second, "d").await["code"], "too_many_calls");
    // Calls that wait for their platform still count, and may always be resumed.
    drop(second);
    let closed = "server_sockets{endpoint=\"ingest\"}";
    while server.counted(closed).await > 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(tries(&mut first, "d").await["code"], "too_many_calls");
    assert_eq!(tries(&mut first, "a").await["type"], "started");
    first.send(json!({"type": "call_end", "call_id": "a", "seq": 1})).await;
    first.acked("a", 1).await;
    assert_eq!(tries(&mut first, "d").await["type"], "started");
    assert!(server.counted("desk_too_many_calls_total").await >= 3);
}

#[tokio::test]
async fn messages_of_a_token_are_read_more_slowly_and_all_acked() {
    for limit in ["messages_per_s_per_token = 50", "bytes_per_s_per_token = 5000"] {
        let (_folder, server, own, other) = two_tokens(&format!("[server]\n{limit}\n"));
        let mut peers = [platform(&server, &own).await, platform(&server, &own).await];
        for (number, peer) in peers.iter_mut().enumerate() {
            let call = format!("c-{number}");
            peer.start(&call).await;
            for seq in 1..=100 {
                peer.chunk(&call, seq, "agent", "hello").await;
            }
        }
        behaves(&mut platform(&server, &other).await, "other", 5).await;
        for (number, peer) in peers.iter_mut().enumerate() {
            peer.acked(&format!("c-{number}"), 100).await;
        }
        assert!(server.counted("server_slowed_total{by=\"token\"}").await > 0, "{limit}");
    }
}

#[tokio::test]
async fn webhooks_over_the_rate_are_told_to_come_back() {
    let server = Server::with_config("[server]\nmessages_per_s_per_token = 1\n");
    let path = "/v1/webhooks/vosk?call_id=c&roles=customer";
    let mut answer = http(server.address, "POST", path, r#"{"text":"hello"}"#).await;
    for _ in 0..ENOUGH {
        if answer.0 == 204 {
            answer = http(server.address, "POST", path, r#"{"text":"hello"}"#).await;
        }
    }
    let (status, head, _) = answer;
    assert!(status == 429 && head.contains("retry-after: 1"), "{head}");
}

/// Alone it may use all there is; beside a platform that brings little it is read more slowly.
#[tokio::test]
async fn who_brings_much_makes_room_for_who_brings_little() {
    let server =
        Server::with_config("[server]\nshared_messages_per_s = 200\nmodest_messages_per_s = 50\n");
    let slowed = "server_slowed_total{by=\"others\"}";
    let stream = TcpStream::connect(server.address).await.unwrap();
    let mut much = raw_socket(stream, "/v1/ingest").await;
    let start = frame(FIN | TEXT, br#"{"type":"call_start","call_id":"much"}"#);
    much.write_all(&start).await.unwrap();
    let chunk = br#"{"type":"chunk","call_id":"much","seq":1,"speaker":"agent","text":"a"}"#;
    let flooding = busy_flood(much, frame(FIN | TEXT, chunk).repeat(500));
    // More than the shared rate gives in a minute.
    server.counts("server_messages_total", 20_000).await;
    assert_eq!(server.counted(slowed).await, 0, "nobody else is there");
    let mut modest = server.plain_ingest().await;
    behaves(&mut modest, "modest", 10).await;
    server.counts(slowed, 1).await;
    behaves(&mut modest, "goes on", 10).await;
    assert!(!flooding.is_finished(), "it is slowed and not closed");
    flooding.abort();
}
