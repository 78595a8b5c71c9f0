//! An example of each message and body, by the name of its schema. The tests hold each against
//! its schema, and give those of clients to the decoders.

use std::sync::LazyLock;

use serde_json::{Map, Value};

/// The example of the schema of that name.
pub(super) fn of(schema: &str) -> Option<&'static Value> {
    ALL.get(schema)
}

// The file is part of the program, and a test reads it.
static ALL: LazyLock<Map<String, Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("examples.json")).unwrap_or_default());
