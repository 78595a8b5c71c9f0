//! What happened in one step of an alert's life, read from its history.
//!
//! The history is what people read: its words are given out here, so that programs can tell the
//! steps apart.

use serde::{Deserialize, Serialize};

use super::alert::{Alert, AlertState, HistoryEntry};

pub(super) const CONFIRMED: &str = "confirmed";
pub(super) const HAND_AGAIN: &str = "hand raised again";
pub(super) const RELEASED: &str = "released";
pub(super) const SNOOZE_OVER: &str = "snooze over";
/// Begins what is said of an alert that was given to somebody.
pub(super) const ASSIGNED: &str = "assigned to ";
/// Begins what is said of a level that rose.
pub(super) const LEVEL: &str = "level ";
/// Begins what is said of an alert whose time in a tier is over.
pub(super) const TIER: &str = "tier ";
/// Begins what is said of an alert in a tier where nobody is.
pub(super) const NOBODY: &str = "nobody of tier ";

/// A step in the life of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// It is new.
    Raised,
    /// The budget has room for it: from here on it disturbs.
    Released,
    /// Final words say the same as the partial that raised it.
    Confirmed,
    /// Its level rose.
    Lifted,
    /// Nobody took it in its time: the next tier is told.
    PassedOn,
    /// Nobody of its tier is connected: the next is told at once.
    PassedOver,
    /// Somebody gave it to somebody.
    Assigned,
    /// Somebody has it.
    Acknowledged,
    /// Put off, for everybody.
    Snoozed,
    /// It is back from a snooze.
    Woken,
    /// A hand was raised again while it is open.
    Noted,
    /// Its call changed queue, team or agent.
    Moved,
    /// Closed by a person or by the end of the call.
    Resolved,
    /// Taken back by the engine.
    Retracted,
}

impl Step {
    /// The newest step of an alert of whose history the first `told` entries are known already.
    /// A change without an entry is a move of its call.
    pub fn newest(alert: &Alert, told: usize) -> Step {
        match alert.history.last() {
            Some(last) if alert.history.len() > told => Step::of(last, alert.history.len() == 1),
            _ => Step::Moved,
        }
    }

    fn of(entry: &HistoryEntry, is_first: bool) -> Step {
        let what = entry.what.as_deref().unwrap_or_default();
        match (entry.state, what) {
            _ if is_first => Step::Raised,
            (AlertState::Resolved, _) => Step::Resolved,
            (AlertState::Retracted, _) => Step::Retracted,
            (_, CONFIRMED) => Step::Confirmed,
            (_, RELEASED) => Step::Released,
            (_, SNOOZE_OVER) => Step::Woken,
            (_, HAND_AGAIN) => Step::Noted,
            _ if what.starts_with(ASSIGNED) => Step::Assigned,
            _ if what.starts_with(LEVEL) => Step::Lifted,
            _ if what.starts_with(TIER) => Step::PassedOn,
            _ if what.starts_with(NOBODY) => Step::PassedOver,
            (AlertState::Acknowledged, _) => Step::Acknowledged,
            (AlertState::Snoozed, _) => Step::Snoozed,
            (AlertState::Raised, _) => Step::Raised,
        }
    }

