//! Malformed input over a real socket: every message gets an answer, and nothing else is harmed.

use std::collections::BTreeMap;

use forewarn::call::Call;
use forewarn::engine::{Engine, Settings, score_call};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::harness::*;

/// A frame that is none of the protocol's business, or nearly.
fn nonsense() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[\\[\\]{}\":,0-9a-z \\\\]{0,60}",
        truncated(),
        wrong_types(),
        strange_texts(),
        (1..2_000_usize).prop_map(|depth| "[".repeat(depth)),
        (1..2_000_usize).prop_map(|depth| format!(
            r#"{{"type":"chunk","call_id":"bad","seq":1,"x":{}{}}}"#,
            "[".repeat(depth),
            "]".repeat(depth)
        )),
        Just(r#"{"type":"chunk","call_id":"bad","seq":1e999,"speaker":"agent","text":""}"#.into()),
        Just(r#"{"type":"chunk","call_id":"bad","seq":-1,"speaker":"agent","text":""}"#.into()),
        Just(r#"{"type":"call_start","call_id":"bad","started_at":"yesterday"}"#.into()),
    ]
}

/// A good message cut off somewhere.
fn truncated() -> impl Strategy<Value = String> {
    let whole = chunk("bad", 3, "customer", "words that are cut off").to_string();
    (0..whole.len()).prop_map(move |end| whole[..end].to_owned())
}

/// A message with fields of the wrong type or size.
fn wrong_types() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|flag| json!(flag)),
        any::<i64>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        any::<String>().prop_map(|text| json!(text)),
        Just(json!({"a": [1, {"b": null}]})),
        Just(json!(["x"])),
    ];
    let field = prop_oneof![
        Just("type"),
        Just("call_id"),
        Just("seq"),
        Just("speaker"),
        Just("text"),
        Just("final"),
        Just("start_ms"),
        Just("end_ms"),
        Just("segment_id"),
        Just("confidence"),
        Just("outcome"),
        Just("attributes"),
        Just("queue"),
        Just("lang"),
        Just("started_at"),
        Just("reason"),
    ];
    let kind =
        prop_oneof![Just("call_start"), Just("chunk"), Just("call_update"), Just("call_end"),];
    (kind, 0..4_u64, proptest::collection::vec((field, value), 1..5)).prop_map(
        |(kind, seq, fields)| {
            let mut message = chunk("bad", seq, "customer", "words");
            message["type"] = json!(kind);
            for (name, value) in fields {
                // The good call is another client's; this one has no business with it.
                message[name] =
                    if name == "call_id" && value == "good" { json!("bad") } else { value };
            }
            message.to_string()
        },
    )
}

/// Valid messages whose words or times are strange.
fn strange_texts() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        Just("\u{200b}\u{200b}\u{feff}".to_owned()),
        Just("e\u{301}\u{301}\u{301}\u{202e}abc".to_owned()),
        Just("👩‍👩‍👧‍👦".repeat(50)),
        Just("a".repeat(65_000)),
        Just("word ".repeat(12_000)),
        Just("x".repeat(70_000)),
        Just("'".repeat(3_000)),
        any::<String>(),
    ];
    let time = prop_oneof![
        Just(json!(null)),
        any::<i64>().prop_map(|ms| json!(ms)),
        (-5_000..5_000_i64).prop_map(|ms| json!(ms)),
    ];
    let surrogates =
        prop_oneof![Just(""), Just("\\ud800"), Just("\\udc00\\ud800"), Just("\\ud83d")];
    (1..6_u64, text, time.clone(), time, any::<bool>(), surrogates).prop_map(
        |(seq, text, start, end, is_final, surrogates)| {
            let mut message = chunk("bad", seq, "customer", &text);
            message["start_ms"] = start;
            message["end_ms"] = end;
            message["final"] = json!(is_final);
            message["segment_id"] = json!(format!("s{}", seq % 3));
            let text = message.to_string();
            text.replacen("\"text\":\"", &format!("\"text\":\"{surrogates}"), 1)
        },
    )
}

/// The good call's messages, with gaps and repeats: what to send, as numbers.
fn disorder(total: u64) -> impl Strategy<Value = Vec<u64>> {
    proptest::collection::vec(1..=total, 0..6)
}

fn turn_message(call: &Call, seq: u64) -> Value {
    let turn = &call.turns[seq as usize - 1];
    json!({"type": "chunk", "call_id": "good", "seq": seq, "speaker": turn.speaker.name(),
           "text": turn.text, "start_ms": turn.start_ms, "end_ms": turn.end_ms})
}

/// The same nonsense in every run.
fn generator() -> TestRunner {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    TestRunner::new_with_rng(Config::default(), rng)
}

