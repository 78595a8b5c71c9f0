//! The journal on disk, as an operator meets it.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::*;

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn journal(what: &str, dir: &Path, more: &[&str]) -> (Option<i32>, String, String) {
    let mut arguments = vec!["journal", what, "--data-dir", dir.to_str().unwrap()];
    arguments.extend(more);
    let output = run(&arguments);
    (output.status.code(), stdout(&output), stderr(&output))
}

/// Raises an alert on a call by asking for help.
async fn alert_on(server: &Server, call_id: &str) -> (Peer, Peer, Value) {
    let mut platform = server.ingest().await;
    platform.start_with(json!({"call_id": call_id, "queue": "billing", "lang": "en"})).await;
    platform.chunk(call_id, 1, "customer", "hello there").await;
    platform.acked(call_id, 1).await;
    let mut board = server.board("sup").await;
    let help = json!({"type": "raise_hand", "call_id": call_id, "note": "fee"});
    board.send(help).await;
    let alert = board.next_of("alert").await["alert"].clone();
    (platform, board, alert)
}

#[tokio::test]
async fn what_people_did_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::on_disk(folder.path(), any_port());
    let (_, mut board, alert) = alert_on(&server, "c-1").await;
    let take = json!({"type": "acknowledge", "alert_id": alert["alert_id"]});
    assert_eq!(board.command("1", take.clone()).await["ok"], true);
    server.kill();
    server.wait();

    let mut server = Server::on_disk(folder.path(), server.address);
    let mut board = server.console("other").await;
    let picture = board.subscribe(json!({}), None).await;
    let kept = &picture[0]["alerts"][0];
    assert_eq!((&kept["state"], &kept["owner"]), (&json!("acknowledged"), &json!("sup")));
    assert_eq!(picture[0]["calls"][0]["call_id"], "c-1");
    let refused = board.command("2", take).await;
    assert_eq!(refused["code"], "already_acknowledged");
    // The platform goes on where it was, and the alert outlives the call.
    let mut platform = server.ingest().await;
    assert_eq!(platform.start("c-1").await["last_seq"], 1);
    platform.send(json!({"type": "call_end", "call_id": "c-1", "seq": 2})).await;
    platform.acked("c-1", 2).await;
    server.kill();
    server.wait();

    let server = Server::on_disk(folder.path(), server.address);
    let mut board = server.board("other").await;
    let resolve = json!({"type": "resolve", "alert_id": alert["alert_id"], "outcome": "averted",
        "note": "credited"});
    assert_eq!(board.command("3", resolve).await["ok"], true);
    let (code, out, _) = journal("export", folder.path(), &[]);
    let lines = json_lines(&out);
    let call = &lines[0];
    assert_eq!(code, Some(0));
    let place = (&call["queue"], &call["lang"], &call["state"], &call["last_seq"]);
    assert_eq!(place, (&json!("billing"), &json!("en"), &json!("ended"), &json!(2)));
    assert_eq!(call["transcript"][0]["text"], "hello there");
    assert_eq!(call["alerts"][0]["outcome"], "averted");
    let history = call["alerts"][0]["history"].as_array().unwrap();
    let states: Vec<_> = history.iter().map(|entry| entry["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["raised", "acknowledged", "resolved"]);
    assert_eq!(history[2]["note"], "credited");
}

#[tokio::test]
async fn an_abandoned_call_is_opened_again_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("forewarn.toml");
    let data = folder.path().join("data");
    let text = format!("data_dir = {:?}\n[desk]\nresume_grace_s = 1\n", data.to_str().unwrap());
    std::fs::write(&config, text).unwrap();
    let start = || Server::with_file(&config);
    let mut server = start();
    let mut platform = server.ingest().await;
    platform.start("c-1").await;
    platform.chunk("c-1", 1, "customer", "hello").await;
    platform.acked("c-1", 1).await;
    server.kill();
    server.wait();
    drop(platform);

    let mut server = start();
    let mut board = server.board("sup").await;
    let ended = board.find(|message| message["event"] == "ended").await;
    assert_eq!(ended["call"]["reason"], "abandoned");
    let mut platform = server.ingest().await;
    let started = platform.start("c-1").await;
    assert_eq!((&started["last_seq"], &started["reopened"]), (&json!(1), &json!(true)));
    platform.chunk("c-1", 2, "agent", "hello again").await;
    platform.send(json!({"type": "call_end", "call_id": "c-1", "seq": 3})).await;
    platform.acked("c-1", 3).await;
    server.terminate();
    assert!(server.wait().success());

    let (_, out, _) = journal("export", &data, &[]);
    let lines = json_lines(&out);
    let texts: Vec<_> = lines[0]["transcript"].as_array().unwrap().iter().collect();
    assert_eq!(
        texts.iter().map(|c| c["text"].clone()).collect::<Vec<_>>(),
        ["hello", "hello again"]
    );
    let server = start();
    let mut platform = server.ingest().await;
    let started = platform.start("c-1").await;
    assert_eq!((&started["last_seq"], &started["ended"]), (&json!(3), &json!(true)));
}

