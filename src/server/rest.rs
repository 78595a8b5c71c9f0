//! REST beside the lists: scoring of whole calls, health and metrics.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use futures_util::StreamExt;
use serde::Serialize;

use super::App;
use super::waiting::Waiting;
use crate::call::Call;
use crate::engine::score_call;
use crate::journal::Health;
use crate::wire::bodies::{Alive, ErrorBody, Readiness, ScoredCall};

/// Bytes of a too large body that are read and dropped, so that most clients come to read why
/// they were refused.
const DISCARD_BYTES: usize = 16 << 20;

/// `POST /v1/score`: keeps nothing.
pub(super) async fn score(State(app): State<Arc<App>>, request: Request) -> Response<Body> {
    let (parts, content) = request.into_parts();
    let limit = app.settings.score_body_bytes;
    let bytes = match body(&app, &parts.headers, content, limit).await {
        Ok(bytes) => bytes,
        Err(response) => return *response,
    };
    // Only now: a body that comes slowly keeps nobody from scoring.
    let Ok(permit) = Arc::clone(&app.scoring).try_acquire_owned() else {
        return overloaded("other calls are being scored; try again");
    };
    let engine = app.desk.engine();
    // A long call takes a while; the threads that serve sockets have no time for it.
    let scored = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let read = std::str::from_utf8(&bytes).map_err(|_| "the text is not UTF-8".to_owned());
        let call: Call = match read.and_then(Call::parse) {
            Ok(call) => call,
            Err(error) => {
                let text = format!("the body must be one call as in data/README.md: {error}");
                return problem(StatusCode::BAD_REQUEST, "bad_request", &text);
            }
        };
        let turns = score_call(&engine, &call, false);
        json_body(StatusCode::OK, &ScoredCall { call_id: &call.id, turns })
    });
    scored.await.unwrap_or_else(|_| {
        problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", "scoring failed")
    })
}

/// Reads a body within the limits of size and time.
pub(super) async fn body(
    app: &App,
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<Vec<u8>, Box<Response<Body>>> {
    let declared = headers.get(header::CONTENT_LENGTH);
    let declared = declared.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let hopeless = limit + DISCARD_BYTES;
    let mut stream = body.into_data_stream();
    let read = async {
        let (mut bytes, mut length) = (Vec::new(), declared.unwrap_or(0));
        if length <= hopeless {
            length = 0;
            while let Some(piece) = stream.next().await {
                let Ok(piece) = piece else { break };
                length += piece.len();
                if length <= limit {
                    bytes.extend_from_slice(&piece);
                } else if length > hopeless {
                    break;
                }
            }
        }
        (bytes, length)
    };
    let patience = Duration::from_secs(app.settings.body_timeout_s);
    let waiting = Waiting::new(&app.bodies);
    let read = tokio::select! {
        biased;
        read = tokio::time::timeout(patience, read) => read,
        () = waiting.pushed_out() => {
            let text = "too many bodies are arriving, and this one for longest; try again";
            return Err(Box::new(overloaded(text)));
        }
    };
    match read {
        Ok((bytes, length)) if length <= limit => Ok(bytes),
        Ok(_) => {
            app.metrics.bodies_refused.inc();
            let text = format!("the body is over the limit of {limit} bytes");
            Err(Box::new(problem(StatusCode::PAYLOAD_TOO_LARGE, "too_large", &text)))
        }
        Err(_) => {
            let text = "the body did not arrive in time";
            Err(Box::new(problem(StatusCode::REQUEST_TIMEOUT, "timeout", text)))
        }
    }
}

/// `GET /healthz`: the process answers.
pub(super) async fn healthz() -> Response<Body> {
    json_body(StatusCode::OK, &Alive { status: "ok" })
}

/// `GET /readyz`: traffic may be sent here.
pub(super) async fn readyz(State(app): State<Arc<App>>) -> Response<Body> {
    let draining = app.drain.is_cancelled();
    let health = app.desk.journal().health();
    // A node that is cut off from the others cannot keep anything.
    let cut_off = app.cluster.as_ref().is_some_and(|cluster| !cluster.is_connected());
    let health = if cut_off { Health::Failing } else { health };
    let status = if draining { "draining" } else { health.status() };
    let code = match (draining, health) {
        (false, Health::Ready) => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    let writable = health != Health::Failing;
    let engine = app.desk.engine();
    let destinations = app.egress.as_ref().map(|egress| egress.warnings()).unwrap_or_default();
    let warnings: Vec<String> = app.rules.warning().into_iter().chain(destinations).collect();
    let body = Readiness {
        status,
        model: engine.model_name(),
        journal: writable,
        ruleset: &engine.ruleset.hash,
        warning: (!warnings.is_empty()).then(|| warnings.join("; ")),
    };
    json_body(code, &body)
}

/// `GET /metrics`.
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Response<Body> {
    let mut text = String::new();
    if prometheus_client::encoding::text::encode(&mut text, &app.registry).is_err() {
        return problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", "cannot encode metrics");
    }
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    body_of(StatusCode::OK, content_type, text)
}

/// Any other path.
pub(super) async fn not_found() -> Response<Body> {
    problem(StatusCode::NOT_FOUND, "not_found", "nothing is here")
}

/// An error as JSON.
pub(super) fn problem(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    json_body(status, &ErrorBody { code, message })
}

/// 204: done, and nothing to say.
pub(super) fn no_content() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// 503 with the advice to come back.
pub(super) fn overloaded(message: &str) -> Response<Body> {
    come_back(problem(StatusCode::SERVICE_UNAVAILABLE, "overloaded", message))
}

/// 429 with the advice to come back: the guest, not the server, has too much.
pub(super) fn too_many(message: &str) -> Response<Body> {
    come_back(problem(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message))
}

fn come_back(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// Anything as JSON.
pub(super) fn json_body<T: Serialize>(status: StatusCode, body: &T) -> Response<Body> {
    match serde_json::to_string(body) {
        Ok(text) => body_of(status, "application/json", text),
        Err(error) => body_of(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", error.to_string()),
    }
}

/// A body of any kind.
pub(super) fn body_of(
    status: StatusCode,
    content_type: &'static str,
    text: impl Into<Body>,
) -> Response<Body> {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
