//! REST: each endpoint with its parameters, bodies and answers.

use serde_json::Value;

use super::html::{escape, line, table};
use super::types::type_of;
use super::{Entry, Section, types};

/// A section for each tag.
pub(super) fn sections(document: &Value) -> Vec<Section> {
    let tags = document["tags"].as_array().into_iter().flatten();
    tags.filter_map(|tag| {
        let name = tag["name"].as_str()?;
        Some(Section {
            id: format!("rest-{}", escape(name)),
            title: format!("REST: {name}"),
            intro: format!("<p>{}</p>", line(tag["description"].as_str().unwrap_or_default())),
            entries: entries(document, name),
        })
    })
    .collect()
}

fn entries(document: &Value, tag: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            if operation["tags"][0] == *tag {
                entries.extend(entry(document, method, path, operation));
            }
        }
    }
    entries
}

fn entry(document: &Value, method: &str, path: &str, operation: &Value) -> Option<Entry> {
    let name = format!(
        "<span class=\"method\">{}</span> <code>{}</code>",
        escape(&method.to_uppercase()),
        escape(path)
    );
    let summary = operation["summary"].as_str()?;
    let asked: String = contents(&operation["requestBody"]);
    let asked =
        if asked.is_empty() { asked } else { format!("<p class=\"asked\">Body: {asked}</p>") };
    Some(Entry {
        id: escape(operation["operationId"].as_str()?),
        heading: name.clone(),
        name,
        body: format!(
            "<p>{}.</p>{}{asked}{}{}",
            line(summary),
            parameters(operation),
            answers(document, operation),
            examples(document, operation)
        ),
    })
}

fn parameters(operation: &Value) -> String {
    let rows: Vec<Vec<String>> = operation["parameters"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|parameter| {
            let name = escape(parameter["name"].as_str().unwrap_or_default());
            let name = match parameter["in"] == "path" {
                true => format!("{{{name}}}"),
                false => format!("?{name}"),
            };
            let meaning = parameter["description"].as_str().map(line).unwrap_or_default();
            vec![format!("<code>{name}</code>"), type_of(&parameter["schema"]), meaning]
        })
        .collect();
    table(&["parameter", "type", "meaning"], &rows)
}

fn answers(document: &Value, operation: &Value) -> String {
    let rows: Vec<Vec<String>> = operation["responses"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(status, response)| {
            let shared =
                response["$ref"].as_str().and_then(|target| document.pointer(&target[1..]));
            let response = shared.unwrap_or(response);
            let description = line(response["description"].as_str().unwrap_or_default());
            vec![format!("<code>{}</code>", escape(status)), contents(response), description]
        })
        .collect();
    table(&["answer", "type", "meaning"], &rows)
}

/// What comes in and what goes out when all is well.
fn examples(document: &Value, operation: &Value) -> String {
    let bodies = [&operation["requestBody"], &operation["responses"]["200"]];
    let of = |(body, title): (&Value, &str)| {
        let target = body["content"]["application/json"]["schema"]["$ref"].as_str()?;
        let example = &document.pointer(&target[1..])?["examples"][0];
        (!example.is_null()).then(|| types::example(example, title))
    };
    bodies
        .into_iter()
        .zip(["Example of the body", "Example of the answer"])
        .filter_map(of)
        .collect()
}

/// The types of a body: JSON by its schema, others by their content type.
fn contents(body: &Value) -> String {
    let content = body["content"].as_object().into_iter().flatten();
    let kinds = content.map(|(kind, content)| match kind.as_str() {
        "application/json" if content["schema"]["$ref"].is_string() => type_of(&content["schema"]),
        "application/json" => "JSON".into(),
        other => escape(other.split(';').next().unwrap_or(other)),
    });
    kinds.collect::<Vec<String>>().join(" or ")
}
