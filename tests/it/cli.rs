//! The command line: exit codes, and one clear line when something is wrong.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use serde_json::Value;

use crate::harness::*;

/// Runs, and expects that code and a line on stderr with all of `parts`.
fn fails(arguments: &[&str], code: i32, parts: &[&str]) {
    let output = run(arguments);
    let complaint = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {complaint}");
    for part in parts {
        assert!(complaint.contains(part), "{arguments:?}: {part:?} is not in {complaint}");
    }
}

#[test]
fn wrong_usage_is_exit_code_2() {
    fails(&[], 2, &["Usage"]);
    fails(&["dance"], 2, &["dance"]);
    fails(&["score", "--prior", "x"], 2, &["--prior"]);
    fails(&["score", "--prior", "1.5"], 2, &["forewarn: ", "`prior` is 1.5"]);
    fails(&["score", "--model", "/no/such/model.json"], 2, &["cannot read the model"]);
    fails(&["serve", "--listen", "nowhere"], 2, &["--listen"]);
    fails(&["journal", "check"], 2, &["--data-dir"]);
    fails(&["journal", "backup", "--data-dir", "d"], 2, &["--to"]);
    fails(&["demo", "--speed", "max"], 2, &["nothing"]);
    fails(&["watch", "--url", "http://x"], 2, &["ws://HOST:PORT"]);
}

#[test]
fn every_command_explains_itself_with_examples() {
    for command in [
        "demo",
        "serve",
        "replay",
        "watch",
        "score",
        "train",
        "evaluate",
        "calibrate",
        "export",
        "config",
        "matrix",
        "journal",
    ] {
        let help = run(&[command, "--help"]);
        assert!(help.status.success());
        assert!(stdout(&help).contains("Examples:"), "{command}");
    }
}

#[test]
fn a_bad_line_is_named_and_what_came_before_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls.jsonl");
    let good = serde_json::to_string(&calls("ta.jsonl", 1)[0]).unwrap();
    std::fs::write(&path, format!("{good}\n{{\"id\": \"x\", \"turns\": 3}}\n")).unwrap();
    let output = run(&["score", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("calls.jsonl:2: "), "{}", stderr(&output));
    assert_eq!(stderr(&output).lines().count(), 1);
    assert!(!json_lines(&stdout(&output)).is_empty());
    fails(&["score", "/no/such/file.jsonl"], 1, &["/no/such/file.jsonl"]);
}

#[test]
fn a_line_of_score_has_the_fields_of_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls.jsonl");
    let call = calls("ta.jsonl", 1).remove(0);
    write_calls(&path, std::slice::from_ref(&call));
    let output = run(&["score", "--explain", path.to_str().unwrap()]);
    let lines = json_lines(&stdout(&output));
    assert_eq!(lines.len(), call.turns.len());
    let names: Vec<&String> = lines[0].as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        ["call_id", "turn", "at_ms", "speaker", "sentiment", "risk", "level", "triggers"]
    );
    let explained: Vec<&Value> =
        lines.iter().filter(|line| line["explanation"].is_object()).collect();
    assert!(!explained.is_empty());
    for line in explained {
        let explanation = &line["explanation"];
        let sum: f64 = explanation["reasons"]
            .as_array()
            .unwrap()
            .iter()
            .map(|reason| reason["contribution"].as_f64().unwrap())
            .sum();
        let log_odds = explanation["log_odds"].as_f64().unwrap();
        let error = sum + explanation["intercept"].as_f64().unwrap() - log_odds;
        assert!(error.abs() < 1e-9, "{line}");
    }
}

