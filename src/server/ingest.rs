//! The socket of a call platform: one task that reads, feeds the desk, and acks.

mod acks;
mod wait;

use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Extension;
use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::http::{Response, StatusCode};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use acks::{Acks, Pending, Unacked};
use wait::{Bringing, Drained, Event, is_over};

use super::fair::Share;
use super::guard::{Caller, while_granted};
use super::listener::upgrade;
use super::metrics::Refusal;
use super::pace::Pace;
use super::socket::{Socket, Step, close};
use super::{App, Settings, handshake, rest, vendor};
use crate::desk::{Later, Now, Platform, Taken};
use crate::hub::Publication;
use crate::journal::Permit;
use crate::wire::answers::Answer;
use crate::wire::vendors::{Adapter, Format};
use crate::wire::{Code, Problem, decode, refuse_too_large};

const ENDPOINT: &str = "ingest";
pub(super) const SUBPROTOCOL: &str = "escalation.ingest.v1";

/// `GET /v1/ingest`.
pub(super) async fn endpoint(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<HashMap<String, String>>,
    request: Request,
) -> Response<Body> {
    if app.drain.is_cancelled() {
        return rest::overloaded("the server is restarting; try again");
    }
    let vendor = match vendor(&app, &query) {
        Ok(vendor) => vendor,
        Err(text) => return rest::problem(StatusCode::BAD_REQUEST, "bad_request", &text),
    };
    let wants_scores = match query.get("scores").map(String::as_str) {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => {
            let text = "`scores` must be true or false";
            return rest::problem(StatusCode::BAD_REQUEST, "bad_request", text);
        }
    };
    let origins = &app.settings.allowed_origins;
    let accepted = match handshake::accept(request.headers(), SUBPROTOCOL, origins) {
        Ok(accepted) => accepted,
        Err(response) => return *response,
    };
    app.audit.login(&caller, caller.grant.user.as_deref().unwrap_or(""), "/v1/ingest");
    let misuse = accepted.unknown_subprotocol;
    upgrade(Arc::clone(&app), request, ENDPOINT, move |socket| async move {
        if misuse {
            return socket.bye(&app.drain, close::MISUSE, "unknown subprotocol").await;
        }
        Connection::new(app, socket, wants_scores, vendor, caller).run().await
    });
    accepted.response
}

/// What reads the messages, when they are not protocol v1 itself.
fn vendor(app: &App, query: &HashMap<String, String>) -> Result<Option<Adapter>, String> {
    let name = query.get("format").map_or("native", String::as_str);
    match Format::named(name) {
        Some(Format::Native) => Ok(None),
        Some(format) => {
            let facts = vendor::facts(query, &app.wire)?;
            Ok(Some(vendor::adapter(app, format, facts)))
        }
        None => Err(format!("format `{name}` is unknown; use one of {}", Format::names())),
    }
}

struct Connection {
    app: Arc<App>,
    caller: Caller,
    socket: Socket,
    platform: Platform,
    /// Reads the messages of a vendor; protocol v1 when there is none.
    vendor: Option<Adapter>,
    /// The frame that the vendor's messages in line come from: when it was read, and its bytes
    /// that are not accounted for yet.
    frame: (Instant, usize),
    wants_scores: bool,
    /// Read and not yet taken by the desk.
    inbox: VecDeque<(Utf8Bytes, Instant)>,
    pending: VecDeque<Pending>,
    pending_bytes: usize,
    pace: Pace,
    share: Share,
    /// All connections of its guest together, or all that bring much, are over their rate until
    /// then.
    slow_until: Option<Instant>,
    /// It is over its own rate.
    is_slow: bool,
    /// It was not read in the last round, for want of room.
    paused: bool,
    /// Until a first `call_start`.
    silent_until: Option<tokio::time::Instant>,
    /// Calls that others took, of which the platform has still to be told.
    lost: Vec<Arc<str>>,
    /// The call that is looked for on other nodes; nothing else is taken meanwhile.
    bringing: Option<Bringing>,
}

