//! The journal: what was acked is in here, and all state is a fold over it.
//!
//! [`Journal`] is the storage; [`Writer`] is the one thread that writes to it in groups, numbers
//! what goes to consoles, and tells who waits. Nothing above knows which storage it is, and
//! nothing in here knows what an event means, but that `Start` begins a call.

mod archive;
mod audit;
mod claim;
mod erase;
mod gather;
pub mod jetstream;
mod library;
mod memory;
mod metrics;
mod outbox;
mod settings;
mod slot;
pub mod sqlite;
mod writer;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::engine::effects::{CallChange, CallView};
use crate::engine::event::{Event, Recorded};
use crate::engine::rules::Ruleset;

pub use archive::Archive;
pub use audit::Trail;
pub use claim::{Claim, Message};
pub use erase::{Erase, Erased};
pub use library::{Began, Found, Library, Most, ReadError, Stretch, Which};
pub use memory::Memory;
pub use metrics::{Health, Metrics};
pub use outbox::{Change, Keys, Outbox, Outgoing, Standing};
pub use settings::Settings;
pub use slot::CommitSlot;
pub use writer::{Committed, Entry, Permit, Writer, WriterHandle};

/// One event of one call, as the journal keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The call.
    pub call_id: Arc<str>,
    /// The event and when it was taken.
    pub recorded: Recorded,
    /// Offset before the messages this event published: they are `base_offset + 1` and on, so
    /// a fold over the records finds every message's own offset again.
    pub base_offset: u64,
    /// What the tables are to show of the call after this event; absent while it goes on.
    #[serde(skip)]
    pub archive: Option<Box<Archive>>,
    /// Of a start: the rules that it names, kept as long as a call needs them.
    #[serde(skip)]
    pub ruleset: Option<Ruleset>,
    /// Alerts it changed, for destinations outside.
    #[serde(skip)]
    pub changes: Vec<Change>,
    /// The call, when consoles must hear of it.
    #[serde(skip)]
    pub call: Option<(CallChange, Arc<CallView>)>,
    /// Where the call stood when this node began to write to it; on its first record only, and
    /// only where several nodes write.
    #[serde(skip)]
    pub claim: Option<Box<Claim>>,
}

impl Record {
    /// A record of an event, of which nothing follows.
    pub fn new(call_id: Arc<str>, recorded: Recorded) -> Record {
        Record {
            call_id,
            recorded,
            base_offset: 0,
            archive: None,
            ruleset: None,
            changes: Vec::new(),
            call: None,
            claim: None,
        }
    }

    /// Whether it begins a call. Its `base_offset` then tells this call from any other, also
    /// from an earlier one of the same id.
    pub fn is_start(&self) -> bool {
        matches!(self.recorded.event, Event::Start(_))
    }

    /// The numbered messages it makes, in their order.
    pub fn messages(&self) -> impl Iterator<Item = Message> + '_ {
        let call = self.call.clone().map(|(change, view)| Message::Call(change, view));
        let begins = matches!(self.call, Some((CallChange::Started, _)));
        let (first, last) = if begins { (call, None) } else { (None, call) };
        let alerts = self.changes.iter().map(|change| Message::Alert(Arc::clone(&change.alert)));
        first.into_iter().chain(alerts).chain(last)
    }
}

/// A commit that did not happen. Nothing of the batch is durable; it may be tried again.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct CommitError {
    /// What failed and where.
    pub message: String,
}

/// What the journal has at the start.
#[derive(Debug, Default)]
pub struct History {
    /// The events of calls that may still go on, and of those whose messages a console may ask
    /// for again, in the order of their commit. Every call is there from its start.
    pub records: Vec<Record>,
    /// Other calls ended by `call_end`, with their last `seq`, the oldest first.
    pub ended: Vec<(Arc<str>, u64)>,
    /// The rules that starts among the records name.
    pub rulesets: Vec<Ruleset>,
    /// Whether a fold over the records gives the messages that were sent; not so when another
    /// engine wrote them.
    pub same_engine: bool,
}

/// Storage of records.
pub trait Journal: Send {
    /// Names this history. It changes only when the history cannot go on.
    fn epoch(&self) -> &str;

    /// The highest offset given to a message so far.
    fn last_offset(&self) -> u64;

    /// Makes the batch durable, all of it or nothing. `last_offset` is the highest offset of
    /// its messages.
    ///
    /// # Errors
    /// [`CommitError`]; the writer keeps the batch and tries again.
    fn commit(&mut self, batch: &[Record], last_offset: u64) -> Result<(), CommitError>;

    /// A short piece of housekeeping, if any is due. Called between commits and now and then.
    ///
    /// # Errors
    /// [`CommitError`]; it is tried again later.
    fn tidy(&mut self) -> Result<(), CommitError> {
        Ok(())
    }

    /// Begins another history: what was sent cannot be told again.
    ///
    /// # Errors
    /// [`CommitError`] when that cannot be written.
    fn renew_epoch(&mut self) -> Result<(), CommitError> {
        Ok(())
    }

    /// Bytes in use on disk.
    fn used_bytes(&self) -> u64 {
        0
    }

    /// The way to read calls that are over while the journal is written. `None` when it keeps
    /// none.
    fn library(&self) -> Option<Arc<dyn Library>> {
        None
    }

    /// Where who did what is kept. In memory, unless the journal has a better place.
    fn audit(&self) -> Arc<dyn Trail> {
        Arc::new(audit::Recent::default())
    }

    /// Opens the outbox for these destinations: from now on it takes in every alert that changes,
    /// in the same commit. One that is new begins with what comes after this; one that is not
    /// named any more is forgotten. Without any the outbox is emptied, and takes in nothing.
    /// `None` when the journal has no outbox.
    ///
    /// # Errors
    /// [`CommitError`] when the storage cannot be used; the server does not start then.
    fn open_outbox(
        &mut self,
        _destinations: &[Arc<str>],
    ) -> Result<Option<Arc<dyn Outbox>>, CommitError> {
        Ok(None)
    }

    /// Erases calls from everything that it keeps, so that their words are nowhere any more.
    /// Everything handed in before is committed.
    ///
    /// # Errors
    /// [`CommitError`]; nothing is erased then, or it says what is left to do.
    fn erase(&mut self, _erase: &Erase) -> Result<Erased, CommitError> {
        Ok(Erased::default())
    }

    /// Called once, after the last commit: writes what is otherwise written with time.
    ///
    /// # Errors
    /// [`CommitError`]; nothing that was acked is lost then.
    fn close(&mut self) -> Result<(), CommitError> {
        Ok(())
    }

    /// What it holds, with at most `ended_calls` of the calls that are over.
    ///
    /// # Errors
    /// [`CommitError`] when the storage cannot be read; the server does not start then.
    fn read_back(&mut self, ended_calls: usize) -> Result<History, CommitError>;
}

/// A name that no earlier journal has had.
pub fn fresh_epoch() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("e{:x}-{:08x}", since.as_millis(), fastrand::u32(..))
}
