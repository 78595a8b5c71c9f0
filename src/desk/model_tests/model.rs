//! The desk as PROTOCOL.md tells it: maps and numbers. No engine, no locks, no heap of timers.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

use super::faces::{AlertFace, CallFace, Shown};
use crate::engine::alert::AlertState;
use crate::engine::effects::CallChange;
use crate::engine::event::Resolution;

pub const GRACE_MS: i64 = 60_000;
pub const OUTCOME_GRACE_MS: i64 = 900_000;
pub const MAX_SNOOZE_S: u64 = 600;
pub const MAX_ALERTS: usize = 3;

/// How many calls there may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub open: usize,
    pub per_connection: usize,
    pub kept: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Life {
    Open,
    Abandoned,
    /// Ended by `call_end`.
    Ended,
    /// The same, and only its last number is known.
    Over,
    /// Abandoned and let go of: its id is free.
    Gone,
}

#[derive(Clone, Debug)]
pub struct Call {
    pub life: Life,
    pub last_seq: u64,
    pub said: Vec<(u64, String)>,
    pub queue: Option<String>,
    pub attributes: BTreeMap<String, Value>,
    pub holder: Option<usize>,
    pub absent_until: Option<i64>,
    pub ended_at: Option<i64>,
    pub reason: Option<String>,
    pub escalated: Option<bool>,
    /// Every alert it ever had, in order.
    pub alerts: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct Alert {
    pub face: AlertFace,
    /// Who acknowledged it last.
    pub taken_by: String,
    /// Who assigned it, unless somebody acknowledged it since.
    pub given_by: Option<String>,
}

/// What a connection was told of a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Told {
    Mine { nacked: bool },
    Lost,
}

#[derive(Clone, Debug, Default)]
pub struct Connection {
    pub told: BTreeMap<String, Told>,
    /// Calls that others took, which it has not heard yet.
    pub lost: Vec<String>,
}

/// What a numbered message says.
#[derive(Clone, Debug)]
pub enum What {
    Say(String),
    Update { queue: Option<Option<String>>, attributes: BTreeMap<String, Value> },
    End { escalated: Option<bool> },
    Bad(&'static str),
}

/// A numbered message to consoles, with the queue that it leaves and the one that it is in.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    pub shown: Shown,
    before: Option<Option<String>>,
    after: Option<String>,
}

impl Sent {
    pub fn concerns(&self, queue: Option<&str>) -> bool {
        let Some(queue) = queue else { return true };
        [self.before.as_ref().unwrap_or(&None), &self.after]
            .iter()
            .any(|own| own.as_deref() == Some(queue))
    }
}

#[derive(Clone, Debug)]
pub struct Model {
    pub now: i64,
    pub calls: BTreeMap<String, Call>,
    /// The first has offset 1.
    pub sent: Vec<Sent>,
    pub limits: Limits,
    pub alerts: BTreeMap<String, Alert>,
    pub connections: Vec<Connection>,
    /// Ended calls in the order of their ends.
    kept: VecDeque<String>,
}

impl Model {
    pub fn new(limits: Limits, connections: usize, now: i64) -> Model {
        Model {
            now,
            calls: BTreeMap::new(),
            sent: Vec::new(),
            limits,
            alerts: BTreeMap::new(),
            connections: vec![Connection::default(); connections],
            kept: VecDeque::new(),
        }
    }

    // What can be seen.

    pub fn face(&self, call_id: &str) -> CallFace {
        let call = &self.calls[call_id];
        CallFace {
            call_id: call_id.into(),
            is_open: call.life == Life::Open,
            ended_at: call.ended_at,
            reason: call.reason.clone(),
            escalated: call.escalated,
            last_seq: call.last_seq,
            queue: call.queue.clone(),
            attributes: call.attributes.clone(),
            alerts: self.open_alerts(call_id),
        }
    }

    pub fn alert_faces(&self) -> Vec<AlertFace> {
        self.alerts.values().map(|alert| alert.face.clone()).collect()
    }

    pub fn alert_ids(&self) -> Vec<String> {
        self.alerts.keys().cloned().collect()
    }

    pub fn last_seq(&self, call_id: &str) -> u64 {
        self.calls.get(call_id).map_or(0, |call| call.last_seq)
    }

    pub fn holder(&self, call_id: &str) -> Option<usize> {
        self.calls.get(call_id).and_then(|call| call.holder)
    }

    pub fn open_alerts(&self, call_id: &str) -> Vec<String> {
        let own = self.calls[call_id].alerts.iter();
        own.filter(|id| self.alerts[*id].face.state.is_open()).cloned().collect()
    }

