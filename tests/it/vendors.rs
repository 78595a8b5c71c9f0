//! Vendor formats over websockets and webhooks.

use std::net::SocketAddr;

use base64::prelude::{BASE64_STANDARD, Engine};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::*;
use crate::witness;

/// A platform that speaks a vendor's format, after its `ready`.
async fn vendor(server: &Server, query: &str) -> Peer {
    let mut peer = Peer::open(server.address, &format!("/v1/ingest?{query}"), None).await;
    assert_eq!(peer.next().await["type"], "ready");
    peer
}

async fn post(
    address: SocketAddr,
    path: &str,
    head: &str,
    request_body: &str,
) -> (u16, String, String) {
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{head}\
         content-length: {}\r\n\r\n{request_body}",
        request_body.len()
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let head = head.to_ascii_lowercase();
    witness::answered("POST", path, request_body, status, &head, body);
    (status, head, body.to_owned())
}

/// `speaker start-end text` of each final chunk.
async fn transcript(server: &Server, call_id: &str) -> Vec<String> {
    let call = get(server.address, &format!("/v1/calls/{call_id}")).await;
    let said = call["transcript"].as_array().unwrap().iter().map(|said| {
        let time = |name: &str| said[name].as_i64().map_or(String::new(), |ms| ms.to_string());
        let speaker = said["speaker"].as_str().unwrap();
        let text = said["text"].as_str().unwrap();
        format!("{speaker} {}-{} {text}", time("start_ms"), time("end_ms"))
    });
    said.collect()
}

fn deepgram(channel: u64, start: f64, duration: f64, is_final: bool, text: &str) -> Value {
    json!({"type": "Results", "channel_index": [channel, 2], "start": start, "duration": duration,
           "is_final": is_final, "speech_final": is_final,
           "channel": {"alternatives": [{"transcript": text, "confidence": 0.98}]},
           "metadata": {"request_id": "r-1"}})
}

#[tokio::test]
async fn deepgram_dials_us_and_is_never_closed_for_a_bad_message() {
    let server = Server::start();
    let query = "format=deepgram&call_id=c-1&queue=billing&roles=0:agent,1:customer&scores=true";
    let mut peer = vendor(&server, query).await;
    peer.send(deepgram(0, 1.0, 2.0, true, "Thank you for calling.")).await;
    assert_eq!(peer.next_of("started").await["call_id"], "c-1");
    peer.send_text("{\"type\":\"Results\",").await;
    assert_eq!(peer.next_of("error").await["code"], "bad_json");
    peer.send(json!({"type": "Results", "start": 1.0})).await;
    assert_eq!(peer.next_of("error").await["code"], "bad_message");
    peer.send_text(&format!("{{\"type\":\"{}\"}}", "x".repeat(70_000))).await;
    assert_eq!(peer.next_of("error").await["code"], "too_large");
    peer.send_message(Message::binary(vec![0; 100])).await;
    peer.send(json!({"type": "SomethingNew"})).await;
    peer.send(deepgram(1, 12.4, 0.9, false, "i want to can")).await;
    // The first chunk's may come only now.
    let score = peer.find(|m| m["type"] == "score" && m["seq"] == 2).await;
    assert_eq!(score["final"], false);
    // JSON in a binary frame is JSON.
    let last = deepgram(1, 12.4, 2.7, true, "I want to cancel.").to_string();
    peer.send_message(Message::binary(last.into_bytes())).await;
    peer.send(json!({"type": "Metadata", "request_id": "r-1", "duration": 20.0})).await;
    peer.acked("c-1", 4).await;
    let call = get(server.address, "/v1/calls/c-1").await;
    assert_eq!((&call["queue"], &call["state"]), (&json!("billing"), &json!("ended")));
    assert_eq!(
        transcript(&server, "c-1").await,
        ["agent 1000-3000 Thank you for calling.", "customer 12400-15100 I want to cancel."]
    );
    // What comes after the end is counted with the binary frame and the new kind.
    peer.send(deepgram(1, 20.0, 1.0, true, "Too late.")).await;
    peer.send(json!({"type": "Results"})).await;
    peer.next_of("error").await;
    assert_eq!(server.metric("server_vendor_skipped_total{format=\"deepgram\"}").await, 3);
    assert_eq!(transcript(&server, "c-1").await.len(), 2);
}

