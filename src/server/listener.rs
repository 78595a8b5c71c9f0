//! Accepts connections and serves HTTP on them; hands upgraded ones to their endpoint.

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;

use super::guests::{Guest, Visit};
use super::line::Line;
use super::socket::Socket;
use super::tls::Wire;
use super::waiting::Waiting;
use super::{App, rest, routes};

/// Largest head of a request; a larger one, or one of more than 100 lines (fixed in hyper), gets
/// 431.
const MAX_HEAD_BYTES: usize = 64 << 10;
/// Pause after an accept that failed, for want of file descriptors for example.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long a request in progress has when the server drains.
pub(super) const REQUEST_PATIENCE: Duration = Duration::from_secs(1);
/// Most connections at a time that are told why they are refused; of more, nobody is told.
pub(super) const MAX_REFUSALS: usize = 64;
/// How long a refusal may take.
const REFUSAL_PATIENCE: Duration = Duration::from_secs(1);
/// Pause before a request over the rate of its address is answered: whoever asks again at once on
/// the same connection is slowed by it.
const TOO_MANY_PAUSE: Duration = Duration::from_millis(250);
const OVERLOADED: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const TOO_MANY: &[u8] =
    b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// What a request's connection knows: its peer, and its place among the connections, which an
/// upgraded socket keeps.
#[derive(Clone, Debug)]
pub(super) struct Place {
    peer: SocketAddr,
    /// It has shown a certificate of the platforms' authorities.
    is_certified: bool,
    /// Who is at its address.
    guest: Arc<Guest>,
    seat: Arc<Seat>,
}

/// Counts a connection among all, and among those of its address.
#[derive(Debug)]
struct Seat {
    _permit: OwnedSemaphorePermit,
    _visit: Visit,
}

impl Place {
    /// Who is at the other end.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }
}

/// Accepts until the server has drained.
pub(super) async fn run(app: Arc<App>, listener: TcpListener) {
    let router = routes::router(Arc::clone(&app));
    loop {
        let accepted = tokio::select! {
            () = app.stopped.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                app.metrics.accept_failed(&error);
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        match admit(&app, peer) {
            Ok(place) => {
                // Without it, small answers wait for the peer's delayed acknowledgement.
                let _ = stream.set_nodelay(true);
                let served = serve(Arc::clone(&app), router.clone(), stream, place);
                app.http.spawn(served);
                // Where connections come without end, those that are here get their turn.
                tokio::task::yield_now().await;
            }
            Err(answer) => {
                // Whether it can be told or not, it goes. Over TLS it cannot.
                if let Ok(permit) = Arc::clone(&app.refusals).try_acquire_owned()
                    && app.tls.is_none()
                {
                    app.http.spawn(async move {
                        let _ = tokio::time::timeout(REFUSAL_PATIENCE, say(stream, answer)).await;
                        drop(permit);
                    });
                }
            }
        }
    }
}

/// A place for a connection, or the answer to one for which there is none.
fn admit(app: &App, peer: SocketAddr) -> Result<Place, &'static [u8]> {
    let settings = &app.settings;
    let guest = app.guests.at(peer.ip());
    let Some(visit) = guest.visit(settings.max_connections_per_address) else {
        app.metrics.refused_connections.inc();
        app.metrics.over_limit("max_connections_per_address", Some(peer.ip()));
        return Err(TOO_MANY);
    };
    let Ok(permit) = Arc::clone(&app.connections).try_acquire_owned() else {
        app.metrics.connection_refused(peer, settings.max_connections);
        return Err(OVERLOADED);
    };
    let seat = Arc::new(Seat { _permit: permit, _visit: visit });
    Ok(Place { peer, is_certified: false, guest, seat })
}

/// Answers a connection that is not served. Its request is read first: closing before would reset
/// the connection, and the answer with it.
async fn say(mut stream: TcpStream, answer: &[u8]) {
    let (mut head, mut length) = ([0; 4096], 0);
    while length < MAX_HEAD_BYTES
        && let Ok(read @ 1..) = stream.read(&mut head).await
    {
        length += read;
        if head[..read].ends_with(b"\r\n\r\n") {
            break;
        }
    }
    if stream.write_all(answer).await.is_ok() {
        let _ = stream.shutdown().await;
    }
}

