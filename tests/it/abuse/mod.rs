//! Floods beside a platform that behaves: it gets all its acks, others are told or slowed, and
//! nothing grows without end.

mod connections;
mod frames;
mod json;
mod rates;
mod silence;

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::harness::*;

/// A connection from another address of this machine.
async fn connect_from(host: &str, server: &Server) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(host.parse().unwrap(), 0)).unwrap();
    socket.connect(server.address).await.unwrap()
}

/// A connection with next to no room for what it does not read.
async fn connect_narrow(server: &Server) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    socket.connect(server.address).await.unwrap()
}

/// A request's head.
fn head(method: &str, path: &str, more: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n{more}\r\n")
}

/// The head of a handshake, with more lines.
fn handshake(path: &str, more: &str) -> String {
    let upgrade = "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                   sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    head("GET", path, &format!("{upgrade}{more}"))
}

/// One answer, as far as its head.
async fn answer(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    let reading = async {
        while !read.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => read.push(byte),
                Err(_) => break,
            }
        }
    };
    timeout(PATIENCE, reading).await.expect("no answer");
    String::from_utf8_lossy(&read).to_ascii_lowercase()
}

/// Everything up to the end that the server makes.
async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    // A reset is an end, too.
    let ended = timeout(PATIENCE, stream.read_to_end(&mut read)).await;
    let _ = ended.expect("the server does not close");
    String::from_utf8_lossy(&read).to_ascii_lowercase()
}

/// A websocket whose frames are made by hand.
async fn raw_socket(mut stream: TcpStream, path: &str) -> TcpStream {
    stream.write_all(handshake(path, "").as_bytes()).await.unwrap();
    assert!(answer(&mut stream).await.starts_with("http/1.1 101"));
    stream
}

/// Requests that are over a rate of one a second, however slow the machine.
const ENOUGH: usize = 1_000;
const FIN: u8 = 0x80;
const PIECE: u8 = 0;
const TEXT: u8 = 1;
const PING: u8 = 9;

/// A frame of a client; its mask changes nothing.
fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() < 126, "a short one");
    [&[kind, 0x80 | payload.len() as u8, 0, 0, 0, 0][..], payload].concat()
}

/// Writes the same again and again, and reads nothing, until the server ends it.
fn flood(mut stream: TcpStream, bytes: Vec<u8>) -> JoinHandle<()> {
    tokio::spawn(async move { while stream.write_all(&bytes).await.is_ok() {} })
}

/// The same, and reads all that comes.
fn busy_flood(stream: TcpStream, bytes: Vec<u8>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let (mut reader, mut writer) = stream.into_split();
        let reading = async move {
            let mut buffer = vec![0; 65_536];
            while matches!(reader.read(&mut buffer).await, Ok(1..)) {}
        };
        let writing = async move { while writer.write_all(&bytes).await.is_ok() {} };
        tokio::join!(reading, writing);
    })
}

/// A platform that behaves: it waits for each ack before it goes on.
async fn behaves(peer: &mut Peer, call: &str, chunks: u64) {
    peer.start(call).await;
    for seq in 1..=chunks {
        peer.chunk(call, seq, "customer", "where is my parcel").await;
        peer.acked(call, seq).await;
    }
}