#[tokio::test]
async fn without_an_end_marker_the_call_ends_after_the_socket_with_its_last_partial() {
    let server = Server::with_config("[desk]\nresume_grace_s = 0\n");
    let mut board = server.board("sup").await;
    let mut peer = vendor(&server, "format=acs").await;
    peer.send(json!({"kind": "TranscriptionMetadata", "transcriptionMetadata":
                     {"callConnectionId": "cc-1", "locale": "en-US"}}))
        .await;
    peer.next_of("started").await;
    peer.send(json!({"kind": "TranscriptionData", "transcriptionData": {"text": "Get me your man",
        "offset": 124_000_000, "duration": 9_000_000, "participantRawID": "4:+14255550123",
        "resultStatus": "Intermediate"}}))
        .await;
    peer.acked("cc-1", 1).await;
    drop(peer);
    let ended = board.find(|m| m["type"] == "call" && m["event"] == "ended").await;
    assert_eq!(ended["call"]["reason"], "abandoned");
    assert_eq!(transcript(&server, "cc-1").await, ["customer 12400-13300 Get me your man"]);
}

#[tokio::test]
async fn a_stream_that_comes_back_goes_on_in_call_time() {
    let server = Server::start();
    let query = "format=vosk&call_id=c-1&roles=customer";
    let said = |start: f64, text: &str| json!({"text": text, "result": [{"word": "x", "start": start, "end": start + 1.0}]});
    let mut peer = vendor(&server, query).await;
    peer.send(said(60.0, "hello")).await;
    peer.acked("c-1", 1).await;
    drop(peer);
    let mut peer = vendor(&server, query).await;
    peer.send(said(2.0, "hello again")).await;
    assert_eq!(peer.next_of("started").await["last_seq"], 1);
    peer.acked("c-1", 2).await;
    assert_eq!(
        transcript(&server, "c-1").await,
        ["customer 60000-61000 hello", "customer 63000-64000 hello again"]
    );
}

#[tokio::test]
async fn a_socket_for_each_side_of_a_call_is_one_call() {
    let server = Server::start();
    let mut caller = vendor(&server, "format=vosk&call_id=c-1&roles=customer").await;
    let mut agent = vendor(&server, "format=vosk&call_id=c-1&roles=agent").await;
    let mut expected = Vec::new();
    for turn in 0..4_u64 {
        caller.send(json!({"text": format!("where is it {turn}")})).await;
        caller.acked("c-1", 2 * turn + 1).await;
        agent.send(json!({"text": format!("on its way {turn}")})).await;
        agent.acked("c-1", 2 * turn + 2).await;
        expected.push(format!("customer - where is it {turn}"));
        expected.push(format!("agent - on its way {turn}"));
    }
    assert_eq!(transcript(&server, "c-1").await, expected);
}

#[tokio::test]
async fn auto_finds_the_format_and_protocol_v1() {
    let server = Server::start();
    let mut peer = vendor(&server, "format=auto").await;
    peer.send(json!({"hello": "world"})).await;
    peer.send(json!([
        {"EventType": "START", "CallId": "c-1", "AgentId": "a-17"},
        {"EventType": "ADD_TRANSCRIPT_SEGMENT", "CallId": "c-1", "Channel": "CALLER",
         "SegmentId": "s-1", "StartTime": 1.5, "EndTime": 2.5, "IsPartial": false,
         "Transcript": "Hello there."},
        {"EventType": "START", "CallId": "c-2"},
        {"EventType": "END", "CallId": "c-1"},
    ]))
    .await;
    peer.acked("c-1", 2).await;
    assert_eq!(transcript(&server, "c-1").await, ["customer 1500-2500 Hello there."]);
    assert_eq!(get(server.address, "/v1/calls/c-1").await["agent_id"], "a-17");
    assert_eq!(server.metric("server_vendor_skipped_total{format=\"auto\"}").await, 1);
    let mut peer = vendor(&server, "format=auto").await;
    peer.start("native").await;
    peer.chunk("native", 1, "customer", "hello").await;
    peer.acked("native", 1).await;
}

#[tokio::test]
async fn a_url_that_cannot_be_used_is_refused() {
    let server = Server::start();
    for (query, text) in [
        ("format=morse", "is unknown"),
        ("format=vosk&roles=0:boss", "is not a role"),
        ("format=vosk&call_id=%07", "control character"),
    ] {
        let (status, _, body) =
            http(server.address, "GET", &format!("/v1/ingest?{query}"), "").await;
        assert!(status == 400 && body.contains(text), "{body}");
    }
}

