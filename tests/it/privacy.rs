//! What is taken out of transcripts, what can be erased, and where words never show.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::*;

/// Digits, names and words that are said nowhere else.
const CARD: &str = "4929 1381 3326 6295";
const RARE: &str = "quokkaberry";

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// Files of a directory that hold these bytes.
fn files_with(dir: &Path, what: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in dir.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        if bytes.windows(what.len()).any(|piece| piece == what.as_bytes()) {
            found.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    found
}

fn forget(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = run(&[&["forget"], arguments].concat());
    (output.status.code(), stdout(&output), stderr(&output))
}

#[tokio::test]
async fn nobody_sees_what_was_taken_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::on_disk(folder.path(), any_port());
    let mut board = server.board("sup").await;
    let mut platform = server.ingest().await;
    platform.start("c-1").await;
    assert_eq!(board.command("1", json!({"type": "watch", "call_id": "c-1"})).await["ok"], true);
    for (seq, speaker, text) in [
        (1, "agent", "Can I have your card number?".to_owned()),
        (2, "customer", format!("Sure it is {CARD} and you lying crooks charged it twice")),
        (3, "customer", "the other one is four nine two nine".to_owned()),
        (4, "customer", "one three eight one, right".to_owned()),
        (5, "customer", "mail me at jo dot ruiz at example dot com, 24 hours, three times".into()),
    ] {
        platform.chunk("c-1", seq, speaker, &text).await;
    }
    platform.acked("c-1", 5).await;
    let said = |seq| move |m: &Value| m["type"] == "chunk" && m["seq"] == seq;
    let shown = board.read_until(said(5)).await;
    let texts: Vec<&str> = shown.iter().filter_map(|m| m["text"].as_str()).collect();
    assert_eq!(texts[1], "Sure it is [card] and you lying crooks charged it twice");
    assert_eq!(texts[2..4], ["the other one is [card]", "[card], right"]);
    assert_eq!(texts[4], "mail me at [email], 24 hours, three times");
    // Highlights and quotes count in the text that is shown.
    let highlight = &shown.iter().find(|m| said(2)(m)).unwrap()["highlights"][0];
    let [start, end] = ["start", "end"].map(|at| highlight[at].as_u64().unwrap() as usize);
    assert_eq!(&texts[1][start..end], "lying crooks");
    let alert = shown.iter().find(|m| m["type"] == "alert").unwrap();
    let quote = &alert["alert"]["reasons"][0]["quotes"][0];
    let [start, end] = ["start", "end"].map(|at| quote[at].as_u64().unwrap() as usize);
    assert_eq!(quote["text"], &texts[1][start..end]);
    let before = get(server.address, "/v1/calls/c-1").await;
    assert_eq!(before["transcript"][1]["text"], texts[1]);
    for secret in [CARD, "four nine two nine", "ruiz"] {
        assert_eq!(files_with(folder.path(), secret), [""; 0], "{secret}");
    }
    server.kill();
    server.wait();
    // The journal has what was redacted: the fold gives the same call, bit for bit, and goes on
    // masking where it was.
    let server = Server::on_disk(folder.path(), server.address);
    let after = get(server.address, "/v1/calls/c-1").await;
    assert_eq!(before["risk"], after["risk"]);
    assert_eq!(before["transcript"], after["transcript"]);
    let mut platform = server.ingest().await;
    platform.start("c-1").await;
    platform.chunk("c-1", 6, "customer", "and this is four nine").await;
    platform.chunk("c-1", 7, "customer", "two nine one three").await;
    platform.acked("c-1", 7).await;
    let after = get(server.address, "/v1/calls/c-1").await;
    assert_eq!(after["transcript"][6]["text"], "[number]");
}

#[tokio::test]
async fn a_whole_call_is_scored_on_redacted_words() {
    let server = Server::start();
    let turns = |text: &str| {
        let turn = |speaker, text: &str| json!({"speaker": speaker, "text": text});
        json!({"id": "x-1", "turns": [turn("customer", "this is ridiculous"),
            turn("customer", text), turn("agent", "no"), turn("customer", "not again")]})
    };
    let mut risks = Vec::new();
    for text in [format!("my card is {CARD} okay"), "my card is [card] okay".to_owned()] {
        let body = turns(&text).to_string();
        let (status, _, body) = http(server.address, "POST", "/v1/score", &body).await;
        assert_eq!(status, 200, "{body}");
        let scored: Value = serde_json::from_str(&body).unwrap();
        risks.push(scored["turns"].clone());
    }
    assert_eq!(risks[0], risks[1]);
}

