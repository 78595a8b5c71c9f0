use std::collections::BTreeSet;

use jsonschema::Validator;
use serde_json::{Value, json};

use super::schemas::{Schemas, without_null};
use super::{asyncapi, examples, openapi};
use crate::call::{Call, Timestamp};
use crate::wire::audit::{AuditParameters, AuditQuery};
use crate::wire::commands::form::ConsoleCommand;
use crate::wire::console::Notice;
use crate::wire::ingest::form::PlatformMessage;
use crate::wire::lists::form::{AlertParameters, CallParameters, ShiftParameters};
use crate::wire::lists::{AlertQuery, CallDetail, CallQuery, Parameters, ShiftQuery};
use crate::wire::{Request, Settings, decode};

/// A validator of a named schema of a document.
pub(in crate::wire) fn validator(document: &Value, name: &str) -> Validator {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$ref": format!("#/components/schemas/{name}"),
        "components": {"schemas": document["components"]["schemas"]},
    });
    let options = jsonschema::options().should_validate_formats(true);
    options.build(&schema).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn documents() -> [(&'static str, &'static Value); 2] {
    [("asyncapi", asyncapi()), ("openapi", openapi())]
}

fn schemas(document: &Value) -> impl Iterator<Item = (&String, &Value)> {
    document["components"]["schemas"].as_object().unwrap().iter()
}

/// Calls `see` with every object in `value` and where it is.
fn walk<'a>(value: &'a Value, path: &str, see: &mut impl FnMut(&str, &'a Value)) {
    see(path, value);
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(key, inner)| walk(inner, &format!("{path}/{key}"), see));
        }
        Value::Array(list) => {
            let inner = list.iter().enumerate();
            inner.for_each(|(at, inner)| walk(inner, &format!("{path}/{at}"), see));
        }
        _ => {}
    }
}

/// What a `$ref` of a document points to.
fn target<'a>(document: &'a Value, reference: &Value) -> Option<&'a Value> {
    document.pointer(reference["$ref"].as_str()?.strip_prefix('#')?)
}

#[test]
fn every_reference_resolves() {
    for (name, document) in documents() {
        let mut seen = 0;
        walk(document, "", &mut |path, value| {
            if value.get("$ref").is_some_and(|to| to.is_string()) {
                seen += 1;
                assert!(target(document, value).is_some(), "{name} {path}: {value}");
            }
        });
        assert!(seen > 50, "{name} has {seen} references");
    }
}

#[test]
fn every_schema_is_a_json_schema_and_forbids_nothing_more() {
    for (document_name, document) in documents() {
        for (name, schema) in schemas(document) {
            assert!(jsonschema::draft202012::meta::is_valid(schema), "{document_name} {name}");
            validator(document, name);
            walk(schema, name, &mut |path, value| {
                let closed = value.get("additionalProperties") == Some(&json!(false));
                assert!(!closed, "{path}: the program may add fields");
            });
        }
    }
}

#[test]
fn the_documents_have_what_their_readers_need() {
    assert_eq!(asyncapi()["asyncapi"], "3.0.0");
    assert_eq!(openapi()["openapi"], "3.1.0");
    for (name, document) in documents() {
        for field in ["title", "version", "description"] {
            assert!(document["info"][field].is_string(), "{name}: info.{field}");
        }
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    }
    let names = |field: &str| asyncapi()[field].as_object().unwrap().keys().collect::<Vec<_>>();
    assert_eq!(names("channels"), ["ingest", "console"]);
    assert_eq!(names("operations").len(), 4 + 6 + 9 + 8);
}

#[test]
fn operations_speak_of_messages_of_their_channel() {
    let document = asyncapi();
    for (id, operation) in document["operations"].as_object().unwrap() {
        let channel = &operation["channel"];
        assert!(target(document, channel).unwrap()["address"].is_string(), "{id}");
        let mut messages = operation["messages"].as_array().unwrap().clone();
        if operation["action"] == "receive" {
            let reply = &operation["reply"];
            assert_eq!(&reply["channel"], channel, "{id}");
            messages.extend(reply["messages"].as_array().unwrap().clone());
        }
        assert!(!messages.is_empty(), "{id}");
        for message in messages {
            let of_channel = format!("{}/messages/", channel["$ref"].as_str().unwrap());
            assert!(message["$ref"].as_str().unwrap().starts_with(&of_channel), "{id}: {message}");
            let message = target(document, target(document, &message).unwrap()).unwrap();
            let payload = target(document, &message["payload"]).unwrap();
            assert_eq!(payload["properties"]["type"]["const"], message["name"], "{id}");
            assert!(!message["summary"].as_str().unwrap().is_empty(), "{id}");
            assert_eq!(message["examples"][0]["payload"]["type"], message["name"], "{id}");
        }
    }
}

