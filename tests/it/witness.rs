//! Holds everything the suite sees against the published contract: each message a server sends,
//! each REST answer, and what a client sent where the server took it.
//!
//! What the server sends must name every field it has, although the contract lets it add some:
//! here an unpublished field is a field that somebody renamed.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use forewarn::wire::contracts;
use jsonschema::Validator;
use serde_json::{Value, json};

/// A document and its validators, by the place of the schema in it.
struct Document {
    name: &'static str,
    published: &'static Value,
    /// With schemas that forbid what they do not name.
    closed: Value,
    validators: Mutex<HashMap<(String, bool), Arc<Validator>>>,
}

static ASYNCAPI: LazyLock<Document> =
    LazyLock::new(|| Document::new("asyncapi.json", contracts::asyncapi()));
static OPENAPI: LazyLock<Document> =
    LazyLock::new(|| Document::new("openapi.json", contracts::openapi()));

impl Document {
    fn new(name: &'static str, published: &'static Value) -> Document {
        let mut closed = published.clone();
        closed["components"]["schemas"].as_object_mut().unwrap().values_mut().for_each(close);
        Document { name, published, closed, validators: Mutex::default() }
    }

    /// Panics when `value` is not as the schema at `pointer` says.
    fn check(&self, pointer: &str, is_closed: bool, value: &Value) {
        let validator = self.validator(pointer, is_closed);
        let problems: Vec<String> = validator
            .iter_errors(value)
            .map(|error| format!("  at {:?}: {error}", error.instance_path().to_string()))
            .collect();
        assert!(
            problems.is_empty(),
            "not as {}#{pointer} says:\n{}\n{value}",
            self.name,
            problems.join("\n")
        );
    }

    fn validator(&self, pointer: &str, is_closed: bool) -> Arc<Validator> {
        let key = (pointer.to_owned(), is_closed);
        if let Some(known) = self.validators.lock().unwrap().get(&key) {
            return Arc::clone(known);
        }
        let mut root = if is_closed { self.closed.clone() } else { self.published.clone() };
        root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
        root["$ref"] = json!(format!("#{}", pointer.replace('{', "%7B").replace('}', "%7D")));
        let built = jsonschema::options().should_validate_formats(true).build(&root);
        let built =
            Arc::new(built.unwrap_or_else(|error| panic!("{}#{pointer}: {error}", self.name)));
        self.validators.lock().unwrap().insert(key, Arc::clone(&built));
        built
    }
}

fn close(schema: &mut Value) {
    let Value::Object(object) = schema else { return };
    if object.contains_key("properties") && !object.contains_key("additionalProperties") {
        object.insert("additionalProperties".into(), json!(false));
    }
    for (keyword, inner) in object {
        match (keyword.as_str(), inner) {
            ("properties", Value::Object(map)) => map.values_mut().for_each(close),
            ("oneOf" | "anyOf", Value::Array(list)) => list.iter_mut().for_each(close),
            ("items", inner) => close(inner),
            _ => {}
        }
    }
}

/// Where the schema of a message is: `action` is `send` or `receive`, from the server's side.
fn payload(channel: &str, action: &str, kind: &str) -> Option<String> {
    let document = ASYNCAPI.published;
    let reference = format!("#/channels/{channel}/messages/{kind}");
    let mut operations = document["operations"].as_object().unwrap().values();
    operations.find(|one| one["action"] == action && one["messages"][0]["$ref"] == reference)?;
    let message = document.pointer(&reference[1..])?["$ref"].as_str()?;
    Some(document.pointer(&message[1..])?["payload"]["$ref"].as_str()?[1..].to_owned())
}

/// Watches one websocket.
pub struct Witness {
    channel: &'static str,
    /// Messages of the protocol that were sent and not answered yet. Only those that the server
    /// takes are held against the contract: tests send wrong ones on purpose.
    waiting: Vec<Value>,
    /// The highest `seq` that is durable, by call. What is sent at or below it is a repeat, which
    /// nobody reads.
    durable: HashMap<String, f64>,
    is_native: bool,
}

impl Witness {
    pub fn new(path: &str) -> Witness {
        let channel = if path.starts_with("/v1/console") { "console" } else { "ingest" };
        Witness {
            channel,
            waiting: Vec::new(),
            durable: HashMap::new(),
            is_native: !path.contains("format="),
        }
    }

    pub fn sent(&mut self, text: &str) {
        let Ok(message) = serde_json::from_str::<Value>(text) else { return };
        let kind = message["type"].as_str().unwrap_or_default();
        let call_id = message["call_id"].as_str().unwrap_or_default();
        let durable = self.durable.get(call_id).copied();
        let is_repeat = message["seq"].as_f64().is_some_and(|seq| durable >= Some(seq));
        if self.is_native && !is_repeat && payload(self.channel, "receive", kind).is_some() {
            self.waiting.push(message);
        }
    }

