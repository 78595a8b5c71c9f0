//! What a file is, by its content.

use serde_json::Value;

use super::Format;
use super::stamp::clock_ms;
use crate::wire::vendors::view::View;

/// The format of a text that is no JSON.
pub(super) fn lines(content: &str) -> Option<Format> {
    let content = content.trim_start();
    if content.starts_with("WEBVTT") {
        return Some(Format::Webvtt);
    }
    let mut signs = content.bytes().filter(|byte| !byte.is_ascii_whitespace());
    match (signs.next(), signs.next()) {
        (Some(b'{'), _) | (Some(b'['), Some(b'{' | b'[' | b']')) => return None,
        _ => {}
    }
    if is_token(content) {
        return None;
    }
    // SubRip begins with the number of a cue and its times, or with the times alone.
    let mut head = content.lines().filter(|line| !line.trim().is_empty()).take(2);
    let (first, second) = (head.next().unwrap_or_default(), head.next().unwrap_or_default());
    let times = |line: &str| line.split_once("-->").is_some_and(|(at, _)| clock_ms(at).is_some());
    let number = first.trim().bytes().all(|byte| byte.is_ascii_digit());
    let cue = times(first) || (number && times(second));
    Some(if cue { Format::Webvtt } else { Format::Text })
}

/// Whether it is a signed or encrypted vCon in the compact form: parts of base64url and dots.
pub(super) fn is_token(content: &str) -> bool {
    let content = content.trim();
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    content.starts_with("eyJ") && content.bytes().all(letters) && content.contains('.')
}

/// The JSON documents in `content`: one, the members of a list, or one a line.
pub(super) fn values(content: &str) -> Result<Vec<Value>, String> {
    if is_token(content) {
        return Ok(vec![Value::String(content.trim().to_owned())]);
    }
    let mut values = Vec::new();
    for value in serde_json::Deserializer::from_str(content).into_iter::<Value>() {
        match value.map_err(|error| format!("not JSON: {error}"))? {
            Value::Array(list) => values.extend(list),
            value => values.push(value),
        }
    }
    if values.is_empty() {
        return Err("the list in it is empty".into());
    }
    Ok(values)
}

/// The format of a JSON document.
pub(super) fn value(value: &Value) -> Result<Format, String> {
    let view = View(value);
    let list = |name: &str| value.get(name).is_some_and(Value::is_array);
    let has = |name: &str| value.get(name).is_some_and(|value| !value.is_null());
    if value.is_string() || has("ciphertext") || (has("payload") && has("signatures")) {
        return Ok(Format::Vcon);
    }
    if has("vcon") || list("dialog") || (has("uuid") && (list("parties") || list("analysis"))) {
        return Ok(Format::Vcon);
    }
    if list("Transcript") || list("Segments") {
        let contact = has("CustomerMetadata") || has("ContactId") || has("InitialContactId");
        let by_id = view.list("Transcript").any(|turn| turn.get("ParticipantId").is_some());
        let contact = contact || by_id || list("Segments");
        return Ok(if contact { Format::ContactLens } else { Format::CallAnalytics });
    }
    if view.at(&["results", "items"]).is_some() || view.at(&["results", "transcripts"]).is_some() {
        return Ok(Format::Transcribe);
    }
    if list("turns") {
        return Err("it is a corpus already (data/README.md): it needs no import".into());
    }
    Err("JSON of no known format: a vCon has `dialog` and `parties`, Contact Lens and Call \
         Analytics have `Transcript`, Transcribe has `results`"
        .into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn content_tells_the_format() {
        for (content, format) in [
            ("WEBVTT\n\n00:01.000 --> 00:02.000\nhi", Some(Format::Webvtt)),
            ("1\r\n00:00:01,000 --> 00:00:02,000\r\nhi", Some(Format::Webvtt)),
            ("[00:01] Agent: hi", Some(Format::Text)),
            ("12 monkeys: hi", Some(Format::Text)),
            ("00:00:01.000 --> 00:00:02.000\nhi", Some(Format::Webvtt)),
            ("12\nAgent: hi", Some(Format::Text)),
            ("Agent: hi\nAgent: a --> b", Some(Format::Text)),
            (" [{\"a\":1}]", None),
            ("{", None),
            ("eyJhbGciOiJSUzI1NiJ9.eyJ1dWlkIjoiMSJ9.c2ln", None),
        ] {
            assert_eq!(lines(content), format, "{content}");
        }
        let vcon = json!({"uuid": "u", "parties": [], "dialog": []});
        let lens = json!({"CustomerMetadata": {"ContactId": "c"}, "Transcript": []});
        let analytics = json!({"JobName": "j", "Transcript": [{"ParticipantRole": "AGENT"}]});
        let batch = json!({"results": {"transcripts": [], "items": []}});
        assert_eq!(value(&vcon), Ok(Format::Vcon));
        assert_eq!(value(&json!({"payload": "x", "signatures": []})), Ok(Format::Vcon));
        assert_eq!(value(&lens), Ok(Format::ContactLens));
        assert_eq!(value(&analytics), Ok(Format::CallAnalytics));
        assert_eq!(value(&batch), Ok(Format::Transcribe));
        assert!(value(&json!({"id": "x", "turns": []})).unwrap_err().contains("already"));
        assert!(value(&json!({"a": 1})).unwrap_err().contains("no known format"));
    }

    #[test]
    fn lists_and_lines_are_several_documents() {
        assert_eq!(values("[{},{}]\n{}").unwrap().len(), 3);
        assert!(values("[]").unwrap_err().contains("empty"));
        assert!(values("{\"a\":\n x").unwrap_err().contains("line 2"));
        assert!(values(&"[".repeat(100_000)).unwrap_err().contains("recursion limit"));
    }
}
