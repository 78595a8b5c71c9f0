//! Schemas as tables: fields, words, examples.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::html::{escape, line, link, table};
use super::{Entry, Section};

/// Everything that is no message of its own, of all documents by name.
pub(super) fn section(documents: &[&Value]) -> Section {
    let mut all: BTreeMap<&String, &Value> = BTreeMap::new();
    for document in documents {
        let messages = &document["components"]["messages"];
        let schemas = document["components"]["schemas"].as_object();
        let schemas = schemas.into_iter().flatten();
        all.extend(schemas.filter(|(name, _)| messages.get(name.as_str()).is_none()));
    }
    let entries = all.into_iter().map(|(name, schema)| Entry {
        id: escape(name),
        name: escape(name),
        heading: escape(name),
        body: body(schema),
    });
    Section {
        id: "types".into(),
        title: "Types".into(),
        intro: String::new(),
        entries: entries.collect(),
    }
}

/// What a schema says: its description, its fields or words, an example.
pub(super) fn body(schema: &Value) -> String {
    let description = match schema["description"].as_str() {
        Some(text) => format!("<p>{}</p>", line(text)),
        None => String::new(),
    };
    let is_object = schema["properties"].is_object();
    let plain = if is_object || schema["enum"].is_array() {
        String::new()
    } else {
        format!("<p>{}</p>", type_of(schema))
    };
    let examples = schema["examples"].as_array().into_iter().flatten();
    let examples: String = examples.map(|one| example(one, "Example")).collect();
    format!("{description}{plain}{}{}{examples}", fields(schema), words(schema))
}

fn fields(schema: &Value) -> String {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let row = |(name, field): (&String, &Value)| {
        let must = if required.iter().any(|one| one == name) { "required" } else { "optional" };
        let meaning = field["description"].as_str().map(line).unwrap_or_default();
        vec![
            format!("<code>{}</code>", escape(name)),
            type_of(field),
            format!("<span class=\"{must}\">{must}</span>"),
            meaning,
        ]
    };
    let properties = schema["properties"].as_object().into_iter().flatten();
    let rows: Vec<Vec<String>> = properties.map(row).collect();
    table(&["field", "type", "", "meaning"], &rows)
}

fn words(schema: &Value) -> String {
    let none = Map::new();
    let meanings = schema["x-enumDescriptions"].as_object().unwrap_or(&none);
    let words = schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let code = |word: &str| format!("<code>{}</code>", escape(word));
    if meanings.is_empty() {
        let words: Vec<String> = words.map(code).collect();
        return if words.is_empty() {
            String::new()
        } else {
            format!("<p>{}</p>", words.join(" "))
        };
    }
    let row = |word| {
        let meaning = meanings.get(word).and_then(Value::as_str).map(line);
        vec![code(word), meaning.unwrap_or_default()]
    };
    let rows: Vec<Vec<String>> = words.map(row).collect();
    table(&["word", "meaning"], &rows)
}

/// The type of a field, in a few words.
pub(super) fn type_of(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|target| target.rsplit('/').next()) {
        return link(name);
    }
    if let Some(only) = schema.get("const") {
        return format!("<code>{}</code>", escape(&only.to_string()));
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        return choices.iter().map(type_of).collect::<Vec<_>>().join(" or ");
    }
    if schema["type"] == "array" {
        return format!("list of {}", type_of(&schema["items"]));
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => kind.as_str().into_iter().collect(),
    };
    let mut text = if kinds.is_empty() { "anything".to_owned() } else { kinds.join(" or ") };
    if schema["format"] == "date-time" {
        text += ", RFC 3339";
    }
    match (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
        (Some(least), Some(most)) if most.unsigned_abs() < 1 << 40 => {
            text += &format!(", {least} … {most}");
        }
        (Some(least), _) if least >= 0 => text += &format!(", from {least}"),
        _ => {}
    }
    text
}

/// JSON to look at; long ones are closed at first.
pub(super) fn example(example: &Value, title: &str) -> String {
    let pretty = serde_json::to_string_pretty(example).unwrap_or_default();
    let open = if pretty.lines().count() <= 14 { " open" } else { "" };
    format!(
        "<details class=\"example\"{open}><summary>{title}</summary>\
         <pre tabindex=\"0\">{}</pre></details>",
        escape(&pretty)
    )
}
