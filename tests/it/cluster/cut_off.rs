//! A node that is cut off from NATS while its platforms still reach it.

use serde_json::json;

use super::cut::Cut;
use super::nats::Nats;
use super::nats_away::says;
use super::nodes::{Plan, ended, transcript};
use crate::harness::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_cut_off_promises_nothing_and_its_calls_go_on_elsewhere() {
    let Some(nats) = Nats::start() else { return };
    let wire = Cut::before(nats.port());
    let plan = Plan::of(&nats, 3).by_way_of(2, wire.url());
    let nodes = plan.set("CLUSTER_NODE_TIMEOUT_MS", 2_000).start().await;
    let mut old = nodes[2].plain_ingest().await;
    for call_id in ["moved", "stayed"] {
        old.start(call_id).await;
        old.chunk(call_id, 1, "customer", "hello there").await;
        old.acked(call_id, 1).await;
    }
    let (mut near, mut far) = (nodes[0].board("ana").await, nodes[2].board("ben").await);
    wire.cut();
    for call_id in ["moved", "stayed"] {
        old.chunk(call_id, 2, "customer", "of the one that is cut off").await;
    }
    nodes[2].says(503, "").await;
    assert_eq!(http(nodes[2].address, "GET", "/healthz", "").await.0, 200);
    nodes.see(&[0, 1], 2).await;
    // It has been dead to the others for a while, and still promises nothing.
    let said = says(&mut old).await;
    assert!(said.iter().all(|message| message["type"] != "ack"), "{said:?}");
    let refused = far.command("1", json!({"type": "raise_hand", "call_id": "moved"}));
    let refused = tokio::time::timeout(std::time::Duration::from_millis(500), refused).await;
    assert!(refused.is_err() || refused.unwrap()["ok"] == false, "nor to people");

    let mut new = nodes[0].plain_ingest().await;
    assert_eq!(new.start("moved").await["last_seq"], 1);
    new.chunk("moved", 2, "customer", "of the new one").await;
    new.acked("moved", 2).await;
    let said = says(&mut old).await;
    assert!(said.iter().all(|message| message["type"] != "ack"), "two promises: {said:?}");

    wire.mend();
    let lost = old.find(|m| m["code"] == "taken_over" && m["call_id"] == "moved");
    lost.await;
    nodes[2].says(200, "").await;
    nodes.all_see(3).await;
    // The other call was taken over by a node, with no platform: it is told so as well, and goes
    // on with what was promised.
    let mut back = nodes[2].plain_ingest().await;
    let at = back.start("stayed").await["last_seq"].as_u64().unwrap();
    assert!((1..=2).contains(&at), "{at}");
    for (call_id, peer, from) in [("moved", &mut new, 3), ("stayed", &mut back, at + 1)] {
        peer.chunk(call_id, from, "agent", "good morning").await;
        peer.send(json!({"type": "call_end", "call_id": call_id, "seq": from + 1})).await;
        peer.acked(call_id, from + 1).await;
    }
    let expected = ["hello there", "of the new one", "good morning"];
    for node in nodes.iter() {
        let words = transcript(&ended(node, "moved").await);
        let words: Vec<&str> = words.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(words, expected, "at {}", node.address);
        let seqs: Vec<u64> =
            transcript(&ended(node, "stayed").await).into_iter().map(|(seq, _)| seq).collect();
        assert_eq!(seqs, (1..=at + 1).collect::<Vec<_>>(), "at {}", node.address);
    }
    // Who looked at the node that was cut off is told all of it, as everybody else is.
    let mut told = Vec::new();
    for board in [&mut near, &mut far] {
        let mut over = 0;
        let mut own = Vec::new();
        while over < 2 {
            let message = board.next().await;
            if let (Some(offset), true) = (message["offset"].as_u64(), message["type"] == "call") {
                over += usize::from(message["event"] == "ended");
                own.push((offset, message["event"].clone(), message["call"]["call_id"].clone()));
            }
        }
        assert!(own.windows(2).all(|pair| pair[0].0 < pair[1].0), "{own:?}");
        told.push(own);
    }
    assert_eq!(told[0], told[1]);
}
