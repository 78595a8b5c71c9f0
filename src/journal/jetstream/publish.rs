//! Letters into their streams, fenced.
//!
//! Each round sends the first letter of every call and waits for all receipts, so a call has one
//! letter on its way at a time. What failed stays, and is sent again by the next try.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_nats::HeaderMap;
use async_nats::jetstream::context::{PublishAckFuture, PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::publish::PublishAck;
use bytes::Bytes;
use serde::Serialize;

use super::letters::{DeskLetter, EventsLetter, HistoryLetter, News};
use super::seats::{Seat, Seats};
use super::work::{Item, Work};
use super::{Bus, BusError};
use crate::journal::Archive;

/// Bytes of a letter of history; a larger one is divided.
const HISTORY_BYTES: usize = 512 << 10;

/// Calls of which nobody but this node may write, and the way to the streams.
#[derive(Debug)]
pub(super) struct Press {
    pub bus: Bus,
    pub node: Arc<str>,
    pub seats: Arc<Mutex<Seats>>,
    letters: AtomicU64,
    /// Rules that are in their stream, by their hash.
    rules: Mutex<HashSet<Arc<str>>>,
}

/// What came of a letter.
enum Sent {
    /// It is in its stream.
    There,
    /// Another node has the call.
    Lost,
    /// It must be sent again.
    Again,
}

impl Press {
    /// A press of a node that has no call yet.
    pub fn new(bus: Bus, node: Arc<str>, seats: Arc<Mutex<Seats>>) -> Press {
        Press { bus, node, seats, letters: AtomicU64::new(1), rules: Mutex::default() }
    }

    /// Names the next letter.
    pub fn next_id(&self) -> String {
        format!("{}-{}", self.node, self.letters.fetch_add(1, Ordering::Relaxed))
    }

    /// Sends everything. Gives the calls that turned out to be another node's; of those nothing
    /// more is sent.
    ///
    /// # Errors
    /// The first thing that failed. What was not sent is still in `works`.
    pub async fn print(
        &self,
        works: &mut Vec<Work>,
        lost: &mut Vec<Arc<str>>,
    ) -> Result<(), BusError> {
        while !works.is_empty() {
            let failed = self.round(works, lost).await;
            works.retain(|work| !work.items.is_empty());
            if let Some(failed) = failed {
                return Err(failed);
            }
        }
        Ok(())
    }

    async fn round(&self, works: &mut [Work], lost: &mut Vec<Arc<str>>) -> Option<BusError> {
        let (mut receipts, mut failed) = (Vec::with_capacity(works.len()), None);
        for (place, work) in works.iter_mut().enumerate() {
            match self.send_first(work).await {
                Ok(Some(receipt)) => receipts.push((place, receipt)),
                Ok(None) => lose(work, lost),
                Err(error) => {
                    failed.get_or_insert(error);
                    break;
                }
            }
        }
        for (place, receipt) in receipts {
            let work = &mut works[place];
            let sent = match receipt {
                Receipt::None => Ok(Sent::There),
                Receipt::Of(receipt) => match receipt.await {
                    Ok(receipt) => Ok(self.arrived(work, &receipt)),
                    Err(error) => self.refused(work, error).await,
                },
            };
            match sent {
                Ok(Sent::There) => drop(work.items.pop_front()),
                Ok(Sent::Lost) => lose(work, lost),
                Ok(Sent::Again) => {}
                Err(error) => drop(failed.get_or_insert(error)),
            }
        }
        failed
    }

    /// Sends the first letter of a call. `None` when the call is not this node's.
    async fn send_first(&self, work: &mut Work) -> Result<Option<Receipt>, BusError> {
        let Work { call_id, items } = work;
        if let Some(Item::History { .. }) = items.front() {
            divide(items);
        }
        let Some(item) = items.front_mut() else { return Ok(Some(Receipt::None)) };
        if let Item::Events { claim: Some(claim), .. } = item {
            // Only once: what a lost receipt leaves open is told from the letter itself.
            self.seats().claim(call_id, claim);
        }
        let seat = match item {
            // Rules are nobody's.
            Item::Rules(_) => Seat::default(),
            _ => match self.seats().of(call_id) {
                Some(seat) => *seat,
                None => return Ok(None),
            },
        };
        if let Item::Events { claim, .. } = item {
            *claim = None;
        }
        let names = self.bus.names();
        let (subject, message) = match &*item {
            Item::Rules(ruleset) if self.knows(&ruleset.hash) => return Ok(Some(Receipt::None)),
            Item::Rules(ruleset) => {
                let message = letter(&*ruleset.text).message_id(&*ruleset.hash);
                (names.rules_subject(&ruleset.hash), message)
            }
            Item::Events { draft, .. } => {
                let text = draft.text(seat.events);
                let message = PublishMessage::build().payload(text.into());
                let message = message.expected_last_subject_sequence(seat.events);
                (names.events_subject(call_id), message)
            }
            Item::History { id, archive } => {
                let number = seat.number.unwrap_or_default();
                let archive = Some(Archive::clone(archive));
                let history = HistoryLetter { call_id: Arc::clone(call_id), number, archive };
                (names.history_subject(call_id), letter(&history).message_id(id))
            }
            Item::Taken => self.news(call_id, &seat, seat.told.max(seat.seen), News::Taken),
            Item::Tell(_) if seat.told < seat.seen => {
                if let Some(seat) = self.seats().of(call_id) {
                    seat.told += 1;
                }
                return Ok(Some(Receipt::None));
            }
            Item::Tell(message) => {
                self.news(call_id, &seat, seat.told + 1, News::Told(message.clone()))
            }
            Item::Leave => {
                self.seats().leave(call_id);
                return Ok(Some(Receipt::None));
            }
        };
        match self.bus.context.send_publish(subject, message).await {
            Ok(receipt) => Ok(Some(Receipt::Of(receipt))),
            Err(error) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                // It would be tried for ever, and everything behind it would wait.
                tracing::error!(%call_id, %error, "a letter is larger than NATS takes; its call is given up here");
                Ok(None)
            }
            Err(error) => Err(failure(&error)),
        }
    }

    pub(super) fn news(
        &self,
        call_id: &Arc<str>,
        seat: &Seat,
        told: u64,
        news: News,
    ) -> (String, PublishMessage) {
        let told_by = DeskLetter {
            node: Arc::clone(&self.node),
            call_id: Arc::clone(call_id),
            began: seat.began,
            number: seat.number.unwrap_or_default(),
            told,
            over: seat.over,
            news,
        };
        let message = letter(&told_by).expected_last_subject_sequence(seat.desk);
        (self.bus.names().desk_subject(call_id), message)
    }

    /// Notes where the first letter of a call has come to lie.
    fn arrived(&self, work: &Work, receipt: &PublishAck) -> Sent {
        if let Some(Item::Rules(ruleset)) = work.items.front() {
            self.note_rules(&ruleset.hash);
            return Sent::There;
        }
        let mut seats = self.seats();
        let Some(seat) = seats.of(&work.call_id) else { return Sent::Lost };
        match work.items.front() {
            Some(Item::Events { draft, .. }) => seat.wrote(receipt.sequence, draft.over()),
            Some(Item::Taken) => seat.desk = receipt.sequence,
            Some(Item::Tell(_)) => seat.told(receipt.sequence, seat.told + 1),
            _ => {}
        }
        Sent::There
    }

    /// A letter was not taken: was it another node's turn, or was ours taken before and the
    /// receipt lost?
    async fn refused(&self, work: &Work, error: PublishError) -> Result<Sent, BusError> {
        if error.kind() != PublishErrorKind::WrongLastSequence {
            return Err(failure(&error));
        }
        let call_id = &work.call_id;
        match work.items.front() {
            Some(Item::Events { draft, .. }) => {
                let newest = self.bus.newest_events(call_id).await?;
                let ours = newest.filter(|(_, letter)| letter.id == draft.id);
                let Some((sequence, EventsLetter { .. })) = ours else { return Ok(Sent::Lost) };
                match self.seats().of(call_id) {
                    Some(seat) => seat.wrote(sequence, draft.over()),
                    None => return Ok(Sent::Lost),
                }
                Ok(Sent::There)
            }
            Some(Item::Tell(_) | Item::Taken) => self.overtaken(call_id).await,
            _ => Err(failure(&error)),
        }
    }

    /// News was not taken. Whoever had the call before may still have been telling of its events,
    /// in the same words: those are not told again. Somebody who took the call over has it now,
    /// and of a call that was erased nothing more is told.
    async fn overtaken(&self, call_id: &Arc<str>) -> Result<Sent, BusError> {
        let newest = self.bus.newest_news(call_id).await?;
        let is_ours = newest.as_ref().is_some_and(|(_, letter)| letter.node == self.node);
        let is_taken =
            newest.as_ref().is_some_and(|(_, letter)| matches!(letter.news, News::Taken));
        // Our claim may be younger than theirs, so the events tell.
        if is_taken && !is_ours {
            let owner = self.bus.newest_events(call_id).await?;
            if owner.is_none_or(|(_, letter)| *letter.node != *self.node) {
                return Ok(Sent::Lost);
            }
        }
        let mut seats = self.seats();
        let Some(seat) = seats.of(call_id) else { return Ok(Sent::Lost) };
        match newest {
            None if seat.desk > 0 => Ok(Sent::Lost),
            Some((_, letter)) if matches!(letter.news, News::Erased) => Ok(Sent::Lost),
            None => Ok(Sent::Again),
            Some((sequence, letter)) => {
                seat.saw(sequence, &letter);
                Ok(Sent::Again)
            }
        }
    }

    fn knows(&self, hash: &str) -> bool {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).contains(hash)
    }

    fn note_rules(&self, hash: &Arc<str>) {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).insert(Arc::clone(hash));
    }

    pub(super) fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What to wait for.
