//! Commands of a console.

pub mod form;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use super::fields::{Fields, whole};
use super::{Settings, repair};
use crate::engine::event::{Action, Resolution};
use crate::engine::policy::Level;

const COMMANDS: &str = "subscribe, unsubscribe, watch, unwatch, acknowledge, snooze, assign, \
                        resolve or raise_hand";
/// Longest snooze: a day.
const MAX_SNOOZE_S: i64 = 86_400;
/// Longest note in bytes.
const MAX_NOTE_BYTES: usize = 4_096;

/// The `id` of a command, echoed as it came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RequestId {
    /// `"5"`
    Text(String),
    /// `5`
    Number(Number),
}

/// A frame from a console: what it asks, or why that cannot be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// To echo in the reply.
    pub id: Option<RequestId>,
    /// The command, or what is wrong with it (code `bad_message`).
    pub command: Result<Command, String>,
}

/// What a console asks.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Calls and alerts that match, from now on or from where it left off.
    Subscribe {
        /// What to send.
        filter: Filter,
        /// Where it left off.
        since: Option<Since>,
    },
    /// No more calls and alerts.
    Unsubscribe,
    /// The transcript of a call.
    Watch {
        /// The call.
        call_id: String,
    },
    /// No more transcript.
    Unwatch {
        /// The call.
        call_id: String,
    },
    /// Do something with an alert.
    Act {
        /// The alert.
        alert_id: String,
        /// What to do.
        action: Action,
    },
    /// An agent asks for help.
    RaiseHand {
        /// The call.
        call_id: String,
        /// Why.
        note: Option<String>,
    },
}

/// Which calls and alerts a console wants. An empty list asks for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Any of these queues.
    pub queues: Vec<String>,
    /// Any of these teams.
    pub teams: Vec<String>,
    /// Any of these agents.
    pub agents: Vec<String>,
    /// Any of these calls.
    pub calls: Vec<String>,
    /// At least this level.
    pub min_level: Option<Level>,
}

/// Where a console left off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Since {
    /// The journal it was.
    pub epoch: String,
    /// The last offset it has.
    pub offset: u64,
}

impl Request {
    /// Reads one frame. Never fails: what cannot be read is answered.
    pub fn decode(text: &str, settings: &Settings) -> Request {
        let refuse = |message: String| Request { id: None, command: Err(message) };
        if text.len() > settings.max_message_bytes {
            return refuse(format!(
                "command of {} bytes is over the limit of {}",
                text.len(),
                settings.max_message_bytes
            ));
        }
        let repaired = repair::lone_surrogates(text);
        let map = match serde_json::from_str(repaired.as_deref().unwrap_or(text)) {
            Ok(Value::Object(map)) => map,
            Ok(_) => return refuse("the command must be a JSON object".into()),
            Err(error) => return refuse(format!("the command is not usable JSON: {error}")),
        };
        let mut fields = Fields { kind: "command".into(), map };
        match request_id(&mut fields) {
            Ok(id) => Request { id, command: command(&mut fields, settings) },
            Err(message) => refuse(message),
        }
    }
}

fn request_id(fields: &mut Fields) -> Result<Option<RequestId>, String> {
    match fields.take("id") {
        None => Ok(None),
        Some(Value::Number(number)) => Ok(Some(RequestId::Number(number))),
        Some(Value::String(text)) if text.len() <= 256 => Ok(Some(RequestId::Text(text))),
        Some(Value::String(_)) => Err("command: field `id` has more than 256 bytes".into()),
        Some(other) => Err(fields.wrong("id", "a string or a number", &other)),
    }
}

