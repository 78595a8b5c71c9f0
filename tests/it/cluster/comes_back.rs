//! A node that is stopped with many calls, whose platforms come back at once: the other node takes
//! the same calls from two sides, because its platforms ask for them and because their node is gone.

use std::net::SocketAddr;

use serde_json::json;
use tokio::task::JoinSet;

use super::nats::Nats;
use super::nodes::Plan;
use crate::harness::*;

const PLATFORMS: usize = 20;
/// Of each platform.
const CALLS: usize = 20;
const BEFORE: u64 = 3;

fn calls_of(platform: usize) -> impl Iterator<Item = String> {
    (0..CALLS).map(move |call| format!("c-{platform}-{call}"))
}

/// Begins its calls and says the first of each.
async fn begin(address: SocketAddr, platform: usize) -> Peer {
    let mut peer = Peer::open(address, "/v1/ingest", Some(INGEST)).await;
    for call_id in calls_of(platform) {
        peer.send(json!({"type": "call_start", "call_id": call_id})).await;
        for seq in 1..=BEFORE {
            peer.chunk(&call_id, seq, "customer", "hello there").await;
        }
    }
    let mut open = CALLS;
    while open > 0 {
        let message = peer.next().await;
        assert_ne!(message["type"], "error", "{message}");
        open -= usize::from(message["type"] == "ack" && message["seq"] == BEFORE);
    }
    peer
}

/// Goes on with its calls at another node as soon as it has lost its own, and ends them.
async fn go_on(mut peer: Peer, elsewhere: SocketAddr, platform: usize) {
    while peer.try_next().await.is_ok() {}
    let mut peer = Peer::open(elsewhere, "/v1/ingest", Some(INGEST)).await;
    for call_id in calls_of(platform) {
        peer.send(json!({"type": "call_start", "call_id": call_id})).await;
    }
    let mut open = CALLS;
    while open > 0 {
        let message = peer.next().await;
        let call_id = message["call_id"].as_str().unwrap_or_default().to_owned();
        match message["type"].as_str().unwrap() {
            "started" => {
                assert_eq!(message["last_seq"], BEFORE, "what was acked is there: {message}");
                assert!(message.get("ended").is_none(), "{message}");
                assert!(message.get("reopened").is_none(), "it was abandoned: {message}");
                peer.chunk(&call_id, BEFORE + 1, "customer", "still here").await;
                let end = json!({"type": "call_end", "call_id": call_id, "seq": BEFORE + 2});
                peer.send(end).await;
            }
            "ack" => open -= usize::from(message["seq"] == BEFORE + 2),
            "error" => panic!("nobody else has the call: {message}"),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_node_whose_platforms_come_back_at_once_loses_and_abandons_nothing() {
    let Some(nats) = Nats::start() else { return };
    // Short, so that the node that is left looks for orphans while the platforms come.
    let plan = Plan::of(&nats, 2).set("CLUSTER_NODE_TIMEOUT_MS", 1_000);
    let mut nodes = plan.start().await;
    let mut board = nodes[1].board("ana").await;
    let mut platforms = JoinSet::new();
    for platform in 0..PLATFORMS {
        platforms.spawn(begin(nodes[0].address, platform));
    }
    let elsewhere = nodes[1].address;
    let open = platforms.join_all().await;
    let mut platforms = JoinSet::new();
    for (platform, peer) in open.into_iter().enumerate() {
        platforms.spawn(go_on(peer, elsewhere, platform));
    }
    nodes.stop(0);
    platforms.join_all().await;
    let mut ended = 0;
    while ended < PLATFORMS * CALLS {
        let told = board.find(|m| m["event"] == "ended").await;
        assert_eq!(told["call"]["reason"], json!(null), "{told}");
        assert_eq!(told["call"]["last_seq"], BEFORE + 2, "{told}");
        ended += 1;
    }
    assert_eq!(nodes[1].counted("cluster_calls_lost_total").await, 0);
    assert_eq!(
        nodes[1].counted("cluster_calls_taken_over_total").await,
        (PLATFORMS * CALLS) as u64
    );
}