#[test]
fn stdin_is_read_and_a_closed_pipe_is_quiet() {
    let mut score = forewarn()
        .args(["score", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let complaints = collect(score.stderr.take().unwrap());
    let mut input = score.stdin.take().unwrap();
    let text = std::fs::read(data("calls/ta.jsonl")).unwrap();
    // The other end goes away in the midst of it, which is what this test is about.
    let feeding = std::thread::spawn(move || {
        let _ = input.write_all(&text);
    });
    let mut first = String::new();
    let mut output = BufReader::new(score.stdout.take().unwrap());
    output.read_line(&mut first).unwrap();
    drop(output);
    assert!(serde_json::from_str::<Value>(&first).is_ok());
    assert!(wait(&mut score).success());
    feeding.join().unwrap();
    assert_eq!(complaints.all(), "");
}

#[test]
fn a_port_for_everybody_is_not_opened_by_accident() {
    fails(&["serve", "--listen", "0.0.0.0:0"], 2, &["allow_remote_without_tokens"]);
}

#[test]
fn a_bad_configuration_names_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("forewarn.toml");
    let path = path.to_str().unwrap();
    for (text, parts) in [
        ("[desk]\n\ngrace = 1\n", &["forewarn.toml:3: ", "grace"][..]),
        ("[server\n", &["forewarn.toml:1: "]),
        ("[server]\ncredits = 0\n", &["[server]", "`credits` is 0"]),
        ("[engine]\nprior = 2.0\n", &["`prior` is 2"]),
        ("[log]\nlevel = \"a=b=c\"\n", &["log level"]),
    ] {
        std::fs::write(path, text).unwrap();
        fails(&["serve", "--listen", "127.0.0.1:0", "--config", path], 2, parts);
    }
    fails(&["serve", "--config", "/no/such/file.toml"], 2, &["cannot read /no/such/file.toml"]);
    let output = forewarn()
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("FOREWARN_DESK_GRACE", "1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("FOREWARN_DESK_GRACE"));
}

#[test]
fn a_configuration_is_checked_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("forewarn.toml");
    let name = path.to_str().unwrap();
    for (text, parts) in [
        ("[desk]\n\ngrace = 1\n", &["forewarn.toml:3: ", "`grace`", "`resume_grace_s`"][..]),
        ("[hub]\n[server]\ncredits = 0\n", &["forewarn.toml:3: [server] `credits` is 0"]),
        ("model = \"/no/such.json\"\n", &["cannot read the model /no/such.json"]),
        ("[journal]\nmax_file_bytes = 5\n", &["forewarn.toml:2: [journal] `max_file_bytes`"]),
    ] {
        std::fs::write(&path, text).unwrap();
        fails(&["config", "check", name], 2, parts);
    }
    let bad = forewarn().args(["config", "check"]).env("FOREWARN_HUB_MAX_CONSOLES", "0").output();
    let bad = bad.unwrap();
    assert_eq!(bad.status.code(), Some(2));
    assert!(stderr(&bad).contains("environment variable FOREWARN_HUB_MAX_CONSOLES: [hub]"));
    std::fs::write(&path, "[desk]\nresume_grace_s = 7\n").unwrap();
    let mut command = forewarn();
    command.args(["config", "check", name]).env("FOREWARN_HUB_MAX_CONSOLES", "3");
    let good = command.output().unwrap();
    let shown = stdout(&good);
    for setting in ["resume_grace_s = 7", "max_consoles = 3", "max_open_calls = 10000"] {
        assert!(good.status.success() && shown.lines().any(|line| line == setting), "{shown}");
    }
    // What is shown is a file that says the same.
    std::fs::write(&path, &shown).unwrap();
    assert_eq!(stdout(&run(&["config", "check", name])), shown);
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let server = Server::start();
    let address = server.address.to_string();
    fails(&["serve", "--listen", &address], 1, &["cannot listen on", &address]);
    fails(&["demo", "--listen", &address], 1, &["cannot listen on", &address]);
}

#[tokio::test]
async fn the_demo_shows_calls_and_alerts_until_it_is_interrupted() {
    let demo = Running::spawn(&["demo", "--listen", "127.0.0.1:0", "--speed", "200"]);
    let text = demo.says("Ctrl-C ends it");
    let address = text.split("http://").nth(1).unwrap().split('/').next().unwrap();
    let address: std::net::SocketAddr = address.parse().unwrap();
    let mut board = Peer::open(address, "/v1/console", Some(CONSOLE)).await;
    board.subscribe(serde_json::json!({}), None).await;
    let started = board.find(|m| m["event"] == "started").await;
    for field in ["queue", "team", "agent_id"] {
        assert!(started["call"][field].is_string(), "{field}: {started}");
    }
    let alert = board.find(|m| m["type"] == "alert" && m["alert"]["kind"] == "risk").await;
    assert!(!alert["alert"]["reasons"].as_array().unwrap().is_empty());
    board.find(|m| m["event"] == "ended").await;
    demo.signal("-INT");
    let (status, _, complaints) = demo.end();
    assert_eq!((status.code(), complaints.as_str()), (Some(0), ""));
}