#[test]
fn paths_declare_their_parameters() {
    let mut ids = BTreeSet::new();
    for (path, item) in openapi()["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let what = format!("{method} {path}");
            assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{what}: id twice");
            let tags: Vec<&Value> =
                openapi()["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
            assert!(tags.contains(&&operation["tags"][0]), "{what}");
            assert!(!operation["responses"].as_object().unwrap().is_empty(), "{what}");
            let mut declared = BTreeSet::new();
            for parameter in operation["parameters"].as_array().unwrap() {
                let name = parameter["name"].as_str().unwrap();
                assert!(parameter["description"].is_string(), "{what}: {name}");
                assert!(declared.insert((parameter["in"].as_str().unwrap(), name)), "{what}");
            }
            let in_path: BTreeSet<_> = path
                .split('/')
                .filter_map(|part| Some(("path", part.split_once('{')?.1.split_once('}')?.0)))
                .collect();
            declared.retain(|(place, _)| *place == "path");
            assert_eq!(declared, in_path, "{what}");
        }
    }
}

#[test]
fn every_message_and_body_has_an_example_that_fits() {
    for (document_name, document) in documents() {
        let mut named = BTreeSet::new();
        walk(document, "", &mut |path, value| {
            let is_body = path.starts_with("/components/messages") && path.ends_with("/payload")
                || path.contains("application~1json/schema")
                || path.contains("application/json/schema");
            if let Some(name) = value["$ref"].as_str().filter(|_| is_body) {
                named.insert(name.strip_prefix("#/components/schemas/").unwrap());
            }
        });
        assert!(named.len() > 8, "{document_name}: {named:?}");
        for name in named {
            let example = examples::of(name).unwrap_or_else(|| panic!("no example of {name}"));
            let problems: Vec<String> = validator(document, name)
                .iter_errors(example)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert_eq!(problems, [""; 0], "{name}");
        }
    }
}

#[test]
fn the_examples_of_clients_are_taken() {
    let (mut messages, mut commands) = (0, 0);
    for (name, _) in schemas(asyncapi()) {
        let Some(example) = examples::of(name).map(Value::to_string) else { continue };
        if name.ends_with("Message") {
            messages += 1;
            decode(&example, &Settings::default()).unwrap();
        } else if name.ends_with("Command") {
            commands += 1;
            Request::decode(&example, &Settings::default()).command.unwrap();
        }
    }
    assert_eq!((messages, commands), (4, 9));
    Call::parse(&examples::of("Call").unwrap().to_string()).unwrap();
}

#[test]
fn what_must_be_there_must_be_there() {
    let mut example = examples::of("AlertNotice").unwrap().clone();
    let notice = validator(asyncapi(), "AlertNotice");
    // More than is published is no error, neither is a live field less.
    example["alert"]["colour"] = json!("red");
    example["alert"].as_object_mut().unwrap().shift_remove("latency_us");
    assert!(notice.is_valid(&example));
    let fields: Vec<String> = example["alert"].as_object().unwrap().keys().cloned().collect();
    let optional = ["colour", "next_tier_at", "rule", "route"];
    for field in fields {
        let mut without = example.clone();
        without["alert"].as_object_mut().unwrap().shift_remove(&field);
        assert_eq!(notice.is_valid(&without), optional.contains(&field.as_str()), "{field}");
    }
    for (field, value, fits) in [
        ("risk", Value::Null, true),
        ("risk", json!("0.63"), false),
        ("owner", Value::Null, true),
        ("alert_id", Value::Null, false),
        ("level", Value::Null, false),
        ("level", json!("severe"), false),
        ("raised_at", json!("yesterday"), false),
        ("rule", Value::Null, false),
        ("seq", json!(1.5), false),
    ] {
        let mut other = example.clone();
        other["alert"][field] = value;
        assert_eq!(notice.is_valid(&other), fits, "{field}: {}", other["alert"][field]);
    }
}

