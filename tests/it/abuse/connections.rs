//! Connections and requests: too many, too slow, too large.

use serde_json::Value;

use super::*;
use crate::access::{bearer, token};

#[tokio::test]
async fn connections_of_an_address_are_bounded() {
    let server = Server::with_config("[server]\nmax_connections_per_address = 3\n");
    let mut peers = Vec::new();
    for _ in 0..3 {
        peers.push(server.plain_ingest().await);
    }
    for _ in 0..20 {
        let mut over = TcpStream::connect(server.address).await.unwrap();
        over.write_all(handshake("/v1/ingest", "").as_bytes()).await.unwrap();
        let answer = read_to_end(&mut over).await;
        assert!(answer.starts_with("http/1.1 429"), "{answer}");
        assert!(answer.contains("retry-after: 1\r\n"), "{answer}");
    }
    // Others are served, and those who are here go on.
    let mut other = connect_from("127.0.0.2", &server).await;
    other.write_all(head("GET", "/metrics", "connection: close\r\n").as_bytes()).await.unwrap();
    let metrics = read_to_end(&mut other).await;
    let counted = "forewarn_server_over_limit_total{limit=\"max_connections_per_address\"} 20\n";
    assert!(metrics.contains(counted), "{metrics}");
    behaves(&mut peers[2], "c", 5).await;
    peers.truncate(2);
    let freed = async {
        while Peer::try_open(server.address, "/v1/ingest", None).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, freed).await.expect("a place must be free again");
    server.logged("refused: over a limit in [server]").await;
}

#[tokio::test]
async fn websockets_of_a_token_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let own = token(folder.path(), &["--role", "ingest"]);
    let other = token(folder.path(), &["--role", "ingest"]);
    let server = Server::on_disk_with(
        folder.path(),
        "[server]\nmax_sockets_per_token = 2\n[auth]\nmetrics_without_token = true\n",
    );
    let open = async |token: &str| {
        let own = bearer(token);
        Peer::try_open_with(server.address, "/v1/ingest", &[("authorization", &own)]).await
    };
    let first = open(&own).await.unwrap();
    let _second = open(&own).await.unwrap();
    let more = format!("authorization: {}\r\n", bearer(&own));
    let mut over = TcpStream::connect(server.address).await.unwrap();
    over.write_all(handshake("/v1/ingest", &more).as_bytes()).await.unwrap();
    let refused = answer(&mut over).await;
    assert!(refused.starts_with("http/1.1 429") && refused.contains("retry-after"), "{refused}");
    assert!(open(&other).await.is_ok(), "another token has its own");
    let counted = server.counted("server_over_limit_total{limit=\"max_sockets_per_token\"}").await;
    assert_eq!(counted, 1);
    drop(first);
    let freed = async {
        while open(&own).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, freed).await.expect("a place must be free again");
}

#[tokio::test]
async fn requests_of_a_token_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let own = token(folder.path(), &["--role", "supervisor"]);
    let other = token(folder.path(), &["--role", "supervisor"]);
    let server = Server::on_disk_with(folder.path(), "[server]\nrequests_per_s_per_token = 1\n");
    let ask = async |token: &str| {
        let more = format!("authorization: {}\r\n", bearer(token));
        http_with(server.address, "GET", "/v1/calls", &more, "").await
    };
    let mut answer = ask(&own).await;
    for _ in 0..ENOUGH {
        if answer.0 == 200 {
            answer = ask(&own).await;
        }
    }
    let (status, head, body) = answer;
    assert!(status == 429 && head.contains("retry-after: 1"), "{head}");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["code"], "rate_limited");
    assert_eq!(ask(&other).await.0, 200, "another token has its own");
}

