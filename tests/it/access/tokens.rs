//! Tokens and their life: made, used, revoked and expired while the server runs.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use super::*;

fn revoke(dir: &Path, id: &str) {
    let revoked = run(&["token", "revoke", id, "--data-dir", dir.to_str().unwrap()]);
    assert!(revoked.status.success(), "{}", stderr(&revoked));
}

#[test]
fn tokens_are_listed_without_their_secret() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data");
    let (id, text) = new_token(
        &dir,
        &[
            "--role",
            "supervisor",
            "--user",
            "ana",
            "--scope",
            "queue:billing",
            "--scope",
            "team:t1",
            "--expires",
            "90d",
        ],
    );
    let gone = new_token(&dir, &["--role", "ingest"]);
    revoke(&dir, &gone.0);
    let list = |more: &[&str]| {
        let dir = dir.to_str().unwrap();
        stdout(&run(&[&["token", "list", "--data-dir", dir], more].concat()))
    };
    let rows = list(&[]);
    for part in [&id, "supervisor", "ana", "queue:billing team:t1", "active", "revoked"] {
        assert!(rows.contains(part), "{part}: {rows}");
    }
    let lines = json_lines(&list(&["--json"]));
    assert_eq!((&lines[0]["id"], &lines[1]["state"]), (&json!(id), &json!("revoked")));
    for token in [&text, &gone.1] {
        assert!(!rows.contains(secret(token)) && !list(&["--json"]).contains(secret(token)));
    }
    for (arguments, code, part) in [
        (&["new", "--role", "root"][..], 2, "write ingest, agent, supervisor or admin"),
        (&["new", "--role", "agent"], 2, "--scope agent:ID or --user ID"),
        (&["new", "--role", "admin", "--scope", "billing"], 2, "write queue:NAME"),
        (&["new", "--role", "admin", "--expires", "soon"], 2, "write 90d"),
        (&["revoke", "nobody"], 1, "no token `nobody`"),
    ] {
        let all = [&["token"], arguments, &["--data-dir", dir.to_str().unwrap()]].concat();
        let output = run(&all);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(part), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn without_tokens_nobody_outside_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let refused = run(&["serve", "--listen", "0.0.0.0:0", "--data-dir", dir]);
    assert_eq!(refused.status.code(), Some(2));
    for part in ["0.0.0.0:0", "forewarn token new", "allow_remote_without_tokens"] {
        assert!(stderr(&refused).contains(part), "{}", stderr(&refused));
    }
    assert_eq!(run(&["demo", "--listen", "0.0.0.0:0"]).status.code(), Some(2));
    token(folder.path(), &["--role", "admin"]);
    let anywhere: SocketAddr = ([0, 0, 0, 0], 0).into();
    drop(Server::on_disk(folder.path(), anywhere));
    std::fs::write(folder.path().join("tokens.json"), "{}").unwrap();
    let refused = run(&["serve", "--listen", "127.0.0.1:0", "--data-dir", dir]);
    assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("tokens.json is no file of tokens"), "{}", stderr(&refused));
}

/// Tries until the server has looked at the file.
async fn until_status(server: &Server, token: &str, expected: u16) {
    let tried = async {
        while ask(server, token, "/v1/calls").await.0 != expected {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, tried).await.expect("the server never looked at the tokens");
}

#[tokio::test]
async fn a_first_token_closes_the_open_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::on_disk(folder.path(), ([127, 0, 0, 1], 0).into());
    let mut before = server.board("ana").await;
    let mut pbx = server.ingest().await;
    pbx.start("c-1").await;
    let admin = token(folder.path(), &["--role", "admin"]);
    // Only now must anybody show it.
    assert_eq!(before.close_code().await, 4401);
    assert_eq!(pbx.close_code().await, 4401);
    until_status(&server, &admin, 200).await;
    assert_eq!(ask(&server, "", "/v1/calls").await.0, 401);
    // A file that is lost opens nothing.
    std::fs::remove_file(folder.path().join("tokens.json")).unwrap();
    until_status(&server, &admin, 401).await;
    assert_eq!(ask(&server, "", "/v1/calls").await.0, 401);
}

