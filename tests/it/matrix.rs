//! The escalation matrix and the alert budget, over the real binary.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harness::*;

/// Raises one warning, and no second one.
const THREAT: &str = "please close my account";
/// A warning, and the same that turns critical.
const INSULT: &str = "you lying crooks";
const WORSE: &str = "oh go to hell";

fn write(folder: &Path, matrix: &str) -> PathBuf {
    let path = folder.join("matrix.toml");
    std::fs::write(&path, matrix).unwrap();
    path
}

fn serve(folder: &Path, matrix: &str, more: &[&str]) -> Server {
    let path = write(folder, matrix);
    let mut arguments = vec!["--matrix", path.to_str().unwrap()];
    arguments.extend(more);
    Server::with_arguments(&arguments)
}

/// Opens a call and has the customer say it.
async fn say(peer: &mut Peer, call_id: &str, team: &str, agent: &str, words: &str) {
    peer.start_with(json!({"call_id": call_id, "team": team, "queue": "billing",
                           "agent_id": agent}))
        .await;
    peer.chunk(call_id, 1, "customer", words).await;
    peer.acked(call_id, 1).await;
}

async fn alert_of(board: &mut Peer, call_id: &str) -> Value {
    board.find(|m| m["alert"]["call_id"] == call_id).await["alert"].clone()
}

fn last_what(alert: &Value) -> &Value {
    &alert["history"].as_array().unwrap().last().unwrap()["what"]
}

const QUICK: &str = r#"version = 1
[[rule]]
name = "quick"
[[rule.tier]]
notify = ["team:{team}:supervisors"]
within_s = 1
[[rule.tier]]
notify = ["supervisors"]
within_s = 1
[[rule.tier]]
notify = ["user:boss", "supervisors"]
"#;

#[tokio::test]
async fn an_alert_nobody_acknowledges_goes_up_and_acknowledging_stops_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path(), QUICK, &[]);
    let (mut peer, mut board) = (server.ingest().await, server.board("sup").await);
    say(&mut peer, "taken", "t1", "a1", THREAT).await;
    let taken = alert_of(&mut board, "taken").await;
    assert_eq!((&taken["tier"], &taken["notify"]), (&json!(1), &json!(["team:t1:supervisors"])));
    assert_eq!((&taken["rule"], &taken["route"]), (&json!("quick"), &json!("hierarchical")));
    assert!(taken["next_tier_at"].is_string() && taken["held"] == false);
    let acknowledge = json!({"type": "acknowledge", "alert_id": taken["alert_id"]});
    assert_eq!(board.command("1", acknowledge).await["ok"], true);
    // Raised later than that: by the time it is at the end, the other would have gone on.
    say(&mut peer, "left", "t1", "a1", THREAT).await;
    let mut tiers = Vec::new();
    while tiers.len() < 3 {
        let alert = board.next_of("alert").await["alert"].clone();
        if alert["call_id"] == "left" {
            tiers.push(alert);
        } else {
            assert_eq!(last_what(&alert), &Value::Null, "the taken one stays: {alert}");
        }
    }
    assert_eq!((&tiers[1]["tier"], &tiers[1]["notify"]), (&json!(2), &json!(["supervisors"])));
    assert_eq!((last_what(&tiers[1]), &tiers[1]["state"]), (&json!("tier 2"), &json!("raised")));
    assert_eq!(tiers[2]["notify"], json!(["user:boss", "supervisors"]));
    assert_eq!((last_what(&tiers[2]), tiers[2].get("next_tier_at")), (&json!("tier 3"), None));
    let shown = get(server.address, "/v1/alerts?state=acknowledged").await;
    assert!(shown["items"][0].get("next_tier_at").is_none(), "{shown}");
}

const PATIENT: &str = r#"version = 1
[[rule]]
name = "for one"
queues = ["nobody's"]
[[rule.tier]]
notify = ["user:nobody"]
within_s = 3600
[[rule.tier]]
notify = ["agent:{agent}"]
within_s = 3600
[[rule.tier]]
notify = ["user:nobody"]
[[rule]]
name = "patient"
[[rule.tier]]
notify = ["team:{team}:supervisors"]
within_s = 3600
[[rule.tier]]
notify = ["supervisors"]
"#;

