//! The words everyone uses: call, turn, speaker, outcome, time.
//!
//! Knows nothing of sockets, files or models. The JSON of [`Call`] is the corpus format
//! described in `data/README.md`.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Who says a chunk.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Speaker {
    /// The caller.
    Customer,
    /// The person (or bot) who answers.
    Agent,
    /// Somebody above the agent; once they speak, the call counts as taken over.
    Supervisor,
    /// Anybody else, an announcement for example: kept in the transcript, never a feature.
    Other,
}

impl Speaker {
    /// The lower-case name used on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Speaker::Customer => "customer",
            Speaker::Agent => "agent",
            Speaker::Supervisor => "supervisor",
            Speaker::Other => "other",
        }
    }
}

/// A moment of wall-clock time in milliseconds since 1970-01-01 UTC; RFC 3339 in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, JsonSchema)]
#[schemars(description = "A moment, RFC 3339. The server writes UTC with milliseconds.")]
pub struct Timestamp(#[schemars(with = "String", extend("format" = "date-time"))] pub i64);

impl Timestamp {
    /// This moment moved by `ms` milliseconds; stops at the ends of the range.
    pub fn plus_ms(self, ms: i64) -> Timestamp {
        Timestamp(self.0.saturating_add(ms))
    }

    /// Reads RFC 3339. `None` when the text is not such a moment.
    pub fn parse(text: &str) -> Option<Timestamp> {
        let moment: jiff::Timestamp = text.parse().ok()?;
        Some(Timestamp(moment.as_millisecond()))
    }

    /// `HH:MM:SS` in UTC, for messages to people.
    pub fn time_of_day(self) -> String {
        let text = self.to_string();
        text.get(11..19).unwrap_or(&text).to_owned()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Out of jiff's range (years beyond ±9999) only for a clock that is broken.
        let moment =
            jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        write!(f, "{moment:.3}")
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Timestamp::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "`{text}` is not an RFC 3339 time such as 2026-11-22T03:40:00Z"
            ))
        })
    }
}

/// A recorded call: what `score`, `train`, `evaluate` and `replay` read, one JSON object a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Call {
    /// Unique within a corpus; the part before the first `-` names the author batch.
    #[schemars(length(min = 1))]
    pub id: String,
    /// BCP 47 language of the words, English when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lang: Option<String>,
    /// Line of business, for tables only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub industry: Option<String>,
    /// Why the customer called, for tables only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_cause: Option<String>,
    /// `clean`, `asr` or `chat`, for tables only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub style: Option<String>,
    /// How it ended, where known. Never an input of a forecast.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// The turns in order.
    pub turns: Vec<Turn>,
}

impl Call {
    /// Reads one call: a line of a corpus, or the body of a request.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(json: &str) -> Result<Call, String> {
        if !json.trim_start().starts_with('{') {
            return Err("not a call: it is one JSON object, as in data/README.md".into());
        }
        let call: Call = serde_json::from_str(json).map_err(|error| {
            // Of a corpus line it is always line 1, and the reader knows which line of the file.
            let text = error.to_string().replace(" at line 1 column ", " at column ");
            format!("not a call: {text}")
        })?;
        if call.id.is_empty() {
            return Err("the call's `id` is empty; give each call its own".into());
        }
        if let Some(outcome) = &call.outcome
            && let Some(turn) = outcome.turn
            && turn > call.turns.len()
        {
            return Err(format!(
                "`outcome.turn` is {turn}, but the call has {} turns (it counts from 0)",
                call.turns.len()
            ));
        }
        Ok(call)
    }

    /// The author batch: the id up to its first `-`.
    pub fn batch(&self) -> &str {
        self.id.split('-').next().unwrap_or(&self.id)
    }

    /// Whether the call escalates; false when its outcome is unknown.
    pub fn escalates(&self) -> bool {
        self.outcome.as_ref().is_some_and(|outcome| outcome.escalated)
    }

    /// How many turns a forecast may see: those before the escalation, or all of them.
    pub fn visible_turns(&self) -> usize {
        let event = self.outcome.as_ref().filter(|outcome| outcome.escalated).and_then(|o| o.turn);
        event.map_or(self.turns.len(), |turn| turn.min(self.turns.len()))
    }
}

/// One recorded turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Turn {
    /// Who speaks.
    pub speaker: Speaker,
    /// Start in milliseconds of call time, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_ms: Option<i64>,
    /// End in milliseconds of call time, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_ms: Option<i64>,
    /// The words.
    pub text: String,
    /// Label: sentiment as heard, −2 … 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentiment: Option<i8>,
    /// Label: a careful reader's running risk, 0 … 9.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reader_risk: Option<u8>,
    /// Label: what the turn does (codes in `data/README.md`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acts: Vec<String>,
}

/// How a call ended. Kept as a label, never an input of a forecast.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// Whether it escalated (see the README for what counts).
    pub escalated: bool,
    /// `calm`, `averted` or `escalated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arc: Option<String>,
    /// `supervisor_request`, `transfer_up`, `cancel_threat`, `formal_complaint`, `abuse_or_hangup`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// 0-based index of the turn in which it escalated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_survives_json() {
        let at = Timestamp::parse("2026-11-22T03:40:00.250Z").unwrap();
        let json = serde_json::to_string(&at).unwrap();
        assert_eq!(json, "\"2026-11-22T03:40:00.250Z\"");
        assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), at);
        assert_eq!(at.time_of_day(), "03:40:00");
    }

    #[test]
    fn nothing_from_the_escalation_on_is_visible() {
        let json = r#"{"id":"ta-1","outcome":{"escalated":true,"turn":1},"turns":[
            {"speaker":"agent","text":"hi"},{"speaker":"customer","text":"get me your boss"}]}"#;
        let call: Call = serde_json::from_str(json).unwrap();
        assert_eq!((call.visible_turns(), call.batch()), (1, "ta"));
    }
}
