//! The escalation matrix of three nodes is one matrix: each timer fires once.

use serde_json::{Value, json};

use super::nats::Nats;
use super::nodes::{Nodes, Plan, answers};
use crate::harness::*;

const THREAT: &str = "please close my account";

const QUICK: &str = r#"version = 1
[[rule]]
name = "quick"
[[rule.tier]]
notify = ["supervisors"]
within_s = 2
[[rule.tier]]
notify = ["team:{team}:supervisors"]
within_s = 1
[[rule.tier]]
notify = ["user:boss", "supervisors"]
"#;

/// What happened to the alert of a call, by the time that it has come to its last tier.
async fn climbed(board: &mut Peer, call_id: &str) -> Vec<Value> {
    let mut told = Vec::new();
    loop {
        let message = board.find(|m| m["alert"]["call_id"] == call_id).await;
        told.push(message["alert"].clone());
        if message["alert"]["tier"] == 3 {
            return told;
        }
    }
}

fn tiers(told: &[Value]) -> Vec<u64> {
    told.iter().map(|alert| alert["tier"].as_u64().unwrap()).collect()
}

async fn say(platform: &mut Peer, call_id: &str) {
    platform.start_with(json!({"call_id": call_id, "team": "t1"})).await;
    platform.chunk(call_id, 1, "customer", THREAT).await;
    platform.acked(call_id, 1).await;
}

/// Waits until a later alert has gone up everywhere: whatever else was due has happened by then.
async fn assert_quiet(nodes: &Nodes, boards: &mut [Peer], platform: &mut Peer, call_id: &str) {
    say(platform, "later").await;
    for board in boards {
        let until_later =
            board.read_until(|m| m["alert"]["call_id"] == "later" && m["alert"]["tier"] == 3);
        let more = until_later.await;
        assert!(!more.iter().any(|m| m["alert"]["call_id"] == call_id), "fired twice: {more:?}");
    }
    for node in nodes.iter() {
        answers(node, "/v1/alerts?state=raised", |list| {
            let alerts = list["items"].as_array().unwrap().iter();
            alerts.filter(|alert| alert["tier"] == 3).count() == 2
        })
        .await;
    }
}

#[tokio::test]
async fn each_tier_is_told_once_although_three_nodes_count() {
    let Some(nats) = Nats::start() else { return };
    let nodes = Plan::of(&nats, 3).matrix(QUICK).start().await;
    let mut boards = Vec::new();
    for node in nodes.iter() {
        boards.push(node.board("sup").await);
    }
    let mut platform = nodes[0].plain_ingest().await;
    say(&mut platform, "c-1").await;
    for board in &mut boards {
        let told = climbed(board, "c-1").await;
        assert_eq!(tiers(&told), [1, 2, 3], "{told:?}");
        let history = told[2]["history"].as_array().unwrap();
        let steps: Vec<_> =
            history.iter().map(|step| step["what"].as_str().unwrap_or("")).collect();
        assert_eq!(steps, ["", "tier 2", "tier 3"], "{history:?}");
    }
    assert_quiet(&nodes, &mut boards, &mut platform, "c-1").await;
}

/// Who is connected to any node counts for the tier.
#[tokio::test]
async fn a_supervisor_on_another_node_is_connected() {
    let Some(nats) = Nats::start() else { return };
    let matrix = QUICK.replace("within_s = 2", "within_s = 3600");
    let nodes = Plan::of(&nats, 2).matrix(&matrix).start().await;
    let mut board = nodes[1].board("sup").await;
    let mut platform = nodes[0].plain_ingest().await;
    say(&mut platform, "c-1").await;
    let alert = board.find(|m| m["alert"]["call_id"] == "c-1").await;
    assert_eq!(alert["alert"]["tier"], 1);
    platform.chunk("c-1", 2, "agent", "good morning").await;
    platform.acked("c-1", 2).await;
    assert!(!board.quiet("still").await.iter().any(|m| m["type"] == "alert"), "it stays");
    assert_eq!(nodes[0].counted("desk_tiers_absent_total").await, 0);
    // With the last one gone, the next alert passes on at once.
    drop(board);
    let mut agent = nodes[1].console("ana").await;
    agent.subscribe(json!({"agents": ["a1"]}), None).await;
    answers(&nodes[0], "/v1/alerts", |list| list["items"][0]["tier"] == 1).await;
    platform.start_with(json!({"call_id": "c-2", "team": "t1", "agent_id": "a1"})).await;
    platform.chunk("c-2", 1, "customer", THREAT).await;
    let passed = agent.find(|m| m["alert"]["tier"] == 2).await;
    assert_eq!(passed["alert"]["call_id"], "c-2");
}

/// The timers of a dead node are those of the others, and still fire once.
#[tokio::test]
async fn timers_outlive_their_node() {
    let Some(nats) = Nats::start() else { return };
    let plan = Plan::of(&nats, 3).matrix(QUICK).set("CLUSTER_NODE_TIMEOUT_MS", 2_000);
    let mut nodes = plan.start().await;
    let mut boards = vec![nodes[1].board("sup").await, nodes[2].board("sup").await];
    let mut platform = nodes[0].plain_ingest().await;
    say(&mut platform, "c-1").await;
    for board in &mut boards {
        board.find(|m| m["alert"]["call_id"] == "c-1").await;
    }
    nodes.kill(0);
    for board in &mut boards {
        let told = climbed(board, "c-1").await;
        assert_eq!(tiers(&told), [2, 3], "{told:?}");
    }
    let mut platform = nodes[1].plain_ingest().await;
    nodes.restart(0);
    nodes.all_see(3).await;
    assert_quiet(&nodes, &mut boards, &mut platform, "c-1").await;
}
