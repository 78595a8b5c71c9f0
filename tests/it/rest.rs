//! REST beside the lists over the journal, health and drain.

use serde_json::{Value, json};

use crate::harness::*;

#[tokio::test]
async fn a_whole_call_scores_as_on_the_command_line() {
    let server = Server::start();
    for call in calls("td.jsonl", 3) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one.jsonl");
        write_calls(&path, std::slice::from_ref(&call));
        let offline = run(&["score", path.to_str().unwrap()]);
        let body = serde_json::to_string(&call).unwrap();
        let (status, _, answer) = http(server.address, "POST", "/v1/score", &body).await;
        assert_eq!(status, 200, "{answer}");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["turns"], json!(json_lines(&stdout(&offline))));
    }
    let kept = get(server.address, "/v1/calls").await;
    assert_eq!(kept, json!({"items": [], "next": null}), "it keeps nothing");
}

#[tokio::test]
async fn bodies_that_cannot_be_used_are_refused() {
    let server = Server::with_config("[server]\nscore_body_bytes = 1000\n");
    for (body, status) in [("no json", 400), ("{}", 400), ("[]", 400), ("", 400)] {
        let (seen, _, answer) = http(server.address, "POST", "/v1/score", body).await;
        assert_eq!(seen, status, "{answer}");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert!(answer["code"].is_string() && answer["message"].is_string(), "{answer}");
    }
    let long = format!("{{\"id\":\"{}\",\"turns\":[]}}", "x".repeat(2_000));
    assert_eq!(http(server.address, "POST", "/v1/score", &long).await.0, 413);
    assert_eq!(server.metric("server_bodies_refused_total").await, 1);
    // What the framework refuses by itself reads like everything else.
    for (path, status, code) in
        [("/v1/score", 405, "method_not_allowed"), ("/v1/calls/%ff", 400, "bad_request")]
    {
        let (seen, _, answer) = http(server.address, "GET", path, "").await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!((seen, &answer["code"]), (status, &json!(code)), "{path}");
    }
    assert_eq!(http(server.address, "GET", "/nowhere", "").await.0, 404);
    assert_eq!(http(server.address, "GET", "/v1/calls/nobody", "").await.0, 404);
    for query in ["limit=0", "limit=x", "after=x", "state=asleep"] {
        let (status, ..) = http(server.address, "GET", &format!("/v1/calls?{query}"), "").await;
        assert_eq!(status, 400, "{query}");
    }
}

