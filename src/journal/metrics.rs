//! What is measured about the journal.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// How the journal is doing, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It keeps up.
    Ready,
    /// No record more can wait.
    Full,
    /// A commit takes longer than `slow_commit_ms`.
    Slow,
    /// The last commit failed, or the writer has stopped.
    Failing,
}

impl Health {
    /// As `/readyz` says it.
    pub fn status(self) -> &'static str {
        match self {
            Health::Ready => "ready",
            Health::Full => "the journal's queue is full",
            Health::Slow => "the journal is slow",
            Health::Failing => "the journal cannot be written",
        }
    }
}

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
    /// Commits over `slow_commit_ms`.
    pub slow: Counter,
    /// 0 ready, 1 the queue is full, 2 a commit takes long, 3 commits fail.
    pub health: Gauge,
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
            slow: Counter::default(),
            health: Gauge::default(),
            commit_seconds: Histogram::new(exponential_buckets(0.000_05, 2.0, 16)),
            used_bytes: Gauge::default(),
        };
        let all = registry.sub_registry_with_prefix("journal");
        all.register("records", "Records made durable", metrics.records.clone());
        all.register("commits", "Groups of records committed", metrics.commits.clone());
        all.register("commit_failures", "Commits that failed", metrics.failures.clone());
        all.register("waiting_records", "Records waiting for commit", metrics.waiting.clone());
        all.register("writable", "1 while commits succeed", metrics.writable.clone());
        all.register("slow_commits", "Commits that took too long", metrics.slow.clone());
        all.register(
            "health",
            "0 ready, 1 queue full, 2 commit takes long, 3 commits fail",
            metrics.health.clone(),
        );
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

    pub(super) fn slow_commit(&self, seconds: f64) {
        self.slow.inc();
        tracing::warn!(seconds, "a commit of the journal took long: is the disk slow?");
    }

    /// Logs when the health changes.
    pub(super) fn note_health(&self, health: Health) {
        if self.health.set(health as i64) == health as i64 {
            return;
        }
        match health {
            Health::Ready => tracing::info!("the journal keeps up again"),
            _ => tracing::warn!(status = health.status(), "platforms are read more slowly"),
        }
    }

    pub(super) fn failed(&self, error: &super::CommitError, attempt: u32) {
        self.failures.inc();
        self.writable.set(0);
        tracing::error!(%error, attempt, "journal commit failed; nothing is acked until it works");
    }
}
