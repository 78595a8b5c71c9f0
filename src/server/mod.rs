//! The server: listener, ingest and console sockets, REST, the console page, drain.
//!
//! Turns bytes into calls of the desk and back; decides nothing about calls or alerts itself.

mod audit;
mod console;
mod contracts;
mod docs;
mod erase;
mod fair;
mod guard;
mod guests;
mod handshake;
mod host;
mod ingest;
mod line;
mod listener;
mod lists;
mod metrics;
mod pace;
mod page;
mod reload;
mod rest;
mod routes;
mod running;
mod settings;
mod signature;
mod socket;
#[cfg(test)]
mod tests;
mod tls;
mod vendor;
mod waiting;
mod webhooks;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::registry::Registry;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::access::Gate;
use crate::cluster::Cluster;
use crate::desk::Desk;
use crate::egress;

pub use running::{Rooms, Running, StartError, start};
pub use settings::Settings;
pub use tls::Settings as TlsSettings;

/// What every connection shares.
#[derive(Debug)]
struct App {
    desk: Arc<Desk>,
    settings: Settings,
    wire: crate::wire::Settings,
    limits: crate::wire::answers::Limits,
    metrics: metrics::Metrics,
    /// Who may come in.
    gate: Gate,
    /// Who did what.
    audit: audit::Audit,
    /// TLS, where it is spoken.
    tls: Option<tls::Tls>,
    registry: Registry,
    rules: reload::RulesStatus,
    /// Ways out, while there are destinations.
    egress: Option<egress::Running>,
    /// The other nodes, where there are some.
    cluster: Option<Arc<Cluster>>,
    /// Cancelled when the server is to go down.
    drain: CancellationToken,
    /// Cancelled when the drain is over and HTTP need not be answered any more.
    stopped: CancellationToken,
    /// Websockets in progress.
    sockets: TaskTracker,
    /// The listener and plain HTTP connections in progress.
    http: TaskTracker,
    /// Connections in progress, websockets included.
    connections: Arc<Semaphore>,
    /// Those that are refused and have still to hear it.
    refusals: Arc<Semaphore>,
    /// Who takes how much.
    guests: guests::Guests,
    /// Those who bring much beside those who bring little.
    fair: Arc<fair::Fair>,
    /// Connections without a request.
    idle: Arc<waiting::WaitingRoom>,
    /// Bodies of requests that are still arriving.
    bodies: Arc<waiting::WaitingRoom>,
    /// Whole calls being scored for REST.
    scoring: Arc<Semaphore>,
    /// Lists being read for REST.
    readings: lists::Readings,
    next_console: AtomicU64,
    /// Tells vendors' connections that calls were erased.
    erasures: watch::Sender<()>,
    /// What is known of calls that come by webhook.
    webhooks: webhooks::Shelf,
}
