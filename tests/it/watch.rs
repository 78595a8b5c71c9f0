//! `forewarn watch`: lines in a pipe, the board in a terminal.

use serde_json::json;

use crate::harness::*;

#[tokio::test]
async fn watch_prints_calls_and_alerts_and_comes_back() {
    let mut server = Server::start();
    let address = server.address;
    let url = server.url("/v1/console");
    let watch = Running::spawn(&["watch", "--url", &url, "--user", "Zoë & co", "--queue", "q1"]);
    watch.says("connected as Zoë & co");
    watch.says("0 calls are open");
    let mut peer = server.ingest().await;
    let start =
        |call_id: &str, queue: &str| json!({"call_id": call_id, "queue": queue, "agent_id": "ana"});
    peer.start_with(start("c-other", "q2")).await;
    peer.start_with(start("c-mine", "q1")).await;
    peer.chunk("c-mine", 1, "customer", "get me your manager right now").await;
    let text = watch.says("-> ");
    assert!(text.contains("\"get me your manager\""), "{text}");
    assert!(text.contains("c-mine  q1 / ana  started") && !text.contains("c-other"), "{text}");
    assert!(text.contains("CRITICAL") && text.contains("trigger alert raised"), "{text}");
    assert!(!text.contains('\u{1b}'), "plain text in a pipe");
    server.terminate();
    server.wait();
    let server = Server::at(address);
    let mut peer = server.ingest().await;
    watch.says_times("0 calls are open", 2);
    peer.start_with(start("c-later", "q1")).await;
    watch.says("c-later");
    watch.signal("-INT");
    let (status, _, complaints) = watch.end();
    assert!(status.success() && complaints.contains("1012"), "{complaints}");
}

#[tokio::test]
async fn watch_hands_on_raw_messages() {
    let server = Server::start();
    let url = server.url("/v1/console");
    let watch = Running::spawn(&["watch", "--json", "--url", &url]);
    watch.says("\"snapshot\"");
    let mut peer = server.ingest().await;
    peer.start("c-1").await;
    let text = watch.says("\"started\"");
    let whole = text.rsplit_once('\n').unwrap().0;
    assert!(json_lines(whole).iter().all(|message| message["type"].is_string()));
    watch.signal("-INT");
    assert!(watch.end().0.success());
}

/// The board in a pseudo terminal: what it shows, what its keys do, that it comes back, and that
/// the terminal is given back.
#[tokio::test]
async fn the_board_acts_and_comes_back() {
    let mut server = Server::start();
    let address = server.address;
    let mut peer = server.ingest().await;
    peer.start_with(json!({"call_id": "c-hot", "queue": "q1", "agent_id": "ana"})).await;
    peer.start_with(json!({"call_id": "c-other", "queue": "q2"})).await;
    peer.chunk("c-hot", 1, "customer", "get me your manager right now").await;
    peer.acked("c-hot", 1).await;
    let url = server.url("/v1/console");
    let arguments = ["watch", "--url", &url, "--user", "zoe", "--queue", "q1"];
    let Some(mut board) = Running::in_terminal(&arguments, 30, 100) else {
        eprintln!("SKIPPED: there is no script(1) to make a pseudo terminal with");
        return;
    };
    board.says("live as zoe");
    board.says("get me your manager");
    let text = board.says("a acknowledge");
    assert!(text.contains("c-hot") && !text.contains("c-other"), "{text}");
    assert!(text.contains("\u{1b}[?1049h"), "the screen of before is kept");
    let mut other = server.board("sup").await;
    board.press("a");
    let taken = other.find(|m| m["alert"]["state"] == "acknowledged").await;
    assert_eq!(taken["alert"]["owner"], "zoe");
    board.says("Acknowledge: done");
    board.press("rv");
    let closed = other.find(|m| m["alert"]["state"] == "resolved").await;
    assert_eq!(closed["alert"]["outcome"], "averted");
    server.terminate();
    server.wait();
    board.says("reconnecting");
    let server = Server::at(address);
    board.says_times("live as zoe", 2);
    let mut peer = server.ingest().await;
    peer.start_with(json!({"call_id": "c-later", "queue": "q1"})).await;
    board.says("c-later");
    board.press("q");
    let (status, text, _) = board.end();
    assert!(status.success(), "{text}");
    assert!(text.contains("\u{1b}[?1049l"), "the screen of before is there again: {text:?}");
}

#[tokio::test]
async fn lines_come_in_a_terminal_when_they_are_asked_for() {
    let server = Server::start();
    let url = server.url("/v1/console");
    let Some(watch) = Running::in_terminal(&["watch", "--lines", "--url", &url], 30, 100) else {
        eprintln!("SKIPPED: there is no script(1) to make a pseudo terminal with");
        return;
    };
    let text = watch.says("0 calls are open");
    assert!(!text.contains('\u{1b}'), "{text}");
}
