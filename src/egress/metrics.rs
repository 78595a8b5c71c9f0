//! What is measured and logged about destinations.

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use super::answer::Answer;
use crate::call::Timestamp;
use crate::journal::Standing;

/// Which destination.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct To {
    destination: String,
}

/// What came of a message or of a try.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Sent {
    destination: String,
    result: &'static str,
}

/// Counters of the ways out; each method is one event, logged and counted in one place.
#[derive(Clone, Debug)]
pub struct Metrics {
    deliveries: Family<Sent, Counter>,
    waiting: Family<To, Gauge>,
    oldest_s: Family<To, Gauge>,
    dropped: Family<To, Counter>,
    delivery_seconds: Histogram,
}

impl Metrics {
    /// Metrics that `registry` shows.
    pub fn register(registry: &mut Registry) -> Metrics {
        let metrics = Metrics {
            deliveries: Family::default(),
            waiting: Family::default(),
            oldest_s: Family::default(),
            dropped: Family::default(),
            delivery_seconds: Histogram::new(exponential_buckets(0.001, 2.0, 20)),
        };
        let all = registry.sub_registry_with_prefix("egress");
        all.register(
            "deliveries",
            "Messages delivered or given_up, tries that failed, changes that were unreadable",
            metrics.deliveries.clone(),
        );
        all.register(
            "waiting",
            "Changes of alerts that a destination has not had or passed over",
            metrics.waiting.clone(),
        );
        all.register(
            "oldest_waiting_seconds",
            "Age of the oldest of those",
            metrics.oldest_s.clone(),
        );
        all.register(
            "dropped",
            "Changes that went over the limits of the outbox unsent",
            metrics.dropped.clone(),
        );
        all.register(
            "delivery_seconds",
            "From the event to the answer of the destination",
            metrics.delivery_seconds.clone(),
        );
        metrics
    }

    pub(super) fn taken(&self, name: &Arc<str>, happened: Timestamp, now: Timestamp) {
        self.count(name, "delivered");
        let ms = now.0.saturating_sub(happened.0).max(0);
        self.delivery_seconds.observe(ms as f64 / 1_000.0);
        tracing::debug!(destination = %name, "delivered");
    }

    pub(super) fn failed(&self, name: &Arc<str>, id: &str, tries: u32, answer: &Answer) {
        self.count(name, "failed");
        let why = &answer.text;
        // The first of a row is news; the others are not.
        if tries == 1 {
            tracing::warn!(destination = %name, id, why, "not delivered; it is tried again");
        } else {
            tracing::debug!(destination = %name, id, why, tries, "not delivered");
        }
    }

    pub(super) fn recovered(&self, name: &Arc<str>, tries: u32) {
        tracing::info!(destination = %name, tries, "delivered after failures");
    }

    pub(super) fn gave_up(&self, name: &Arc<str>, id: &str, tries: u32, answer: &Answer) {
        self.count(name, "gave_up");
        let why = &answer.text;
        tracing::error!(destination = %name, id, why, tries, "gave up: this message is not sent");
    }

    pub(super) fn unreadable(&self, name: &Arc<str>, error: &serde_json::Error) {
        self.count(name, "unreadable");
        tracing::error!(destination = %name, %error, "an alert in the outbox cannot be read");
    }

    pub(super) fn cannot_read(&self, name: &Arc<str>, error: &crate::journal::CommitError) {
        tracing::error!(destination = %name, %error, "the outbox cannot be read; tried again");
    }

    pub(super) fn stands(&self, name: &Arc<str>, standing: &Standing, now: Timestamp) {
        let to = To { destination: name.to_string() };
        let waiting = i64::try_from(standing.waiting).unwrap_or(i64::MAX);
        self.waiting.get_or_create(&to).set(waiting);
        let age_ms = standing.oldest.map_or(0, |oldest| now.0.saturating_sub(oldest.0).max(0));
        self.oldest_s.get_or_create(&to).set(age_ms / 1_000);
        let counted = self.dropped.get_or_create(&to);
        counted.inc_by(standing.dropped.saturating_sub(counted.get()));
    }

    fn count(&self, name: &Arc<str>, result: &'static str) {
        self.deliveries.get_or_create(&Sent { destination: name.to_string(), result }).inc();
    }
}
