//! Who may what, tried from outside: every endpoint and every message, with every kind of token.

mod audit;
mod jwt;
mod names;
mod scopes;
mod table;
mod tls;
mod tokens;

use std::path::Path;

use serde_json::Value;

use crate::harness::*;

/// Makes a token as an operator does, and gives its id and its text.
pub fn new_token(dir: &Path, arguments: &[&str]) -> (String, String) {
    let mut all = vec!["token", "new", "--data-dir", dir.to_str().unwrap()];
    all.extend(arguments);
    let made = run(&all);
    assert!(made.status.success(), "{}", stderr(&made));
    let text = stdout(&made);
    let id = text.split_whitespace().next().unwrap().to_owned();
    (id, text.split_whitespace().last().unwrap().to_owned())
}

/// The part of a token that nobody must see; it may hold the sign that parts the others.
fn secret(token: &str) -> &str {
    token.splitn(3, '_').nth(2).unwrap()
}

/// The text alone.
pub fn token(dir: &Path, arguments: &[&str]) -> String {
    new_token(dir, arguments).1
}

pub fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// A GET with a token, or without one when it is empty.
async fn ask(server: &Server, token: &str, path: &str) -> (u16, Value) {
    let (status, body) = request(server, token, "GET", path, "").await;
    (status, serde_json::from_str(&body).unwrap_or_default())
}

async fn request(
    server: &Server,
    token: &str,
    method: &str,
    path: &str,
    body: &str,
) -> (u16, String) {
    let head = match token {
        "" => String::new(),
        token => format!("authorization: Bearer {token}\r\n"),
    };
    let (status, _, body) = http_with(server.address, method, path, &head, body).await;
    (status, body)
}

/// A websocket that shows a token.
pub async fn open(server: &Server, token: &str, path: &str) -> Peer {
    let own = bearer(token);
    let headers = [("authorization", own.as_str())];
    Peer::try_open_with(server.address, path, &headers).await.unwrap()
}

/// A platform after its `ready`.
pub async fn platform(server: &Server, token: &str) -> Peer {
    let mut peer = open(server, token, "/v1/ingest").await;
    assert_eq!(peer.next().await["type"], "ready");
    peer
}

/// A console after its `hello`, and that.
async fn console(server: &Server, token: &str) -> (Peer, Value) {
    let mut peer = open(server, token, "/v1/console?user=somebody").await;
    let hello = peer.next().await;
    assert_eq!(hello["type"], "hello");
    (peer, hello)
}

/// A console with its picture of everything it may see.
async fn board(server: &Server, token: &str) -> (Peer, Vec<Value>) {
    let (mut peer, _) = console(server, token).await;
    let picture = peer.subscribe(serde_json::json!({}), None).await;
    (peer, picture)
}
