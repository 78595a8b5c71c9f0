//! The routes of the server, in one table. `wire/contracts/openapi.rs` describes each of them.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::handler::Handler;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::middleware;
use axum::routing::{self, MethodRouter};

use super::guard::{self, Needs};
use super::{App, console, contracts, docs, erase, ingest, lists, page, rest, webhooks};
use crate::access::Deed;

/// One method of one path.
struct Route {
    #[cfg_attr(not(test), expect(dead_code, reason = "for the comparison with the contract"))]
    method: &'static str,
    path: &'static str,
    needs: Needs,
    handler: MethodRouter<Arc<App>>,
}

/// All of them but the files of the page.
fn table() -> Vec<Route> {
    vec![
        get("/v1/ingest", Needs::Socket(Deed::Feed, ingest::SUBPROTOCOL), ingest::endpoint),
        get("/v1/console", Needs::Socket(Deed::Look, console::SUBPROTOCOL), console::endpoint),
        get("/v1/calls", Needs::Token(Deed::Look), lists::calls),
        get("/v1/calls/{call_id}", Needs::Token(Deed::Look), lists::call),
        delete("/v1/calls/{call_id}", Needs::Token(Deed::Forget), erase::call),
        delete("/v1/customers/{key}", Needs::Token(Deed::Forget), erase::customer),
        get("/v1/alerts", Needs::Token(Deed::Look), lists::alerts),
        get("/v1/shift", Needs::Token(Deed::Look), lists::shift),
        get("/v1/audit", Needs::Token(Deed::Audit), lists::audit),
        post("/v1/score", Needs::Token(Deed::Score), rest::score),
        post("/v1/webhooks/{format}", Needs::Webhook, webhooks::endpoint),
        get("/healthz", Needs::Nothing, rest::healthz),
        get("/readyz", Needs::Nothing, rest::readyz),
        get("/metrics", Needs::Metrics, rest::metrics),
        get("/asyncapi.json", Needs::Nothing, contracts::asyncapi),
        get("/openapi.json", Needs::Nothing, contracts::openapi),
        get("/docs", Needs::Nothing, docs::page),
    ]
}

/// Everything the server answers.
pub(super) fn router(app: Arc<App>) -> Router {
    let add = |router: Router<_>, route: Route| {
        let state = (Arc::clone(&app), route.needs, route.path);
        let guard = middleware::from_fn_with_state(state, guard::check);
        router.route(route.path, route.handler.route_layer(guard))
    };
    let router = table().into_iter().fold(Router::new(), add);
    let router = page::routes(router, &app.settings).fallback(rest::not_found);
    router.layer(middleware::map_response(in_our_words)).with_state(app)
}

/// What the framework refuses by itself gets an error body like every other refusal.
async fn in_our_words(response: Response<Body>) -> Response<Body> {
    let json = HeaderValue::from_static("application/json");
    let (code, text) = match response.status() {
        StatusCode::METHOD_NOT_ALLOWED => ("method_not_allowed", "not with this method"),
        StatusCode::BAD_REQUEST if response.headers().get(header::CONTENT_TYPE) != Some(&json) => {
            ("bad_request", "the path or the query cannot be read; percent-encode it as UTF-8")
        }
        _ => return response,
    };
    let mut ours = rest::problem(response.status(), code, text);
    if let Some(allowed) = response.headers().get(header::ALLOW) {
        ours.headers_mut().insert(header::ALLOW, allowed.clone());
    }
    ours
}

fn get<H, T: 'static>(path: &'static str, needs: Needs, handler: H) -> Route
where
    H: Handler<T, Arc<App>>,
{
    Route { method: "get", path, needs, handler: routing::get(handler) }
}

fn delete<H, T: 'static>(path: &'static str, needs: Needs, handler: H) -> Route
where
    H: Handler<T, Arc<App>>,
{
    Route { method: "delete", path, needs, handler: routing::delete(handler) }
}

fn post<H, T: 'static>(path: &'static str, needs: Needs, handler: H) -> Route
where
    H: Handler<T, Arc<App>>,
{
    Route { method: "post", path, needs, handler: routing::post(handler) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::table;
    use crate::wire::contracts;

    /// What the table does not tell: the one file of the page that is more than a part of it.
    /// A handler that looks at the end of its path has a line here for each ending.
    const OTHERS: [(&str, &str); 3] =
        [("get", "/"), ("get", "/v1/calls/{call_id}.vcon"), ("get", "/v1/calls/{call_id}.vtt")];

    #[test]
    fn the_contract_has_every_route_and_no_other() {
        let routes = table().into_iter().map(|route| (route.method.into(), route.path.into()));
        let others = OTHERS.map(|(method, path)| (method.into(), path.into()));
        let routes: BTreeSet<(String, String)> = routes.chain(others).collect();
        let paths = contracts::openapi()["paths"].as_object().unwrap();
        let published: BTreeSet<(String, String)> = paths
            .iter()
            .flat_map(|(path, item)| {
                item.as_object().unwrap().keys().map(|method| (method.clone(), path.clone()))
            })
            .collect();
        assert_eq!(published, routes);
    }
}
