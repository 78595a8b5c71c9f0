//! The ingest contract, clause by clause (PROTOCOL.md, section 2).

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::*;

const DEMAND: &str = "get me your manager right now";

fn of<'a>(messages: &'a [Value], kind: &str) -> Vec<&'a Value> {
    messages.iter().filter(|message| message["type"] == kind).collect()
}

fn end(call_id: &str, seq: u64) -> Value {
    json!({"type": "call_end", "call_id": call_id, "seq": seq, "reason": "completed",
           "outcome": {"escalated": false}})
}

#[tokio::test]
async fn ready_comes_first_and_names_the_limits() {
    let server = Server::start();
    for path in ["/v1/ingest", "/v1/ingest?format=native"] {
        let mut peer = Peer::open(server.address, path, None).await;
        assert_eq!(
            peer.next().await,
            json!({"type": "ready", "limits": {"max_message_bytes": 65536,
                   "max_open_calls": 10000, "credits": 1024, "credit_bytes": 4194304}})
        );
    }
}

#[tokio::test]
async fn a_call_is_started_acked_and_ended_for_good() {
    let server = Server::start();
    let mut peer = server.ingest().await;
    let started = peer.start("c-1").await;
    assert_eq!(started, json!({"type": "started", "call_id": "c-1", "last_seq": 0}));
    peer.chunk("c-1", 1, "agent", "hello").await;
    peer.chunk("c-1", 2, "customer", "").await;
    peer.send(json!({"type": "call_update", "call_id": "c-1", "seq": 3, "queue": "billing"})).await;
    peer.send(end("c-1", 4)).await;
    peer.acked("c-1", 4).await;
    // A message that was acked is acked again, a further one refused.
    peer.chunk("c-1", 2, "customer", "again").await;
    assert_eq!(peer.next_of("ack").await["seq"], 4);
    peer.chunk("c-1", 5, "customer", "more").await;
    let refused = peer.next().await;
    assert_eq!((&refused["code"], &refused["seq"]), (&json!("call_ended"), &json!(5)));
    assert_eq!(refused["temporary"], false);
    let again = peer.start("c-1").await;
    assert_eq!(again, json!({"type": "started", "call_id": "c-1", "last_seq": 4, "ended": true}));
    let mut other = server.ingest().await;
    assert_eq!(other.start("c-1").await["ended"], true);
    let call = get(server.address, "/v1/calls/c-1").await;
    assert_eq!((&call["queue"], &call["outcome"]["escalated"]), (&json!("billing"), &json!(false)));
}

#[tokio::test]
async fn a_gap_is_answered_once_and_nothing_after_it_is_kept() {
    let server = Server::start();
    let mut peer = server.ingest().await;
    peer.start("c-1").await;
    for seq in [1, 4, 5, 3] {
        peer.chunk("c-1", seq, "customer", "words").await;
    }
    let seen = peer.settled("m-1").await;
    let nacks = of(&seen, "nack");
    assert_eq!(nacks, [&json!({"type": "nack", "call_id": "c-1", "expected": 2})]);
    assert_eq!(of(&seen, "ack").last().unwrap()["seq"], 1);
    // From there on, once more; then a second gap.
    peer.chunk("c-1", 2, "customer", "two").await;
    peer.chunk("c-1", 3, "customer", "three").await;
    peer.chunk("c-1", 9, "customer", "nine").await;
    let seen = peer.settled("m-2").await;
    assert_eq!(of(&seen, "ack").last().unwrap()["seq"], 3);
    assert_eq!(of(&seen, "nack")[0]["expected"], 4);
    assert_eq!(of(&seen, "score").len(), 2, "each chunk is scored once");
    let call = get(server.address, "/v1/calls/c-1").await;
    let texts: Vec<&Value> =
        call["transcript"].as_array().unwrap().iter().map(|said| &said["text"]).collect();
    assert_eq!(texts, ["words", "two", "three"]);
}

