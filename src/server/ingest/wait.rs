//! What an ingest connection waits for.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use crate::desk::Eventually;
use crate::hub::Publication;
use crate::journal::{Claim, Permit};
use crate::server::socket::Step;

/// A call on its way from another node.
pub(super) type Bringing = Eventually<'static, (Arc<str>, Option<Claim>)>;

/// What a connection wakes up for.
pub(super) enum Event<'a> {
    Drain,
    /// Commits, lost calls, time to read on: a look around tells.
    Look,
    /// A call that may have been on another node is here, or nowhere.
    Brought((Arc<str>, Option<Claim>)),
    /// Room in the journal; `None` when it has stopped.
    Room(Option<Permit<'a, Publication>>),
    NoHello,
    /// Calls were erased.
    Erased,
    Socket(Step),
}

/// The drain of the server, which is waited for once: all connections stand in one list, and to
/// enter and leave it for every message would touch those of others.
pub(super) struct Drained<'a> {
    token: &'a CancellationToken,
    waiting: Pin<Box<WaitForCancellationFuture<'a>>>,
    is_waiting: bool,
}

impl<'a> Drained<'a> {
    pub fn new(token: &'a CancellationToken) -> Drained<'a> {
        Drained { token, waiting: Box::pin(token.cancelled()), is_waiting: false }
    }
}

impl Future for Drained<'_> {
    type Output = ();

    /// The waker of the first time is woken; a task has but one.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.is_waiting && !self.token.is_cancelled() {
            return Poll::Pending;
        }
        self.is_waiting = true;
        self.waiting.as_mut().poll(context)
    }
}

/// Whether a time that is waited for has come.
pub(super) fn is_over(waited: Pin<&mut Option<impl Future>>, context: &mut Context<'_>) -> bool {
    waited.as_pin_mut().is_some_and(|waited| waited.poll(context).is_ready())
}
