use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use super::*;
use crate::engine::Engine;
use crate::journal::{CommitError, Health, History, Journal, Record};

/// A disk that is full until it is not.
struct Stubborn(Arc<AtomicBool>);

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
    start(rooms, engine, Box::new(Stubborn(Arc::clone(full)))).await.unwrap()
}

async fn status(running: &Running, path: &str) -> String {
    let mut stream = TcpStream::connect(running.address()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer[9..12].to_owned()
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
