//! Text of a frame or body as vendor messages, and which vendor `auto` takes them for.

use serde_json::{Map, Value};

use super::view::View;
use super::{Format, Memory, Reading, envelope, read};
use crate::wire::{Code, Problem, repair};

/// What a frame holds.
#[derive(Debug)]
pub struct Read {
    /// Its format; `auto` as long as nothing was recognised.
    pub format: Format,
    /// Its messages.
    pub readings: Vec<Result<Reading, Problem>>,
}

/// Reads the messages of a frame or of a JSON body: an object, or a list of objects.
///
/// # Errors
/// [`Problem`] when it is not JSON, or neither.
pub fn message(format: Format, text: &str, memory: &mut Memory) -> Result<Read, Problem> {
    let value = match format {
        Format::Azure | Format::Auto if !text.trim_start().starts_with(['{', '[']) => framed(text)?,
        _ => json(text)?,
    };
    values(format, value, memory)
}

/// Reads the fields of a form body.
///
/// # Errors
/// [`Problem`] when it holds no field.
pub fn body(
    format: Format,
    fields: impl Iterator<Item = (String, String)>,
    memory: &mut Memory,
) -> Result<Read, Problem> {
    let fields: Map<String, Value> =
        fields.map(|(name, value)| (name, Value::String(value))).collect();
    if fields.is_empty() {
        return Err(Problem::new(Code::BadMessage, "the form holds no field"));
    }
    values(format, Value::Object(fields), memory)
}

fn values(format: Format, value: Value, memory: &mut Memory) -> Result<Read, Problem> {
    let values = match value {
        Value::Array(values) => values,
        Value::Object(_) => vec![value],
        _ => {
            let text = "a message is a JSON object, or a list of them";
            return Err(Problem::new(Code::BadMessage, text));
        }
    };
    let values: Vec<_> = values.into_iter().flat_map(envelope::open).collect();
    let mut format = format;
    let readings = values.iter().map(|value| {
        let value = value.as_ref().map_err(|text| Problem::new(Code::BadMessage, text.clone()))?;
        let view = View(value);
        if !value.is_object() {
            let text = "a message in a list must be a JSON object";
            return Err(Problem::new(Code::BadMessage, text));
        }
        if format == Format::Auto {
            format = recognise(view).unwrap_or(Format::Auto);
        }
        let name = format.name();
        read(format, view, memory)
            .map_err(|text| Problem::new(Code::BadMessage, format!("{name}: {text}")))
    });
    let readings = readings.collect();
    Ok(Read { format, readings })
}

/// A JSON value, or several as one list; JSON in base64 as well.
fn json(text: &str) -> Result<Value, Problem> {
    let repaired = repair::lone_surrogates(text);
    let text = repaired.as_deref().unwrap_or(text);
    let several = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let values: Result<Vec<Value>, _> = several.collect();
    match values {
        Ok(mut values) if values.len() == 1 => Ok(values.remove(0)),
        Ok(values) if !values.is_empty() => Ok(Value::Array(values)),
        failed => envelope::decoded(text).map_err(|_| {
            let error = failed.err().map_or("it is empty".to_owned(), |error| error.to_string());
            Problem::new(Code::BadJson, format!("the message is not usable JSON: {error}"))
        }),
    }
}

/// Azure's frames: headers, a blank line, and JSON. The headers become fields beside the others.
fn framed(text: &str) -> Result<Value, Problem> {
    let parts = text.split_once("\r\n\r\n").or_else(|| text.split_once("\n\n"));
    let Some((head, body)) = parts.filter(|(head, _)| head.contains(':')) else {
        // Not such a frame; the error should speak of JSON.
        return json(text);
    };
    let mut value = match body.trim() {
        "" => Value::Object(Map::new()),
        body => json(body)?,
    };
    if let Value::Object(fields) = &mut value {
        for (name, text) in head.lines().filter_map(|line| line.split_once(':')) {
            fields.insert(name.trim().to_owned(), Value::String(text.trim().to_owned()));
        }
    }
    Ok(value)
}

