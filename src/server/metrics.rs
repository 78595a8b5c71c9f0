//! What is measured and logged about connections.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use super::guard::REFUSED;
use crate::access::Change;
use crate::desk::Seldom;

/// Which websocket endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Endpoint {
    pub endpoint: &'static str,
}

/// Why a socket was closed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Closing {
    pub endpoint: &'static str,
    pub code: u16,
}

/// Why a message was refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Refusal {
    pub code: &'static str,
}

/// What became of rules that changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Reload {
    pub result: &'static str,
}

/// Which vendor format.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Vendor {
    pub format: &'static str,
}

/// What a request was answered with.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Webhook {
    pub status: u16,
}

/// What slowed a websocket down.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Slowed {
    pub by: &'static str,
}

/// Which limit of an address or a token.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Limit {
    pub limit: &'static str,
}

/// Counters of the server; each method is one event, logged and counted in one place.
#[derive(Clone, Debug)]
pub(super) struct Metrics {
    pub connections: Gauge,
    pub sockets: Family<Endpoint, Gauge>,
    pub closed: Family<Closing, Counter>,
    pub messages: Counter,
    pub message_bytes: Counter,
    pub nacks: Counter,
    pub errors: Family<Refusal, Counter>,
    pub unacked: Gauge,
    pub unacked_bytes: Gauge,
    pub pauses: Counter,
    pub pages_refused: Counter,
    pub bodies_refused: Counter,
    pub readings_refused: Counter,
    pub commands: Counter,
    pub rules_reloads: Family<Reload, Counter>,
    pub refused_connections: Counter,
    pub over_limit: Family<Limit, Counter>,
    pub guests: Gauge,
    pub idle_connections: Gauge,
    pub idle_closed: Counter,
    pub bodies: Gauge,
    pub bodies_given_up: Counter,
    pub stalled: Counter,
    pub slowed: Family<Slowed, Counter>,
    warned: Seldom,
    pub refused: Family<Webhook, Counter>,
    pub access_changes: Family<Reload, Counter>,
    pub handshakes_failed: Counter,
    pub audit_not_listed: Counter,
    pub tls_reloads: Family<Reload, Counter>,
    pub ack_seconds: Histogram,
    pub webhooks: Family<Webhook, Counter>,
    pub webhook_calls: Gauge,
    pub webhook_evictions: Counter,
    pub vendor_skipped: Family<Vendor, Counter>,
    pub vendor_unknown_speakers: Family<Vendor, Counter>,
}

