//! Endpoint by endpoint and message by message, against every kind of token. A route or a message
//! without a row here fails.

use std::path::Path;

use serde_json::{Value, json};

use super::*;

/// Whom an endpoint is open to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Open {
    Everybody,
    To(&'static [&'static str]),
}

const LOOKERS: Open = Open::To(&["agent", "supervisor", "admin"]);
const FEEDERS: Open = Open::To(&["ingest", "admin"]);
const KEEPERS: Open = Open::To(&["admin"]);

fn endpoint(method: &str, path: &str) -> Option<Open> {
    Some(match (method, path) {
        ("get", "/v1/ingest") | ("post", "/v1/webhooks/{format}") => FEEDERS,
        ("get", "/v1/console" | "/v1/calls" | "/v1/alerts" | "/v1/shift") => LOOKERS,
        ("get", "/v1/calls/{call_id}") => LOOKERS,
        ("get", "/v1/calls/{call_id}.vcon" | "/v1/calls/{call_id}.vtt") => LOOKERS,
        ("post", "/v1/score") => LOOKERS,
        ("get", "/metrics" | "/v1/audit") => KEEPERS,
        ("delete", "/v1/calls/{call_id}" | "/v1/customers/{key}") => KEEPERS,
        ("get", "/" | "/healthz" | "/readyz") => Open::Everybody,
        ("get", "/docs" | "/asyncapi.json" | "/openapi.json") => Open::Everybody,
        _ => return None,
    })
}

