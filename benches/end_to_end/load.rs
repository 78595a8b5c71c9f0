//! The load: many connections that send, wait for their answers, and send again.

use std::fmt::{self, Write as _};
use std::io::{BufRead, BufReader, Write as _};
use std::process::{Child, ChildStdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{frames, process};

/// Chunks of a call before the next call begins on the same connection.
const CALL_CHUNKS: u64 = 40;

/// Whom it talks to.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Peer {
    /// Sends everything back.
    Echo,
    /// Acks everything.
    Sink,
    /// The built server.
    Forewarn,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Peer::Echo => "echo",
            Peer::Sink => "sink",
            Peer::Forewarn => "forewarn",
        })
    }
}

/// What a load process does.
#[derive(Debug, Serialize, Deserialize)]
pub struct Job {
    /// Whom it talks to.
    pub peer: Peer,
    /// Where.
    pub address: String,
    /// Connections.
    pub connections: usize,
    /// Messages of one write.
    pub burst: u64,
    /// For how long.
    pub seconds: f64,
}

/// A load process at work.
pub struct Load {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Job {
    /// Starts the process.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(&self) -> anyhow::Result<Load> {
        let mut child = process::load(&serde_json::to_string(self)?)?;
        let out = BufReader::new(child.stdout.take().context("no output")?);
        Ok(Load { child, out })
    }
}

impl Load {
    /// Waits until all connections are open and the first answers have come.
    ///
    /// # Errors
    /// When they cannot be opened.
    pub fn begun(&mut self) -> anyhow::Result<()> {
        let line = self.line()?;
        if line != "begun" {
            bail!("the load said {line:?}");
        }
        Ok(())
    }

    /// Waits for the end: how many messages were answered, and in which time.
    ///
    /// # Errors
    /// When the load failed.
    pub fn finish(&mut self) -> anyhow::Result<(u64, Duration)> {
        let line = self.line()?;
        let (messages, ns) = line.split_once(' ').with_context(|| format!("{line:?}"))?;
        let done = (messages.parse()?, Duration::from_nanos(ns.parse()?));
        Ok(done)
    }

    /// Lets it go.
    pub fn stop(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        self.out.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }
}

/// The load process itself.
///
/// # Errors
/// When a connection fails.
pub fn run(job: &str) -> anyhow::Result<()> {
    let job: Job = serde_json::from_str(job)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(load(job))
}