#[tokio::test]
async fn an_erased_call_is_nowhere_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::on_disk(folder.path(), any_port());
    let url = format!("http://{}", server.address);
    let mut platform = server.ingest().await;
    let attributes = json!({"customer_key": "k9"});
    for call_id in ["open-1", "ended-1", "kept-1"] {
        let mut start = json!({"call_id": call_id, "queue": "billing"});
        if call_id != "kept-1" {
            start["attributes"] = attributes.clone();
        }
        platform.start_with(start).await;
        let words = if call_id == "kept-1" { "wombat" } else { RARE };
        for seq in 1..=40 {
            let text = format!("{words} you lying crooks number {seq}x of a long {words} call");
            platform.chunk(call_id, seq, "customer", &text).await;
        }
        platform.acked(call_id, 40).await;
    }
    platform.send(json!({"type": "call_end", "call_id": "ended-1", "seq": 41})).await;
    platform.acked("ended-1", 41).await;
    let mut board = server.board("sup").await;
    board.command("1", json!({"type": "watch", "call_id": "open-1"})).await;
    let dir = folder.path().to_str().unwrap();
    assert!(!files_with(folder.path(), RARE).is_empty());

    let (code, _, error) = forget(&["open-1", "--data-dir", dir]);
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("another process") || error.contains("in use"), "{error}");

    let (code, out, error) = forget(&["open-1", "--url", &url]);
    assert_eq!((code, error.as_str()), (Some(0), ""), "{out}");
    assert!(out.contains("erased open-1"), "{out}");
    let told = board.next_of("erased").await;
    assert_eq!(told, json!({"type": "erased", "call_id": "open-1"}));
    // What still comes of it is not kept.
    platform.chunk("open-1", 41, "customer", RARE).await;
    let refused = platform.next_of("error").await;
    assert_eq!((&refused["code"], &refused["call_id"]), (&json!("call_ended"), &json!("open-1")));
    assert_eq!(platform.start("open-1").await["ended"], true);
    let (status, _, _) = http(server.address, "GET", "/v1/calls/open-1", "").await;
    assert_eq!(status, 404);

    let (code, out, _) = forget(&["--customer", "k9", "--url", &url]);
    assert_eq!(code, Some(0));
    assert!(out.contains("erased ended-1") && !out.contains("kept-1"), "{out}");
    assert_eq!(files_with(folder.path(), RARE), [""; 0]);
    assert_ne!(files_with(folder.path(), "wombat"), [""; 0]);
    let (code, _, error) = forget(&["--customer", "k9", "--url", &url]);
    assert_eq!(code, Some(1));
    assert!(error.contains("no call of customer `k9`"), "{error}");

    // The rest goes on, also over a restart, and a console that resumes does not get the words.
    platform.chunk("kept-1", 41, "customer", "and on it goes").await;
    platform.acked("kept-1", 41).await;
    server.kill();
    server.wait();
    let mut server = Server::on_disk(folder.path(), server.address);
    let mut board = server.console("sup").await;
    let picture = board.subscribe(json!({}), None).await;
    assert!(!json!(picture).to_string().contains(RARE));
    let kept = get(server.address, "/v1/calls/kept-1").await;
    assert_eq!(kept["last_seq"], 41);
    let (_, _, list) = http(server.address, "GET", "/v1/calls", "").await;
    assert!(!list.contains("ended-1") && !list.contains("open-1"), "{list}");
    server.terminate();
    server.wait();
    let (code, out, error) = forget(&["kept-1", "--data-dir", dir]);
    assert_eq!((code, error.as_str()), (Some(0), ""), "{out}");
    assert_eq!(files_with(folder.path(), "wombat"), [""; 0]);
    let check = run(&["journal", "check", "--data-dir", dir]);
    assert_eq!(check.status.code(), Some(0), "{}", stderr(&check));
}

#[tokio::test]
async fn only_this_machine_may_erase() {
    let server = Server::start();
    let mut platform = server.ingest().await;
    platform.start("c-1").await;
    let (status, _, body) = http(server.address, "DELETE", "/v1/calls/c-9", "").await;
    assert_eq!(status, 404, "{body}");
    for header in ["x-forwarded-for: 10.1.2.3", "origin: https://crm.example"] {
        let request = format!(
            "DELETE /v1/calls/c-1 HTTP/1.1\r\nhost: localhost\r\n{header}\r\nconnection: close\r\n\r\n"
        );
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    }
    let (status, _, body) = http(server.address, "DELETE", "/v1/calls/c-1", "").await;
    assert_eq!(status, 200, "{body}");
}

