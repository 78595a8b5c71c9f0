//! Reads the fields of a JSON object one by one and says exactly which one is wrong.

use serde_json::{Map, Value};

use crate::call::Timestamp;

/// Largest whole number that survives a trip through a double.
pub(super) const MAX_WHOLE: u64 = 1 << 53;

/// The fields of one message; `kind` names it in errors.
pub(super) struct Fields {
    pub kind: String,
    pub map: Map<String, Value>,
}

impl Fields {
    pub fn missing(&self, name: &str) -> String {
        format!("{}: field `{name}` is missing", self.kind)
    }

    pub fn wrong(&self, name: &str, wanted: &str, found: &Value) -> String {
        format!("{}: field `{name}` must be {wanted}, not {}", self.kind, shown(found))
    }

    /// A field that is there and not null.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.map.remove(name).filter(|value| !value.is_null())
    }

    pub fn text(&mut self, name: &str) -> Result<Option<String>, String> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong(name, "a string", &other)),
        }
    }

    /// Tells null (`Some(None)`) from absent (`None`).
    pub fn clearable(&mut self, name: &str) -> Result<Option<Option<String>>, String> {
        match self.map.remove(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(Value::String(text)) => Ok(Some(Some(text))),
            Some(other) => Err(self.wrong(name, "a string or null", &other)),
        }
    }

    pub fn texts(&mut self, name: &str) -> Result<Vec<String>, String> {
        let Some(value) = self.take(name) else { return Ok(Vec::new()) };
        let Value::Array(items) = &value else {
            return Err(self.wrong(name, "a list of strings", &value));
        };
        let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
        texts
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| self.wrong(name, "a list of strings", &value))
    }

    pub fn flag(&mut self, name: &str) -> Result<Option<bool>, String> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(other) => Err(self.wrong(name, "true or false", &other)),
        }
    }

    pub fn number(&mut self, name: &str) -> Result<Option<f64>, String> {
        let Some(value) = self.take(name) else { return Ok(None) };
        value.as_f64().map(Some).ok_or_else(|| self.wrong(name, "a number", &value))
    }

    pub fn milliseconds(&mut self, name: &str) -> Result<Option<i64>, String> {
        let Some(value) = self.take(name) else { return Ok(None) };
        whole(&value)
            .map(Some)
            .ok_or_else(|| self.wrong(name, "a whole number of milliseconds", &value))
    }

    /// A counting number: from 1.
    pub fn counting(&mut self, name: &str) -> Result<Option<u64>, String> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let number = whole(&value).and_then(|number| u64::try_from(number).ok());
        number
            .filter(|&number| (1..=MAX_WHOLE).contains(&number))
            .map(Some)
            .ok_or_else(|| self.wrong(name, "a whole number from 1", &value))
    }

    pub fn moment(&mut self, name: &str) -> Result<Option<Timestamp>, String> {
        let Some(value) = self.take(name) else { return Ok(None) };
        value.as_str().and_then(Timestamp::parse).map(Some).ok_or_else(|| {
            self.wrong(name, "an RFC 3339 time such as 2026-11-22T03:40:00Z", &value)
        })
    }

    pub fn object(&mut self, name: &str) -> Result<Option<Map<String, Value>>, String> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(map)),
            Some(other) => Err(self.wrong(name, "an object", &other)),
        }
    }
}

/// A whole number, also when it is written as `12400.0`.
pub(super) fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| whole_float(value.as_f64()?))
}

/// A float that is a whole number within the range where doubles count exactly.
pub(super) fn whole_float(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() <= MAX_WHOLE as f64).then_some(number as i64)
}

/// A value short enough for an error message.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::Array(_) => return "a list".into(),
        Value::Object(_) => return "an object".into(),
        other => other.to_string(),
    };
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
