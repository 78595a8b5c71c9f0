//! The published contract: AsyncAPI 3 of the websockets, OpenAPI 3.1 of REST.
//!
//! Both are made from the wire types, once. Messages and bodies are named schemas under
//! `components/schemas`; nothing forbids further properties, because the program may add some.
//! The suite validates every message it sees against them (`tests/it/contracts.rs`).

mod asyncapi;
mod examples;
mod openapi;
mod schemas;
#[cfg(test)]
pub(super) mod tests;
pub mod urls;

use std::sync::LazyLock;

use serde_json::{Value, json};

/// The websockets, as `/asyncapi.json` shows them.
pub fn asyncapi() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(asyncapi::document);
    &DOCUMENT
}

/// REST, as `/openapi.json` shows it.
pub fn openapi() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(openapi::document);
    &DOCUMENT
}

/// `info` of both documents.
fn info(title: &str, description: &str) -> Value {
    json!({
        "title": title,
        "version": env!("CARGO_PKG_VERSION"),
        "description": description,
        "license": {"name": env!("CARGO_PKG_LICENSE")},
    })
}
