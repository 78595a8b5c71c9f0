//! What the board knows: a fold over the messages of the server. Knows no terminal and no clock;
//! `now` is the time of this machine in milliseconds since 1970.

use std::collections::{HashMap, VecDeque};

use serde::Deserialize;
use serde_json::Value;

use crate::engine::alert::Alert;
use crate::engine::effects::{CallPhase, CallView, RiskUpdate};

/// Points of a risk curve.
const CURVE: usize = 24;

/// Whether the server is heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// No picture yet.
    Connecting,
    /// What is shown is what is.
    Live,
    /// The connection ended for this reason; it will be made again.
    Lost(String),
}

/// A call that goes on.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub view: CallView,
    /// Its newest risks, the oldest first.
    pub curve: VecDeque<f64>,
    /// When it began by our clock, as far as we know: transcripts lag, so the earliest guess is
    /// the best.
    pub began_ms: i64,
}

/// The answer to a command.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub id: String,
    /// Why it was refused.
    pub refused: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Message {
    Hello {
        user: String,
    },
    Snapshot {
        #[serde(default)]
        recovered: bool,
        part: usize,
        last: bool,
        #[serde(default)]
        calls: Vec<Value>,
        #[serde(default)]
        alerts: Vec<Value>,
    },
    Call {
        call: Value,
    },
    Alert {
        alert: Value,
    },
    Erased {
        call_id: String,
    },
    Risk {
        call_id: String,
        #[serde(flatten)]
        risk: RiskUpdate,
    },
    Reply {
        id: Option<Value>,
        ok: bool,
        code: Option<String>,
        message: Option<String>,
    },
    #[serde(other)]
    Other,
}

/// Calls and alerts as the server last told.
#[derive(Clone, Debug, Default)]
pub(super) struct Picture {
    pub calls: HashMap<String, Row>,
    pub alerts: HashMap<String, Alert>,
}

/// What is known.
#[derive(Debug)]
pub(super) struct State {
    pub user: String,
    pub link: Link,
    pub picture: Picture,
    /// A picture that is still being sent. It has what is over, too, until it is whole.
    staging: Option<Picture>,
    /// Only these queues are ours; empty for all.
    queues: Vec<String>,
    /// The risk of a call before anything is known of it.
    prior: Option<f64>,
}

impl State {
    pub fn new(queues: Vec<String>) -> State {
        State {
            user: String::new(),
            link: Link::Connecting,
            picture: Picture::default(),
            staging: None,
            queues,
            prior: None,
        }
    }

    /// Takes in a message. Gives the answer to a command, if it is one. What cannot be read is
    /// for a newer console than this.
    pub fn take(&mut self, text: &str, now: i64) -> Option<Reply> {
        match serde_json::from_str(text).unwrap_or(Message::Other) {
            Message::Hello { user } => {
                self.user = user;
                self.staging = None;
            }
            // What was missed follows; the picture is still right.
            Message::Snapshot { recovered: true, .. } => self.link = Link::Live,
            Message::Snapshot { part, last, calls, alerts, .. } => {
                self.snapshot(part, last, calls, alerts, now);
            }
            Message::Call { call } => {
                if let Ok(view) = serde_json::from_value(call) {
                    self.call(view, now);
                }
            }
            Message::Alert { alert } => {
                if let Ok(alert) = serde_json::from_value(alert) {
                    self.alert(alert);
                }
            }
            Message::Erased { call_id } => {
                for picture in
                    [Some(&mut self.picture), self.staging.as_mut()].into_iter().flatten()
                {
                    picture.calls.remove(&call_id);
                    picture.alerts.retain(|_, alert| alert.call_id != call_id);
                }
            }
            Message::Risk { call_id, risk } => self.risk(&call_id, &risk, now),
            Message::Reply { id, ok, code, message } => {
                let id = id.as_ref().and_then(Value::as_str)?.to_owned();
                let refused = (!ok).then(|| message.or(code).unwrap_or_default());
                return Some(Reply { id, refused });
            }
            Message::Other => {}
        }
        None
    }

    /// The connection ended.
    pub fn lost(&mut self, why: String) {
        self.link = Link::Lost(why);
        self.staging = None;
    }

    /// Whether the risk says nothing of this call yet: the customer has not said enough.
    pub fn is_early(&self, view: &CallView) -> bool {
        view.level.is_none() && (view.sentiment.is_none() || view.risk == self.prior)
    }

