//! Three copies of everything: a nats-server may die, and a writer that was overtaken is still refused.

use super::killed::assert_kept;
use super::load::{calls_of_each, talk};
use super::nats::Nats;
use super::nodes::Plan;
use super::takeover::fight;
use super::watcher::{Watcher, assert_one_history, has_seen};

/// Three nodes on the three servers, with three copies.
fn plan(servers: &[Nats; 3]) -> Plan {
    let urls = servers.iter().map(Nats::url).collect::<Vec<_>>().join(",");
    let plan = Plan::of(&servers[0], 3).set("CLUSTER_REPLICAS", 3);
    (0..3).fold(plan, |plan, place| plan.by_way_of(place, urls.clone()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_nats_server_killed_under_load_loses_nothing() {
    let Some(mut servers) = Nats::three() else { return };
    let nodes = plan(&servers).start().await;
    let addresses = nodes.addresses();
    let calls = calls_of_each(8);
    let mut watchers = Vec::new();
    for place in 0..3 {
        watchers.push(Watcher::new(&addresses, place).await);
    }
    let count = watchers[0].count();
    let watchers: Vec<_> =
        watchers.into_iter().map(|watcher| watcher.until_ended(calls.len())).collect();
    let platforms = talk(&addresses, &calls);
    // Each call makes two numbered messages at least.
    let step = calls.len() / 4;
    for (round, server) in servers.iter_mut().enumerate() {
        has_seen(&count, step * (2 * round + 1)).await;
        server.kill();
        // The other two go on without it.
        has_seen(&count, step * (2 * round + 2)).await;
        server.restart();
    }
    for platform in platforms {
        platform.await.unwrap();
    }
    let mut seen = Vec::new();
    for watcher in watchers {
        seen.push(watcher.await.unwrap());
    }
    assert_one_history(&seen, &addresses).await;
    assert_kept(&nodes, &calls).await;
}

/// Older servers let both write now and then: the server that leads must look, not each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_nodes_over_one_call_with_copies_each_chunk_is_kept_once() {
    let Some(servers) = Nats::three() else { return };
    fight(plan(&servers)).await;
}
