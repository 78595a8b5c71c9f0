//! What is not kept: signs of life, risks, questions between nodes. Core NATS.

use std::time::Duration;

use async_nats::Subscriber;
use futures_util::StreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Bus, BusError};

/// A subject that is listened to.
#[derive(Debug)]
pub struct Inbox(Subscriber);

/// Something that came.
#[derive(Debug)]
pub struct Posted {
    message: async_nats::Message,
}

impl Inbox {
    /// Waits for the next. `None` when the connection was given up for good.
    pub async fn next(&mut self) -> Option<Posted> {
        self.0.next().await.map(|message| Posted { message })
    }
}

impl Posted {
    /// What it says, if that can be read.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.message.payload).ok()
    }
}

impl Bus {
    /// Listens to a subject from now on.
    ///
    /// # Errors
    /// [`BusError`] when that is not possible.
    pub async fn listen(&self, subject: String) -> Result<Inbox, BusError> {
        let subscriber = self.client.subscribe(subject).await;
        subscriber.map(Inbox).map_err(|error| BusError(error.to_string()))
    }

    /// Says something to whoever listens. What cannot be said now is not said at all.
    pub async fn post<T: Serialize>(&self, subject: String, what: &T) {
        let Ok(text) = serde_json::to_vec(what) else { return };
        if !self.is_connected() {
            return;
        }
        if let Err(error) = self.client.publish(subject, text.into()).await {
            tracing::debug!(%error, "not posted");
        }
    }

    /// Waits until what was posted is on its way.
    pub async fn flush(&self) {
        if self.is_connected() {
            let _ = tokio::time::timeout(self.answer_timeout, self.client.flush()).await;
        }
    }

    /// Answers a question.
    pub async fn answer<T: Serialize>(&self, question: &Posted, what: &T) {
        if let Some(reply) = &question.message.reply {
            self.post(reply.to_string(), what).await;
        }
    }

    /// Asks one listener, and waits for the answer at most the time set for answers.
    ///
    /// # Errors
    /// [`BusError`] when nobody listens, or nobody answered in time.
    pub async fn ask<Q: Serialize, A: DeserializeOwned>(
        &self,
        subject: String,
        question: &Q,
    ) -> Result<A, BusError> {
        let text = serde_json::to_vec(question).map_err(|error| BusError(error.to_string()))?;
        let answer = self.client.request(subject, text.into()).await;
        let answer = answer.map_err(|error| BusError(error.to_string()))?;
        serde_json::from_slice(&answer.payload).map_err(|error| BusError(error.to_string()))
    }

    /// Asks everybody, and waits so long for a first answer that is `wanted`.
    pub async fn ask_all<Q: Serialize, A: DeserializeOwned>(
        &self,
        subject: String,
        question: &Q,
        patience: Duration,
        mut wanted: impl FnMut(&A) -> bool,
    ) -> Option<A> {
        let text = serde_json::to_vec(question).ok()?;
        let inbox = self.client.new_inbox();
        let mut answers = self.client.subscribe(inbox.clone()).await.ok()?;
        self.client.publish_with_reply(subject, inbox, text.into()).await.ok()?;
        let first = async {
            while let Some(message) = answers.next().await {
                let answer = serde_json::from_slice::<A>(&message.payload).ok();
                if let Some(answer) = answer.filter(|answer| wanted(answer)) {
                    return Some(answer);
                }
            }
            None
        };
        tokio::time::timeout(patience, first).await.ok().flatten()
    }
}
