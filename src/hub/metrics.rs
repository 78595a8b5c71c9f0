//! What is measured about the hub.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Counters of the hub.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// Consoles connected.
    pub consoles: Gauge,
    /// Calls that go on.
    pub open_calls: Gauge,
    /// Ended calls held for REST.
    pub ended_calls: Gauge,
    /// Alerts held, open and closed.
    pub alerts: Gauge,
    /// Numbered messages held for resume.
    pub ring_messages: Gauge,
    /// Bytes of those.
    pub ring_bytes: Gauge,
    /// Numbered messages published.
    pub published: Counter,
    /// Risk messages that a newer one of the same call replaced before they were sent.
    pub risks_coalesced: Counter,
    /// Chunks dropped from the queues of slow consoles.
    pub chunks_dropped: Counter,
    /// Consoles whose queue overflowed.
    pub slow_consoles: Counter,
    /// Transcript chunks dropped from over-long calls.
    pub transcript_dropped: Counter,
}

impl Metrics {
    /// Metrics that `registry` shows.
    pub fn register(registry: &mut Registry) -> Metrics {
        let metrics = Metrics::default();
        let all = registry.sub_registry_with_prefix("hub");
        all.register("consoles", "Consoles connected", metrics.consoles.clone());
        all.register("open_calls", "Calls that go on", metrics.open_calls.clone());
        all.register("ended_calls", "Ended calls held for REST", metrics.ended_calls.clone());
        all.register("alerts", "Alerts held, open and closed", metrics.alerts.clone());
        all.register("ring_messages", "Messages held for resume", metrics.ring_messages.clone());
        all.register("ring_bytes", "Bytes of those messages", metrics.ring_bytes.clone());
        all.register("published", "Alert and call messages published", metrics.published.clone());
        all.register("risks_coalesced", "Risks replaced unsent", metrics.risks_coalesced.clone());
        all.register("chunks_dropped", "Chunks dropped unsent", metrics.chunks_dropped.clone());
        all.register("slow_consoles", "Console queues overflowed", metrics.slow_consoles.clone());
        all.register(
            "transcript_dropped",
            "Chunks dropped from over-long transcripts",
            metrics.transcript_dropped.clone(),
        );
        metrics
    }
}
