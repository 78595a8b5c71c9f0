//! What happens on one node is seen on all.

use serde_json::{Value, json};

use super::nats::Nats;
use super::nodes::{Plan, answers};
use crate::harness::*;

/// Raises one warning, and no second one.
const THREAT: &str = "please close my account";

fn of_call(message: &Value, call_id: &str) -> bool {
    message["call"]["call_id"] == call_id || message["alert"]["call_id"] == call_id
}

#[tokio::test]
async fn a_call_on_one_node_is_seen_and_answered_on_the_others() {
    let Some(nats) = Nats::start() else { return };
    let nodes = Plan::of(&nats, 3).start().await;
    let mut near = nodes[0].board("ana").await;
    let mut far = nodes[1].board("ben").await;
    let mut platform = nodes[0].plain_ingest().await;
    platform.start_with(json!({"call_id": "c-1", "queue": "billing", "team": "t1"})).await;
    platform.chunk("c-1", 1, "customer", THREAT).await;
    platform.acked("c-1", 1).await;
    platform.chunk("c-1", 2, "agent", "unfortunately that is our policy").await;
    platform.chunk("c-1", 3, "customer", "this is the third time I call about it").await;
    platform.acked("c-1", 3).await;

    let started = far.find(|m| m["event"] == "started").await;
    assert_eq!(
        (&started["call"]["call_id"], &started["call"]["queue"]),
        (&json!("c-1"), &json!("billing"))
    );
    let alert = far.find(|m| m["type"] == "alert").await;
    assert_eq!(
        (&alert["alert"]["call_id"], &alert["alert"]["state"]),
        (&json!("c-1"), &json!("raised"))
    );
    assert!(alert["offset"].as_u64() > started["offset"].as_u64());
    let risk = far.find(|m| m["type"] == "risk" && m["call_id"] == "c-1").await;
    assert!(risk["risk"].is_f64(), "{risk}");

    let alert_id = alert["alert"]["alert_id"].clone();
    let reply = far.command("1", json!({"type": "acknowledge", "alert_id": alert_id})).await;
    assert_eq!(reply["ok"], true, "{reply}");
    let is_taken = |m: &Value| m["alert"]["state"] == "acknowledged";
    let here = near.find(is_taken).await;
    assert_eq!((&here["alert"]["alert_id"], &here["alert"]["owner"]), (&alert_id, &json!("ben")));
    for node in nodes.iter() {
        let alerts = answers(node, "/v1/alerts?state=acknowledged", |list| {
            list["items"].as_array().is_some_and(|items| items.len() == 1)
        })
        .await;
        assert_eq!(
            (&alerts["items"][0]["alert_id"], &alerts["items"][0]["owner"]),
            (&alert_id, &json!("ben"))
        );
        let calls =
            answers(node, "/v1/calls?state=open", |list| list["items"][0]["last_seq"] == 3).await;
        assert_eq!(calls["items"].as_array().unwrap().len(), 1, "{calls}");
        let whole =
            |call: &Value| call["transcript"].as_array().is_some_and(|said| said.len() == 3);
        let call = answers(node, "/v1/calls/c-1", whole).await;
        assert_eq!(
            (&call["transcript"][0]["text"], &call["transcript"][0]["speaker"]),
            (&json!(THREAT), &json!("customer"))
        );
        assert_eq!(call["alerts"], json!([alert_id]));
    }

    platform.send(json!({"type": "call_end", "call_id": "c-1", "seq": 4})).await;
    platform.acked("c-1", 4).await;
    let over = far.find(|m| m["event"] == "ended").await;
    assert!(of_call(&over, "c-1"), "{over}");
    for node in nodes.iter() {
        answers(node, "/v1/calls/c-1", |call| call["state"] == "ended").await;
    }
    for node in nodes.iter() {
        assert_eq!(node.metric("cluster_nodes").await, 3);
        assert_eq!(node.counted("cluster_calls_taken_over_total").await, 0);
    }
}

