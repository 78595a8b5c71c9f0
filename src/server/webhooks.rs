//! `POST /v1/webhooks/{format}`: vendors that push each message by HTTP.
//!
//! The requests of a call share the state of its adapter, which is locked while one of them is
//! given to the desk, so that those that come at once stay in order. Each is a platform of its
//! own that is gone when the answer is: the call then waits `webhook_grace_s` for the next. The
//! answer says that everything of the request is durable, also when it came before.

mod shelf;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, Response, StatusCode, header};

use super::guard::{self, Caller};
use super::signature::Sent;
use super::{App, rest, signature, vendor};
use crate::desk::{Now, Platform};
use crate::wire::vendors::{self, About, Adapter, Event, Facts, Format, Memory, Reading};
use crate::wire::{Place, Problem, ingest};

pub(super) use shelf::Shelf;

/// How long a request waits for a call that may be on another node.
const BRING: Duration = Duration::from_secs(5);

/// Why a request was not taken.
type Refusal = Box<Response<Body>>;

/// What a body holds.
struct Parsed {
    format: Format,
    readings: Vec<Reading>,
}

/// What a call is told.
enum News<'a> {
    Readings(Vec<Reading>),
    /// Not yet read, because it goes on from what came before.
    Text(&'a str),
}

pub(super) async fn endpoint(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(format): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    request: Request,
) -> Response<Body> {
    if app.drain.is_cancelled() {
        return rest::overloaded("the server is restarting; try again");
    }
    let patience = Duration::from_secs(app.settings.body_timeout_s);
    let taken = tokio::time::timeout(patience, take(&app, &caller, &format, &query, request));
    let response = match taken.await {
        Ok(Ok(())) => rest::no_content(),
        Ok(Err(response)) => *response,
        // What was handed in stays; the retry waits for it.
        Err(_) => rest::overloaded("the journal is too slow; try again"),
    };
    let status = response.status();
    app.metrics.webhook(status.as_u16());
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        let path = "/v1/webhooks/{format}";
        app.metrics.refused(status.as_u16(), path, caller.peer);
        app.audit.refused(Some(&caller), caller.peer, path, status.as_str());
    }
    response
}

async fn take(
    app: &App,
    caller: &Caller,
    format: &str,
    query: &HashMap<String, String>,
    request: Request,
) -> Result<(), Refusal> {
    let format = match Format::named(format) {
        Some(Format::Native) => {
            let text = "protocol v1 itself is spoken on /v1/ingest";
            return Err(Box::new(rest::problem(StatusCode::NOT_FOUND, "not_found", text)));
        }
        Some(format) => format,
        None => {
            let text = format!("format `{format}` is unknown; use one of {}", Format::names());
            return Err(Box::new(rest::problem(StatusCode::NOT_FOUND, "not_found", &text)));
        }
    };
    // Who cannot prove anything is not read.
    let nobody = || Box::new(guard::Refusal::Unknown.response());
    if caller.is_unproven && !signature::proves(&app.settings, format) {
        return Err(nobody());
    }
    let facts = vendor::facts(query, &app.wire).map_err(|text| bad("bad_request", &text))?;
    let (parts, body) = request.into_parts();
    let bytes = rest::body(app, &parts.headers, body, app.settings.webhook_body_bytes).await?;
    if caller.guest.sends(1, bytes.len(), Instant::now()).is_some() {
        app.metrics.over_limit("messages_per_s_per_token", caller.peer);
        return Err(Box::new(rest::too_many("too many messages; slow down")));
    }
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let parsed = parse(app, format, target, &parts.headers, &bytes);
    let Parsed { format, readings } = match parsed {
        Ok(parsed) if caller.is_unproven && !signature::proves(&app.settings, parsed.format) => {
            return Err(nobody());
        }
        // Only a signature that is wrong is told of.
        Err(response) if caller.is_unproven && response.status() != StatusCode::FORBIDDEN => {
            return Err(nobody());
        }
        parsed => parsed?,
    };
    if let (true, Some(call_id)) = (format.goes_on(), &facts.call_id) {
        let text = std::str::from_utf8(&bytes).unwrap_or_default();
        return tell(app, caller, format, call_id.clone(), News::Text(text), &facts).await;
    }
    let mut calls: Vec<(String, Vec<Reading>)> = Vec::new();
    for reading in readings {
        if reading.events.is_empty() {
            app.metrics.vendor_skipped(format.name(), 1);
            continue;
        }
        let call_id = facts.call_id.as_ref().or(reading.call.as_ref());
        let call_id = call_id.ok_or_else(|| {
            bad("bad_message", "the message names no call; add ?call_id= to the URL")
        })?;
        ingest::call_id_is_usable(call_id, &app.wire).map_err(|text| bad("bad_message", &text))?;
        match calls.iter_mut().find(|(known, _)| known == call_id) {
            Some((_, readings)) => readings.push(reading),
            None => calls.push((call_id.clone(), vec![reading])),
        }
    }
    for (call_id, readings) in calls {
        tell(app, caller, format, call_id, News::Readings(readings), &facts).await?;
    }
    Ok(())
}

