//! The writer thread: group commit, offsets, completions.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::erase::Answer;
use super::gather::Gather;
use super::{CommitError, CommitSlot, Erase, Erased, Health, Journal, Metrics, Record, Settings};

/// A record on its way in, and what to hand on once it is durable.
#[derive(Debug)]
pub struct Entry<P> {
    /// What to keep. Its `base_offset` is set by the writer.
    pub record: Record,
    /// How many numbered messages the payload will publish.
    pub messages: u64,
    /// What to hand on.
    pub payload: P,
}

/// A payload whose record is durable.
#[derive(Debug)]
pub struct Committed<P> {
    /// Offset before its messages.
    pub base_offset: u64,
    /// What to hand on.
    pub payload: P,
}

#[derive(Debug)]
struct Submission<P> {
    entry: Option<Entry<P>>,
    ticket: Option<(Arc<CommitSlot>, u64)>,
    erase: Option<Box<(Erase, Answer)>>,
}

/// Room for one submission. It is taken before a call is locked, so that handing in under the
/// lock never waits; this is where a slow journal slows its inputs down.
#[derive(Debug)]
pub struct Permit<'a, P>(mpsc::Permit<'a, Submission<P>>, &'a Metrics);

impl<P> Permit<'_, P> {
    /// Hands a record in. `ticket` is completed after its commit.
    pub fn submit(self, entry: Entry<P>, ticket: Option<(Arc<CommitSlot>, u64)>) {
        self.1.waiting.inc();
        self.0.send(Submission { entry: Some(entry), ticket, erase: None });
    }

    /// Has calls erased, once everything handed in before is durable. The answer comes when it is
    /// done; when the writer ends before, the sender is dropped.
    pub fn erase(self, erase: Erase) -> oneshot::Receiver<Result<Erased, CommitError>> {
        let (answer, receiver) = oneshot::channel();
        self.1.waiting.inc();
        let erase = Some(Box::new((erase, answer)));
        self.0.send(Submission { entry: None, ticket: None, erase });
        receiver
    }

    /// Wakes the writer, so that it does what is due with time.
    fn wake(self) {
        self.1.waiting.inc();
        self.0.send(Submission { entry: None, ticket: None, erase: None });
    }

    /// Completes `ticket` once everything handed in before is durable.
    pub fn fence(self, slot: Arc<CommitSlot>, ticket: u64) {
        self.1.waiting.inc();
        self.0.send(Submission { entry: None, ticket: Some((slot, ticket)), erase: None });
    }
}

/// The way in for everybody who writes.
#[derive(Debug)]
pub struct WriterHandle<P> {
    queue: mpsc::Sender<Submission<P>>,
    metrics: Metrics,
    epoch: Arc<str>,
    busy: Arc<Busy>,
}

/// Since when the writer has been at its present commit.
#[derive(Debug, Default)]
struct Busy {
    since: Mutex<Option<Instant>>,
    patience: Duration,
}

impl Busy {
    fn set(&self, since: Option<Instant>) {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    fn is_slow(&self) -> bool {
        let since = *self.since.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| since.elapsed() > self.patience)
    }
}

impl<P> Clone for WriterHandle<P> {
    fn clone(&self) -> Self {
        WriterHandle {
            queue: self.queue.clone(),
            metrics: self.metrics.clone(),
            epoch: Arc::clone(&self.epoch),
            busy: Arc::clone(&self.busy),
        }
    }
}

impl<P> WriterHandle<P> {
    /// Room, if there is some right now.
    pub fn try_permit(&self) -> Option<Permit<'_, P>> {
        self.queue.try_reserve().ok().map(|permit| Permit(permit, &self.metrics))
    }

    /// Waits for room. `None` once the writer has stopped.
    pub async fn permit(&self) -> Option<Permit<'_, P>> {
        let permit = self.queue.reserve().await.ok()?;
        Some(Permit(permit, &self.metrics))
    }

    /// Names the journal's history.
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// How it is doing.
    pub fn health(&self) -> Health {
        if self.metrics.writable.get() == 0 || self.queue.is_closed() {
            Health::Failing
        } else if self.busy.is_slow() {
            Health::Slow
        } else if self.queue.capacity() == 0 {
            Health::Full
        } else {
            Health::Ready
        }
    }

    /// Says how the writer is doing, and lets it do what is due with time. Call it now and then.
    pub fn tick(&self) {
        self.metrics.note_health(self.health());
        if let Some(permit) = self.try_permit() {
            permit.wake();
        }
    }

    /// Waits until everything handed in so far is durable.
    pub async fn flush(&self) {
        let slot = Arc::new(CommitSlot::default());
        if let Some(permit) = self.permit().await {
            permit.fence(Arc::clone(&slot), 1);
            slot.wait_for(1).await;
        }
    }
}