/// The vendor of a message, by fields that only its messages have.
fn recognise(message: View<'_>) -> Option<Format> {
    let has = |name| message.get(name).is_some();
    let kind = message.str("type").unwrap_or_default();
    Some(match kind {
        "call_start" | "chunk" | "call_update" | "call_end" => Format::Native,
        "Results" if has("channel") => Format::Deepgram,
        "TurnInfo" => Format::Deepgram,
        "Metadata" | "Connected" if has("request_id") => Format::Deepgram,
        "Begin" if has("id") => Format::AssemblyAi,
        "Turn" if has("turn_order") => Format::AssemblyAi,
        "setup" if has("callSid") => Format::ConversationRelay,
        "prompt" if has("voicePrompt") => Format::ConversationRelay,
        "partial" | "final" if has("elements") => Format::RevAi,
        "connected" if has("id") => Format::RevAi,
        "transcript" if message.at(&["data", "utterance"]).is_some() => Format::Gladia,
        "start_session" | "end_session" if has("session_id") => Format::Gladia,
        "verb:hook" | "session:new" => Format::Jambonz,
        _ => return by_fields(message),
    })
}

fn by_fields(message: View<'_>) -> Option<Format> {
    let has = |name| message.get(name).is_some();
    let says = |name, start: &str| message.str(name).is_some_and(|text| text.starts_with(start));
    let event_type =
        |view: View<'_>| view.str("event_type").is_some_and(|it| it.starts_with("call."));
    let tests = [
        (says("event", "live."), Format::Gladia),
        (has("EventType") && (has("ContactId") || has("Segments")), Format::ContactLens),
        (has("StreamingEventType") || in_segments(message), Format::ContactLens),
        (has("EventType") && has("CallId"), Format::Lca),
        (has("TranscriptEvent") || has("TranscriptResultStream"), Format::Transcribe),
        (message.at(&["Transcript", "Results"]).is_some(), Format::Transcribe),
        (message.at(&["Results", "ResultId"]).is_some(), Format::Transcribe),
        (has("ResultId") && has("Alternatives"), Format::Transcribe),
        (has("UtteranceEvent") || has("CategoryEvent"), Format::CallAnalytics),
        (has("CallAnalyticsTranscriptResultStream"), Format::CallAnalytics),
        (has("UtteranceId") && has("ParticipantRole"), Format::CallAnalytics),
        (has("TranscriptionEvent"), Format::Twilio),
        (has("transcriptionMetadata") || has("transcriptionData"), Format::Acs),
        (has("eventBody") || message.at(&["detail", "eventBody"]).is_some(), Format::Genesys),
        (has("conversationId") && (has("transcripts") || has("transcript")), Format::Genesys),
        (event_type(message) || message.get("data").is_some_and(event_type), Format::Telnyx),
        (has("CallSid") && has("Transcript"), Format::Telnyx),
        (has("eventType") && (has("track") || has("metadata")), Format::Bandwidth),
        (has("call_sid") || message.at(&["speech", "alternatives"]).is_some(), Format::Jambonz),
        (says("message", "Add") || says("message", "RecognitionStarted"), Format::Speechmatics),
        (says("Path", "speech.") || has("RecognitionStatus"), Format::Azure),
        (has("privResult") || has("privJson"), Format::Azure),
        (has("Text") && has("Offset") && has("Duration"), Format::Azure),
        (has("tokens"), Format::Soniox),
        (message.number("msg_type").is_some(), Format::Zoom),
        (message.str("event").is_some_and(|name| name.contains("rtms_")), Format::Zoom),
        (has("turn_index") && has("event"), Format::Deepgram),
        (message.at(&["results", "alternatives"]).is_some(), Format::Google),
        (has("speechEventType"), Format::Google),
        (message.str("partial").is_some() || has("result") && has("text"), Format::Vosk),
        (message.at(&["alternatives", "text"]).is_some(), Format::Vosk),
        (is_text_alone(message), Format::Vosk),
    ];
    tests.iter().find(|(is_it, _)| *is_it).map(|(_, format)| *format)
}

/// Segments of Contact Lens as its API answers with them.
fn in_segments(message: View<'_>) -> bool {
    let kinds = ["Transcript", "Utterance", "Categories"];
    kinds.iter().any(|kind| message.at(&["Segments", kind]).is_some())
}

/// A result of Vosk without word times.
fn is_text_alone(message: View<'_>) -> bool {
    message.str("text").is_some() && message.0.as_object().is_some_and(|fields| fields.len() == 1)
}
