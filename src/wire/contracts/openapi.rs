//! The OpenAPI 3.1 document of REST, from a table of its endpoints.

use serde_json::{Map, Value, json};

use super::info;
use super::schemas::Schemas;
use super::urls::{ConsoleParameters, IngestParameters, WebhookFormat, WebhookParameters};
use crate::call::Call;
use crate::engine::alert::Alert;
use crate::engine::effects::CallView;
use crate::wire::audit::{AuditEntry, AuditParameters};
use crate::wire::bodies::{Alive, ErasedBody, ErrorBody, Readiness, ScoredCall};
use crate::wire::exports::{vcon, webvtt};
use crate::wire::lists::form::{
    AlertParameters, CallParameters, OneCallParameters, ShiftParameters,
};
use crate::wire::lists::{CallDetail, Page, Shift};

const ABOUT: &str = "REST over calls and alerts, open and past, and what machines ask a server \
    for. Lists come in parts, newest first: pass `next` as `after` for the part that follows. \
    Times are RFC 3339. A server that has too many connections answers 503 without a body \
    whatever is asked, and 429 in the same way to an address that has too many. The messages of the two websockets are in `/asyncapi.json`.\n\n\
    Where tokens are in use, a request without a good one gets 401, and one whose token does not \
    open this gets 403. What lies outside a token's scopes is answered as if it were not there. Where no \
    tokens are in use, a request under a name that is not this server's (`public_url`) gets 421.";

/// Groups of endpoints, in the order in which they are shown.
const TAGS: [(&str, &str); 5] = [
    ("calls", "Calls, alerts and figures, in memory and in the journal as one."),
    ("scoring", "Recorded calls through the live engine."),
    ("platforms", "Where transcripts come in."),
    ("consoles", "Where forecasts and alerts go out."),
    ("server", "Health, metrics and contracts. Open without a token, but metrics and audit."),
];

/// A method of a path.
struct Endpoint {
    /// In small letters, as OpenAPI writes it.
    method: &'static str,
    /// With parameters in braces, as the router writes it.
    path: &'static str,
    operation: Value,
}