#[tokio::test]
async fn a_revoked_token_is_cut_off_and_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let look = new_token(folder.path(), &["--role", "supervisor", "--user", "ana"]);
    let feed = new_token(folder.path(), &["--role", "ingest"]);
    let server = Server::on_disk_with(folder.path(), "");
    let (mut watching, _) = board(&server, &look.1).await;
    let mut pbx = platform(&server, &feed.1).await;
    pbx.start("c-1").await;
    revoke(folder.path(), &look.0);
    assert_eq!(watching.close_code().await, 4401);
    assert_eq!(ask(&server, &look.1, "/v1/calls").await.0, 401);
    assert_eq!(open(&server, &look.1, "/v1/console").await.close_code().await, 4401);
    pbx.chunk("c-1", 1, "customer", "I go on").await;
    pbx.acked("c-1", 1).await;
    revoke(folder.path(), &feed.0);
    assert_eq!(pbx.close_code().await, 4401);
    // What was acked is there, and the call waits for its platform.
    let admin = token(folder.path(), &["--role", "admin"]);
    until_status(&server, &admin, 200).await;
    let (_, call) = ask(&server, &admin, "/v1/calls/c-1").await;
    assert_eq!((&call["state"], &call["last_seq"]), (&json!("open"), &json!(1)));
}

#[tokio::test]
async fn an_expired_token_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    token(folder.path(), &["--role", "admin"]);
    let server = Server::on_disk(folder.path(), ([127, 0, 0, 1], 0).into());
    let short = token(folder.path(), &["--role", "supervisor", "--expires", "8s"]);
    until_status(&server, &short, 200).await;
    let (mut peer, _) = board(&server, &short).await;
    assert_eq!(peer.close_code().await, 4401);
    assert_eq!(ask(&server, &short, "/v1/calls").await.0, 401);
}

