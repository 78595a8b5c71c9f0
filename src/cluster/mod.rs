//! Many nodes: each has some of the calls, all tell their consoles of all of them.
//!
//! Every node reads the stream of calls and alerts and so has the same picture of them. A call's
//! own events are read by the node that takes it over, and by nobody else. What decides is always
//! a publication that one node wins; what nodes tell each other beside that (signs of life,
//! questions) may be late or lost without harm.

mod errands;
mod feed;
mod follow;
mod history;
mod index;
mod members;
mod metrics;
mod orphans;
mod risks;
mod takeover;
mod tidy;

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use prometheus_client::registry::Registry;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::desk::Desk;
use crate::hub::{Hub, Publication};
use crate::journal::jetstream::{Bus, BusError, Jetstream, Shared, Tables, Taker};
use crate::journal::sqlite::Sqlite;
use crate::journal::{Committed, Journal};

pub use crate::journal::jetstream::Settings;
pub use errands::{Errand, Failed};

use history::Keeper;
use index::Index;
use members::Members;
use metrics::Metrics;

/// What moved and is not shown yet; the journal's thread waits when it is more.
const MOVED: usize = 4_096;
/// Calls are brought here one at a time within each of so many groups.
const TURNS: usize = 64;

/// Why a node cannot join.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// NATS, or what is in it.
    #[error("{0}")]
    Bus(#[from] BusError),
    /// The node's own tables.
    #[error("{0}")]
    Tables(String),
}

/// A node on its way into the cluster: connected, and with a journal, but without a desk.
#[derive(Debug)]
pub struct Joining {
    settings: Settings,
    node: Arc<str>,
    bus: Bus,
    shared: Shared,
    taker: Taker,
    keeper: Option<Arc<Keeper>>,
}

/// Connects a node. `tables` are where it keeps calls that are over.
///
/// # Errors
/// [`JoinError`] with what is missing and how to mend it.
pub async fn join(
    settings: &Settings,
    tables: Option<Sqlite>,
) -> Result<(Joining, Box<dyn Journal>), JoinError> {
    // Of this process alone: after a restart it is another node.
    let node: Arc<str> = format!("{:08x}{:08x}", std::process::id(), fastrand::u32(..)).into();
    let bus = Bus::connect(settings, &node).await?;
    let keeper = match tables {
        None => None,
        Some(tables) => Some(Keeper::open(tables, &bus.epoch().await?).map_err(JoinError::Tables)?),
    };
    let own = keeper.as_ref().map(|keeper| Tables {
        library: keeper.library(),
        trail: keeper.trail(),
        erase: Arc::clone(keeper) as _,
    });
    let journal = Jetstream::open(bus.clone(), Arc::clone(&node), Handle::current(), own).await?;
    let (shared, taker) = (journal.shared(), journal.taker());
    let settings = settings.clone();
    Ok((Joining { settings, node, bus, shared, taker, keeper }, Box::new(journal)))
}

/// A node of the cluster.
pub struct Cluster {
    settings: Settings,
    node: Arc<str>,
    bus: Bus,
    shared: Shared,
    taker: Taker,
    keeper: Option<Arc<Keeper>>,
    hub: Arc<Hub>,
    /// Weak: the desk holds this.
    desk: OnceLock<Weak<Desk>>,
    index: Mutex<Index>,
    members: Mutex<Members>,
    moved: mpsc::Sender<feed::Waiting>,
    risks: Mutex<risks::Board>,
    followed: Mutex<HashSet<Arc<str>>>,
    turns: Vec<tokio::sync::Mutex<()>>,
    /// It goes down and gives no more signs of life.
    is_leaving: AtomicBool,
    metrics: Metrics,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("node", &self.node).finish_non_exhaustive()
    }
}

/// What the node shows of its own calls on its way to the hub.
#[derive(Debug)]
pub struct Movements(mpsc::Receiver<feed::Waiting>);