const FORM: &str = "content-type: application/x-www-form-urlencoded; charset=UTF-8\r\n";
const HOOK: &str = "/v1/webhooks/twilio";

fn twilio(call: &str, number: u64, event: &str, more: &str) -> String {
    format!(
        "TranscriptionEvent=transcription-{event}&CallSid={call}&TranscriptionSid=GT1\
         &SequenceId={number}&Timestamp=2026-11-22T03%3A40%3A{number:02}.000Z{more}"
    )
}

fn content(call: &str, number: u64, track: &str, last: bool, text: &str) -> String {
    let text = text.replace(' ', "%20");
    let more = format!(
        "&Track={track}_track&Final={last}\
         &TranscriptionData=%7B%22transcript%22%3A%22{text}%22%2C%22confidence%22%3A0.94%7D"
    );
    twilio(call, number, "content", &more)
}

#[tokio::test]
async fn twilio_pushes_a_call_and_its_retries_change_nothing() {
    let server = Server::with_config("[desk]\nresume_grace_s = 0\n");
    let send = async |body: &str| {
        let (status, _, answer) = post(server.address, HOOK, FORM, body).await;
        assert_eq!((status, answer.as_str()), (204, ""));
    };
    send(&twilio("CA1", 0, "started", "&LanguageCode=en-US")).await;
    send(&content("CA1", 3, "outbound", true, "Thank you for calling.")).await;
    for _ in 0..3 {
        send(&content("CA1", 9, "inbound", false, "I want to can")).await;
        send(&content("CA1", 15, "inbound", true, "I want to cancel.")).await;
    }
    send(&content("CA1", 16, "inbound", true, "I want to cancel.")).await;
    // The socket's grace is over at once, that of webhooks is not.
    assert_eq!(get(server.address, "/v1/calls/CA1").await["state"], "open");
    send(&twilio("CA1", 20, "stopped", "")).await;
    send(&twilio("CA1", 20, "stopped", "")).await;
    send(&content("CA1", 21, "inbound", true, "Too late.")).await;
    let call = get(server.address, "/v1/calls/CA1").await;
    assert_eq!((&call["state"], &call["last_seq"]), (&json!("ended"), &json!(5)));
    assert_eq!(
        transcript(&server, "CA1").await,
        [
            "agent -3000 Thank you for calling.",
            "customer -15000 I want to cancel.",
            "customer -16000 I want to cancel.",
        ]
    );
}

#[tokio::test]
async fn a_transcription_after_a_pause_is_a_call_of_its_own() {
    let server = Server::start();
    let send = async |body: String| {
        assert_eq!(post(server.address, HOOK, FORM, &body).await.0, 204);
    };
    let later = |body: String| body.replace("=GT1", "=GT2");
    send(content("CA1", 1, "inbound", true, "Hello.")).await;
    send(twilio("CA1", 2, "stopped", "")).await;
    for number in [4, 5] {
        send(later(content("CA1", number, "inbound", true, "Hello again."))).await;
    }
    assert_eq!(transcript(&server, "CA1").await, ["customer -0 Hello."]);
    let call = get(server.address, "/v1/calls/CA1~GT2").await;
    assert_eq!((&call["state"], &call["last_seq"]), (&json!("open"), &json!(2)));
    send(later(twilio("CA1", 9, "stopped", ""))).await;
    let call = get(server.address, "/v1/calls/CA1~GT2").await;
    assert_eq!((&call["state"], &call["last_seq"]), (&json!("ended"), &json!(3)));
}

#[tokio::test]
async fn requests_of_a_call_that_come_at_once_are_all_taken() {
    let server = Server::start();
    let requests = (1..=20).map(|number| {
        let body = content("CA1", number, "inbound", true, &format!("words {number}"));
        let address = server.address;
        tokio::spawn(async move { post(address, HOOK, FORM, &body).await.0 })
    });
    let requests: Vec<_> = requests.collect();
    for request in requests {
        assert_eq!(request.await.unwrap(), 204);
    }
    let call = get(server.address, "/v1/calls/CA1").await;
    assert_eq!((&call["last_seq"], call["transcript"].as_array().unwrap().len()), (&json!(20), 20));
}

