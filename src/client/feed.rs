//! The calls of one connection: what to send next, and what the answers mean.
//!
//! Pure: time comes in as the time since the play began, messages go out as text. So credits,
//! going back after a gap, and resuming can be tested without a socket.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::messages::{Incoming, Limits};
use super::script::{Script, Speed};
use super::tally::Tally;

/// Pause before what the server refused for the time being is sent again.
const TEMPORARY_PAUSE: Duration = Duration::from_secs(1);
/// How often the server may ask for the same message again before the call is given up.
const MAX_REPEATS: u32 = 5;

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Send this.
    Send(String),
    /// Nothing before that time.
    At(Duration),
    /// Nothing before the server answers.
    Wait,
    /// Everything is done.
    Done,
}

/// How calls are taken up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub speed: Speed,
    /// Most calls open at a time.
    pub at_once: usize,
    /// Least time between two calls' starts.
    pub stagger: Duration,
}

/// A call in play.
struct Playing {
    script: Script,
    begun: Duration,
    /// The server has answered its `call_start` on this connection.
    open: bool,
    /// Highest durable message.
    acked: u64,
    /// The message to send next.
    next: u64,
    /// Highest message ever sent.
    reached: u64,
    /// Under way: number and bytes.
    sent: VecDeque<(u64, usize)>,
    /// Bytes of the `call_start` under way.
    starting: Option<usize>,
    /// It has its place in `due`.
    queued: bool,
    /// How often the server has asked for `acked + 1` again.
    repeats: u32,
}

pub(super) struct Feed<I> {
    source: I,
    /// The next call of the source, taken out to see whether there is one.
    upcoming: Option<Script>,
    pace: Pace,
    next_start: Duration,
    calls: HashMap<Arc<str>, Playing>,
    /// Calls whose `call_start` is to be sent, and when.
    starts: VecDeque<(Duration, Arc<str>)>,
    /// When each open call has its next message; the number keeps equal times in order.
    due: BinaryHeap<Reverse<(Duration, u64, Arc<str>)>>,
    ticket: u64,
    limits: Limits,
    under_way: usize,
    under_way_bytes: usize,
    tally: Arc<Tally>,
}

impl<I: Iterator<Item = Script>> Feed<I> {
    pub fn new(mut source: I, pace: Pace, tally: Arc<Tally>) -> Feed<I> {
        let upcoming = source.next();
        Feed {
            source,
            upcoming,
            pace,
            next_start: Duration::ZERO,
            calls: HashMap::new(),
            starts: VecDeque::new(),
            due: BinaryHeap::new(),
            ticket: 0,
            limits: Limits::default(),
            under_way: 0,
            under_way_bytes: 0,
            tally,
        }
    }

    /// A connection is there. Every open call is started again on it.
    pub fn connected(&mut self, limits: Limits) {
        self.limits = limits;
        (self.under_way, self.under_way_bytes) = (0, 0);
        self.starts.clear();
        self.due.clear();
        for (call_id, call) in &mut self.calls {
            (call.open, call.queued, call.starting) = (false, false, None);
            call.sent.clear();
            self.starts.push_back((Duration::ZERO, Arc::clone(call_id)));
        }
    }

    /// Messages sent and not answered.
    pub fn under_way(&self) -> usize {
        self.under_way
    }

    /// Whether nothing is left to do.
    pub fn is_done(&self) -> bool {
        self.calls.is_empty() && self.upcoming.is_none()
    }

    /// Counts everything that is left as lost.
    pub fn abandon(&mut self) {
        for call in self.calls.values() {
            Tally::add(&self.tally.unacked, call.script.messages() - call.acked);
        }
        self.calls.clear();
        for script in self.upcoming.take().into_iter().chain(self.source.by_ref()) {
            Tally::add(&self.tally.calls, 1);
            Tally::add(&self.tally.unacked, script.messages());
        }
    }

    /// The next message, if one is due and the credits allow it.
    pub fn next(&mut self, now: Duration) -> Next {
        if self.under_way >= self.limits.credits.max(1) {
            return Next::Wait;
        }
        if let Some((at, call_id)) = self.starts.front()
            && *at <= now
        {
            let call_id = Arc::clone(call_id);
            return self.start(&call_id);
        }
        if self.calls.len() < self.pace.at_once
            && self.next_start <= now
            && let Some(script) = self.upcoming.take()
        {
            return self.begin(script, now);
        }
        while let Some(Reverse((at, _, call_id))) = self.due.peek()
            && *at <= now
        {
            let call_id = Arc::clone(call_id);
            if let Some(next) = self.message(&call_id) {
                return next;
            }
            self.due.pop();
        }
        self.idle()
    }

