//! One websocket: reads, writes, pings and silence in a single place that can be polled and
//! dropped at any time.
//!
//! Writing never stands in the way of reading and the other way round, so a peer that does not
//! read cannot stop its own heartbeat, nor anything that its task also waits for.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{FutureExt, Sink, Stream, StreamExt};
use prometheus_client::metrics::counter::Counter;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, Interval, MissedTickBehavior, Sleep};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Message, Utf8Bytes};
use tokio_util::sync::CancellationToken;

use super::line::Line;
use super::metrics::Metrics;
use super::pace::Pace;
use super::settings::Settings;

/// Hard cap on a frame and on a message; past it the connection cannot be read on.
const MAX_MESSAGE_BYTES: usize = 1 << 20;
/// Zeroed before each read, so small: see the measurements in ARCHITECTURE.md.
const READ_BUFFER_BYTES: usize = 4 << 10;
const WRITE_BUFFER_BYTES: usize = 16 << 10;
/// Room for the largest message of ours beside a full write buffer.
const MAX_WRITE_BUFFER_BYTES: usize = 8 << 20;
/// Bytes beside messages that may come at once. More than the largest message, which counts as
/// these until all of it is there.
const OTHER_BYTES: usize = 2 << 20;
/// What a message's frame may take beside its text.
const FRAME_BYTES: usize = 64;
/// How long a socket rests that has used up its bytes beside messages.
const REST: Duration = Duration::from_millis(125);
/// How long a peer has to answer our close.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);

/// Close codes of the protocol.
pub(super) mod close {
    pub const GOING_AWAY: u16 = 1001;
    pub const PROTOCOL: u16 = 1002;
    pub const NOT_UTF8: u16 = 1007;
    pub const TOO_BIG: u16 = 1009;
    pub const INTERNAL: u16 = 1011;
    pub const RESTART: u16 = 1012;
    pub const SLOW: u16 = 4008;
    pub const MISUSE: u16 = 4400;
    pub const NO_TOKEN: u16 = 4401;
    pub const FORBIDDEN: u16 = 4403;
    pub const NO_HELLO: u16 = 4408;
    pub const TAKEN_OVER: u16 = 4409;
    pub const TOO_FAST: u16 = 4429;
}

