//! Calls that come from other nodes and go to them. Where there is one node only, none of this
//! happens.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::Desk;
use super::live_call::LiveCall;
use super::platform::Platform;
use super::recover::Folded;
use super::rulesets::Kept;
use crate::engine::alert::Alert;
use crate::engine::effects::{CallChange, Progress, Said};
use crate::engine::event::Recorded;
use crate::engine::rules::Ruleset;
use crate::hub::Publication;
use crate::journal::{Archive, Claim, Message, Record};

/// Before a call is looked for again.
const PAUSE: Duration = Duration::from_millis(200);

/// A future of an object that has many kinds.
pub type Eventually<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The other nodes.
pub trait Elsewhere: Send + Sync + fmt::Debug {
    /// Brings a call here that is not here, wherever it is. It is on the desk then; or it is
    /// nowhere, and its first record must come with the claim.
    ///
    /// # Errors
    /// A sentence, when the call cannot be had now.
    fn bring<'a>(&'a self, call_id: &'a Arc<str>) -> Eventually<'a, Result<Option<Claim>, String>>;

    /// Whether anybody is there, on whatever node, for those whom an alert tells.
    fn anybody_for<'a>(&'a self, alert: &'a Alert) -> Eventually<'a, bool>;
}

/// A call that was elsewhere, folded and not yet on the desk.
#[derive(Debug)]
pub struct Brought(Folded);

impl Brought {
    /// The numbered messages that its events made, from the first.
    pub fn messages(&self) -> Vec<Message> {
        let published = self.0.published.iter();
        published.flat_map(|(_, publication)| numbered(publication)).collect()
    }

    /// What the tables are to show, of a call that is over.
    pub fn archive(&self) -> Option<Box<Archive>> {
        let LiveCall { state, engine, .. } = &self.0.call;
        let view = Arc::new(state.view(engine));
        (!self.0.call.is_open()).then(|| Box::new(Archive::of(state, view, self.said().to_vec())))
    }

    /// Final chunks, from the first.
    pub fn said(&self) -> &[Arc<Said>] {
        self.0.published.last().map_or(&[], |(_, last)| &last.said)
    }

    /// Its numbers.
    pub fn progress(&self) -> Progress {
        self.0.call.state.progress()
    }

    /// Goes on with more of its events, and gives what was said in them.
    pub fn go_on(&mut self, desk: &Desk, events: &[Recorded]) -> Vec<Arc<Said>> {
        let LiveCall { state, engine, .. } = &mut self.0.call;
        let mut said = Vec::new();
        for Recorded { at, event, held } in events {
            let mut effects = state.apply(engine, event, *at);
            state.hold(held, &mut effects);
            desk.metrics.over_limits(effects.over);
            said.extend(effects.said);
        }
        said
    }

    /// Nothing can happen to it any more.
    pub fn is_final(&self) -> bool {
        self.0.call.state.is_final()
    }

    /// Its last `seq`, when it was ended by `call_end`.
    pub fn over(&self) -> Option<u64> {
        let state = &self.0.call.state;
        state.ended_for_good().then(|| state.last_seq())
    }
}

/// The numbered messages of a publication, in their order.
fn numbered(publication: &Publication) -> impl Iterator<Item = Message> {
    let call = publication.call().map(|(change, view)| Message::Call(change, view));
    let (first, last) = match publication.change {
        Some(CallChange::Started) => (call, None),
        _ => (None, call),
    };
    let alerts = publication.alerts.iter().cloned().map(Message::Alert);
    first.into_iter().chain(alerts).chain(last)
}

impl Platform {
    /// Brings a call here that [`Taken::elsewhere`] names. Tries until it works, so whoever does
    /// not want to wait for ever drops it. What it gives is for [`Platform::has_brought`].
    ///
    /// [`Taken::elsewhere`]: super::Taken
    pub fn bring(&self, call_id: Arc<str>) -> Eventually<'static, (Arc<str>, Option<Claim>)> {
        let desk = Arc::clone(self.desk());
        Box::pin(async move {
            // Nobody asks where there is one node only.
            let Some(elsewhere) = desk.elsewhere.get() else { return (call_id, None) };
            loop {
                match elsewhere.bring(&call_id).await {
                    Ok(claim) => return (call_id, claim),
                    Err(why) => {
                        tracing::debug!(%call_id, why, "a call cannot be had now; tried again");
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        })
    }

    /// The message that named the call may be taken again.
    pub fn has_brought(&mut self, (call_id, claim): (Arc<str>, Option<Claim>)) {
        self.brought = claim.map(|claim| (call_id, Box::new(claim)));
    }
}

impl Desk {
    /// Has calls that are not here looked for on other nodes.
    pub fn connect(&self, elsewhere: Arc<dyn Elsewhere>) {
        // Once in the life of a desk.
        let _ = self.elsewhere.set(elsewhere);
    }

    /// Folds the events of one call, from its start.
    pub fn fold_elsewhere(&self, records: Vec<Record>, rulesets: &[Ruleset]) -> Option<Brought> {
        let kept = Kept::new(self.engines.present(), rulesets);
        let folded = self.fold(records, &kept);
        self.engines.remember(&kept);
        folded.map(Brought)
    }

    /// Puts a call on the desk that this node has taken over. It waits for its platform.
    pub fn take_in(&self, brought: Brought) {
        let said = brought.said().to_vec();
        let mut call = brought.0.call;
        let call_id = Arc::clone(&call.call_id);
        if self.has(&call_id) {
            return;
        }
        self.hub.take_transcript(&call_id, &said);
        if call.is_open() {
            // For the archive, when it ends here.
            call.take_said();
            call.keep(&said);
        }
        self.restore(call);
        self.evict();
    }

    /// Remembers that a call was ended by `call_end`.
    pub fn remember_over(&self, call_id: &str, last_seq: u64) {
        self.shelf.restore_over(vec![(call_id.into(), last_seq)]);
    }

    /// Lets go of calls that other nodes have taken: nothing more of them is written here, nothing
    /// is acked, and their platforms are told. Says how many of them were here.
    pub fn lose(&self, call_ids: &[Arc<str>]) -> u64 {
        let mut lost = 0;
        for call_id in call_ids {
            let Some(link) = self.shelf.lose(call_id) else { continue };
            lost += 1;
            self.metrics.call_lost(call_id);
            self.hub.drop_transcript(call_id);
            let Some(link) = link else { continue };
            link.slot.wake();
        }
        lost
    }

    /// Counts an alert that another node raised, for the budget that all share.
    pub fn see_elsewhere(&self, call_id: &Arc<str>, alert: &Arc<Alert>) {
        self.budget.see(call_id, std::slice::from_ref(alert));
    }

    /// Forgets a call that was erased on another node.
    pub fn forget_here(&self, call_id: &Arc<str>) {
        self.shelf.erase(call_id, |call| {
            (call.owner, call.absent_until) = (None, None);
        });
        self.hub.erase(std::slice::from_ref(call_id));
    }
}
