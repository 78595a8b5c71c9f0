//! Messages of a call platform: `call_start`, `chunk`, `call_update`, `call_end`.
//!
//! The fast path decodes into one flat struct that borrows from the frame. Only when that fails
//! does a slower path read field by field, to say what is wrong or to accept what is merely
//! unusual (halves of surrogate pairs, numbers written as floats, keys given twice).

pub mod form;

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, de};
use serde_json::{Map, Value};

use super::fields::{Fields, MAX_WHOLE, whole, whole_float};
use super::{Code, Problem, Settings, repair};
use crate::call::{Outcome, Speaker, Timestamp};
use crate::engine::event::{CallEnd, CallStart, CallUpdate, Chunk};

/// Farthest call time from zero, in milliseconds: about thirty years.
const MAX_MS: i64 = 1_000_000_000_000;
const TYPES: &str = "call_start, chunk, call_update or call_end";
const SPEAKERS: &str = "customer, agent, supervisor or other";

/// A message of a call platform.
#[derive(Clone, Debug, PartialEq)]
pub struct Message<'a> {
    /// The call it is about.
    pub call_id: Cow<'a, str>,
    /// What it says.
    pub body: Body,
}

/// What a message says about its call.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// `call_start`.
    Start(CallStart),
    /// `chunk`.
    Chunk(Chunk),
    /// `call_update`.
    Update(CallUpdate),
    /// `call_end`.
    End(CallEnd),
}

/// Reads one message.
///
/// # Errors
/// [`Problem`]: what is wrong, and whose message it was as far as that could be read.
pub fn decode<'a>(text: &'a str, settings: &Settings) -> Result<Message<'a>, Problem> {
    let message = match fast(text) {
        Some(flat) => assemble(flat, settings),
        None => slow(text, settings),
    };
    message.map_err(|mut problem| {
        if problem.call_id.is_none() {
            (problem.call_id, problem.seq) = address(text, settings);
        }
        problem
    })
}

/// The answer to a message over the limit; it is not decoded, but its address is read.
pub fn refuse_too_large(text: &str, settings: &Settings) -> Problem {
    let (call_id, seq) = address(text, settings);
    let message = format!(
        "message of {} bytes is over the limit of {}; cut the text into several chunks",
        text.len(),
        settings.max_message_bytes
    );
    Problem { code: Code::TooLarge, message, call_id, seq }
}

/// Every field of every message.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Flat<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    call_id: Cow<'a, str>,
    #[serde(deserialize_with = "lenient_whole")]
    seq: Option<i64>,
    segment_id: Option<String>,
    speaker: Option<Speaker>,
    #[serde(deserialize_with = "lenient_whole")]
    start_ms: Option<i64>,
    #[serde(deserialize_with = "lenient_whole")]
    end_ms: Option<i64>,
    #[serde(rename = "final")]
    is_final: Option<bool>,
    confidence: Option<f64>,
    text: Option<String>,
    started_at: Option<Timestamp>,
    #[serde(deserialize_with = "clearable")]
    queue: Option<Option<String>>,
    #[serde(deserialize_with = "clearable")]
    team: Option<Option<String>>,
    #[serde(deserialize_with = "clearable")]
    agent_id: Option<Option<String>>,
    lang: Option<String>,
    previous_call_id: Option<String>,
    attributes: Option<Map<String, Value>>,
    reason: Option<String>,
    outcome: Option<Outcome>,
}

/// Decodes a well-formed message; `None` says only that the slow path must look.
fn fast(text: &str) -> Option<Flat<'_>> {
    // serde would also take a list for a struct.
    let is_object = text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{');
    let flat: Flat<'_> = if is_object { serde_json::from_str(text).ok()? } else { return None };
    (!flat.kind.is_empty() && !flat.call_id.is_empty()).then_some(flat)
}

fn slow<'a>(text: &str, settings: &Settings) -> Result<Message<'a>, Problem> {
    let repaired = repair::lone_surrogates(text);
    let text = repaired.as_deref().unwrap_or(text);
    let value: Value = serde_json::from_str(text).map_err(|error| {
        Problem::new(Code::BadJson, format!("the message is not usable JSON: {error}"))
    })?;
    let Value::Object(map) = value else {
        return Err(Problem::new(Code::BadMessage, "the message must be a JSON object"));
    };
    let bad = |message| Problem::new(Code::BadMessage, message);
    let mut fields = Fields { kind: "message".into(), map };
    let kind = fields.text("type").map_err(bad)?;
    fields.kind = kind.ok_or_else(|| bad(fields.missing("type") + &format!("; write {TYPES}")))?;
    // Before it stands in front of what is wrong with the fields.
    type_is_known(&fields.kind)?;
    let flat = read(&mut fields).map_err(bad)?;
    assemble(flat, settings)
}

