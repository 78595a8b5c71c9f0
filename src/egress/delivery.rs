//! The task of one destination: reads the outbox in order and sends what is wanted, one after the
//! other. What fails is tried again before anything behind it is looked at.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::answer::{Answer, Verdict};
use super::client::{Client, now};
use super::destination::{Destination, Message};
use super::metrics::Metrics;
use crate::journal::{CommitError, Outbox, Outgoing};

/// Changes read from the outbox at a time.
const PAGE: usize = 32;
/// Tries of a message that the destination has something against.
const REFUSED_TRIES: u32 = 3;
/// Pause before a journal that could not be read is read again.
const READ_AGAIN: Duration = Duration::from_secs(1);
/// However it is woken, it looks again after that.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Sends one message once.
pub(super) trait Post: Send + Sync + 'static {
    fn post(&self, message: &Message) -> impl Future<Output = Answer> + Send;
}

impl Post for Client {
    fn post(&self, message: &Message) -> impl Future<Output = Answer> + Send {
        self.send(message)
    }
}

/// Whether the newest try failed.
pub(super) type Failing = Arc<AtomicBool>;

/// One destination and how far it is.
pub(super) struct Delivery<P> {
    pub destination: Arc<Destination>,
    pub post: P,
    pub outbox: Arc<dyn Outbox>,
    pub metrics: Metrics,
    pub failing: Failing,
    /// Cancelled when the server goes down: what can be sent at once still is.
    pub drain: CancellationToken,
}

/// A message that was not taken.
struct Trouble {
    offset: u64,
    tries: u32,
    since: Instant,
}

/// What came of a change.
enum Done {
    /// Nothing is left to do for it.
    With,
    /// To be tried again after that time.
    Again(Duration),
}

impl<P: Post> Delivery<P> {
    /// Runs until the drain is over.
    pub async fn run(self) {
        let name = &self.destination.name;
        let mut newest = self.outbox.newest();
        let mut at = self.outbox.standing(name).offset;
        let mut trouble = None;
        loop {
            // Seen before the page is read, so nothing that is put in meanwhile is missed.
            newest.mark_unchanged();
            let page = match self.page(at).await {
                Ok(page) => page,
                Err(error) => {
                    self.metrics.cannot_read(name, &error);
                    if self.pause(READ_AGAIN).await {
                        continue;
                    }
                    return;
                }
            };
            let is_empty = page.is_empty();
            let mut wait = None;
            for outgoing in page {
                let offset = outgoing.offset;
                match self.deliver(outgoing, &mut trouble).await {
                    Done::With => {
                        at = offset;
                        self.outbox.delivered(name, offset);
                    }
                    Done::Again(pause) => {
                        wait = Some(pause);
                        break;
                    }
                }
            }
            let goes_on = match wait {
                Some(pause) => self.pause(pause).await,
                None if is_empty => tokio::select! {
                    _ = newest.changed() => true,
                    () = tokio::time::sleep(LOOK_AGAIN) => true,
                    () = self.drain.cancelled() => false,
                },
                None => true,
            };
            if !goes_on {
                return;
            }
        }
    }

    /// Waits. False when the server goes down.
    async fn pause(&self, pause: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(pause) => true,
            () = self.drain.cancelled() => false,
        }
    }

    /// Reads on a thread that may wait for the disk.
    async fn page(&self, after: u64) -> Result<Vec<Outgoing>, CommitError> {
        let outbox = Arc::clone(&self.outbox);
        let read = tokio::task::spawn_blocking(move || outbox.page(after, PAGE));
        let failed = |_| Err(CommitError { message: "reading the outbox failed".into() });
        read.await.unwrap_or_else(failed)
    }

    async fn deliver(&self, outgoing: Outgoing, trouble: &mut Option<Trouble>) -> Done {
        let name = &self.destination.name;
        let (offset, happened) = (outgoing.offset, outgoing.at);
        let message = match self.destination.message(outgoing) {
            Ok(Some(message)) => message,
            Ok(None) => return Done::With,
            Err(error) => {
                self.metrics.unreadable(name, &error);
                return Done::With;
            }
        };
        let answer = self.post.post(&message).await;
        if answer.verdict == Verdict::Taken {
            self.metrics.taken(name, happened, now());
            if let Some(trouble) = trouble.take() {
                self.metrics.recovered(name, trouble.tries);
            }
            self.failing.store(false, Ordering::Relaxed);
            return Done::With;
        }
        // Trouble with a message that has gone from the outbox is no trouble of this one.
        let mut own = trouble.take().filter(|trouble| trouble.offset == offset);
        let own = own.get_or_insert_with(|| Trouble { offset, tries: 0, since: Instant::now() });
        own.tries += 1;
        let patience = Duration::from_secs(self.destination.settings.give_up_after_s);
        let hopeless = match answer.verdict {
            Verdict::Taken | Verdict::Away => false,
            Verdict::Refused => own.tries >= REFUSED_TRIES,
            Verdict::Unwilling => own.since.elapsed() >= patience,
        };
        self.failing.store(true, Ordering::Relaxed);
        if hopeless {
            self.metrics.gave_up(name, &message.id, own.tries, &answer);
            return Done::With;
        }
        self.metrics.failed(name, &message.id, own.tries, &answer);
        let pause = self.backoff(own.tries).max(answer.retry_after.unwrap_or_default());
        *trouble = Some(Trouble { ..*own });
        Done::Again(pause)
    }

    /// Doubles with every failure in a row. Half of it is by chance, so that servers which lost
    /// the same destination do not come back in step.
    fn backoff(&self, tries: u32) -> Duration {
        let settings = &self.destination.settings;
        let first = Duration::from_millis(settings.retry_min_ms);
        let longest = Duration::from_secs(settings.retry_max_s);
        let pause = first.saturating_mul(1 << tries.saturating_sub(1).min(20)).min(longest);
        pause.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}
