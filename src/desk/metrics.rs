//! What is measured and logged about calls. Never a word of any transcript.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use super::Seldom;
use crate::call::Timestamp;
use crate::engine::effects::OverLimits;

/// A clock set back by less is nobody's concern.
const CLOCK_STEP_MS: i64 = 1_000;

/// Counters of the desk; each method is one event, logged and counted in one place.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Calls that go on.
    pub open_calls: Gauge,
    /// Ended calls whose state is kept.
    pub kept_calls: Gauge,
    /// Ended calls of which only the number of their last message is kept.
    pub remembered_calls: Gauge,
    /// Events applied.
    pub events: Counter,
    /// Messages that repeated what was there.
    pub duplicates: Counter,
    /// Partials passed over because too many utterances of their call were open.
    pub partials_passed_over: Counter,
    /// Final chunks kept without being scored: their call has too many turns.
    pub unscored: Counter,
    /// Repeated phrases not shown: their chunk has too many.
    pub matches_passed_over: Counter,
    /// Chunks of long calls whose words can be quoted no more.
    pub unquotable: Counter,
    /// Finished utterances of long calls that were forgotten.
    pub segments_forgotten: Counter,
    /// Words that rules would have had to remember and do not count.
    pub rule_mentions_passed_over: Counter,
    /// Parts of calls that went to the tables before the end of their call.
    pub early_archives: Counter,
    /// Messages that left a gap.
    pub gaps: Counter,
    /// Messages refused for good.
    pub refused: Counter,
    /// Calls that another connection took.
    pub taken_over: Counter,
    /// Calls that ended because their platform stayed away.
    pub abandoned: Counter,
    /// Abandoned calls that were opened again.
    pub reopened: Counter,
    /// Calls refused because too many are open.
    pub too_many: Counter,
    /// Alerts that changed.
    pub alert_changes: Counter,
    /// Warnings held because the budget of their team was spent.
    pub alerts_held: Counter,
    /// Held alerts that a budget had room for later.
    pub alerts_released: Counter,
    /// Tiers passed by because nobody of theirs was connected.
    pub tiers_absent: Counter,
    /// Events that made the engine panic.
    pub panics: Counter,
    /// Calls erased for good.
    pub erased: Counter,
    /// How far our time is ahead of a system clock that was set back, in ms.
    pub clock_ahead_ms: Gauge,
    /// Time to apply one event.
    pub apply_seconds: Histogram,
    told_of_taken: Seldom,
    told_of_refused: Seldom,
    told_of_too_many: Seldom,
}

