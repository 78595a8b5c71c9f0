//! JSON that is made to hurt, everywhere where JSON is read: an answer to each, and no harm.

use serde_json::json;

use super::*;

const FORMATS: [&str; 22] = [
    "auto",
    "deepgram",
    "transcribe",
    "call_analytics",
    "contact_lens",
    "lca",
    "twilio",
    "conversation_relay",
    "azure",
    "acs",
    "genesys",
    "google",
    "assemblyai",
    "speechmatics",
    "vosk",
    "revai",
    "gladia",
    "soniox",
    "bandwidth",
    "telnyx",
    "jambonz",
    "zoom",
];

fn deep(open: &str, close: &str) -> String {
    open.repeat(10_000) + "1" + &close.repeat(10_000)
}

/// Texts that are no call of any kind; each shorter than the limit of a message.
fn hostile() -> Vec<(&'static str, String)> {
    let many_keys: String = (0..5_000).map(|n| format!("\"k{n}\":{n},")).collect();
    let field =
        |value: &str| format!(r#"{{"type":"chunk","call_id":"nobody","seq":1,"text":{value}}}"#);
    vec![
        ("lists", deep("[", "]")),
        ("objects", deep(r#"{"a":"#, "}").chars().take(60_000).collect()),
        ("lists without an end", "[".repeat(60_000)),
        ("lists in a field", field(&deep("[", "]"))),
        ("lists in an unknown field", format!(r#"{{"type":"chunk","x":{}}}"#, deep("[", "]"))),
        ("digits", format!(r#"{{"type":"chunk","seq":{}}}"#, "9".repeat(60_000))),
        ("a fraction", format!(r#"{{"start":0.{}}}"#, "1".repeat(60_000))),
        ("an exponent", format!(r#"{{"start":1e{}}}"#, "9".repeat(60_000))),
        ("a long key", format!(r#"{{"{}":1}}"#, "k".repeat(60_000))),
        ("the same key", format!("{{{}\"type\":\"x\"}}", r#""type":"chunk","#.repeat(4_000))),
        ("many keys", format!("{{{many_keys}\"type\":\"x\"}}")),
        ("escapes", field(&format!("\"{}\"", "\\u0041".repeat(10_000)))),
        ("halves of pairs", field(&format!("\"{}\"", "\\ud800".repeat(10_000)))),
        ("backslashes", field(&format!("\"{}", "\\".repeat(60_000)))),
    ]
}

#[tokio::test]
async fn hostile_json_is_answered_on_the_sockets() {
    let server = Server::start();
    let mut good = server.plain_ingest().await;
    let mut bad = server.plain_ingest().await;
    let mut board = server.board("sup").await;
    bad.start("bad").await;
    for (name, text) in hostile() {
        bad.send_text(&text).await;
        // A chunk without a speaker is refused, so everything here is.
        assert_eq!(bad.next_of("error").await["temporary"], false, "{name}");
        board.send_text(&text).await;
        assert_eq!(board.next_of("reply").await["ok"], false, "{name}");
    }
    bad.settled("still here").await;
    board.quiet("still here").await;
    behaves(&mut good, "good", 3).await;
}

/// Where a message is good but for what hangs on it.
#[tokio::test]
async fn attributes_and_unknown_fields_may_be_deep_and_change_nothing() {
    let server = Server::start();
    let mut peer = server.plain_ingest().await;
    peer.start("c").await;
    let attributes = deep("[", "]");
    for (seq, text) in [
        format!(r#"{{"type":"call_update","call_id":"c","seq":1,"attributes":{{"a":{attributes}}}}}"#),
        format!(r#"{{"type":"chunk","call_id":"c","seq":2,"speaker":"agent","text":"","x":{attributes}}}"#),
        format!(r#"{{"type":"call_start","call_id":"d","attributes":{{"a":{attributes}}}}}"#),
    ]
    .iter()
    .enumerate()
    {
        peer.send_text(text).await;
        let answer = peer.next().await;
        let kind = answer["type"].as_str().unwrap();
        assert!(["ack", "error", "nack"].contains(&kind), "{seq}: {answer}");
    }
    behaves(&mut peer, "e", 1).await;
    let call = get(server.address, "/v1/calls/c").await;
    assert_eq!((&call["state"], &call["attributes"]), (&json!("open"), &json!({})));
}

#[tokio::test]
async fn hostile_json_is_answered_in_every_format() {
    let server = Server::start();
    for format in FORMATS {
        let url = format!("/v1/ingest?format={format}&call_id=bad-{format}&roles=0:customer");
        let mut peer = Peer::open(server.address, &url, None).await;
        assert_eq!(peer.next().await["type"], "ready");
        for (name, text) in hostile() {
            peer.send_text(&text).await;
            let path = format!("/v1/webhooks/{format}?call_id=bad-{format}&roles=0:customer");
            let (status, _, body) = http(server.address, "POST", &path, &text).await;
            assert!([204, 400].contains(&status), "{format}, {name}: {status} {body}");
        }
        // Silence may be the answer to a vendor's message that holds nothing; the end is not.
        let ping = tokio_tungstenite::tungstenite::Message::Ping(Default::default());
        peer.send_message(ping).await;
        let open = timeout(PATIENCE, peer.send_message("x".into())).await;
        open.expect("the socket is open still");
        peer.next_of("error").await;
    }
    behaves(&mut server.plain_ingest().await, "good", 3).await;
}

#[tokio::test]
async fn hostile_bodies_are_refused() {
    let server = Server::start();
    let large: [String; 3] =
        ["[".repeat(3 << 20), format!("[0.{}]", "1".repeat(3 << 20)), deep("[", "]").repeat(100)];
    for text in hostile().into_iter().map(|(_, text)| text).chain(large) {
        let (status, ..) = http(server.address, "POST", "/v1/score", &text).await;
        assert_eq!(status, 400);
    }
    // Within a call that is good otherwise.
    let turns = r#"[{"speaker":"agent","start_ms":0,"end_ms":1,"text":"hello"}]"#;
    let call = format!(r#"{{"id":"c","turns":{turns},"x":{}}}"#, deep("[", "]"));
    let (status, ..) = http(server.address, "POST", "/v1/score", &call).await;
    assert!([200, 400].contains(&status), "{status}");
    behaves(&mut server.plain_ingest().await, "good", 3).await;
}
