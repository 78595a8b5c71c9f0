//! What a node among many counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Counters and gauges of the cluster.
#[derive(Clone, Debug, Default)]
pub(super) struct Metrics {
    pub nodes: Gauge<i64, AtomicI64>,
    pub connected: Gauge<i64, AtomicI64>,
    pub calls_taken_over: Counter,
    pub calls_lost: Counter,
    pub orphans: Counter,
    pub history_lag: Gauge<i64, AtomicI64>,
    pub followed_calls: Gauge<i64, AtomicI64>,
    pub errands: Counter,
    /// The streams do not go on where this node has read to.
    pub torn: Arc<AtomicBool>,
}

impl Metrics {
    pub fn register(registry: &mut Registry) -> Metrics {
        let own = Metrics::default();
        registry.register("nodes", "Nodes alive, this one included", own.nodes.clone());
        registry.register("connected", "1 while NATS can be reached", own.connected.clone());
        registry.register(
            "calls_taken_over",
            "Calls that this node took over from others",
            own.calls_taken_over.clone(),
        );
        registry.register(
            "calls_lost",
            "Calls that other nodes took over from this one",
            own.calls_lost.clone(),
        );
        registry.register("orphans", "Calls of dead nodes taken over", own.orphans.clone());
        registry.register(
            "history_lag_messages",
            "Ended calls in the stream that the tables do not show yet",
            own.history_lag.clone(),
        );
        registry.register(
            "followed_calls",
            "Calls of other nodes whose words somebody reads here",
            own.followed_calls.clone(),
        );
        registry.register("errands", "Commands carried out for other nodes", own.errands.clone());
        own
    }
}
