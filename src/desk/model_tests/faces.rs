//! What is compared of calls and alerts.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::desk::{Answer, Later, Now, Taken};
use crate::engine::alert::{Alert, AlertState};
use crate::engine::effects::{CallChange, CallPhase, CallView};
use crate::engine::event::Resolution;

#[derive(Clone, Debug, PartialEq)]
pub struct CallFace {
    pub call_id: String,
    pub is_open: bool,
    pub ended_at: Option<i64>,
    pub reason: Option<String>,
    pub escalated: Option<bool>,
    pub last_seq: u64,
    pub queue: Option<String>,
    pub attributes: BTreeMap<String, Value>,
    pub alerts: Vec<String>,
}

impl From<&CallView> for CallFace {
    fn from(view: &CallView) -> CallFace {
        CallFace {
            call_id: view.call_id.clone(),
            is_open: view.state == CallPhase::Open,
            ended_at: view.ended_at.map(|at| at.0),
            reason: view.reason.clone(),
            escalated: view.outcome.as_ref().map(|outcome| outcome.escalated),
            last_seq: view.last_seq,
            queue: view.queue.clone(),
            attributes: view.attributes.clone().into_iter().collect(),
            alerts: view.alerts.clone(),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlertFace {
    pub alert_id: String,
    pub call_id: String,
    pub queue: Option<String>,
    pub state: AlertState,
    pub owner: Option<String>,
    pub outcome: Option<Resolution>,
    pub snoozed_until: Option<i64>,
    pub history: Vec<(AlertState, String, i64)>,
}

impl From<&Alert> for AlertFace {
    fn from(alert: &Alert) -> AlertFace {
        let history = alert.history.iter();
        AlertFace {
            alert_id: alert.alert_id.clone(),
            call_id: alert.call_id.clone(),
            queue: alert.queue.clone(),
            state: alert.state,
            owner: alert.owner.clone(),
            outcome: alert.outcome,
            snoozed_until: alert.snoozed_until.map(|at| at.0),
            history: history.map(|step| (step.state, step.by.clone(), step.at.0)).collect(),
        }
    }
}

/// A numbered message of a console.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown {
    Call(CallChange, CallFace),
    Alert(AlertFace),
}

impl Shown {
    /// With its offset; `None` for a message that has none.
    pub fn read(frame: &Value) -> Option<(u64, Shown)> {
        let offset = frame["offset"].as_u64()?;
        let shown = if frame["type"] == "alert" {
            let alert: Alert = serde_json::from_value(frame["alert"].clone()).unwrap();
            Shown::Alert((&alert).into())
        } else {
            let call: CallView = serde_json::from_value(frame["call"].clone()).unwrap();
            let event = serde_json::from_value(frame["event"].clone()).unwrap();
            Shown::Call(event, (&call).into())
        };
        Some((offset, shown))
    }

    pub fn call_id(&self) -> &str {
        match self {
            Shown::Call(_, call) => &call.call_id,
            Shown::Alert(alert) => &alert.call_id,
        }
    }
}

/// What a platform was answered, in few words.
pub fn answer(taken: Taken) -> String {
    let now = taken.now.map(|now| match now {
        Now::Nack { call_id, expected } => format!("nack {call_id} {expected}"),
        Now::Refused(problem) => {
            let call_id = problem.call_id.unwrap_or("-".into());
            let seq = problem.seq.map_or("-".into(), |seq| seq.to_string());
            let lasts = if problem.code.is_temporary() { "temporary" } else { "for good" };
            format!("{} {call_id} {seq} {lasts}", problem.code.name())
        }
    });
    let later = taken.later.map(|(_, later)| match later {
        Later::Started { call_id, last_seq, reopened, ended } => {
            let reopened = if reopened { " reopened" } else { "" };
            let ended = if ended { " ended" } else { "" };
            format!("started {call_id} {last_seq}{reopened}{ended}")
        }
        Later::Ack { call_id, seq, .. } => format!("ack {call_id} {seq}"),
    });
    [now, later].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// What a person was answered; of a refusal its code and who is to blame.
pub fn reply(answer: Answer) -> String {
    match answer {
        Answer::Done(_) => "done".into(),
        Answer::Elsewhere(call_id) => format!("elsewhere {call_id}"),
        Answer::Refused(refusal) => match refusal.message.strip_prefix("by ") {
            Some(blamed) => {
                format!("{} by {}", refusal.code, blamed.split(' ').next().unwrap())
            }
            None => refusal.code.into(),
        },
    }
}