    /// The name as programs read it.
    pub fn name(self) -> &'static str {
        match self {
            Step::Raised => "raised",
            Step::Released => "released",
            Step::Confirmed => "confirmed",
            Step::Lifted => "lifted",
            Step::PassedOn => "passed_on",
            Step::PassedOver => "passed_over",
            Step::Assigned => "assigned",
            Step::Acknowledged => "acknowledged",
            Step::Snoozed => "snoozed",
            Step::Woken => "woken",
            Step::Noted => "noted",
            Step::Moved => "moved",
            Step::Resolved => "resolved",
            Step::Retracted => "retracted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Speaker, Timestamp};
    use crate::engine::event::{Action, CallEnd, CallStart, CallUpdate, Chunk, Event, Resolution};
    use crate::engine::{CallState, Engine};

    /// A call with an alert, and how much of its history is known.
    struct Case {
        engine: Engine,
        state: CallState,
        told: usize,
        now: i64,
    }

    impl Case {
        fn new() -> Case {
            let engine = Engine::with_model(None, Default::default()).unwrap();
            let start = CallStart { call_id: "c".into(), ..CallStart::default() };
            let (state, _) = CallState::open(&engine, start, Timestamp(0));
            Case { engine, state, told: 0, now: 0 }
        }

        /// The steps that an event brings.
        fn steps(&mut self, event: &Event) -> Vec<Step> {
            self.now += 1_000;
            let effects = self.state.apply(&self.engine, event, Timestamp(self.now));
            let steps = effects.alerts.iter().map(|alert| {
                let step = Step::newest(alert, self.told);
                self.told = alert.history.len();
                step
            });
            steps.collect()
        }

        fn act(&mut self, action: Action) -> Vec<Step> {
            let alert_id = self.state.alerts()[0].alert_id.clone();
            self.steps(&Event::Command { alert_id, by: "sup".into(), action })
        }

        fn say(&mut self, is_final: bool, text: &str) -> Vec<Step> {
            self.steps(&Event::Chunk(Chunk {
                seq: self.state.last_seq() + 1,
                segment_id: Some("s".into()),
                speaker: Speaker::Customer,
                start_ms: None,
                end_ms: None,
                is_final,
                confidence: None,
                text: text.into(),
            }))
        }

        fn wait(&mut self) -> Vec<Step> {
            self.now = self.state.due(&self.engine).unwrap().0;
            self.steps(&Event::Timer)
        }

        fn move_to(&mut self, queue: &str) -> Vec<Step> {
            let (seq, queue) = (self.state.last_seq() + 1, Some(Some(queue.to_owned())));
            self.steps(&Event::Update(CallUpdate { seq, queue, ..CallUpdate::default() }))
        }
    }

    #[test]
    fn every_step_of_a_life_is_told_from_the_others() {
        let mut case = Case::new();
        assert_eq!(case.say(false, "you lying crooks"), [Step::Raised]);
        assert_eq!(case.say(true, "you lying crooks"), [Step::Confirmed]);
        assert_eq!(case.move_to("billing"), [Step::Moved]);
        assert_eq!(case.wait(), [Step::PassedOn]);
        assert_eq!(case.act(Action::Snooze { for_s: 5 }), [Step::Snoozed]);
        assert_eq!(case.move_to("sales"), [Step::Moved], "whatever its state");
        assert_eq!(case.wait(), [Step::Woken]);
        let assign = Action::Assign { to: "ben".into(), from: None };
        assert_eq!(case.act(assign.clone()), [Step::Assigned]);
        assert_eq!(case.act(Action::Acknowledge), [Step::Acknowledged]);
        let to_me = Action::Assign { to: "released".into(), from: None };
        assert_eq!(case.act(to_me), [Step::Assigned], "also with an owner");
        let outcome = Resolution::Averted;
        assert_eq!(case.act(Action::Resolve { outcome, note: None }), [Step::Resolved]);
    }

    #[test]
    fn the_other_ways_to_begin_and_to_end() {
        let mut case = Case::new();
        assert_eq!(case.say(false, "you lying crooks"), [Step::Raised]);
        assert_eq!(case.say(true, "you flying books"), [Step::Retracted]);
        let mut case = Case::new();
        let hand = Event::RaiseHand { by: "ana".into(), note: None };
        assert_eq!(case.steps(&hand), [Step::Raised]);
        assert_eq!(case.steps(&hand), [Step::Noted]);
        let end = CallEnd { seq: 1, ..CallEnd::default() };
        assert_eq!(case.steps(&Event::End(end)), [Step::Resolved]);
        // Held from the start, then released by its budget, or by a level that passes it.
        let mut case = Case::new();
        case.say(true, "you lying crooks");
        let mut effects = Default::default();
        let alert_id = case.state.alerts()[0].alert_id.clone();
        case.state.hold(std::slice::from_ref(&alert_id), &mut effects);
        assert_eq!(Step::newest(&case.state.alerts()[0], 0), Step::Raised);
        assert_eq!(case.steps(&Event::Release { alert_id: alert_id.clone() }), [Step::Released]);
        let nobody = Event::PassOn { alert_id, tier: 1 };
        assert_eq!(case.steps(&nobody), [Step::PassedOver]);
    }

    #[test]
    fn a_level_that_rises_is_a_step() {
        let mut case = Case::new();
        case.say(true, "you lying crooks");
        let mut alert = case.state.alerts()[0].clone();
        crate::engine::alerts::Alerts::lift(
            &mut alert,
            crate::engine::policy::Level::Critical,
            Timestamp(9),
        );
        assert_eq!(Step::newest(&alert, 1), Step::Lifted);
    }

    #[test]
    fn names_are_those_of_json() {
        for step in [Step::Raised, Step::PassedOn, Step::PassedOver, Step::Retracted] {
            assert_eq!(serde_json::to_value(step).unwrap(), step.name());
        }
    }
}