enum Receipt {
    /// Nothing.
    None,
    /// The stream's receipt.
    Of(PublishAckFuture),
}

fn lose(work: &mut Work, lost: &mut Vec<Arc<str>>) {
    work.items.clear();
    if !lost.contains(&work.call_id) {
        lost.push(Arc::clone(&work.call_id));
    }
}

/// Our own types always have a JSON form.
pub(super) fn letter<T: Serialize + ?Sized>(own: &T) -> PublishMessage {
    let json = serde_json::to_vec(own).unwrap_or_default();
    PublishMessage::build().payload(Bytes::from(json)).headers(HeaderMap::new())
}

pub(super) fn failure(error: &PublishError) -> BusError {
    BusError(format!("NATS did not take it: {error}"))
}

/// Divides a transcript that is too large for one letter.
fn divide(items: &mut std::collections::VecDeque<Item>) {
    let Some(Item::History { id, archive }) = items.front_mut() else { return };
    let bytes = serde_json::to_vec(archive).map_or(0, |json| json.len());
    if bytes <= HISTORY_BYTES || archive.said.len() < 2 {
        return;
    }
    let rest = archive.said.split_off(archive.said.len() / 2);
    let second = Archive { said: rest, ..Archive::clone(archive) };
    let first = Archive { ended_for_good: false, is_final: false, ..Archive::clone(archive) };
    let (one, two) = (format!("{id}a"), format!("{id}b"));
    items.pop_front();
    items.push_front(Item::History { id: two, archive: Box::new(second) });
    items.push_front(Item::History { id: one, archive: Box::new(first) });
    divide(items);
}
