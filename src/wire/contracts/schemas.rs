//! JSON Schemas (2020-12) of the wire types, as the components of a document.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::examples;

/// The schemas of one document. What the server sends and what it takes differ: a field that may
/// be left out is, when sent, never null; when taken, null is as good as absent.
pub(super) struct Schemas {
    sent: SchemaGenerator,
    taken: SchemaGenerator,
}

/// A message of a websocket.
pub(super) struct Message {
    /// Its `type`.
    pub kind: String,
    /// Name of its schema.
    pub schema: String,
    /// What it says.
    pub description: String,
}

impl Schemas {
    pub fn new() -> Schemas {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        Schemas {
            sent: settings.clone().for_serialize().into_generator(),
            taken: settings.for_deserialize().into_generator(),
        }
    }

    /// A reference to a type that the server sends.
    pub fn sent<T: JsonSchema>(&mut self) -> Value {
        self.sent.subschema_for::<T>().to_value()
    }

    /// A reference to a type that the server takes.
    pub fn taken<T: JsonSchema>(&mut self) -> Value {
        self.taken.subschema_for::<T>().to_value()
    }

    /// The messages of an enum tagged by `type` that the server sends, each a schema of its own
    /// named by its type and `role`.
    pub fn messages_sent<T: JsonSchema>(&mut self, role: &str) -> Vec<Message> {
        messages::<T>(&mut self.sent, role)
    }

    /// The same of one that the server takes.
    pub fn messages_taken<T: JsonSchema>(&mut self, role: &str) -> Vec<Message> {
        messages::<T>(&mut self.taken, role)
    }

    /// The parameters of a URL: the fields of `T`, of which those that are no `Option` must be
    /// there.
    pub fn parameters<T: JsonSchema>(&mut self) -> Vec<Value> {
        let mut schema = T::json_schema(&mut self.taken).to_value();
        without_null(&mut schema);
        tidy(&mut schema);
        let required = schema["required"].take();
        let properties = schema["properties"].as_object_mut().map(std::mem::take);
        let parameter = |(name, mut schema): (String, Value)| {
            let description = schema.as_object_mut().and_then(|map| map.remove("description"));
            let required = required.as_array().is_some_and(|names| names.contains(&json!(name)));
            json!({"name": name, "in": "query", "required": required,
                "description": description, "schema": schema})
        };
        properties.unwrap_or_default().into_iter().map(parameter).collect()
    }

    /// All schemas that were asked for and those they refer to, by name.
    pub fn finish(mut self) -> Map<String, Value> {
        let mut all = self.sent.take_definitions(false);
        all.values_mut().for_each(without_null);
        // A type that goes both ways keeps the form that allows more.
        all.extend(self.taken.take_definitions(false));
        for (name, schema) in &mut all {
            tidy(schema);
            if let Some(example) = examples::of(name) {
                schema["examples"] = json!([example]);
            }
        }
        all.sort_keys();
        all
    }
}

fn messages<T: JsonSchema>(generator: &mut SchemaGenerator, role: &str) -> Vec<Message> {
    let mut schema = T::json_schema(generator).to_value();
    let variants = schema["oneOf"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let named = variants.into_iter().filter_map(|variant| {
        let kind = variant["properties"]["type"]["const"].as_str()?.to_owned();
        let description = variant["description"].as_str().unwrap_or_default().to_owned();
        let schema = format!("{}{role}", camel(&kind));
        generator.definitions_mut().insert(schema.clone(), variant);
        Some(Message { kind, schema, description })
    });
    named.collect()
}

/// `call_start` as `CallStart`.
fn camel(snake: &str) -> String {
    let words = snake.split('_').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    });
    words.collect()
}

/// Takes null from the properties of objects that may be left out.
pub(super) fn without_null(schema: &mut Value) {
    each_object(schema, &mut |object| {
        let required = object.get("required").and_then(Value::as_array).cloned();
        let required = required.unwrap_or_default();
        let Some(Value::Object(properties)) = object.get_mut("properties") else { return };
        for (name, property) in properties {
            if !required.contains(&json!(name)) {
                never_null(property);
            }
        }
    });
}

fn never_null(property: &mut Value) {
    let Value::Object(property) = property else { return };
    if let Some(Value::Array(types)) = property.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            property["type"] = only.clone();
        }
    }
    if let Some(Value::Array(choices)) = property.get_mut("anyOf") {
        choices.retain(|choice| choice["type"] != "null");
        if let [Value::Object(only)] = choices.as_mut_slice() {
            let only = std::mem::take(only);
            property.remove("anyOf");
            property.extend(only);
        }
    }
}

/// What every reader expects: words as `enum`, no `default: null`, no format that only Rust
/// knows, texts on one line.
fn tidy(schema: &mut Value) {
    each_object(schema, &mut |object| {
        if object.get("default") == Some(&Value::Null) {
            object.remove("default");
        }
        if object.get("format").is_some_and(|format| format == "uint") {
            object.remove("format");
        }
        if let Some(Value::String(text)) = object.get_mut("description") {
            *text = text.split('\n').map(str::trim).collect::<Vec<_>>().join(" ");
        }
        words(object);
    });
}

/// `oneOf` of constants becomes `enum`, which more programs understand; what each word means
/// stays beside it.
fn words(object: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = object.get("oneOf") else { return };
    let word = |choice: &Value| {
        let word = choice["const"].as_str()?;
        Some((word.to_owned(), choice["description"].clone()))
    };
    let Some(words) = choices.iter().map(word).collect::<Option<Map<String, Value>>>() else {
        return;
    };
    object.remove("oneOf");
    object.insert("type".into(), "string".into());
    object.insert("enum".into(), words.keys().cloned().collect());
    object.insert("x-enumDescriptions".into(), Value::Object(words));
}

/// Every schema in `schema`, the inner ones first. Only the keywords that schemars writes here
/// hold schemas.
fn each_object(schema: &mut Value, change: &mut impl FnMut(&mut Map<String, Value>)) {
    let Value::Object(object) = schema else { return };
    for (keyword, inner) in object.iter_mut() {
        match (keyword.as_str(), inner) {
            ("properties", Value::Object(map)) => {
                map.values_mut().for_each(|inner| each_object(inner, change));
            }
            ("oneOf" | "anyOf" | "allOf", Value::Array(list)) => {
                list.iter_mut().for_each(|inner| each_object(inner, change));
            }
            ("items" | "additionalProperties", inner) => each_object(inner, change),
            _ => {}
        }
    }
    change(object);
}

/// One of a few words.
pub(super) fn one_of(words: impl Iterator<Item = &'static str>) -> Schema {
    let words: Vec<&str> = words.collect();
    schemars::json_schema!({"type": "string", "enum": words})
}
