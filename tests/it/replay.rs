//! The main job: recorded calls in as a platform sends them, every chunk acked, every live score
//! equal to the offline one.

use std::collections::{BTreeMap, BTreeSet};

use forewarn::call::Call;
use serde_json::Value;

use crate::harness::*;

/// Forty calls of four batches.
fn slice() -> Vec<Call> {
    ["ta.jsonl", "tc.jsonl", "tf.jsonl", "tj.jsonl"].iter().flat_map(|f| calls(f, 10)).collect()
}

/// Scores by call and turn, numbers as bits.
type Scores = BTreeMap<(String, u64), (Option<u64>, Option<u64>, Value, Value)>;

fn scores(lines: &[Value], place: impl Fn(&Value) -> u64) -> Scores {
    let bits = |value: &Value| value.as_f64().map(f64::to_bits);
    lines
        .iter()
        .map(|line| {
            let key = (line["call_id"].as_str().unwrap().to_owned(), place(line));
            let level = line["level"].clone();
            let numbers = (bits(&line["risk"]), bits(&line["sentiment"]));
            (key, (numbers.0, numbers.1, level, line["triggers"].clone()))
        })
        .collect()
}

fn offline(path: &str) -> Scores {
    let scored = run(&["score", path]);
    assert!(scored.status.success(), "{}", stderr(&scored));
    scores(&json_lines(&stdout(&scored)), |line| line["turn"].as_u64().unwrap() + 1)
}

fn count(summary: &Value, name: &str) -> usize {
    summary[name].as_u64().unwrap() as usize
}

#[tokio::test]
async fn forty_calls_over_three_connections_with_a_console_attached() {
    let folder = tempfile::tempdir().unwrap();
    let (path, live) = (folder.path().join("slice.jsonl"), folder.path().join("live.jsonl"));
    let calls = slice();
    write_calls(&path, &calls);
    let server = Server::start();
    let mut board = server.board("sup").await;
    let url = server.url("/v1/ingest");
    let (path, live) = (path.to_str().unwrap(), live.to_str().unwrap());
    let replay = Running::spawn(&[
        "replay",
        "--speed",
        "max",
        "--connections",
        "3",
        "--json",
        "--url",
        &url,
        "--scores",
        live,
        path,
    ]);

    let (mut started, mut ended) = (BTreeSet::new(), BTreeSet::new());
    let mut offset = 0;
    while ended.len() < calls.len() {
        let message = board.next().await;
        if let Some(next) = message["offset"].as_u64() {
            assert!(next > offset, "offsets increase: {message}");
            offset = next;
        }
        let call_id = message["call"]["call_id"].as_str().map(str::to_owned);
        match (message["event"].as_str(), call_id) {
            (Some("started"), Some(id)) => assert!(started.insert(id), "started twice"),
            (Some("ended"), Some(id)) => {
                assert!(started.contains(&id) && ended.insert(id), "ended twice or unstarted");
            }
            _ => {}
        }
    }

    let (status, said, complaints) = replay.end();
    assert!(status.success(), "{complaints}");
    assert_eq!(complaints, "", "quiet in a pipe");
    let summary: Value = serde_json::from_str(&said).unwrap();
    let turns: usize = calls.iter().map(|call| call.turns.len()).sum();
    assert_eq!(count(&summary, "calls"), calls.len());
    assert_eq!(count(&summary, "ended"), calls.len());
    assert_eq!(count(&summary, "chunks"), turns);
    assert_eq!(count(&summary, "acked"), turns + calls.len());
    for none in ["unacked", "errors", "reconnects"] {
        assert_eq!(count(&summary, none), 0, "{none}");
    }

    let lines = json_lines(&std::fs::read_to_string(live).unwrap());
    assert!(lines.iter().all(|line| line["final"] == true));
    let live = scores(&lines, |line| line["seq"].as_u64().unwrap());
    assert_eq!(live.len(), turns, "a score for each chunk");
    let offline = offline(path);
    for (key, score) in &offline {
        assert_eq!(live.get(key), Some(score), "{key:?}");
    }
    assert_eq!(live.len(), offline.len());
}