/// The thread that owns the journal.
#[derive(Debug)]
pub struct Writer {
    thread: JoinHandle<()>,
    give_up: Arc<AtomicBool>,
}

impl Writer {
    /// Starts the thread. `sink` gets what is durable, in order, before anybody is told.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start<P, S>(
        mut journal: Box<dyn Journal>,
        settings: Settings,
        metrics: Metrics,
        mut sink: S,
    ) -> std::io::Result<(Writer, WriterHandle<P>)>
    where
        P: Send + 'static,
        S: FnMut(&mut Vec<Committed<P>>) + Send + 'static,
    {
        let (queue, mut submissions) = mpsc::channel(settings.queue_records.max(1));
        let epoch = Arc::from(journal.epoch());
        let patience = Duration::from_millis(settings.slow_commit_ms);
        let busy = Arc::new(Busy { patience, ..Busy::default() });
        let handle =
            WriterHandle { queue, metrics: metrics.clone(), epoch, busy: Arc::clone(&busy) };
        let give_up = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&give_up);
        let thread = std::thread::Builder::new().name("journal".into()).spawn(move || {
            let mut group = Group::new(journal.last_offset());
            let limit = settings.commit_records.max(1);
            let mut arrived = Vec::with_capacity(limit);
            let mut gather = Gather::new(Duration::from_micros(settings.gather_us));
            while submissions.blocking_recv_many(&mut arrived, limit) > 0 {
                let first = arrived.len();
                if let Some(pause) = gather.pause() {
                    std::thread::sleep(pause);
                    while arrived.len() < limit
                        && let Ok(submission) = submissions.try_recv()
                    {
                        arrived.push(submission);
                    }
                    gather.paid(pause, arrived.len() - first);
                }
                gather.came(arrived.len(), Instant::now());
                metrics.waiting.dec_by(i64::try_from(arrived.len()).unwrap_or(i64::MAX));
                group.take(&mut arrived);
                if !group.commit(journal.as_mut(), &settings, &metrics, &busy, &stop) {
                    return;
                }
                sink(&mut group.payloads);
                group.tell();
                group.erase(journal.as_mut());
                tidy(journal.as_mut());
                metrics.used_bytes.set(i64::try_from(journal.used_bytes()).unwrap_or(i64::MAX));
            }
            if let Err(error) = journal.close() {
                tracing::warn!(%error, "the journal was closed without its last housekeeping");
            }
        })?;
        Ok((Writer { thread, give_up }, handle))
    }

    /// Waits at most `patience` for the thread to end; it ends when all handles are gone. A
    /// journal that still fails then is left alone. Says whether the thread ended by itself.
    pub fn join(self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while !self.thread.is_finished() {
            if Instant::now() >= deadline {
                self.give_up.store(true, Ordering::Relaxed);
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        self.thread.join().is_ok()
    }
}

fn tidy(journal: &mut dyn Journal) {
    if let Err(error) = journal.tidy() {
        tracing::warn!(%error, "journal housekeeping failed; it is tried again");
    }
}

/// The group that is being committed. Its buffers are used again for the next.
struct Group<P> {
    offset: u64,
    records: Vec<Record>,
    payloads: Vec<Committed<P>>,
    tickets: Vec<(Arc<CommitSlot>, u64)>,
    erasures: Vec<(Erase, Answer)>,
}

impl<P> Group<P> {
    fn new(offset: u64) -> Group<P> {
        Group {
            offset,
            records: Vec::new(),
            payloads: Vec::new(),
            tickets: Vec::new(),
            erasures: Vec::new(),
        }
    }

    fn take(&mut self, arrived: &mut Vec<Submission<P>>) {
        for Submission { entry, ticket, erase } in arrived.drain(..) {
            if let Some(Entry { mut record, messages, payload }) = entry {
                record.base_offset = self.offset;
                self.payloads.push(Committed { base_offset: self.offset, payload });
                self.offset += messages;
                self.records.push(record);
            }
            self.tickets.extend(ticket);
            self.erasures.extend(erase.map(|own| *own));
        }
    }

    /// Tries until it works. False when the server gave up waiting.
    fn commit(
        &mut self,
        journal: &mut dyn Journal,
        settings: &Settings,
        metrics: &Metrics,
        busy: &Busy,
        give_up: &AtomicBool,
    ) -> bool {
        if self.records.is_empty() {
            return true;
        }
        let mut pause = Duration::from_millis(settings.retry_min_ms.max(1));
        for attempt in 1.. {
            let began = Instant::now();
            busy.set(Some(began));
            let committed = journal.commit(&self.records, self.offset);
            if busy.is_slow() {
                metrics.slow_commit(began.elapsed().as_secs_f64());
            }
            busy.set(None);
            match committed {
                Ok(()) => {
                    metrics.committed(self.records.len(), began.elapsed().as_secs_f64());
                    break;
                }
                Err(error) => metrics.failed(&error, attempt),
            }
            // A full journal may have ended calls that can go.
            tidy(journal);
            if give_up.load(Ordering::Relaxed) {
                return false;
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(settings.retry_max_ms.max(1)));
        }
        self.records.clear();
        true
    }

    /// Erases what was asked for. Nothing of those calls comes after it, so it does not matter
    /// what of the group came after the request.
    fn erase(&mut self, journal: &mut dyn Journal) {
        for (erase, answer) in self.erasures.drain(..) {
            // Who asked may have gone away; it is erased all the same.
            let _ = answer.send(journal.erase(&erase));
        }
    }

    fn tell(&mut self) {
        self.payloads.clear();
        // Only the last ticket of each waiter matters; waking it twice would cost a system call.
        for at in 0..self.tickets.len() {
            let (slot, ticket) = &self.tickets[at];
            let next = self.tickets.get(at + 1);
            if next.is_none_or(|(other, _)| !Arc::ptr_eq(slot, other)) {
                slot.complete(*ticket);
            }
        }
        self.tickets.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use prometheus_client::registry::Registry;

    use super::*;
    use crate::call::Timestamp;
    use crate::engine::event::{Event, Recorded};
    use crate::journal::{CommitError, History};

    /// Fails the first `failures` commits and remembers the rest.
    struct Flaky {
        failures: u32,
        kept: Arc<Mutex<Vec<Record>>>,
    }

    impl Journal for Flaky {
        fn epoch(&self) -> &str {
            "e1"
        }
        fn last_offset(&self) -> u64 {
            10
        }
        fn commit(&mut self, batch: &[Record], _: u64) -> Result<(), CommitError> {
            if self.failures > 0 {
                self.failures -= 1;
                return Err(CommitError { message: "disk full".into() });
            }
            self.kept.lock().unwrap().extend_from_slice(batch);
            Ok(())
        }
        fn read_back(&mut self, _: usize) -> Result<History, CommitError> {
            Ok(History::default())
        }
    }

    fn entry(messages: u64) -> Entry<u64> {
        let recorded = Recorded { at: Timestamp(0), event: Event::Timer, held: Vec::new() };
        Entry { record: Record::new("c".into(), recorded), messages, payload: messages }
    }

    #[tokio::test]
    async fn a_failing_commit_is_tried_again_and_nothing_is_lost() {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        let journal = Box::new(Flaky { failures: 2, kept: Arc::clone(&kept) });
        let settings = Settings { retry_min_ms: 1, retry_max_ms: 2, ..Settings::default() };
        let metrics = Metrics::register(&mut Registry::default());
        let (writer, handle) =
            Writer::start(journal, settings, metrics.clone(), move |batch: &mut Vec<_>| {
                sink.lock().unwrap().extend(
                    batch.drain(..).map(|done: Committed<u64>| (done.base_offset, done.payload)),
                );
            })
            .unwrap();
        let slot = Arc::new(CommitSlot::default());
        for (ticket, messages) in [(1, 2), (2, 0), (3, 1)] {
            let permit = handle.permit().await.unwrap();
            permit.submit(entry(messages), Some((Arc::clone(&slot), ticket)));
        }
        slot.wait_for(3).await;
        assert_eq!(*seen.lock().unwrap(), [(10, 2), (12, 0), (12, 1)]);
        assert_eq!(kept.lock().unwrap().len(), 3);
        assert_eq!(metrics.failures.get(), 2);
        assert_eq!(handle.health(), Health::Ready);
        drop(handle);
        assert!(writer.join(Duration::from_secs(5)));
    }
}
