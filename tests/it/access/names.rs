//! Pages of strangers in the browser of somebody on this machine, where there are no tokens: under a
//! name of their own that they gave its address (DNS rebinding), and as what they are.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::witness;

/// A handshake where the path is one of a websocket.
const UPGRADE: &str = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                       sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
/// What answers without a token needs no name either: there is nothing of a call behind it.
const OPEN: [&str; 6] = ["/", "/healthz", "/readyz", "/docs", "/asyncapi.json", "/openapi.json"];

/// The status, and the code of the error, of a request under that name.
async fn named(server: &Server, method: &str, path: &str, host: &str, more: &str) -> (u16, Value) {
    let upgrade = if ["/v1/ingest", "/v1/console"].contains(&path) { UPGRADE } else { "" };
    let body = if method == "POST" { "{}" } else { "" };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\n{more}{upgrade}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let exchange = async {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("an answer"));
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        stream.read_exact(&mut body).await.unwrap();
        (head, String::from_utf8(body).unwrap())
    };
    let (head, answer) = tokio::time::timeout(PATIENCE, exchange).await.expect("no answer");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    witness::answered(method, path, body, status, &head, &answer);
    (status, serde_json::from_str(&answer).unwrap_or_default())
}

/// Every endpoint that asks for a token where there are some, and `/` for the others.
fn endpoints() -> Vec<(String, String)> {
    let paths = forewarn::wire::contracts::openapi()["paths"].as_object().unwrap();
    let methods = paths.iter().flat_map(|(path, item)| {
        let path = path.replace("{call_id}", "c").replace("{key}", "k").replace("{format}", "vosk");
        item.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path.clone()))
    });
    methods.collect()
}

#[tokio::test]
async fn without_tokens_a_name_that_strangers_gave_is_not_answered() {
    let server = Server::start();
    let port = server.address.port();
    for (method, path) in endpoints() {
        let is_open = OPEN.contains(&path.as_str());
        let strangers = ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", ""];
        for name in strangers.into_iter().flat_map(|n| [n.to_owned(), format!("{n}:{port}")]) {
            // For the browser it is the page's own server.
            let origin = format!("origin: http://{name}\r\n");
            for more in ["", &origin] {
                let (status, answer) = named(&server, &method, &path, &name, more).await;
                let place = format!("{method} {path} at {name:?}: {status} {answer}");
                assert_eq!(status == 421, !is_open, "{place}");
                if !is_open {
                    assert_eq!(answer["code"], "misdirected", "{place}");
                    let text = answer["message"].as_str().unwrap();
                    assert!(text.contains("`public_url`") && !text.contains("evil"), "{place}");
                }
            }
        }
        for name in ["localhost", "LocalHost", "127.0.0.1", "[::1]"] {
            for name in [name.to_owned(), format!("{name}:{port}"), format!("{name}:1")] {
                let (status, answer) = named(&server, &method, &path, &name, "").await;
                assert!(![403, 421].contains(&status), "{method} {path} at {name}: {answer}");
            }
        }
    }
    let audit = get(server.address, "/v1/audit?what=refused").await;
    let last = &audit["items"][0];
    assert_eq!((&last["who"], &last["what"]), (&json!("nobody"), &json!("refused")), "{audit}");
    assert!(!audit.to_string().contains("evil"), "{audit}");
}

fn is_about_origin(answer: &Value) -> bool {
    answer["message"].as_str().is_some_and(|text| text.contains("`allowed_origins`"))
}

/// It keeps its own name, and may not read. It could still send.
#[tokio::test]
async fn without_tokens_a_page_of_another_origin_sends_nothing() {
    let server = Server::with_config("[server]\nallowed_origins = [\"https://crm.example\"]\n");
    let own = server.address.to_string();
    for (method, path) in endpoints() {
        let place = format!("{method} {path}");
        let from = |origin: &str| format!("origin: {origin}\r\n");
        for foreign in ["https://evil.example", "null", "http://localhost:1"] {
            let (status, answer) = named(&server, &method, &path, &own, &from(foreign)).await;
            let refused = status == 403 && is_about_origin(&answer);
            assert_eq!(refused, !OPEN.contains(&path.as_str()), "{place}: {answer}");
        }
        for good in ["https://crm.example".to_owned(), format!("http://{own}")] {
            let (status, answer) = named(&server, &method, &path, &own, &from(&good)).await;
            assert!(status != 421 && !is_about_origin(&answer), "{place} from {good}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_server_has_the_names_that_its_operator_gives_it_and_with_tokens_any() {
    let names = "[server]\npublic_url = \"https://calls.example:8443/desk\"\n\
                 allowed_origins = [\"https://crm.example\"]\n";
    let server = Server::with_config(names);
    for (name, expected) in [
        ("calls.example", 200),
        ("calls.example:8443", 200),
        ("CALLS.example", 200),
        ("crm.example", 200),
        ("other.example", 421),
        ("calls.example.evil.example", 421),
    ] {
        assert_eq!(named(&server, "GET", "/v1/calls", name, "").await.0, expected, "{name}");
    }
    // A token says enough; a page of a stranger has none.
    let folder = tempfile::tempdir().unwrap();
    let admin = token(folder.path(), &["--role", "admin"]);
    let server = Server::on_disk_with(folder.path(), "");
    let shown = format!("authorization: Bearer {admin}\r\n");
    assert_eq!(named(&server, "GET", "/v1/calls", "any.example", &shown).await.0, 200);
    assert_eq!(named(&server, "GET", "/v1/calls", "any.example", "").await.0, 401);
}