    pub fn received(&mut self, answer: &Value) {
        let kind = answer["type"].as_str().unwrap_or_default();
        let schema = payload(self.channel, "send", kind);
        let schema = schema.unwrap_or_else(|| panic!("not published: {answer}"));
        ASYNCAPI.check(&schema, true, answer);
        let of_call = |sent: &Value| sent["call_id"] == answer["call_id"];
        let is_start = |sent: &Value| sent["type"] == "call_start";
        let same_id = |sent: &Value| !sent["id"].is_null() && sent["id"] == answer["id"];
        let durable = answer["last_seq"].as_f64().or(answer["seq"].as_f64());
        if let ("started" | "ack", Some(call_id), Some(seq)) =
            (kind, answer["call_id"].as_str(), durable)
        {
            self.durable.insert(call_id.to_owned(), seq);
        }
        match kind {
            "started" => self.taken(|sent| is_start(sent) && of_call(sent)),
            "ack" => self.taken(|sent| {
                // Any other number cannot be read, so no ack is its own.
                let seq = sent["seq"].as_f64().filter(|seq| *seq >= 1.0 && seq.fract() == 0.0);
                !is_start(sent)
                    && of_call(sent)
                    && seq.is_some_and(|seq| Some(seq) <= answer["seq"].as_f64())
            }),
            "error" => self
                .waiting
                .retain(|sent| !of_call(sent) || sent["seq"].as_f64() != answer["seq"].as_f64()),
            "snapshot" => self.taken(same_id),
            "reply" if answer["ok"] == true => self.taken(same_id),
            "reply" => self.waiting.retain(|sent| !same_id(sent)),
            _ => {}
        }
    }

    /// The server took these; of two that are answered alike nobody can tell which.
    fn taken(&mut self, is_meant: impl Fn(&Value) -> bool) {
        let (taken, waiting) = self.waiting.drain(..).partition(|sent| is_meant(sent));
        self.waiting = waiting;
        let taken: Vec<Value> = taken;
        for message in &taken {
            if taken.iter().filter(|other| key(other) == key(message)).count() > 1 {
                continue;
            }
            let kind = message["type"].as_str().unwrap_or_default();
            let schema = payload(self.channel, "receive", kind).unwrap();
            ASYNCAPI.check(&schema, false, message);
        }
    }
}

/// What the answers to a message name it by.
fn key(message: &Value) -> (String, Option<f64>) {
    let seq = message["seq"].as_f64().filter(|_| message["type"] != "call_start");
    (format!("{} {}", message["call_id"], message["id"]), seq)
}

/// Holds a REST exchange against the contract: the status, the type of the answer and its JSON,
/// and of a request that was done its parameters and body.
pub fn answered(method: &str, target: &str, request: &str, status: u16, head: &str, body: &str) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let is_json = head.contains("content-type: application/json");
    // Refused by the listener, which looks at no request when there are too many connections.
    if matches!(status, 429 | 503) && body.is_empty() {
        return;
    }
    let document = OPENAPI.published;
    let Some(template) = template(path) else {
        // A file of the page, or nothing at all.
        if is_json {
            assert_eq!(status, 404, "{method} {path}: {body}");
            let body = serde_json::from_str(body).unwrap();
            return OPENAPI.check("/components/schemas/ErrorBody", true, &body);
        }
        return;
    };
    let item = format!("/paths/{}", template.replace('~', "~0").replace('/', "~1"));
    let method = method.to_ascii_lowercase();
    let Some(operation) = document.pointer(&format!("{item}/{method}")) else {
        assert_eq!(status, 405, "{method} {path} is not published");
        return;
    };
    let mut pointer = format!("{item}/{method}/responses/{status}");
    let response = document.pointer(&pointer);
    let response = response.unwrap_or_else(|| panic!("{method} {path}: {status} is not published"));
    if let Some(reference) = response["$ref"].as_str() {
        pointer = reference[1..].to_owned();
    }
    let response = document.pointer(&pointer).unwrap();
    if let Some(content) = response["content"].as_object() {
        let given = head.lines().find_map(|line| line.strip_prefix("content-type: "));
        assert!(content.keys().any(|kind| given == Some(kind.as_str())), "{method} {path}: {head}");
    }
    if is_json {
        let body = serde_json::from_str(body).unwrap();
        OPENAPI.check(&format!("{pointer}/content/application~1json/schema"), true, &body);
    } else if response["content"].is_null() {
        assert_eq!(body, "", "{method} {path}: {status} has no body");
    }
    if status < 300 {
        done(operation, &format!("{item}/{method}"), query, request);
    }
}

/// What a request that was done may have been.
fn done(operation: &Value, pointer: &str, query: &str, request: &str) {
    for (name, _) in form_urlencoded::parse(query.as_bytes()) {
        let mut shown = operation["security"].as_array().into_iter().flatten();
        if name == "key" && shown.any(|one| one["key"].is_array()) {
            continue;
        }
        let mut known = operation["parameters"].as_array().unwrap().iter();
        assert!(known.any(|one| one["in"] == "query" && one["name"] == *name), "?{name}");
    }
    let Ok(body) = serde_json::from_str(request) else { return };
    if operation["requestBody"]["content"]["application/json"].is_object() {
        let schema = format!("{pointer}/requestBody/content/application~1json/schema");
        OPENAPI.check(&schema, false, &body);
    }
}

/// The published path that is meant: one without parameters before one with them, and
/// `/v1/calls/{call_id}.vcon` before `/v1/calls/{call_id}`.
fn template(path: &str) -> Option<&'static str> {
    let paths = OPENAPI.published["paths"].as_object().unwrap().keys().map(String::as_str);
    let asked: Vec<&str> = path.split('/').collect();
    let fits = |template: &&str| {
        let parts: Vec<&str> = template.split('/').collect();
        parts.len() == asked.len()
            && parts.iter().zip(&asked).all(|(part, given)| fits(part, given))
    };
    paths.filter(fits).min_by_key(|template| (template.contains('{'), -(template.len() as isize)))
}

/// Whether a part of a path is the one that is published, perhaps with a parameter in it.
fn fits(part: &str, given: &str) -> bool {
    let Some((before, rest)) = part.split_once('{') else { return part == given };
    let after = rest.split_once('}').map_or("", |(_, after)| after);
    given.len() > before.len() + after.len() && given.starts_with(before) && given.ends_with(after)
}
