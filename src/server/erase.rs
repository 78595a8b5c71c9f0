//! `DELETE /v1/calls/{call_id}` and `DELETE /v1/customers/{key}`: erasing for good.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, Response, StatusCode, header};

use super::App;
use super::guard::Caller;
use super::listener::Place;
use super::rest::{json_body, overloaded, problem};
use crate::desk::EraseError;
use crate::journal::Erase;
use crate::wire::audit::Done;
use crate::wire::bodies::ErasedBody;

/// Erases a call, and every earlier one of its id.
pub(super) async fn call(
    State(app): State<Arc<App>>,
    Extension(place): Extension<Place>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Path(call_id): Path<String>,
) -> Response<Body> {
    let wanted = Erase { call_ids: vec![call_id.into()], customer: None };
    erase(&app, &place, &caller, &headers, wanted).await
}

/// Erases all calls of a customer, by the attribute `customer_key`.
pub(super) async fn customer(
    State(app): State<Arc<App>>,
    Extension(place): Extension<Place>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Path(key): Path<String>,
) -> Response<Body> {
    let wanted = Erase { call_ids: Vec::new(), customer: Some(key) };
    erase(&app, &place, &caller, &headers, wanted).await
}

async fn erase(
    app: &Arc<App>,
    place: &Place,
    caller: &Caller,
    headers: &HeaderMap,
    wanted: Erase,
) -> Response<Body> {
    if !app.gate.is_guarded() && !is_here(place, headers) {
        let text = "only from this machine: run `forewarn forget` where the server runs";
        return problem(StatusCode::FORBIDDEN, "forbidden", text);
    }
    // It goes on when the client goes away: half of it is worse than all.
    let own = Arc::clone(app);
    // The audit keeps the id of a call, and not the key of a customer.
    let on = wanted.call_ids.first().map_or("a customer".to_owned(), |id| id.to_string());
    let erased = tokio::spawn(async move {
        let erased = own.desk.erase(wanted).await;
        // Vendors' adapters hold what may get a better wording yet.
        own.erasures.send_replace(());
        own.webhooks.erase(|call_id| own.desk.has(call_id)).await;
        erased
    });
    match erased.await {
        Ok(Ok(erased)) if erased.call_ids.is_empty() => {
            problem(StatusCode::NOT_FOUND, "not_found", "no such call is kept here")
        }
        Ok(Ok(erased)) => {
            let who = caller.grant.user.as_deref().unwrap_or("anybody");
            let detail = format!("{} calls", erased.call_ids.len());
            app.audit.note(caller, who, Done::Forget, Some(&on), Some(&detail));
            let body = ErasedBody {
                calls: &erased.call_ids,
                lines: erased.lines,
                alerts: erased.alerts,
                waiting: erased.waiting,
                destinations: &erased.destinations,
            };
            json_body(StatusCode::OK, &body)
        }
        Ok(Err(EraseError::Stopped)) => overloaded(&EraseError::Stopped.to_string()),
        Ok(Err(EraseError::Journal(text))) => {
            problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", &text)
        }
        Err(_) => problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", "erasing failed"),
    }
}

/// Who may erase while nobody has to show a token: a program on this machine, and neither a proxy
/// for somebody else nor a page in a browser.
fn is_here(place: &Place, headers: &HeaderMap) -> bool {
    let on_behalf = ["x-forwarded-for", "forwarded", "x-real-ip"];
    let forwarded = on_behalf.iter().any(|name| headers.contains_key(*name));
    place.peer().ip().is_loopback() && !forwarded && !headers.contains_key(header::ORIGIN)
}