/// Reads the body: JSON, or a form, and checks who signed it.
fn parse(
    app: &App,
    format: Format,
    target: &str,
    headers: &HeaderMap,
    bytes: &[u8],
) -> Result<Parsed, Refusal> {
    let is_called_form = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    // Many programs call everything a form; in one no name begins with a bracket as it is.
    let is_form = is_called_form && !matches!(bytes.trim_ascii_start(), [b'{' | b'[', ..]);
    let mut memory = Memory::default();
    let mut fields: Vec<(String, String)> = Vec::new();
    let read = if is_form {
        fields.extend(form_urlencoded::parse(bytes).into_owned());
        vendors::body(format, fields.iter().cloned(), &mut memory)
    } else {
        let text =
            std::str::from_utf8(bytes).map_err(|_| bad("bad_json", "the body is not UTF-8"))?;
        vendors::message(format, text, &mut memory)
    };
    let read = read.map_err(refused)?;
    let sent = if is_form { Sent::Form(&fields) } else { Sent::Bytes(bytes) };
    let unsigned = match read.format {
        Format::Twilio => signature::of_twilio(&app.settings, target, headers, sent),
        Format::Telnyx => signature::of_telnyx(&app.settings, app.desk.now(), headers, bytes),
        _ => Ok(()),
    };
    unsigned.map_err(|text| rest::problem(StatusCode::FORBIDDEN, "forbidden", text))?;
    let readings = read.readings.into_iter().collect::<Result<Vec<Reading>, Problem>>();
    Ok(Parsed { format: read.format, readings: readings.map_err(refused)? })
}

/// Gives what is new of one call to the desk and waits until it is durable.
async fn tell(
    app: &App,
    caller: &Caller,
    format: Format,
    call_id: String,
    news: News<'_>,
    facts: &Facts,
) -> Result<(), Refusal> {
    let busy = || Box::new(rest::overloaded("the journal has no room; try again"));
    let scopes = Arc::clone(&caller.grant.scopes);
    let platform = Platform::of_webhooks(Arc::clone(&app.desk)).within(scopes);
    let mut platform = platform.counted(&caller.guest.calls);
    // Before anything that the requests of others for this call share.
    if !platform.may_reach(&call_id, place(&news, facts)) {
        app.audit.refused(Some(caller), caller.peer, &call_id, "forbidden");
        let text = "no such call is kept here";
        return Err(Box::new(rest::problem(StatusCode::NOT_FOUND, "not_found", text)));
    }
    let shared = app.webhooks.adapter(format, &call_id, || {
        let facts = Facts { call_id: Some(call_id.clone()), ..facts.clone() };
        vendor::adapter(app, format, facts)
    });
    let mut adapter = shared.lock().await;
    let mut permit = Some(app.desk.journal().try_permit().ok_or_else(busy)?);
    adapter.lost_all();
    // Opens the call again even if everything else came before, and so waits for its commit.
    let mut first = Reading { events: vec![Event::Start], ..Reading::default() };
    if let News::Readings(readings) = &news {
        first.about = readings[0].about.clone();
    }
    adapter.push(first, &app.wire).map_err(refused)?;
    match news {
        News::Text(text) => drop(adapter.read(text, &app.wire).map_err(refused)?),
        News::Readings(readings) => {
            for reading in readings {
                adapter.push(reading, &app.wire).map_err(refused)?;
            }
        }
    }
    let mut ticket = 0;
    while adapter.is_waiting() {
        let room = match permit.take() {
            Some(room) => room,
            None => app.desk.journal().permit().await.ok_or_else(busy)?,
        };
        let read = Instant::now();
        let Some(taken) = vendor::feed(app, &mut platform, &mut adapter, read, room) else { break };
        if let Some(call_id) = taken.elsewhere {
            let brought = tokio::time::timeout(BRING, platform.bring(call_id)).await;
            platform.has_brought(brought.map_err(|_| busy())?);
            continue;
        }
        if let Some((number, _)) = taken.later {
            ticket = number;
        } else if let Some(Now::Refused(problem)) = taken.now {
            // Nothing of it was kept, so its retry must not be taken for a repeat.
            app.webhooks.forget(format, &call_id);
            return Err(refused(problem));
        }
    }
    vendor::count(app, &mut adapter);
    let slot = Arc::clone(platform.slot());
    drop(adapter);
    if ticket == 0 {
        // The call is over; its end may be a request that is still on its way to the journal.
        app.desk.journal().flush().await;
    } else {
        slot.wait_for(ticket).await;
    }
    if platform.was_lost() {
        let text = format!("call `{call_id}` has moved to another node; send it again");
        return Err(Box::new(rest::overloaded(&text)));
    }
    Ok(())
}

/// Where a call would begin: what the URL says of it, else what the vendor says.
fn place<'a>(news: &'a News<'_>, facts: &'a Facts) -> Place<'a> {
    let said = match news {
        News::Readings(readings) => readings.first().map(|reading| &reading.about),
        News::Text(_) => None,
    };
    let of = |of: fn(&About) -> Option<&String>| {
        of(&facts.about).or_else(|| said.and_then(of)).map(String::as_str)
    };
    Place {
        queue: of(|about| about.queue.as_ref()),
        team: of(|about| about.team.as_ref()),
        agent: of(|about| about.agent_id.as_ref()),
    }
}

fn bad(code: &str, text: &str) -> Refusal {
    Box::new(rest::problem(StatusCode::BAD_REQUEST, code, text))
}

fn refused(problem: Problem) -> Refusal {
    if problem.code.is_temporary() {
        return Box::new(rest::overloaded(&problem.message));
    }
    bad(problem.code.name(), &problem.message)
}

/// A session that several requests share.
type Shared = Arc<tokio::sync::Mutex<Adapter>>;