fn command(fields: &mut Fields, settings: &Settings) -> Result<Command, String> {
    let kind = fields.text("type")?;
    let kind = kind.ok_or_else(|| format!("{}; write {COMMANDS}", fields.missing("type")))?;
    fields.kind = kind.chars().take(60).collect();
    let action = match kind.as_str() {
        "subscribe" => {
            return Ok(Command::Subscribe { filter: filter(fields)?, since: since(fields)? });
        }
        "unsubscribe" => return Ok(Command::Unsubscribe),
        "watch" => return Ok(Command::Watch { call_id: needed(fields, "call_id", settings)? }),
        "unwatch" => return Ok(Command::Unwatch { call_id: needed(fields, "call_id", settings)? }),
        "raise_hand" => {
            let call_id = needed(fields, "call_id", settings)?;
            return Ok(Command::RaiseHand { call_id, note: note(fields)? });
        }
        "acknowledge" => Action::Acknowledge,
        "snooze" => Action::Snooze { for_s: snooze(fields)? },
        "assign" => assign(fields, settings)?,
        "resolve" => Action::Resolve { outcome: outcome(fields)?, note: note(fields)? },
        _ => return Err(format!("type \"{}\" is unknown; write {COMMANDS}", fields.kind)),
    };
    Ok(Command::Act { alert_id: needed_id(fields)?, action })
}

/// A name that must be there and be of a bearable length.
fn needed(fields: &mut Fields, name: &str, settings: &Settings) -> Result<String, String> {
    let text = fields.text(name)?.filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| fields.missing(name))?;
    let limit = settings.max_call_id_bytes.max(settings.max_name_bytes);
    if text.len() > limit {
        return Err(format!("{}: field `{name}` has more than {limit} bytes", fields.kind));
    }
    Ok(text)
}

/// An alert's id holds the call's id, so it may be longer than any name.
fn needed_id(fields: &mut Fields) -> Result<String, String> {
    let id = fields.text("alert_id")?.filter(|id| !id.is_empty());
    id.ok_or_else(|| fields.missing("alert_id"))
}

fn note(fields: &mut Fields) -> Result<Option<String>, String> {
    let note = fields.text("note")?;
    match &note {
        Some(text) if text.len() > MAX_NOTE_BYTES => {
            Err(format!("{}: field `note` has more than {MAX_NOTE_BYTES} bytes", fields.kind))
        }
        _ => Ok(note),
    }
}

fn snooze(fields: &mut Fields) -> Result<u64, String> {
    let value = fields.take("for_s").ok_or_else(|| fields.missing("for_s"))?;
    whole(&value)
        .filter(|seconds| (1..=MAX_SNOOZE_S).contains(seconds))
        .and_then(|seconds| u64::try_from(seconds).ok())
        .ok_or_else(|| {
            fields.wrong("for_s", &format!("a whole number of 1 to {MAX_SNOOZE_S} seconds"), &value)
        })
}

/// `from`, null or absent differ: who the console thought has the alert, or no such claim.
fn assign(fields: &mut Fields, settings: &Settings) -> Result<Action, String> {
    let from = match fields.map.get("from") {
        None => None,
        Some(_) => Some(fields.text("from")?),
    };
    Ok(Action::Assign { to: needed(fields, "to", settings)?, from })
}

fn outcome(fields: &mut Fields) -> Result<Resolution, String> {
    let value = fields.take("outcome");
    let value = value
        .ok_or_else(|| format!("{}; write {}", fields.missing("outcome"), Resolution::NAMES))?;
    Resolution::deserialize(&value)
        .map_err(|_: serde_json::Error| fields.wrong("outcome", Resolution::NAMES, &value))
}

fn filter(fields: &mut Fields) -> Result<Filter, String> {
    let Some(map) = fields.object("filter")? else { return Ok(Filter::default()) };
    let mut inner = Fields { kind: "subscribe: filter".into(), map };
    let min_level = match inner.take("min_level") {
        None => None,
        Some(value) => Some(Level::deserialize(&value).map_err(|_: serde_json::Error| {
            inner.wrong("min_level", "watch, warning or critical", &value)
        })?),
    };
    Ok(Filter {
        queues: inner.texts("queues")?,
        teams: inner.texts("teams")?,
        agents: inner.texts("agents")?,
        calls: inner.texts("calls")?,
        min_level,
    })
}

