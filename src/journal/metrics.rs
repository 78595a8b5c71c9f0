//! What is measured about the journal.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// Counters of the journal writer.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Records made durable.
    pub records: Counter,
    /// Groups committed.
    pub commits: Counter,
    /// Attempts that failed.
    pub failures: Counter,
    /// Records that wait for their commit.
    pub waiting: Gauge,
    /// 1 while commits succeed.
    pub writable: Gauge,
    /// Time of one commit.
    pub commit_seconds: Histogram,
    /// Bytes in use on disk.
    pub used_bytes: Gauge,
}

impl Metrics {
    /// Metrics that `registry` shows.
    pub fn register(registry: &mut Registry) -> Metrics {
        let metrics = Metrics {
            records: Counter::default(),
            commits: Counter::default(),
            failures: Counter::default(),
            waiting: Gauge::default(),
            writable: Gauge::default(),
            commit_seconds: Histogram::new(exponential_buckets(0.000_05, 2.0, 16)),
            used_bytes: Gauge::default(),
        };
        let all = registry.sub_registry_with_prefix("journal");
        all.register("records", "Records made durable", metrics.records.clone());
        all.register("commits", "Groups of records committed", metrics.commits.clone());
        all.register("commit_failures", "Commits that failed", metrics.failures.clone());
        all.register("waiting_records", "Records waiting for commit", metrics.waiting.clone());
        all.register("writable", "1 while commits succeed", metrics.writable.clone());
        all.register("commit_seconds", "Time of one commit", metrics.commit_seconds.clone());
        all.register("used_bytes", "Bytes in use on disk", metrics.used_bytes.clone());
        metrics.writable.set(1);
        metrics
    }

    pub(super) fn committed(&self, records: usize, seconds: f64) {
        self.records.inc_by(records as u64);
        self.commits.inc();
        self.commit_seconds.observe(seconds);
        if self.writable.set(1) == 0 {
            tracing::info!("journal is writable again");
        }
    }

    pub(super) fn failed(&self, error: &super::CommitError, attempt: u32) {
        self.failures.inc();
        self.writable.set(0);
        tracing::error!(%error, attempt, "journal commit failed; nothing is acked until it works");
    }
}