#[tokio::test]
async fn a_tier_with_nobody_connected_passes_on_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path(), PATIENT, &[]);
    let mut peer = server.ingest().await;
    // An agent's console is no supervisor's.
    let mut agent = server.console("ana").await;
    agent.subscribe(json!({"agents": ["a17"]}), None).await;
    say(&mut peer, "c-1", "t1", "a17", THREAT).await;
    assert_eq!(alert_of(&mut agent, "c-1").await["tier"], 1);
    let passed = alert_of(&mut agent, "c-1").await;
    assert_eq!((&passed["tier"], &passed["notify"]), (&json!(2), &json!(["supervisors"])));
    assert_eq!(last_what(&passed), "nobody of tier 1 is connected");
    // Whoever comes later finds it where it is, and is asked for what comes later.
    let mut board = server.console("sup").await;
    let picture = board.subscribe(json!({"teams": ["t1"]}), None).await;
    assert_eq!(picture[0]["alerts"][0]["tier"], 2, "{picture:?}");
    say(&mut peer, "c-2", "t1", "a17", THREAT).await;
    // A team whose supervisors look at others, then one person who is not there; her agent is.
    say(&mut peer, "c-3", "t2", "a17", THREAT).await;
    peer.start_with(json!({"call_id": "c-4", "queue": "nobody's", "agent_id": "a17"})).await;
    peer.chunk("c-4", 1, "customer", THREAT).await;
    let last = agent.find(|m| m["alert"]["call_id"] == "c-4" && m["alert"]["tier"] == 2).await;
    assert_eq!(last["alert"]["notify"], json!(["agent:a17"]));
    let tier = async |call_id: &str| {
        let all = get(server.address, "/v1/alerts").await;
        let alerts = all["items"].as_array().unwrap().clone();
        let own = alerts.into_iter().find(|alert| alert["call_id"] == call_id);
        own.unwrap()["tier"].clone()
    };
    assert_eq!(
        (tier("c-2").await, tier("c-3").await, tier("c-4").await),
        (1.into(), 2.into(), 2.into())
    );
    assert_eq!(server.metric("desk_tiers_absent_total").await, 3);
}

#[tokio::test]
async fn a_restart_keeps_the_due_time() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let more = ["--data-dir", data.to_str().unwrap()];
    let mut server = serve(folder.path(), PATIENT, &more);
    let (mut peer, mut board) = (server.ingest().await, server.board("sup").await);
    say(&mut peer, "c-1", "t1", "a1", THREAT).await;
    let before = alert_of(&mut board, "c-1").await;
    server.kill();
    server.wait();
    let server = serve(folder.path(), PATIENT, &more);
    let mut board = server.console("sup").await;
    let after = board.subscribe(json!({}), None).await[0]["alerts"][0].clone();
    for field in ["alert_id", "tier", "notify", "next_tier_at", "history"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    assert!(after["next_tier_at"].is_string());
}

