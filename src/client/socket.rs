//! One websocket of a client: reads and writes in a single place that can be polled and dropped.
//!
//! Writing never stands in the way of reading: a server that stops reading because its answers
//! are not taken would otherwise wait for us for ever, and we for it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{FutureExt, Sink, Stream, StreamExt};
use thiserror::Error;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::Error as WsError;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, frame::coding::CloseCode};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::tls::Wire;

/// How long the server has to answer our close.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Ending {
    /// The server closed it.
    #[error("the server closed the connection with code {code}: {reason}")]
    Closed {
        /// Its close code.
        code: u16,
        /// What it said.
        reason: String,
    },
    /// It broke.
    #[error("the connection broke: {0}")]
    Lost(String),
}

impl Ending {
    /// Whether to come back. Codes that say "fix it first" are final; what is unknown is not.
    pub fn is_temporary(&self) -> bool {
        !matches!(self, Ending::Closed { code: 1002 | 1003 | 1007..=1010 | 4400 | 4401 | 4403, .. })
    }
}

/// What a socket has to say.
#[derive(Debug)]
pub(super) enum Step {
    /// A text message.
    Text(Utf8Bytes),
    /// Everything that waited has been written.
    Written,
    /// Nothing more comes.
    Over(Ending),
}

/// A connection to a server.
#[derive(Debug)]
pub(super) struct Socket {
    ws: WebSocketStream<Box<dyn Wire>>,
    outbox: VecDeque<Message>,
    unflushed: bool,
}

impl Socket {
    /// Takes over a connection after its handshake.
    pub fn new(ws: WebSocketStream<Box<dyn Wire>>) -> Socket {
        Socket { ws, outbox: VecDeque::new(), unflushed: false }
    }

    /// Queues a message; it is written by the next `step`.
    pub fn send(&mut self, text: String) {
        self.outbox.push_back(Message::Text(text.into()));
    }

    /// Messages that wait to be written.
    pub fn waiting(&self) -> usize {
        self.outbox.len()
    }

    /// Waits for something to happen. May be dropped at any time without loss.
    pub async fn step(&mut self) -> Step {
        std::future::poll_fn(|context| self.poll_step(context)).await
    }

    /// The next text message or the end, if it has arrived already.
    pub fn try_step(&mut self) -> Option<Step> {
        loop {
            let message = self.ws.next().now_or_never()?;
            if let Some(step) = self.take_in(message) {
                return Some(step);
            }
        }
    }

    /// Says goodbye and gives the server a moment to answer.
    pub async fn close(mut self) {
        let frame = CloseFrame { code: CloseCode::Normal, reason: "done".into() };
        self.outbox.push_back(Message::Close(Some(frame)));
        let goodbye = async { while !matches!(self.step().await, Step::Over(_)) {} };
        // A server that does not answer is left.
        let _ = tokio::time::timeout(CLOSE_PATIENCE, goodbye).await;
    }

    fn poll_step(&mut self, context: &mut Context<'_>) -> Poll<Step> {
        let written = match self.poll_write(context) {
            Ok(written) => written,
            // What the server said before it went is worth more than our failure to write.
            Err(error) => return Poll::Ready(self.last_words(&error)),
        };
        while let Poll::Ready(message) = Pin::new(&mut self.ws).poll_next(context) {
            if let Some(step) = self.take_in(message) {
                return Poll::Ready(step);
            }
        }
        if written { Poll::Ready(Step::Written) } else { Poll::Pending }
    }

    /// Writes what it can. True when something was written and nothing is left.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Result<bool, WsError> {
        let mut ws = Pin::new(&mut self.ws);
        while !self.outbox.is_empty() {
            match ws.as_mut().poll_ready(context) {
                Poll::Ready(ready) => ready?,
                Poll::Pending => return Ok(false),
            }
            if let Some(message) = self.outbox.pop_front() {
                ws.as_mut().start_send(message)?;
                self.unflushed = true;
            }
        }
        if !self.unflushed {
            return Ok(false);
        }
        match ws.poll_flush(context) {
            Poll::Ready(flushed) => {
                flushed?;
                self.unflushed = false;
                Ok(true)
            }
            Poll::Pending => Ok(false),
        }
    }

    fn last_words(&mut self, error: &WsError) -> Step {
        self.outbox.clear();
        self.unflushed = false;
        self.try_step().unwrap_or_else(|| Step::Over(Ending::Lost(error.to_string())))
    }

    fn take_in(&mut self, message: Option<Result<Message, WsError>>) -> Option<Step> {
        let lost = |why: String| Some(Step::Over(Ending::Lost(why)));
        match message {
            Some(Ok(Message::Text(text))) => Some(Step::Text(text)),
            Some(Ok(Message::Close(frame))) => {
                let (code, reason) = frame.map_or((1005, String::new()), |frame| {
                    (frame.code.into(), frame.reason.to_string())
                });
                Some(Step::Over(Ending::Closed { code, reason }))
            }
            // tungstenite has queued the answer to a ping; a flush writes it.
            Some(Ok(Message::Ping(_))) => {
                self.unflushed = true;
                None
            }
            Some(Ok(_)) => None,
            Some(Err(error)) => lost(error.to_string()),
            None => lost("it ended without a close".into()),
        }
    }
}
