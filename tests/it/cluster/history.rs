//! Ended calls of all nodes, on each node, by REST and by search.

use serde_json::json;

use super::nats::Nats;
use super::nodes::{Plan, answers, ended};
use crate::harness::*;

async fn one_call(platform: &mut Peer, call_id: &str, words: &str) {
    platform.start_with(json!({"call_id": call_id, "queue": "billing"})).await;
    platform.chunk(call_id, 1, "customer", words).await;
    platform.send(json!({"type": "call_end", "call_id": call_id, "seq": 2})).await;
    platform.acked(call_id, 2).await;
}

#[tokio::test]
async fn a_node_that_was_away_catches_up() {
    let Some(nats) = Nats::start() else { return };
    let mut nodes = Plan::of(&nats, 3).start().await;
    let mut platform = nodes[0].plain_ingest().await;
    one_call(&mut platform, "before", "where is my parcel").await;
    ended(&nodes[1], "before").await;
    nodes.stop(1);
    one_call(&mut platform, "meanwhile", "where is my refund").await;
    platform.start("open").await;
    platform.chunk("open", 1, "customer", "where is my wombat").await;
    platform.acked("open", 1).await;
    nodes.restart(1);
    nodes.all_see(3).await;
    for node in nodes.iter() {
        let of = |path: &'static str, ids: &'static [&'static str]| {
            answers(node, path, move |list| {
                let items = list["items"].as_array().unwrap().iter();
                items.map(|call| call["call_id"].as_str().unwrap()).eq(ids.iter().copied())
            })
        };
        of("/v1/calls?state=ended&limit=10", &["meanwhile", "before"]).await;
        of("/v1/calls?state=open", &["open"]).await;
        of("/v1/calls?q=parcel", &["before"]).await;
        of("/v1/calls?q=refund", &["meanwhile"]).await;
        of("/v1/calls?queue=billing&q=where", &["meanwhile", "before"]).await;
        assert_eq!(node.metric("cluster_history_lag_messages").await, 0);
    }
}

/// The tables of a node can be thrown away: the stream has it all.
#[tokio::test]
async fn tables_that_are_lost_are_made_again() {
    let Some(nats) = Nats::start() else { return };
    let mut nodes = Plan::of(&nats, 2).start().await;
    let mut platform = nodes[0].plain_ingest().await;
    one_call(&mut platform, "c-1", "where is my parcel").await;
    let before = ended(&nodes[1], "c-1").await;
    nodes.kill(1);
    std::fs::remove_dir_all(nodes.data_dir(1)).unwrap();
    nodes.restart(1);
    nodes.all_see(2).await;
    let after = ended(&nodes[1], "c-1").await;
    assert_eq!(after, before);
    answers(&nodes[1], "/v1/calls?q=parcel", |list| list["items"][0]["call_id"] == "c-1").await;
}

/// All nodes gone at once, as when a building loses its power, and NATS with them.
#[tokio::test]
async fn a_cluster_that_was_off_comes_back_with_everything() {
    let Some(mut nats) = Nats::start() else { return };
    let mut nodes = Plan::of(&nats, 3).start().await;
    let mut platform = nodes[0].plain_ingest().await;
    one_call(&mut platform, "over", "where is my parcel").await;
    platform.start("open").await;
    platform.chunk("open", 1, "customer", "please close my account").await;
    platform.acked("open", 1).await;
    let mut board = nodes[2].board("ana").await;
    let alert = board.subscribe(json!({}), None).await[0]["alerts"][0].clone();
    let take = json!({"type": "acknowledge", "alert_id": alert["alert_id"]});
    assert_eq!(board.command("1", take).await["ok"], true);
    for place in 0..3 {
        nodes.kill(place);
    }
    nats.kill();
    nats.restart();
    for place in 0..3 {
        nodes.restart(place);
    }
    nodes.all_see(3).await;
    for node in nodes.iter() {
        let taken = answers(node, "/v1/alerts?state=acknowledged", |list| {
            list["items"].as_array().is_some_and(|items| items.len() == 1)
        });
        assert_eq!(taken.await["items"][0]["owner"], "ana");
        ended(node, "over").await;
    }
    let mut platform = nodes[1].plain_ingest().await;
    assert_eq!(platform.start("open").await["last_seq"], 1);
    platform.chunk("open", 2, "agent", "good morning").await;
    platform.acked("open", 2).await;
}
