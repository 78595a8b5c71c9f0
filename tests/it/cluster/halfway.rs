//! Nodes that stop, or lose a call, in the middle of what belongs together: the events of a call
//! are in NATS and what consoles are told of them is not.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::cut::Cut;
use super::nats::Nats;
use super::nodes::{Nodes, Plan, answers, transcript};
use crate::harness::*;

/// A publication of events with which a call is over.
const OVER: &[&str] = &["HPUB ", ".events.", "\"over\":"];
/// A publication for consoles.
const NEWS: &[&str] = &["HPUB ", ".desk."];

/// Three nodes, of which the first dies when the events of a `call_end` are in NATS: it has told
/// nobody, and its platform has no ack.
async fn dies_at_the_end(nats: &Nats) -> (Nodes, Peer) {
    let wire = Cut::before(nats.port());
    let plan = Plan::of(nats, 3).by_way_of(0, wire.url());
    let mut nodes = plan.set("CLUSTER_NODE_TIMEOUT_MS", 2_000).start().await;
    let mut board = nodes[2].board("ana").await;
    let mut platform = nodes[0].plain_ingest().await;
    platform.start("c").await;
    for seq in 1..=3 {
        platform.chunk("c", seq, "customer", "hello there").await;
    }
    platform.acked("c", 3).await;
    board.find(|m| m["event"] == "started").await;
    wire.cut_after(OVER);
    platform.send(json!({"type": "call_end", "call_id": "c", "seq": 4})).await;
    wire.is_cut().await;
    nodes.kill(0);
    (nodes, board)
}

/// The call is over on the nodes that are left, and a console was told so once.
async fn over_everywhere(nodes: &Nodes, mut board: Peer) {
    let told = board.find(|m| m["event"] == "ended").await;
    assert_eq!(told["call"]["call_id"], "c");
    for place in [1, 2] {
        // Its words come by another stream than its end, so they may be there a moment later.
        let is_whole = |call: &Value| call["state"] == "ended" && transcript(call).len() == 3;
        let call = answers(&nodes[place], "/v1/calls/c", is_whole).await;
        assert_eq!((&call["reason"], &call["last_seq"]), (&json!(null), &json!(4)), "{call}");
    }
    let after = board.quiet("over").await;
    assert!(!after.iter().any(|m| m["event"] == "ended"), "{after:?}");
}

#[tokio::test]
async fn a_call_that_ended_as_its_node_died_ends_everywhere() {
    let Some(nats) = Nats::start() else { return };
    let (nodes, board) = dies_at_the_end(&nats).await;
    over_everywhere(&nodes, board).await;
}

#[tokio::test]
async fn a_platform_that_asks_about_a_call_that_ended_as_its_node_died_is_told() {
    let Some(nats) = Nats::start() else { return };
    let (nodes, board) = dies_at_the_end(&nats).await;
    let mut platform = nodes[1].plain_ingest().await;
    let started = platform.start("c").await;
    assert_eq!((&started["last_seq"], &started["ended"]), (&json!(4), &json!(true)), "{started}");
    over_everywhere(&nodes, board).await;
}

/// The old node's alert and the new node's claim are both on their way: whoever has the call then
/// tells what was not told, and nothing twice.
#[tokio::test]
async fn a_takeover_in_the_middle_tells_each_message_once() {
    let Some(nats) = Nats::start() else { return };
    let (old_wire, new_wire) = (Cut::before(nats.port()), Cut::before(nats.port()));
    let plan = Plan::of(&nats, 3).by_way_of(0, old_wire.url()).by_way_of(1, new_wire.url());
    // Nobody is taken for dead, and nothing is asked again, while a wire is cut.
    let plan = plan.set("CLUSTER_NODE_TIMEOUT_MS", 6_000).set("CLUSTER_ANSWER_TIMEOUT_MS", 10_000);
    let nodes = plan.start().await;
    let mut board = nodes[2].board("ana").await;
    let mut old = nodes[0].plain_ingest().await;
    old.start("c").await;
    let mut told = board.read_until(|m| m["event"] == "started").await;
    old_wire.cut_before(NEWS);
    new_wire.cut_before(NEWS);
    old.chunk("c", 1, "customer", "I want to speak to your supervisor right now").await;
    old_wire.is_cut().await;
    let mut new = nodes[1].plain_ingest().await;
    new.send(json!({"type": "call_start", "call_id": "c"})).await;
    new_wire.is_cut().await;
    old_wire.mend();
    told.extend(board.read_until(|m| m["type"] == "alert").await);
    new_wire.mend();
    let started = new.next_of("started").await;
    assert_eq!(started["last_seq"], 1, "{started}");
    new.send(json!({"type": "call_end", "call_id": "c", "seq": 2})).await;
    new.acked("c", 2).await;
    told.extend(board.read_until(|m| m["event"] == "ended").await);
    told.extend(board.quiet("over").await);
    told.retain(|message| message["offset"].is_u64());
    let words = |message: &Value| {
        let mut message = message.clone();
        message["offset"].take();
        if message["type"] == "alert" {
            message["alert"]["latency_us"].take();
        }
        message.to_string()
    };
    let once: BTreeSet<String> = told.iter().map(words).collect();
    assert_eq!(once.len(), told.len(), "told twice: {told:?}");
    for node in nodes.iter() {
        let is_whole = |call: &Value| call["state"] == "ended" && transcript(call).len() == 1;
        answers(node, "/v1/calls/c", is_whole).await;
    }
}
