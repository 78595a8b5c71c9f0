//! Servers that are killed at random moments under load, and clients that come back.
//!
//! `CRASH_ROUNDS` says how often (3 unless told), `CRASH_SEED` repeats a run.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use forewarn::call::Call;
use futures_util::SinkExt;
use rusqlite::config::DbConfig;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::*;

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn rounds() -> usize {
    std::env::var("CRASH_ROUNDS").map_or(3, |rounds| rounds.parse().expect("a number"))
}

fn random() -> fastrand::Rng {
    let seed = std::env::var("CRASH_SEED")
        .map_or_else(|_| fastrand::u64(..), |seed| seed.parse().expect("a number"));
    // Shown when the test fails.
    println!("CRASH_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}

/// Connections of the replay, over which it deals its calls in turn.
const CONNECTIONS: usize = 3;

/// Calls of all batches, several hundred.
fn load() -> Vec<Call> {
    let mut files: Vec<_> = data("calls").read_dir().unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    let names = files.iter().map(|file| file.file_name().unwrap().to_str().unwrap());
    let calls: Vec<Call> = names.flat_map(|name| calls(name, 24)).collect();
    assert!(calls.len() >= 200, "{}", calls.len());
    calls
}

/// A console that comes back with `since` whenever it loses the server, and keeps what it saw.
struct Watcher {
    address: SocketAddr,
    peer: Option<Peer>,
    epoch: String,
    seen: Vec<Value>,
    /// When the newest of them came; guards against hanging.
    heard: Instant,
}

impl Watcher {
    async fn new(server: &Server) -> Watcher {
        let address = server.address;
        let (epoch, seen, heard) = (String::new(), Vec::new(), Instant::now());
        let mut watcher = Watcher { address, peer: None, epoch, seen, heard };
        watcher.connect().await;
        watcher
    }

    fn offset(&self) -> u64 {
        self.seen.last().map_or(0, |message| message["offset"].as_u64().unwrap())
    }

    /// Waits for the server if need be, and resumes exactly.
    async fn connect(&mut self) {
        while TcpStream::connect(self.address).await.is_err() {
            tokio::task::yield_now().await;
        }
        let mut peer = Peer::open(self.address, "/v1/console?user=sup", Some(CONSOLE)).await;
        let hello = peer.next().await;
        let epoch = hello["epoch"].as_str().unwrap().to_owned();
        if self.epoch.is_empty() {
            self.epoch = epoch;
        } else {
            assert_eq!(epoch, self.epoch, "the history goes on");
        }
        let since = (self.epoch.clone(), self.offset());
        let snapshot = peer.subscribe(json!({}), Some((&since.0, since.1))).await;
        assert_eq!(snapshot[0]["recovered"], true, "since {}: {hello}", since.1);
        self.peer = Some(peer);
    }

    /// Reads `number` numbered messages, over as many connections as it takes.
    async fn read(&mut self, number: usize) {
        let goal = self.seen.len() + number;
        while self.seen.len() < goal {
            self.read_one().await;
        }
    }

    async fn read_one(&mut self) {
        let Some(peer) = &mut self.peer else { return self.connect().await };
        assert!(self.heard.elapsed() < PATIENCE, "no numbered message came");
        match peer.try_next().await {
            Ok(mut message) => {
                if message["offset"].is_u64() && message["type"] != "snapshot" {
                    if let Some(alert) = message["alert"].as_object_mut() {
                        alert.remove("latency_us");
                    }
                    self.seen.push(message);
                    self.heard = Instant::now();
                }
            }
            Err(_) => self.peer = None,
        }
    }

    async fn read_until_started(&mut self, call: &Call) {
        let started =
            |m: &Value| m["event"] == "started" && m["call"]["call_id"] == call.id.as_str();
        while !self.seen.iter().any(started) {
            self.read_one().await;
        }
    }

    async fn read_until_ended(&mut self, calls: usize) {
        let ended = |seen: &[Value]| seen.iter().filter(|m| m["event"] == "ended").count();
        while ended(&self.seen) < calls {
            self.read_one().await;
        }
    }

    /// Every message of the history, once and in order.
    fn assert_complete(&self) {
        let offsets: Vec<u64> =
            self.seen.iter().map(|message| message["offset"].as_u64().unwrap()).collect();
        let all: Vec<u64> = (1..=offsets.len() as u64).collect();
        assert!(offsets == all, "missed or twice: {offsets:?}");
    }

    fn alerts(&self) -> Vec<&Value> {
        let alerts = self.seen.iter().filter(|message| message["type"] == "alert");
        alerts.map(|message| &message["alert"]).collect()
    }
}

/// A platform that remembers what was acked. `replay` does not mind sending again what a server
/// has lost; this one does.
struct Prober {
    address: SocketAddr,
    acked: u64,
    over: Arc<AtomicBool>,
}

impl Prober {
    const CALL: &str = "probe";

    /// Talks until it is over, then ends the call. Says how many chunks were acked.
    async fn run(mut self) -> u64 {
        while self.session().await.is_err() {
            tokio::task::yield_now().await;
        }
        self.acked - 1
    }

    /// One connection.
    async fn session(&mut self) -> Result<(), String> {
        let mut peer = Peer::try_open(self.address, "/v1/ingest", Some(INGEST)).await?;
        send(&mut peer, json!({"type": "call_start", "call_id": Self::CALL})).await?;
        let last_seq = loop {
            let message = peer.try_next().await?;
            if message["type"] == "started" {
                break message["last_seq"].as_u64().unwrap();
            }
        };
        assert!(last_seq >= self.acked, "{} was acked, {last_seq} is there", self.acked);
        let mut sent = last_seq;
        loop {
            let over = self.over.load(Ordering::Relaxed);
            for _ in 0..10 {
                sent += 1;
                send(&mut peer, chunk(Self::CALL, sent, "other", "hm")).await?;
            }
            if over {
                sent += 1;
                let end = json!({"type": "call_end", "call_id": Self::CALL, "seq": sent});
                send(&mut peer, end).await?;
            }
            while self.acked < sent {
                let message = peer.try_next().await?;
                assert_ne!(message["type"], "error", "{message}");
                self.acked = message["seq"].as_u64().unwrap_or(self.acked);
            }
            if over {
                return Ok(());
            }
        }
    }
}

async fn send(peer: &mut Peer, message: Value) -> Result<(), String> {
    let sent = peer.ws.send(Message::text(message.to_string())).await;
    sent.map_err(|error| error.to_string())
}

/// Plays the load into a server that is stopped again and again, and looks at what is left.
async fn survive(times: usize, stop: impl AsyncFn(&Server, &Path, usize)) {
    let mut random = random();
    let folder = tempfile::tempdir().unwrap();
    let (path, dir) = (folder.path().join("calls.jsonl"), folder.path().join("data"));
    let calls = load();
    write_calls(&path, &calls);
    let path = path.to_str().unwrap();
    let mut server = Server::on_disk(&dir, any_port());
    let address = server.address;
    let mut watcher = Watcher::new(&server).await;
    let mut late = Watcher::new(&server).await;
    let url = server.url("/v1/ingest");
    let replay = Running::spawn(&[
        "replay",
        "--speed",
        "400",
        "--connections",
        &CONNECTIONS.to_string(),
        "--at-once",
        "40",
        "--json",
        "--url",
        &url,
        path,
    ]);
    let over = Arc::new(AtomicBool::new(false));
    let prober = tokio::spawn(Prober { address, acked: 0, over: Arc::clone(&over) }.run());
    // A platform whose very first connection fails is taken to have a wrong address.
    for call in &calls[..CONNECTIONS] {
        watcher.read_until_started(call).await;
    }
    // Each call makes two messages at least.
    let share = calls.len() * 2 / (times + 1);
    for round in 0..times {
        watcher.read(random.usize(1..=share)).await;
        stop(&server, &dir, round).await;
        server.wait();
        server = Server::on_disk(&dir, address);
    }
    watcher.read_until_ended(calls.len()).await;
    over.store(true, Ordering::Relaxed);
    let probed = prober.await.unwrap();
    watcher.read_until_ended(calls.len() + 1).await;
    let (status, said, complaints) = replay.end();
    assert!(status.success(), "{said}{complaints}");
    let summary: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&summary["unacked"], &summary["errors"]), (&json!(0), &json!(0)), "{summary}");
    let chunks: u64 = calls.iter().map(|call| call.turns.len() as u64).sum();
    assert_eq!(summary["acked"], chunks + calls.len() as u64);
    watcher.assert_complete();
    // One that was away all the time gets the same.
    late.heard = Instant::now();
    late.read(watcher.seen.len()).await;
    assert_eq!(late.seen, watcher.seen);
    server.terminate();
    assert!(server.wait().success());
    assert_sound(&dir);
    assert_transcripts(&dir, &calls, path, probed);
    assert_alerts(&watcher, &calls, path).await;
}