/// A type that goes both ways is published as the server takes it, so it must allow everything
/// that the server sends: the two differ in nulls and defaults only.
#[test]
fn what_goes_both_ways_has_one_form() {
    let mut given = Schemas::new();
    given.messages_taken::<PlatformMessage>("Message");
    given.messages_taken::<ConsoleCommand>("Command");
    given.taken::<Call>();
    let mut sent = Schemas::new();
    sent.messages_sent::<Notice<'_>>("Notice");
    sent.sent::<CallDetail>();
    let (given, sent) = (given.finish(), sent.finish());
    let mut both = Vec::new();
    for (name, mut given) in given {
        let Some(sent) = sent.get(&name) else { continue };
        for (_, document) in documents() {
            let published = document["components"]["schemas"].get(&name);
            assert!(published.is_none_or(|published| *published == given), "{name}");
        }
        without_null(&mut given);
        assert_eq!(&given, sent, "{name}");
        both.push(name);
    }
    assert_eq!(both, ["Level", "Outcome", "RequestId", "Resolution", "Speaker", "Timestamp"]);
}

/// The parameters of an endpoint: their names, and the words that may be given.
fn parameters(path: &str) -> Vec<(String, Vec<String>)> {
    let list = openapi()["paths"][path]["get"]["parameters"].as_array().unwrap();
    let words = |parameter: &Value| {
        let schema = &parameter["schema"];
        let schema = target(openapi(), schema).unwrap_or(schema);
        let words = schema["enum"].as_array().cloned().unwrap_or_default();
        words.iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    list.iter().map(|one| (one["name"].as_str().unwrap().to_owned(), words(one))).collect()
}

#[test]
fn the_parameters_of_lists_are_those_that_are_read() {
    let now = Timestamp::parse("2026-11-22T03:40:00Z").unwrap();
    type Read<'a> = &'a dyn Fn(&Parameters) -> Result<(), String>;
    let lists: [(&str, &[&str], Read<'_>, Vec<Value>); 4] = [
        (
            "/v1/audit",
            &AuditQuery::NAMES,
            &|given| AuditQuery::parse(given).map(|_| ()),
            Schemas::new().parameters::<AuditParameters>(),
        ),
        (
            "/v1/calls",
            &CallQuery::NAMES,
            &|given| CallQuery::parse(given).map(|_| ()),
            Schemas::new().parameters::<CallParameters>(),
        ),
        (
            "/v1/alerts",
            &AlertQuery::NAMES,
            &|given| AlertQuery::parse(given).map(|_| ()),
            Schemas::new().parameters::<AlertParameters>(),
        ),
        (
            "/v1/shift",
            &ShiftQuery::NAMES,
            &|given| ShiftQuery::parse(given, now).map(|_| ()),
            Schemas::new().parameters::<ShiftParameters>(),
        ),
    ];
    for (path, names, read, form) in lists {
        let published = parameters(path);
        let found: Vec<&str> = published.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!((found.as_slice(), form.len()), (names, names.len()), "{path}");
        for (name, words) in &published {
            let read = |word: &str| {
                read(&Parameters::new(vec![(name.clone(), word.to_owned())], names).unwrap())
            };
            for word in words {
                read(word).unwrap_or_else(|error| panic!("{path}?{name}={word}: {error}"));
            }
            assert!(words.is_empty() || read("else").is_err(), "{path}?{name}");
        }
    }
}

/// Each field of each schema on a line: whether it must be there, and its type.
fn published() -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for (name, schema) in documents().into_iter().flat_map(|(_, document)| schemas(document)) {
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            let must = if required.contains(&json!(field)) { "" } else { "?" };
            let mut kind = property.clone();
            kind.as_object_mut().unwrap().shift_remove("description");
            let kind = kind.to_string().replace("#/components/schemas/", "");
            lines.insert(format!("{name}.{field}{must} {kind}"));
        }
        for word in schema["enum"].as_array().into_iter().flatten() {
            lines.insert(format!("{name} {word}"));
        }
    }
    lines
}

/// The schemas follow the types, so a type that changes would change the contract in silence.
#[test]
fn nothing_that_is_published_is_renamed_or_dropped() {
    let known: BTreeSet<String> =
        include_str!("published.txt").lines().map(str::to_owned).collect();
    let now = published();
    let gone: Vec<&String> = known.difference(&now).collect();
    let new: Vec<&String> = now.difference(&known).collect();
    assert!(
        gone.is_empty() && new.is_empty(),
        "the contract changed; what is gone breaks clients, what is new belongs into \
         src/wire/contracts/published.txt.\ngone: {gone:#?}\nnew: {new:#?}"
    );
}
