//! Open loop: the time of every chunk is fixed beforehand, and what is late counts from the time at
//! which it should have gone out, so a server that stalls is not spared the chunks it held up.

use std::io::{ErrorKind, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::task::JoinSet;

use crate::connection::Connection;
use crate::consoles::Consoles;
use crate::messages::{self, Turns};

/// How long answers may take after the last chunk.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between tries to write where the server does not read.
const FULL_PAUSE: Duration = Duration::from_micros(50);

/// What is sent, and when: chunk `n` at `n / per_s`.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Calls `c-0` … that are open and have said nothing; call `n` is on socket `n % sockets`.
    pub calls: usize,
    /// Sockets.
    pub sockets: usize,
    /// Chunks a second of all calls together.
    pub per_s: f64,
    /// For so long.
    pub seconds: f64,
    /// Of so many chunks one is said in a call of its own, `a-N`, and raises an alert.
    pub alert_every: Option<usize>,
}

/// Time of each chunk until its answer, in seconds and sorted; those of the first half second,
/// when everything grows, are left out.
pub struct Latencies(Vec<f64>);

/// What a run found.
pub struct Outcome {
    /// Until the ack, or the echo.
    pub acked: Latencies,
    /// Until the alert was at a console.
    pub alerted: Latencies,
}

impl Plan {
    fn chunks(&self) -> usize {
        (self.per_s * self.seconds) as usize
    }

    fn due(&self, chunk: usize) -> Duration {
        Duration::from_secs_f64(chunk as f64 / self.per_s)
    }

    fn alerts(&self, chunk: usize) -> bool {
        self.alert_every.is_some_and(|every| chunk % every == every - 1)
    }

    fn socket(&self, chunk: usize) -> usize {
        chunk % self.calls % self.sockets
    }

    /// The calls to open on each socket beforehand.
    pub fn openings(&self) -> Vec<Vec<String>> {
        let mut calls = crate::fill::dealt(self.calls, self.sockets);
        for chunk in (0..self.chunks()).filter(|&chunk| self.alerts(chunk)) {
            calls[self.socket(chunk)].push(format!("a-{chunk}"));
        }
        calls
    }

    fn write(&self, out: &mut Vec<u8>, chunk: usize, turns: &Turns) {
        if self.alerts(chunk) {
            return messages::alerting_chunk(out, &format!("a-{chunk}"));
        }
        let (call, seq) = (chunk % self.calls, (chunk / self.calls) as u64 + 1);
        turns.chunk(out, &format!("c-{call}"), seq, call);
    }

    /// Sends all chunks and waits for their answers. `consoles` are to see every alert.
    ///
    /// # Errors
    /// When a connection fails, or an answer does not come.
    pub async fn run(
        self,
        connections: Vec<Connection>,
        consoles: Option<&mut Consoles>,
        turns: &Arc<Turns>,
    ) -> anyhow::Result<Outcome> {
        // A little later than now, so that the first chunk is in time.
        let start = Instant::now() + Duration::from_millis(20);
        let answers = Arc::new(Answers::new(self, start));
        let mut writers = Vec::new();
        let mut reading = JoinSet::new();
        for connection in connections {
            let Connection { stream, received } = connection;
            let stream = stream.into_std()?;
            writers.push(stream.try_clone()?);
            let stream = tokio::net::TcpStream::from_std(stream)?;
            reading.spawn(read(Connection { stream, received }, self, Arc::clone(&answers)));
        }
        let turns = Arc::clone(turns);
        let sending = thread::spawn(move || send(self, start, &mut writers, &turns));
        let end = start + Duration::from_secs_f64(self.seconds) + PATIENCE;
        while !sending.is_finished() || answers.left() > 0 {
            ensure!(Instant::now() < end, "{} chunks were not answered", answers.left());
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(20)) => {}
                Some(ended) = reading.join_next() => ended?.context("a connection failed")?,
            }
        }
        sending.join().map_err(|_| anyhow::anyhow!("the sender panicked"))??;
        let alerted = match consoles {
            Some(consoles) => self.hear(start, consoles).await?,
            None => Latencies(Vec::new()),
        };
        Ok(Outcome { acked: answers.latencies(), alerted })
    }

    /// When each alert had come to a console.
    async fn hear(&self, start: Instant, consoles: &mut Consoles) -> anyhow::Result<Latencies> {
        let mut waits = vec![None; self.chunks()];
        let mut left = (0..self.chunks()).filter(|&chunk| self.alerts(chunk)).count();
        while left > 0 {
            let heard = tokio::time::timeout(PATIENCE, consoles.heard.recv()).await;
            let heard = heard.with_context(|| format!("{left} alerts did not come"))?;
            let heard = heard.context("the console is gone")?;
            // Calls of the crowd raise alerts, too.
            if self.alerts(heard.call)
                && let Some(wait @ None) = waits.get_mut(heard.call)
            {
                *wait = Some(heard.at.saturating_duration_since(start + self.due(heard.call)));
                left -= 1;
            }
        }
        Ok(self.settled(&waits))
    }

    fn settled(&self, waits: &[Option<Duration>]) -> Latencies {
        let warm = (self.per_s / 2.0) as usize;
        let waits = waits.iter().skip(warm).flatten();
        let mut seconds: Vec<f64> = waits.map(Duration::as_secs_f64).collect();
        seconds.sort_by(f64::total_cmp);
        Latencies(seconds)
    }
}

