use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use super::*;
use crate::engine::Engine;
use crate::engine::event::Event;
use crate::journal::{CommitError, Health, History, Journal, Record};

/// A disk that is full until it is not.
struct Stubborn(Arc<AtomicBool>);

/// A disk whose every commit waits for its turn, and what it has.
#[derive(Clone, Default)]
struct Sluggish {
    /// Commits that may happen.
    turns: Arc<(Mutex<u64>, Condvar)>,
    kept: Arc<Mutex<Vec<Record>>>,
}

impl Sluggish {
    fn allow(&self, commits: u64) {
        *self.turns.0.lock().unwrap() = commits;
        self.turns.1.notify_all();
    }

    /// Numbers of the chunks that are durable.
    fn seqs(&self) -> Vec<u64> {
        let kept = self.kept.lock().unwrap();
        let seqs = kept.iter().filter_map(|record| match &record.recorded.event {
            Event::Chunk(chunk) => Some(chunk.seq),
            _ => None,
        });
        seqs.collect()
    }
}

impl Journal for Sluggish {
    fn epoch(&self) -> &str {
        "e1"
    }
    fn last_offset(&self) -> u64 {
        0
    }
    fn commit(&mut self, batch: &[Record], _: u64) -> Result<(), CommitError> {
        let turns = self.turns.0.lock().unwrap();
        let mut turns = self.turns.1.wait_while(turns, |turns| *turns == 0).unwrap();
        *turns -= 1;
        self.kept.lock().unwrap().extend_from_slice(batch);
        Ok(())
    }
    fn read_back(&mut self, _: usize) -> Result<History, CommitError> {
        Ok(History::default())
    }
}

impl Journal for Stubborn {
    fn epoch(&self) -> &str {
        "e1"
    }
    fn last_offset(&self) -> u64 {
        0
    }
    fn commit(&mut self, _batch: &[Record], _: u64) -> Result<(), CommitError> {
        match self.0.load(Ordering::Relaxed) {
            true => Err(CommitError { message: "disk full".into() }),
            false => Ok(()),
        }
    }
    fn read_back(&mut self, _: usize) -> Result<History, CommitError> {
        Ok(History::default())
    }
}

async fn running(full: &Arc<AtomicBool>, drain_timeout_s: u64) -> Running {
    let engine = Arc::new(Engine::with_model(None, Default::default()).unwrap());
    let server =
        Settings { listen: ([127, 0, 0, 1], 0).into(), drain_timeout_s, ..Settings::default() };
    let rooms = Rooms { server, ..Rooms::default() };
    start(rooms, engine, Box::new(Stubborn(Arc::clone(full))), None).await.unwrap()
}

async fn status(running: &Running, path: &str) -> String {
    get(running, path).await[9..12].to_owned()
}