    pub fn is(&self, call_id: &str, life: Life) -> bool {
        self.calls.get(call_id).is_some_and(|call| call.life == life)
    }

    pub fn is_full(&self) -> bool {
        let open = self.calls.values().filter(|call| call.life == Life::Open).count();
        open >= self.limits.open
    }

    pub fn call(&mut self, call_id: &str) -> &mut Call {
        self.calls.get_mut(call_id).unwrap()
    }

    // What is sent to consoles.

    pub fn send_call(&mut self, event: CallChange, call_id: &str, before: Option<Option<String>>) {
        let face = self.face(call_id);
        let after = face.queue.clone();
        self.sent.push(Sent { shown: Shown::Call(event, face), before, after });
    }

    pub fn send_call_in_place(&mut self, event: CallChange, call_id: &str) {
        let queue = self.calls[call_id].queue.clone();
        self.send_call(event, call_id, Some(queue));
    }

    pub fn send_alert(&mut self, alert_id: &str, before: Option<Option<String>>) {
        let face = self.alerts[alert_id].face.clone();
        let after = face.queue.clone();
        self.sent.push(Sent { shown: Shown::Alert(face), before, after });
    }

    /// One step in the life of an alert, and its message.
    pub fn enter(&mut self, alert_id: &str, state: AlertState, by: &str) {
        let now = self.now;
        let face = &mut self.alerts.get_mut(alert_id).unwrap().face;
        face.state = state;
        face.history.push((state, by.into(), now));
        let queue = face.queue.clone();
        self.send_alert(alert_id, Some(queue));
    }

    // How calls end.

    pub fn finish(&mut self, call_id: &str, life: Life, reason: &str) {
        let now = self.now;
        let call = self.call(call_id);
        (call.life, call.ended_at, call.reason) = (life, Some(now), Some(reason.into()));
        (call.holder, call.absent_until) = (None, None);
        self.close(call_id, false);
        self.send_call_in_place(CallChange::Ended, call_id);
        self.kept.push_back(call_id.into());
    }

    /// Closes what nobody has taken; the rest too once it had its grace.
    fn close(&mut self, call_id: &str, graced: bool) {
        let escalated = self.calls[call_id].escalated;
        for id in self.open_alerts(call_id) {
            let face = &mut self.alerts.get_mut(&id).unwrap().face;
            let taken = face.state == AlertState::Acknowledged;
            if taken && !graced {
                continue;
            }
            face.outcome = escalated.map(|escalated| match (escalated, taken) {
                (true, _) => Resolution::Escalated,
                (false, true) => Resolution::Averted,
                (false, false) => Resolution::FalseAlarm,
            });
            face.snoozed_until = None;
            self.enter(&id, AlertState::Resolved, "engine");
        }
    }

    pub fn pass(&mut self, ms: i64) {
        self.now += ms;
        for id in self.calls.keys().cloned().collect::<Vec<_>>() {
            let call = &self.calls[&id];
            if call.life == Life::Open && call.absent_until.is_some_and(|at| at <= self.now) {
                self.finish(&id, Life::Abandoned, "abandoned");
            } else if matches!(call.life, Life::Open | Life::Abandoned | Life::Ended) {
                self.timers(&id);
            }
        }
        self.evict();
    }

    fn timers(&mut self, call_id: &str) {
        let open = self.open_alerts(call_id);
        for id in &open {
            let face = &mut self.alerts.get_mut(id).unwrap().face;
            if face.snoozed_until.is_some_and(|until| until <= self.now) {
                face.snoozed_until = None;
                self.enter(id, AlertState::Raised, "engine");
            }
        }
        let end = self.calls[call_id].ended_at.map(|end| end + OUTCOME_GRACE_MS);
        if !open.is_empty() && end.is_some_and(|end| end <= self.now) {
            self.close(call_id, true);
            self.send_call_in_place(CallChange::Updated, call_id);
        }
    }

    /// The oldest ended calls over the limit are let go of; one with an open alert stays.
    pub fn evict(&mut self) {
        while self.kept.len() > self.limits.kept {
            let id = self.kept.pop_front().unwrap();
            let life = self.calls[&id].life;
            if !matches!(life, Life::Abandoned | Life::Ended) {
                continue;
            }
            if !self.open_alerts(&id).is_empty() {
                self.kept.push_back(id);
                return;
            }
            self.call(&id).life = if life == Life::Ended { Life::Over } else { Life::Gone };
        }
    }
}
