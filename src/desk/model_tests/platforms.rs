//! What the platforms of a model do, and what they are answered.

use std::collections::BTreeMap;

use serde_json::Value;

use super::model::{Call, Connection, GRACE_MS, Life, Model, Told, What};
use crate::engine::effects::CallChange;

fn refused(code: &str, call_id: &str, seq: Option<u64>) -> String {
    let seq = seq.map_or("-".into(), |seq| seq.to_string());
    let lasts = if code == "too_many_calls" { "temporary" } else { "for good" };
    format!("{code} {call_id} {seq} {lasts}")
}

fn ack(call_id: &str, seq: u64) -> String {
    format!("ack {call_id} {seq}")
}

impl Model {
    pub fn start(&mut self, who: usize, call_id: &str, queue: Option<String>) -> String {
        let told = &self.connections[who].told;
        let held = told.values().filter(|told| **told != Told::Lost).count();
        let mine = told.get(call_id).is_some_and(|told| *told != Told::Lost);
        if !mine && held >= self.limits.per_connection {
            return refused("too_many_calls", call_id, None);
        }
        let last_seq = self.last_seq(call_id);
        if self.is(call_id, Life::Ended) || self.is(call_id, Life::Over) {
            return format!("started {call_id} {last_seq} ended");
        }
        if !self.is(call_id, Life::Open) && self.is_full() {
            return refused("too_many_calls", call_id, None);
        }
        let mut answer = format!("started {call_id} {last_seq}");
        if self.is(call_id, Life::Abandoned) {
            let call = self.call(call_id);
            (call.life, call.ended_at, call.reason) = (Life::Open, None, None);
            self.send_call_in_place(CallChange::Started, call_id);
            answer += " reopened";
        } else if !self.is(call_id, Life::Open) {
            self.begin(call_id, queue);
            answer = format!("started {call_id} 0");
        }
        let call = self.call(call_id);
        call.absent_until = None;
        let before = call.holder.replace(who).filter(|before| *before != who);
        if let Some(before) = before {
            self.connections[before].lost.push(call_id.into());
        }
        let mine = Told::Mine { nacked: false };
        self.connections[who].told.insert(call_id.into(), mine);
        answer
    }

    fn begin(&mut self, call_id: &str, queue: Option<String>) {
        let before = self.calls.get(call_id).map(|call| call.queue.clone());
        let call = Call {
            life: Life::Open,
            last_seq: 0,
            said: Vec::new(),
            queue,
            attributes: BTreeMap::new(),
            holder: None,
            absent_until: None,
            ended_at: None,
            reason: None,
            escalated: None,
            alerts: Vec::new(),
        };
        self.calls.insert(call_id.into(), call);
        self.send_call(CallChange::Started, call_id, before);
    }

    pub fn numbered(&mut self, who: usize, call_id: &str, seq: u64, what: What) -> String {
        let told = self.connections[who].told.get(call_id).copied();
        let Some(Told::Mine { nacked }) = told else {
            return self.not_held(told.is_some(), call_id, seq, &what);
        };
        let call = &self.calls[call_id];
        let last_seq = call.last_seq;
        if call.holder != Some(who) {
            self.connections[who].told.insert(call_id.into(), Told::Lost);
            return refused("taken_over", call_id, Some(seq));
        }
        if seq <= last_seq {
            return ack(call_id, last_seq);
        }
        let in_line = seq == last_seq + 1;
        let mine = Told::Mine { nacked: !in_line };
        self.connections[who].told.insert(call_id.into(), mine);
        if !in_line {
            let nack = format!("nack {call_id} {}", last_seq + 1);
            return if nacked { String::new() } else { nack };
        }
        self.call(call_id).last_seq = seq;
        match what {
            What::Say(text) => self.call(call_id).said.push((seq, text)),
            What::Update { queue, attributes } => self.update(call_id, queue, attributes),
            What::End { escalated } => {
                self.connections[who].told.remove(call_id);
                self.call(call_id).escalated = escalated;
                self.finish(call_id, Life::Ended, "completed");
                self.evict();
            }
            What::Bad(code) => {
                return format!("{}, {}", refused(code, call_id, Some(seq)), ack(call_id, seq));
            }
        }
        ack(call_id, seq)
    }

    /// A message of a connection that does not have the call.
    fn not_held(&self, was_held: bool, call_id: &str, seq: u64, what: &What) -> String {
        let over = self.is(call_id, Life::Ended) || self.is(call_id, Life::Over);
        let last_seq = self.last_seq(call_id);
        let code = match what {
            _ if over && seq <= last_seq => return ack(call_id, last_seq),
            What::Bad(code) => code,
            _ if over => "call_ended",
            _ if was_held => "taken_over",
            _ => "unknown_call",
        };
        refused(code, call_id, Some(seq))
    }

    fn update(
        &mut self,
        call_id: &str,
        queue: Option<Option<String>>,
        attributes: BTreeMap<String, Value>,
    ) {
        let call = self.call(call_id);
        let before = (call.queue.clone(), call.attributes.clone());
        if let Some(queue) = queue {
            call.queue = queue;
        }
        call.attributes.extend(attributes);
        call.attributes.retain(|_, value| !value.is_null());
        let after = (call.queue.clone(), call.attributes.clone());
        if after.0 != before.0 {
            // Its open alerts go with it.
            for id in self.open_alerts(call_id) {
                let face = &mut self.alerts.get_mut(&id).unwrap().face;
                let own = std::mem::replace(&mut face.queue, after.0.clone());
                self.send_alert(&id, Some(own));
            }
        }
        if after != before {
            self.send_call(CallChange::Updated, call_id, Some(before.0));
        }
    }

    pub fn disconnect(&mut self, who: usize) {
        self.connections[who] = Connection::default();
        for call in self.calls.values_mut().filter(|call| call.holder == Some(who)) {
            call.holder = None;
            call.absent_until = Some(self.now + GRACE_MS);
        }
    }

    /// Calls whose loss a connection is told of: once each, and not those that it has again.
    pub fn hear(&mut self, who: usize) -> Vec<String> {
        let mut lost = std::mem::take(&mut self.connections[who].lost);
        lost.sort();
        lost.dedup();
        lost.retain(|id| {
            let told = self.connections[who].told.get(id);
            told.is_some_and(|told| *told != Told::Lost) && self.calls[id].holder != Some(who)
        });
        for id in &lost {
            self.connections[who].told.insert(id.clone(), Told::Lost);
        }
        lost
    }
}
