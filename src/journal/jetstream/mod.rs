//! The journal of many nodes: JetStream streams, and no more of NATS than every server has.
//!
//! A call's events lie on its own subject; each letter names the one that must be before it, so
//! of two nodes that believe they have a call one is refused and knows that it has lost it. What
//! consoles are told lies in one stream of all calls, whose sequence is the offset. Only this
//! room knows the NATS client.

mod bus;
mod erase;
mod letters;
mod names;
mod post;
mod publish;
mod read;
mod seats;
mod settings;
mod take;
mod work;

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::runtime::Handle;

use super::{CommitError, Erase, Erased, History, Journal, Library, Record, Trail};
use publish::Press;
use work::Work;

pub use bus::Bus;
pub use letters::{DeskLetter, EventsLetter, HistoryLetter, News};
pub use names::{Names, stable_hash};
pub use post::{Inbox, Posted};
pub use read::{Delivered, Letters};
pub use seats::Seats;
pub use settings::{Settings, hidden};
pub use take::{Taker, Taking};

/// What went wrong with NATS.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BusError(pub String);

impl From<BusError> for CommitError {
    fn from(error: BusError) -> CommitError {
        CommitError { message: error.0 }
    }
}

/// Who is told of calls that another node has taken.
type OnLost = Box<dyn Fn(&[Arc<str>]) + Send + Sync>;

/// What a journal of many nodes shares with those above it.
#[derive(Clone, Default)]
pub struct Shared {
    /// Where calls of this node stand.
    pub seats: Arc<Mutex<Seats>>,
    /// Calls that the newest batch could not be written of.
    lost: Arc<Mutex<HashSet<Arc<str>>>>,
    on_lost: Arc<OnceLock<OnLost>>,
}

impl Shared {
    /// Has `tell` hear of lost calls, before anybody is told of their commit.
    pub fn on_lost(&self, tell: impl Fn(&[Arc<str>]) + Send + Sync + 'static) {
        // Once in the life of a node.
        let _ = self.on_lost.set(Box::new(tell));
    }

    /// This node does not have the call any more.
    pub fn leave(&self, call_id: &str) {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner).leave(call_id);
    }

    /// Whether what the newest batch has of a call was not written, because the call is another
    /// node's. For the thread that commits.
    pub fn is_lost(&self, call_id: &str) -> bool {
        self.lock_lost().contains(call_id)
    }

    fn lock_lost(&self) -> MutexGuard<'_, HashSet<Arc<str>>> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Place of the newest news of a call of this node.
    pub fn desk_of(&self, call_id: &str) -> u64 {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner).desk(call_id)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// Where this node keeps what can be asked for by REST.
#[derive(Debug)]
pub struct Tables {
    /// Calls that are over.
    pub library: Arc<dyn Library>,
    /// Who did what.
    pub trail: Arc<dyn Trail>,
    /// Erases calls, and says which there were.
    pub erase: Arc<dyn Erasing>,
}

/// Tables from which calls can be erased by any thread.
pub trait Erasing: Send + Sync + fmt::Debug {
    /// Erases them.
    ///
    /// # Errors
    /// [`CommitError`] when not all could be erased.
    fn erase(&self, erase: &Erase) -> Result<Erased, CommitError>;
}

/// The journal of one node among many.
#[derive(Debug)]
pub struct Jetstream {
    press: Arc<Press>,
    runtime: Handle,
    epoch: String,
    shared: Shared,
    tables: Option<Tables>,
    /// Letters of the batch that is being committed, those that are not sent yet.
    works: Option<Vec<Work>>,
}

impl Jetstream {
    /// A journal over a connection. Commits come from a thread that is none of `runtime`'s.
    ///
    /// # Errors
    /// [`BusError`] when NATS does not answer.
    pub async fn open(
        bus: Bus,
        node: Arc<str>,
        runtime: Handle,
        tables: Option<Tables>,
    ) -> Result<Jetstream, BusError> {
        let (epoch, shared) = (bus.epoch().await?, Shared::default());
        let press = Arc::new(Press::new(bus, node, Arc::clone(&shared.seats)));
        Ok(Jetstream { press, runtime, epoch, shared, tables, works: None })
    }

    /// What those above it share with it.
    pub fn shared(&self) -> Shared {
        self.shared.clone()
    }

    /// Takes calls over for this node.
    pub fn taker(&self) -> Taker {
        Taker(Arc::clone(&self.press))
    }

    fn print(&mut self, mut works: Vec<Work>) -> Result<(), CommitError> {
        let mut lost = Vec::new();
        let printed = self.runtime.block_on(self.press.print(&mut works, &mut lost));
        if !lost.is_empty() {
            let mut seats = self.press.seats.lock().unwrap_or_else(PoisonError::into_inner);
            lost.iter().for_each(|call_id| seats.leave(call_id));
            drop(seats);
            self.shared.lock_lost().extend(lost.iter().cloned());
            if let Some(tell) = self.shared.on_lost.get() {
                tell(&lost);
            }
        }
        if printed.is_err() {
            self.works = Some(works);
        }
        Ok(printed?)
    }
}

impl Journal for Jetstream {
    fn epoch(&self) -> &str {
        &self.epoch
    }

    /// Offsets are those of the stream, which every node reads by itself.
    fn last_offset(&self) -> u64 {
        0
    }

    /// A batch that failed is not built anew: part of it may be there.
    fn commit(&mut self, batch: &[Record], _last_offset: u64) -> Result<(), CommitError> {
        let works = match self.works.take() {
            Some(works) => works,
            None => {
                self.shared.lock_lost().clear();
                work::of_batch(&self.press.node, batch, || self.press.next_id())?
            }
        };
        self.print(works)
    }

    fn library(&self) -> Option<Arc<dyn Library>> {
        Some(Arc::clone(&self.tables.as_ref()?.library))
    }

    fn audit(&self) -> Arc<dyn Trail> {
        match &self.tables {
            Some(tables) => Arc::clone(&tables.trail),
            None => Arc::new(super::audit::Recent::default()),
        }
    }

    fn erase(&mut self, erase: &Erase) -> Result<Erased, CommitError> {
        let mut erased = match &self.tables {
            Some(tables) => tables.erase.erase(erase)?,
            None => Erased::default(),
        };
        let mut all = erase.call_ids.clone();
        all.extend(erased.call_ids.iter().cloned());
        for call_id in &all {
            if self.runtime.block_on(self.press.erase(call_id))? {
                erased.add(call_id);
            }
        }
        Ok(erased)
    }

    /// A node begins with nothing: calls come to it by their platforms, or when another node dies.
    fn read_back(&mut self, _ended_calls: usize) -> Result<History, CommitError> {
        Ok(History { same_engine: true, ..History::default() })
    }
}
