//! What goes into the audit, and the queue to it: nobody who is served waits for the disk.

mod limit;
mod tokens;

use std::future::Future;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::metrics::counter::Counter;
use tokio::sync::{mpsc, oneshot};

use super::guard::Caller;
use crate::access::now;
use crate::journal::{Settings, Trail};
use crate::wire::audit::{AuditEntry, AuditQuery, Done};
use limit::{Limits, Verdict};

/// Entries on their way to the disk; over it they are dropped and counted.
const WAITING: usize = 4_096;
/// Most entries of one transaction.
const BATCH: usize = 256;
/// Pause before what could not be written is tried again.
const PAUSE: Duration = Duration::from_secs(1);
/// Time between two looks for entries that are over the limits.
const TIDY: Duration = Duration::from_secs(600);
const DAY_MS: i64 = 86_400_000;
/// How long a list of the audit, or a drain, waits for what is on its way.
const PATIENCE: Duration = Duration::from_secs(2);
/// Longest text of a field in characters; ids of calls may be anything.
const MAX_CHARS: usize = 300;

/// Something on its way.
enum Letter {
    Entry(Box<AuditEntry>),
    /// To be told when all before it was written.
    Flush(oneshot::Sender<()>),
    /// The same, and nothing comes after it.
    Last(oneshot::Sender<()>),
}

/// The audit of a server.
#[derive(Debug)]
pub(super) struct Audit {
    trail: Arc<dyn Trail>,
    queue: mpsc::Sender<Letter>,
    limits: Mutex<Limits>,
    dropped: Counter,
}

impl Audit {
    /// An audit, and the task that writes it.
    pub fn new(
        trail: Arc<dyn Trail>,
        settings: &Settings,
        dropped: Counter,
    ) -> (Audit, impl Future<Output = ()> + use<>) {
        let (queue, letters) = mpsc::channel(WAITING);
        let task = write(Arc::clone(&trail), letters, settings.clone());
        (Audit { trail, queue, limits: Mutex::default(), dropped }, task)
    }

    /// Where it is kept.
    pub fn trail(&self) -> &Arc<dyn Trail> {
        &self.trail
    }

    /// Somebody did something.
    pub fn note(
        &self,
        caller: &Caller,
        who: &str,
        what: Done,
        on: Option<&str>,
        detail: Option<&str>,
    ) {
        let mut entry = entry(what, who, on, detail);
        entry.role = caller.grant.token.is_some().then(|| caller.grant.role.name().to_owned());
        entry.token.clone_from(&caller.grant.token);
        entry.address = caller.peer.map(|peer| peer.to_string());
        self.push(entry);
    }

    /// A file that the server reads has changed.
    pub fn changed(&self, what: Done, on: Option<&str>, detail: Option<&str>) {
        self.push(entry(what, "server", on, detail));
    }

    /// Somebody came in. Of those who come and go all the time not every coming is listed.
    pub fn login(&self, caller: &Caller, who: &str, endpoint: &str) {
        let Some(token) = &caller.grant.token else { return };
        let key = format!("login {token} {:?}", caller.peer);
        self.limited(&key, |detail| {
            self.note(caller, who, Done::Login, Some(endpoint), detail);
        });
    }

    /// A request came with a token: listed when it is the first in an hour from that address.
    pub fn seen(&self, caller: &Caller, path: &str) {
        let (Some(token), Some(user)) = (&caller.grant.token, &caller.grant.user) else { return };
        let key = format!("{token} {:?}", caller.peer);
        let is_first = self.limits().is_first(key, Instant::now());
        if is_first {
            self.note(caller, user, Done::Login, Some(path), None);
        }
    }

    /// Somebody was turned away. A flood of these from one address, or from many, is counted and
    /// not listed.
    pub fn refused(&self, caller: Option<&Caller>, peer: Option<IpAddr>, on: &str, why: &str) {
        self.limited(&format!("refused {peer:?}"), |more| {
            let detail = more.map_or(why.to_owned(), |more| format!("{why}, {more}"));
            match caller {
                Some(caller) => {
                    let who = caller.grant.user.as_deref().unwrap_or("nobody");
                    self.note(caller, who, Done::Refused, Some(on), Some(&detail));
                }
                None => {
                    let mut entry = entry(Done::Refused, "nobody", Some(on), Some(&detail));
                    entry.address = peer.map(|peer| peer.to_string());
                    self.push(entry);
                }
            }
        });
    }