/// Replays what a server loses on the way: it stops once a first call has ended, and another one
/// takes its address.
async fn replay_over_a_restart(stop: impl Fn(&Server)) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slice.jsonl");
    let calls = slice();
    write_calls(&path, &calls);
    let mut server = Server::start();
    let address = server.address;
    let mut board = server.board("sup").await;
    let url = server.url("/v1/ingest");
    let path = path.to_str().unwrap();
    let replay = Running::spawn(&["replay", "--speed", "100", "--json", "--url", &url, path]);
    board.find(|message| message["event"] == "ended").await;
    stop(&server);
    server.wait();
    let _second = Server::at(address);
    let (status, said, complaints) = replay.end();
    assert!(status.success(), "{said}{complaints}");
    let summary: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(count(&summary, "ended"), calls.len());
    assert_eq!((count(&summary, "unacked"), count(&summary, "errors")), (0, 0), "{summary}");
    assert!(count(&summary, "reconnects") >= 1 && complaints.contains("coming back"));
}

#[tokio::test]
async fn a_server_that_restarts_gets_every_call_to_its_end() {
    replay_over_a_restart(Server::terminate).await;
}

#[tokio::test]
async fn a_server_that_is_killed_gets_every_call_to_its_end() {
    replay_over_a_restart(Server::kill).await;
}

#[tokio::test]
async fn a_call_that_another_platform_takes_is_given_up() {
    let server = Server::start();
    let mut board = server.board("sup").await;
    let url = server.url("/v1/ingest");
    let path = data("calls/ta.jsonl");
    let path = path.to_str().unwrap();
    let replay = Running::spawn(&["replay", "--at-once", "1", "--speed", "1", "--url", &url, path]);
    let call = board.find(|message| message["event"] == "started").await;
    let taken = call["call"]["call_id"].as_str().unwrap();
    let mut other = server.ingest().await;
    other.start(taken).await;
    // It goes on with the next call.
    board.find(|message| message["event"] == "started").await;
    replay.signal("-KILL");
    let (status, _, complaints) = replay.end();
    assert!(!status.success());
    assert!(complaints.contains(&format!("{taken}: given up: ")), "{complaints}");
}

#[tokio::test]
async fn what_the_server_has_already_is_not_sent_again() {
    use std::io::Write as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls.jsonl.gz");
    let mut file = flate2::write::GzEncoder::new(
        std::fs::File::create(&path).unwrap(),
        flate2::Compression::fast(),
    );
    for call in calls("tb.jsonl", 3) {
        writeln!(file, "{}", serde_json::to_string(&call).unwrap()).unwrap();
    }
    file.finish().unwrap();
    let server = Server::start();
    let url = server.url("/v1/ingest");
    let path = path.to_str().unwrap();
    let replay = |prefix: &str| {
        let output = run(&[
            "replay",
            "--speed",
            "max",
            "--json",
            "--id-prefix",
            prefix,
            "--url",
            &url,
            path,
        ]);
        assert!(output.status.success(), "{}", stderr(&output));
        (serde_json::from_str::<Value>(&stdout(&output)).unwrap(), stderr(&output))
    };
    let (first, _) = replay("");
    let (again, notes) = replay("");
    assert!(count(&first, "chunks") > 0);
    assert_eq!((count(&again, "chunks"), count(&again, "ended")), (0, 3));
    assert_eq!(notes.matches("use --id-prefix").count(), 3, "{notes}");
    let (other, notes) = replay("other-");
    assert_eq!((count(&other, "chunks"), notes.as_str()), (count(&first, "chunks"), ""));
}

#[tokio::test]
async fn a_refused_message_is_named_and_fails_the_replay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.jsonl");
    let mut call = calls("ta.jsonl", 1).remove(0);
    call.turns[3].text = "word ".repeat(20_000);
    write_calls(&path, &[call]);
    let server = Server::start();
    let url = server.url("/v1/ingest");
    let output = run(&["replay", "--speed", "max", "--url", &url, path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let complaints = stderr(&output);
    assert!(complaints.contains("ta-001: too_large: "), "{complaints}");
    assert!(stdout(&output).contains("1 calls, 1 of them ended"), "{}", stdout(&output));
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let path = data("calls/ta.jsonl");
    let path = path.to_str().unwrap();
    let output = run(&["replay", "--url", "ws://127.0.0.1:1/v1/ingest", path]);
    assert_eq!(output.status.code(), Some(1));
    let complaints = stderr(&output);
    assert!(complaints.contains("cannot reach ws://127.0.0.1:1/v1/ingest"), "{complaints}");
    assert_eq!(run(&["replay", "--url", "http://127.0.0.1", path]).status.code(), Some(2));
    assert_eq!(run(&["replay", "--speed", "fast", path]).status.code(), Some(2));
    assert_eq!(run(&["replay"]).status.code(), Some(2));
}