#[tokio::test]
async fn requests_of_an_address_are_bounded_whatever_they_ask() {
    let server = Server::with_config("[server]\nrequests_per_s_per_address = 1\n");
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    for asked in 0.. {
        assert!(asked < ENOUGH, "never over the rate");
        stream.write_all(head("GET", "/healthz", "").as_bytes()).await.unwrap();
        let head = answer(&mut stream).await;
        if head.starts_with("http/1.1 429") {
            assert!(head.contains("retry-after: 1"), "{head}");
            break;
        }
        assert!(head.starts_with("http/1.1 200"), "{head}");
        let mut body = vec![0; r#"{"status":"ok"}"#.len()];
        stream.read_exact(&mut body).await.unwrap();
    }
    let mut other = connect_from("127.0.0.2", &server).await;
    other.write_all(head("GET", "/healthz", "").as_bytes()).await.unwrap();
    assert!(answer(&mut other).await.starts_with("http/1.1 200"), "others have their own");
}

/// Byte by byte, and never to an end.
#[tokio::test]
async fn a_head_that_never_ends_is_closed() {
    let server = Server::with_config("[server]\nheader_timeout_s = 1\n");
    let silent = TcpStream::connect(server.address).await.unwrap();
    let asked_once = {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(head("GET", "/healthz", "").as_bytes()).await.unwrap();
        assert!(answer(&mut stream).await.starts_with("http/1.1 200"));
        stream
    };
    let dripping = TcpStream::connect(server.address).await.unwrap();
    let (mut reader, mut writer) = dripping.into_split();
    let drip = tokio::spawn(async move {
        let mut pace = tokio::time::interval(std::time::Duration::from_millis(50));
        let endless = head("GET", "/", "").into_bytes();
        let endless = endless[..endless.len() - 2].iter().chain(b"x-a: b\r\n".iter().cycle());
        for byte in endless {
            pace.tick().await;
            if writer.write_all(&[*byte]).await.is_err() {
                return;
            }
        }
    });
    let mut rest = Vec::new();
    let ended = timeout(PATIENCE, reader.read_to_end(&mut rest)).await;
    let _ = ended.expect("the server does not close");
    drop(reader);
    timeout(PATIENCE, drip).await.expect("the other end is gone").unwrap();
    for mut stream in [silent, asked_once] {
        read_to_end(&mut stream).await;
    }
}

#[tokio::test]
async fn a_body_that_never_comes_is_given_up() {
    let server = Server::with_config("[server]\nbody_timeout_s = 1\n");
    for path in ["/v1/score", "/v1/webhooks/vosk"] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let begun = head("POST", path, "content-length: 100\r\n") + "{";
        stream.write_all(begun.as_bytes()).await.unwrap();
        let answer = answer(&mut stream).await;
        let (timeout, busy) = ("http/1.1 408", "http/1.1 503");
        assert!(answer.starts_with(timeout) || answer.starts_with(busy), "{path}: {answer}");
    }
}

#[tokio::test]
async fn heads_over_the_limits_are_refused() {
    let server = Server::start();
    let long = format!("x-long: {}\r\n", "x".repeat(300_000));
    for more in [long, "x-a: b\r\n".repeat(200)] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        // The server may close before it has read all of it.
        let _ = stream.write_all(head("GET", "/healthz", &more).as_bytes()).await;
        let answer = read_to_end(&mut stream).await;
        assert!(answer.is_empty() || answer.starts_with("http/1.1 431"), "{answer}");
    }
    assert_eq!(get(server.address, "/healthz").await["status"], "ok");
}

/// Whoever asks at once is served, however many say nothing.
#[tokio::test]
async fn idle_connections_keep_nobody_out() {
    let server = Server::with_config(
        "[server]\nmax_connections = 30\nmax_idle_connections = 5\nheader_timeout_s = 600\n",
    );
    let mut peer = server.plain_ingest().await;
    let mut idle = Vec::new();
    for number in 0..100_u64 {
        idle.push(TcpStream::connect(server.address).await.unwrap());
        // Those that had to go are seen to have gone before more come.
        server.counts("server_idle_closed_total", number.saturating_sub(10)).await;
    }
    behaves(&mut peer, "c", 3).await;
    behaves(&mut server.plain_ingest().await, "d", 3).await;
    assert_eq!(server.counted("server_refused_connections_total").await, 0);
    for mut stream in idle.drain(..80) {
        assert_eq!(read_to_end(&mut stream).await, "");
    }
}

#[tokio::test]
async fn slow_bodies_keep_nobody_out() {
    let server =
        Server::with_config("[server]\nmax_bodies = 4\nmax_scoring = 1\nbody_timeout_s = 600\n");
    let mut slow = Vec::new();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let begun = head("POST", "/v1/score", "content-length: 100\r\n") + "{";
        stream.write_all(begun.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    server.counts("server_bodies_given_up_total", 16).await;
    let body = serde_json::to_string(&calls("td.jsonl", 1)[0]).unwrap();
    assert_eq!(http(server.address, "POST", "/v1/score", &body).await.0, 200);
    let refused = answer(&mut slow[0]).await;
    assert!(refused.starts_with("http/1.1 503") && refused.contains("retry-after"), "{refused}");
}

#[tokio::test]
async fn who_reads_no_answer_is_left() {
    let server =
        Server::with_config("[server]\nstalled_s = 1\nrequests_per_s_per_address = 1000000\n");
    let stream = connect_narrow(&server).await;
    let asking = flood(stream, head("GET", "/openapi.json", "").repeat(10).into_bytes());
    timeout(PATIENCE, asking).await.expect("the server does not close").unwrap();
    server.counts("server_stalled_total", 1).await;
}
