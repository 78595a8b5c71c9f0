//! The socket of a console: commands in, snapshots and live messages out at the console's pace.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::http::{Response, StatusCode};
use tokio::task::{JoinError, JoinSet};

use super::guard::{Caller, while_granted};
use super::listener::upgrade;
use super::pace::Pace;
use super::socket::{Socket, Step, close};
use super::{App, handshake, rest};
use crate::access::{Deed, Role};
use crate::cluster::{Errand, Failed};
use crate::desk::{Answer, Person};
use crate::engine::alert::Alert;
use crate::engine::effects::{CallView, Said};
use crate::engine::event::Action;
use crate::hub::{self, Frame, Picture, Publication, Visitor};
use crate::journal::Permit;
use crate::wire::audit::Done as Audited;
use crate::wire::console::Notice;
use crate::wire::{Command, Request as Asked, RequestId};

const ENDPOINT: &str = "console";
pub(super) const SUBPROTOCOL: &str = "escalation.console.v1";
/// Most objects in one part of a snapshot.
const PART_OBJECTS: usize = 500;
/// Bytes handed to the socket at a time.
const FILL_BYTES: usize = 64 << 10;
const MAX_USER_CHARS: usize = 64;
/// Most commands that other nodes are asked to carry out at a time.
const MAX_ERRANDS: usize = 32;

/// `GET /v1/console`.
pub(super) async fn endpoint(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<HashMap<String, String>>,
    request: Request,
) -> Response<Body> {
    if app.drain.is_cancelled() {
        return rest::overloaded("the server is restarting; try again");
    }
    let grant = Arc::clone(&caller.grant);
    // Who a token names is nobody else, whatever the address says.
    let user = match grant.user.as_ref().or_else(|| query.get("user")) {
        None => format!("console-{}", app.next_console.fetch_add(1, Ordering::Relaxed)),
        Some(user) if grant.user.is_some() || is_name(user) => user.clone(),
        Some(_) => {
            let text = "`user` must be 1 to 64 printable characters";
            return rest::problem(StatusCode::BAD_REQUEST, "bad_request", text);
        }
    };
    let origins = &app.settings.allowed_origins;
    let accepted = match handshake::accept(request.headers(), SUBPROTOCOL, origins) {
        Ok(accepted) => accepted,
        Err(response) => return *response,
    };
    let visitor = Visitor {
        user: user.clone(),
        scopes: Arc::clone(&grant.scopes),
        is_agent: grant.role == Role::Agent,
    };
    let Some(seat) = app.desk.hub().seat(visitor) else {
        let text = "too many consoles are connected; try again later";
        return rest::overloaded(text);
    };
    app.audit.login(&caller, &user, "/v1/console");
    let misuse = accepted.unknown_subprotocol;
    upgrade(Arc::clone(&app), request, ENDPOINT, move |socket| async move {
        if misuse {
            return socket.bye(&app.drain, close::MISUSE, "unknown subprotocol").await;
        }
        Connection::new(app, socket, seat, user, caller).run().await
    });
    accepted.response
}

/// What the table of roles, and the audit, call it.
fn deed(command: &Command) -> Option<(Deed, Audited)> {
    match command {
        Command::RaiseHand { .. } => Some((Deed::RaiseHand, Audited::RaiseHand)),
        Command::Act { action, .. } => Some(match action {
            Action::Acknowledge => (Deed::Acknowledge, Audited::Acknowledge),
            Action::Snooze { .. } => (Deed::Snooze, Audited::Snooze),
            Action::Assign { .. } => (Deed::Assign, Audited::Assign),
            Action::Resolve { .. } => (Deed::Resolve, Audited::Resolve),
        }),
        _ => None,
    }
}

/// How it was done, for the audit: never a note, which may say anything.
fn manner(command: &Command) -> Option<String> {
    let Command::Act { action, .. } = command else { return None };
    match action {
        Action::Acknowledge => None,
        Action::Snooze { for_s } => Some(format!("{for_s} s")),
        Action::Assign { to, .. } => Some(format!("to {to}")),
        Action::Resolve { outcome, .. } => {
            Some(serde_json::to_string(outcome).unwrap_or_default().replace('"', ""))
        }
    }
}

fn is_name(user: &str) -> bool {
    let chars = user.chars().count();
    (1..=MAX_USER_CHARS).contains(&chars) && !user.chars().any(char::is_control)
}