impl Connection {
    fn new(
        app: Arc<App>,
        mut socket: Socket,
        wants_scores: bool,
        vendor: Option<Adapter>,
        caller: Caller,
    ) -> Connection {
        let hello = Duration::from_secs(app.settings.hello_s);
        if let Some(vendor) = &vendor {
            socket.skip_binaries(app.metrics.vendor_skips(vendor.format().name()));
        }
        Connection {
            platform: Platform::new(Arc::clone(&app.desk))
                .within(Arc::clone(&caller.grant.scopes))
                .counted(&caller.guest.calls),
            slow_until: None,
            is_slow: false,
            caller,
            pace: Pace::new(app.settings.ingest_messages_per_s, Instant::now()),
            share: app.fair.share(Instant::now()),
            app,
            socket,
            wants_scores,
            inbox: VecDeque::new(),
            pending: VecDeque::new(),
            pending_bytes: 0,
            paused: false,
            // A vendor dials when it likes to, and says something when there is something.
            silent_until: vendor.is_none().then(|| tokio::time::Instant::now() + hello),
            vendor,
            frame: (Instant::now(), 0),
            lost: Vec::new(),
            bringing: None,
        }
    }

    /// Serves the connection. Returns what we closed it with, 0 when the peer did.
    async fn run(mut self) -> u16 {
        let grant = Arc::clone(&self.caller.grant);
        let over = while_granted(&grant, self.serve()).await;
        if self.app.drain.is_cancelled() {
            self.wait_for_commits().await;
        }
        self.answer();
        let Connection { app, socket, platform, .. } = self;
        // From here on its calls wait for another connection.
        drop(platform);
        match over {
            Some((code, reason)) => socket.bye(&app.drain, code, reason).await,
            None => 0,
        }
    }

    /// Serves until the connection is over; says with which code to close it, if it is for us.
    async fn serve(&mut self) -> Option<(u16, &'static str)> {
        let app = Arc::clone(&self.app);
        let slot = Arc::clone(self.platform.slot());
        let mut drained = pin!(Drained::new(&app.drain));
        let mut erasures = app.erasures.subscribe();
        self.socket.send(Answer::Ready { limits: app.limits }.to_json());
        loop {
            self.feed_what_fits();
            self.answer();
            if self.lost_its_last_call() {
                return Some((close::TAKEN_OVER, "the last call here was taken over"));
            }
            let wait = self.wait();
            let may_read = self.note_room() && wait.is_none();
            let mut pause = pin!(wait.map(tokio::time::sleep));
            let mut permit = pin!(self.has_work().then(|| app.desk.journal().permit()));
            // A call_start that waits for the journal has come.
            let no_hello = self.silent_until.filter(|_| self.inbox.is_empty());
            let mut no_hello = pin!(no_hello.map(tokio::time::sleep_until));
            let mut erased = pin!(self.vendor.is_some().then(|| erasures.changed()));
            // One function in place of a `select!`: what is not waited for costs nothing, and what
            // has been waited for before need not be registered again.
            let event = std::future::poll_fn(|context| {
                if drained.as_mut().poll(context).is_ready() {
                    return Poll::Ready(Event::Drain);
                }
                if let Some(bringing) = &mut self.bringing
                    && let Poll::Ready(brought) = bringing.as_mut().poll(context)
                {
                    return Poll::Ready(Event::Brought(brought));
                }
                if slot.poll_changed(context).is_ready() {
                    return Poll::Ready(Event::Look);
                }
                if let Some(permit) = permit.as_mut().as_pin_mut()
                    && let Poll::Ready(permit) = permit.poll(context)
                {
                    return Poll::Ready(Event::Room(permit));
                }
                if is_over(pause.as_mut(), context) {
                    return Poll::Ready(Event::Look);
                }
                if is_over(erased.as_mut(), context) {
                    return Poll::Ready(Event::Erased);
                }
                if is_over(no_hello.as_mut(), context) {
                    return Poll::Ready(Event::NoHello);
                }
                self.poll_socket(context, may_read).map(Event::Socket)
            })
            .await;
            match event {
                Event::Drain => return Some((close::RESTART, "the server is restarting")),
                Event::Look | Event::Socket(Step::Written) => {}
                Event::Brought(brought) => {
                    self.bringing = None;
                    self.platform.has_brought(brought);
                }
                Event::Room(Some(permit)) => self.feed(permit),
                Event::Erased => self.erase(),
                Event::Room(None) => return Some((close::INTERNAL, "journal stopped")),
                Event::NoHello => return Some((close::NO_HELLO, "no call_start in time")),
                Event::Socket(Step::Over(over)) => return over,
                Event::Socket(Step::Text(text)) => {
                    if let Some(over) = self.read_batch(text) {
                        return over;
                    }
                }
            }
        }
    }