/// What a socket has to say.
#[derive(Debug)]
pub(super) enum Step {
    /// A text message.
    Text(Utf8Bytes),
    /// Everything that waited has been written.
    Written,
    /// Nothing more can be read. With a code: we close, for this reason.
    Over(Option<(u16, &'static str)>),
}

/// Counts the rests.
struct Slowed {
    by_pings: Counter,
    by_other_bytes: Counter,
}

/// A websocket of ours.
pub(super) struct Socket {
    ws: WebSocketStream<Line>,
    outbox: VecDeque<Message>,
    outbox_bytes: usize,
    unflushed: bool,
    ping: Interval,
    heard: Instant,
    /// The last poll did not read, so silence means nothing.
    paused: bool,
    silent: Duration,
    /// Pings and pongs.
    pings: Pace,
    /// Bytes beside messages that it gets for each rest.
    rest_bytes: usize,
    /// It is not read before this is over: too much came that is no message.
    rest: Option<Pin<Box<Sleep>>>,
    slowed: Slowed,
    /// The websocket cannot be read on after an error.
    broken: bool,
    /// Reads JSON from binary frames, and counts other ones and reads on, instead of closing for
    /// them.
    skipped_binaries: Option<Counter>,
}

impl Socket {
    /// Takes over a connection after its upgrade. `read` is what came behind the handshake.
    pub async fn new(
        mut line: Line,
        read: Vec<u8>,
        settings: &Settings,
        metrics: &Metrics,
    ) -> Socket {
        line.allow(OTHER_BYTES);
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(WRITE_BUFFER_BYTES)
            .max_write_buffer_size(MAX_WRITE_BUFFER_BYTES)
            .max_message_size(Some(MAX_MESSAGE_BYTES))
            .max_frame_size(Some(MAX_MESSAGE_BYTES));
        let role = tokio_tungstenite::tungstenite::protocol::Role::Server;
        let ws = WebSocketStream::from_partially_read(line, read, role, Some(config)).await;
        let every = Duration::from_secs(settings.ping_s.max(1));
        let mut ping = tokio::time::interval_at(Instant::now() + every, every);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Socket {
            ws,
            outbox: VecDeque::new(),
            outbox_bytes: 0,
            unflushed: false,
            ping,
            heard: Instant::now(),
            paused: false,
            silent: Duration::from_secs(settings.silent_s),
            pings: Pace::new(settings.pings_per_s, std::time::Instant::now()),
            rest_bytes: rest_bytes(settings.other_bytes_per_s),
            rest: None,
            slowed: Slowed {
                by_pings: metrics.slowed_by("pings"),
                by_other_bytes: metrics.slowed_by("other_bytes"),
            },
            broken: false,
            skipped_binaries: None,
        }
    }

    /// From now on binary frames are taken as text where they hold JSON, as some vendors' do;
    /// others, which are audio, are counted and skipped.
    pub fn skip_binaries(&mut self, counter: Counter) {
        self.skipped_binaries = Some(counter);
    }

    /// Queues a message; it is written by the next `step`.
    pub fn send(&mut self, text: impl Into<Utf8Bytes>) {
        self.push(Message::Text(text.into()));
    }

    /// Queues a message that many consoles share.
    pub fn send_frame(&mut self, frame: Bytes) {
        // Frames are our own JSON, so the check never fails; a message is dropped, not a server.
        if let Ok(text) = Utf8Bytes::try_from(frame) {
            self.send(text);
        }
    }

    /// Bytes that wait for the peer.
    pub fn outbox_bytes(&self) -> usize {
        self.outbox_bytes
    }

    /// Waits for something to happen. May be dropped at any time without loss.
    pub async fn step(&mut self, may_read: bool) -> Step {
        std::future::poll_fn(|context| self.poll_step(context, may_read)).await
    }

    /// What has arrived already, if anything.
    pub fn try_step(&mut self) -> Option<Step> {
        while self.rest.is_none() {
            let message = self.ws.next().now_or_never()?;
            if let Some(step) = self.take_in(message) {
                return Some(step);
            }
        }
        None
    }

    fn push(&mut self, message: Message) {
        self.outbox_bytes += message.len();
        self.outbox.push_back(message);
    }

    /// The same as [`Socket::step`], for who polls more than this.
    pub fn poll_step(&mut self, context: &mut Context<'_>, may_read: bool) -> Poll<Step> {
        let mut ticked = false;
        while self.ping.poll_tick(context).is_ready() {
            self.push(Message::Ping(Bytes::new()));
            ticked = true;
        }
        let written = match self.poll_write(context) {
            Ok(written) => written,
            Err(_) => return Poll::Ready(Step::Over(None)),
        };
        if may_read {
            if std::mem::take(&mut self.paused) {
                self.heard = Instant::now();
            }
            if let Poll::Ready(step) = self.poll_read(context) {
                return Poll::Ready(step);
            }
            // The ping timer ticks often enough to look at the clock then only.
            if ticked && self.heard.elapsed() > self.silent {
                return Poll::Ready(Step::Over(Some((close::GOING_AWAY, "silent for too long"))));
            }
        } else {
            self.paused = true;
        }
        if written { Poll::Ready(Step::Written) } else { Poll::Pending }
    }

    /// Reads on, but rests where too much came that is no message.
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Step> {
        loop {
            if let Some(rest) = &mut self.rest {
                if rest.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                self.rest = None;
                let spent = self.ws.get_ref().is_spent();
                let more = if spent { self.rest_bytes } else { 0 };
                self.ws.get_mut().give_back(more, OTHER_BYTES);
            }
            match Pin::new(&mut self.ws).poll_next(context) {
                Poll::Ready(message) => {
                    if let Some(step) = self.take_in(message) {
                        return Poll::Ready(step);
                    }
                }
                Poll::Pending if self.ws.get_ref().is_spent() => {
                    self.slowed.by_other_bytes.inc();
                    self.rest = Some(Box::pin(tokio::time::sleep(REST)));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// A ping or a pong came.
    fn count_ping(&mut self) {
        let now = std::time::Instant::now();
        if !self.pings.take(now) {
            self.slowed.by_pings.inc();
            self.rest = self.pings.wait(now).map(|wait| Box::pin(tokio::time::sleep(wait)));
        }
    }

    /// Writes what it can. True when something was written and nothing is left.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Result<bool, Error> {
        let mut ws = Pin::new(&mut self.ws);
        while !self.outbox.is_empty() {
            match ws.as_mut().poll_ready(context) {
                Poll::Ready(ready) => ready?,
                Poll::Pending => return Ok(false),
            }
            if let Some(message) = self.outbox.pop_front() {
                self.outbox_bytes -= message.len();
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

    fn take_in(&mut self, message: Option<Result<Message, Error>>) -> Option<Step> {
        let over = |code, reason| Some(Step::Over(Some((code, reason))));
        self.heard = Instant::now();
        self.broken |= matches!(message, Some(Err(_)));
        match message {
            Some(Ok(Message::Text(text))) => {
                self.ws.get_mut().give_back(text.len() + FRAME_BYTES, OTHER_BYTES);
                Some(Step::Text(text))
            }
            Some(Ok(Message::Binary(bytes))) => {
                if let Some(counter) = &self.skipped_binaries {
                    let is_json = matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'['));
                    return match Utf8Bytes::try_from(bytes) {
                        Ok(text) if is_json => {
                            self.ws.get_mut().give_back(text.len() + FRAME_BYTES, OTHER_BYTES);
                            Some(Step::Text(text))
                        }
                        _ => {
                            counter.inc();
                            None
                        }
                    };
                }
                over(close::MISUSE, "binary frame; this endpoint takes text frames of JSON")
            }
            // Pings are answered by tungstenite; the answer to a close is written by a flush.
            Some(Ok(Message::Ping(_))) => {
                self.unflushed = true;
                self.count_ping();
                None
            }
            Some(Ok(Message::Close(_))) => {
                self.unflushed = true;
                None
            }
            Some(Ok(_)) => {
                self.count_ping();
                None
            }
            Some(Err(Error::Capacity(CapacityError::MessageTooLong { .. }))) => {
                over(close::TOO_BIG, "message over 1 MiB")
            }
            Some(Err(Error::Utf8(_))) => over(close::NOT_UTF8, "text that is not UTF-8"),
            Some(Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake))) | None => {
                Some(Step::Over(None))
            }
            Some(Err(Error::Protocol(_))) => over(close::PROTOCOL, "websocket protocol error"),
            Some(Err(_)) => Some(Step::Over(None)),
        }
    }

    /// Closes for good, and says with which code. What waits is sent first; a peer that is too
    /// slow for it gets the close frame next, and more time to come to it. A drain cuts both short.
    pub async fn bye(mut self, drain: &CancellationToken, code: u16, reason: &'static str) -> u16 {
        if code != close::SLOW {
            self.close(code, reason, CLOSE_PATIENCE).await;
            return code;
        }
        self.outbox.clear();
        self.outbox_bytes = 0;
        let patience = self.silent;
        tokio::select! {
            () = drain.cancelled() => {}
            () = self.close(code, reason, patience) => {}
        }
        code
    }

    async fn close(&mut self, code: u16, reason: &'static str, patience: Duration) {
        self.push(Message::Close(Some(CloseFrame { code: code.into(), reason: reason.into() })));
        let goodbye = async {
            let written = std::future::poll_fn(|context| match self.poll_write(context) {
                Ok(false) => Poll::Pending,
                Ok(true) => Poll::Ready(true),
                Err(_) => Poll::Ready(false),
            })
            .await;
            if !written {
                return;
            }
            while matches!(self.ws.next().await, Some(Ok(_))) {}
            if self.broken {
                // Reading what still comes keeps the kernel from answering it with a reset, which
                // would discard our close frame.
                let stream = self.ws.get_mut();
                let _ = stream.shutdown().await;
                // Not an array: it would be a part of every connection's task.
                let mut rest = vec![0; 4096];
                while matches!(stream.read(&mut rest).await, Ok(read) if read > 0) {}
            }
        };
        // A peer that does not answer is left.
        let _ = tokio::time::timeout(patience, goodbye).await;
    }
}

/// What a rest is worth. Never nothing, or a socket that has used up its bytes would be read no more.
fn rest_bytes(per_s: u32) -> usize {
    (f64::from(per_s) * REST.as_secs_f64()).ceil() as usize
}