/// What is to be sent before anything live.
enum Backlog {
    /// Missed messages.
    Frames(VecDeque<Frame>),
    /// The full picture.
    Snapshot(Snapshot),
    /// What was said before the watch began.
    Past(String, VecDeque<Arc<Said>>),
}

/// What an errand led to.
enum Done {
    /// The words of a call are here.
    Followed(Option<RequestId>, String),
    /// The node of a call has answered.
    Answered(Option<RequestId>, Noted, Result<(), Failed>),
}

/// What the audit is told of a command that was carried out.
struct Noted {
    what: Option<Audited>,
    on: String,
    how: Option<String>,
}

struct Snapshot {
    id: Option<RequestId>,
    offset: u64,
    part: usize,
    calls: VecDeque<Arc<CallView>>,
    alerts: VecDeque<Arc<Alert>>,
}

struct Connection {
    app: Arc<App>,
    caller: Caller,
    socket: Socket,
    seat: hub::Console,
    person: Person,
    backlog: VecDeque<Backlog>,
    /// A command that waits for room in the journal.
    waiting: Option<(Option<RequestId>, Command)>,
    /// Replies that wait for their commit.
    replies: VecDeque<(u64, Option<RequestId>)>,
    /// What other nodes are asked for.
    errands: JoinSet<Done>,
    pace: Pace,
    /// Until a first `subscribe`.
    silent_until: Option<tokio::time::Instant>,
}

impl Connection {
    fn new(
        app: Arc<App>,
        socket: Socket,
        seat: hub::Console,
        user: String,
        caller: Caller,
    ) -> Connection {
        let hello = Duration::from_secs(app.settings.hello_s);
        let scopes = Arc::clone(&caller.grant.scopes);
        Connection {
            person: Person::new(Arc::clone(&app.desk), user).within(scopes),
            caller,
            pace: Pace::new(app.settings.commands_per_s, Instant::now()),
            app,
            socket,
            seat,
            backlog: VecDeque::new(),
            waiting: None,
            replies: VecDeque::new(),
            errands: JoinSet::new(),
            silent_until: Some(tokio::time::Instant::now() + hello),
        }
    }

    /// Serves the connection. Returns what we closed it with, 0 when the peer did.
    async fn run(mut self) -> u16 {
        let grant = Arc::clone(&self.caller.grant);
        let over = while_granted(&grant, self.serve()).await;
        let Connection { app, socket, seat, .. } = self;
        // Whoever is on the way out takes no more.
        drop(seat);
        match over {
            Some((code, reason)) => socket.bye(&app.drain, code, reason).await,
            None => 0,
        }
    }

    /// Serves until the connection is over; says with which code to close it, if it is for us.
    async fn serve(&mut self) -> Option<(u16, &'static str)> {
        let app = Arc::clone(&self.app);
        let slot = Arc::clone(self.person.slot());
        self.hello();
        loop {
            self.reply_committed();
            if self.seat.queue().overflowed() {
                return Some((close::SLOW, "too slow; resume with `since`"));
            }
            self.fill();
            let may_read = self.waiting.is_none()
                && self.errands.len() < MAX_ERRANDS
                && self.socket.outbox_bytes() < app.settings.outbox_bytes;
            let hello_by = self.silent_until.unwrap_or_else(tokio::time::Instant::now);
            tokio::select! {
                () = app.drain.cancelled() => {
                    return Some((close::RESTART, "the server is restarting"));
                }
                () = slot.changed() => {}
                () = self.seat.queue().changed() => {}
                Some(done) = self.errands.join_next(), if !self.errands.is_empty() => {
                    self.come_back(done);
                }
                permit = app.desk.journal().permit(), if self.waiting.is_some() => match permit {
                    Some(permit) => self.carry_out(permit),
                    None => return Some((close::INTERNAL, "journal stopped")),
                },
                step = self.socket.step(may_read) => match step {
                    Step::Text(_) if !self.pace.take(Instant::now()) => {
                        return Some((close::TOO_FAST, "too many commands; slow down"));
                    }
                    Step::Text(text) => {
                        app.fair.somebody(Instant::now());
                        self.command(&text);
                    }
                    Step::Written => {}
                    Step::Over(over) => return over,
                },
                () = tokio::time::sleep_until(hello_by), if self.silent_until.is_some() => {
                    return Some((close::NO_HELLO, "no subscribe in time"));
                }
            }
        }
    }

