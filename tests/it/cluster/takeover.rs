//! A call that moves from node to node, and two platforms that both want it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use futures_util::SinkExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::load::calls_of_each;
use super::nats::Nats;
use super::nodes::{Plan, ended, transcript};
use crate::harness::*;

#[tokio::test]
async fn a_platform_that_comes_back_elsewhere_goes_on_where_it_was() {
    let Some(nats) = Nats::start() else { return };
    let nodes = Plan::of(&nats, 3).start().await;
    let mut board = nodes[2].board("ana").await;
    let mut old = nodes[0].plain_ingest().await;
    old.start_with(json!({"call_id": "c-1", "queue": "billing"})).await;
    for seq in 1..=5 {
        old.chunk("c-1", seq, "customer", &format!("words {seq}")).await;
    }
    old.acked("c-1", 5).await;
    let mut new = nodes[1].plain_ingest().await;
    let started = new.start("c-1").await;
    assert_eq!(started["last_seq"], 5, "{started}");
    assert!(started.get("ended").is_none(), "{started}");
    let lost = old.next_of("error").await;
    assert_eq!((&lost["code"], &lost["call_id"]), (&json!("taken_over"), &json!("c-1")));
    assert_eq!(old.close_code().await, 4409, "it was its last call");
    for seq in 6..=8 {
        new.chunk("c-1", seq, "agent", &format!("words {seq}")).await;
    }
    new.send(json!({"type": "call_end", "call_id": "c-1", "seq": 9})).await;
    new.acked("c-1", 9).await;
    let expected: Vec<_> = (1..=8).map(|seq| (seq, format!("words {seq}"))).collect();
    for node in nodes.iter() {
        let call = ended(node, "c-1").await;
        assert_eq!(transcript(&call), expected);
        assert_eq!(call["queue"], "billing");
        assert_eq!(call["last_seq"], 9);
    }
    // One call, begun once and ended once.
    let told = board.read_until(|m| m["event"] == "ended").await;
    assert_eq!(told.iter().filter(|m| m["event"] == "started").count(), 1, "{told:?}");
    assert_eq!(nodes[1].metric("cluster_calls_taken_over_total").await, 1);
    assert_eq!(nodes[0].metric("cluster_calls_lost_total").await, 1);
    let mut again = nodes[2].plain_ingest().await;
    let started = again.start("c-1").await;
    assert_eq!((&started["last_seq"], &started["ended"]), (&json!(9), &json!(true)));
}

/// A connection that loses one of its calls keeps the others.
#[tokio::test]
async fn only_the_call_that_is_taken_over_is_lost() {
    let Some(nats) = Nats::start() else { return };
    let nodes = Plan::of(&nats, 2).start().await;
    let mut old = nodes[0].plain_ingest().await;
    old.start("c-1").await;
    old.start("c-2").await;
    let mut new = nodes[1].plain_ingest().await;
    assert_eq!(new.start("c-1").await["last_seq"], 0);
    let lost = old.next_of("error").await;
    assert_eq!((&lost["code"], &lost["call_id"]), (&json!("taken_over"), &json!("c-1")));
    old.chunk("c-2", 1, "customer", "still here").await;
    old.acked("c-2", 1).await;
    // What it still says of the other is not taken.
    old.chunk("c-1", 1, "customer", "of the old one").await;
    old.next_of("error").await;
    new.chunk("c-1", 1, "customer", "of the new one").await;
    new.acked("c-1", 1).await;
    new.send(json!({"type": "call_end", "call_id": "c-1", "seq": 2})).await;
    new.acked("c-1", 2).await;
    for node in nodes.iter() {
        assert_eq!(transcript(&ended(node, "c-1").await), [(1, "of the new one".to_owned())]);
    }
}

/// What two platforms that fight for a call know of each other.
#[derive(Default)]
struct Fight {
    /// The highest number that anybody was told to be kept.
    highest: AtomicU64,
    /// How often a node said that the call is there.
    claims: AtomicUsize,
}

impl Fight {
    /// Enough chunks and changes of side. A takeover may take as long as hundreds of chunks.
    fn is_long_enough(&self) -> bool {
        let highest = self.highest.load(Ordering::SeqCst);
        let enough = highest >= 1_000 && self.claims.load(Ordering::SeqCst) > 4;
        assert!(enough || highest < 50_000, "they hardly fought");
        enough
    }
}

/// Three digits at the end of a chunk would be taken for the beginning of a number, and masked.
fn words(seq: u64) -> String {
    format!("words {}", seq % 100)
}