impl Latencies {
    /// What so large a share is not above, in milliseconds.
    pub fn ms(&self, share: f64) -> f64 {
        let place = (self.0.len() as f64 * share).ceil() as usize;
        self.0.get(place.max(1) - 1).map_or(f64::NAN, |seconds| seconds * 1e3)
    }
}

/// Which chunks have been answered, and when.
struct Answers {
    plan: Plan,
    start: Instant,
    state: Mutex<(Vec<Option<Duration>>, usize)>,
}

impl Answers {
    fn new(plan: Plan, start: Instant) -> Answers {
        let chunks = plan.chunks();
        Answers { plan, start, state: Mutex::new((vec![None; chunks], chunks)) }
    }

    fn left(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    fn note(&self, chunk: usize, at: Instant) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(wait @ None) = state.0.get_mut(chunk) {
            let due = self.start + self.plan.due(chunk);
            *wait = Some(at.saturating_duration_since(due));
            state.1 -= 1;
        }
    }

    fn latencies(&self) -> Latencies {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.plan.settled(&state.0)
    }
}

/// Sends each chunk when it is due. A thread of its own, because the timer of tokio is coarser
/// than the time between two chunks.
fn send(
    plan: Plan,
    start: Instant,
    streams: &mut [TcpStream],
    turns: &Turns,
) -> anyhow::Result<()> {
    let mut out = Vec::new();
    for chunk in 0..plan.chunks() {
        out.clear();
        plan.write(&mut out, chunk, turns);
        thread::sleep((start + plan.due(chunk)).saturating_duration_since(Instant::now()));
        write_all(&mut streams[plan.socket(chunk)], &out)?;
    }
    Ok(())
}

/// The socket is tokio's, so a full one refuses instead of waiting.
fn write_all(stream: &mut TcpStream, mut bytes: &[u8]) -> anyhow::Result<()> {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(FULL_PAUSE),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Reads answers of one socket for ever. An ack answers all chunks of its call up to its `seq`.
async fn read(mut connection: Connection, plan: Plan, answers: Arc<Answers>) -> anyhow::Result<()> {
    let mut acked = vec![0; plan.calls.div_ceil(plan.sockets)];
    loop {
        let taken = connection.receive(|message| {
            let now = Instant::now();
            match messages::address(message) {
                Some((b'a', chunk, _)) => answers.note(chunk, now),
                Some((_, call, seq)) => {
                    let before = &mut acked[call / plan.sockets];
                    for seq in *before + 1..=seq {
                        answers.note((seq as usize - 1) * plan.calls + call, now);
                    }
                    *before = seq;
                }
                None => {}
            }
            Ok(())
        });
        taken.await?;
    }
}