    fn hello(&mut self) {
        let hub = self.app.desk.hub();
        let hello = Notice::Hello {
            epoch: hub.epoch(),
            offset: hub.offset(),
            user: self.person.name(),
            scopes: &self.caller.grant.scopes.names(),
        };
        self.socket.send(hello.to_json());
    }

    fn command(&mut self, text: &str) {
        self.app.metrics.commands.inc();
        let Asked { id, command } = Asked::decode(text, &self.app.wire);
        match command {
            Err(message) => self.refuse(id.as_ref(), "bad_message", &message),
            Ok(Command::Subscribe { filter, since }) => {
                self.silent_until = None;
                let picture = self.seat.subscribe(filter, since.as_ref());
                self.show(id, picture);
            }
            Ok(Command::Unsubscribe) => {
                self.seat.unsubscribe();
                self.drop_pictures();
                self.socket.send(Notice::done(id.as_ref()).to_json());
            }
            Ok(Command::Watch { call_id }) => match self.app.cluster.clone() {
                // The call may be another node's: its words are fetched first.
                Some(cluster) if self.seat.may_watch(&call_id) => {
                    self.errands.spawn(async move {
                        cluster.follow(&call_id).await;
                        Done::Followed(id, call_id)
                    });
                }
                _ => self.watch(id, call_id),
            },
            Ok(Command::Unwatch { call_id }) => {
                self.seat.unwatch(&call_id);
                self.drop_past(&call_id);
                self.socket.send(Notice::done(id.as_ref()).to_json());
            }
            Ok(command @ (Command::Act { .. } | Command::RaiseHand { .. })) => {
                // Before the alert is looked up, so that nobody learns whether it is there.
                let Caller { grant, peer, .. } = &self.caller;
                if let Some((_, done)) = deed(&command).filter(|(deed, _)| !grant.may(*deed)) {
                    let role = grant.role.name();
                    self.app.audit.refused(Some(&self.caller), *peer, "/v1/console", done.name());
                    let text = format!("a token of role {role} may not do this");
                    return self.refuse(id.as_ref(), "forbidden", &text);
                }
                self.waiting = Some((id, command));
            }
        }
    }

    /// Carries out the command that waited for room in the journal.
    fn carry_out(&mut self, permit: Permit<'_, Publication>) {
        let Some((id, command)) = self.waiting.take() else { return };
        let (what, how) = (deed(&command).map(|(_, what)| what), manner(&command));
        let (on, errand, answer) = match command {
            Command::Act { alert_id, action } => {
                let answer = self.person.act(&alert_id, action.clone(), permit);
                (alert_id.clone(), Errand::act(alert_id, action), answer)
            }
            Command::RaiseHand { call_id, note } => {
                let answer = self.person.raise_hand(&call_id, note.clone(), permit);
                (call_id, Errand::RaiseHand { note }, answer)
            }
            // The others never wait.
            _ => return,
        };
        let noted = Noted { what, on, how };
        match answer {
            Answer::Done(ticket) => {
                self.note(noted);
                self.replies.push_back((ticket, id));
            }
            Answer::Refused(refusal) => self.refuse(id.as_ref(), refusal.code, &refusal.message),
            Answer::Elsewhere(call_id) => self.send(id, call_id, errand, noted),
        }
    }

    fn watch(&mut self, id: Option<RequestId>, call_id: String) {
        match self.seat.watch(&call_id) {
            Ok(past) => {
                self.socket.send(Notice::done(id.as_ref()).to_json());
                self.drop_past(&call_id);
                self.backlog.push_back(Backlog::Past(call_id, past.into()));
            }
            Err((code, message)) => self.refuse(id.as_ref(), code, &message),
        }
    }

    /// Asks the node that has the call.
    fn send(&mut self, id: Option<RequestId>, call_id: Arc<str>, errand: Errand, noted: Noted) {
        let Some(cluster) = self.app.cluster.clone() else {
            return self.refuse(id.as_ref(), "not_found", "the call is not here");
        };
        let (who, scopes) = (self.person.name().to_owned(), Arc::clone(&self.caller.grant.scopes));
        self.errands.spawn(async move {
            let done = cluster.send_errand(&call_id, &who, &scopes, errand).await;
            Done::Answered(id, noted, done)
        });
    }

    /// Another node has answered.
    fn come_back(&mut self, done: Result<Done, JoinError>) {
        match done {
            Ok(Done::Followed(id, call_id)) => self.watch(id, call_id),
            Ok(Done::Answered(id, noted, Ok(()))) => {
                self.note(noted);
                self.socket.send(Notice::done(id.as_ref()).to_json());
            }
            Ok(Done::Answered(id, _, Err(failed))) => {
                self.refuse(id.as_ref(), &failed.code, &failed.message);
            }
            Err(error) => tracing::error!(%error, "an errand failed"),
        }
    }

