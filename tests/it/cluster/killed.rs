//! Nodes that are killed or stopped under load, and nodes whose platforms never come back.

use std::collections::BTreeMap;

use forewarn::call::Call;
use serde_json::{Value, json};

use super::load::{calls_of_each, talk};
use super::nats::Nats;
use super::nodes::{Nodes, Plan, ended, transcript};
use super::watcher::{self, Watch, Watcher, raised};
use crate::harness::*;

/// After so long a node without a sign of life is dead to the others. Short, but long enough for a
/// machine with two cores and four processes.
const DEAD_AFTER_MS: u64 = 2_000;

fn rounds() -> usize {
    std::env::var("CRASH_ROUNDS").map_or(3, |rounds| rounds.parse().expect("a number"))
}

fn random() -> fastrand::Rng {
    let seed = std::env::var("CRASH_SEED")
        .map_or_else(|_| fastrand::u64(..), |seed| seed.parse().expect("a number"));
    // Shown when the test fails.
    println!("CRASH_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}

/// Plays calls into three nodes, of which one after the other goes and comes back, and looks at
/// what is left.
async fn survive(times: usize, per_batch: usize, go: impl Fn(&mut Nodes, usize)) {
    let Some(nats) = Nats::start() else { return };
    let mut random = random();
    let plan = Plan::of(&nats, 3).set("CLUSTER_NODE_TIMEOUT_MS", DEAD_AFTER_MS);
    let mut nodes = plan.start().await;
    let addresses = nodes.addresses();
    let calls = calls_of_each(per_batch);
    let watch = Watch::begin(&addresses, calls.len()).await;
    let platforms = talk(&addresses, &calls);
    // Each call makes two numbered messages at least.
    let share = calls.len() * 2 / (times + 1);
    let mut goal = 0;
    for round in 0..times {
        goal += random.usize(1..=share);
        watch.has_seen(goal).await;
        let place = match times {
            3 => round,
            _ => random.usize(0..3),
        };
        go(&mut nodes, place);
        nodes.restart(place);
        nodes.all_see(3).await;
    }
    for platform in platforms {
        platform.await.unwrap();
    }
    let seen = watch.end().await;
    assert_kept(&nodes, &calls).await;
    assert_alerts(&seen[0].seen, &calls).await;
}

/// Every chunk is on every node, once, in order, with the risk that it has offline, bit for bit.
pub async fn assert_kept(nodes: &Nodes, calls: &[Call]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls.jsonl");
    write_calls(&path, calls);
    let offline = run(&["score", path.to_str().unwrap()]);
    assert!(offline.status.success(), "{}", stderr(&offline));
    let mut risks: BTreeMap<String, Vec<Option<u64>>> = BTreeMap::new();
    for line in json_lines(&stdout(&offline)) {
        let call_id = line["call_id"].as_str().unwrap().to_owned();
        risks.entry(call_id).or_default().push(line["risk"].as_f64().map(f64::to_bits));
    }
    for node in nodes.iter() {
        for call in calls {
            let kept = ended(node, &call.id).await;
            let turns: Vec<_> =
                (1..).zip(call.turns.iter().map(|turn| turn.text.clone())).collect();
            assert_eq!(transcript(&kept), turns, "{} at {}", call.id, node.address);
            let said = kept["transcript"].as_array().unwrap().iter();
            let live: Vec<_> = said.map(|said| said["risk"].as_f64().map(f64::to_bits)).collect();
            assert_eq!(live, risks[&call.id], "{} at {}", call.id, node.address);
            // Ended by its platform: an abandoned call would say so.
            assert_eq!(
                (&kept["reason"], &kept["last_seq"]),
                (&json!(null), &json!(call.turns.len() + 1))
            );
        }
    }
}

/// The alerts are those of a server that was never stopped, and none was raised twice.
async fn assert_alerts(seen: &[Value], calls: &[Call]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls.jsonl");
    write_calls(&path, calls);
    let steady = Server::start();
    let mut watcher = Watcher::new(&[steady.address], 0).await;
    let url = steady.url("/v1/ingest");
    let played = run(&["replay", "--speed", "max", "--url", &url, path.to_str().unwrap()]);
    assert!(played.status.success(), "{}", stderr(&played));
    watcher.read_until(|seen| watcher::ended(seen).len() == calls.len()).await;
    let (shaken, steady) = (raised(seen), raised(&watcher.seen));
    assert!(!steady.is_empty());
    assert_eq!(shaken, steady);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_node_killed_under_load_loses_nothing() {
    let rounds = rounds();
    survive(rounds, 4 * rounds, Nodes::kill).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn nodes_stopped_one_after_the_other_lose_nothing() {
    survive(3, 8, Nodes::stop).await;
}

/// Calls whose node died and whose platforms never come back end as abandoned, once, and can be
/// opened again by a platform that comes back after all.
#[tokio::test]
async fn calls_of_a_dead_node_end_once() {
    let Some(nats) = Nats::start() else { return };
    let plan = Plan::of(&nats, 3).set("CLUSTER_NODE_TIMEOUT_MS", DEAD_AFTER_MS);
    let mut nodes = plan.set("DESK_RESUME_GRACE_S", 2).start().await;
    let mut boards = [nodes[1].board("ana").await, nodes[2].board("ben").await];
    let mut platform = nodes[0].plain_ingest().await;
    const CALLS: usize = 20;
    for number in 0..CALLS {
        let call_id = format!("c-{number}");
        platform.start(&call_id).await;
        platform.chunk(&call_id, 1, "customer", "hello there").await;
        platform.acked(&call_id, 1).await;
    }
    // One that was over before is none of it.
    platform.send(json!({"type": "call_end", "call_id": "c-0", "seq": 2})).await;
    platform.acked("c-0", 2).await;
    nodes.kill(0);
    nodes.see(&[1, 2], 2).await;
    for board in &mut boards {
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        while times.len() < CALLS {
            let message = board.find(|m| m["event"] == "ended").await;
            let call_id = message["call"]["call_id"].as_str().unwrap().to_owned();
            let reason = if call_id == "c-0" { "completed" } else { "abandoned" };
            let told = message["call"]["reason"].as_str();
            assert!(call_id == "c-0" || told == Some(reason), "{message}");
            *times.entry(call_id).or_default() += 1;
        }
        assert!(times.values().all(|times| *times == 1), "{times:?}");
    }
    // The dead node comes back, folds what it had, and ends nothing a second time.
    nodes.restart(0);
    nodes.all_see(3).await;
    for node in nodes.iter() {
        for number in 1..CALLS {
            let call = ended(node, &format!("c-{number}")).await;
            assert_eq!(call["reason"], "abandoned", "{call}");
            assert_eq!(transcript(&call), [(1, "hello there".to_owned())]);
        }
    }
    let mut again = nodes[0].plain_ingest().await;
    let started = again.start("c-1").await;
    assert_eq!((&started["last_seq"], &started["reopened"]), (&json!(1), &json!(true)));
    again.chunk("c-1", 2, "customer", "I am back").await;
    again.acked("c-1", 2).await;
    for board in &mut boards {
        let back =
            board.find(|m| m["call"]["call_id"] == "c-1" && m["call"]["state"] == "open").await;
        assert_ne!(back["event"], "ended", "{back}");
        for message in board.quiet("over").await {
            assert_ne!(message["event"], "ended", "{message}");
        }
    }
}