#[tokio::test]
async fn a_duplicate_is_acked_again_without_other_effect() {
    let server = Server::start();
    let mut peer = server.ingest().await;
    peer.start("c-1").await;
    peer.chunk("c-1", 1, "customer", "once").await;
    peer.acked("c-1", 1).await;
    peer.chunk("c-1", 1, "customer", "twice").await;
    let seen = peer.settled("m").await;
    assert_eq!(seen, [json!({"type": "ack", "call_id": "c-1", "seq": 1})]);
    let call = get(server.address, "/v1/calls/c-1").await;
    assert_eq!(call["transcript"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_call_resumes_on_another_connection_which_takes_it_over() {
    let server = Server::start();
    let mut first = server.ingest().await;
    first.start_with(json!({"call_id": "c-1", "queue": "billing"})).await;
    first.start("c-2").await;
    first.chunk("c-1", 1, "customer", "hello").await;
    first.acked("c-1", 1).await;
    let mut second = server.ingest().await;
    let started = second.start_with(json!({"call_id": "c-1", "queue": "other"})).await;
    assert_eq!(started["last_seq"], 1);
    let lost = first.next_of("error").await;
    assert_eq!((&lost["code"], &lost["call_id"]), (&json!("taken_over"), &json!("c-1")));
    // It keeps the other call, and hears that this one is not its own.
    first.chunk("c-1", 2, "customer", "mine?").await;
    assert_eq!(first.next_of("error").await["code"], "taken_over");
    first.chunk("c-2", 1, "customer", "still here").await;
    first.acked("c-2", 1).await;
    second.chunk("c-1", 2, "customer", "mine").await;
    second.acked("c-1", 2).await;
    assert_eq!(get(server.address, "/v1/calls/c-1").await["queue"], "billing");
    // With its last call it loses the connection.
    second.start("c-2").await;
    assert_eq!(first.next_of("error").await["call_id"], "c-2");
    assert_eq!(first.close_code().await, 4409);
}

#[tokio::test]
async fn a_dropped_call_is_abandoned_and_opens_again() {
    let server = Server::with_config("[desk]\nresume_grace_s = 0\n");
    let mut board = server.board("sup").await;
    let mut peer = server.ingest().await;
    peer.start("c-1").await;
    peer.chunk("c-1", 1, "customer", "hello").await;
    peer.acked("c-1", 1).await;
    drop(peer);
    let ended = board.find(|message| message["event"] == "ended").await;
    assert_eq!(ended["call"]["reason"], "abandoned");
    let mut peer = server.ingest().await;
    let started = peer.start("c-1").await;
    assert_eq!((&started["reopened"], &started["last_seq"]), (&json!(true), &json!(1)));
    peer.chunk("c-1", 2, "customer", "back again").await;
    peer.acked("c-1", 2).await;
}

#[tokio::test]
async fn a_message_refused_for_good_holds_its_place() {
    let server = Server::start();
    let mut peer = server.ingest().await;
    peer.start("c-1").await;
    peer.send(json!({"type": "chunk", "call_id": "c-1", "seq": 1, "speaker": "customer"})).await;
    let refused = peer.next_of("error").await;
    assert_eq!(
        refused,
        json!({"type": "error", "code": "bad_message", "message": "chunk: field `text` is missing",
               "call_id": "c-1", "seq": 1, "temporary": false})
    );
    peer.acked("c-1", 1).await;
    peer.chunk("c-1", 2, "customer", "fine").await;
    peer.acked("c-1", 2).await;
    // Sent again it is a duplicate like any other.
    peer.send(
        json!({"type": "chunk", "call_id": "c-1", "seq": 1, "speaker": "martian", "text": ""}),
    )
    .await;
    let seen = peer.settled("m").await;
    assert_eq!(of(&seen, "ack").last().unwrap()["seq"], 2);
}

#[tokio::test]
async fn every_refusal_has_its_code() {
    let server = Server::start();
    let mut peer = server.ingest().await;
    peer.start("c-1").await;
    for (text, code) in [
        ("no json", "bad_json"),
        (r#"{"type":"chunk""#, "bad_json"),
        ("[]", "bad_message"),
        (r#"{"call_id":"c-1"}"#, "bad_message"),
        (r#"{"type":"dance","call_id":"c-1"}"#, "unknown_type"),
        (r#"{"type":"chunk","call_id":"c-9","seq":1,"speaker":"agent","text":""}"#, "unknown_call"),
        (r#"{"type":"chunk","call_id":"c-1","seq":0,"speaker":"agent","text":""}"#, "bad_message"),
        (r#"{"type":"call_start"}"#, "bad_message"),
        (
            r#"{"type":"chunk","call_id":"c-1","seq":1,"final":false,"speaker":"agent","text":""}"#,
            "bad_message",
        ),
    ] {
        peer.send_text(text).await;
        let answer = peer.next_of("error").await;
        assert_eq!(
            (&answer["code"], &answer["temporary"]),
            (&json!(code), &json!(false)),
            "{text}"
        );
        assert!(answer["message"].as_str().unwrap().len() > 10, "says how to mend it: {answer}");
    }
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_and_acked() {
    let server = Server::start();
    let mut peer = server.ingest().await;
    peer.start("c-1").await;
    peer.chunk("c-1", 1, "customer", &"a".repeat(65_536)).await;
    let refused = peer.next_of("error").await;
    assert_eq!((&refused["code"], &refused["seq"]), (&json!("too_large"), &json!(1)));
    peer.acked("c-1", 1).await;
    peer.chunk("c-1", 2, "customer", "short").await;
    peer.acked("c-1", 2).await;
}

#[tokio::test]
async fn frames_that_cannot_go_on_close_their_connection_only() {
    let server = Server::start();
    let mut good = server.ingest().await;
    good.start("good").await;
    let mut huge = server.ingest().await;
    huge.start("huge").await;
    let frame = chunk("huge", 1, "customer", &"a".repeat(1 << 20)).to_string();
    huge.send_text(&frame).await;
    assert_eq!(huge.close_code().await, 1009);
    let mut binary = server.ingest().await;
    binary.send_message(Message::binary(vec![1, 2, 3])).await;
    assert_eq!(binary.close_code().await, 4400);
    good.chunk("good", 1, "customer", "still here").await;
    good.acked("good", 1).await;
}

#[tokio::test]
async fn a_subprotocol_is_known_or_not_offered() {
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;
    let server = Server::start();
    for (path, wrong) in [("/v1/ingest", CONSOLE), ("/v1/console", INGEST)] {
        // The library's client would refuse the answer, so this one speaks by itself.
        let mut request = server.url(path).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", wrong.parse().unwrap());
        assert_eq!(raw_close_code(server.address, &request).await, 4400);
        assert_eq!(raw_close_code(server.address, &offering(&server, path, "v9")).await, 4400);
    }
}

fn offering(server: &Server, path: &str, name: &str) -> http::Request<()> {
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;
    let mut request = server.url(path).into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", name.parse().unwrap());
    request
}

/// Shakes hands by hand and reads the frames up to the close.
async fn raw_close_code(address: std::net::SocketAddr, request: &http::Request<()>) -> u16 {
    use futures_util::StreamExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_tungstenite::tungstenite::protocol::Role;
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let mut head = format!("GET {} HTTP/1.1\r\n", request.uri().path());
    for (name, value) in request.headers() {
        head += &format!("{name}: {}\r\n", value.to_str().unwrap());
    }
    stream.write_all((head + "\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    let answer = String::from_utf8(answer).unwrap().to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 101"), "{answer}");
    assert!(!answer.contains("sec-websocket-protocol"), "an unknown one is not echoed: {answer}");
    let mut ws =
        tokio_tungstenite::WebSocketStream::from_raw_socket(stream, Role::Client, None).await;
    let close = tokio::time::timeout(PATIENCE, async {
        loop {
            match ws.next().await.unwrap().unwrap() {
                Message::Close(frame) => return u16::from(frame.unwrap().code),
                _ => continue,
            }
        }
    });
    close.await.unwrap()
}

#[tokio::test]
async fn scores_are_sent_to_who_asks() {
    let server = Server::start();
    let mut plain = server.plain_ingest().await;
    plain.start("c-1").await;
    plain.chunk("c-1", 1, "customer", "hello").await;
    assert!(of(&plain.settled("m").await, "score").is_empty());
    let mut peer = server.ingest().await;
    peer.start("c-2").await;
    peer.chunk("c-2", 1, "agent", "hello").await;
    let score = peer.next_of("score").await;
    // The prior, before the customer has had two turns.
    assert_eq!(
        score,
        json!({"type": "score", "call_id": "c-2", "seq": 1, "final": true, "sentiment": null,
               "risk": 0.05, "level": null, "triggers": []})
    );
    peer.chunk("c-2", 2, "customer", DEMAND).await;
    let score = peer.next_of("score").await;
    assert_eq!(
        (&score["triggers"], &score["risk"]),
        (&json!(["supervisor_request"]), &json!(0.05))
    );
    assert!(score["sentiment"].as_f64().unwrap().abs() <= 1.0);
    peer.start_with(json!({"call_id": "c-3", "lang": "fr"})).await;
    peer.chunk("c-3", 1, "customer", "bonjour").await;
    let score = peer.next_of("score").await;
    assert_eq!((&score["risk"], &score["sentiment"]), (&json!(null), &json!(null)));
}

#[tokio::test]
async fn credits_are_honoured_under_a_flood() {
    let server = Server::with_config("[server]\ncredits = 2\nread_batch = 1\n");
    let mut peer = server.ingest().await;
    peer.start("c-1").await;
    for seq in 1..=300 {
        peer.chunk("c-1", seq, "customer", "words").await;
    }
    peer.acked("c-1", 300).await;
    assert_eq!(server.metric("server_unacked_bytes").await, 0);
}

/// Plays a call twice: as it is, and with partials strewn in. Finals must score the same.
#[tokio::test]
async fn partials_leave_no_trace() {
    let server = Server::start();
    let mut peer = server.ingest().await;
    let call = calls("ta.jsonl", 1).remove(0);
    peer.start("plain").await;
    peer.start("partials").await;
    let (mut plain_seq, mut seq) = (0, 0);
    for (place, turn) in call.turns.iter().enumerate() {
        let speaker = turn.speaker.name();
        plain_seq += 1;
        peer.chunk("plain", plain_seq, speaker, &turn.text).await;
        let expected = peer.next_of("score").await;
        let segment = format!("s{place}");
        let half: String = turn.text.chars().take(turn.text.len() / 2).collect();
        for text in [half.as_str(), DEMAND] {
            seq += 1;
            peer.send(partial("partials", seq, &segment, speaker, text)).await;
            let provisional = peer.next_of("score").await;
            assert_eq!((&provisional["final"], &provisional["seq"]), (&json!(false), &json!(seq)));
        }
        seq += 1;
        let mut last = chunk("partials", seq, speaker, &turn.text);
        last["segment_id"] = json!(segment);
        peer.send(last).await;
        let score = peer.find(|m| m["type"] == "score" && m["final"] == true).await;
        for field in ["risk", "sentiment", "level", "triggers"] {
            assert_eq!(score[field], expected[field], "{field} of turn {place}");
        }
        // A late chunk of a segment that is final is acked and ignored.
        seq += 1;
        peer.send(partial("partials", seq, &segment, speaker, "late words")).await;
    }
    peer.acked("partials", seq).await;
    let call = get(server.address, "/v1/calls/partials").await;
    let plain = get(server.address, "/v1/calls/plain").await;
    let texts = |call: &Value| -> Vec<Value> {
        call["transcript"].as_array().unwrap().iter().map(|said| said["text"].clone()).collect()
    };
    assert_eq!(texts(&call), texts(&plain));
    assert_eq!((&call["risk"], &call["turns"]), (&plain["risk"], &plain["turns"]));
}

#[tokio::test]
async fn a_partial_may_raise_a_trigger_which_its_final_confirms_or_takes_back() {
    let server = Server::start();
    let mut board = server.board("sup").await;
    let mut peer = server.ingest().await;
    peer.start("c-1").await;
    peer.send(partial("c-1", 1, "s1", "customer", DEMAND)).await;
    let alert = board.next_of("alert").await["alert"].clone();
    assert_eq!((&alert["kind"], &alert["provisional"]), (&json!("trigger"), &json!(true)));
    let mut last = chunk("c-1", 2, "customer", "get me a coffee");
    last["segment_id"] = json!("s1");
    peer.send(last).await;
    let taken_back = board.next_of("alert").await["alert"].clone();
    assert_eq!(taken_back["alert_id"], alert["alert_id"]);
    assert_eq!(taken_back["state"], "retracted");
    let newest = taken_back["history"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&newest["what"], &newest["by"]), (&json!("partial_replaced"), &json!("engine")));
    // The same words again, and this time they stay.
    peer.send(partial("c-1", 3, "s2", "customer", DEMAND)).await;
    let second = board.next_of("alert").await["alert"].clone();
    assert_ne!(second["alert_id"], alert["alert_id"]);
    let mut last = chunk("c-1", 4, "customer", DEMAND);
    last["segment_id"] = json!("s2");
    peer.send(last).await;
    let confirmed = board.next_of("alert").await["alert"].clone();
    assert_eq!(confirmed["alert_id"], second["alert_id"]);
    assert_eq!((&confirmed["provisional"], &confirmed["state"]), (&json!(false), &json!("raised")));
}

#[tokio::test]
async fn open_partials_count_as_final_when_the_call_ends() {
    let server = Server::start();
    let mut board = server.board("sup").await;
    let mut peer = server.ingest().await;
    peer.start("c-1").await;
    assert_eq!(board.command("w", json!({"type": "watch", "call_id": "c-1"})).await["ok"], true);
    peer.send(partial("c-1", 1, "s1", "customer", "unfinished business")).await;
    peer.send(end("c-1", 2)).await;
    peer.acked("c-1", 2).await;
    let forced = board.find(|m| m["type"] == "chunk" && m["final"] == true).await;
    assert_eq!((&forced["forced"], &forced["text"]), (&json!(true), &json!("unfinished business")));
    let call = get(server.address, "/v1/calls/c-1").await;
    assert_eq!(call["transcript"][0]["text"], "unfinished business");
}

#[tokio::test]
async fn any_cutting_of_a_turn_ends_in_the_same_risk() {
    let server = Server::start();
    let mut peer = server.ingest().await;
    let call = calls("tc.jsonl", 1).remove(0);
    peer.start("whole").await;
    peer.start("cut").await;
    let mut cut_seq = 0;
    for (turn, seq) in call.turns.iter().zip(1..) {
        let speaker = turn.speaker.name();
        peer.send(json!({"type": "chunk", "call_id": "whole", "seq": seq, "speaker": speaker,
                         "text": turn.text, "start_ms": turn.start_ms, "end_ms": turn.end_ms}))
            .await;
        let whole = peer.find(|m| m["type"] == "score" && m["call_id"] == "whole").await;
        let words: Vec<&str> = turn.text.split(' ').collect();
        let pieces: Vec<&[&str]> = words.chunks(1 + cut_seq as usize % 4).collect();
        for (place, piece) in pieces.iter().enumerate() {
            cut_seq += 1;
            let mut message = chunk("cut", cut_seq, speaker, &piece.join(" "));
            if place == 0 {
                message["start_ms"] = json!(turn.start_ms);
            }
            if place + 1 == pieces.len() {
                message["end_ms"] = json!(turn.end_ms);
            }
            peer.send(message).await;
        }
        let cut = peer
            .find(|m| m["type"] == "score" && m["call_id"] == "cut" && m["seq"] == cut_seq)
            .await;
        assert_eq!((&cut["risk"], &cut["level"]), (&whole["risk"], &whole["level"]), "turn {seq}");
    }
}

#[tokio::test]
async fn attributes_merge_and_null_removes() {
    let server = Server::start();
    let mut peer = server.ingest().await;
    peer.start_with(
        json!({"call_id": "c-1", "team": "t1", "attributes": {"tier": "gold", "n": 1}}),
    )
    .await;
    peer.send(json!({"type": "call_update", "call_id": "c-1", "seq": 1, "team": null,
                     "attributes": {"tier": null, "hold": true}}))
        .await;
    peer.acked("c-1", 1).await;
    let call = get(server.address, "/v1/calls/c-1").await;
    assert_eq!(call["attributes"], json!({"n": 1, "hold": true}));
    assert_eq!(call["team"], json!(null));
}

#[tokio::test]
async fn one_call_too_many_is_refused_for_now() {
    let server = Server::with_config("[desk]\nmax_open_calls = 1\n");
    let mut peer = server.ingest().await;
    peer.start("c-1").await;
    peer.send(json!({"type": "call_start", "call_id": "c-2"})).await;
    let refused = peer.next_of("error").await;
    assert_eq!((&refused["code"], &refused["temporary"]), (&json!("too_many_calls"), &json!(true)));
    peer.send(end("c-1", 1)).await;
    peer.acked("c-1", 1).await;
    assert_eq!(peer.start("c-2").await["last_seq"], 0);
}

#[tokio::test]
async fn who_does_not_start_a_call_is_sent_away() {
    let server = Server::with_config("[server]\nhello_s = 0\n");
    assert_eq!(Peer::open(server.address, "/v1/ingest", None).await.close_code().await, 4408);
    assert_eq!(Peer::open(server.address, "/v1/console", None).await.close_code().await, 4408);
}
