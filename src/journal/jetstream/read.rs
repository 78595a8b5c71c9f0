//! Letters out of their streams.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull::{Ordered, OrderedConfig};
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use futures_util::{Stream, StreamExt};
use serde::de::DeserializeOwned;

use super::letters::{DeskLetter, EventsLetter, HistoryLetter};
use super::{Bus, BusError};
use crate::engine::rules::Ruleset;

/// A letter as it came.
#[derive(Debug)]
pub struct Delivered<T> {
    /// Its place in the stream.
    pub sequence: u64,
    /// Letters that wait behind it.
    pub waiting: u64,
    /// The subject it came on.
    pub subject: String,
    /// What it says. `None` when nobody can read it.
    pub letter: Option<T>,
}

/// Letters of a stream in their order. It goes on after NATS was away.
pub struct Letters<T> {
    messages: Ordered,
    /// How many there were when it began.
    pub waiting: u64,
    /// How long the next may take while some wait.
    pub patience: Duration,
    kind: std::marker::PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Stream for Letters<T> {
    type Item = Result<Delivered<T>, BusError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.messages.poll_next_unpin(context).map(|next| {
            let message = match next? {
                Ok(message) => message,
                Err(error) => return Some(Err(BusError(format!("a stream broke off: {error}")))),
            };
            let info = message.info();
            let place = info.map(|info| (info.stream_sequence, info.pending));
            let (sequence, waiting) = match place {
                Ok(place) => place,
                Err(error) => {
                    return Some(Err(BusError(format!("a letter has no place: {error}"))));
                }
            };
            let subject = message.subject.to_string();
            let letter = serde_json::from_slice(&message.payload).ok();
            Some(Ok(Delivered { sequence, waiting, subject, letter }))
        })
    }
}

impl<T> std::fmt::Debug for Letters<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Letters").field("waiting", &self.waiting).finish_non_exhaustive()
    }
}

impl Bus {
    /// The newest events of a call, and their place.
    ///
    /// # Errors
    /// [`BusError`] when NATS does not answer.
    pub async fn newest_events(
        &self,
        call_id: &str,
    ) -> Result<Option<(u64, EventsLetter)>, BusError> {
        let names = &self.names;
        let stream = names.events_stream(names.partition(call_id));
        self.newest(&stream, names.events_subject(call_id)).await
    }

    /// The newest news of a call, and its place.
    ///
    /// # Errors
    /// [`BusError`] when NATS does not answer.
    pub async fn newest_news(&self, call_id: &str) -> Result<Option<(u64, DeskLetter)>, BusError> {
        self.newest(&self.names.desk_stream(), self.names.desk_subject(call_id)).await
    }

    /// Rules by the hash that names them.
    ///
    /// # Errors
    /// [`BusError`] when NATS does not answer.
    pub async fn rules(&self, hash: &str) -> Result<Option<Ruleset>, BusError> {
        let subject = self.names.rules_subject(hash);
        let text: Option<(u64, String)> = self.newest(&self.names.rules_stream(), subject).await?;
        Ok(text.map(|(_, text)| Ruleset { hash: hash.into(), text: text.into() }))
    }

    async fn newest<T: DeserializeOwned>(
        &self,
        stream: &str,
        subject: String,
    ) -> Result<Option<(u64, T)>, BusError> {
        let handle = self.context.get_stream_no_info(stream).await;
        let handle = handle.map_err(|error| BusError(format!("stream `{stream}`: {error}")))?;
        match handle.get_last_raw_message_by_subject(&subject).await {
            Ok(message) => match serde_json::from_slice(&message.payload) {
                Ok(letter) => Ok(Some((message.sequence, letter))),
                Err(error) => {
                    let at = message.sequence;
                    Err(BusError(format!("letter {at} of stream `{stream}` is none: {error}")))
                }
            },
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(BusError(format!("stream `{stream}` does not answer: {error}"))),
        }
    }

    /// The news of all calls after a place.
    ///
    /// # Errors
    /// [`BusError`] when NATS does not answer.
    pub async fn news_after(&self, sequence: u64) -> Result<Letters<DeskLetter>, BusError> {
        self.letters(&self.names.desk_stream(), None, sequence + 1).await
    }

    /// Calls that are over, after a place.
    ///
    /// # Errors
    /// [`BusError`] when NATS does not answer.
    pub async fn history_after(&self, sequence: u64) -> Result<Letters<HistoryLetter>, BusError> {
        self.letters(&self.names.history_stream(), None, sequence + 1).await
    }

    /// All events of a share of the calls from a place on.
    ///
    /// # Errors
    /// [`BusError`] when NATS does not answer.
    pub async fn events_from(
        &self,
        partition: u16,
        sequence: u64,
    ) -> Result<Letters<EventsLetter>, BusError> {
        self.letters(&self.names.events_stream(partition), None, sequence).await
    }