    fn snapshot(
        &mut self,
        part: usize,
        last: bool,
        calls: Vec<Value>,
        alerts: Vec<Value>,
        now: i64,
    ) {
        let mut staging = match self.staging.take() {
            Some(staging) if part > 1 => staging,
            _ => Picture::default(),
        };
        for call in calls {
            let Ok(view) = serde_json::from_value::<CallView>(call) else { continue };
            // What came since this part was taken is newer.
            if !staging.calls.contains_key(&view.call_id) {
                let before = self.picture.calls.get(&view.call_id);
                staging.calls.insert(view.call_id.clone(), Row::new(view, before, now));
            }
        }
        for alert in alerts {
            let Ok(alert) = serde_json::from_value::<Alert>(alert) else { continue };
            staging.alerts.entry(alert.alert_id.clone()).or_insert(alert);
        }
        self.learn_prior(&staging);
        if last {
            staging.calls.retain(|_, row| row.view.state == CallPhase::Open);
            staging.alerts.retain(|_, alert| alert.state.is_open());
            self.picture = staging;
            self.link = Link::Live;
        } else {
            self.staging = Some(staging);
        }
    }

    fn learn_prior(&mut self, picture: &Picture) {
        let mut views = picture.calls.values().map(|row| &row.view);
        let fresh = views.find(|view| view.sentiment.is_none() && view.level.is_none());
        self.prior = fresh.and_then(|view| view.risk).or(self.prior);
    }

    fn call(&mut self, view: CallView, now: i64) {
        if view.sentiment.is_none() && view.level.is_none() {
            self.prior = view.risk.or(self.prior);
        }
        let ours = self.is_ours(view.queue.as_ref());
        let (picture, keeps_ended) = self.newest();
        let over = view.state == CallPhase::Ended && !keeps_ended;
        if over || !ours {
            picture.calls.remove(&view.call_id);
        } else {
            let row = Row::new(view, None, now);
            match picture.calls.get_mut(&row.view.call_id) {
                Some(before) => before.update(row),
                None => drop(picture.calls.insert(row.view.call_id.clone(), row)),
            }
        }
    }

    fn alert(&mut self, alert: Alert) {
        let ours = self.is_ours(alert.queue.as_ref());
        let (picture, keeps_closed) = self.newest();
        if ours && (alert.state.is_open() || keeps_closed) {
            picture.alerts.insert(alert.alert_id.clone(), alert);
        } else {
            picture.alerts.remove(&alert.alert_id);
        }
    }

    fn risk(&mut self, call_id: &str, risk: &RiskUpdate, now: i64) {
        let (picture, _) = self.newest();
        let Some(row) = picture.calls.get_mut(call_id) else { return };
        let view = &mut row.view;
        (view.at_ms, view.level) = (risk.at_ms, risk.level);
        (view.risk, view.sentiment, view.trend) = (risk.risk, risk.sentiment, risk.trend);
        row.began_ms = row.began_ms.min(now - risk.at_ms);
        row.note();
    }

    /// What messages change, and whether it keeps what is over.
    fn newest(&mut self) -> (&mut Picture, bool) {
        match &mut self.staging {
            Some(staging) => (staging, true),
            None => (&mut self.picture, false),
        }
    }

    fn is_ours(&self, queue: Option<&String>) -> bool {
        self.queues.is_empty() || queue.is_some_and(|queue| self.queues.contains(queue))
    }
}

impl Row {
    fn new(view: CallView, before: Option<&Row>, now: i64) -> Row {
        let began_ms = now - view.at_ms;
        let mut row = Row { view, curve: VecDeque::new(), began_ms };
        match before {
            Some(before) => {
                row.curve.clone_from(&before.curve);
                row.began_ms = row.began_ms.min(before.began_ms);
                row.note();
            }
            None => row.note(),
        }
        row
    }

    fn update(&mut self, newer: Row) {
        self.began_ms = self.began_ms.min(newer.began_ms);
        self.view = newer.view;
        self.note();
    }

    fn note(&mut self) {
        let Some(risk) = self.view.risk.filter(|risk| self.curve.back() != Some(risk)) else {
            return;
        };
        self.curve.push_back(risk);
        if self.curve.len() > CURVE {
            self.curve.pop_front();
        }
    }
}
