//! A platform that behaves, alone and beside each kind of flood: how long its acks take.
//!
//! ```text
//! cargo bench --bench flood                            # every flood, five seconds each
//! cargo bench --bench flood -- --only pings,chunks --seconds 10 --connections 32
//! ```
//!
//! The platform sends a chunk, waits for its ack, and rests for ten milliseconds. It comes from
//! another address than the flood, as limits are by address where there are no tokens. Quiet and
//! flood take turns, so that each ratio is of the same minute. Server, flood and platform share
//! the machine: a ratio holds what the flood's own work on it costs, too. Settings of the server
//! can be tried by variables, such as FOREWARN_SERVER_INGEST_MESSAGES_PER_S.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Parser;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

/// Between two chunks of the platform that behaves.
const REST: Duration = Duration::from_millis(10);
/// Where the platform that behaves comes from.
const PLATFORM: [u8; 4] = [127, 0, 0, 2];
/// Before the flood is measured.
const RAMP: Duration = Duration::from_millis(500);

const FLOODS: [(&str, &str); 12] = [
    ("connects", "connections that are opened and closed"),
    ("silent", "connections that say nothing"),
    ("heads", "requests whose head never ends"),
    ("bodies", "requests whose body never comes"),
    ("requests", "GET /healthz, as fast as it is answered"),
    ("lists", "GET /v1/calls, as fast as it is answered"),
    ("pings", "pings"),
    ("pieces", "empty pieces of a message without an end"),
    ("tiny", "empty messages"),
    ("deep", "lists of 30,000 levels"),
    ("chunks", "good chunks, as fast as they are taken"),
    ("deaf", "messages whose answers nobody reads"),
];

#[derive(Clone, Debug, Parser)]
struct Args {
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Connections of a flood.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Only these floods.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// `cargo bench` passes it.
    #[arg(long, hide = true)]
    bench: bool,
    /// This process is the flood, against that address.
    #[arg(long, hide = true)]
    flood: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let done = match &args.flood {
        Some(address) => flood(&args, address).await,
        None => compare(&args).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("flood: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A child that is killed in the end.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn compare(args: &Args) -> anyhow::Result<()> {
    if let Some(unknown) = args.only.iter().find(|name| FLOODS.iter().all(|(one, _)| one != name)) {
        bail!(
            "--only: there is no flood `{unknown}`; there are {:?}",
            FLOODS.map(|(name, _)| name)
        );
    }
    let data = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let (_server, address) = serve(data.path())?;
    println!(
        "{:<10} {:>26} {:>26} {:>14}",
        "", "quiet p50, p99 (ms)", "flood p50, p99 (ms)", "ratios"
    );
    for (name, what) in FLOODS {
        if !args.only.is_empty() && args.only.iter().all(|one| one != name) {
            continue;
        }
        let quiet = measure(&address, name, "quiet", args.seconds).await?;
        let mut child = Command::new(std::env::current_exe()?);
        child.args(["--flood", &address, "--only", name, "--connections"]);
        let child = child.arg(args.connections.to_string()).stdout(Stdio::null()).spawn()?;
        let flooding = Killed(child);
        tokio::time::sleep(RAMP).await;
        let beside = measure(&address, name, "flood", args.seconds).await;
        drop(flooding);
        let beside = beside.with_context(|| format!("beside {what}"))?;
        println!(
            "{name:<10} {:>12.2} {:>13.2} {:>12.2} {:>13.2} {:>6.1} {:>7.1}   {what}",
            quiet.0,
            quiet.1,
            beside.0,
            beside.1,
            beside.0 / quiet.0,
            beside.1 / quiet.1
        );
    }
    Ok(())
}

fn serve(data: &std::path::Path) -> anyhow::Result<(Killed, String)> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forewarn"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let out = child.stdout.take().context("no output")?;
    let server = Killed(child);
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line)?;
    let address = line.trim().strip_prefix("listening on http://");
    Ok((server, address.with_context(|| format!("the server said {line:?}"))?.to_owned()))
}