async fn load(job: Job) -> anyhow::Result<()> {
    let turns: Arc<Vec<String>> = Arc::new(turns()?);
    let answered = Arc::new(AtomicU64::new(0));
    let mut connections = Vec::new();
    for number in 0..job.connections {
        connections.push(Connection::open(&job, number, Arc::clone(&turns)).await?);
    }
    for mut connection in connections {
        let answered = Arc::clone(&answered);
        tokio::spawn(async move {
            if let Err(error) = connection.talk(&answered).await {
                eprintln!("a connection failed: {error:#}");
                std::process::exit(1);
            }
        });
    }
    // Everybody has spoken once, buffers are grown, caches warm.
    let warm = job.connections as u64 * job.burst * 2;
    while answered.load(Relaxed) < warm {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    say("begun")?;
    let (from, began) = (answered.load(Relaxed), Instant::now());
    tokio::time::sleep(Duration::from_secs_f64(job.seconds)).await;
    let messages = answered.load(Relaxed) - from;
    say(&format!("{messages} {}", began.elapsed().as_nanos()))?;
    // Until the processor time of the server is read.
    std::future::pending().await
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// Turns of about twenty words, as JSON strings without the quotes.
fn turns() -> anyhow::Result<Vec<String>> {
    let lines = include_str!("../../data/calls/tf.jsonl").lines();
    let calls: Vec<serde_json::Value> =
        lines.map(serde_json::from_str).collect::<Result<_, _>>()?;
    let mut turns = Vec::new();
    for turn in calls.iter().flat_map(|call| call["turns"].as_array().into_iter().flatten()) {
        let text = turn["text"].as_str().unwrap_or_default();
        if (15..=25).contains(&text.split(' ').count()) {
            let speaker = turn["speaker"].as_str().unwrap_or("customer");
            let text = serde_json::to_string(text)?;
            turns.push(format!(r#""speaker":"{speaker}","text":{text}"#));
        }
    }
    Ok(turns)
}

struct Connection {
    stream: TcpStream,
    peer: Peer,
    burst: u64,
    number: usize,
    turns: Arc<Vec<String>>,
    /// Calls begun, and the newest number in the present one.
    calls: u64,
    seq: u64,
    received: Vec<u8>,
}

impl Connection {
    async fn open(job: &Job, number: usize, turns: Arc<Vec<String>>) -> anyhow::Result<Connection> {
        let mut stream = TcpStream::connect(&job.address).await?;
        stream.set_nodelay(true)?;
        let upgrade = format!(
            "GET /v1/ingest HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            job.address
        );
        stream.write_all(upgrade.as_bytes()).await?;
        let mut received = Vec::with_capacity(8 << 10);
        let head = loop {
            if stream.read_buf(&mut received).await? == 0 {
                bail!("closed during the handshake");
            }
            if let Some(end) = received.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end + 4;
            }
        };
        if !received.starts_with(b"HTTP/1.1 101") {
            bail!("not upgraded: {}", String::from_utf8_lossy(&received[..head]));
        }
        received.drain(..head);
        let Job { peer, burst, .. } = *job;
        Ok(Connection { stream, peer, burst, number, turns, calls: 0, seq: 0, received })
    }

    /// Sends and waits for ever. Counts chunks that were answered.
    async fn talk(&mut self, answered: &AtomicU64) -> anyhow::Result<()> {
        let (mut out, mut text) = (Vec::new(), String::new());
        loop {
            out.clear();
            if self.calls == 0 || self.seq >= CALL_CHUNKS {
                self.next_call(&mut out, &mut text)?;
            }
            for _ in 0..self.burst {
                self.seq += 1;
                text.clear();
                let (number, call, seq) = (self.number, self.calls, self.seq);
                let turn = &self.turns[(number * 31 + seq as usize * 7) % self.turns.len()];
                let (start_ms, end_ms) = (seq * 4_000, seq * 4_000 + 3_500);
                write!(
                    text,
                    r#"{{"type":"chunk","call_id":"c-{number}-{call}","seq":{seq},"start_ms":{start_ms},"end_ms":{end_ms},{turn}}}"#
                )?;
                frames::write(&mut out, &text);
            }
            self.stream.write_all(&out).await?;
            self.answers().await?;
            answered.fetch_add(self.burst, Relaxed);
        }
    }

    /// Only our server knows calls; the others get the same bytes without their ends.
    fn next_call(&mut self, out: &mut Vec<u8>, text: &mut String) -> anyhow::Result<()> {
        let number = self.number;
        if self.peer == Peer::Forewarn {
            if self.calls > 0 {
                text.clear();
                let (call, seq) = (self.calls, self.seq + 1);
                write!(text, r#"{{"type":"call_end","call_id":"c-{number}-{call}","seq":{seq}}}"#)?;
                frames::write(out, text);
            }
            text.clear();
            let call = self.calls + 1;
            write!(text, r#"{{"type":"call_start","call_id":"c-{number}-{call}","queue":"q"}}"#)?;
            frames::write(out, text);
        }
        self.calls += 1;
        self.seq = 0;
        Ok(())
    }

    /// Waits for the answer to the last chunk.
    async fn answers(&mut self) -> anyhow::Result<()> {
        let mut left = self.burst;
        let wanted =
            format!(r#""call_id":"c-{}-{}","seq":{}}}"#, self.number, self.calls, self.seq);
        loop {
            let mut used = 0;
            while let Some((payload, length)) = frames::read(&self.received[used..]) {
                used += length;
                match self.peer {
                    Peer::Forewarn => {
                        if payload.starts_with(b"{\"type\":\"error") {
                            bail!("{}", String::from_utf8_lossy(payload));
                        }
                        if payload.ends_with(wanted.as_bytes()) {
                            left = 0;
                        }
                    }
                    _ => left -= 1,
                }
            }
            self.received.drain(..used);
            if left == 0 {
                return Ok(());
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                bail!("the server closed the connection");
            }
        }
    }
}
