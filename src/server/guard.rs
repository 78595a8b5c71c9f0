//! Who asks, and whether they may: settled before a handler runs. What each route needs stands in
//! the table of routes; what each role may do stands in `access/role.rs`.

use std::future::Future;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::middleware::Next;

use super::guests::{Guest, Visit};
use super::handshake::{self, FOREIGN_ORIGIN, origin_is_allowed};
use super::listener::{guest, is_certified, peer, upgrade};
use super::rest::{problem, too_many};
use super::socket::close;
use super::tls::Tls;
use super::{App, Settings, host, signature};
use crate::access::{self, Change, Deed, Gate, Grant, offered};
use crate::wire::audit::Done;

/// Websockets that are opened only to be closed, in metrics and logs.
pub(super) const REFUSED: &str = "refused";

/// Time between looks at the files of tokens and keys: a revoked token is cut off within it.
const LOOK: Duration = Duration::from_secs(1);

/// What a route asks of who calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// Nothing: there is nothing of a call behind it.
    Nothing,
    /// A token whose role may do that.
    Token(Deed),
    /// The same for a websocket. Its refusals are close codes, because a browser does not show
    /// its page what became of a handshake.
    Socket(Deed, &'static str),
    /// A platform's token, or the signature of a vendor, which the handler checks.
    Webhook,
    /// A token for the numbers of the server, unless they are open.
    Metrics,
}

/// Who asks.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub grant: Arc<Grant>,
    /// Where from.
    pub peer: Option<IpAddr>,
    /// Of a vendor that has shown nothing but perhaps a signature.
    pub is_unproven: bool,
    /// Whose limits hold for it.
    pub guest: Arc<Guest>,
    /// Counts a websocket for as long as it is there.
    _visit: Option<Arc<Visit>>,
}

/// Why somebody is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No token, or none that is known.
    Unknown,
    /// A good token, but not for this.
    Forbidden,
}

impl Refusal {
    fn close(self) -> (u16, &'static str) {
        match self {
            Refusal::Unknown => (close::NO_TOKEN, "no token, or one that is not known"),
            Refusal::Forbidden => {
                (close::FORBIDDEN, "not with this token, or not without a client certificate")
            }
        }
    }

    pub fn response(self) -> Response<Body> {
        match self {
            Refusal::Unknown => {
                let text = "show a token that is neither expired nor revoked, as the header \
                            Authorization: Bearer TOKEN; `forewarn token new` makes one";
                let mut response = problem(StatusCode::UNAUTHORIZED, "unauthorized", text);
                let challenge = HeaderValue::from_static("Bearer realm=\"forewarn\"");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
                response
            }
            Refusal::Forbidden => {
                let text = "the role or the scopes of this token do not open this, or a client \
                            certificate is missing";
                problem(StatusCode::FORBIDDEN, "forbidden", text)
            }
        }
    }
}

/// Reads tokens and keys, and refuses to open the port to others while nobody has to show any.
///
/// # Errors
/// The section of the configuration, and a sentence that says how to mend it.
pub(super) fn open(
    server: &Settings,
    auth: &access::Settings,
    data_dir: Option<&Path>,
) -> Result<Gate, (&'static str, String)> {
    let gate = Gate::open(auth, data_dir).map_err(|why| ("auth", why))?;
    let is_open = !gate.is_guarded() && !server.listen.ip().is_loopback();
    if is_open && !server.allow_remote_without_tokens {
        let why = format!(
            "`listen` is {}, which other machines can reach, and there are no tokens; \
             make one with `forewarn token new --data-dir DIR --role admin` and serve with that \
             --data-dir, name a `jwks_file` in [auth], or listen on 127.0.0.1. Only behind a proxy \
             that asks who everybody is, set `allow_remote_without_tokens = true` in [server]: \
             whoever reaches the port may then read every call",
            server.listen
        );
        return Err(("server", why));
    }
    Ok(gate)
}