pub(super) async fn get(running: &Running, path: &str) -> String {
    let mut stream = TcpStream::connect(running.address()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Waits for something that must come; a guard against hanging, nothing is measured.
pub(super) async fn until(holds: impl AsyncFn() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(30), async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    });
    waited.await.expect("it never comes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_acked_while_the_journal_fails() {
    let full = Arc::new(AtomicBool::new(true));
    let running = running(&full, 5).await;
    assert_eq!(status(&running, "/readyz").await, "200");
    let url = format!("ws://{}/v1/ingest", running.address());
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    socket.next().await.unwrap().unwrap();
    for text in [
        r#"{"type":"call_start","call_id":"c"}"#,
        r#"{"type":"chunk","call_id":"c","seq":1,"speaker":"customer","text":"hello"}"#,
    ] {
        socket.send(Message::text(text)).await.unwrap();
    }
    let early = tokio::time::timeout(Duration::from_millis(300), socket.next()).await;
    assert!(early.is_err(), "{early:?}");
    assert_eq!(status(&running, "/readyz").await, "503");
    assert_eq!(status(&running, "/healthz").await, "200");
    assert_eq!(status(&running, "/v1/calls/c").await, "404");
    full.store(false, Ordering::Relaxed);
    let started = socket.next().await.unwrap().unwrap().into_text().unwrap();
    assert!(started.contains(r#""started""#), "{started}");
    let ack = socket.next().await.unwrap().unwrap().into_text().unwrap();
    assert_eq!(ack.as_str(), r#"{"type":"ack","call_id":"c","seq":1}"#);
    assert_eq!(status(&running, "/readyz").await, "200");
    let reading = tokio::spawn(async move {
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Close(Some(frame)) = message {
                return u16::from(frame.code);
            }
        }
        0
    });
    assert!(running.drain().await);
    assert_eq!(reading.await.unwrap(), 1012);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_does_not_wait_for_ever() {
    let full = Arc::new(AtomicBool::new(true));
    let running = running(&full, 1).await;
    let url = format!("ws://{}/v1/ingest", running.address());
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    socket.send(Message::text(r#"{"type":"call_start","call_id":"c"}"#)).await.unwrap();
    // The call is on its way once a commit of it has failed.
    while running.app.desk.journal().health() != Health::Failing {
        tokio::task::yield_now().await;
    }
    let drained = tokio::time::timeout(Duration::from_secs(60), running.drain()).await;
    assert_eq!(drained, Ok(false), "it ends, and says that not all was written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unacked_messages_and_bytes_of_a_connection_are_bounded() {
    for (credits, credit_bytes) in [(5, 1 << 20), (1_000, 700)] {
        let disk = Sluggish::default();
        let listen = ([127, 0, 0, 1], 0).into();
        let server = Settings { listen, credits, credit_bytes, ..Settings::default() };
        let rooms = Rooms { server, ..Rooms::default() };
        let engine = Arc::new(Engine::with_model(None, Default::default()).unwrap());
        let running = start(rooms, engine, Box::new(disk.clone()), None).await.unwrap();
        let url = format!("ws://{}/v1/ingest", running.address());
        let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        for message in flood(50) {
            socket.send(Message::text(message)).await.unwrap();
        }
        let metrics = &running.app.metrics;
        until(async || metrics.pauses.get() > 0).await;
        let (messages, bytes) = (metrics.unacked.get(), metrics.unacked_bytes.get());
        match credits {
            5 => assert_eq!(messages, 5),
            // The last message may go over the bytes, but was the last.
            _ => assert!((700..700 + 120).contains(&bytes), "{messages} {bytes}"),
        }
        disk.allow(u64::MAX);
        while let Some(Ok(message)) = socket.next().await {
            if message.to_text().unwrap().contains(r#""ack","call_id":"c","seq":50"#) {
                break;
            }
        }
        assert_eq!((metrics.unacked.get(), metrics.unacked_bytes.get()), (0, 0));
        assert_eq!(disk.seqs().len(), 50);
    }
}

/// A call with so many chunks.
fn flood(chunks: u64) -> Vec<String> {
    let mut messages = vec![r#"{"type":"call_start","call_id":"c"}"#.to_owned()];
    messages.extend((1..=chunks).map(|seq| {
        let chunk = r#"{"type":"chunk","call_id":"c","speaker":"customer","text":"hello","seq":"#;
        format!("{chunk}{seq}}}")
    }));
    messages
}

/// Far more than the disk takes: the platform is read no further than its credits, nothing that
/// was acked is missing, and all of it gets through in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_disk_slows_its_platforms_and_says_so() {
    let disk = Sluggish::default();
    let server =
        Settings { listen: ([127, 0, 0, 1], 0).into(), credits: 50, ..Settings::default() };
    let journal = crate::journal::Settings {
        queue_records: 8,
        commit_records: 4,
        slow_commit_ms: 50,
        ..Default::default()
    };
    let rooms = Rooms { server, journal, ..Rooms::default() };
    let engine = Arc::new(Engine::with_model(None, Default::default()).unwrap());
    let running = start(rooms, engine, Box::new(disk.clone()), None).await.unwrap();
    let url = format!("ws://{}/v1/ingest", running.address());
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let (load, allowed) = (500, 200);
    for message in flood(load) {
        socket.send(Message::text(message)).await.unwrap();
    }
    // A commit is in progress, and takes long.
    until(async || get(&running, "/readyz").await.contains("the journal is slow")).await;
    assert_eq!(status(&running, "/readyz").await, "503");
    // The room of the queue is used up; the rest waits in the socket.
    until(async || running.app.desk.journal().try_permit().is_none()).await;
    let unacked = running.app.metrics.unacked.get();
    assert!((8..=50).contains(&unacked), "{unacked}");
    assert!(disk.seqs().is_empty());
    let mut acked = 0;
    for commits in 1.. {
        disk.allow(commits);
        let read = tokio::time::timeout(Duration::from_secs(30), socket.next()).await;
        let text = read.expect("no ack").unwrap().unwrap().into_text().unwrap();
        let message: serde_json::Value = serde_json::from_str(&text).unwrap();
        if message["type"] == "ack" {
            acked = message["seq"].as_u64().unwrap();
            let kept = disk.seqs();
            assert!(kept.len() as u64 >= acked && kept.is_sorted(), "acked means committed");
        }
        if acked >= allowed {
            break;
        }
    }
    disk.allow(u64::MAX);
    while acked < load {
        let read = tokio::time::timeout(Duration::from_secs(30), socket.next()).await;
        let text = read.expect("no ack").unwrap().unwrap().into_text().unwrap();
        let message: serde_json::Value = serde_json::from_str(&text).unwrap();
        acked = message["seq"].as_u64().unwrap_or(acked);
    }
    assert_eq!(disk.seqs(), (1..=load).collect::<Vec<_>>(), "each once, in order");
    assert_eq!(status(&running, "/readyz").await, "200");
    let metrics = get(&running, "/metrics").await;
    let slow = metrics.lines().find(|line| line.starts_with("forewarn_journal_slow_commits_total"));
    assert!(slow.is_some_and(|line| !line.ends_with(" 0")), "{slow:?}");
    assert!(running.drain().await);
}