/// Every endpoint of the server but the files of the page. A route that is not here fails a test
/// of `server/routes.rs`.
fn endpoints(schemas: &mut Schemas) -> Vec<Endpoint> {
    vec![
        get("/v1/calls", "listCalls", "calls", "Calls, newest first")
            .query(schemas.parameters::<CallParameters>())
            .answers(200, "A part of the list.", schemas.sent::<Page<CallView>>())
            .refuses(&[400, 500, 503])
            .asks_token(),
        one_call(
            "/v1/calls/{call_id}",
            "getCall",
            "A call with its transcript and alerts",
            schemas,
        ),
        delete("/v1/calls/{call_id}", "eraseCall", "Erases a call for good")
            .at("call_id", "The call; every earlier one of this id goes, too.", name())
            .answers(200, "What was erased.", schemas.sent::<ErasedBody<'_>>())
            .refuses(&[404, 500, 503])
            .asks_token(),
        delete("/v1/customers/{key}", "eraseCustomer", "Erases all calls of a customer for good")
            .at("key", "The attribute `customer_key` of the calls.", name())
            .answers(200, "What was erased.", schemas.sent::<ErasedBody<'_>>())
            .refuses(&[404, 500, 503])
            .asks_token(),
        one_call("/v1/calls/{call_id}.vcon", "getVcon", "An ended call as a vCon", schemas),
        one_call("/v1/calls/{call_id}.vtt", "getWebVtt", "A transcript as WebVTT", schemas),
        get("/v1/alerts", "listAlerts", "calls", "Alerts, newest first")
            .query(schemas.parameters::<AlertParameters>())
            .answers(200, "A part of the list.", schemas.sent::<Page<Alert>>())
            .refuses(&[400, 500, 503])
            .asks_token(),
        get("/v1/shift", "getShift", "calls", "The figures of some hours")
            .query(schemas.parameters::<ShiftParameters>())
            .answers(200, "The figures.", schemas.sent::<Shift>())
            .refuses(&[400, 500, 503])
            .asks_token(),
        get("/v1/audit", "listAudit", "server", "Who did what, newest first; for admins")
            .query(schemas.parameters::<AuditParameters>())
            .answers(200, "A part of the list.", schemas.sent::<Page<AuditEntry>>())
            .refuses(&[400, 500, 503])
            .asks_token(),
        post("/v1/score", "scoreCall", "scoring", "Scores a whole call; keeps nothing")
            .takes("application/json", schemas.taken::<Call>())
            .answers(200, "What the engine said after each turn.", schemas.sent::<ScoredCall<'_>>())
            .refuses(&[400, 408, 413, 500, 503])
            .asks_token(),
        get("/v1/ingest", "openIngest", "platforms", "Websocket for call platforms")
            .query(schemas.parameters::<IngestParameters>())
            .upgrades()
            .refuses(&[400, 426, 503])
            .asks_platform(),
        post("/v1/webhooks/{format}", "pushMessages", "platforms", "Messages of a vendor, pushed")
            .at("format", "The vendor's format.", schemas.taken::<WebhookFormat>())
            .query(schemas.parameters::<WebhookParameters>())
            .query(vec![hash_of_the_body()])
            .takes("application/json", json!({"description": "What the vendor sends."}))
            .takes("application/x-www-form-urlencoded", json!({"type": "object"}))
            .done("Everything in the request is durable.")
            .refuses(&[400, 404, 408, 413, 503])
            .asks_platform(),
        get("/v1/console", "openConsole", "consoles", "Websocket for consoles")
            .query(schemas.parameters::<ConsoleParameters>())
            .upgrades()
            .refuses(&[400, 426, 503])
            .asks_token(),
        get("/healthz", "isAlive", "server", "Whether the process answers").answers(
            200,
            "It does.",
            schemas.sent::<Alive>(),
        ),
        get("/readyz", "isReady", "server", "Whether traffic may be sent here")
            .answers(200, "It may.", schemas.sent::<Readiness<'_>>())
            .answers(503, "Not now; `status` says why.", schemas.sent::<Readiness<'_>>()),
        get("/metrics", "getMetrics", "server", "Numbers for Prometheus")
            .answers_text("application/openmetrics-text; version=1.0.0; charset=utf-8")
            .refuses(&[500])
            .asks_token(),
        get("/asyncapi.json", "getAsyncApi", "server", "The websockets, as AsyncAPI 3.0").answers(
            200,
            "The document.",
            json!({"type": "object"}),
        ),
        get("/openapi.json", "getOpenApi", "server", "REST, as OpenAPI 3.1").answers(
            200,
            "The document.",
            json!({"type": "object"}),
        ),
        get("/docs", "getDocs", "server", "Both documents, for people")
            .answers_text("text/html; charset=utf-8"),
        get("/", "getPage", "server", "The console page").answers_text("text/html; charset=utf-8"),
    ]
}

/// A call in one of its forms. Any path may give any form: an id may end like a path.
fn one_call(path: &'static str, id: &str, summary: &str, schemas: &mut Schemas) -> Endpoint {
    get(path, id, "calls", summary)
        .at("call_id", "The call.", name())
        .query(schemas.parameters::<OneCallParameters>())
        .answers(200, "The call.", schemas.sent::<CallDetail>())
        .or(vcon::MEDIA_TYPE, json!({"type": "object"}))
        .or(webvtt::MEDIA_TYPE, json!({"type": "string"}))
        .refuses(&[400, 404, 409, 500, 503])
        .asks_token()
}

pub(super) fn document() -> Value {
    let mut schemas = Schemas::new();
    let endpoints = endpoints(&mut schemas);
    let mut paths = Map::new();
    // Whoever asks too often hears so everywhere.
    for Endpoint { method, path, operation } in endpoints.into_iter().map(|one| one.refuses(&[429]))
    {
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[method] = operation;
    }
    let refusals: Map<String, Value> = REFUSALS
        .iter()
        .map(|refusal| (refusal.name.into(), refusal.object(&mut schemas)))
        .collect();
    let tags = TAGS.map(|(name, description)| json!({"name": name, "description": description}));
    json!({
        "openapi": "3.1.0",
        "info": info("Forewarn REST", ABOUT),
        "servers": [{"url": "/", "description": "The server that gave this document."}],
        "tags": tags,
        "paths": paths,
        "components": {
            "responses": refusals,
            "schemas": schemas.finish(),
            "securitySchemes": security(),
        },
    })
}

/// How tokens are shown.
fn security() -> Value {
    let header = "A token of `forewarn token new`, or a JWT of the provider in `[auth]`.";
    let password = "The token as password, with any user: for vendors that dial us.";
    let vendor = "The token, as Deepgram sends it.";
    let query = "The token, for vendors that can set nothing but the address.";
    json!({
        "bearer": {"type": "http", "scheme": "bearer", "description": header},
        "basic": {"type": "http", "scheme": "basic", "description": password},
        "dgToken": {"type": "apiKey", "in": "header", "name": "dg-token", "description": vendor},
        "key": {"type": "apiKey", "in": "query", "name": "key", "description": query},
    })
}

fn get(path: &'static str, id: &str, tag: &str, summary: &str) -> Endpoint {
    Endpoint::new("get", path, id, tag, summary)
}

fn delete(path: &'static str, id: &str, summary: &str) -> Endpoint {
    Endpoint::new("delete", path, id, "calls", summary)
}

/// What Twilio adds to the URL of what is no form.
fn hash_of_the_body() -> Value {
    json!({"name": "bodySHA256", "in": "query", "required": false,
        "description": "SHA-256 of the body in hex; Twilio signs a body that is no form by it.",
        "schema": {"type": "string"}})
}

fn name() -> Value {
    json!({"type": "string", "minLength": 1})
}

fn post(path: &'static str, id: &str, tag: &str, summary: &str) -> Endpoint {
    Endpoint::new("post", path, id, tag, summary)
}

impl Endpoint {
    fn new(method: &'static str, path: &'static str, id: &str, tag: &str, summary: &str) -> Self {
        let operation = json!({"operationId": id, "tags": [tag], "summary": summary,
            "parameters": [], "responses": {}});
        Endpoint { method, path, operation }
    }

    /// A parameter of the path.
    fn at(self, name: &str, description: &str, schema: Value) -> Self {
        self.query(vec![json!({"name": name, "in": "path", "required": true,
            "description": description, "schema": schema})])
    }

    /// Parameters behind the path.
    fn query(mut self, parameters: Vec<Value>) -> Self {
        if let Some(list) = self.operation["parameters"].as_array_mut() {
            list.extend(parameters);
        }
        self
    }

    /// A body that may be sent.
    fn takes(mut self, content_type: &str, schema: Value) -> Self {
        self.operation["requestBody"]["required"] = true.into();
        self.operation["requestBody"]["content"][content_type] = json!({"schema": schema});
        self
    }

    /// A JSON answer.
    fn answers(mut self, status: u16, description: &str, schema: Value) -> Self {
        self.operation["responses"][status.to_string()] = json!({
            "description": description,
            "content": {"application/json": {"schema": schema}},
        });
        self
    }

    /// Another form of the answer when all is well.
    fn or(mut self, content_type: &str, schema: Value) -> Self {
        self.operation["responses"]["200"]["content"][content_type] = json!({"schema": schema});
        self
    }

    /// An answer for other readers.
    fn answers_text(mut self, content_type: &str) -> Self {
        self.operation["responses"]["200"] = json!({
            "description": "The text.",
            "content": {content_type: {"schema": {"type": "string"}}},
        });
        self
    }

    /// Done, and nothing to say.
    fn done(mut self, description: &str) -> Self {
        self.operation["responses"]["204"] = json!({"description": description});
        self
    }

    /// A websocket.
    fn upgrades(mut self) -> Self {
        let description = "The websocket is open; `/asyncapi.json` has its messages.";
        self.operation["responses"]["101"] = json!({"description": description});
        self
    }

    /// A token must be shown, where tokens are in use.
    fn asks_token(self) -> Self {
        self.asks(json!([{}, {"bearer": []}]))
    }

    /// The same of a vendor that dials us. Webhooks may be signed instead.
    fn asks_platform(self) -> Self {
        self.asks(json!([{}, {"bearer": []}, {"basic": []}, {"dgToken": []}, {"key": []}]))
    }

    fn asks(mut self, security: Value) -> Self {
        self.operation["security"] = security;
        self.refuses(&[401, 403, 421])
    }

    /// What may go wrong.
    fn refuses(mut self, statuses: &[u16]) -> Self {
        for refusal in REFUSALS.iter().filter(|refusal| statuses.contains(&refusal.status)) {
            let target = format!("#/components/responses/{}", refusal.name);
            self.operation["responses"][refusal.status.to_string()] = json!({"$ref": target});
        }
        self
    }
}

/// An answer that several endpoints share, with the body of errors.
struct Refusal {
    status: u16,
    name: &'static str,
    description: &'static str,
}

const REFUSALS: [Refusal; 12] = [
    Refusal {
        status: 400,
        name: "BadRequest",
        description: "Something of the request cannot be used; `message` says what.",
    },
    Refusal { status: 401, name: "Unauthorized", description: "No token, or none that is known." },
    Refusal { status: 403, name: "Forbidden", description: "Not allowed to this sender." },
    Refusal { status: 404, name: "NotFound", description: "Nothing of that name is here." },
    Refusal { status: 408, name: "TooLate", description: "The body did not arrive in time." },
    Refusal { status: 409, name: "CallOpen", description: "The call has not ended yet." },
    Refusal { status: 413, name: "TooLarge", description: "The body is over the limit." },
    Refusal {
        status: 421,
        name: "Misdirected",
        description: "Without tokens: the name in `Host` is none of this server's.",
    },
    Refusal { status: 426, name: "NoWebsocket", description: "Connect with a websocket client." },
    Refusal {
        status: 429,
        name: "TooMany",
        description: "Too many requests, messages or websockets of this token or address.",
    },
    Refusal { status: 500, name: "Internal", description: "An error of the server." },
    Refusal {
        status: 503,
        name: "Overloaded",
        description: "Overloaded or restarting; the same request may succeed later.",
    },
];

impl Refusal {
    fn object(&self, schemas: &mut Schemas) -> Value {
        let mut object = json!({
            "description": self.description,
            "content": {"application/json": {"schema": schemas.sent::<ErrorBody<'_>>()}},
        });
        if matches!(self.status, 429 | 503) {
            object["headers"] = json!({"Retry-After": {
                "description": "When to try again, in seconds.",
                "schema": {"type": "integer"},
            }});
        }
        object
    }
}
