//! What is known of a conversation beside its words: transcript, sentiment, alerts.

use serde::Serialize;
use serde_json::{Value, json};

use super::super::times::Span;
use super::seconds;
use crate::wire::lists::CallDetail;

/// Language of a call whose platform named none.
const DEFAULT_LANG: &str = "en";

#[derive(Serialize)]
pub(super) struct Analysis {
    #[serde(rename = "type")]
    kind: &'static str,
    /// All dialogs it is about.
    dialog: Vec<usize>,
    mediatype: &'static str,
    vendor: &'static str,
    product: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<&'static str>,
    encoding: &'static str,
    body: Value,
}

impl Analysis {
    fn new(kind: &'static str, call: &CallDetail, product: &str, body: Value) -> Analysis {
        Analysis {
            kind,
            dialog: (0..call.transcript.len().max(1)).collect(),
            mediatype: "application/json",
            vendor: "forewarn",
            product: product.to_owned(),
            schema: None,
            encoding: "json",
            body,
        }
    }
}

/// Everything that is known.
pub(super) fn all(call: &CallDetail, spans: &[Span]) -> serde_json::Result<Vec<Analysis>> {
    let mut all =
        vec![Analysis::new("wtf_transcription", call, "transcript", transcription(call, spans))];
    if let Some(body) = sentiment(call) {
        let schema = Some("forewarn-sentiment-1");
        all.push(Analysis { schema, ..Analysis::new("sentiment", call, &call.view.model, body) });
    }
    let schema = Some("forewarn-call-1");
    let report = Analysis::new("report", call, &call.view.model, report(call)?);
    all.push(Analysis { schema, ..report });
    Ok(all)
}

/// Segments are named by the chunk's `seq`. The format asks for a confidence; recognisers' own are
/// not kept, so 1.0 stands for it and a warning says so. Chunks whose times are estimated are
/// listed, so that a reader can leave them out.
fn transcription(call: &CallDetail, spans: &[Span]) -> Value {
    let chunks = || call.transcript.iter().zip(spans);
    let segments: Vec<Value> = chunks()
        .map(|(said, span)| {
            json!({"id": said.seq, "start": seconds(span.start_ms), "end": seconds(span.end_ms),
                "text": said.text, "confidence": 1.0, "speaker": said.speaker.name()})
        })
        .collect();
    let mut warnings = vec!["confidence is not known; 1.0 stands for it"];
    if !call.whole {
        warnings.push("earlier parts of the transcript may be missing");
    }
    if spans.iter().any(|span| !span.is_known()) {
        warnings.push("some times are estimated: extensions.forewarn lists the segments");
    }
    let unknown = |known: fn(&Span) -> bool| -> Vec<u64> {
        chunks().filter(|(_, span)| !known(span)).map(|(said, _)| said.seq).collect()
    };
    let text: Vec<&str> = call.transcript.iter().map(|said| &*said.text).collect();
    let view = &call.view;
    let duration = seconds(spans.iter().map(|span| span.end_ms).max().unwrap_or(0));
    json!({
        "transcript": {"text": text.join(" "), "language": language(call),
            "duration": duration, "confidence": 1.0},
        "segments": segments,
        "metadata": {"created_at": view.started_at,
            "processed_at": view.ended_at.unwrap_or(view.started_at),
            "provider": "platform", "model": "unknown", "audio": {"duration": duration}},
        "quality": {"processing_warnings": warnings},
        "extensions": {"forewarn": {"estimated_start": unknown(|span| span.start_known),
            "estimated_end": unknown(|span| span.end_known)}},
    })
}

fn language(call: &CallDetail) -> &str {
    call.view.lang.as_deref().filter(|lang| !lang.is_empty()).unwrap_or(DEFAULT_LANG)
}

/// Of the customer at the end of the call, and of each chunk; nothing when none was judged.
fn sentiment(call: &CallDetail) -> Option<Value> {
    let segment = |said: &std::sync::Arc<crate::engine::effects::Said>| {
        said.sentiment.map(|score| json!({"id": said.seq, "score": score}))
    };
    let segments: Vec<Value> = call.transcript.iter().filter_map(segment).collect();
    let score = call.view.sentiment;
    (score.is_some() || !segments.is_empty())
        .then(|| json!({"score": score, "least": -1, "most": 1, "segments": segments}))
}

/// The call and its alerts as REST shows them, and the risk after each chunk.
fn report(call: &CallDetail) -> serde_json::Result<Value> {
    let risk = call.transcript.iter().filter_map(|said| {
        let risk = said.risk?;
        Some(json!({"id": said.seq, "risk": risk}))
    });
    let risk: Vec<Value> = risk.collect();
    let (view, alerts) =
        (serde_json::to_value(&call.view)?, serde_json::to_value(&call.alert_list)?);
    Ok(json!({"call": view, "whole": call.whole, "risk": risk, "alerts": alerts}))
}