#[tokio::test]
async fn vendors_that_sign_need_no_token_and_others_do() {
    let folder = tempfile::tempdir().unwrap();
    let feed = token(folder.path(), &["--role", "ingest"]);
    let config = "[server]\ntwilio_auth_token = \"secret\"\n\
                  public_url = \"https://calls.example.com\"\n";
    let server = Server::on_disk_with(folder.path(), config);
    let path = "/v1/webhooks/twilio?queue=billing";
    let form = "CallSid=CA1&Final=true";
    let post = async |path: &str, head: &str, body: &str| {
        http_with(server.address, "POST", path, head, body).await.0
    };
    // echo -n "https://calls.example.com/v1/webhooks/twilio?queue=billingCallSidCA1Finaltrue" |
    //   openssl dgst -sha1 -hmac secret -binary | base64
    let kind = "content-type: application/x-www-form-urlencoded\r\n";
    let signed = format!("{kind}x-twilio-signature: 920bRfnPAT3NEpRj8puG6MP7JkM=\r\n");
    let wrong = format!("{kind}x-twilio-signature: AAAA\r\n");
    let status = post(path, &signed, form).await;
    assert!(status != 401 && status != 403, "{status}");
    assert_eq!(post(path, &wrong, form).await, 403);
    assert_eq!(post(path, kind, form).await, 403);
    assert_eq!(
        post("/v1/webhooks/vosk?call_id=c&roles=customer", "", r#"{"text":"x"}"#).await,
        401
    );
    assert_eq!(post("/v1/webhooks/auto?call_id=c", "", r#"{"text":"x"}"#).await, 401);
    assert_eq!(post("/v1/webhooks/twilio", "", "no json").await, 401);
    let own = format!("authorization: Bearer {feed}\r\n");
    let said = post("/v1/webhooks/vosk?call_id=c&roles=customer", &own, r#"{"text":"x"}"#).await;
    assert_eq!(said, 204);
    let bad = format!("{signed}authorization: Bearer fw_x_y\r\n");
    assert_eq!(post(path, &bad, form).await, 401, "who shows a token must show a good one");
}

#[tokio::test]
async fn clients_of_ours_show_their_token() {
    let folder = tempfile::tempdir().unwrap();
    let feed = token(folder.path(), &["--role", "ingest"]);
    let look = token(folder.path(), &["--role", "supervisor", "--user", "ana"]);
    let server = Server::on_disk(folder.path(), ([127, 0, 0, 1], 0).into());
    let path = folder.path().join("one.jsonl");
    write_calls(&path, &calls("td.jsonl", 1));
    let url = server.url("/v1/ingest");
    let replay = |more: &[&str]| {
        let path = path.to_str().unwrap();
        run(&[&["replay", "--speed", "max", "--url", &url, path], more].concat())
    };
    let refused = replay(&[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("4401"), "{}", stderr(&refused));
    let played = replay(&["--token", &feed]);
    assert!(played.status.success(), "{}", stderr(&played));
    let mut by_variable = forewarn();
    by_variable.args(["replay", "--speed", "max", "--id-prefix", "b-", "--url", &url]);
    let output = by_variable.arg(&path).env("FOREWARN_TOKEN", &feed).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let file = folder.path().join("token");
    std::fs::write(&file, format!("{look}\n")).unwrap();
    let watching = Running::spawn(&[
        "watch",
        "--json",
        "--url",
        &server.url("/v1/console"),
        "--token-file",
        file.to_str().unwrap(),
    ]);
    let seen = watching.says("\"hello\"");
    let hello: Value = serde_json::from_str(seen.lines().next().unwrap()).unwrap();
    assert_eq!(hello["user"], "ana");
}

/// Tokens are looked for wherever a server writes, at its most talkative.
#[tokio::test]
async fn no_secret_is_written_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let admin = token(folder.path(), &["--role", "admin"]);
    let feed = token(folder.path(), &["--role", "ingest"]);
    let server = Server::on_disk_with(folder.path(), "");
    let mut said = String::new();
    for path in ["/v1/calls?limit=x", "/v1/calls/nobody", "/v1/score", "/v1/nowhere", "/metrics"] {
        said += &request(&server, &admin, "GET", path, "").await.1;
        said += &request(&server, &format!("{admin}x"), "GET", path, "").await.1;
    }
    for path in [
        format!("/v1/webhooks/vosk?call_id=c&roles=customer&key={feed}"),
        format!("/v1/webhooks/nothing?key={feed}"),
        format!("/v1/webhooks/vosk?key={feed}x"),
    ] {
        said += &request(&server, "", "POST", &path, r#"{"text":"hello"}"#).await.1;
        said += &request(&server, "", "POST", &path, "no json").await.1;
    }
    let mut pbx = Peer::open(server.address, &format!("/v1/ingest?key={feed}"), None).await;
    said += &pbx.next().await.to_string();
    pbx.start("c-1").await;
    pbx.send_text("nonsense").await;
    said += &pbx.next_of("error").await.to_string();
    let (mut look, hello) = console(&server, &admin).await;
    said += &hello.to_string();
    look.send_text("nonsense").await;
    said += &look.next().await.to_string();
    said += &request(&server, &admin, "GET", "/metrics", "").await.1;
    server.terminate();
    let mut server = server;
    server.wait();
    said += &server.stderr();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        said += &String::from_utf8_lossy(&std::fs::read(entry.unwrap().path()).unwrap());
    }
    assert!(said.contains("turned away"), "the log was as talkative as can be");
    for token in [admin, feed] {
        let start = &secret(&token)[..12];
        assert!(!said.contains(start), "{start} is written somewhere");
    }
}