#[tokio::test]
async fn a_backup_is_taken_live_and_restored_under_another_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, other) = (folder.path().join("data"), folder.path().join("other"));
    let copy = folder.path().join("copy.db");
    let server = Server::on_disk(&dir, any_port());
    let (mut platform, _board, _) = alert_on(&server, "c-1").await;
    let (code, out, err) = journal("check", &dir, &[]);
    assert!(code == Some(0) && out.contains("sound"), "{out}{err}");
    let (code, _, err) = journal("backup", &dir, &["--to", copy.to_str().unwrap()]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let (_, _, metrics) = http(server.address, "GET", "/metrics", "").await;
    let used = metrics.lines().find_map(|line| line.strip_prefix("forewarn_journal_used_bytes "));
    assert!(used.unwrap().parse::<u64>().unwrap() > 4_096, "{used:?}");
    // The backup does not know this one.
    platform.chunk("c-1", 2, "agent", "later").await;
    platform.acked("c-1", 2).await;

    let (code, _, err) = journal("restore", &dir, &["--from", copy.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(err.contains("another process has this journal"), "{err}");
    let (code, _, err) = journal("restore", &other, &["--from", copy.to_str().unwrap()]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let restored = Server::on_disk(&other, any_port());
    let hello = |server: &Server| Peer::open(server.address, "/v1/console", Some(CONSOLE));
    let before = hello(&server).await.next().await;
    let mut console = hello(&restored).await;
    let after = console.next().await;
    assert_ne!(before["epoch"], after["epoch"]);
    let since = (before["epoch"].as_str().unwrap(), 1);
    let picture = console.subscribe(json!({}), Some(since)).await;
    assert_eq!(picture[0]["recovered"], false);
    assert_eq!(picture[0]["calls"][0]["last_seq"], 1);
    let mut platform = restored.ingest().await;
    assert_eq!(platform.start("c-1").await["last_seq"], 1);
}

#[tokio::test]
async fn one_server_has_a_journal() {
    let folder = tempfile::tempdir().unwrap();
    let _server = Server::on_disk(folder.path(), any_port());
    let dir = folder.path().to_str().unwrap();
    let second = run(&["serve", "--listen", "127.0.0.1:0", "--data-dir", dir]);
    assert_eq!(second.status.code(), Some(1));
    assert!(stderr(&second).contains("another process has this journal"), "{}", stderr(&second));
    let file = folder.path().join("a-file");
    std::fs::write(&file, "").unwrap();
    let third = run(&["serve", "--listen", "127.0.0.1:0", "--data-dir", file.to_str().unwrap()]);
    assert_eq!(third.status.code(), Some(1));
    assert!(stderr(&third).contains("a-file/journal.db: "), "{}", stderr(&third));
}

#[tokio::test]
async fn without_a_data_directory_the_log_says_what_that_means() {
    let server = Server::start();
    server.board("sup").await;
    server.logged("the journal is in memory").await;
}

#[tokio::test]
async fn a_damaged_journal_is_refused_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::on_disk(folder.path(), any_port());
    for call in 0..30 {
        let call_id = format!("c-{call}");
        let mut platform = server.ingest().await;
        platform.start(&call_id).await;
        for seq in 1..=10 {
            platform.chunk(&call_id, seq, "customer", "nobody ever calls me back").await;
        }
        platform.acked(&call_id, 10).await;
    }
    server.terminate();
    assert!(server.wait().success());
    let file = folder.path().join("journal.db");
    let bytes = std::fs::read(&file).unwrap();
    let dir = folder.path().to_str().unwrap();
    for part in [1, 3, 5, 7] {
        std::fs::write(&file, &bytes[..bytes.len() * part / 8]).unwrap();
        let served = run(&["serve", "--listen", "127.0.0.1:0", "--data-dir", dir]);
        assert_eq!(served.status.code(), Some(1), "{part}");
        let complaint = stderr(&served);
        assert!(complaint.contains("journal.db is damaged"), "{complaint}");
        assert!(complaint.contains("`forewarn journal check --data-dir"), "{complaint}");
        let (code, _, err) = journal("check", folder.path(), &[]);
        assert_eq!(code, Some(1), "{err}");
    }
    let (code, out, err) = journal("export", folder.path(), &[]);
    assert_eq!(code, Some(1), "not all of it could be read");
    assert!(err.contains("not readable: ") && err.contains("events saved"), "{err}");
    assert!(json_lines(&out).len() > 100, "{}", out.len());
    std::fs::remove_file(&file).unwrap();
    for what in ["check", "export"] {
        let (code, _, err) = journal(what, folder.path(), &[]);
        assert!(code == Some(1) && err.contains("journal.db: No such file"), "{what}: {err}");
    }
}
