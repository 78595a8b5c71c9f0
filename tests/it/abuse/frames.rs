//! Floods of frames: pings, empty pieces, tiny messages, all there is. They slow their sender and
//! nobody else.

use super::*;

/// Plays beside a flood for as long as it takes `counter` to move, and some calls more.
async fn plays_on(server: &Server, counter: &str, chunks: u64) {
    let mut peer = server.plain_ingest().await;
    behaves(&mut peer, "first", chunks).await;
    server.counts(counter, 1).await;
    behaves(&mut peer, "second", chunks).await;
    // Consoles, too.
    let mut board = server.board("sup").await;
    board.quiet("still there").await;
}

#[tokio::test]
async fn a_flood_of_pings_slows_its_sender_only() {
    let server = Server::with_one_thread("");
    for path in ["/v1/ingest", "/v1/console"] {
        let stream = TcpStream::connect(server.address).await.unwrap();
        let pings = frame(FIN | PING, b"are you there?").repeat(3_000);
        let flooding = busy_flood(raw_socket(stream, path).await, pings);
        plays_on(&server, "server_slowed_total{by=\"pings\"}", 50).await;
        assert!(!flooding.is_finished(), "{path}: it is slowed and not closed");
        flooding.abort();
    }
}

#[tokio::test]
async fn a_flood_of_empty_pieces_slows_its_sender_only() {
    let server = Server::with_one_thread("");
    for path in ["/v1/ingest", "/v1/console"] {
        let before = server.counted("server_slowed_total{by=\"other_bytes\"}").await;
        let stream = TcpStream::connect(server.address).await.unwrap();
        let mut stream = raw_socket(stream, path).await;
        stream.write_all(&frame(TEXT, b"")).await.unwrap();
        let flooding = busy_flood(stream, frame(PIECE, b"").repeat(10_000));
        server.counts("server_slowed_total{by=\"other_bytes\"}", before + 1).await;
        plays_on(&server, "server_slowed_total{by=\"other_bytes\"}", 50).await;
        flooding.abort();
    }
}

/// Each is answered with an error, and errors cost more than other messages.
#[tokio::test]
async fn a_flood_of_tiny_messages_slows_its_sender_only() {
    let server = Server::with_one_thread("[server]\nerrors_per_s = 100\n");
    let stream = TcpStream::connect(server.address).await.unwrap();
    let tiny = [frame(FIN | TEXT, b""), frame(FIN | TEXT, b"{}"), frame(FIN | TEXT, b"[")].concat();
    let stream = raw_socket(stream, "/v1/ingest").await;
    let flooding = busy_flood(stream, tiny.repeat(2_000));
    plays_on(&server, "server_slowed_total{by=\"messages\"}", 50).await;
    assert!(!flooding.is_finished(), "it is slowed and not closed");
    flooding.abort();
}

/// Good messages as fast as they can be written, on the one thread that the server has.
#[tokio::test]
async fn who_sends_all_that_goes_starves_nobody() {
    let server = Server::with_one_thread("[server]\ncredits = 64\n");
    let mut fast = server.plain_ingest().await;
    fast.start("fast").await;
    let (mut writer, mut reader) = futures_util::StreamExt::split(fast.ws);
    let writing = tokio::spawn(async move {
        for seq in 1.. {
            let message = chunk("fast", seq, "customer", "and another thing");
            let message = tokio_tungstenite::tungstenite::Message::text(message.to_string());
            if futures_util::SinkExt::send(&mut writer, message).await.is_err() {
                return;
            }
        }
    });
    let reading =
        tokio::spawn(
            async move { while futures_util::StreamExt::next(&mut reader).await.is_some() {} },
        );
    plays_on(&server, "server_messages_total", 20).await;
    assert!(!writing.is_finished() && !reading.is_finished(), "the flood went on meanwhile");
    writing.abort();
    reading.abort();
}