/// One history: the same names and numbers everywhere, and `since` of one node on another.
#[tokio::test]
async fn a_console_goes_on_at_another_node_where_it_was() {
    let Some(nats) = Nats::start() else { return };
    let nodes = Plan::of(&nats, 3).start().await;
    let mut platform = nodes[0].plain_ingest().await;
    let mut board = nodes[1].board("ana").await;
    for number in 0..5 {
        platform.start(&format!("c-{number}")).await;
    }
    let mut offsets = Vec::new();
    while offsets.len() < 5 {
        offsets.push(board.next_of("call").await["offset"].as_u64().unwrap());
    }
    assert!(offsets.windows(2).all(|pair| pair[0] < pair[1]), "{offsets:?}");
    drop(board);
    let mut epochs = Vec::new();
    for node in nodes.iter() {
        let mut console = Peer::open(node.address, "/v1/console?user=ana", Some(CONSOLE)).await;
        let epoch = console.next().await["epoch"].as_str().unwrap().to_owned();
        let snapshot = console.subscribe(json!({}), Some((&epoch, offsets[1]))).await;
        assert_eq!(snapshot[0]["recovered"], true, "{snapshot:?}");
        for (place, offset) in offsets.iter().enumerate().skip(2) {
            let message = console.next_of("call").await;
            assert_eq!(message["offset"].as_u64(), Some(*offset), "{message}");
            assert_eq!(message["call"]["call_id"], format!("c-{place}"));
        }
        epochs.push(epoch);
    }
    assert!(epochs.iter().all(|epoch| *epoch == epochs[0]), "{epochs:?}");
}

/// Who watches a call gets its words, wherever it is talked.
#[tokio::test]
async fn a_call_of_another_node_is_watched() {
    let Some(nats) = Nats::start() else { return };
    let nodes = Plan::of(&nats, 2).start().await;
    let mut platform = nodes[0].plain_ingest().await;
    platform.start("c-1").await;
    platform.chunk("c-1", 1, "customer", "hello there").await;
    platform.acked("c-1", 1).await;
    answers(&nodes[1], "/v1/calls/c-1", |call| call["last_seq"] == 1).await;
    let mut board = nodes[1].board("ben").await;
    board.send(json!({"type": "watch", "id": "1", "call_id": "c-1"})).await;
    let past = board.next_of("chunk").await;
    assert_eq!((&past["text"], &past["past"]), (&json!("hello there"), &json!(true)));
    platform.chunk("c-1", 2, "agent", "good morning").await;
    let live = board.find(|m| m["type"] == "chunk" && m["seq"] == 2).await;
    assert_eq!((&live["text"], &live["speaker"]), (&json!("good morning"), &json!("agent")));
}

/// Nodes that keep no tables see what goes on all the same.
#[tokio::test]
async fn nodes_without_a_data_directory_see_the_others() {
    let Some(nats) = Nats::start() else { return };
    let nodes = Plan::of(&nats, 2).in_memory().start().await;
    let mut board = nodes[1].board("ben").await;
    let mut platform = nodes[0].plain_ingest().await;
    platform.start("c-1").await;
    platform.chunk("c-1", 1, "customer", THREAT).await;
    platform.acked("c-1", 1).await;
    let alert = board.find(|m| m["alert"]["call_id"] == "c-1").await;
    let take = json!({"type": "acknowledge", "alert_id": alert["alert"]["alert_id"]});
    assert_eq!(board.command("1", take).await["ok"], true);
    let open = |list: &Value| list["items"][0]["call_id"] == "c-1";
    nodes.agree(&[0, 1], "/v1/calls?state=open", open).await;
    platform.send(json!({"type": "call_end", "call_id": "c-1", "seq": 2})).await;
    platform.acked("c-1", 2).await;
    nodes.agree(&[0, 1], "/v1/calls?state=ended", open).await;
}