fn assert_sound(dir: &Path) {
    let check = run(&["journal", "check", "--data-dir", dir.to_str().unwrap()]);
    assert!(check.status.success(), "{}{}", stdout(&check), stderr(&check));
}

/// Every acked chunk is there once, in order, with the risk that it has offline, bit for bit.
fn assert_transcripts(dir: &Path, calls: &[Call], path: &str, probed: u64) {
    let offline = run(&["score", path]);
    assert!(offline.status.success(), "{}", stderr(&offline));
    let mut risks: BTreeMap<String, Vec<Option<u64>>> = BTreeMap::new();
    for line in json_lines(&stdout(&offline)) {
        let call_id = line["call_id"].as_str().unwrap().to_owned();
        risks.entry(call_id).or_default().push(line["risk"].as_f64().map(f64::to_bits));
    }
    let exported = run(&["journal", "export", "--data-dir", dir.to_str().unwrap()]);
    assert!(exported.status.success(), "{}", stderr(&exported));
    let lines = json_lines(&stdout(&exported));
    let kept: BTreeMap<&str, &Value> = lines
        .iter()
        .filter(|line| line["transcript"].is_array())
        .map(|line| (line["call_id"].as_str().unwrap(), line))
        .collect();
    assert_eq!(kept.len(), calls.len() + 1);
    let probe = kept[Prober::CALL]["transcript"].as_array().unwrap();
    let seqs: Vec<u64> = probe.iter().map(|chunk| chunk["seq"].as_u64().unwrap()).collect();
    assert!(seqs == (1..=probed).collect::<Vec<_>>(), "{probed}: {seqs:?}");
    for call in calls {
        let line = kept[call.id.as_str()];
        let transcript = line["transcript"].as_array().unwrap();
        let said: Vec<_> = transcript
            .iter()
            .map(|chunk| (chunk["seq"].as_u64().unwrap(), chunk["text"].as_str().unwrap()))
            .collect();
        let turns: Vec<_> =
            (1..).zip(&call.turns).map(|(seq, turn)| (seq, turn.text.as_str())).collect();
        assert_eq!(said, turns, "{}", call.id);
        let live: Vec<_> =
            transcript.iter().map(|chunk| chunk["risk"].as_f64().map(f64::to_bits)).collect();
        assert_eq!(live, risks[&call.id], "{}", call.id);
        assert_eq!((&line["state"], &line["is_final"]), (&json!("ended"), &json!(1)));
    }
}