#[tokio::test]
async fn lists_come_in_pages() {
    let server = Server::start();
    let mut peer = server.ingest().await;
    for number in 0..25 {
        peer.start(&format!("c-{number}")).await;
    }
    peer.send(json!({"type": "call_end", "call_id": "c-0", "seq": 1})).await;
    peer.acked("c-0", 1).await;
    let mut seen = Vec::new();
    let mut path = "/v1/calls?limit=10".to_owned();
    loop {
        let page = get(server.address, &path).await;
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 10);
        seen.extend(items.iter().map(|call| call["call_id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/calls?limit=10&after={next}");
    }
    assert_eq!(seen.len(), 25);
    let unique: std::collections::BTreeSet<&String> = seen.iter().collect();
    assert_eq!(unique.len(), 25, "none twice");
    let ended = get(server.address, "/v1/calls?state=ended").await;
    assert_eq!(ended["items"].as_array().unwrap().len(), 1);
    assert_eq!(ended["items"][0]["call_id"], "c-0");
}

#[tokio::test]
async fn pages_are_bounded() {
    let server = Server::with_config("[server]\nmax_page_items = 3\n");
    let mut peer = server.ingest().await;
    for number in 0..5 {
        peer.start(&format!("c-{number}")).await;
    }
    let page = get(server.address, "/v1/calls").await;
    assert_eq!(page["items"].as_array().unwrap().len(), 3, "also when nothing is asked for");
    let (status, _, body) = http(server.address, "GET", "/v1/alerts?limit=4", "").await;
    assert!(status == 400 && body.contains("from 1 to 3"), "{body}");
    assert_eq!(server.metric("server_pages_refused_total").await, 1);
}

#[tokio::test]
async fn connections_are_bounded() {
    let server = Server::with_config("[server]\nmax_connections = 2\n");
    let peer = server.ingest().await;
    let _other = server.ingest().await;
    assert!(Peer::try_open(server.address, "/v1/ingest", None).await.is_err());
    drop(peer);
    // The place is free once the server has seen the end.
    let freed = async {
        while Peer::try_open(server.address, "/v1/ingest", None).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, freed).await.expect("a place must be free again");
    server.logged("connection refused: too many are open").await;
}

#[tokio::test]
async fn a_call_can_be_read_with_its_transcript() {
    let server = Server::start();
    let mut peer = server.ingest().await;
    peer.start_with(json!({"call_id": "a b/ü", "queue": "billing"})).await;
    peer.chunk("a b/ü", 1, "customer", "where is my parcel").await;
    peer.acked("a b/ü", 1).await;
    let call = get(server.address, "/v1/calls/a%20b%2F%C3%BC").await;
    assert_eq!((&call["queue"], &call["last_seq"]), (&json!("billing"), &json!(1)));
    assert_eq!(call["transcript"][0]["text"], "where is my parcel");
}

#[tokio::test]
async fn health_metrics_and_the_page() {
    let server = Server::start();
    assert_eq!(get(server.address, "/healthz").await["status"], "ok");
    assert_eq!(get(server.address, "/readyz").await["status"], "ready");
    let mut peer = server.ingest().await;
    peer.start("c-1").await;
    peer.chunk("c-1", 1, "agent", "hello").await;
    peer.acked("c-1", 1).await;
    let (status, head, text) = http(server.address, "GET", "/metrics", "").await;
    assert!(status == 200 && head.contains("openmetrics-text"), "{head}");
    assert!(text.ends_with("# EOF\n"));
    let counted = |line: &str| line.starts_with("forewarn_") && line.ends_with(" 2");
    assert!(text.lines().any(|line| line.contains("messages_total") && counted(line)), "{text}");
    let (status, head, page) = http(server.address, "GET", "/", "").await;
    assert!(status == 200 && head.contains("text/html") && page.contains("Forewarn"));
    assert!(!page.contains("https://") && !page.contains("http://"), "it asks no other host");
}

#[tokio::test]
async fn a_drain_acks_what_was_taken_and_says_come_back() {
    let mut server = Server::start();
    let mut board = server.board("sup").await;
    let mut peer = server.ingest().await;
    peer.start("c-1").await;
    for seq in 1..=50 {
        peer.chunk("c-1", seq, "customer", "words and more words").await;
    }
    peer.acked("c-1", 1).await;
    server.terminate();
    assert_eq!(peer.close_code().await, 1012);
    assert_eq!(board.close_code().await, 1012);
    assert_eq!(server.wait().code(), Some(0));
}

#[tokio::test]
async fn an_interrupt_drains_too() {
    let mut server = Server::start();
    let mut board = server.board("sup").await;
    server.interrupt();
    assert_eq!(board.close_code().await, 1012);
    assert_eq!(server.wait().code(), Some(0));
    assert!(tokio::net::TcpStream::connect(server.address).await.is_err(), "the port is closed");
}

#[tokio::test]
async fn a_page_of_somebody_else_may_not_open_a_socket() {
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;
    let server = Server::start();
    let open = async |origin: &str| {
        let mut request = server.url("/v1/console").into_client_request().unwrap();
        request.headers_mut().insert("origin", origin.parse().unwrap());
        let stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
        tokio_tungstenite::client_async(request, stream).await.is_ok()
    };
    assert!(!open("https://evil.example").await);
    assert!(open(&format!("http://{}", server.address)).await);
}
