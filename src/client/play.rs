//! Plays calls on one connection as a call platform would, through thick and thin.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::backoff::Backoff;
use super::connect::{ConnectError, Target};
use super::feed::{Feed, Next, Pace};
use super::messages::{Incoming, Limits, Scored};
use super::script::{Script, Speed};
use super::socket::{Ending, Socket, Step};
use super::tally::Tally;

/// Messages handed to the socket at a time.
const BATCH: usize = 64;
/// How long a new connection may take to say `ready`.
const READY_PATIENCE: Duration = Duration::from_secs(10);
/// How long a message may be without any answer.
const ANSWER_PATIENCE: Duration = Duration::from_secs(60);
/// How long to try to come back. A server keeps the calls for a minute.
const RECONNECT_PATIENCE: Duration = Duration::from_secs(120);

/// How calls are played.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How fast.
    pub speed: Speed,
    /// Most calls open at a time.
    pub at_once: usize,
    /// Least time between the starts of two calls.
    pub stagger: Duration,
}

/// Something to hear about while calls are played.
#[derive(Debug)]
pub enum Note {
    /// A line for the user.
    Line(String),
    /// A score, when the url asks for scores.
    Score(Box<Scored>),
}

/// Why calls could not be played to their end.
#[derive(Debug, Error)]
pub enum PlayError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The connection ended.
    #[error(transparent)]
    Ended(#[from] Ending),
}

impl PlayError {
    fn is_temporary(&self) -> bool {
        match self {
            PlayError::Connect(error) => error.is_temporary(),
            PlayError::Ended(ending) => ending.is_temporary(),
        }
    }
}

/// Plays `calls`; comes back when everything is acked or given up.
///
/// # Errors
/// [`PlayError`] when the server cannot be reached, or not any more. What is left then is counted
/// as un-acked.
pub async fn play(
    target: &Target,
    calls: impl Iterator<Item = Script>,
    settings: &Settings,
    tally: Arc<Tally>,
    notes: mpsc::Sender<Note>,
) -> Result<(), PlayError> {
    let Settings { speed, at_once, stagger } = *settings;
    let pace = Pace { speed, at_once: at_once.max(1), stagger };
    let feed = Feed::new(calls, pace, Arc::clone(&tally));
    let mut player = Player { feed, begin: Instant::now(), last_ready: None, notes };
    let mut backoff = Backoff::default();
    let mut said = String::new();
    loop {
        let before = player.last_ready;
        let Err(error) = player.session(target).await else { return Ok(()) };
        if player.feed.is_done() {
            return Ok(());
        }
        if player.last_ready != before {
            backoff.reset();
        }
        let hopeless = player.last_ready.is_none_or(|at| at.elapsed() > RECONNECT_PATIENCE);
        if hopeless || !error.is_temporary() {
            player.feed.abandon();
            return Err(error);
        }
        // Once for each trouble, not for each try.
        let line = format!("{error}; coming back");
        if line != said {
            player.say(line.clone()).await;
            said = line;
        }
        sleep(backoff.pause()).await;
        Tally::add(&tally.reconnects, 1);
    }
}

struct Player<I> {
    feed: Feed<I>,
    begin: Instant,
    /// When a connection was last good.
    last_ready: Option<Instant>,
    notes: mpsc::Sender<Note>,
}

impl<I: Iterator<Item = Script>> Player<I> {
    /// One connection, from its handshake to its end. `Ok` when everything is done.
    async fn session(&mut self, target: &Target) -> Result<(), PlayError> {
        let mut socket = target.connect().await?;
        let limits = ready(&mut socket).await?;
        self.feed.connected(limits);
        let mut heard = Instant::now();
        loop {
            self.last_ready = Some(Instant::now());
            if self.feed.under_way() == 0 {
                heard = Instant::now();
            }
            let next = self.fill(&mut socket);
            let wake = match next {
                Next::Done => {
                    socket.close().await;
                    return Ok(());
                }
                Next::At(at) => Some(self.begin + at),
                _ => None,
            };
            let silent = heard + ANSWER_PATIENCE;
            tokio::select! {
                step = socket.step() => {
                    let mut step = Some(step);
                    while let Some(now) = step {
                        match now {
                            Step::Text(text) => {
                                heard = Instant::now();
                                self.take(&text).await;
                            }
                            Step::Written => {}
                            Step::Over(ending) => return Err(ending.into()),
                        }
                        step = socket.try_step();
                    }
                }
                () = sleep_until(wake.unwrap_or(silent)), if wake.is_some() => {}
                () = sleep_until(silent), if self.feed.under_way() > 0 => {
                    let seconds = ANSWER_PATIENCE.as_secs();
                    return Err(Ending::Lost(format!("no answer for {seconds} s")).into());
                }
            }
        }
    }

    /// Hands the socket what is due.
    fn fill(&mut self, socket: &mut Socket) -> Next {
        while socket.waiting() < BATCH {
            match self.feed.next(self.begin.elapsed()) {
                Next::Send(text) => socket.send(text),
                other => return other,
            }
        }
        Next::Wait
    }

    async fn take(&mut self, text: &str) {
        let line = match serde_json::from_str::<Incoming>(text) {
            Ok(Incoming::Score(scored)) => {
                // Nobody listens any more only when we are being stopped.
                let _ = self.notes.send(Note::Score(Box::new(scored))).await;
                return;
            }
            Ok(answer) => self.feed.answer(answer, self.begin.elapsed()),
            Err(error) => Some(format!("the server sent what is no answer: {error}")),
        };
        if let Some(line) = line {
            self.say(line).await;
        }
    }

    async fn say(&self, line: String) {
        let _ = self.notes.send(Note::Line(line)).await;
    }
}

/// Waits for the first message of the server.
async fn ready(socket: &mut Socket) -> Result<Limits, Ending> {
    let first = async {
        loop {
            match socket.step().await {
                Step::Text(text) => match serde_json::from_str::<Incoming>(&text) {
                    Ok(Incoming::Ready { limits }) => return Ok(limits),
                    _ => return Err(Ending::Lost("its first message was not `ready`".into())),
                },
                Step::Written => {}
                Step::Over(ending) => return Err(ending),
            }
        }
    };
    timeout(READY_PATIENCE, first)
        .await
        .unwrap_or_else(|_| Err(Ending::Lost("it did not say `ready`".into())))
}