/// The alerts are those of a server that was never stopped, and none was raised twice.
async fn assert_alerts(watcher: &Watcher, calls: &[Call], path: &str) {
    let raised = |watcher: &Watcher| -> Vec<String> {
        let raised = watcher.alerts().into_iter().filter(|alert| {
            alert["history"].as_array().unwrap().len() == 1 && alert["state"] == "raised"
        });
        raised.map(|alert| alert["alert_id"].as_str().unwrap().to_owned()).collect()
    };
    let steady = Server::start();
    let mut other = Watcher::new(&steady).await;
    let url = steady.url("/v1/ingest");
    let played = run(&["replay", "--speed", "max", "--url", &url, path]);
    assert!(played.status.success(), "{}", stderr(&played));
    other.read_until_ended(calls.len()).await;
    let (shaken, steady) = (raised(watcher), raised(&other));
    let unique: BTreeSet<&String> = shaken.iter().collect();
    assert_eq!(unique.len(), shaken.len(), "raised twice");
    assert!(shaken.len() > 20, "{}", shaken.len());
    assert_eq!(unique, steady.iter().collect());
}

/// Holds up every commit of a server, as a disk does that hangs: somebody else is writing to the
/// file of its journal. Lets go without touching what is there.
fn hold_commits(dir: &Path) -> rusqlite::Connection {
    let writer = rusqlite::Connection::open(dir.join("journal.db")).unwrap();
    writer.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
    writer.busy_timeout(PATIENCE).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    writer
}

