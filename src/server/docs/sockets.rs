//! The websockets: what comes in and what goes out.

use serde_json::Value;

use super::html::{escape, table, text};
use super::types::{body, type_of};
use super::{Entry, Section, html};

/// A section for each channel.
pub(super) fn sections(document: &Value) -> Vec<Section> {
    let channels = document["channels"].as_object().into_iter().flatten();
    channels.map(|(name, channel)| section(document, name, channel)).collect()
}

fn section(document: &Value, name: &str, channel: &Value) -> Section {
    let word = |field: &str| escape(channel[field].as_str().unwrap_or_default());
    let binding = &channel["bindings"]["ws"];
    let subprotocol = &binding["headers"]["properties"]["Sec-WebSocket-Protocol"]["const"];
    let intro = format!(
        "<p class=\"address\"><code>GET {}</code> websocket, subprotocol <code>{}</code></p>{}{}",
        word("address"),
        escape(subprotocol.as_str().unwrap_or_default()),
        text(channel["description"].as_str().unwrap_or_default()),
        parameters(&binding["query"])
    );
    let operations = document["operations"].as_object().into_iter().flatten();
    let reference = format!("#/channels/{name}");
    let entries = operations
        .filter(|(_, operation)| operation["channel"]["$ref"] == *reference)
        .filter_map(|(_, operation)| entry(document, name, operation));
    Section {
        id: format!("websocket-{}", escape(name)),
        title: format!("Websocket: {}", channel["title"].as_str().unwrap_or(name)),
        intro,
        entries: entries.collect(),
    }
}

fn entry(document: &Value, channel: &str, operation: &Value) -> Option<Entry> {
    let message = follow(document, follow(document, &operation["messages"][0])?)?;
    let kind = format!("<code>{}</code>", escape(message["name"].as_str()?));
    let client = if channel == "console" { "console" } else { "platform" };
    let (arrow, way) = match operation["action"].as_str()? {
        "receive" => ("→", format!("{client} to server")),
        _ => ("←", format!("server to {client}")),
    };
    let answers = operation["reply"]["messages"].as_array().into_iter().flatten();
    let answers: Vec<String> = answers
        .filter_map(|answer| {
            let message = follow(document, follow(document, answer)?)?;
            let (id, kind) = (message["title"].as_str()?, message["name"].as_str()?);
            Some(format!("<a href=\"#{}\"><code>{}</code></a>", escape(id), escape(kind)))
        })
        .collect();
    let answers = if answers.is_empty() {
        String::new()
    } else {
        format!("<p>Answered with {}.</p>", answers.join(", "))
    };
    let schema = follow(document, &message["payload"])?;
    Some(Entry {
        id: escape(message["title"].as_str()?),
        name: format!("<span class=\"way\" title=\"{way}\">{arrow}</span> {kind}"),
        heading: format!("{kind} <span class=\"way\">{way}</span>"),
        body: body(schema) + &answers,
    })
}

fn follow<'a>(document: &'a Value, reference: &Value) -> Option<&'a Value> {
    document.pointer(reference["$ref"].as_str()?.strip_prefix('#')?)
}

fn parameters(query: &Value) -> String {
    let properties = query["properties"].as_object().into_iter().flatten();
    let rows: Vec<Vec<String>> = properties
        .map(|(name, schema)| {
            let meaning = schema["description"].as_str().map(html::line).unwrap_or_default();
            vec![format!("<code>?{}</code>", escape(name)), type_of(schema), meaning]
        })
        .collect();
    table(&["parameter", "type", "meaning"], &rows)
}
