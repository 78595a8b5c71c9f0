//! NATS goes and comes back: nodes keep their sockets, promise nothing meanwhile, and go on.

use serde_json::json;

use super::load::{calls_of_each, talk};
use super::nats::Nats;
use super::nodes::{Plan, ended, transcript};
use super::watcher::Watch;
use crate::harness::*;

/// All that a connection says until it has answered what needs no journal, twice.
pub async fn says(peer: &mut Peer) -> Vec<serde_json::Value> {
    let mut said = Vec::new();
    for _ in 0..2 {
        peer.send_text("no json").await;
        said.extend(peer.read_until(|m| m["code"] == "bad_json").await);
    }
    said.retain(|message| message["code"] != "bad_json");
    said
}

#[tokio::test]
async fn nothing_is_acked_while_nats_is_away() {
    let Some(mut nats) = Nats::start() else { return };
    let nodes = Plan::of(&nats, 2).start().await;
    let (mut peer, mut board) = (nodes[0].plain_ingest().await, nodes[1].board("ana").await);
    peer.start("c-1").await;
    peer.chunk("c-1", 1, "customer", "hello there").await;
    peer.acked("c-1", 1).await;
    for is_killed in [true, false] {
        let last = if is_killed { 2 } else { 3 };
        if is_killed {
            nats.kill()
        } else {
            nats.stop()
        }
        peer.chunk("c-1", last, "customer", &format!("words {last}")).await;
        for node in nodes.iter() {
            node.says(503, "").await;
        }
        let said = says(&mut peer).await;
        assert!(said.is_empty(), "nothing can be promised: {said:?}");
        // It is alive: nobody should restart it for that.
        assert_eq!(http(nodes[0].address, "GET", "/healthz", "").await.0, 200);
        nats.restart();
        peer.acked("c-1", last).await;
        for node in nodes.iter() {
            node.says(200, "").await;
        }
    }
    peer.send(json!({"type": "call_end", "call_id": "c-1", "seq": 4})).await;
    peer.acked("c-1", 4).await;
    // The console's socket, too, is the one from before.
    let told = board.read_until(|m| m["event"] == "ended").await;
    assert_eq!(told.iter().filter(|m| m["event"] == "started").count(), 1, "{told:?}");
    for node in nodes.iter() {
        let words: Vec<String> =
            transcript(&ended(node, "c-1").await).into_iter().map(|(_, text)| text).collect();
        assert_eq!(words, ["hello there", "words 2", "words 3"]);
    }
    nodes.all_see(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn nats_restarted_under_load_loses_nothing() {
    let Some(mut nats) = Nats::start() else { return };
    let nodes = Plan::of(&nats, 3).start().await;
    let addresses = nodes.addresses();
    let calls = calls_of_each(8);
    let watch = Watch::begin(&addresses, calls.len()).await;
    let platforms = talk(&addresses, &calls);
    for round in 1..=3 {
        watch.has_seen(calls.len() * round / 2).await;
        if round % 2 == 1 {
            nats.kill()
        } else {
            nats.stop()
        }
        for node in nodes.iter() {
            node.says(503, "").await;
        }
        nats.restart();
        for node in nodes.iter() {
            node.says(200, "").await;
        }
    }
    for platform in platforms {
        assert_eq!(platform.await.unwrap().sessions, 1, "its socket stayed");
    }
    watch.end().await;
    for node in nodes.iter() {
        for call in &calls {
            let turns: Vec<_> =
                (1..).zip(call.turns.iter().map(|turn| turn.text.clone())).collect();
            assert_eq!(transcript(&ended(node, &call.id).await), turns, "{}", call.id);
        }
    }
}