#[test]
fn what_to_forget_must_be_said() {
    for arguments in [&["--data-dir", "x"][..], &["c-1"], &["c-1", "--customer", "k", "--url", "x"]]
    {
        assert_eq!(forget(arguments).0, Some(2), "{arguments:?}");
    }
    let (code, _, error) = forget(&["c-1", "--data-dir", "/nowhere/at/all"]);
    assert_eq!(code, Some(1));
    assert!(error.contains("there is no journal"), "{error}");
    let (code, _, error) = forget(&["c-1", "--url", "http://127.0.0.1:9"]);
    assert_eq!(code, Some(1));
    assert!(error.contains("cannot reach"), "{error}");
}

/// Everything in it is for its owner only.
fn assert_private(dir: &Path) {
    use std::os::unix::fs::MetadataExt;
    assert_eq!(dir.metadata().unwrap().mode() & 0o777, 0o700);
    for entry in dir.read_dir().unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
    }
}

#[tokio::test]
async fn an_encrypted_journal_shows_no_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (dir, key, config) = (path("data"), path("key"), path("forewarn.toml"));
    let made = run(&["journal", "key", "new", &key]);
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    std::fs::write(&config, format!("[journal]\nkey_file = {key:?}\n")).unwrap();
    let arguments = ["--config", &config, "--data-dir", &dir];
    let mut server = Server::with_arguments(&arguments);
    let mut board = server.board("sup").await;
    let mut platform = server.ingest().await;
    for call_id in ["ended-1", "open-1"] {
        platform.start_with(json!({"call_id": call_id, "queue": "billing"})).await;
        let text = format!("{RARE} you lying crooks");
        platform.chunk(call_id, 1, "customer", &text).await;
        platform.acked(call_id, 1).await;
    }
    let hand = json!({"type": "raise_hand", "call_id": "ended-1", "note": format!("{RARE} note")});
    board.command("1", hand).await;
    platform.send(json!({"type": "call_end", "call_id": "ended-1", "seq": 2})).await;
    platform.acked("ended-1", 2).await;
    let before = get(server.address, "/v1/calls/ended-1").await;
    assert_eq!(files_with(Path::new(&dir), RARE), [""; 0]);
    assert_private(Path::new(&dir));
    server.kill();
    server.wait();

    let mut server = Server::with_arguments(&arguments);
    let after = get(server.address, "/v1/calls/ended-1").await;
    assert_eq!(before, after);
    assert_eq!(
        get(server.address, "/v1/calls/open-1").await["transcript"][0]["text"],
        format!("{RARE} you lying crooks")
    );
    // A search reads what is sealed, too.
    let found = get(server.address, &format!("/v1/calls?q={RARE}")).await;
    assert_eq!(found["items"].as_array().unwrap().len(), 2);
    server.terminate();
    server.wait();
    assert_eq!(files_with(Path::new(&dir), RARE), [""; 0]);

    let journal = |what: &str, more: &[&str]| {
        let output = run(&[&["journal", what, "--data-dir", &dir], more].concat());
        (output.status.code(), stdout(&output), stderr(&output))
    };
    let with_key = ["--key-file", &key];
    let (code, out, error) = journal("check", &with_key);
    assert_eq!(code, Some(0), "{out}{error}");
    let (_, out, error) = journal("export", &with_key);
    // Events of both calls, transcript, alert and the note.
    assert!(out.matches(RARE).count() >= 4, "{out}{error}");
    let exported = run(&["export", "--data-dir", &dir, "--key-file", &key]);
    assert!(stdout(&exported).contains(RARE), "{}", stderr(&exported));
    let copy = path("copy.db");
    assert_eq!(journal("backup", &["--to", &copy]).0, Some(0), "needs no key");
    let fresh = path("fresh");
    let restored =
        run(&["journal", "restore", "--from", &copy, "--data-dir", &fresh, "--key-file", &key]);
    assert_eq!(restored.status.code(), Some(0), "{}", stderr(&restored));
    assert_private(Path::new(&fresh));

    // Without the key, or with another, nothing is read, and the reason is told.
    let other = path("other");
    run(&["journal", "key", "new", &other]);
    for (more, why) in [(&[][..], "is encrypted"), (&["--key-file", &other][..], "another key")] {
        for what in ["check", "export"] {
            let (code, out, error) = journal(what, more);
            assert_eq!((code, out.as_str()), (Some(2), ""), "{error}");
            assert!(error.contains(why), "{error}");
        }
    }
    let plain = run(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &dir]);
    assert_eq!(plain.status.code(), Some(2), "{}", stderr(&plain));
    let (code, _, error) = forget(&["ended-1", "--data-dir", &dir, "--key-file", &key]);
    assert_eq!(code, Some(0), "{error}");
}