impl Metrics {
    /// Metrics that `registry` shows.
    pub fn register(registry: &mut Registry) -> Metrics {
        let metrics = Metrics {
            open_calls: Gauge::default(),
            kept_calls: Gauge::default(),
            remembered_calls: Gauge::default(),
            events: Counter::default(),
            duplicates: Counter::default(),
            partials_passed_over: Counter::default(),
            unscored: Counter::default(),
            matches_passed_over: Counter::default(),
            unquotable: Counter::default(),
            segments_forgotten: Counter::default(),
            rule_mentions_passed_over: Counter::default(),
            early_archives: Counter::default(),
            gaps: Counter::default(),
            refused: Counter::default(),
            taken_over: Counter::default(),
            abandoned: Counter::default(),
            reopened: Counter::default(),
            too_many: Counter::default(),
            alert_changes: Counter::default(),
            alerts_held: Counter::default(),
            alerts_released: Counter::default(),
            tiers_absent: Counter::default(),
            panics: Counter::default(),
            erased: Counter::default(),
            clock_ahead_ms: Gauge::default(),
            apply_seconds: Histogram::new(exponential_buckets(0.000_001, 2.0, 18)),
            told_of_taken: Seldom::default(),
            told_of_refused: Seldom::default(),
            told_of_too_many: Seldom::default(),
        };
        let all = registry.sub_registry_with_prefix("desk");
        all.register("open_calls", "Calls that go on", metrics.open_calls.clone());
        all.register("kept_calls", "Ended calls kept whole", metrics.kept_calls.clone());
        all.register(
            "remembered_calls",
            "Ended calls of which only the last seq is kept",
            metrics.remembered_calls.clone(),
        );
        all.register("events", "Events applied", metrics.events.clone());
        all.register("duplicates", "Messages acked again", metrics.duplicates.clone());
        all.register(
            "partials_passed_over",
            "Partials over the limit of open utterances",
            metrics.partials_passed_over.clone(),
        );
        for (name, help, counter) in [
            ("unscored_chunks", "Chunks over the limit of turns", &metrics.unscored),
            ("matches_passed_over", "Repeats over the limit", &metrics.matches_passed_over),
            ("unquotable_chunks", "Chunks over the text for quotes", &metrics.unquotable),
            ("segments_forgotten", "Finished utterances forgotten", &metrics.segments_forgotten),
            (
                "rule_mentions_passed_over",
                "Words over the memory of rules",
                &metrics.rule_mentions_passed_over,
            ),
            ("alerts_held", "Warnings over the budget of their team", &metrics.alerts_held),
            ("alerts_released", "Held alerts the budget had room for", &metrics.alerts_released),
            ("tiers_absent", "Tiers with nobody connected", &metrics.tiers_absent),
            ("early_archives", "Parts archived before the end", &metrics.early_archives),
        ] {
            all.register(name, help, counter.clone());
        }
        all.register("gaps", "Messages that left a gap", metrics.gaps.clone());
        all.register("refused", "Messages refused for good", metrics.refused.clone());
        all.register("taken_over", "Calls taken over", metrics.taken_over.clone());
        all.register("abandoned", "Calls abandoned", metrics.abandoned.clone());
        all.register("reopened", "Abandoned calls opened again", metrics.reopened.clone());
        all.register("too_many_calls", "Calls refused over the limit", metrics.too_many.clone());
        all.register("alert_changes", "Changes of alerts", metrics.alert_changes.clone());
        all.register("calls_erased", "Calls erased for good", metrics.erased.clone());
        all.register("engine_panics", "Events the engine failed on", metrics.panics.clone());
        all.register(
            "clock_ahead_ms",
            "Ahead of a system clock that was set back",
            metrics.clock_ahead_ms.clone(),
        );
        all.register("apply_seconds", "Time of one event", metrics.apply_seconds.clone());
        metrics
    }

    pub(super) fn call_taken_over(&self, call_id: &str) {
        self.taken_over.inc();
        if self.told_of_taken.may() {
            tracing::info!(call_id, "call taken over by another connection");
        }
    }

    pub(super) fn call_lost(&self, call_id: &str) {
        self.taken_over.inc();
        tracing::info!(call_id, "call taken over by another node");
    }

    pub(super) fn call_abandoned(&self, call_id: &str) {
        self.abandoned.inc();
        tracing::info!(call_id, "call abandoned");
    }

    pub(super) fn call_reopened(&self, call_id: &str) {
        self.reopened.inc();
        tracing::info!(call_id, "abandoned call opened again");
    }

    pub(super) fn message_refused(&self, call_id: &str, seq: u64, code: &str) {
        self.refused.inc();
        if self.told_of_refused.may() {
            tracing::info!(call_id, seq, code, "message refused");
        }
    }

    pub(super) fn too_many_calls(&self, limit: usize) {
        self.too_many.inc();
        if self.told_of_too_many.may() {
            tracing::warn!(limit, "call refused: too many are open");
        }
    }

    /// Logs when the system's clock was set back, and when it has caught up.
    pub(super) fn clock_is_ahead(&self, ms: i64) {
        let before = self.clock_ahead_ms.set(ms);
        if before < CLOCK_STEP_MS && ms >= CLOCK_STEP_MS {
            tracing::warn!(ms, "the system's clock was set back; time goes on at half speed");
        } else if before >= CLOCK_STEP_MS && ms < CLOCK_STEP_MS {
            tracing::info!("the system's clock has caught up");
        }
    }

    /// What the limits of a call cut off.
    pub(super) fn over_limits(&self, over: OverLimits) {
        self.partials_passed_over.inc_by(over.partials);
        self.unscored.inc_by(over.unscored);
        self.matches_passed_over.inc_by(over.matches);
        self.unquotable.inc_by(over.unquotable);
        self.segments_forgotten.inc_by(over.segments);
        self.rule_mentions_passed_over.inc_by(over.mentions);
    }

    pub(super) fn calls_erased(&self, calls: usize) {
        self.erased.inc_by(calls as u64);
        tracing::info!(calls, "calls erased");
    }

    pub(super) fn engine_panicked(&self, call_id: &str, at: Timestamp) {
        self.panics.inc();
        tracing::error!(call_id, %at, "engine failed on an event; the event is refused");
    }
}