fn sample<S: Strategy>(strategy: &S, runner: &mut TestRunner) -> S::Value {
    strategy.new_tree(runner).unwrap().current()
}

/// Nonsense in a call of its own, on the same connection and on another one, while a good call is
/// played with gaps and repeats.
#[tokio::test]
async fn a_good_call_comes_through_any_nonsense() {
    let server = Server::start();
    let mut runner = generator();
    let nonsense = nonsense();
    for (round, mut call) in calls("ta.jsonl", 4).into_iter().enumerate() {
        let mut good = server.ingest().await;
        let mut bad = server.plain_ingest().await;
        bad.start("bad").await;
        call.id = format!("good-{round}");
        let total = call.turns.len() as u64;
        let strays = disorder(total);
        good.start(&call.id).await;
        let named = |seq| {
            let mut message = turn_message(&call, seq);
            message["call_id"] = json!(call.id);
            message
        };
        for seq in 1..=total {
            for _ in 0..3 {
                bad.send_text(&sample(&nonsense, &mut runner)).await;
                // Another name, or one would take the call of the other.
                let text = sample(&nonsense, &mut runner).replace("\"bad\"", "\"worse\"");
                good.send_text(&text).await;
            }
            for stray in sample(&strays, &mut runner) {
                // Behind it a repeat, before it a gap; the next in line would be no stray.
                if stray != seq {
                    good.send(named(stray)).await;
                }
            }
            good.send(named(seq)).await;
        }
        let mut scores = BTreeMap::new();
        let seen = good
            .read_until(|m| m["type"] == "ack" && m["call_id"] == *call.id && m["seq"] == total)
            .await;
        for score in seen.iter().filter(|m| m["type"] == "score" && m["call_id"] == *call.id) {
            let before = scores.insert(score["seq"].as_u64().unwrap(), score.clone());
            assert!(before.is_none(), "scored twice: {score}");
        }
        equals_offline(&call, &scores);
        // Whoever sent only nonsense is still served.
        let after = format!("after-{round}");
        bad.start(&after).await;
        bad.chunk(&after, 1, "agent", "hello").await;
        bad.acked(&after, 1).await;
    }
    assert_eq!(get(server.address, "/healthz").await["status"], "ok");
}

fn equals_offline(call: &Call, live: &BTreeMap<u64, Value>) {
    let engine = Engine::with_model(None, Settings::default()).unwrap();
    let offline = score_call(&engine, call, false);
    assert_eq!(live.len(), offline.len(), "a score for each chunk");
    for score in offline {
        let live = &live[&(score.turn as u64 + 1)];
        let bits = |value: &Value| value.as_f64().map(f64::to_bits);
        assert_eq!(bits(&live["risk"]), score.risk.map(f64::to_bits), "{live}");
        assert_eq!(bits(&live["sentiment"]), score.sentiment.map(f64::to_bits), "{live}");
    }
}

/// Bytes that are no websocket text at all end their own connection.
#[tokio::test]
async fn text_that_is_not_utf8_closes_with_1007() {
    use tokio::io::AsyncWriteExt;
    let server = Server::start();
    let mut good = server.ingest().await;
    good.start("good").await;
    let mut bad = server.ingest().await;
    // A masked text frame of two bytes, mask zero: half a UTF-8 sequence and a stray byte.
    bad.ws.get_mut().write_all(&[0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28]).await.unwrap();
    assert_eq!(bad.close_code().await, 1007);
    good.chunk("good", 1, "customer", "still here").await;
    good.acked("good", 1).await;
}

/// Whatever a console says, it is answered, and others see nothing of it.
#[tokio::test]
async fn a_console_that_talks_nonsense_is_answered() {
    let server = Server::with_config("[server]\ncommands_per_s = 100000\n");
    let mut board = server.board("sup").await;
    let mut bad = server.board("bad").await;
    let mut runner = generator();
    let nonsense = nonsense();
    for _ in 0..200 {
        let text = sample(&nonsense, &mut runner);
        bad.send_text(&text).await;
        let reply = bad.next_of("reply").await;
        assert_eq!(reply["ok"], false, "{text}");
        assert_eq!(reply["code"], "bad_message", "{text}");
    }
    assert!(board.quiet("q").await.is_empty());
}

/// Bytes before any websocket.
#[tokio::test]
async fn bytes_that_are_no_http_harm_nobody() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = Server::start();
    let mut runner = generator();
    let bytes = proptest::collection::vec(any::<u8>(), 1..300);
    for _ in 0..50 {
        let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
        stream.write_all(&sample(&bytes, &mut runner)).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        // A reset is as good an answer as a 400.
        let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
    }
    assert_eq!(get(server.address, "/healthz").await["status"], "ok");
}