impl Metrics {
    pub fn register(registry: &mut Registry) -> Metrics {
        let metrics = Metrics {
            connections: Gauge::default(),
            sockets: Family::default(),
            closed: Family::default(),
            messages: Counter::default(),
            message_bytes: Counter::default(),
            nacks: Counter::default(),
            errors: Family::default(),
            unacked: Gauge::default(),
            unacked_bytes: Gauge::default(),
            pauses: Counter::default(),
            pages_refused: Counter::default(),
            bodies_refused: Counter::default(),
            readings_refused: Counter::default(),
            commands: Counter::default(),
            rules_reloads: Family::default(),
            refused_connections: Counter::default(),
            over_limit: Family::default(),
            guests: Gauge::default(),
            idle_connections: Gauge::default(),
            idle_closed: Counter::default(),
            bodies: Gauge::default(),
            bodies_given_up: Counter::default(),
            stalled: Counter::default(),
            slowed: Family::default(),
            warned: Seldom::default(),
            refused: Family::default(),
            access_changes: Family::default(),
            handshakes_failed: Counter::default(),
            audit_not_listed: Counter::default(),
            tls_reloads: Family::default(),
            ack_seconds: Histogram::new(exponential_buckets(0.000_05, 2.0, 18)),
            webhooks: Family::default(),
            webhook_calls: Gauge::default(),
            webhook_evictions: Counter::default(),
            vendor_skipped: Family::default(),
            vendor_unknown_speakers: Family::default(),
        };
        let all = registry.sub_registry_with_prefix("server");
        all.register("connections", "Connections", metrics.connections.clone());
        all.register("sockets", "Websockets", metrics.sockets.clone());
        all.register("closed", "Websockets we closed", metrics.closed.clone());
        all.register("messages", "Messages of platforms", metrics.messages.clone());
        all.register("message_bytes", "Bytes of those", metrics.message_bytes.clone());
        all.register("nacks", "Gaps answered", metrics.nacks.clone());
        all.register("errors", "Messages answered with an error", metrics.errors.clone());
        all.register("unacked", "Messages not acked yet", metrics.unacked.clone());
        all.register("unacked_bytes", "Bytes of those", metrics.unacked_bytes.clone());
        all.register("pauses", "Platforms not read for a while", metrics.pauses.clone());
        all.register("pages_refused", "Lists over the page size", metrics.pages_refused.clone());
        all.register("bodies_refused", "Bodies over the limit", metrics.bodies_refused.clone());
        all.register(
            "readings_refused",
            "Lists not given for want of time",
            metrics.readings_refused.clone(),
        );
        all.register("commands", "Commands of consoles", metrics.commands.clone());
        all.register("rules_reloads", "Changes of the rules", metrics.rules_reloads.clone());
        all.register(
            "refused_connections",
            "Connections over the limit",
            metrics.refused_connections.clone(),
        );
        all.register(
            "over_limit",
            "What was refused over a limit of an address or a token",
            metrics.over_limit.clone(),
        );
        all.register("guests", "Addresses and tokens that are known", metrics.guests.clone());
        all.register(
            "idle_connections",
            "Connections without a request",
            metrics.idle_connections.clone(),
        );
        all.register(
            "idle_closed",
            "Connections without a request, closed for others",
            metrics.idle_closed.clone(),
        );
        all.register("bodies", "Bodies that are arriving", metrics.bodies.clone());
        all.register(
            "bodies_given_up",
            "Bodies given up for others",
            metrics.bodies_given_up.clone(),
        );
        all.register(
            "stalled",
            "Connections closed because the peer took nothing",
            metrics.stalled.clone(),
        );
        all.register("slowed", "Websockets read more slowly for a while", metrics.slowed.clone());
        all.register(
            "refused_requests",
            "Requests without a token that does",
            metrics.refused.clone(),
        );
        all.register(
            "access_changes",
            "Tokens and keys that came, went, or cannot be used",
            metrics.access_changes.clone(),
        );
        all.register(
            "handshakes_failed",
            "TLS handshakes that failed",
            metrics.handshakes_failed.clone(),
        );
        all.register("tls_reloads", "Changes of the certificates", metrics.tls_reloads.clone());
        all.register(
            "audit_not_listed",
            "Refusals and logins that are not listed one by one",
            metrics.audit_not_listed.clone(),
        );
        all.register("ack_seconds", "From read to ack", metrics.ack_seconds.clone());
        all.register("webhooks", "Requests to webhooks", metrics.webhooks.clone());
        all.register(
            "webhook_calls",
            "Calls that come by webhook and are known",
            metrics.webhook_calls.clone(),
        );
        all.register(
            "webhook_evictions",
            "Calls forgotten over the limit",
            metrics.webhook_evictions.clone(),
        );
        all.register(
            "vendor_skipped",
            "Messages of vendors that are not used, binary frames included",
            metrics.vendor_skipped.clone(),
        );
        all.register(
            "vendor_unknown_speakers",
            "Chunks of vendors whose speaker has no role",
            metrics.vendor_unknown_speakers.clone(),
        );
        metrics
    }

    pub fn rules_loaded(&self, path: &Path, rules: usize, ruleset: &str) {
        self.rules_reloads.get_or_create(&Reload { result: "loaded" }).inc();
        let file = path.display();
        tracing::info!(%file, rules, ruleset, "rules loaded; calls that begin now are judged by them");
    }

    pub fn rules_refused(&self, error: &str) {
        self.rules_reloads.get_or_create(&Reload { result: "refused" }).inc();
        tracing::error!(error, "rules refused; those before go on");
    }

    /// Not as a warning: anybody can do it as often as they like.
    pub fn refused(&self, status: u16, path: &str, peer: Option<IpAddr>) {
        self.refused.get_or_create(&Webhook { status }).inc();
        tracing::debug!(status, path, ?peer, "turned away");
    }