/// Lets a request through to its handler, with its [`Caller`], or turns it away.
pub(super) async fn check(
    State((app, needs, path)): State<(Arc<App>, Needs, &'static str)>,
    mut request: Request,
    next: Next,
) -> Response<Body> {
    let deed = match needs {
        Needs::Nothing => return next.run(request).await,
        Needs::Metrics if app.gate.settings().metrics_without_token => {
            return next.run(request).await;
        }
        Needs::Metrics => Deed::Metrics,
        Needs::Webhook => Deed::Feed,
        Needs::Token(deed) | Needs::Socket(deed, _) => deed,
    };
    if !app.gate.is_guarded()
        && let Err(refused) = meant_for_us(&app, path, &request)
    {
        return *refused;
    }
    // Certificates come on top of tokens.
    let must_certify = app.tls.as_ref().is_some_and(Tls::asks_platforms);
    if deed == Deed::Feed && must_certify && !is_certified(&request) {
        return refuse(&app, needs, path, request, Refusal::Forbidden, None);
    }
    let query = request.uri().query();
    let shown = offered(request.headers(), query, deed == Deed::Feed);
    let peer = peer(&request);
    let here = guest(&app, &request);
    let caller = |grant: Arc<Grant>, is_unproven| {
        let guest = app.guests.with(&grant).unwrap_or_else(|| Arc::clone(&here));
        Caller { grant, peer, is_unproven, guest, _visit: None }
    };
    let mut admitted = match app.gate.admit(&shown) {
        Ok(grant) => caller(grant, false),
        Err(_) if needs == Needs::Webhook && shown.is_empty() && signature::any(&app.settings) => {
            caller(Arc::new(Grant::signed()), true)
        }
        Err(_) => return refuse(&app, needs, path, request, Refusal::Unknown, None),
    };
    if !admitted.grant.may(deed) {
        return refuse(&app, needs, path, request, Refusal::Forbidden, Some(&admitted));
    }
    if let Err(refused) = count(&app, needs, &mut admitted) {
        return *refused;
    }
    if !matches!(needs, Needs::Metrics | Needs::Socket(Deed::Feed, _)) {
        app.fair.somebody(Instant::now());
    }
    // A websocket is listed once it is one.
    if !matches!(needs, Needs::Socket(..)) {
        app.audit.seen(&admitted, path);
    }
    request.extensions_mut().insert(admitted);
    next.run(request).await
}

/// Whether a request that needs no token is one that its sender meant for this server, and no page of
/// a stranger thought up in somebody's browser.
fn meant_for_us(
    app: &App,
    path: &'static str,
    request: &Request,
) -> Result<(), Box<Response<Body>>> {
    let refused = if !host::is_ours(request, &app.settings) {
        let text = "without tokens this server answers to its address and to localhost only, not to \
                    a name that others may have given it; behind a proxy or under a name of its own, \
                    set `public_url` in [server] to it, or make a token";
        problem(StatusCode::MISDIRECTED_REQUEST, "misdirected", text)
    } else if !origin_is_allowed(request.headers(), &app.settings.allowed_origins) {
        problem(StatusCode::FORBIDDEN, "forbidden", FOREIGN_ORIGIN)
    } else {
        return Ok(());
    };
    let status = refused.status();
    app.metrics.refused(status.as_u16(), path, peer(request));
    app.audit.refused(None, peer(request), path, status.as_str());
    Err(Box::new(refused))
}

/// Holds who was let in to its limits. Before a websocket is one, so that it can be told.
fn count(app: &App, needs: Needs, caller: &mut Caller) -> Result<(), Box<Response<Body>>> {
    let (limit, text) = match needs {
        Needs::Socket(..) => {
            // Of an address all connections are counted already.
            if caller.grant.token.is_none() {
                return Ok(());
            }
            caller._visit = caller.guest.visit(app.settings.max_sockets_per_token).map(Arc::new);
            if caller._visit.is_some() {
                return Ok(());
            }
            ("max_sockets_per_token", "this token has too many websockets open; close some")
        }
        Needs::Token(_) if !caller.guest.reads(Instant::now()) => {
            ("requests_per_s_per_token", "too many requests; slow down")
        }
        // Webhooks count as messages.
        _ => return Ok(()),
    };
    app.metrics.over_limit(limit, caller.peer);
    Err(Box::new(too_many(text)))
}

fn refuse(
    app: &Arc<App>,
    needs: Needs,
    path: &'static str,
    request: Request,
    refusal: Refusal,
    caller: Option<&Caller>,
) -> Response<Body> {
    let address = peer(&request);
    let response = refusal.response();
    let status = response.status();
    app.metrics.refused(status.as_u16(), path, address);
    // The path as it was asked for may hold anything.
    app.audit.refused(caller, address, path, status.as_str());
    let Needs::Socket(_, subprotocol) = needs else { return response };
    let origins = &app.settings.allowed_origins;
    let Ok(accepted) = handshake::accept(request.headers(), subprotocol, origins) else {
        return response;
    };
    let own = Arc::clone(app);
    upgrade(Arc::clone(app), request, REFUSED, move |socket| async move {
        let (code, reason) = refusal.close();
        socket.bye(&own.drain, code, reason).await
    });
    accepted.response
}

/// Serves a websocket for as long as its token holds.
pub(super) async fn while_granted(
    grant: &Grant,
    serving: impl Future<Output = Option<(u16, &'static str)>>,
) -> Option<(u16, &'static str)> {
    tokio::select! {
        // First, because the other nearly never has anything to say.
        biased;
        over = serving => over,
        () = grant.over() => Some((close::NO_TOKEN, "the token has expired or was revoked")),
    }
}

/// Looks at the files of tokens and keys for as long as it is polled.
pub(super) async fn watch(app: Arc<App>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let own = Arc::clone(&app);
        // The disk may be slow, and the threads of sockets have no time for it.
        let looked = tokio::task::spawn_blocking(move || {
            (own.gate.look(), own.tls.as_ref().and_then(Tls::look))
        });
        let Ok((changes, certificates)) = looked.await else { continue };
        for change in &changes {
            app.metrics.access_changed(change);
            match change {
                Change::Made { id, role } => {
                    app.audit.changed(Done::TokenNew, Some(id), Some(role.name()));
                }
                Change::Revoked { id } => app.audit.changed(Done::TokenRevoke, Some(id), None),
                Change::Keys(_) => app.audit.changed(Done::Keys, Some("jwks_file"), None),
                Change::Refused(_) => {}
            }
        }
        if let Some(looked) = certificates {
            app.metrics.tls_looked(&looked);
            if looked.is_ok() {
                app.audit.changed(Done::Keys, Some("certificate_file"), None);
            }
        }
    }
}
