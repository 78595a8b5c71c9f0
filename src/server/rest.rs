//! REST: what the hub holds, scoring of whole calls, health and metrics.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderValue, Response, StatusCode, header};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::App;
use crate::call::{Call, Timestamp};
use crate::engine::alert::AlertState;
use crate::engine::effects::CallPhase;
use crate::engine::score_call;
use crate::hub::{AlertQuery, CallQuery};
use crate::journal::Health;

const DEFAULT_LIMIT: usize = 100;
/// Bytes of a too large body that are read and dropped, so that most clients come to read why
/// they were refused.
const DISCARD_BYTES: usize = 16 << 20;

type Parameters = Query<HashMap<String, String>>;

/// `GET /v1/calls`.
pub(super) async fn calls(State(app): State<Arc<App>>, Query(query): Parameters) -> Response<Body> {
    let read = || {
        let state = match query.get("state").map(String::as_str) {
            None => None,
            Some("open") => Some(CallPhase::Open),
            Some("ended") => Some(CallPhase::Ended),
            Some(_) => return Err("`state` must be open or ended".to_owned()),
        };
        Ok(CallQuery { after: after(&query)?, limit: limit(&app, &query)?, state })
    };
    answer(read().map(|query| app.desk.hub().calls(&query)))
}

/// `GET /v1/calls/{id}`.
pub(super) async fn call(
    State(app): State<Arc<App>>,
    Path(call_id): Path<String>,
) -> Response<Body> {
    match app.desk.hub().call(&call_id) {
        Some(call) => json_body(StatusCode::OK, &call),
        None => problem(StatusCode::NOT_FOUND, "not_found", "no such call is kept here"),
    }
}

/// `GET /v1/alerts`.
pub(super) async fn alerts(
    State(app): State<Arc<App>>,
    Query(query): Parameters,
) -> Response<Body> {
    let read = || {
        Ok(AlertQuery {
            after: after(&query)?,
            limit: limit(&app, &query)?,
            states: states(query.get("state").map(String::as_str))?,
            from: moment(&query, "from")?,
            to: moment(&query, "to")?,
        })
    };
    answer(read().map(|query| app.desk.hub().alerts(&query)))
}

fn after(query: &HashMap<String, String>) -> Result<Option<u64>, String> {
    let parse = |text: &String| {
        text.parse().map_err(|_| "`after` must be the `next` of the part before".to_owned())
    };
    query.get("after").map(parse).transpose()
}

fn limit(app: &App, query: &HashMap<String, String>) -> Result<usize, String> {
    let most = app.settings.max_page_items;
    let Some(text) = query.get("limit") else { return Ok(DEFAULT_LIMIT.min(most)) };
    let limit = text.parse().ok().filter(|limit| (1..=most).contains(limit));
    limit.ok_or_else(|| {
        app.metrics.pages_refused.inc();
        format!("`limit` must be a whole number from 1 to {most}")
    })
}

fn moment(query: &HashMap<String, String>, name: &str) -> Result<Option<Timestamp>, String> {
    let parse = |text: &String| {
        Timestamp::parse(text).ok_or_else(|| {
            format!("`{name}` must be an RFC 3339 time such as 2026-11-22T03:40:00Z")
        })
    };
    query.get(name).map(parse).transpose()
}

fn states(text: Option<&str>) -> Result<Vec<AlertState>, String> {
    use AlertState::{Acknowledged, Raised, Resolved, Retracted, Snoozed};
    Ok(match text {
        None => Vec::new(),
        Some("open") => vec![Raised, Acknowledged, Snoozed],
        Some("closed") => vec![Resolved, Retracted],
        Some(name) => {
            vec![AlertState::deserialize(&json!(name)).map_err(|_: serde_json::Error| {
                "`state` must be open, closed, raised, acknowledged, snoozed, resolved or \
                 retracted"
                    .to_owned()
            })?]
        }
    })
}

/// `POST /v1/score`: keeps nothing.
pub(super) async fn score(State(app): State<Arc<App>>, request: Request) -> Response<Body> {
    let Ok(permit) = Arc::clone(&app.scoring).try_acquire_owned() else {
        return overloaded("other calls are being scored; try again");
    };
    let bytes = match body(&app, request).await {
        Ok(bytes) => bytes,
        Err(response) => return *response,
    };
    let read = std::str::from_utf8(&bytes).map_err(|_| "the text is not UTF-8".to_owned());
    let call: Call = match read.and_then(Call::parse) {
        Ok(call) => call,
        Err(error) => {
            let text = format!("the body must be one call as in data/README.md: {error}");
            return problem(StatusCode::BAD_REQUEST, "bad_request", &text);
        }
    };
    let engine = app.desk.engine();
    // A long call takes a while; the threads that serve sockets have no time for it.
    let scored = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let turns = score_call(&engine, &call, false);
        json_body(StatusCode::OK, &json!({"call_id": call.id, "turns": turns}))
    });
    scored.await.unwrap_or_else(|_| {
        problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", "scoring failed")
    })
}

/// Reads a body within the limits of size and time.
async fn body(app: &App, request: Request) -> Result<Vec<u8>, Box<Response<Body>>> {
    let limit = app.settings.score_body_bytes;
    let declared = request.headers().get(header::CONTENT_LENGTH);
    let declared = declared.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let hopeless = limit + DISCARD_BYTES;
    let mut stream = request.into_body().into_data_stream();
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
    match tokio::time::timeout(patience, read).await {
        Ok((bytes, length)) if length <= limit => Ok(bytes),
        Ok(_) => {
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
    json_body(StatusCode::OK, &json!({"status": "ok"}))
}

/// `GET /readyz`: traffic may be sent here.
pub(super) async fn readyz(State(app): State<Arc<App>>) -> Response<Body> {
    let draining = app.drain.is_cancelled();
    let health = app.desk.journal().health();
    let status = if draining { "draining" } else { health.status() };
    let code = match (draining, health) {
        (false, Health::Ready) => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    let writable = health != Health::Failing;
    let engine = app.desk.engine();
    let mut body = json!({"status": status, "model": engine.model_name(), "journal": writable,
        "ruleset": engine.ruleset.hash});
    if let Some(warning) = app.rules.warning() {
        body["warning"] = warning.into();
    }
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

fn answer<T: Serialize>(result: Result<T, String>) -> Response<Body> {
    match result {
        Ok(body) => json_body(StatusCode::OK, &body),
        Err(text) => problem(StatusCode::BAD_REQUEST, "bad_request", &text),
    }
}

/// An error as JSON.
pub(super) fn problem(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    json_body(status, &json!({"code": code, "message": message}))
}

/// 503 with the advice to come back.
pub(super) fn overloaded(message: &str) -> Response<Body> {
    let mut response = problem(StatusCode::SERVICE_UNAVAILABLE, "overloaded", message);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn json_body<T: Serialize>(status: StatusCode, body: &T) -> Response<Body> {
    match serde_json::to_string(body) {
        Ok(text) => body_of(status, "application/json", text),
        Err(error) => body_of(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", error.to_string()),
    }
}

fn body_of(status: StatusCode, content_type: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