fn since(fields: &mut Fields) -> Result<Option<Since>, String> {
    let Some(map) = fields.object("since")? else { return Ok(None) };
    let mut inner = Fields { kind: "subscribe: since".into(), map };
    let epoch = inner.text("epoch")?.ok_or_else(|| inner.missing("epoch"))?;
    let value = inner.take("offset").ok_or_else(|| inner.missing("offset"))?;
    let offset = whole(&value).and_then(|offset| u64::try_from(offset).ok());
    let offset = offset.ok_or_else(|| inner.wrong("offset", "a whole number from 0", &value))?;
    Ok(Some(Since { epoch, offset }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(text: &str) -> Request {
        Request::decode(text, &Settings::default())
    }

    #[test]
    fn the_examples_of_the_protocol_decode() {
        let subscribe = request(
            r#"{"type":"subscribe","id":"1","filter":{"queues":["billing"],"teams":["t1"],
            "agents":["a17"],"calls":["c-7f3a"],"min_level":"watch"},
            "since":{"epoch":"e1","offset":1234}}"#,
        );
        assert_eq!(subscribe.id, Some(RequestId::Text("1".into())));
        let Ok(Command::Subscribe { filter, since }) = subscribe.command else {
            panic!("{subscribe:?}")
        };
        assert_eq!(filter.min_level, Some(Level::Watch));
        assert_eq!(since, Some(Since { epoch: "e1".into(), offset: 1234 }));
        let act = |alert_id: &str, action| Ok(Command::Act { alert_id: alert_id.into(), action });
        for (text, command) in [
            (r#"{"type":"unsubscribe","id":2}"#, Ok(Command::Unsubscribe)),
            (r#"{"type":"watch","call_id":"c"}"#, Ok(Command::Watch { call_id: "c".into() })),
            (r#"{"type":"acknowledge","alert_id":"al-9"}"#, act("al-9", Action::Acknowledge)),
            (
                r#"{"type":"snooze","alert_id":"a","for_s":300}"#,
                act("a", Action::Snooze { for_s: 300 }),
            ),
            (
                r#"{"type":"assign","alert_id":"a","to":"sup-3"}"#,
                act("a", Action::Assign { to: "sup-3".into(), from: None }),
            ),
            (
                r#"{"type":"assign","alert_id":"a","to":"me","from":"sup-3"}"#,
                act("a", Action::Assign { to: "me".into(), from: Some(Some("sup-3".into())) }),
            ),
            (
                r#"{"type":"assign","alert_id":"a","to":"me","from":null}"#,
                act("a", Action::Assign { to: "me".into(), from: Some(None) }),
            ),
            (
                r#"{"type":"resolve","alert_id":"a","outcome":"averted","note":"credited"}"#,
                act(
                    "a",
                    Action::Resolve { outcome: Resolution::Averted, note: Some("credited".into()) },
                ),
            ),
            (
                r#"{"type":"raise_hand","call_id":"c","note":"fee"}"#,
                Ok(Command::RaiseHand { call_id: "c".into(), note: Some("fee".into()) }),
            ),
        ] {
            assert_eq!(request(text).command, command, "{text}");
        }
    }

    #[test]
    fn refusals_say_what_to_write() {
        for (text, part) in [
            ("nonsense", "not usable JSON"),
            ("[]", "must be a JSON object"),
            (r#"{"id":1}"#, "field `type` is missing; write subscribe"),
            (r#"{"type":"shout"}"#, "type \"shout\" is unknown"),
            (r#"{"type":"acknowledge"}"#, "acknowledge: field `alert_id` is missing"),
            (r#"{"type":"snooze","alert_id":"a","for_s":0}"#, "1 to 86400 seconds, not 0"),
            (
                r#"{"type":"resolve","alert_id":"a","outcome":"won"}"#,
                "must be escalated, averted, false_alarm or duplicate, not \"won\"",
            ),
            (r#"{"type":"subscribe","filter":{"queues":"x"}}"#, "a list of strings, not \"x\""),
            (r#"{"type":"subscribe","since":{"epoch":"e"}}"#, "since: field `offset` is missing"),
            (r#"{"type":"watch","id":{},"call_id":"c"}"#, "a string or a number, not an object"),
        ] {
            let message = request(text).command.unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
        assert_eq!(request(r#"{"type":"watch","id":7}"#).id, Some(RequestId::Number(7.into())));
    }

    fn any_field(name: &'static str, usual: &'static str) -> impl Strategy<Value = String> {
        let odd = prop::sample::select(vec![
            "null",
            "true",
            "-1",
            "0",
            "1",
            "2.0",
            "1.5",
            "86400",
            "86401",
            "\"\"",
            "\"x\"",
            "[]",
            "{}",
            "{\"queues\":null}",
            "{\"queues\":[1]}",
            "{\"min_level\":\"high\"}",
            "{\"epoch\":\"e\"}",
            "{\"epoch\":\"e\",\"offset\":-1}",
            "{\"epoch\":\"\",\"offset\":3.0}",
            "\"averted\"",
        ]);
        let value = prop_oneof![6 => Just(Some(usual)), 1 => Just(None), 2 => odd.prop_map(Some)];
        value.prop_map(move |value| {
            value.map(|value| format!("\"{name}\":{value},")).unwrap_or_default()
        })
    }

    const FORMS: [(&str, &str); 9] = [
        ("subscribe", "SubscribeCommand"),
        ("unsubscribe", "UnsubscribeCommand"),
        ("watch", "WatchCommand"),
        ("unwatch", "UnwatchCommand"),
        ("acknowledge", "AcknowledgeCommand"),
        ("snooze", "SnoozeCommand"),
        ("assign", "AssignCommand"),
        ("resolve", "ResolveCommand"),
        ("raise_hand", "RaiseHandCommand"),
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]
        /// What the published schema allows is taken, and what is refused does not fit it.
        #[test]
        fn the_published_form_and_the_decoder_agree(
            kind in 0..FORMS.len(),
            fields in (
                any_field("id", "\"5\""),
                any_field("filter", "{\"queues\":[\"billing\"],\"min_level\":\"watch\"}"),
                any_field("since", "{\"epoch\":\"e1\",\"offset\":1234}"),
                any_field("call_id", "\"c-1\""),
                any_field("alert_id", "\"al-9\""),
                any_field("for_s", "300"),
                any_field("to", "\"sup-3\""),
                any_field("from", "null"),
                any_field("outcome", "\"false_alarm\""),
                any_field("note", "\"credited\""),
            ),
        ) {
            use std::sync::LazyLock;
            static VALIDATORS: LazyLock<Vec<jsonschema::Validator>> = LazyLock::new(|| {
                let document = crate::wire::contracts::asyncapi();
                let of = |name| crate::wire::contracts::tests::validator(document, name);
                FORMS.iter().map(|(_, name)| of(name)).collect()
            });
            let (a, b, c, d, e, f, g, h, i, j) = fields;
            let name = FORMS[kind].0;
            let text = format!("{{{a}{b}{c}{d}{e}{f}{g}{h}{i}{j}\"type\":\"{name}\"}}");
            let value: Value = serde_json::from_str(&text).unwrap();
            let fits = VALIDATORS[kind].is_valid(&value);
            match request(&text).command {
                Ok(_) => prop_assert!(fits, "taken, but not published: {}", text),
                Err(problem) => prop_assert!(!fits, "{}: {}", problem, text),
            }
        }

        #[test]
        fn random_text_never_panics(text in any::<String>()) {
            let _ = request(&text);
        }
    }
}