#[tokio::test]
async fn over_the_budget_a_warning_is_held_until_it_turns_critical() {
    let folder = tempfile::tempdir().unwrap();
    let budget = "version = 1\n[budget]\nwarnings_per_team_per_hour = 1\n";
    let matrix = PATIENT.replace("version = 1\n", budget);
    let server = serve(folder.path(), &matrix, &[]);
    let (mut peer, mut board) = (server.ingest().await, server.board("sup").await);
    say(&mut peer, "first", "t1", "a1", INSULT).await;
    assert_eq!(alert_of(&mut board, "first").await["held"], false);
    for call_id in ["second", "third", "fourth"] {
        say(&mut peer, call_id, "t1", "a1", INSULT).await;
        let held = alert_of(&mut board, call_id).await;
        assert_eq!((&held["held"], &held["notify"]), (&json!(true), &json!([])), "{held}");
        assert_eq!((&held["state"], held.get("next_tier_at")), (&json!("raised"), None));
    }
    // Another team has its own, and a raised hand passes.
    say(&mut peer, "theirs", "t2", "a2", INSULT).await;
    assert_eq!(alert_of(&mut board, "theirs").await["held"], false);
    board.send(json!({"type": "raise_hand", "call_id": "second", "note": "fee waiver"})).await;
    let hand = board.find(|m| m["alert"]["kind"] == "manual").await["alert"].clone();
    assert_eq!((&hand["held"], &hand["notify"]), (&json!(false), &json!(["team:t1:supervisors"])));
    let raised = &hand["history"][0];
    assert_eq!((&raised["by"], &raised["note"]), (&json!("sup"), &json!("fee waiver")));
    // It turns critical.
    peer.chunk("second", 2, "customer", WORSE).await;
    let critical = alert_of(&mut board, "second").await;
    assert_eq!((&critical["level"], &critical["held"]), (&json!("critical"), &json!(false)));
    assert_eq!(critical["notify"], json!(["team:t1:supervisors"]));
    assert!(critical["next_tier_at"].is_string() && last_what(&critical) == "released");
    // Somebody takes one by hand, and the call of another ends: nothing is left to release.
    let third = get(server.address, "/v1/alerts?state=raised").await;
    let third =
        third["items"].as_array().unwrap().iter().find(|a| a["call_id"] == "third").cloned();
    let assign = json!({"type": "assign", "alert_id": third.unwrap()["alert_id"], "to": "sup"});
    assert_eq!(board.command("1", assign).await["ok"], true);
    let given = get(server.address, "/v1/alerts?state=raised").await;
    let given =
        given["items"].as_array().unwrap().iter().find(|a| a["call_id"] == "third").cloned();
    let given = given.unwrap();
    assert_eq!((&given["held"], &given["notify"]), (&json!(false), &json!(["user:sup"])));
    peer.send(json!({"type": "call_end", "call_id": "fourth", "seq": 2})).await;
    let closed = board.find(|m| m["alert"]["call_id"] == "fourth").await;
    assert_eq!(closed["alert"]["state"], "resolved");
    assert_eq!(server.metric("desk_alerts_held_total").await, 3);
    assert_eq!(server.metric("desk_alerts_released_total").await, 0);
}

#[test]
fn a_bad_matrix_is_refused_with_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let bad = write(folder.path(), &PATIENT.replace("user:nobody", "nobody"));
    let config = folder.path().join("forewarn.toml");
    std::fs::write(&config, format!("matrix = {:?}\n", bad.to_str().unwrap())).unwrap();
    let (bad, config) = (bad.to_str().unwrap(), config.to_str().unwrap());
    for arguments in [
        &["serve", "--listen", "127.0.0.1:0", "--matrix", bad][..],
        &["serve", "--listen", "127.0.0.1:0", "--config", config],
        &["config", "check", config],
        &["matrix", "check", bad],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = stderr(&output);
        assert!(said.contains("matrix.toml:6:11: `nobody` is nobody; write supervisors"), "{said}");
        assert_eq!(said.lines().count(), 1);
    }
    let missing = run(&["serve", "--matrix", "/no/such/matrix.toml"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(stderr(&missing).contains("cannot read the matrix /no/such/matrix.toml"));
}

#[test]
fn matrix_check_says_what_would_happen_and_when() {
    let output = run(&[
        "matrix",
        "check",
        "--team",
        "t1",
        "--queue",
        "billing",
        "--because",
        "act:auth",
        "--attribute",
        "tier=gold",
        "--at",
        "2026-11-22T10:00:00Z",
    ]);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    for line in [
        "the matrix that ships is sound; rules in the order they are tried: 4",
        "  standard: every other alert: 120 s, then until acknowledged",
        "  rule `authority` fits (functional route)",
        "  10:00:00 tier 1: queue:billing:specialists, team:t1:supervisors",
        "  10:01:00 tier 2: supervisors",
    ] {
        assert!(text.lines().any(|own| own == line), "{line:?} is not in {text}");
    }
    let ordinary = stdout(&run(&[
        "matrix",
        "check",
        data("matrix.toml").to_str().unwrap(),
        "--at",
        "2026-11-22T10:00:00Z",
    ]));
    for line in [
        "  rule `critical` does not fit: its level is warning",
        "  rule `raised hand` does not fit: its kind is risk, not manual",
        "  10:00:00 tier 1: supervisors",
        "  10:02:00 tier 2: supervisors",
    ] {
        assert!(ordinary.lines().any(|own| own == line), "{line:?} is not in {ordinary}");
    }
    for (arguments, words) in
        [(["--at", "noon"], "2026-11-22T03:40:00Z"), (["--attribute", "gold"], "NAME=VALUE")]
    {
        let output = run(&["matrix", "check", arguments[0], arguments[1]]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
    }
}