    fn limited(&self, key: &str, list: impl FnOnce(Option<&str>)) {
        let verdict = self.limits().ask(key, Instant::now());
        match verdict {
            Verdict::Listed { missed: 0 } => list(None),
            Verdict::Listed { missed } => list(Some(&format!("{missed} before not listed"))),
            Verdict::Over => {
                self.dropped.inc();
            }
        }
    }

    /// Waits until what was noted so far is written; not for ever.
    pub async fn flush(&self) {
        self.wait(Letter::Flush).await;
    }

    /// Ends it: writes what was noted, and lets go of the file.
    pub async fn close(&self) {
        self.wait(Letter::Last).await;
    }

    async fn wait(&self, letter: impl FnOnce(oneshot::Sender<()>) -> Letter) {
        let (done, written) = oneshot::channel();
        let flushed = async {
            if self.queue.send(letter(done)).await.is_ok() {
                let _ = written.await;
            }
        };
        let _ = tokio::time::timeout(PATIENCE, flushed).await;
    }

    /// The server starts, with these. What differs from the last time is listed.
    pub async fn started(&self, facts: [(Done, String); 3]) {
        self.changed(Done::Start, None, Some(env!("CARGO_PKG_VERSION")));
        for (what, fact) in facts {
            let trail = Arc::clone(&self.trail);
            let last = tokio::task::spawn_blocking(move || {
                let query = AuditQuery { what: Some(what), ..AuditQuery::default() };
                trail.read(&query, None, 1, Instant::now() + PATIENCE)
            });
            let Ok(Ok(found)) = last.await else { continue };
            let before = found.items.into_iter().next().and_then(|(_, entry)| entry.detail);
            if before.as_ref() != Some(&fact) {
                self.changed(what, None, Some(&fact));
            }
        }
    }

    fn push(&self, entry: AuditEntry) {
        if self.queue.try_send(Letter::Entry(Box::new(entry))).is_err() {
            self.dropped.inc();
        }
    }

    fn limits(&self) -> MutexGuard<'_, Limits> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn entry(what: Done, who: &str, on: Option<&str>, detail: Option<&str>) -> AuditEntry {
    let short = |text: &str| text.chars().take(MAX_CHARS).collect::<String>();
    AuditEntry {
        id: 0,
        at: now(),
        who: short(who),
        role: None,
        token: None,
        what,
        on: on.map(short),
        address: None,
        detail: detail.map(short),
    }
}

/// Writes what comes, in groups, until nobody is left to send any.
async fn write(trail: Arc<dyn Trail>, mut letters: mpsc::Receiver<Letter>, settings: Settings) {
    let mut tidied: Option<Instant> = None;
    let mut group = Vec::new();
    while letters.recv_many(&mut group, BATCH).await > 0 {
        let (mut entries, mut waiting, mut last) = (Vec::new(), Vec::new(), None);
        for letter in group.drain(..) {
            match letter {
                Letter::Entry(entry) => entries.push(*entry),
                Letter::Flush(done) => waiting.push(done),
                Letter::Last(done) => last = Some(done),
            }
        }
        while !entries.is_empty() {
            let own = Arc::clone(&trail);
            let written = tokio::task::spawn_blocking(move || (own.write(&entries), entries));
            let Ok((written, given)) = written.await else { return };
            let Err(error) = written else { break };
            tracing::error!(%error, "the audit cannot be written; trying again");
            entries = given;
            tokio::time::sleep(PAUSE).await;
        }
        for done in waiting {
            // Whoever waited has gone.
            let _ = done.send(());
        }
        if let Some(done) = last {
            let own = Arc::clone(&trail);
            let _ = tokio::task::spawn_blocking(move || own.close()).await;
            let _ = done.send(());
            return;
        }
        if tidied.is_none_or(|tidied| tidied.elapsed() >= TIDY) {
            tidied = Some(Instant::now());
            let (own, most) = (Arc::clone(&trail), settings.audit_max_entries);
            let days = i64::from(settings.audit_keep_days);
            let before = (days > 0).then(|| now().plus_ms(-days * DAY_MS));
            let tidied = tokio::task::spawn_blocking(move || own.tidy(before, most));
            if let Ok(Err(error)) = tidied.await {
                tracing::error!(%error, "the audit cannot be tidied");
            }
        }
    }
}