#[tokio::test]
async fn what_is_not_signed_is_refused_where_signatures_are_asked_for() {
    let config = "[server]\ntwilio_auth_token = \"secret\"\n\
                  public_url = \"https://calls.example.com/\"\n";
    let server = Server::with_config(config);
    let body = "TranscriptionEvent=transcription-stopped&CallSid=CA1";
    // HMAC-SHA1 under `secret` over the URL and the sorted fields, from openssl.
    let good = "t7qx3uVxKeqR1lnIfkN2uurBagA=";
    let send = async |signature: &str| {
        let head = format!("{FORM}x-twilio-signature: {signature}\r\n");
        post(server.address, &format!("{HOOK}?queue=billing"), &head, body).await
    };
    let (status, _, answer) = send("AAAAAAAAAAAAAAAAAAAAAAAAAAA=").await;
    assert!(status == 403 && answer.contains("X-Twilio-Signature"), "{answer}");
    assert_eq!(post(server.address, HOOK, FORM, body).await.0, 403, "no signature");
    let other = format!("{HOOK}?queue=sales");
    let head = format!("{FORM}x-twilio-signature: {good}\r\n");
    assert_eq!(post(server.address, &other, &head, body).await.0, 403, "another URL");
    assert_eq!(post(server.address, "/v1/webhooks/auto", FORM, body).await.0, 403);
    assert_eq!(http(server.address, "GET", "/v1/calls/CA1", "").await.0, 404, "nothing was kept");
    assert_eq!(send(good).await.0, 204);
    let call = get(server.address, "/v1/calls/CA1").await;
    assert_eq!((&call["queue"], &call["state"]), (&json!("billing"), &json!("ended")));
    // JSON is signed by its hash in the URL; the URL's signature alone would go with any body.
    let json = r#"{"TranscriptionEvent":"transcription-started","CallSid":"CA2"}"#;
    let hash: String = Sha256::digest(json).iter().map(|byte| format!("{byte:02x}")).collect();
    let signed = async |path: &str, body: &str| {
        let mut mac = Hmac::<Sha1>::new_from_slice(b"secret").unwrap();
        mac.update(format!("https://calls.example.com{path}").as_bytes());
        let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
        let head = format!("content-type: application/json\r\nx-twilio-signature: {signature}\r\n");
        post(server.address, path, &head, body).await
    };
    let whole = format!("{HOOK}?bodySHA256={hash}");
    let other = json.replace("CA2", "CA3");
    for (path, body) in [(HOOK, json), (&whole, &other), ("/v1/webhooks/auto", json)] {
        let (status, _, answer) = signed(path, body).await;
        assert!(status == 403 && answer.contains("bodySHA256"), "{path}: {answer}");
    }
    assert_eq!(http(server.address, "GET", "/v1/calls/CA2", "").await.0, 404, "nothing was kept");
    assert_eq!(signed(&whole, json).await.0, 204);
    assert_eq!(get(server.address, "/v1/calls/CA2").await["state"], "open");
    // Other vendors do not sign.
    let hook = "/v1/webhooks/vosk?call_id=c-1";
    assert_eq!(post(server.address, hook, "", "{\"text\":\"hello\"}").await.0, 204);
}

#[tokio::test]
async fn telnyx_signs_and_what_it_did_not_sign_changes_nothing() {
    use ring::signature::{Ed25519KeyPair, KeyPair};
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let key = BASE64_STANDARD.encode(pair.public_key());
    let server = Server::with_config(&format!("[server]\ntelnyx_public_key = \"{key}\"\n"));
    let event = |text: &str| {
        json!({"data": {"event_type": "call.transcription", "id": "e-1",
               "occurred_at": "2026-11-22T03:40:00Z", "payload": {"call_session_id": "c-1",
               "call_leg_id": "leg-1", "transcription_data": {"transcript": text,
               "is_final": true}}}})
        .to_string()
    };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let send = async |format: &str, second: u64, signed: &str, sent: &str| {
        let signature = BASE64_STANDARD.encode(pair.sign(format!("{second}|{signed}").as_bytes()));
        let head =
            format!("telnyx-signature-ed25519: {signature}\r\ntelnyx-timestamp: {second}\r\n");
        post(server.address, &format!("/v1/webhooks/{format}"), &head, sent).await
    };
    let body = event("Hello.");
    for (format, second, signed) in [
        ("telnyx", now, event("Another.")),
        ("telnyx", now - 3_600, body.clone()),
        ("telnyx", now + 3_600, body.clone()),
        ("auto", now, event("Another.")),
    ] {
        let (status, _, answer) = send(format, second, &signed, &body).await;
        assert!(status == 403 && answer.contains("telnyx-"), "{format} {second}: {answer}");
    }
    assert_eq!(post(server.address, "/v1/webhooks/telnyx", "", &body).await.0, 403);
    assert_eq!(http(server.address, "GET", "/v1/calls/c-1", "").await.0, 404, "nothing was kept");
    assert_eq!(send("telnyx", now, &body, &body).await.0, 204);
    assert_eq!(transcript(&server, "c-1").await, ["customer -0 Hello."]);
}

