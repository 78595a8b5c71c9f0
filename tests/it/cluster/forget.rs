//! What one node is told to forget, no node keeps, and neither does NATS.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use super::nats::Nats;
use super::nodes::Plan;
use crate::harness::*;

/// A word that is in nobody's phrases.
const RARE: &str = "quokka-marmalade";

/// Whether some file under the folder has the words.
fn holds(folder: &Path, words: &str) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return holds(&path, words);
        }
        let bytes = std::fs::read(&path).unwrap_or_default();
        bytes.windows(words.len()).any(|window| window == words.as_bytes())
    })
}

#[tokio::test]
async fn what_is_erased_on_one_node_is_gone_on_all() {
    let Some(nats) = Nats::start() else { return };
    let nodes = Plan::of(&nats, 3).start().await;
    let mut platform = nodes[0].plain_ingest().await;
    let customer = json!({"customer_key": "k9"});
    for call_id in ["open", "over", "of-k9", "kept"] {
        let mut start = json!({"call_id": call_id});
        if call_id == "of-k9" {
            start["attributes"] = customer.clone();
        }
        platform.start_with(start).await;
        let words = if call_id == "kept" { "wombat" } else { RARE };
        platform.chunk(call_id, 1, "customer", &format!("where is my {words}")).await;
        platform.acked(call_id, 1).await;
    }
    for call_id in ["over", "of-k9", "kept"] {
        platform.send(json!({"type": "call_end", "call_id": call_id, "seq": 2})).await;
        platform.acked(call_id, 2).await;
    }
    for call_id in ["open", "over", "of-k9", "kept"] {
        let path = format!("/v1/calls/{call_id}");
        nodes.agree(&[0, 1, 2], &path, |call| call["transcript"][0]["text"].is_string()).await;
    }
    let mut board = nodes[2].board("ana").await;
    let (status, _, body) = http(nodes[1].address, "DELETE", "/v1/calls/open", "").await;
    assert_eq!(status, 200, "of a call that is open on another node: {body}");
    assert_eq!(board.next_of("erased").await["call_id"], "open");
    // Its platform is told, and what still comes of it is not kept.
    // What was on its way meanwhile may have been acked before.
    let mut seq = 1;
    let refused = loop {
        seq += 1;
        platform.chunk("open", seq, "customer", RARE).await;
        let answer = platform.find(|m| m["call_id"] == "open" && m["seq"] != seq - 1).await;
        if answer["type"] == "error" {
            break answer;
        }
    };
    assert_eq!(refused["code"], "call_ended", "{refused}");
    let (status, ..) = http(nodes[2].address, "DELETE", "/v1/calls/over", "").await;
    assert_eq!(status, 200);
    let url = format!("http://{}", nodes[0].address);
    let forgot = run(&["forget", "--customer", "k9", "--url", &url]);
    assert!(forgot.status.success(), "{}", stderr(&forgot));
    for node in nodes.iter() {
        for call_id in ["open", "over", "of-k9"] {
            gone(node, call_id).await;
        }
        let listed = get(node.address, "/v1/calls").await;
        let ids: Vec<_> =
            listed["items"].as_array().unwrap().iter().map(|call| &call["call_id"]).collect();
        assert_eq!(ids, ["kept"]);
    }
    // Not a word is left in any file of any node.
    for place in 0..3 {
        let folder = nodes.data_dir(place);
        lets_go_of(&folder).await;
        assert!(holds(&folder, "wombat"), "the search finds what is there");
    }
}

#[tokio::test]
async fn nats_keeps_nothing_of_what_is_erased() {
    let Some(nats) = Nats::start() else { return };
    let nodes = Plan::of(&nats, 2).start().await;
    let mut platform = nodes[0].plain_ingest().await;
    for (call_id, words) in [("gone", RARE), ("kept", "wombat")] {
        platform.start(call_id).await;
        platform.chunk(call_id, 1, "customer", &format!("where is my {words}")).await;
        platform.send(json!({"type": "call_end", "call_id": call_id, "seq": 2})).await;
        platform.acked(call_id, 2).await;
    }
    assert!(holds(nats.store(), RARE) && holds(nats.store(), "wombat"), "it is looked for rightly");
    nodes.agree(&[1], "/v1/calls/gone", |call| call["state"] == "ended").await;
    let (status, _, body) = http(nodes[1].address, "DELETE", "/v1/calls/gone", "").await;
    assert_eq!(status, 200, "{body}");
    lets_go_of(nats.store()).await;
    assert!(holds(nats.store(), "wombat"));
}

/// Two people erase one call at the same moment, each on a node of their own: both nodes go on.
#[tokio::test]
async fn two_nodes_that_erase_one_call_at_once_go_on() {
    const ROUNDS: usize = 3;
    const CHUNKS: u64 = 30;
    let Some(nats) = Nats::start() else { return };
    let nodes = Plan::of(&nats, 2).start().await;
    let mut platform = nodes[0].plain_ingest().await;
    for round in 0..ROUNDS {
        let call_id = format!("c-{round}");
        platform.start(&call_id).await;
        // One after the other, so that NATS has as many messages to erase.
        for seq in 1..=CHUNKS {
            platform.chunk(&call_id, seq, "customer", RARE).await;
            platform.acked(&call_id, seq).await;
        }
        let path = format!("/v1/calls/{call_id}");
        let (one, other) = tokio::join!(
            http(nodes[0].address, "DELETE", &path, ""),
            http(nodes[1].address, "DELETE", &path, "")
        );
        let answers = [one.0, other.0];
        assert!(answers.contains(&200), "{one:?} {other:?}");
        assert!(answers.iter().all(|code| [200, 404].contains(code)), "{one:?} {other:?}");
        for (place, node) in nodes.iter().enumerate() {
            gone(node, &call_id).await;
            let mut next = node.plain_ingest().await;
            let call_id = format!("after-{round}-{place}");
            next.start(&call_id).await;
            next.chunk(&call_id, 1, "customer", "hello there").await;
            next.acked(&call_id, 1).await;
        }
    }
    lets_go_of(nats.store()).await;
}

/// Waits until no file under it has the words.
async fn lets_go_of(folder: &Path) {
    let begun = Instant::now();
    while holds(folder, RARE) {
        assert!(begun.elapsed() < PATIENCE, "{} still has the words", folder.display());
        tokio::task::yield_now().await;
    }
}

async fn gone(node: &Server, call_id: &str) {
    let begun = Instant::now();
    loop {
        let (status, _, body) =
            http(node.address, "GET", &format!("/v1/calls/{call_id}"), "").await;
        if status == 404 {
            return;
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "{} still has {call_id}: {status} {body}",
            node.address
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