    fn idle(&self) -> Next {
        if self.is_done() {
            return Next::Done;
        }
        let starts = self.starts.front().map(|(at, _)| *at);
        let due = self.due.peek().map(|Reverse((at, ..))| *at);
        let room = self.upcoming.is_some() && self.calls.len() < self.pace.at_once;
        let begin = room.then_some(self.next_start);
        starts.into_iter().chain(due).chain(begin).min().map_or(Next::Wait, Next::At)
    }

    fn begin(&mut self, script: Script, now: Duration) -> Next {
        self.upcoming = self.source.next();
        self.next_start = now + self.pace.stagger;
        Tally::add(&self.tally.calls, 1);
        let call_id: Arc<str> = Arc::from(script.call_id.as_str());
        let call = Playing {
            script,
            begun: now,
            open: false,
            acked: 0,
            next: 1,
            reached: 0,
            sent: VecDeque::new(),
            starting: None,
            queued: false,
            repeats: 0,
        };
        self.calls.insert(Arc::clone(&call_id), call);
        self.starts.push_front((now, Arc::clone(&call_id)));
        self.start(&call_id)
    }

    fn start(&mut self, call_id: &Arc<str>) -> Next {
        let Some(call) = self.calls.get_mut(call_id) else {
            self.starts.pop_front();
            return Next::At(Duration::ZERO);
        };
        let text = call.script.start();
        if self.under_way > 0 && self.under_way_bytes + text.len() > self.limits.credit_bytes {
            return Next::Wait;
        }
        self.starts.pop_front();
        call.starting = Some(text.len());
        self.under_way += 1;
        self.under_way_bytes += text.len();
        Next::Send(text)
    }

    /// The next message of a call; `None` when its place in the queue is stale.
    fn message(&mut self, call_id: &Arc<str>) -> Option<Next> {
        let call = self.calls.get_mut(call_id)?;
        if !call.open || call.next > call.script.messages() {
            call.queued = false;
            return None;
        }
        let text = call.script.message(call.next);
        if self.under_way > 0 && self.under_way_bytes + text.len() > self.limits.credit_bytes {
            return Some(Next::Wait);
        }
        self.due.pop();
        call.queued = false;
        call.sent.push_back((call.next, text.len()));
        self.under_way += 1;
        self.under_way_bytes += text.len();
        if call.next > call.reached {
            call.reached = call.next;
            Tally::add(&self.tally.chunks, u64::from(call.script.is_chunk(call.next)));
        }
        call.next += 1;
        self.queue(call_id, Duration::ZERO);
        Some(Next::Send(text))
    }

    /// Gives a call its place for the next message, not before `earliest`.
    fn queue(&mut self, call_id: &Arc<str>, earliest: Duration) {
        let Some(call) = self.calls.get_mut(call_id) else { return };
        if call.queued || !call.open || call.next > call.script.messages() {
            return;
        }
        call.queued = true;
        let at = call.begun + call.script.due(call.next, self.pace.speed);
        self.ticket += 1;
        self.due.push(Reverse((at.max(earliest), self.ticket, Arc::clone(call_id))));
    }

    /// Takes in an answer. Hands back what the user should hear.
    pub fn answer(&mut self, answer: Incoming, now: Duration) -> Option<String> {
        match answer {
            Incoming::Started { call_id, last_seq, ended } => {
                self.started(&call_id, last_seq, ended)
            }
            Incoming::Ack { call_id, seq } => {
                self.ack(&call_id, seq);
                None
            }
            Incoming::Nack { call_id, expected } => self.nack(&call_id, expected),
            Incoming::Error { code, message, call_id, seq, temporary } => {
                let Some(call_id) = call_id else {
                    Tally::add(&self.tally.errors, 1);
                    return Some(format!("{code}: {message}"));
                };
                self.refused(&call_id, &code, &message, seq, temporary, now)
            }
            Incoming::Ready { .. } | Incoming::Score(_) | Incoming::Unknown => None,
        }
    }