async fn serve(app: Arc<App>, router: Router, stream: TcpStream, mut place: Place) {
    app.metrics.connections.inc();
    let waiting = Arc::new(Waiting::new(&app.idle));
    let shaken = shake_hands(&app, stream, place.peer, &waiting).await;
    if let Some((wire, is_certified)) = shaken {
        place.is_certified = is_certified;
        let patience = Duration::from_secs(app.settings.stalled_s.max(1));
        let line = Line::new(wire, patience, app.metrics.stalled.clone());
        answer(&app, router, line, place, waiting).await;
    }
    app.metrics.connections.dec();
}

/// TLS, where it is spoken. `None` for a client that does not.
async fn shake_hands(
    app: &App,
    stream: TcpStream,
    peer: SocketAddr,
    waiting: &Waiting,
) -> Option<(Box<dyn Wire>, bool)> {
    let Some(tls) = &app.tls else { return Some((Box::new(stream), false)) };
    let patience = Duration::from_secs(app.settings.header_timeout_s.max(1));
    let shaken = tokio::select! {
        shaken = tokio::time::timeout(patience, tls.accept(stream)) => shaken,
        () = waiting.pushed_out() => return None,
        () = app.stopped.cancelled() => return None,
    };
    match shaken {
        Ok(Ok(shaken)) => return Some(shaken),
        Ok(Err(error)) => app.metrics.handshake_failed(peer, &error),
        Err(_) => app.metrics.handshake_failed(peer, &std::io::ErrorKind::TimedOut.into()),
    }
    None
}

async fn answer(app: &Arc<App>, router: Router, line: Line, place: Place, waiting: Arc<Waiting>) {
    let router = TowerToHyperService::new(router);
    let (own, idle) = (Arc::clone(app), Arc::clone(&waiting));
    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        let (app, waiting) = (Arc::clone(&own), Arc::clone(&idle));
        waiting.ends();
        let is_slow = !place.guest.asks(Instant::now());
        request.extensions_mut().insert(place.clone());
        let peer = place.peer.ip();
        let answered = (!is_slow).then(|| hyper::service::Service::call(&router, request));
        async move {
            let response = match answered {
                Some(answered) => answered.await?,
                None => {
                    app.metrics.over_limit("requests_per_s_per_address", Some(peer));
                    tokio::time::sleep(TOO_MANY_PAUSE).await;
                    rest::too_many("too many requests; slow down")
                }
            };
            // A websocket does not ask again.
            if response.status() != StatusCode::SWITCHING_PROTOCOLS {
                waiting.begins();
            }
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(app.settings.header_timeout_s.max(1)))
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(line), service)
        .with_upgrades();
    tokio::pin!(connection);
    // An error here is a peer that went away or sent no HTTP; hyper has answered what it could.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = waiting.pushed_out() => {}
        () = app.stopped.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(REQUEST_PATIENCE, connection).await;
        }
    }
}

/// Where a request comes from.
pub(super) fn peer(request: &Request) -> Option<IpAddr> {
    Some(request.extensions().get::<Place>()?.peer.ip())
}

/// Who is at the address that a request comes from.
pub(super) fn guest(app: &App, request: &Request) -> Arc<Guest> {
    let place = request.extensions().get::<Place>();
    // Every request of the listener has a place.
    place.map_or_else(|| app.guests.at([0, 0, 0, 0].into()), |place| Arc::clone(&place.guest))
}

/// Whether its connection has shown a certificate of the platforms' authorities.
pub(super) fn is_certified(request: &Request) -> bool {
    request.extensions().get::<Place>().is_some_and(|place| place.is_certified)
}

/// Waits in the background for the connection of `request` to be upgraded and runs `task` on the
/// websocket. `task` says what it closed the socket with.
pub(super) fn upgrade<F, T>(app: Arc<App>, mut request: Request, endpoint: &'static str, task: F)
where
    F: FnOnce(Socket) -> T + Send + 'static,
    T: Future<Output = u16> + Send,
{
    let place = request.extensions().get::<Place>().cloned();
    let upgraded: OnUpgrade = hyper::upgrade::on(&mut request);
    let sockets = app.sockets.clone();
    sockets.spawn(async move {
        let Some(Place { peer, seat, .. }) = place else { return };
        // A peer that goes away between request and answer needs nothing more.
        let Ok(upgraded) = upgraded.await else { return };
        let Ok(parts) = upgraded.downcast::<TokioIo<Line>>() else { return };
        let read = parts.read_buf.to_vec();
        let socket = Socket::new(parts.io.into_inner(), read, &app.settings, &app.metrics).await;
        app.metrics.socket_opened(endpoint, peer);
        let code = task(socket).await;
        app.metrics.socket_closed(endpoint, peer, code);
        drop(seat);
    });
}