/// Field by field. Only the fields that the message's own type has are looked at.
fn read<'a>(fields: &mut Fields) -> Result<Flat<'a>, String> {
    let mut flat = Flat {
        kind: Cow::Owned(fields.kind.clone()),
        call_id: fields.text("call_id")?.map(Cow::Owned).unwrap_or_default(),
        ..Flat::default()
    };
    let kind = flat.kind.as_ref();
    if kind != "call_start" {
        flat.seq = fields.counting("seq")?.and_then(|seq| i64::try_from(seq).ok());
    }
    if kind == "chunk" {
        flat.segment_id = fields.text("segment_id")?;
        flat.speaker = speaker(fields)?;
        flat.start_ms = fields.milliseconds("start_ms")?;
        flat.end_ms = fields.milliseconds("end_ms")?;
        flat.is_final = fields.flag("final")?;
        flat.confidence = fields.number("confidence")?;
        flat.text = fields.text("text")?;
    }
    if kind == "call_start" || kind == "call_update" {
        flat.queue = fields.clearable("queue")?;
        flat.team = fields.clearable("team")?;
        flat.agent_id = fields.clearable("agent_id")?;
        flat.attributes = fields.object("attributes")?;
    }
    if kind == "call_start" {
        flat.started_at = fields.moment("started_at")?;
        flat.lang = fields.text("lang")?;
        flat.previous_call_id = fields.text("previous_call_id")?;
    }
    if kind == "call_end" {
        flat.reason = fields.text("reason")?;
        flat.outcome = outcome(fields)?;
    }
    Ok(flat)
}

fn speaker(fields: &mut Fields) -> Result<Option<Speaker>, String> {
    let Some(value) = fields.take("speaker") else { return Ok(None) };
    Speaker::deserialize(&value)
        .map(Some)
        .map_err(|_: serde_json::Error| fields.wrong("speaker", SPEAKERS, &value))
}

fn outcome(fields: &mut Fields) -> Result<Option<Outcome>, String> {
    let Some(map) = fields.object("outcome")? else { return Ok(None) };
    let mut inner = Fields { kind: "call_end: outcome".into(), map };
    let escalated = inner.flag("escalated")?.ok_or_else(|| inner.missing("escalated"))?;
    let turn = match inner.take("turn") {
        None => None,
        Some(value) => Some(
            whole(&value)
                .and_then(|turn| usize::try_from(turn).ok())
                .ok_or_else(|| inner.wrong("turn", "a whole number from 0", &value))?,
        ),
    };
    Ok(Some(Outcome { escalated, arc: inner.text("arc")?, kind: inner.text("kind")?, turn }))
}

/// Checks the fields against each other and against the limits, and builds the message.
fn assemble<'a>(flat: Flat<'a>, settings: &Settings) -> Result<Message<'a>, Problem> {
    let kind: Cow<'a, str> = flat.kind.clone();
    type_is_known(&kind)?;
    build(flat, settings)
        .map_err(|message| Problem::new(Code::BadMessage, format!("{kind}: {message}")))
}

fn type_is_known(kind: &str) -> Result<(), Problem> {
    if matches!(kind, "call_start" | "chunk" | "call_update" | "call_end") {
        return Ok(());
    }
    let start: String = kind.chars().take(60).collect();
    let message = format!("type \"{start}\" is unknown; write {TYPES}");
    Err(Problem::new(Code::UnknownType, message))
}

fn build<'a>(mut flat: Flat<'a>, settings: &Settings) -> Result<Message<'a>, String> {
    let call_id = std::mem::take(&mut flat.call_id);
    call_id_is_usable(&call_id, settings)?;
    let body = match flat.kind.as_ref() {
        "call_start" => Body::Start(start(&call_id, flat, settings)?),
        "chunk" => Body::Chunk(chunk(flat, settings)?),
        "call_update" => Body::Update(CallUpdate {
            seq: seq(flat.seq)?,
            queue: short("queue", flat.queue, settings)?,
            team: short("team", flat.team, settings)?,
            agent_id: short("agent_id", flat.agent_id, settings)?,
            attributes: attributes(flat.attributes, settings)?,
        }),
        _ => Body::End(CallEnd { seq: seq(flat.seq)?, reason: flat.reason, outcome: flat.outcome }),
    };
    Ok(Message { call_id, body })
}

fn start(call_id: &str, flat: Flat<'_>, settings: &Settings) -> Result<CallStart, String> {
    let name = |field, value| short(field, value, settings).map(Option::flatten);
    Ok(CallStart {
        call_id: call_id.to_owned(),
        started_at: flat.started_at,
        queue: name("queue", flat.queue)?,
        team: name("team", flat.team)?,
        agent_id: name("agent_id", flat.agent_id)?,
        lang: name("lang", Some(flat.lang))?,
        previous_call_id: name("previous_call_id", Some(flat.previous_call_id))?,
        attributes: attributes(flat.attributes, settings)?,
        ruleset: None,
    })
}