    /// Of calls that were erased a vendor's adapter holds nothing any more.
    fn erase(&mut self) {
        if let Some(vendor) = &mut self.vendor {
            vendor.erase(|call_id| self.app.desk.has(call_id));
        }
    }

    /// How long it is not read, because it or its guest was too fast.
    fn wait(&mut self) -> Option<Duration> {
        let now = Instant::now();
        let own = self.pace.wait(now);
        if own.is_some() && !self.is_slow {
            self.app.metrics.slowed_by("messages").inc();
        }
        self.is_slow = own.is_some();
        own.max(self.slow_until.and_then(|until| until.checked_duration_since(now)))
    }

    /// That all is written matters only to who waits for room.
    fn poll_socket(&mut self, context: &mut Context<'_>, may_read: bool) -> Poll<Step> {
        loop {
            match self.socket.poll_step(context, may_read) {
                Poll::Ready(Step::Written) if may_read => {}
                step => return step,
            }
        }
    }

    /// `has_room`, counted when it ends.
    fn note_room(&mut self) -> bool {
        let room = self.has_room();
        if !room && !self.paused {
            self.app.metrics.pauses.inc();
        }
        self.paused = !room;
        room
    }

    /// Whether something waits for the desk.
    fn has_work(&self) -> bool {
        let waits = self.vendor.as_ref().is_some_and(Adapter::is_waiting);
        self.bringing.is_none() && (waits || !self.inbox.is_empty())
    }

    /// Whether another message may be read: credits, and a peer that reads its answers.
    fn has_room(&self) -> bool {
        let settings = &self.app.settings;
        !self.has_work()
            && self.bringing.is_none()
            && self.pending.len() < settings.credits
            && self.pending_bytes < settings.credit_bytes
            && self.socket.outbox_bytes() < settings.outbox_bytes
    }

    /// Takes what has arrived, within the batch and the credits. `Some` when the socket is over.
    fn read_batch(&mut self, first: Utf8Bytes) -> Option<Option<(u16, &'static str)>> {
        let read = Instant::now();
        let over = self.read_more(first, read);
        let bytes = self.inbox.iter().map(|(text, _)| text.len()).sum();
        let messages = self.inbox.len();
        let waits = [
            ("token", self.caller.guest.sends(messages, bytes, read)),
            ("others", self.share.sends(messages, bytes, read)),
        ];
        for (by, wait) in waits.into_iter().filter_map(|(by, wait)| Some((by, wait?))) {
            self.app.metrics.slowed_by(by).inc();
            self.slow_until = self.slow_until.max(Some(read + wait));
        }
        over
    }

    fn read_more(
        &mut self,
        first: Utf8Bytes,
        read: Instant,
    ) -> Option<Option<(u16, &'static str)>> {
        let settings = &self.app.settings;
        let messages = self.share.batch(settings.read_batch, read);
        let messages = messages.min(settings.credits - self.pending.len());
        let mut bytes = self.pending_bytes + first.len();
        self.inbox.push_back((first, read));
        while self.inbox.len() < messages && bytes < settings.credit_bytes {
            match self.socket.try_step()? {
                Step::Text(text) => {
                    bytes += text.len();
                    self.inbox.push_back((text, read));
                }
                Step::Written => {}
                Step::Over(over) => {
                    // What came before the end still counts, as far as there is room.
                    self.feed_what_fits();
                    return Some(over);
                }
            }
        }
        None
    }