/// A platform that believes that the call is its own, until it is over. Gives the number of the
/// message that ended it.
async fn claim(address: SocketAddr, fight: Arc<Fight>) -> u64 {
    loop {
        let mut peer = Peer::open(address, "/v1/ingest", Some(INGEST)).await;
        // Before it asks: the other may be acked for more before this one reads its answer.
        let floor = fight.highest.load(Ordering::SeqCst);
        peer.send(json!({"type": "call_start", "call_id": "c"})).await;
        let mut end = None;
        while let Ok(message) = peer.try_next().await {
            let durable = match message["type"].as_str().unwrap() {
                "ready" => continue,
                "error" => {
                    assert_eq!(message["code"], "taken_over", "{message}");
                    break;
                }
                "started" => {
                    fight.claims.fetch_add(1, Ordering::SeqCst);
                    let last_seq = message["last_seq"].as_u64().unwrap();
                    // What anybody was acked for is there for everybody.
                    assert!(last_seq >= floor, "{message}, after {floor}");
                    if message["ended"] == true {
                        return last_seq;
                    }
                    last_seq
                }
                _ => message["seq"].as_u64().unwrap(),
            };
            if end == Some(durable) {
                return durable;
            }
            fight.highest.fetch_max(durable, Ordering::SeqCst);
            let next = if fight.is_long_enough() {
                end = Some(durable + 1);
                json!({"type": "call_end", "call_id": "c", "seq": durable + 1})
            } else {
                chunk("c", durable + 1, "other", &words(durable + 1))
            };
            // It may have been closed meanwhile; then the next claim goes on.
            if peer.ws.send(Message::text(next.to_string())).await.is_err() {
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_nodes_over_one_call_each_chunk_is_kept_once() {
    let Some(nats) = Nats::start() else { return };
    fight(Plan::of(&nats, 3)).await;
}

/// Two platforms at two of three nodes, and what is left of their call.
pub async fn fight(plan: Plan) {
    let nodes = plan.start().await;
    let mut board = nodes[2].board("ana").await;
    // Read all the while: whoever answers no ping is sent away, and slow machines fight for long.
    let board =
        tokio::spawn(async move { (board.read_until(|m| m["event"] == "ended").await, board) });
    let state = Arc::new(Fight::default());
    let one = tokio::spawn(claim(nodes[0].address, Arc::clone(&state)));
    let other = tokio::spawn(claim(nodes[1].address, Arc::clone(&state)));
    let last = one.await.unwrap();
    assert_eq!(other.await.unwrap(), last, "it ended for both");
    let expected: Vec<_> = (1..last).map(|seq| (seq, words(seq))).collect();
    let mut shown = Vec::new();
    for node in nodes.iter() {
        let call = ended(node, "c").await;
        assert_eq!(transcript(&call), expected);
        shown.push(call["transcript"].clone());
    }
    assert!(shown.iter().all(|one| *one == shown[0]), "the same on all nodes");
    let (told, mut board) = board.await.unwrap();
    assert_eq!(told.iter().filter(|m| m["event"] == "started").count(), 1);
    let after = board.quiet("over").await;
    assert!(!after.iter().any(|m| m["event"] == "ended"), "{after:?}");
}

fn bits(value: &Value) -> Option<u64> {
    value.as_f64().map(f64::to_bits)
}

/// The fold of another node ends in the same state, bit for bit.
#[tokio::test]
async fn a_call_that_moved_scores_as_offline() {
    let Some(nats) = Nats::start() else { return };
    let nodes = Plan::of(&nats, 3).start().await;
    let calls = calls_of_each(1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls.jsonl");
    write_calls(&path, &calls);
    let offline = run(&["score", path.to_str().unwrap()]);
    assert!(offline.status.success(), "{}", stderr(&offline));
    let offline = json_lines(&stdout(&offline));
    for call in &calls {
        let mut live = Vec::new();
        let mut place = 0;
        let mut peer = nodes[place].ingest().await;
        peer.start(&call.id).await;
        for (seq, turn) in (1..).zip(&call.turns) {
            if seq % 3 == 0 {
                place = (place + 1) % 3;
                let mut next = nodes[place].ingest().await;
                assert_eq!(next.start(&call.id).await["last_seq"], seq - 1);
                peer = next;
            }
            let mut message = chunk(&call.id, seq, turn.speaker.name(), &turn.text);
            message["start_ms"] = json!(turn.start_ms);
            message["end_ms"] = json!(turn.end_ms);
            peer.send(message).await;
            let score = peer.find(|m| m["type"] == "score" && m["seq"] == seq).await;
            peer.acked(&call.id, seq).await;
            live.push(score);
        }
        let last = call.turns.len() as u64 + 1;
        peer.send(json!({"type": "call_end", "call_id": call.id, "seq": last})).await;
        peer.acked(&call.id, last).await;
        let own: Vec<&Value> =
            offline.iter().filter(|line| line["call_id"] == call.id.as_str()).collect();
        assert_eq!(own.len(), live.len());
        for (live, offline) in live.iter().zip(&own) {
            assert_eq!(bits(&live["risk"]), bits(&offline["risk"]), "{live} {offline}");
            assert_eq!(bits(&live["sentiment"]), bits(&offline["sentiment"]), "{live} {offline}");
            assert_eq!(live["level"], offline["level"]);
            assert_eq!(live["triggers"], offline["triggers"]);
        }
        for node in nodes.iter() {
            let kept = ended(node, &call.id).await;
            let kept = kept["transcript"].as_array().unwrap();
            let kept: Vec<_> = kept.iter().map(|said| bits(&said["risk"])).collect();
            let offline: Vec<_> = own.iter().map(|line| bits(&line["risk"])).collect();
            assert_eq!(kept, offline, "{} at {}", call.id, node.address);
        }
    }
}