fn chunk(flat: Flat<'_>, settings: &Settings) -> Result<Chunk, String> {
    let is_final = flat.is_final.unwrap_or(true);
    let segment_id = short("segment_id", Some(flat.segment_id), settings)?.flatten();
    if !is_final && segment_id.is_none() {
        return Err("a partial (`final`: false) needs a `segment_id`".into());
    }
    for (name, ms) in [("start_ms", flat.start_ms), ("end_ms", flat.end_ms)] {
        if ms.is_some_and(|ms| !(-MAX_MS..=MAX_MS).contains(&ms)) {
            return Err(format!(
                "field `{name}` is out of range; send milliseconds from the start of the call"
            ));
        }
    }
    let missing = |name: &str| format!("field `{name}` is missing");
    Ok(Chunk {
        seq: seq(flat.seq)?,
        segment_id,
        speaker: flat.speaker.ok_or_else(|| missing("speaker"))?,
        start_ms: flat.start_ms,
        end_ms: flat.end_ms,
        is_final,
        confidence: flat.confidence,
        text: flat.text.ok_or_else(|| missing("text"))?,
    })
}

fn seq(number: Option<i64>) -> Result<u64, String> {
    let number = number.ok_or("field `seq` is missing")?;
    u64::try_from(number)
        .ok()
        .filter(|seq| (1..=MAX_WHOLE).contains(seq))
        .ok_or_else(|| format!("field `seq` must be a whole number from 1, not {number}"))
}

/// Whether a call may have this id.
///
/// # Errors
/// A sentence that says why not.
pub fn call_id_is_usable(call_id: &str, settings: &Settings) -> Result<(), String> {
    if call_id.is_empty() {
        return Err("field `call_id` is missing".into());
    }
    if call_id.len() > settings.max_call_id_bytes {
        return Err(format!(
            "field `call_id` has {} bytes; at most {} are allowed",
            call_id.len(),
            settings.max_call_id_bytes
        ));
    }
    if call_id.chars().any(char::is_control) {
        return Err("field `call_id` holds a control character".into());
    }
    Ok(())
}

type Clearable = Option<Option<String>>;

fn short(name: &str, value: Clearable, settings: &Settings) -> Result<Clearable, String> {
    match &value {
        Some(Some(text)) if text.len() > settings.max_name_bytes => Err(format!(
            "field `{name}` has {} bytes; at most {} are allowed",
            text.len(),
            settings.max_name_bytes
        )),
        _ => Ok(value),
    }
}

fn attributes(
    map: Option<Map<String, Value>>,
    settings: &Settings,
) -> Result<Map<String, Value>, String> {
    let map = map.unwrap_or_default();
    if !map.is_empty() {
        let bytes = serde_json::to_string(&map).map_or(usize::MAX, |json| json.len());
        if bytes > settings.max_attributes_bytes {
            return Err(format!(
                "field `attributes` has {bytes} bytes; at most {} are allowed",
                settings.max_attributes_bytes
            ));
        }
    }
    Ok(map)
}

/// The address of a message that could not be decoded. Text that is not JSON has none: what
/// was cut off might have changed it.
fn address(text: &str, settings: &Settings) -> (Option<String>, Option<u64>) {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct CallId<'a> {
        #[serde(borrow)]
        call_id: Cow<'a, str>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Seq {
        #[serde(deserialize_with = "lenient_whole")]
        seq: Option<i64>,
    }
    if !text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{') {
        return (None, None);
    }
    let call_id = serde_json::from_str::<CallId<'_>>(text)
        .ok()
        .map(|read| read.call_id.into_owned())
        .filter(|call_id| call_id_is_usable(call_id, settings).is_ok());
    let number = serde_json::from_str::<Seq>(text).ok().and_then(|read| read.seq);
    (call_id, number.and_then(|number| seq(Some(number)).ok()))
}

fn clearable<'de, D: Deserializer<'de>>(from: D) -> Result<Clearable, D::Error> {
    Option::<String>::deserialize(from).map(Some)
}

/// A whole number or null; `12400.0` counts as whole.
fn lenient_whole<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    struct Whole;
    impl Visitor<'_> for Whole {
        type Value = Option<i64>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number")
        }
        fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
            Ok(Some(number))
        }
        fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
            i64::try_from(number).map(Some).map_err(|_| E::custom("out of range"))
        }
        fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self::Value, E> {
            whole_float(number).map(Some).ok_or_else(|| E::custom("not a whole number"))
        }
        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }
    from.deserialize_any(Whole)
}

#[cfg(test)]
mod tests;