    /// The events of one call from a place on.
    ///
    /// # Errors
    /// [`BusError`] when NATS does not answer.
    pub async fn events_of(
        &self,
        call_id: &str,
        sequence: u64,
    ) -> Result<Letters<EventsLetter>, BusError> {
        let stream = self.names.events_stream(self.names.partition(call_id));
        self.letters(&stream, Some(self.names.events_subject(call_id)), sequence).await
    }

    /// Where the events of a share of the calls end.
    ///
    /// # Errors
    /// [`BusError`] when NATS does not answer.
    pub async fn end_of_events(&self, partition: u16) -> Result<u64, BusError> {
        let stream = self.stream(&self.names.events_stream(partition)).await?;
        Ok(stream.cached_info().state.last_sequence)
    }

    /// Drops the events of a share of the calls before a place.
    ///
    /// # Errors
    /// [`BusError`] when NATS does not answer.
    pub async fn purge_events(&self, partition: u16, upto: u64) -> Result<(), BusError> {
        let stream = self.stream(&self.names.events_stream(partition)).await?;
        if stream.cached_info().state.first_sequence >= upto {
            return Ok(());
        }
        let purged = stream.purge().sequence(upto).await;
        purged.map(drop).map_err(|error| BusError(format!("events cannot be purged: {error}")))
    }

    /// Overwrites letters of a subject where they lie. A purge would leave the words in the
    /// server's files.
    pub(super) async fn overwrite<T: DeserializeOwned>(
        &self,
        stream: &str,
        subject: String,
        wanted: impl Fn(u64, &T) -> bool,
    ) -> Result<(), BusError> {
        let handle = self.stream(stream).await?;
        let mut letters: Letters<T> = self.letters(stream, Some(subject), 0).await?;
        let mut places = Vec::new();
        let read = letters.read_all(|Delivered { sequence, letter, .. }| {
            if letter.is_none_or(|letter| wanted(sequence, &letter)) {
                places.push(sequence);
            }
        });
        // Whoever erases it at the same time may have been faster.
        let _ = read.await;
        for &place in &places {
            if let Err(error) = handle.delete_message(place).await
                && handle.get_raw_message(place).await.is_ok()
            {
                return Err(BusError(format!(
                    "letter {place} of stream `{stream}` cannot be erased: {error}"
                )));
            }
        }
        Ok(())
    }

    /// Place of the newest letter of a call that is over.
    ///
    /// # Errors
    /// [`BusError`] when NATS does not answer.
    pub async fn newest_history(&self, call_id: &str) -> Result<Option<u64>, BusError> {
        let subject = self.names.history_subject(call_id);
        let newest: Option<(u64, serde::de::IgnoredAny)> =
            self.newest(&self.names.history_stream(), subject).await?;
        Ok(newest.map(|(place, _)| place))
    }

    async fn letters<T>(
        &self,
        stream: &str,
        subject: Option<String>,
        from: u64,
    ) -> Result<Letters<T>, BusError> {
        let handle = self.stream(stream).await?;
        let config = OrderedConfig {
            filter_subject: subject.unwrap_or_default(),
            deliver_policy: match from {
                0 | 1 => DeliverPolicy::All,
                start_sequence => DeliverPolicy::ByStartSequence { start_sequence },
            },
            ..OrderedConfig::default()
        };
        let failed = |why: String| BusError(format!("stream `{stream}` cannot be read: {why}"));
        let consumer = handle.create_consumer(config).await;
        let consumer = consumer.map_err(|error| failed(error.to_string()))?;
        let waiting = consumer.cached_info().num_pending;
        let messages = consumer.messages().await.map_err(|error| failed(error.to_string()))?;
        let (patience, kind) = (self.answer_timeout, std::marker::PhantomData);
        Ok(Letters { messages, waiting, patience, kind })
    }
}

impl<T: DeserializeOwned> Letters<T> {
    /// Reads what was there when it began, and gives each letter to `take`.
    ///
    /// # Errors
    /// [`BusError`] when NATS does not answer.
    pub async fn read_all(&mut self, mut take: impl FnMut(Delivered<T>)) -> Result<(), BusError> {
        let mut left = self.waiting;
        while left > 0 {
            // What is erased or purged meanwhile never comes.
            let next = tokio::time::timeout(self.patience, self.next()).await;
            let Ok(Some(next)) = next else {
                return Err(BusError("a stream broke off while it was read".into()));
            };
            let delivered = next?;
            left = (left - 1).min(delivered.waiting);
            take(delivered);
        }
        Ok(())
    }
}
