//! Accepts connections and serves HTTP on them; hands upgraded ones to their endpoint.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::server::conn::http1;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;

use super::socket::Socket;
use super::tls::Wire;
use super::{App, routes};

/// Largest head of a request.
const MAX_HEAD_BYTES: usize = 64 << 10;
/// Pause after an accept that failed, for want of file descriptors for example.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long a request in progress has when the server drains.
pub(super) const REQUEST_PATIENCE: Duration = Duration::from_secs(1);
const OVERLOADED: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// What a request's connection knows: its peer, and its place among the connections, which an
/// upgraded socket keeps.
#[derive(Clone, Debug)]
pub(super) struct Place {
    peer: SocketAddr,
    /// It has shown a certificate of the platforms' authorities.
    is_certified: bool,
    permit: Arc<OwnedSemaphorePermit>,
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
        let Ok(permit) = Arc::clone(&app.connections).try_acquire_owned() else {
            app.metrics.connection_refused(peer, app.settings.max_connections);
            // Whether it can be told or not, it goes. Over TLS it cannot.
            if app.tls.is_none() {
                let _ = stream.try_write(OVERLOADED);
            }
            continue;
        };
        // Without it, small answers wait for the peer's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        let place = Place { peer, is_certified: false, permit: Arc::new(permit) };
        let served = serve(Arc::clone(&app), router.clone(), stream, place);
        app.http.spawn(served);
    }
}

async fn serve(app: Arc<App>, router: Router, stream: TcpStream, mut place: Place) {
    app.metrics.connections.inc();
    let shaken = shake_hands(&app, stream, place.peer).await;
    if let Some((stream, is_certified)) = shaken {
        place.is_certified = is_certified;
        answer(&app, router, stream, place).await;
    }
    app.metrics.connections.dec();
}

/// TLS, where it is spoken. `None` for a client that does not.
async fn shake_hands(
    app: &App,
    stream: TcpStream,
    peer: SocketAddr,
) -> Option<(Box<dyn Wire>, bool)> {
    let Some(tls) = &app.tls else { return Some((Box::new(stream), false)) };
    let patience = Duration::from_secs(app.settings.header_timeout_s.max(1));
    let shaken = tokio::select! {
        shaken = tokio::time::timeout(patience, tls.accept(stream)) => shaken,
        () = app.stopped.cancelled() => return None,
    };
    match shaken {
        Ok(Ok(shaken)) => return Some(shaken),
        Ok(Err(error)) => app.metrics.handshake_failed(peer, &error),
        Err(_) => app.metrics.handshake_failed(peer, &std::io::ErrorKind::TimedOut.into()),
    }
    None
}

async fn answer(app: &App, router: Router, stream: Box<dyn Wire>, place: Place) {
    let service = TowerToHyperService::new(router);
    let service = hyper::service::service_fn(move |mut request: hyper::Request<_>| {
        request.extensions_mut().insert(place.clone());
        hyper::service::Service::call(&service, request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(app.settings.header_timeout_s.max(1)))
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    // An error here is a peer that went away or sent no HTTP; hyper has answered what it could.
    tokio::select! {
        _ = connection.as_mut() => {}
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
        let Some(Place { peer, permit, .. }) = place else { return };
        // A peer that goes away between request and answer needs nothing more.
        let Ok(upgraded) = upgraded.await else { return };
        let Ok(parts) = upgraded.downcast::<TokioIo<Box<dyn Wire>>>() else { return };
        let read = parts.read_buf.to_vec();
        let socket = Socket::new(parts.io.into_inner(), read, &app.settings).await;
        app.metrics.socket_opened(endpoint, peer);
        let code = task(socket).await;
        app.metrics.socket_closed(endpoint, peer, code);
        drop(permit);
    });
}
