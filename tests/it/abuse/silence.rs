//! Peers that are there no more, or as good as that: they answer no ping, or read nothing.

use serde_json::json;

use super::*;

/// Of a peer that vanished nothing comes, no end either. Its call ends when nobody comes back.
#[tokio::test]
async fn a_peer_that_vanished_is_noticed_and_its_calls_wait_for_another() {
    let server =
        Server::with_config("[server]\nping_s = 1\nsilent_s = 2\n[desk]\nresume_grace_s = 2\n");
    let stream = TcpStream::connect(server.address).await.unwrap();
    let mut gone = raw_socket(stream, "/v1/ingest").await;
    for message in
        [r#"{"type":"call_start","call_id":"kept"}"#, r#"{"type":"call_start","call_id":"lost"}"#]
    {
        gone.write_all(&frame(FIN | TEXT, message.as_bytes())).await.unwrap();
    }
    server.counts("server_closed_total{endpoint=\"ingest\",code=\"1001\"}", 1).await;
    let mut back = server.plain_ingest().await;
    let started = back.start("kept").await;
    assert_eq!((&started["last_seq"], &started["ended"]), (&json!(0), &json!(null)));
    server.counts("desk_abandoned_total", 1).await;
    let call = get(server.address, "/v1/calls/lost").await;
    assert_eq!((&call["state"], &call["reason"]), (&json!("ended"), &json!("abandoned")));
    assert_eq!(get(server.address, "/v1/calls/kept").await["state"], "open");
    // The other end never closed.
    drop(gone);
}

/// Time in which the server does not read counts for nothing, so silence alone never ends it.
#[tokio::test]
async fn a_platform_that_reads_nothing_is_left_and_its_call_goes_on_elsewhere() {
    let server = Server::with_config(
        "[server]\nping_s = 1\nsilent_s = 600\nstalled_s = 1\nerrors_per_s = 1000000\n\
         ingest_messages_per_s = 1000000\n",
    );
    let mut deaf = raw_socket(connect_narrow(&server).await, "/v1/ingest").await;
    let start = r#"{"type":"call_start","call_id":"c"}"#;
    let chunk = r#"{"type":"chunk","call_id":"c","seq":1,"speaker":"agent","text":"hello"}"#;
    deaf.write_all(&frame(FIN | TEXT, start.as_bytes())).await.unwrap();
    deaf.write_all(&frame(FIN | TEXT, chunk.as_bytes())).await.unwrap();
    let before = server.memory_kib();
    let flooding = flood(deaf, frame(FIN | TEXT, b"nonsense").repeat(1_000));
    timeout(PATIENCE, flooding).await.expect("the server does not close").unwrap();
    server.counts("server_stalled_total", 1).await;
    if let (Some(before), Some(after)) = (before, server.memory_kib()) {
        assert!(after < before + 200_000, "{before} KiB became {after}");
    }
    let mut back = server.plain_ingest().await;
    assert_eq!(back.start("c").await["last_seq"], 1);
}

/// Pongs wait in the websocket's own buffer, which no other limit sees.
#[tokio::test]
async fn who_reads_no_pong_is_left() {
    let server = Server::with_config(
        "[server]\nstalled_s = 1\npings_per_s = 1000000\nother_bytes_per_s = 1000000000\n",
    );
    let before = server.memory_kib();
    let mut floods = Vec::new();
    for path in ["/v1/ingest", "/v1/console"].repeat(5) {
        let stream = raw_socket(connect_narrow(&server).await, path).await;
        floods.push(flood(stream, frame(FIN | PING, &[b'x'; 125]).repeat(500)));
    }
    behaves(&mut server.plain_ingest().await, "c", 20).await;
    for flooding in floods {
        timeout(PATIENCE, flooding).await.expect("the server does not close").unwrap();
    }
    server.counts("server_stalled_total", 10).await;
    if let (Some(before), Some(after)) = (before, server.memory_kib()) {
        assert!(after < before + 200_000, "{before} KiB became {after}");
    }
}
