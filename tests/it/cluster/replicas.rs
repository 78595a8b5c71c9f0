//! Three copies of everything: a nats-server may die, and a writer that was overtaken is still refused.

use super::killed::assert_kept;
use super::load::{calls_of_each, talk};
use super::nats::Nats;
use super::nodes::Plan;
use super::takeover::fight;
use super::watcher::Watch;

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
    let watch = Watch::begin(&addresses, calls.len()).await;
    let platforms = talk(&addresses, &calls);
    // Each call makes two numbered messages at least.
    let step = calls.len() / 4;
    for (round, server) in servers.iter_mut().enumerate() {
        watch.has_seen(step * (2 * round + 1)).await;
        server.kill();
        // The other two go on without it.
        watch.has_seen(step * (2 * round + 2)).await;
        server.restart();
    }
    for platform in platforms {
        platform.await.unwrap();
    }
    watch.end().await;
    assert_kept(&nodes, &calls).await;
}

/// Older servers let both write now and then: the server that leads must look, not each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_nodes_over_one_call_with_copies_each_chunk_is_kept_once() {
    let Some(servers) = Nats::three() else { return };
    fight(plan(&servers)).await;
}
