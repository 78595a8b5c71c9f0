//! CloudEvents 1.0 in structured JSON mode: one event a request.

use serde::Serialize;

use super::destination::Message;
use super::told::Told;
use super::wanted::News;
use crate::call::Timestamp;

const CONTENT_TYPE: &str = "application/cloudevents+json";

/// The attributes of an event; `data` follows as it is.
#[derive(Serialize)]
struct Attributes<'a> {
    specversion: &'static str,
    id: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    kind: String,
    subject: &'a str,
    time: Timestamp,
    datacontenttype: &'static str,
}

/// The event of a change. `source` names this server.
pub(super) fn message(source: &str, details: bool, news: News, told: &Told) -> Option<Message> {
    if news == News::Detail && !details {
        return None;
    }
    let attributes = Attributes {
        specversion: "1.0",
        id: &told.id,
        source,
        kind: format!("forewarn.alert.{}", told.step.name()),
        subject: &told.alert.call_id,
        time: told.at,
        datacontenttype: "application/json",
    };
    let mut body = serde_json::to_string(&attributes).ok()?;
    // The alert goes out as it was kept, byte for byte.
    body.pop();
    body.push_str(",\"data\":");
    body.push_str(&told.json);
    body.push('}');
    Some(Message { id: told.id.clone(), content_type: CONTENT_TYPE, body: body.into() })
}