/// Kills a server in the middle of its work, every other time while its commits are held up.
async fn kill(server: &Server, dir: &Path, round: usize) {
    let held = round.is_multiple_of(2).then(|| hold_commits(dir));
    // A few answers long platforms go on, and would believe an early ack.
    for _ in 0..10 {
        server.metric("journal_waiting_records").await;
    }
    server.kill();
    drop(held);
}

#[tokio::test]
async fn a_server_killed_under_load_loses_nothing() {
    survive(rounds(), kill).await;
}

/// An ack that does not wait for its commit comes while the commit is held up.
#[tokio::test]
async fn nothing_is_acked_before_its_commit() {
    let folder = tempfile::tempdir().unwrap();
    let (config, dir) = (folder.path().join("slow.toml"), folder.path().join("data"));
    let data_dir = dir.to_str().unwrap();
    let text = format!("data_dir = {data_dir:?}\n[journal]\nslow_commit_ms = 1\n");
    std::fs::write(&config, text).unwrap();
    let mut server = Server::with_file(&config);
    let mut peer = server.plain_ingest().await;
    peer.start("c").await;
    peer.chunk("c", 1, "customer", "hello").await;
    peer.acked("c", 1).await;
    let held = hold_commits(&dir);
    peer.chunk("c", 2, "customer", "are you there").await;
    // The commit has begun.
    server.says(503, "the journal is slow").await;
    // Answers that wait for nothing: with the second, all that could be said has been.
    for _ in 0..2 {
        peer.send_text("no json").await;
        assert_eq!(peer.next().await["code"], "bad_json");
    }
    server.kill();
    server.wait();
    let said = peer.try_next().await;
    assert!(said.is_err(), "not durable, but said: {said:?}");
    drop(held);
    let server = Server::with_file(&config);
    let mut peer = server.plain_ingest().await;
    assert_eq!(peer.start("c").await["last_seq"], 1);
    peer.chunk("c", 2, "customer", "are you there").await;
    peer.acked("c", 2).await;
}

#[tokio::test]
async fn a_server_drained_under_load_loses_nothing() {
    survive(2, async |server, _, _| server.terminate()).await;
}

/// A figure, not a check: how long a server takes until it is ready again.
#[tokio::test]
#[ignore = "takes a minute; run with `--ignored --nocapture`"]
async fn recovery_time_of_ten_thousand_open_calls() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::on_disk(folder.path(), any_port());
    let turns: Vec<_> = load().into_iter().flat_map(|call| call.turns).collect();
    let mut turns = turns.iter().cycle();
    let mut platform = server.plain_ingest().await;
    for group in 0..500 {
        let ids: Vec<String> = (0..20).map(|place| format!("call-{group}-{place}")).collect();
        for call_id in &ids {
            let start = json!({"type": "call_start", "call_id": call_id});
            platform.ws.feed(Message::text(start.to_string())).await.unwrap();
            for seq in 1..=40 {
                let turn = turns.next().unwrap();
                let message = chunk(call_id, seq, turn.speaker.name(), &turn.text);
                platform.ws.feed(Message::text(message.to_string())).await.unwrap();
            }
        }
        platform.ws.flush().await.unwrap();
        let mut open: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
        while !open.is_empty() {
            let message = platform.next().await;
            if message["type"] == "ack" && message["seq"] == 40 {
                open.remove(message["call_id"].as_str().unwrap());
            }
        }
    }
    server.kill();
    server.wait();
    let bytes = std::fs::metadata(folder.path().join("journal.db")).unwrap().len();
    let began = Instant::now();
    let server = Server::on_disk(folder.path(), server.address);
    let ready = began.elapsed();
    let log = server.stderr();
    let folded = log.lines().find(|line| line.contains("folded the journal"));
    println!("ready after {ready:?}; {bytes} bytes; {}", folded.unwrap());
    assert!(folded.unwrap().contains("records=410000"));
    assert!(folded.unwrap().contains("open_calls=10000"));
}