    fn started(&mut self, call_id: &str, last_seq: u64, ended: bool) -> Option<String> {
        let (key, call) = self.calls.get_key_value(call_id)?;
        let (key, total) = (Arc::clone(key), call.script.messages());
        self.release(&key);
        if last_seq > total || (ended && last_seq < total) {
            let why = format!(
                "the server holds {last_seq} messages of a {} call of this id, the recording has \
                 {total}; play it under another id with --id-prefix",
                if ended { "finished" } else { "running" }
            );
            return self.give_up(&key, &why);
        }
        let repeated = ended && self.calls.get(&key).is_some_and(|call| call.reached == 0);
        let call = self.calls.get_mut(&key)?;
        // A server whose journal is gone has less than it acked: it gets everything again.
        if last_seq < call.acked {
            Tally::take(&self.tally.acked, call.acked - last_seq);
            call.acked = last_seq;
        }
        (call.open, call.next) = (true, last_seq + 1);
        self.ack(&key, last_seq);
        self.queue(&key, Duration::ZERO);
        repeated.then(|| {
            format!("{call_id}: the server has it already, to its end; to play it again, use --id-prefix")
        })
    }

    fn ack(&mut self, call_id: &str, seq: u64) {
        let Some(call) = self.calls.get_mut(call_id) else { return };
        let seq = seq.min(call.script.messages());
        while call.sent.front().is_some_and(|(number, _)| *number <= seq)
            && let Some((_, bytes)) = call.sent.pop_front()
        {
            self.under_way -= 1;
            self.under_way_bytes -= bytes;
        }
        if seq > call.acked {
            Tally::add(&self.tally.acked, seq - call.acked);
            (call.acked, call.repeats) = (seq, 0);
        }
        if call.acked == call.script.messages() {
            self.calls.remove(call_id);
            Tally::add(&self.tally.ended, 1);
        }
    }

    fn nack(&mut self, call_id: &str, expected: u64) -> Option<String> {
        let (key, _) = self.calls.get_key_value(call_id)?;
        let key = Arc::clone(key);
        // A gap at `expected` says that everything before it has arrived.
        self.ack(&key, expected.saturating_sub(1));
        self.go_back(&key, expected, Duration::ZERO)
    }

    /// Sends again from `seq`, which the server asked for.
    fn go_back(&mut self, key: &Arc<str>, seq: u64, earliest: Duration) -> Option<String> {
        let call = self.calls.get_mut(key)?;
        call.repeats += 1;
        if call.repeats > MAX_REPEATS {
            let why = format!("the server asked for message {seq} {MAX_REPEATS} times");
            return self.give_up(key, &why);
        }
        call.next = seq.clamp(1, call.next);
        while call.sent.back().is_some_and(|(number, _)| *number >= seq)
            && let Some((_, bytes)) = call.sent.pop_back()
        {
            self.under_way -= 1;
            self.under_way_bytes -= bytes;
        }
        self.queue(key, earliest);
        None
    }

    fn refused(
        &mut self,
        call_id: &str,
        code: &str,
        message: &str,
        seq: Option<u64>,
        temporary: bool,
        now: Duration,
    ) -> Option<String> {
        let (key, call) = self.calls.get_key_value(call_id)?;
        let (key, open) = (Arc::clone(key), call.open);
        let later = now + TEMPORARY_PAUSE;
        match (seq, temporary) {
            // Start it again, which says where to go on. What else was under way for it gets the
            // same answer.
            (Some(seq), _) if code == "unknown_call" => {
                if !open {
                    return None;
                }
                let given_up = self.go_back(&key, seq, now);
                if let Some(call) = self.calls.get_mut(&key) {
                    call.open = false;
                    self.starts.push_back((now, key));
                }
                given_up
            }
            (Some(seq), true) => self.go_back(&key, seq, later),
            (None, true) => {
                self.release(&key);
                self.starts.push_back((later, key));
                None
            }
            _ if code == "taken_over" || code == "call_ended" => self.give_up(&key, message),
            // It counts as received and is acked in its turn.
            (Some(_), false) => {
                Tally::add(&self.tally.errors, 1);
                Some(format!("{call_id}: {code}: {message}"))
            }
            (None, false) => self.give_up(&key, &format!("{code}: {message}")),
        }
    }

    /// The `call_start` under way has been answered.
    fn release(&mut self, key: &Arc<str>) {
        if let Some(bytes) = self.calls.get_mut(key).and_then(|call| call.starting.take()) {
            self.under_way -= 1;
            self.under_way_bytes -= bytes;
        }
    }

    fn give_up(&mut self, key: &Arc<str>, why: &str) -> Option<String> {
        self.release(key);
        let call = self.calls.remove(key)?;
        for (_, bytes) in &call.sent {
            self.under_way -= 1;
            self.under_way_bytes -= bytes;
        }
        Tally::add(&self.tally.errors, 1);
        Tally::add(&self.tally.unacked, call.script.messages() - call.acked);
        Some(format!("{key}: given up: {why}"))
    }
}

#[cfg(test)]
mod tests;
