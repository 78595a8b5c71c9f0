//! An ended call as a vCon, the container for conversations that the IETF drafts.
//!
//! Written to draft-ietf-vcon-vcon-core-03 with its JSON schema, the roles and `interaction_id` of
//! draft-ietf-vcon-cc-extension-02, and the transcript of draft-howe-vcon-wtf-extension-02. The
//! drafts may still change. There is no audio here, so every chunk is a dialog of type `text`, the
//! only kind that can hold what was said without a recording; a `recording` without its content
//! would not be valid. How sure: names, kinds and what is required were read from the draft and its
//! schema, and a test holds them; which readers take dialogs of text for a call is not known, so the
//! transcript is there as `wtf_transcription`, too. Left out: `skill`, a text in the one draft and a
//! list in its schema, and the confidence of recognisers, which is not kept.

mod analysis;
mod parties;
mod uuid;

use serde::Serialize;
use serde_json::Value;

use super::times::{Span, spans};
use crate::call::Timestamp;
use crate::engine::effects::Said;
use crate::wire::lists::CallDetail;
use analysis::Analysis;
use parties::{Parties, Party};

/// The media type.
pub const MEDIA_TYPE: &str = "application/vcon+json";

#[derive(Serialize)]
struct Vcon<'a> {
    /// Deprecated, and still asked for by readers of earlier drafts.
    vcon: &'static str,
    uuid: String,
    extensions: [&'static str; 2],
    created_at: Timestamp,
    updated_at: Timestamp,
    subject: &'a str,
    parties: Vec<Party<'a>>,
    dialog: Vec<Dialog<'a>>,
    analysis: Vec<Analysis>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Attachment<'a>>,
}

#[derive(Serialize)]
struct Dialog<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    start: Timestamp,
    /// Seconds; absent where the platform did not say when the chunk ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration: Option<f64>,
    parties: usize,
    mediatype: &'static str,
    body: &'a str,
    encoding: &'static str,
    interaction_id: &'a str,
}

#[derive(Serialize)]
struct Attachment<'a> {
    purpose: &'static str,
    start: Timestamp,
    party: usize,
    dialog: usize,
    mediatype: &'static str,
    body: &'a serde_json::Map<String, Value>,
    encoding: &'static str,
}

/// Writes a call that has ended. The same call gives the same text until something happens to it.
///
/// # Errors
/// That of the JSON encoder.
pub fn encode(call: &CallDetail) -> serde_json::Result<String> {
    let view = &*call.view;
    let spans = spans(&call.transcript);
    let parties = Parties::of(call);
    let dialog = dialogs(call, &spans, &parties);
    let ended = view.ended_at.unwrap_or(view.started_at);
    let last = call.alert_list.iter().filter_map(|alert| Some(alert.history.last()?.at)).max();
    let attachment = parties.recorder().map(|party| Attachment {
        purpose: "call attributes",
        start: view.started_at,
        party,
        dialog: 0,
        mediatype: "application/json",
        body: &view.attributes,
        encoding: "json",
    });
    serde_json::to_string(&Vcon {
        vcon: "0.4.0",
        uuid: uuid::of(call),
        extensions: ["CC", "wtf_transcription"],
        // Of the conversation that it holds: that never changes, while an abandoned call may go on.
        created_at: view.started_at,
        updated_at: last.map_or(ended, |last| last.max(ended)),
        subject: &view.call_id,
        analysis: analysis::all(call, &spans)?,
        dialog,
        parties: parties.list,
        attachments: attachment.into_iter().collect(),
    })
}

fn dialogs<'a>(call: &'a CallDetail, spans: &[Span], parties: &Parties<'_>) -> Vec<Dialog<'a>> {
    let dialog = |said: Option<&'a Said>, span: Option<&Span>| Dialog {
        kind: "text",
        start: call.view.started_at.plus_ms(span.map_or(0, |span| span.start_ms)),
        duration: span
            .filter(|span| span.is_known())
            .map(|span| seconds(span.end_ms - span.start_ms)),
        parties: said.map_or(0, |said| parties.place(said.speaker)),
        mediatype: "text/plain",
        body: said.map_or("", |said| &said.text),
        encoding: "none",
        interaction_id: &call.view.call_id,
    };
    if call.transcript.is_empty() {
        // A call without words is one all the same, and what is known of it refers to its dialog.
        return vec![dialog(None, None)];
    }
    call.transcript.iter().zip(spans).map(|(said, span)| dialog(Some(said), Some(span))).collect()
}

/// Milliseconds as seconds, exact to the millisecond when they are read back.
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}

#[cfg(test)]
mod tests;
