//! The live desk: open calls in order, engine applied, journal written, hub told.
//!
//! One lock per call, never held across an await. Whoever changes a call first takes room in the
//! journal's queue, then locks the call, applies the event and hands the record in before it
//! unlocks, so the journal has the events of a call in the order in which they were applied.
//! The desk knows no socket: a connection is a [`Platform`] or a [`Person`] to it.

mod budget;
mod changes;
mod clock;
mod elsewhere;
mod erase;
mod live_call;
mod metrics;
#[cfg(test)]
mod model_tests;
mod people;
mod platform;
mod presence;
mod quota;
mod reach;
mod recover;
mod rulesets;
mod seldom;
mod shelf;
#[cfg(test)]
mod stage;
mod taken;
#[cfg(test)]
mod tests;
mod timers;

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use crate::call::Timestamp;
use crate::engine::Engine;
use crate::hub::{Hub, Publication};
use crate::journal::WriterHandle;

pub use clock::Clock;
pub use elsewhere::{Brought, Elsewhere, Eventually};
pub use erase::EraseError;
pub use metrics::Metrics;
pub use people::{Answer, Person};
pub use platform::Platform;
pub use quota::Quota;
pub use rulesets::unusable_ruleset;
pub use seldom::Seldom;
pub use taken::{Later, Now, Taken};

use budget::Budget;
use presence::Presence;
use rulesets::Engines;
use shelf::Shelf;
use timers::Timers;

/// How calls are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How long a call waits for its platform to come back before it ends as abandoned.
    pub resume_grace_s: u32,
    /// The same for a call that comes by webhook, counted from its last request: a vendor sends
    /// nothing while nobody speaks. A restart of the server counts it as any other call.
    pub webhook_grace_s: u32,
    /// Most calls open at a time; one more is refused with `too_many_calls`.
    pub max_open_calls: usize,
    /// Ended calls whose state is kept, so that an abandoned one can be opened again and a
    /// repeated command is recognised. The oldest go first.
    pub kept_calls: usize,
    /// Calls ended by `call_end` of which only the last `seq` is kept after that, so that a
    /// platform that starts one again is told so.
    pub remembered_calls: usize,
    /// Most attribute bytes (as JSON) of one call.
    pub max_call_attributes_bytes: usize,
    /// Most calls that one connection may hold; one more is refused with `too_many_calls`.
    pub max_calls_per_connection: usize,
    /// Most calls that one token may have open over all its connections, those that wait for
    /// theirs to come back included; where there are no tokens, one address. One more is refused
    /// with `too_many_calls`. After a restart a call counts once its platform is back. 0: as many
    /// as `max_open_calls`.
    pub max_calls_per_token: usize,
    /// Bytes of final chunks that an open call keeps in memory for its archive; over it they go
    /// to the tables before the call ends. The more, the longer a commit takes that has them.
    pub max_unarchived_bytes: usize,
    /// Versions of the rules that calls may be begun with at a time; one more is not loaded
    /// before some of those calls have ended.
    pub max_rulesets: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            resume_grace_s: 60,
            webhook_grace_s: 900,
            max_open_calls: 10_000,
            kept_calls: 2_000,
            remembered_calls: 100_000,
            max_call_attributes_bytes: 65_536,
            max_calls_per_connection: 10_000,
            max_calls_per_token: 0,
            max_unarchived_bytes: 32_768,
            max_rulesets: 16,
        }
    }
}

impl Settings {
    /// Most open calls of one token.
    pub fn calls_per_token(&self) -> usize {
        match self.max_calls_per_token {
            0 => self.max_open_calls,
            most => most,
        }
    }

    /// # Errors
    /// A sentence naming the first setting that cannot be used.
    pub fn check(&self) -> Result<(), String> {
        for (name, value) in [
            ("max_open_calls", self.max_open_calls),
            ("max_calls_per_connection", self.max_calls_per_connection),
        ] {
            if value == 0 {
                return Err(format!("`{name}` is 0; no call would be taken, set at least 1"));
            }
        }
        if self.max_rulesets < 2 {
            return Err("`max_rulesets` must be at least 2, or no rules could be loaded".into());
        }
        Ok(())
    }
}

/// All calls and what they need.
#[derive(Debug)]
pub struct Desk {
    engines: Engines,
    hub: Arc<Hub>,
    journal: WriterHandle<Publication>,
    settings: Settings,
    clock: Clock,
    metrics: Metrics,
    shelf: Shelf,
    timers: Timers,
    budget: Budget,
    presence: Presence,
    /// Other nodes, where there are some.
    elsewhere: OnceLock<Arc<dyn Elsewhere>>,
}

impl Desk {
    /// A desk without calls.
    pub fn new(
        engine: Arc<Engine>,
        hub: Arc<Hub>,
        journal: WriterHandle<Publication>,
        settings: Settings,
        clock: Clock,
        metrics: Metrics,
    ) -> Desk {
        let shelf = Shelf::new(&settings, metrics.clone());
        let timers = Timers::default();
        let budget = Budget::new(engine.matrix.warnings_per_hour(), metrics.clone());
        let presence = Presence::default();
        let engines = Engines::new(engine, settings.max_rulesets);
        Desk {
            engines,
            hub,
            journal,
            settings,
            clock,
            metrics,
            shelf,
            timers,
            budget,
            presence,
            elsewhere: OnceLock::new(),
        }
    }

    /// What calls that begin now share.
    pub fn engine(&self) -> Arc<Engine> {
        self.engines.present()
    }

    /// Gives calls that begin from now on another engine, which differs in its rules only.
    ///
    /// # Errors
    /// A sentence, when calls that go on hold too many others.
    pub fn use_engine(&self, engine: Arc<Engine>) -> Result<(), String> {
        self.engines.replace(engine)
    }

    /// How calls are kept.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The read model.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Calls that go on.
    pub fn open_calls(&self) -> usize {
        self.shelf.open_calls()
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The journal.
    pub fn journal(&self) -> &WriterHandle<Publication> {
        &self.journal
    }
}