    fn feed_what_fits(&mut self) {
        let app = Arc::clone(&self.app);
        while self.has_work()
            && let Some(permit) = app.desk.journal().try_permit()
        {
            self.feed(permit);
        }
    }

    /// Gives the oldest message to the desk.
    fn feed(&mut self, permit: Permit<'_, Publication>) {
        if self.vendor.is_some() {
            return self.feed_vendor(permit);
        }
        let Some((text, read)) = self.next_frame() else { return };
        let message = if text.len() > self.app.wire.max_message_bytes {
            Err(refuse_too_large(&text, &self.app.wire))
        } else {
            decode(&text, &self.app.wire)
        };
        let taken = self.platform.take(message, read, permit);
        let bytes = text.len();
        if taken.elsewhere.is_some() {
            self.inbox.push_front((text, read));
        }
        self.note(taken, read, bytes);
    }

    /// The same for a vendor, of whose frames each may be any number of messages.
    fn feed_vendor(&mut self, permit: Permit<'_, Publication>) {
        if !self.has_waiting_message() {
            self.read_vendor_frame();
        }
        let Connection { app, platform, vendor, frame, .. } = self;
        let Some(vendor) = vendor else { return };
        let taken = vendor::feed(app, platform, vendor, frame.0, permit);
        vendor::count(app, vendor);
        if let Some(taken) = taken {
            let read = self.frame.0;
            let bytes = match taken.elsewhere {
                Some(_) => 0,
                None => std::mem::take(&mut self.frame.1),
            };
            self.note(taken, read, bytes);
        }
    }

    fn has_waiting_message(&self) -> bool {
        self.vendor.as_ref().is_some_and(Adapter::is_waiting)
    }

    /// A frame that cannot be read is answered and forgotten; the connection goes on.
    fn read_vendor_frame(&mut self) {
        let Some((text, read)) = self.next_frame() else { return };
        let Some(vendor) = &mut self.vendor else { return };
        let problem = if text.len() > self.app.wire.max_message_bytes {
            let problem = refuse_too_large(&text, &self.app.wire);
            // Its fields are the vendor's, not ours.
            Some(Problem::new(problem.code, problem.message))
        } else {
            match vendor.read(&text, &self.app.wire) {
                Ok(true) => None,
                Ok(false) => {
                    // `auto` found protocol v1.
                    self.vendor = None;
                    self.inbox.push_front((text, read));
                    return;
                }
                Err(problem) => Some(problem),
            }
        };
        self.frame = (read, text.len());
        if let Some(problem) = problem {
            self.refuse(&problem);
        }
    }

    fn next_frame(&mut self) -> Option<(Utf8Bytes, Instant)> {
        let (text, read) = self.inbox.pop_front()?;
        self.pace.take(read);
        self.app.metrics.messages.inc();
        self.app.metrics.message_bytes.inc_by(text.len() as u64);
        Some((text, read))
    }

    /// Keeps or sends what a message led to.
    fn note(&mut self, taken: Taken, read: Instant, bytes: usize) {
        let Taken { now, later, elsewhere } = taken;
        if let Some(call_id) = elsewhere {
            self.bringing = Some(self.platform.bring(call_id));
            return;
        }
        if let Some((ticket, later)) = later {
            if matches!(later, Later::Started { .. }) {
                self.silent_until = None;
            }
            self.pending_bytes += bytes;
            let unacked = Unacked::new(&self.app.metrics, bytes);
            self.pending.push_back(Pending { ticket, later, bytes, read, _unacked: unacked });
        }
        match now {
            Some(Now::Refused(problem)) => {
                if let (Code::TakenOver, Some(_), Some(call_id)) =
                    (problem.code, &self.app.cluster, &problem.call_id)
                {
                    self.ack_no_more(call_id);
                }
                self.refuse(&problem);
            }
            Some(Now::Nack { call_id, expected }) => {
                self.app.metrics.nacks.inc();
                self.socket.send(Answer::Nack { call_id: &call_id, expected }.to_json());
            }
            None => {}
        }
    }

