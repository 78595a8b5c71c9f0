//! What people do to the alerts of a model.

use super::faces::AlertFace;
use super::model::{Alert, Life, MAX_ALERTS, MAX_SNOOZE_S, Model};
use crate::engine::alert::AlertState;
use crate::engine::effects::CallChange;
use crate::engine::event::Action;

impl Model {
    /// `fresh` is the id that a new alert has.
    pub fn raise_hand(&mut self, by: &str, call_id: &str, fresh: &str) -> String {
        if !self.is(call_id, Life::Open) {
            return "not_found".into();
        }
        if let Some(open) = self.open_alerts(call_id).first() {
            let state = self.alerts[open].face.state;
            self.enter(open, state, by);
        } else if self.calls[call_id].alerts.len() < MAX_ALERTS {
            let face = AlertFace {
                alert_id: fresh.into(),
                call_id: call_id.into(),
                queue: self.calls[call_id].queue.clone(),
                state: AlertState::Raised,
                owner: None,
                outcome: None,
                snoozed_until: None,
                history: vec![(AlertState::Raised, by.into(), self.now)],
            };
            // A call that was let go of may have had an alert of the same id.
            let before = self.alerts.get(fresh).map(|alert| alert.face.queue.clone());
            let alert = Alert { face, taken_by: String::new(), given_by: None };
            self.alerts.insert(fresh.into(), alert);
            self.call(call_id).alerts.push(fresh.into());
            self.send_alert(fresh, before);
            self.send_call_in_place(CallChange::Updated, call_id);
        } else {
            return "rate_limited".into();
        }
        "done".into()
    }

    pub fn act(&mut self, by: &str, alert_id: &str, action: &Action) -> String {
        let Some(Alert { face, taken_by, given_by }) = self.alerts.get(alert_id) else {
            return "not_found".into();
        };
        let (state, call_id) = (face.state, face.call_id.clone());
        let call = &self.calls[&call_id];
        if matches!(call.life, Life::Over | Life::Gone) {
            return "already_resolved".into();
        }
        if !call.alerts.iter().any(|id| id == alert_id) {
            return "not_found".into();
        }
        if let Some((AlertState::Resolved, closer, _)) = face.history.last() {
            let again =
                matches!(action, Action::Resolve { outcome, .. } if face.outcome == Some(*outcome));
            let again = again && closer == by;
            return if again { "done".into() } else { format!("already_resolved by {closer}") };
        }
        let own = face.owner.as_deref() == Some(by);
        match action {
            Action::Acknowledge if state == AlertState::Acknowledged && (own || taken_by == by) => {
                return "done".into();
            }
            Action::Acknowledge if state == AlertState::Acknowledged => {
                return format!("already_acknowledged by {taken_by}");
            }
            Action::Snooze { for_s } if !(1..=MAX_SNOOZE_S).contains(for_s) => {
                return "bad_message".into();
            }
            Action::Assign { to, .. } if face.owner.as_ref() == Some(to) => return "done".into(),
            Action::Assign { .. }
                if !own
                    && let Some(giver) = given_by
                    && giver != by =>
            {
                return format!("already_acknowledged by {giver}");
            }
            _ => self.act_for_good(by, &call_id, alert_id, action),
        }
        "done".into()
    }

    fn act_for_good(&mut self, by: &str, call_id: &str, alert_id: &str, action: &Action) {
        let Alert { face, taken_by, given_by } = self.alerts.get_mut(alert_id).unwrap();
        match action {
            Action::Acknowledge => {
                (face.owner, face.snoozed_until) = (Some(by.into()), None);
                (*taken_by, *given_by) = (by.into(), None);
                self.enter(alert_id, AlertState::Acknowledged, by);
            }
            Action::Snooze { for_s } => {
                face.snoozed_until = Some(self.now + i64::try_from(*for_s).unwrap() * 1_000);
                self.enter(alert_id, AlertState::Snoozed, by);
            }
            Action::Assign { to, .. } => {
                (face.owner, *given_by) = (Some(to.clone()), Some(by.into()));
                let state = face.state;
                self.enter(alert_id, state, by);
            }
            Action::Resolve { outcome, .. } => {
                (face.outcome, face.snoozed_until) = (Some(*outcome), None);
                self.enter(alert_id, AlertState::Resolved, by);
                self.send_call_in_place(CallChange::Updated, call_id);
            }
        }
    }
}
