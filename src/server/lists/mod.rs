//! REST over calls and alerts: what is in memory and what is in the journal, as one.

mod archive;
mod one;
mod shift;
#[cfg(test)]
mod tests;
mod union;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{Response, StatusCode};
use serde::Serialize;
use tokio::sync::Semaphore;

use super::App;
use super::guard::Caller;
use super::rest::{json_body, overloaded, problem};
use crate::journal::{Library, ReadError, Settings};
use crate::wire::Scopes;
use crate::wire::audit::{AuditEntry, AuditQuery};
use crate::wire::lists::{AlertKey, AlertQuery, CallQuery, Page, Parameters, ShiftQuery};
use archive::Archive;

pub(super) use one::call;

const DEFAULT_LIMIT: usize = 100;

type Given = Query<Vec<(String, String)>>;

/// Readings in progress, and what they may take.
#[derive(Debug)]
pub(super) struct Readings {
    library: Option<Arc<dyn Library>>,
    places: Arc<Semaphore>,
    patience: Duration,
}

impl Readings {
    /// Of a journal; without a library only what is in memory is read.
    pub fn new(library: Option<Arc<dyn Library>>, settings: &Settings) -> Readings {
        Readings {
            library,
            places: Arc::new(Semaphore::new(settings.max_readings)),
            patience: Duration::from_millis(settings.reading_ms),
        }
    }
}

/// `GET /v1/calls`.
pub(super) async fn calls(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Query(given): Given,
) -> Response<Body> {
    let parsed = (|| {
        let given = Parameters::new(given, &CallQuery::NAMES)?;
        let parse = |text: &str| text.parse::<u64>().ok();
        let (after, limit) = (after(&given, parse)?, limit(&app, &given)?);
        let scopes = Scopes::clone(&caller.grant.scopes);
        Ok((CallQuery { scopes, ..CallQuery::parse(&given)? }, after, limit))
    })();
    read(&app, parsed, |archive, (query, after, limit)| archive.calls(&query, after, limit)).await
}

/// `GET /v1/alerts`.
pub(super) async fn alerts(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Query(given): Given,
) -> Response<Body> {
    let parsed = (|| {
        let given = Parameters::new(given, &AlertQuery::NAMES)?;
        let (after, limit) = (after(&given, AlertKey::parse)?, limit(&app, &given)?);
        let scopes = Scopes::clone(&caller.grant.scopes);
        Ok((AlertQuery { scopes, ..AlertQuery::parse(&given)? }, after, limit))
    })();
    read(&app, parsed, |archive, (query, after, limit)| archive.alerts(&query, after, limit)).await
}

/// `GET /v1/shift`.
pub(super) async fn shift(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Query(given): Given,
) -> Response<Body> {
    let parsed = Parameters::new(given, &ShiftQuery::NAMES)
        .and_then(|given| ShiftQuery::parse(&given, app.desk.now()))
        .map(|query| ShiftQuery { scopes: Scopes::clone(&caller.grant.scopes), ..query });
    read(&app, parsed, |archive, query| shift::figures(archive, &query)).await
}

/// `GET /v1/audit`.
pub(super) async fn audit(State(app): State<Arc<App>>, Query(given): Given) -> Response<Body> {
    let parsed = (|| {
        let given = Parameters::new(given, &AuditQuery::NAMES)?;
        let parse = |text: &str| text.parse::<u64>().ok();
        let (after, limit) = (after(&given, parse)?, limit(&app, &given)?);
        Ok((AuditQuery::parse(&given)?, after, limit))
    })();
    // Who asks sees what was done before.
    app.audit.flush().await;
    let trail = Arc::clone(app.audit.trail());
    read(&app, parsed, move |archive, (query, after, limit)| {
        let found = trail.read(&query, after, limit, archive.until())?;
        let items: Vec<AuditEntry> = found.items.into_iter().map(|(_, entry)| entry).collect();
        Ok(Page { items, next: found.reached.map(|id| id.to_string()) })
    })
    .await
}

fn after<K>(given: &Parameters, parse: impl Fn(&str) -> Option<K>) -> Result<Option<K>, String> {
    let parse = |text: &str| {
        parse(text).ok_or_else(|| "`after` must be the `next` of the part before".to_owned())
    };
    given.get("after").map(parse).transpose()
}

fn limit(app: &App, given: &Parameters) -> Result<usize, String> {
    let most = app.settings.max_page_items;
    let Some(text) = given.get("limit") else { return Ok(DEFAULT_LIMIT.min(most)) };
    let limit = text.parse().ok().filter(|limit| (1..=most).contains(limit));
    limit.ok_or_else(|| {
        app.metrics.pages_refused.inc();
        format!("`limit` must be a whole number from 1 to {most}")
    })
}

/// Answers with what was read for a query that could be understood.
async fn read<Q, T>(
    app: &Arc<App>,
    parsed: Result<Q, String>,
    reading: impl FnOnce(&Archive<'_>, Q) -> Result<T, ReadError> + Send + 'static,
) -> Response<Body>
where
    Q: Send + 'static,
    T: Serialize + Send + 'static,
{
    let query = match parsed {
        Ok(query) => query,
        Err(text) => return problem(StatusCode::BAD_REQUEST, "bad_request", &text),
    };
    let answered = blocking(app, move |archive| {
        let found = reading(archive, query)?;
        // Long lists take a while to write out, too.
        Ok(json_body(StatusCode::OK, &found))
    });
    answered.await.unwrap_or_else(|response| *response)
}

/// Reads on a thread of its own: the threads that serve sockets have no time for it.
async fn blocking<T: Send + 'static>(
    app: &Arc<App>,
    reading: impl FnOnce(&Archive<'_>) -> Result<T, ReadError> + Send + 'static,
) -> Result<T, Box<Response<Body>>> {
    let Readings { places, patience, .. } = &app.readings;
    let place = tokio::time::timeout(*patience, Arc::clone(places).acquire_owned()).await;
    let Ok(Ok(place)) = place else {
        app.metrics.readings_refused.inc();
        return Err(Box::new(overloaded("the journal is being read by others; try again")));
    };
    let own = Arc::clone(app);
    let read = tokio::task::spawn_blocking(move || {
        let _place = place;
        let Readings { library, patience, .. } = &own.readings;
        let until = Instant::now() + *patience;
        reading(&Archive::new(own.desk.hub(), library.as_deref(), until))
    });
    let failed =
        |text: &str| Box::new(problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", text));
    match read.await {
        Ok(Ok(read)) => Ok(read),
        Ok(Err(ReadError::TooSlow)) => {
            app.metrics.readings_refused.inc();
            let text = "reading the journal took too long; ask for less, by time for example";
            Err(Box::new(overloaded(text)))
        }
        Ok(Err(ReadError::Failed(text))) => {
            app.metrics.reading_failed(&text);
            Err(failed(&text))
        }
        Err(_) => Err(failed("reading failed")),
    }
}
