//! What can happen to a call. A call's state is the fold of these, in order, and nothing else:
//! they are what the journal keeps and what recovery, `score` and `backtest` replay.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::call::{Outcome, Speaker, Timestamp};

/// Free attributes of a call; null removes one on update.
pub type Attributes = Map<String, Value>;

/// Whether attributes name this customer. Numbers are compared as they are written.
pub fn is_customer(attributes: &Attributes, key: &str) -> bool {
    match attributes.get("customer_key") {
        Some(Value::String(own)) => own == key,
        Some(Value::Number(own)) => own.to_string() == key,
        _ => false,
    }
}

/// An event and the moment the server took it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// When the server took it.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
    /// Alerts it raised that are held, because the budget of their team was spent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<String>,
}

/// Something that happened to one call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The call opened. Always the first event.
    Start(CallStart),
    /// A piece of transcript.
    Chunk(Chunk),
    /// Queue, team, agent or attributes changed.
    Update(CallUpdate),
    /// The platform ended the call.
    End(CallEnd),
    /// A message that was refused for good; holds its place in the order.
    Refused {
        /// The message's own number.
        seq: u64,
        /// The error code it was answered with.
        code: String,
    },
    /// The platform went away and did not come back within the grace.
    Abandoned,
    /// The platform came back to an abandoned call.
    Reopened,
    /// Abandoned so long ago that the desk has let go of it: nothing opens it again.
    Forgotten,
    /// A person acted on an alert; checked before it was recorded.
    Command {
        /// The alert.
        alert_id: String,
        /// Who acted.
        by: String,
        /// What they did.
        action: Action,
    },
    /// An agent asked for help.
    RaiseHand {
        /// Who asked.
        by: String,
        /// Why, in their words.
        note: Option<String>,
    },
    /// A due time passed; [`super::CallState::due`] said when.
    Timer,
    /// The transcript has come as far as it will: deadlines of rules pass.
    /// [`super::CallState::tick_due`] said when.
    Tick,
    /// Nobody whom a tier tells is connected. Counts only while the alert is in that tier.
    PassOn {
        /// The alert.
        alert_id: String,
        /// The tier without anybody.
        tier: u32,
    },
    /// The alert budget has room for a held alert.
    Release {
        /// The alert.
        alert_id: String,
    },
}

/// `call_start`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallStart {
    /// The platform's id of the call.
    pub call_id: String,
    /// When the call began, by the platform's clock.
    pub started_at: Option<Timestamp>,
    /// Queue.
    pub queue: Option<String>,
    /// Team.
    pub team: Option<String>,
    /// Agent.
    pub agent_id: Option<String>,
    /// BCP 47 language; English when absent.
    pub lang: Option<String>,
    /// An earlier call of the same customer.
    pub previous_call_id: Option<String>,
    /// Free attributes.
    pub attributes: Attributes,
    /// The rules that judge the call, by [`super::rules::Ruleset::hash`]; set by the desk. Of a
    /// call journalled before there were any, those in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ruleset: Option<String>,
}

/// `chunk`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chunk {
    /// 1, 2, 3 … within the call.
    pub seq: u64,
    /// Names the utterance; needed on partials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment_id: Option<String>,
    /// Who speaks.
    pub speaker: Speaker,
    /// Start in milliseconds of call time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_ms: Option<i64>,
    /// End in milliseconds of call time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_ms: Option<i64>,
    /// False for a partial, which a later chunk of the same segment replaces.
    #[serde(rename = "final", default = "yes")]
    pub is_final: bool,
    /// The recogniser's confidence, 0 … 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// The words.
    pub text: String,
}

/// `call_update`. A field that is absent stays; null clears it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallUpdate {
    /// 1, 2, 3 … within the call.
    pub seq: u64,
    /// New queue.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub queue: Option<Option<String>>,
    /// New team.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub team: Option<Option<String>>,
    /// New agent.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<Option<String>>,
    /// Attributes to merge.
    pub attributes: Attributes,
}

/// `call_end`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallEnd {
    /// 1, 2, 3 … within the call.
    pub seq: u64,
    /// Why it ended, in the platform's words.
    pub reason: Option<String>,
    /// How it ended: a training label.
    pub outcome: Option<Outcome>,
}

/// What a person can do with an alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Action {
    /// Take it.
    Acknowledge,
    /// Put it off for everybody.
    Snooze {
        /// For how long, in seconds.
        for_s: u64,
    },
    /// Give it to somebody.
    Assign {
        /// To whom.
        to: String,
        /// Who the console thought has it: another owner refuses the command. Not kept.
        #[serde(skip)]
        from: Option<Option<String>>,
    },
    /// Close it.
    Resolve {
        /// What became of it.
        outcome: Resolution,
        /// In their words.
        note: Option<String>,
    },
}

/// What became of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// The call escalated all the same.
    Escalated,
    /// The warning helped, or the call came down by itself.
    Averted,
    /// There was nothing to see.
    FalseAlarm,
    /// Another alert says the same.
    Duplicate,
}

impl Resolution {
    /// The four names, for error messages.
    pub const NAMES: &'static str = "escalated, averted, false_alarm or duplicate";
}

fn yes() -> bool {
    true
}

/// Tells a field that is null (clear it) from one that is absent (leave it).
fn present<'de, D>(deserializer: D) -> Result<Option<Option<String>>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    Option::<String>::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_and_absent_differ_in_an_update() {
        let update: CallUpdate = serde_json::from_str(r#"{"seq":7,"queue":null}"#).unwrap();
        assert_eq!((update.queue, update.team), (Some(None), None));
    }

    #[test]
    fn events_survive_json() {
        let event = Event::Chunk(Chunk {
            seq: 3,
            segment_id: Some("s".into()),
            speaker: Speaker::Agent,
            start_ms: None,
            end_ms: Some(9),
            is_final: false,
            confidence: None,
            text: "hi".into(),
        });
        let recorded = Recorded { at: Timestamp(5), event, held: vec!["al-1".into()] };
        let json = serde_json::to_string(&recorded).unwrap();
        assert_eq!(serde_json::from_str::<Recorded>(&json).unwrap(), recorded);
    }
}