/// Milliseconds from sending a chunk to its ack: median and 99th percentile.
async fn measure(
    address: &str,
    name: &str,
    when: &str,
    seconds: f64,
) -> anyhow::Result<(f64, f64)> {
    let own = TcpSocket::new_v4()?;
    own.bind(SocketAddr::from((PLATFORM, 0)))?;
    let stream = own.connect(address.parse()?).await?;
    stream.set_nodelay(true)?;
    let (mut socket, _) = client_async(format!("ws://{address}/v1/ingest"), stream).await?;
    let call = format!("{name}-{when}");
    let start = json!({"type": "call_start", "call_id": call});
    socket.send(Message::text(start.to_string())).await?;
    let (end, mut taken) = (Instant::now() + Duration::from_secs_f64(seconds), Vec::new());
    for seq in 1.. {
        let chunk = chunk(&call, seq);
        let sent = Instant::now();
        socket.send(Message::text(chunk)).await?;
        loop {
            let message = socket.next().await.context("the server closed")??;
            let Message::Text(text) = message else { continue };
            let answer: Value = serde_json::from_str(&text)?;
            if answer["type"] == "ack" && answer["seq"] == seq {
                break;
            }
        }
        taken.push(sent.elapsed().as_secs_f64() * 1_000.0);
        if Instant::now() > end {
            break;
        }
        tokio::time::sleep(REST).await;
    }
    taken.sort_by(f64::total_cmp);
    Ok((taken[taken.len() / 2], taken[taken.len() * 99 / 100]))
}

fn chunk(call: &str, seq: u64) -> String {
    json!({"type": "chunk", "call_id": call, "seq": seq, "speaker": "customer",
           "text": "I have called three times about this and nobody calls me back."})
    .to_string()
}

/// Floods until it is killed.
async fn flood(args: &Args, address: &str) -> anyhow::Result<()> {
    let name = args.only.first().context("which?")?.clone();
    let mut all = tokio::task::JoinSet::new();
    for number in 0..args.connections {
        let (name, address) = (name.clone(), address.to_owned());
        all.spawn(async move {
            for round in 0.. {
                let call = format!("{name}-{number}-{round}");
                if stream(&name, &address, &call).await.is_err() {
                    // Refused, closed or reset: again, but not as a flood of this machine's kernel.
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        });
    }
    while all.join_next().await.is_some() {}
    Ok(())
}

/// One connection of a flood, to its end.
async fn stream(name: &str, address: &str, call: &str) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n");
    match name {
        "connects" => Ok(()),
        "silent" => drink(stream).await,
        "heads" => {
            stream.write_all(ask("/").as_bytes()).await?;
            loop {
                stream.write_all(b"x-more: and more\r\n").await?;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        "bodies" => {
            let head =
                format!("POST /v1/score HTTP/1.1\r\nhost: {address}\r\ncontent-length: 9\r\n\r\n");
            stream.write_all(head.as_bytes()).await?;
            drink(stream).await
        }
        "requests" => pour(stream, (ask("/healthz") + "\r\n").repeat(20).as_bytes()).await,
        "lists" => pour(stream, (ask("/v1/calls") + "\r\n").repeat(20).as_bytes()).await,
        "chunks" => {
            upgrade(&mut stream, address).await?;
            let (reader, mut writer) = stream.into_split();
            let reading = tokio::spawn(drink(reader));
            let start = json!({"type": "call_start", "call_id": call}).to_string();
            writer.write_all(&frame(0x81, start.as_bytes())).await?;
            for seq in 1.. {
                writer.write_all(&frame(0x81, chunk(call, seq).as_bytes())).await?;
            }
            reading.await?
        }
        _ => {
            upgrade(&mut stream, address).await?;
            let bytes = match name {
                "pings" => frame(0x89, b"there?").repeat(1_000),
                "pieces" => {
                    stream.write_all(&frame(0x01, b"")).await?;
                    frame(0x00, b"").repeat(1_000)
                }
                "tiny" => frame(0x81, b"").repeat(1_000),
                "deep" => frame(0x81, "[".repeat(30_000).as_bytes()),
                _ => frame(0x81, b"nonsense").repeat(1_000),
            };
            if name == "deaf" {
                loop {
                    stream.write_all(&bytes).await?;
                }
            }
            pour(stream, &bytes).await
        }
    }
}

async fn upgrade(stream: &mut TcpStream, address: &str) -> anyhow::Result<()> {
    let head = format!(
        "GET /v1/ingest HTTP/1.1\r\nhost: {address}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await?;
    if !answer.ends_with(b"101") {
        bail!("refused");
    }
    Ok(())
}

/// A frame of a client; its mask changes nothing.
fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![kind];
    match u16::try_from(payload.len()) {
        Ok(short @ 0..126) => frame.push(0x80 | short as u8),
        Ok(length) => {
            frame.push(0x80 | 126);
            frame.extend(length.to_be_bytes());
        }
        Err(_) => unreachable!("floods have no longer frames"),
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// Writes the same again and again, and reads what comes.
async fn pour(stream: TcpStream, bytes: &[u8]) -> anyhow::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let reading = tokio::spawn(drink(reader));
    while writer.write_all(bytes).await.is_ok() {}
    reading.await?
}

/// Reads to the end.
async fn drink(mut reader: impl tokio::io::AsyncRead + Unpin) -> anyhow::Result<()> {
    let mut buffer = vec![0; 65_536];
    while reader.read(&mut buffer).await? > 0 {}
    Ok(())
}