    fn note(&self, Noted { what, on, how }: Noted) {
        if let Some(what) = what {
            let who = self.person.name();
            self.app.audit.note(&self.caller, who, what, Some(&on), how.as_deref());
        }
    }

    fn refuse(&mut self, id: Option<&RequestId>, code: &str, message: &str) {
        self.socket.send(Notice::refused(id, code, message).to_json());
    }

    fn reply_committed(&mut self) {
        let committed = self.person.slot().committed();
        while self.replies.front().is_some_and(|(ticket, _)| *ticket <= committed)
            && let Some((ticket, id)) = self.replies.pop_front()
        {
            match self.person.lost(ticket) {
                None => self.socket.send(Notice::done(id.as_ref()).to_json()),
                Some(call_id) => {
                    let text = format!("call `{call_id}` has moved to another node; try again");
                    self.refuse(id.as_ref(), "overloaded", &text);
                }
            }
        }
    }

    /// A new subscription takes the place of the one before.
    fn show(&mut self, id: Option<RequestId>, picture: Picture) {
        self.drop_pictures();
        let picture = match picture {
            Picture::Recovered { offset, frames } => {
                let snapshot = Notice::Snapshot {
                    id: id.as_ref(),
                    recovered: true,
                    offset,
                    part: 1,
                    last: true,
                    calls: None,
                    alerts: None,
                };
                self.socket.send(snapshot.to_json());
                Backlog::Frames(frames.into())
            }
            Picture::Full { offset, calls, alerts } => Backlog::Snapshot(Snapshot {
                id,
                offset,
                part: 0,
                calls: calls.into(),
                alerts: alerts.into(),
            }),
        };
        self.backlog.push_front(picture);
    }

    fn drop_pictures(&mut self) {
        self.backlog.retain(|backlog| matches!(backlog, Backlog::Past(..)));
    }

    fn drop_past(&mut self, watched: &str) {
        self.backlog
            .retain(|backlog| !matches!(backlog, Backlog::Past(call_id, _) if call_id == watched));
    }

    /// Hands the socket more to write, once it has written what it had.
    fn fill(&mut self) {
        while self.socket.outbox_bytes() == 0 && !self.backlog.is_empty() {
            self.fill_from_backlog();
        }
        if self.backlog.is_empty() && self.socket.outbox_bytes() == 0 {
            for frame in self.seat.queue().take(FILL_BYTES) {
                self.socket.send_frame(frame);
            }
        }
    }

    fn fill_from_backlog(&mut self) {
        let done = match self.backlog.front_mut() {
            None => return,
            Some(Backlog::Frames(frames)) => {
                while let Some(frame) = frames.pop_front() {
                    self.socket.send_frame(frame);
                    if self.socket.outbox_bytes() >= FILL_BYTES {
                        break;
                    }
                }
                frames.is_empty()
            }
            Some(Backlog::Snapshot(snapshot)) => {
                let (text, last) = snapshot.next_part();
                self.socket.send(text);
                last
            }
            Some(Backlog::Past(call_id, past)) => {
                while let Some(said) = past.pop_front() {
                    let chunk = Notice::Chunk { call_id, said: &said, past: true, gap: false };
                    self.socket.send(chunk.to_json());
                    if self.socket.outbox_bytes() >= FILL_BYTES {
                        break;
                    }
                }
                past.is_empty()
            }
        };
        if done {
            self.backlog.pop_front();
        }
    }
}

impl Snapshot {
    /// The next part, and whether it is the last. Without anything to show there is one part.
    fn next_part(&mut self) -> (String, bool) {
        self.part += 1;
        let calls: Vec<_> = self.calls.drain(..self.calls.len().min(PART_OBJECTS)).collect();
        let room = (PART_OBJECTS - calls.len()).min(self.alerts.len());
        let alerts: Vec<_> = self.alerts.drain(..room).collect();
        let last = self.calls.is_empty() && self.alerts.is_empty();
        let notice = Notice::Snapshot {
            id: self.id.as_ref(),
            recovered: false,
            offset: self.offset,
            part: self.part,
            last,
            calls: Some(&calls),
            alerts: Some(&alerts),
        };
        (notice.to_json(), last)
    }
}
