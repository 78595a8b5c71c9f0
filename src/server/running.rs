//! Starts a server in this process and takes it down again.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::fair::Fair;
use super::guests::Guests;
use super::lists::Readings;
use super::tls::{Settings as TlsSettings, Tls};
use super::waiting::WaitingRoom;
use super::webhooks::Shelf;
use super::{App, Settings, audit, guard, listener, metrics, reload};
use crate::access;
use crate::cluster::{Cluster, Joining};
use crate::desk::{self, Clock, Desk};
use crate::egress;
use crate::engine::Engine;
use crate::hub::{self, Hub, Publication};
use crate::journal::{self, CommitError, Committed, Journal, Writer};
use crate::wire::audit::Done;
use crate::wire::{self, answers::Limits};

/// Settings of all rooms of the server.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rooms {
    /// Connections.
    pub server: Settings,
    /// Certificates.
    pub tls: TlsSettings,
    /// Who may come in.
    pub auth: access::Settings,
    /// Where tokens lie.
    pub data_dir: Option<PathBuf>,
    /// Calls.
    pub desk: desk::Settings,
    /// Consoles.
    pub hub: hub::Settings,
    /// The journal.
    pub journal: journal::Settings,
    /// Messages.
    pub wire: wire::Settings,
    /// Phrases and rules, where they are read from a file.
    pub rules: Option<PathBuf>,
    /// Where alerts are sent.
    pub destinations: Vec<egress::Settings>,
    /// Tells one configuration from another, for the audit.
    pub fingerprint: String,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting cannot be used.
    #[error("{0}")]
    Settings(String),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The journal cannot be read.
    #[error("cannot read the journal: {0}")]
    Journal(#[from] CommitError),
    /// The other nodes cannot be reached.
    #[error("{0}")]
    Cluster(String),
    /// SIGHUP cannot be waited for.
    #[error("cannot wait for SIGHUP: {0}")]
    Signal(std::io::Error),
    /// The journal's thread cannot be started.
    #[error("cannot start the journal's thread: {0}")]
    Thread(std::io::Error),
}

/// A server in this process.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    pub(super) app: Arc<App>,
    writer: Writer,
}

impl Rooms {
    /// Whether the server would start with the tokens, keys and certificates that there are.
    ///
    /// # Errors
    /// The section of the configuration, and a sentence that says how to mend it.
    pub fn check_access(&self) -> Result<(), (&'static str, String)> {
        Tls::open(&self.tls).map_err(|why| ("tls", why))?;
        guard::open(&self.server, &self.auth, self.data_dir.as_deref()).map(drop)
    }
}

/// Where the journal's writer hands what is durable: to the consoles of this node, or, where there
/// are several, to what tells all.
fn sink(hub: &Arc<Hub>, cluster: Option<&Arc<Cluster>>) -> Sink {
    match cluster {
        Some(cluster) => Box::new(cluster.sink()),
        None => {
            let hub = Arc::clone(hub);
            Box::new(move |batch: &mut Vec<Committed<Publication>>| {
                hub.publish(batch.drain(..).map(|done| (done.base_offset, done.payload)));
            })
        }
    }
}

type Sink = Box<dyn FnMut(&mut Vec<Committed<Publication>>) + Send>;