    pub fn access_changed(&self, change: &Change) {
        let result = match change {
            Change::Made { id, role } => {
                tracing::info!(id, role = role.name(), "a token is there");
                "made"
            }
            Change::Revoked { id } => {
                tracing::info!(id, "a token was revoked; its connections are closed");
                "revoked"
            }
            Change::Keys(keys) => {
                tracing::info!(keys, "the provider's keys are read");
                "keys"
            }
            Change::Refused(error) => {
                tracing::error!(error, "tokens or keys cannot be read; those before go on");
                "refused"
            }
        };
        self.access_changes.get_or_create(&Reload { result }).inc();
    }

    pub fn handshake_failed(&self, peer: SocketAddr, error: &std::io::Error) {
        self.handshakes_failed.inc();
        tracing::debug!(%peer, %error, "no TLS");
    }

    pub fn tls_looked(&self, looked: &Result<(), String>) {
        match looked {
            Ok(()) => {
                self.tls_reloads.get_or_create(&Reload { result: "loaded" }).inc();
                tracing::info!("certificates loaded; connections that begin now get them");
            }
            Err(error) => {
                self.tls_reloads.get_or_create(&Reload { result: "refused" }).inc();
                tracing::error!(error, "certificates refused; those before go on");
            }
        }
    }

    pub fn webhook(&self, status: u16) {
        self.webhooks.get_or_create(&Webhook { status }).inc();
    }

    pub fn vendor_skipped(&self, format: &'static str, messages: u64) {
        if messages > 0 {
            self.vendor_skipped.get_or_create(&Vendor { format }).inc_by(messages);
        }
    }

    /// The counter of what is skipped of a format.
    pub fn vendor_skips(&self, format: &'static str) -> Counter {
        self.vendor_skipped.get_or_create(&Vendor { format }).clone()
    }

    pub fn vendor_unknown_speakers(&self, format: &'static str, chunks: u64) {
        if chunks > 0 {
            self.vendor_unknown_speakers.get_or_create(&Vendor { format }).inc_by(chunks);
            tracing::debug!(format, chunks, "speakers without a role; name them with `roles`");
        }
    }

    pub fn socket_opened(&self, endpoint: &'static str, peer: SocketAddr) {
        self.sockets.get_or_create(&Endpoint { endpoint }).inc();
        // Strangers do not fill the log.
        if endpoint == REFUSED {
            tracing::debug!(endpoint, %peer, "websocket opened");
        } else {
            tracing::info!(endpoint, %peer, "websocket opened");
        }
    }

    /// `code` is what we closed it with; 0 when the peer closed it or went away.
    pub fn socket_closed(&self, endpoint: &'static str, peer: SocketAddr, code: u16) {
        self.sockets.get_or_create(&Endpoint { endpoint }).dec();
        self.closed.get_or_create(&Closing { endpoint, code }).inc();
        if endpoint == REFUSED {
            tracing::debug!(endpoint, %peer, code, "websocket closed");
        } else {
            tracing::info!(endpoint, %peer, code, "websocket closed");
        }
    }

    pub fn connection_refused(&self, peer: SocketAddr, limit: usize) {
        self.refused_connections.inc();
        if self.warned.may() {
            tracing::warn!(%peer, limit, "connection refused: too many are open");
        }
    }

    /// A guest was refused something over a limit of its own.
    pub fn over_limit(&self, limit: &'static str, peer: Option<IpAddr>) {
        self.over_limit.get_or_create(&Limit { limit }).inc();
        if self.warned.may() {
            tracing::warn!(?peer, limit, "refused: over a limit in [server]");
        }
    }

    /// The counter of what slowed websockets down.
    pub fn slowed_by(&self, by: &'static str) -> Counter {
        self.slowed.get_or_create(&Slowed { by }).clone()
    }

    pub fn reading_failed(&self, error: &str) {
        if self.warned.may() {
            tracing::error!(error, "the journal cannot be read for REST");
        }
    }

    pub fn accept_failed(&self, error: &std::io::Error) {
        tracing::error!(%error, "cannot accept connections; trying again");
    }
}
