//! The tools of these tests, tested.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::cut::Cut;
use super::nats::Nats;
use crate::harness::PATIENCE;

/// Long for a loopback: nothing that is on its way takes so long.
const LONG: Duration = Duration::from_millis(200);

type Client = BufReader<TcpStream>;

/// A client that speaks as much of NATS as is needed here.
async fn connect(address: impl tokio::net::ToSocketAddrs) -> Client {
    BufReader::new(TcpStream::connect(address).await.unwrap())
}

async fn line(client: &mut Client) -> String {
    let mut line = String::new();
    timeout(PATIENCE, client.read_line(&mut line)).await.expect("nothing is said").unwrap();
    line
}

async fn info(client: &mut Client) -> serde_json::Value {
    let line = line(client).await;
    let json = line.strip_prefix("INFO ").unwrap_or_else(|| panic!("{line:?}"));
    serde_json::from_str(json).unwrap()
}

async fn say(client: &mut Client, words: &str) {
    client.get_mut().write_all(words.as_bytes()).await.unwrap();
}

/// What was put into JetStream is there after a kill and after a stop, on the same port.
#[tokio::test]
async fn a_server_comes_back_with_what_it_had() {
    let Some(mut nats) = Nats::start() else { return };
    let port = nats.port();
    let mut client = connect(("127.0.0.1", port)).await;
    let told = info(&mut client).await;
    assert_eq!(told["jetstream"], true, "{told}");
    // No other way in than the one that was given: a cut could be walked around.
    assert!(told.get("connect_urls").is_none(), "{told}");
    let stream = r#"{"name":"S","subjects":["s.*"],"retention":"limits","max_consumers":-1,"max_msgs":-1,"max_bytes":-1,"max_age":0,"storage":"file","discard":"old","num_replicas":1}"#;
    let create = format!("PUB $JS.API.STREAM.CREATE.S in {}\r\n{stream}\r\n", stream.len());
    say(&mut client, &format!("CONNECT {{\"verbose\":false}}\r\nSUB in 1\r\n{create}")).await;
    assert!(line(&mut client).await.starts_with("MSG in 1 "));
    assert!(!line(&mut client).await.contains("error"));
    for round in 1..=2_u64 {
        say(&mut client, "PUB s.a in 5\r\nhello\r\n").await;
        assert!(line(&mut client).await.starts_with("MSG in 1 "));
        let ack = line(&mut client).await;
        assert!(ack.contains(&format!("\"seq\":{round}")), "{ack}");
        if round == 1 {
            nats.kill()
        } else {
            nats.stop()
        }
        assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err(), "it is gone");
        nats.restart();
        client = connect(("127.0.0.1", port)).await;
        info(&mut client).await;
        say(&mut client, "CONNECT {\"verbose\":false}\r\nSUB in 1\r\n").await;
    }
    say(&mut client, "PUB $JS.API.STREAM.INFO.S in 0\r\n\r\n").await;
    line(&mut client).await;
    let state = line(&mut client).await;
    assert!(state.contains("\"messages\":2"), "{state}");
}

#[tokio::test]
async fn a_server_without_jetstream_says_so() {
    let Some(nats) = Nats::without_jetstream() else { return };
    let told = info(&mut connect(("127.0.0.1", nats.port())).await).await;
    assert!(told.get("jetstream").is_none(), "{told}");
}

#[tokio::test]
async fn a_cut_wire_carries_nothing_and_what_waited_comes_later() {
    let Some(nats) = Nats::start() else { return };
    let wire = Cut::before(nats.port());
    let mut client = connect(wire.address()).await;
    info(&mut client).await;
    say(&mut client, "CONNECT {\"verbose\":false}\r\nPING\r\n").await;
    assert_eq!(line(&mut client).await, "PONG\r\n");
    wire.cut();
    say(&mut client, "PING\r\n").await;
    let mut other = connect(wire.address()).await;
    let mut said = String::new();
    assert!(timeout(LONG, client.read_line(&mut said)).await.is_err(), "{said:?}");
    assert!(timeout(LONG, other.read_line(&mut said)).await.is_err(), "{said:?}");
    wire.mend();
    assert_eq!(line(&mut client).await, "PONG\r\n");
    assert_eq!(info(&mut other).await["jetstream"], true);
    // Both ends hear of each other's end, though not while it is cut.
    wire.cut();
    drop(nats);
    assert!(timeout(LONG, client.read_line(&mut said)).await.is_err(), "{said:?}");
    wire.mend();
    assert_eq!(line(&mut client).await, "");
}