/// A server with one token of each role; `none` and `bad` show nothing of use.
fn everybody(dir: &Path) -> Vec<(&'static str, String)> {
    let new = |role: &str, more: &[&str]| token(dir, &[&["--role", role], more].concat());
    let gone = new_token(dir, &["--role", "admin"]);
    assert!(
        run(&["token", "revoke", &gone.0, "--data-dir", dir.to_str().unwrap()]).status.success()
    );
    let admin = new("admin", &["--user", "root"]);
    let mut bent = admin.clone();
    bent.replace_range(bent.len() - 1.., if admin.ends_with('A') { "Q" } else { "A" });
    vec![
        ("none", String::new()),
        ("bad", "fw_000000000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into()),
        ("bent", bent),
        ("revoked", gone.1),
        ("ingest", new("ingest", &["--user", "pbx"])),
        ("agent", new("agent", &["--user", "a17"])),
        ("supervisor", new("supervisor", &["--user", "ana"])),
        ("admin", admin),
    ]
}

fn is_somebody(role: &str) -> bool {
    ["ingest", "agent", "supervisor", "admin"].contains(&role)
}

#[tokio::test]
async fn every_endpoint_is_open_to_whom_the_table_says() {
    let folder = tempfile::tempdir().unwrap();
    let tokens = everybody(folder.path());
    let server = Server::on_disk_with(folder.path(), "");
    let paths = forewarn::wire::contracts::openapi()["paths"].as_object().unwrap().clone();
    for (path, methods) in &paths {
        for method in methods.as_object().unwrap().keys() {
            let open = endpoint(method, path);
            let open = open.unwrap_or_else(|| panic!("who may {method} {path}? it has no row"));
            for (role, token) in &tokens {
                let may = match open {
                    Open::Everybody => true,
                    Open::To(roles) => roles.contains(role),
                };
                let expected = match (may, is_somebody(role)) {
                    (true, _) => None,
                    (false, true) => Some(403),
                    (false, false) => Some(401),
                };
                let place = format!("{method} {path} as {role}");
                let target = path.replace("{call_id}", "c-1").replace("{format}", "vosk");
                let (status, body) =
                    request(&server, token, &method.to_uppercase(), &target, "{}").await;
                match expected {
                    Some(expected) => assert_eq!(status, expected, "{place}: {body}"),
                    None => assert!(status != 401 && status != 403, "{place}: {status} {body}"),
                }
                if path == "/v1/ingest" || path == "/v1/console" {
                    let mut peer = super::open(&server, token, path).await;
                    match expected {
                        // Not a word before.
                        Some(status) => {
                            let end = peer.try_next().await;
                            assert_eq!(end, Err((4_000 + status).to_string()), "{place}");
                        }
                        None => assert!(peer.try_next().await.is_ok(), "{place}"),
                    }
                }
            }
        }
    }
    // What is nowhere is nowhere for everybody.
    assert_eq!(request(&server, "", "GET", "/v1/nowhere", "").await.0, 404);
    let counted = request(&server, &tokens[7].1, "GET", "/metrics", "").await.1;
    assert!(
        counted.contains("forewarn_server_refused_requests_total{status=\"401\"}"),
        "{counted}"
    );
}

/// Commands on alerts and the roles that may give them; what only looks is everybody's.
const COMMANDS: [(&str, &[&str]); 9] = [
    ("subscribe", &["agent", "supervisor", "admin"]),
    ("unsubscribe", &["agent", "supervisor", "admin"]),
    ("watch", &["agent", "supervisor", "admin"]),
    ("unwatch", &["agent", "supervisor", "admin"]),
    ("acknowledge", &["agent", "supervisor", "admin"]),
    ("raise_hand", &["agent", "supervisor", "admin"]),
    ("snooze", &["supervisor", "admin"]),
    ("assign", &["supervisor", "admin"]),
    ("resolve", &["supervisor", "admin"]),
];

#[tokio::test]
async fn every_message_is_taken_from_whom_the_table_says() {
    let folder = tempfile::tempdir().unwrap();
    let tokens = everybody(folder.path());
    let of = |role: &str| tokens.iter().find(|(name, _)| *name == role).unwrap().1.as_str();
    let server = Server::on_disk_with(folder.path(), "");
    let mut pbx = platform(&server, of("ingest")).await;
    let document = forewarn::wire::contracts::asyncapi();
    for message in document["channels"]["console"]["messages"].as_object().unwrap().keys() {
        let received = document["operations"].as_object().unwrap().values().any(|operation| {
            let reference = format!("#/channels/console/messages/{message}");
            operation["action"] == "receive" && operation["messages"][0]["$ref"] == reference
        });
        if !received {
            continue;
        }
        let row = COMMANDS.iter().find(|(name, _)| name == message);
        let (_, roles) = row.unwrap_or_else(|| panic!("who may {message}? it has no row"));
        for role in ["agent", "supervisor", "admin"] {
            let (mut peer, _) = console(&server, of(role)).await;
            if message == "subscribe" {
                assert_eq!(peer.subscribe(json!({}), None).await[0]["recovered"], false);
                continue;
            }
            // An alert of a call that everybody here may see.
            let call_id = format!("{message}-{role}");
            pbx.start_with(json!({"call_id": call_id, "agent_id": "a17"})).await;
            let hand = peer.command("h", json!({"type": "raise_hand", "call_id": call_id})).await;
            assert_eq!(hand["ok"], true, "{hand}");
            let path = format!("/v1/alerts?call_id={call_id}");
            let (_, alerts) = ask(&server, of("admin"), &path).await;
            let alert = &alerts["items"][0]["alert_id"];
            let command = json!({"type": message, "call_id": call_id, "alert_id": alert, "for_s": 60,
                "to": "ana", "outcome": "averted"});
            let reply = peer.command("x", command.clone()).await;
            assert_eq!(reply["ok"], roles.contains(&role), "{message} as {role}: {reply}");
            if !roles.contains(&role) {
                assert_eq!(reply["code"], "forbidden", "{reply}");
                // The same for what is not there, so that nobody learns what is.
                let mut unknown = command;
                unknown["alert_id"] = json!("al-nobody's");
                let other = peer.command("x", unknown).await;
                assert_eq!(other, reply);
            }
        }
    }
}

#[tokio::test]
async fn a_token_is_taken_where_the_protocol_says_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let feed = token(folder.path(), &["--role", "ingest"]);
    let look = token(folder.path(), &["--role", "supervisor", "--user", "ana"]);
    let server = Server::on_disk_with(folder.path(), "");
    let open = async |path: &str, name: &'static str, value: &str| -> Value {
        let peer = Peer::try_open_with(server.address, path, &[(name, value)]).await;
        peer.unwrap().try_next().await.unwrap_or_else(|end| json!({"closed": end}))
    };
    let subprotocol = |name: &str, token: &str| format!("{name}, bearer.{token}");
    // echo -n "x:$token" | base64
    let basic = |token: &str| {
        use base64::Engine;
        let text = base64::prelude::BASE64_STANDARD.encode(format!("x:{token}"));
        format!("Basic {text}")
    };
    let nothing = ("x-nothing", String::new());
    for (path, (name, value), expected) in [
        ("/v1/ingest", ("authorization", bearer(&feed)), "ready"),
        ("/v1/ingest", ("authorization", basic(&feed)), "ready"),
        ("/v1/ingest", ("dg-token", feed.clone()), "ready"),
        ("/v1/ingest", ("sec-websocket-protocol", subprotocol(INGEST, &feed)), "ready"),
        (&format!("/v1/ingest?key={feed}"), nothing.clone(), "ready"),
        ("/v1/console", ("sec-websocket-protocol", subprotocol(CONSOLE, &look)), "hello"),
        ("/v1/console", ("authorization", basic(&look)), ""),
        ("/v1/console", ("dg-token", look.clone()), ""),
        (&format!("/v1/console?key={look}"), nothing, ""),
    ] {
        let first = open(path, name, &value).await;
        match expected {
            "" => assert_eq!(first["closed"], "4401", "{path} {name}"),
            kind => assert_eq!(first["type"], kind, "{path} {name}: {first}"),
        }
    }
    assert_eq!(ask(&server, "", &format!("/v1/calls?key={look}")).await.0, 401);
    let hook = format!("/v1/webhooks/vosk?call_id=c&roles=customer&key={feed}");
    let (status, body) = request(&server, "", "POST", &hook, r#"{"text":"hello"}"#).await;
    assert_eq!(status, 204, "{body}");
    // The token is never echoed, and the name is the token's.
    let (_, hello) = console(&server, &look).await;
    assert_eq!((&hello["user"], &hello["scopes"]), (&json!("ana"), &json!([])));
    let raw = format!(
        "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: {}\r\n",
        subprotocol(CONSOLE, "fw_wrong")
    );
    let (status, head) = upgrade_head(&server, &raw).await;
    assert!(status == 101 && head.contains(CONSOLE) && !head.contains("bearer"), "{head}");
}

/// The head of the answer to a handshake, which no body follows.
async fn upgrade_head(server: &Server, head: &str) -> (u16, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let request = format!("GET /v1/console HTTP/1.1\r\nhost: {}\r\n{head}\r\n", server.address);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        let byte = tokio::time::timeout(PATIENCE, stream.read_u8()).await.unwrap().unwrap();
        seen.push(byte);
    }
    let text = String::from_utf8(seen).unwrap();
    (text.split(' ').nth(1).unwrap().parse().unwrap(), text)
}