impl Joining {
    /// Gives the node its hub.
    pub fn meet(self, hub: Arc<Hub>, registry: &mut Registry) -> (Arc<Cluster>, Movements) {
        let Joining { settings, node, bus, shared, taker, keeper } = self;
        let (moved, movements) = mpsc::channel(MOVED);
        let members = Members::new(Arc::clone(&node), settings.node_timeout());
        let cluster = Cluster {
            settings,
            node,
            bus,
            shared,
            taker,
            keeper,
            hub,
            desk: OnceLock::new(),
            index: Mutex::default(),
            members: Mutex::new(members),
            moved,
            risks: Mutex::default(),
            followed: Mutex::default(),
            turns: (0..TURNS).map(|_| tokio::sync::Mutex::default()).collect(),
            is_leaving: AtomicBool::new(false),
            metrics: Metrics::register(registry.sub_registry_with_prefix("cluster")),
        };
        (Arc::new(cluster), Movements(movements))
    }
}

impl Cluster {
    /// What the journal's writer hands durable things to.
    pub fn sink(self: &Arc<Self>) -> impl FnMut(&mut Vec<Committed<Publication>>) + Send + 'static {
        let cluster = Arc::clone(self);
        move |batch: &mut Vec<Committed<Publication>>| {
            for done in batch.drain(..) {
                cluster.show(done.payload);
            }
        }
    }

    /// Gives the node its desk, brings its picture up to date, and lets it take part. Its tasks end
    /// with `stop`.
    ///
    /// # Errors
    /// [`BusError`] when NATS does not answer.
    pub async fn start(
        self: &Arc<Self>,
        desk: &Arc<Desk>,
        movements: Movements,
        stop: &CancellationToken,
        tasks: &TaskTracker,
    ) -> Result<(), BusError> {
        // Once in the life of a node.
        let _ = self.desk.set(Arc::downgrade(desk));
        let weak = Arc::downgrade(desk);
        let metrics = self.metrics.clone();
        self.shared.on_lost(move |lost| {
            if let Some(desk) = weak.upgrade() {
                metrics.calls_lost.inc_by(desk.lose(lost));
            }
        });
        desk.connect(Arc::clone(self) as _);
        let feed = self.catch_up().await?;
        let beats = self.bus.listen(self.bus.names().beats()).await?;
        let errands = self.bus.listen(self.bus.names().node(&self.node)).await?;
        let anybody = self.bus.listen(self.bus.names().anybody()).await?;
        let risks = self.bus.listen(self.bus.names().risks()).await?;
        let run = |task: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>| {
            tasks.spawn(stop.clone().run_until_cancelled_owned(task));
        };
        run(Box::pin(Arc::clone(self).feed(feed, movements)));
        run(Box::pin(Arc::clone(self).listen_for_beats(beats)));
        run(Box::pin(Arc::clone(self).beat()));
        run(Box::pin(Arc::clone(self).run_errands(errands)));
        run(Box::pin(Arc::clone(self).answer_whether_anybody(anybody)));
        run(Box::pin(Arc::clone(self).hear_risks(risks)));
        run(Box::pin(Arc::clone(self).tell_risks()));
        run(Box::pin(Arc::clone(self).adopt_orphans()));
        run(Box::pin(Arc::clone(self).purge_events()));
        if let Some(keeper) = &self.keeper {
            run(Box::pin(Arc::clone(keeper).follow(self.bus.clone(), self.metrics.clone())));
        }
        tracing::info!(node = %self.node, nats = %self.describe(), "joined the cluster");
        Ok(())
    }

    /// Tells the others that this node is going, so that they need not wait for it.
    pub async fn leave(&self) {
        self.say_bye().await;
    }

    /// Whether the node hears itself by way of NATS and the streams answer, so that it is not cut off.
    pub fn is_connected(&self) -> bool {
        let is_torn = self.metrics.torn.load(Ordering::Relaxed);
        !is_torn && self.bus.is_connected() && self.lock_members().is_in_touch()
    }

    fn describe(&self) -> String {
        self.settings.url.as_deref().map(crate::journal::jetstream::hidden).unwrap_or_default()
    }

    fn desk(&self) -> Option<Arc<Desk>> {
        self.desk.get()?.upgrade()
    }

    fn lock_index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