/// Starts a server. It is ready, and its port is open, when this returns.
///
/// # Errors
/// [`StartError`]; nothing is left running then.
pub async fn start(
    rooms: Rooms,
    engine: Arc<Engine>,
    mut journal: Box<dyn Journal>,
    joining: Option<Joining>,
) -> Result<Running, StartError> {
    rooms.server.check().map_err(StartError::Settings)?;
    rooms.auth.check().map_err(StartError::Settings)?;
    let gate = guard::open(&rooms.server, &rooms.auth, rooms.data_dir.as_deref());
    let gate = gate.map_err(|(section, why)| StartError::Settings(format!("[{section}] {why}")))?;
    let tls = Tls::open(&rooms.tls).map_err(|why| StartError::Settings(format!("[tls] {why}")))?;
    let opened = egress::open(&rooms.destinations, &rooms.server.public_url)
        .map_err(|(_, message)| StartError::Settings(format!("[[destination]] {message}")))?;
    let listen = rooms.server.listen;
    if tls.is_none() && gate.is_guarded() && !listen.ip().is_loopback() {
        tracing::warn!(%listen, "tokens and calls go in the clear; set [tls], or put a proxy with TLS before it");
    }
    let bind = |source| StartError::Listen { address: listen, source };
    let listener = TcpListener::bind(listen).await.map_err(bind)?;
    let address = listener.local_addr().map_err(bind)?;
    // Before anybody hears that the server is ready, so that no signal ends it.
    let hangup = rooms.rules.is_some().then(|| signal(SignalKind::hangup())).transpose();
    let hangup = hangup.map_err(StartError::Signal)?;
    let mut history = journal.read_back(rooms.desk.remembered_calls)?;
    if let Some(why) = desk::unusable_ruleset(&history) {
        tracing::warn!(
            why,
            "calls began with rules that cannot be used any more: they are judged anew by the \
             present ones, and consoles get the full picture"
        );
        journal.renew_epoch()?;
        history.same_engine = false;
    }
    let names: Vec<Arc<str>> =
        opened.iter().map(|own| Arc::clone(&own.destination().name)).collect();
    let outbox = journal.open_outbox(&names)?.filter(|_| !names.is_empty());
    if outbox.is_none() && !names.is_empty() {
        let message = "[[destination]] this journal has no outbox for destinations; leave them out";
        return Err(StartError::Settings(message.into()));
    }
    let mut registry = Registry::with_prefix("forewarn");
    let hub_metrics = hub::Metrics::register(&mut registry);
    let hub = Hub::new(journal.epoch(), journal.last_offset(), rooms.hub, hub_metrics);
    let hub = Arc::new(hub);
    let met = joining.map(|joining| joining.meet(Arc::clone(&hub), &mut registry));
    let sink = sink(&hub, met.as_ref().map(|(cluster, _)| cluster));
    let readings = Readings::new(journal.library(), &rooms.journal);
    let trail = journal.audit();
    let audit_settings = rooms.journal.clone();
    let journal_metrics = journal::Metrics::register(&mut registry);
    let (writer, handle) =
        Writer::start(journal, rooms.journal, journal_metrics, sink).map_err(StartError::Thread)?;
    let limits = Limits {
        max_message_bytes: rooms.wire.max_message_bytes,
        max_open_calls: rooms.desk.max_open_calls,
        credits: rooms.server.credits,
        credit_bytes: rooms.server.credit_bytes,
    };
    let desk_metrics = desk::Metrics::register(&mut registry);
    let desk = Desk::new(engine, hub, handle, rooms.desk, Clock::system(), desk_metrics);
    let desk = Arc::new(desk);
    let (records, began) = (history.records.len(), Instant::now());
    desk.recover(history);
    if records > 0 {
        let seconds = began.elapsed().as_secs_f64();
        tracing::info!(records, seconds, open_calls = desk.open_calls(), "folded the journal");
    }
    let (stopped, http) = (CancellationToken::new(), TaskTracker::new());
    let cluster = match met {
        None => None,
        Some((cluster, movements)) => {
            let joined = cluster.start(&desk, movements, &stopped, &http).await;
            joined.map_err(|error| StartError::Cluster(error.to_string()))?;
            Some(cluster)
        }
    };
    let metrics = metrics::Metrics::register(&mut registry);
    let (audit, writing) =
        audit::Audit::new(trail, &audit_settings, metrics.audit_not_listed.clone());
    tokio::spawn(writing);
    let engine = desk.engine();
    let facts = [
        (Done::Model, engine.model_name().to_owned()),
        (Done::Rules, engine.ruleset.hash.to_string()),
        (Done::Config, rooms.fingerprint),
    ];
    audit.started(facts).await;
    if let Some(tokens) = gate.listed() {
        audit.tokens(tokens, audit_settings.audit_keep_days).await;
    }
    let webhooks = Shelf::new(
        rooms.server.webhook_calls,
        metrics.webhook_calls.clone(),
        metrics.webhook_evictions.clone(),
    );
    let calls_per_guest = desk.settings().calls_per_token();
    let guests = Guests::new(&rooms.server, calls_per_guest, metrics.guests.clone());
    let idle = WaitingRoom::new(
        rooms.server.max_idle_connections,
        metrics.idle_connections.clone(),
        metrics.idle_closed.clone(),
    );
    let bodies = WaitingRoom::new(
        rooms.server.max_bodies,
        metrics.bodies.clone(),
        metrics.bodies_given_up.clone(),
    );
    let egress_metrics = egress::Metrics::register(&mut registry);
    let egress = outbox.map(|outbox| egress::start(opened, &outbox, &egress_metrics));
    let app = Arc::new(App {
        desk: Arc::clone(&desk),
        metrics,
        webhooks,
        gate,
        audit,
        tls,
        registry,
        rules: reload::RulesStatus::default(),
        egress,
        limits,
        connections: Arc::new(Semaphore::new(rooms.server.max_connections)),
        refusals: Arc::new(Semaphore::new(listener::MAX_REFUSALS)),
        guests,
        fair: Fair::new(&rooms.server),
        idle,
        bodies,
        scoring: Arc::new(Semaphore::new(rooms.server.max_scoring)),
        readings,
        settings: rooms.server,
        wire: rooms.wire,
        cluster,
        drain: CancellationToken::new(),
        stopped,
        sockets: TaskTracker::new(),
        http,
        next_console: AtomicU64::new(1),
        erasures: tokio::sync::watch::Sender::new(()),
    });
    app.http.spawn(listener::run(Arc::clone(&app), listener));
    let timers = app.drain.clone().run_until_cancelled_owned(async move {
        desk.run_timers().await;
    });
    app.sockets.spawn(timers);
    let journal = app.desk.journal().clone();
    app.sockets.spawn(app.drain.clone().run_until_cancelled_owned(async move {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        loop {
            second.tick().await;
            journal.tick();
        }
    }));
    let watch = guard::watch(Arc::clone(&app));
    app.sockets.spawn(app.drain.clone().run_until_cancelled_owned(watch));
    if let Some((path, hangup)) = rooms.rules.zip(hangup) {
        let watch = reload::watch(Arc::clone(&app), path, hangup);
        app.sockets.spawn(app.drain.clone().run_until_cancelled_owned(watch));
    }
    Ok(Running { address, app, writer })
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What its address begins with.
    pub fn scheme(&self) -> &'static str {
        if self.app.tls.is_some() { "https" } else { "http" }
    }

    /// Takes the server down: not ready, no new websockets, everything on its way to the journal
    /// made durable and acked, every socket closed with 1012. Plain HTTP is answered until then,
    /// so that whoever asks `/readyz` hears 503. Says whether all of it was done within
    /// `drain_timeout_s`.
    pub async fn drain(self) -> bool {
        let Running { app, writer, .. } = self;
        let patience = Duration::from_secs(app.settings.drain_timeout_s);
        let deadline = tokio::time::Instant::now() + patience;
        tracing::info!("draining");
        app.drain.cancel();
        app.sockets.close();
        let closed = async {
            app.desk.journal().flush().await;
            app.sockets.wait().await;
            app.desk.journal().flush().await;
        };
        let closed = tokio::time::timeout_at(deadline, closed).await.is_ok();
        if let Some(egress) = &app.egress {
            // What is not sent by then waits in the journal, so it is no failure; but the journal
            // needs a moment of its own to close.
            let sent = tokio::time::timeout_at(deadline - patience / 4, egress.finish());
            let sent = sent.await.is_ok();
            tracing::info!(in_time = sent, "destinations closed");
        }
        if let Some(cluster) = &app.cluster {
            cluster.leave().await;
        }
        app.stopped.cancel();
        app.http.close();
        // Requests in progress have a moment of their own; the listener goes at once.
        let last = async { tokio::join!(app.http.wait(), app.audit.close()) };
        let _ = tokio::time::timeout(listener::REQUEST_PATIENCE * 2, last).await;
        // The desk holds the way in to the writer, which ends when that is dropped.
        drop(app);
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        let left = left.max(Duration::from_millis(100));
        let ended = tokio::task::spawn_blocking(move || writer.join(left)).await;
        let ended = ended.unwrap_or(false);
        tracing::info!(sockets_closed = closed, journal_closed = ended, "drained");
        closed && ended
    }
}