/// The journal's file is full, so nothing becomes durable; what was answered with 204 is there
/// afterwards, and what was not is taken when it is sent again.
#[tokio::test]
async fn a_webhook_without_room_in_the_journal_gets_503_and_is_taken_later() {
    let folder = tempfile::tempdir().unwrap();
    let with_room = |bytes: u64| {
        let config = folder.path().join(format!("{bytes}.toml"));
        let data = folder.path().join("data");
        let text = format!(
            "data_dir = {:?}\n[server]\nbody_timeout_s = 1\n[journal]\nqueue_records = 4\n\
             max_file_bytes = {bytes}\nmax_bytes = 500000\nretry_max_ms = 100\n",
            data.to_str().unwrap()
        );
        std::fs::write(&config, text).unwrap();
        Server::with_file(&config)
    };
    let body = |number: u64| {
        let text = format!("{number} {}", "word ".repeat(4_000));
        content("CA1", number, "inbound", true, text.trim())
    };
    let server = with_room(1 << 20);
    let (mut taken, mut number) = (Vec::new(), 0);
    let (mut was_slow, mut was_full) = (false, false);
    // Requests wait for their commit until their time is over, and then leave no room behind.
    while !was_full {
        number += 1;
        assert!(number < 60, "there always was room");
        let (status, head, answer) = post(server.address, HOOK, FORM, &body(number)).await;
        if status == 204 {
            taken.push(number);
            continue;
        }
        assert!(status == 503 && head.contains("retry-after"), "{head}");
        was_slow |= answer.contains("too slow");
        was_full |= answer.contains("no room");
    }
    assert!(was_slow && !taken.is_empty());
    server.kill();
    drop(server);

    let server = with_room(8 << 20);
    server.says(200, "ready").await;
    for number in 1..=number {
        assert_eq!(post(server.address, HOOK, FORM, &body(number)).await.0, 204, "{number}");
    }
    let heard = transcript(&server, "CA1").await;
    let numbers: Vec<u64> =
        heard.iter().map(|line| line.split(' ').nth(2).unwrap().parse().unwrap()).collect();
    assert_eq!(numbers, (1..=number).collect::<Vec<_>>(), "each once");
}

#[tokio::test]
async fn tokens_of_several_requests_make_a_sentence() {
    let server = Server::start();
    let token = |text: &str| json!({"tokens": [{"text": text, "is_final": true, "speaker": "1"}]});
    for text in ["I wan", "t", " out.", " Now", "<end>"] {
        let hook = "/v1/webhooks/soniox?call_id=c-1&roles=1:customer";
        assert_eq!(post(server.address, hook, "", &token(text).to_string()).await.0, 204);
    }
    assert_eq!(transcript(&server, "c-1").await, ["customer - I want out.", "customer - Now"]);
}

