//! A playbook of one's own, over the real binary.

use serde_json::json;

use crate::harness::*;

const OURS: &str = r#"version = 1
[[entry]]
because = ["trigger:cancel_threat"]
title = "Ask why"
say = "What would make you stay?"
avoid = "Talking prices first."
supervise = "Name a figure."
do = "resolve"
why = "the reason is not known yet"
[[entry]]
because = ["*"]
title = "Say what happens next"
say = "Here is the next step."
avoid = "Silence."
do = "escalate"
why = "somebody has to own it"
"#;

#[tokio::test]
async fn alerts_advise_what_ones_own_playbook_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ours.toml");
    std::fs::write(&path, OURS).unwrap();
    let server = Server::with_arguments(&["--playbook", path.to_str().unwrap()]);
    let mut board = server.console("sup").await;
    board.send(json!({"type": "subscribe", "id": "1"})).await;
    board.find(|m| m["type"] == "snapshot").await;
    let mut peer = server.ingest().await;
    peer.start("c-1").await;
    peer.chunk("c-1", 1, "customer", "please close my account").await;
    let alert = board.find(|m| m["type"] == "alert").await["alert"].clone();
    let advice = json!([{"title": "Ask why", "say": "What would make you stay?",
        "avoid": "Talking prices first.", "supervisor": "Name a figure.",
        "because": "trigger:cancel_threat"}]);
    assert_eq!(alert["guidance"], advice);
    let way = json!({"do": "resolve", "because": "the reason is not known yet"});
    assert_eq!(alert["recommendation"], way);
    // What it does not name gets its general advice.
    board.send(json!({"type": "raise_hand", "id": "2", "call_id": "c-1"})).await;
    let hand = board.find(|m| m["alert"]["kind"] == "manual").await["alert"].clone();
    assert_eq!(hand["guidance"][0]["title"], "Say what happens next");
    assert_eq!(hand["guidance"][0]["because"], "manual");
    assert_eq!(hand["recommendation"]["do"], "escalate");
}

#[test]
fn a_bad_playbook_is_refused_with_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("ours.toml");
    std::fs::write(&bad, OURS.replace("trigger:cancel_threat", "triger:cancel_threat")).unwrap();
    let config = folder.path().join("forewarn.toml");
    std::fs::write(&config, format!("playbook = {:?}\n", bad.to_str().unwrap())).unwrap();
    let (bad, config) = (bad.to_str().unwrap(), config.to_str().unwrap());
    for arguments in
        [&["serve", "--listen", "127.0.0.1:0", "--playbook", bad][..], &["config", "check", config]]
    {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = stderr(&output);
        assert!(said.contains("ours.toml:3:12: no alert has the reason `triger:"), "{said}");
    }
}