#[tokio::test]
async fn logs_and_metrics_hold_no_words() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let receiver = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let config = folder.path().join("forewarn.toml");
    let nowhere = receiver.local_addr().unwrap();
    drop(receiver);
    std::fs::write(
        &config,
        format!(
            "[log]\nlevel = \"trace\"\n[wire]\nmax_message_bytes = 4096\n\
             [[destination]]\nname = \"crm\"\nformat = \"cloudevents\"\n\
             url = \"http://{nowhere}/\"\nchanges = \"all\"\n"
        ),
    )
    .unwrap();
    let config = config.to_str().unwrap();
    let arguments = ["--config", config, "--data-dir", data.to_str().unwrap()];
    let mut server = Server::with_arguments(&arguments);
    let mut board = server.board("sup").await;
    board.command("1", json!({"type": "watch", "call_id": "c-1"})).await;
    let mut platform = server.ingest().await;
    platform.start_with(json!({"call_id": "c-1", "attributes": {"name": RARE}})).await;
    let words = format!("{RARE} you lying crooks get me your manager");
    platform.send(partial("c-1", 1, "s", "customer", &words)).await;
    platform.chunk("c-1", 2, "customer", &words).await;
    // What cannot be read, in several ways, with the word where it is wrong.
    for bad in [
        format!(r#"{{"type":"chunk","call_id":"c-1","seq":3,"speaker":"{RARE}","text":"x"}}"#),
        format!(r#"{{"type":"chunk","call_id":"c-1","seq":"{RARE}","text":"{RARE}"}}"#),
        format!(r#"{{"type":"{RARE}","call_id":"c-1"}}"#),
        format!(r#"{{"type":"chunk","call_id":"c-1","seq":4,"text":"{RARE}"#),
        json!({"type": "chunk", "call_id": "c-1", "seq": 4, "speaker": "customer",
            "text": RARE.repeat(600)})
        .to_string(),
        RARE.to_owned(),
    ] {
        platform.send_text(&bad).await;
    }
    platform.acked("c-1", 4).await;
    let hook = "/v1/webhooks/vosk?call_id=c-2&roles=customer";
    for body in
        [format!(r#"{{"text":"{words}"}}"#), format!(r#"{{"text":["{RARE}"]}}"#), RARE.into()]
    {
        http(server.address, "POST", hook, &body).await;
    }
    http(server.address, "POST", "/v1/score", &format!(r#"{{"id":"a","turns":"{RARE}"}}"#)).await;
    http(server.address, "GET", &format!("/v1/calls?q={RARE}"), "").await;
    let hand = json!({"type": "raise_hand", "call_id": "c-1", "note": RARE});
    board.command("2", hand).await;
    board.send_text(&format!(r#"{{"type":"resolve","note":"{RARE}"}}"#)).await;
    board.quiet("3").await;
    let (_, _, call) = http(server.address, "GET", "/v1/calls/c-1", "").await;
    assert!(call.contains(RARE), "who looks at the call has the words");
    let (_, _, metrics) = http(server.address, "GET", "/metrics", "").await;
    assert!(!metrics.contains(RARE));
    platform.send(json!({"type": "call_end", "call_id": "c-1", "seq": 5, "reason": RARE})).await;
    platform.acked("c-1", 5).await;
    server.kill();
    server.wait();
    let mut again = Server::with_arguments(&arguments);
    assert!(get(again.address, "/v1/calls/c-1").await.to_string().contains(RARE));
    again.terminate();
    again.wait();
    for log in [server.stderr(), again.stderr()] {
        assert!(log.contains("TRACE") || log.contains("DEBUG"), "the log says all: {log}");
        assert!(!log.contains(RARE), "{log}");
    }
}