    fn refuse(&mut self, problem: &Problem) {
        let code = problem.code.name();
        if problem.code == Code::Forbidden {
            let (caller, on) = (&self.caller, problem.call_id.as_deref().unwrap_or_default());
            self.app.audit.refused(Some(caller), caller.peer, on, code);
        }
        self.app.metrics.errors.get_or_create(&Refusal { code }).inc();
        let Settings { ingest_messages_per_s, errors_per_s, .. } = &self.app.settings;
        let cost = f64::from(*ingest_messages_per_s) / f64::from(*errors_per_s);
        self.pace.spend((cost - 1.0).max(0.0), Instant::now());
        self.socket.send(Answer::refused(problem).to_json());
    }

    /// Sends everything that became durable: one ack per call, with the highest number.
    fn answer(&mut self) {
        let committed = self.platform.slot().committed();
        if self.pending.front().is_none_or(|next| next.ticket > committed) {
            return;
        }
        self.drop_what_was_lost();
        let now = Instant::now();
        let mut acks = Acks::default();
        while self.pending.front().is_some_and(|next| next.ticket <= committed)
            && let Some(pending) = self.pending.pop_front()
        {
            self.pending_bytes -= pending.bytes;
            let waited = now.saturating_duration_since(pending.read);
            self.app.metrics.ack_seconds.observe(waited.as_secs_f64());
            match pending.later {
                Later::Started { call_id, last_seq, reopened, ended } => {
                    let call_id = &call_id;
                    let answer = Answer::Started { call_id, last_seq, reopened, ended };
                    self.socket.send(answer.to_json());
                }
                Later::Ack { call_id, seq, score } => {
                    if let Some(score) = score.filter(|_| self.wants_scores) {
                        let answer = Answer::Score { call_id: &call_id, score: &score };
                        self.socket.send(answer.to_json());
                    }
                    acks.add(call_id, seq);
                }
            }
        }
        for (call_id, seq) in acks.calls {
            self.socket.send(Answer::Ack { call_id: &call_id, seq }.to_json());
        }
    }

    /// Among several nodes a call may be lost with messages that were never made durable, although
    /// their turn is over: they are not acked. Called between the look at the commits and the acks.
    fn drop_what_was_lost(&mut self) {
        if self.app.cluster.is_none() {
            return;
        }
        for call_id in self.platform.take_lost() {
            self.ack_no_more(&call_id);
            self.lost.push(call_id);
        }
    }

    /// What of a call is not acked yet never will be.
    fn ack_no_more(&mut self, call_id: &str) {
        self.pending.retain(|pending| {
            let stays = **pending.later.call_id() != *call_id;
            self.pending_bytes -= if stays { 0 } else { pending.bytes };
            stays
        });
    }

    /// Tells the platform of calls that others took. True when none is left.
    fn lost_its_last_call(&mut self) -> bool {
        self.drop_what_was_lost();
        let mut lost = std::mem::take(&mut self.lost);
        lost.extend(self.platform.take_lost());
        if let Some(vendor) = &mut self.vendor {
            lost.iter().for_each(|call_id| vendor.lost(call_id));
            return false;
        }
        for call_id in &lost {
            let message = format!("call `{call_id}` was started on another connection");
            let problem = Problem {
                call_id: Some(call_id.to_string()),
                ..Problem::new(Code::TakenOver, message)
            };
            self.refuse(&problem);
        }
        !lost.is_empty() && self.platform.held_calls() == 0
    }

    /// Waits until what was taken is durable, so that it can be acked before the end.
    async fn wait_for_commits(&mut self) {
        if let Some(last) = self.pending.back().map(|pending| pending.ticket) {
            let patience = Duration::from_secs(self.app.settings.drain_timeout_s) / 2;
            let committed = self.platform.slot().wait_for(last);
            // What is not acked by then, the platform sends again.
            let _ = tokio::time::timeout(patience, committed).await;
        }
    }
}