#[tokio::test]
async fn webhooks_that_cannot_be_used_say_why() {
    let server = Server::with_config("[server]\nwebhook_body_bytes = 1000\n");
    let long = format!("{{\"text\":\"{}\"}}", "x".repeat(2_000));
    for (path, body, status, text) in [
        ("morse", "{}", 404, "is unknown"),
        ("native", "{}", 404, "/v1/ingest"),
        ("vosk", "{\"text\":", 400, "not usable JSON"),
        ("vosk", "7", 400, "a JSON object"),
        ("vosk", "{\"text\":\"hello\"}", 400, "?call_id="),
        ("vosk?roles=0", "{}", 400, "is not channel:role"),
        ("telnyx", "{\"data\":{\"event_type\":\"call.transcription\"}}", 400, "transcription_data"),
        ("vosk?call_id=c", long.as_str(), 413, "over the limit"),
    ] {
        let (seen, _, answer) =
            post(server.address, &format!("/v1/webhooks/{path}"), "", body).await;
        assert!(seen == status && answer.contains(text), "{path}: {seen} {answer}");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert!(answer["code"].is_string() && answer["message"].is_string());
    }
    let (status, ..) = post(server.address, "/v1/webhooks/telnyx", "", "{\"new\":\"kind\"}").await;
    assert_eq!(status, 204, "an unknown kind is skipped");
    assert_eq!(server.metric("server_vendor_skipped_total{format=\"telnyx\"}").await, 1);
    assert_eq!(http(server.address, "GET", "/v1/webhooks/telnyx", "").await.0, 405);
    assert_eq!(get(server.address, "/v1/calls").await["items"], json!([]));
    // JSON that is called a form, as `curl -d` does.
    let hook = "/v1/webhooks/vosk?call_id=c-1&roles=customer";
    assert_eq!(post(server.address, hook, FORM, "{\"text\":\"hello\"}").await.0, 204);
    assert_eq!(transcript(&server, "c-1").await, ["customer - hello"]);
}

#[tokio::test]
async fn a_call_that_has_no_room_is_taken_when_it_is_sent_again() {
    let server = Server::with_config("[desk]\nmax_open_calls = 1\n");
    let send = async |body: &str| post(server.address, HOOK, FORM, body).await;
    let second = content("CA2", 1, "inbound", true, "Hello.");
    assert_eq!(send(&content("CA1", 1, "inbound", true, "Hello.")).await.0, 204);
    let (status, head, _) = send(&second).await;
    assert!(status == 503 && head.contains("retry-after"), "{head}");
    assert_eq!(send(&twilio("CA1", 2, "stopped", "")).await.0, 204);
    assert_eq!(send(&second).await.0, 204);
    assert_eq!(transcript(&server, "CA2").await, ["customer -0 Hello."]);
}

#[tokio::test]
async fn a_call_by_webhook_ends_when_nothing_comes_any_more() {
    let server = Server::with_config("[desk]\nwebhook_grace_s = 0\n");
    let mut board = server.board("sup").await;
    let body = "{\"partial\":\"hello\"}";
    assert_eq!(post(server.address, "/v1/webhooks/vosk?call_id=c-1", "", body).await.0, 204);
    let ended = board.find(|m| m["type"] == "call" && m["event"] == "ended").await;
    assert_eq!(ended["call"]["reason"], "abandoned");
    // The next message opens it again.
    let body = "{\"text\":\"hello again\"}";
    assert_eq!(post(server.address, "/v1/webhooks/vosk?call_id=c-1", "", body).await.0, 204);
    assert_eq!(transcript(&server, "c-1").await, ["other - hello", "other - hello again"]);
}

/// Tokens that are held back go with their call; what ends their sentence says nothing any more.
#[tokio::test]
async fn an_erased_call_is_over_for_its_vendor_too() {
    let server = Server::start();
    let token = |text: &str| json!({"tokens": [{"text": text, "is_final": true, "speaker": "1"}]});
    let mut socket = vendor(&server, "format=soniox&call_id=s-1&roles=1:customer").await;
    let hook = "/v1/webhooks/soniox?call_id=w-1&roles=1:customer";
    for text in ["I want out. ", "Now"] {
        socket.send(token(text)).await;
        assert_eq!(post(server.address, hook, "", &token(text).to_string()).await.0, 204);
    }
    socket.acked("s-1", 1).await;
    for call_id in ["s-1", "w-1"] {
        let path = format!("/v1/calls/{call_id}");
        assert_eq!(http(server.address, "DELETE", &path, "").await.0, 200);
    }
    let skipped = "server_vendor_skipped_total{format=\"soniox\"}";
    let before = server.counted(skipped).await;
    socket.send(token(" or never.")).await;
    socket.send(token("<end>")).await;
    assert_eq!(post(server.address, hook, "", &token("<end>").to_string()).await.0, 204);
    // A message of the same socket that cannot be read: an error comes, and it is the first.
    socket.send_text("no JSON").await;
    assert_eq!(socket.next_of("error").await["code"], "bad_json");
    server.counts(skipped, before + 1).await;
    for call_id in ["s-1", "w-1"] {
        assert_eq!(http(server.address, "GET", &format!("/v1/calls/{call_id}"), "").await.0, 404);
    }
}
