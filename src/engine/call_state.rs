//! One call: the fold of its events.

use std::collections::VecDeque;
use std::sync::Arc;

use super::alert::Alert;
use super::alerts::{Alerts, Check, Refusal};
use super::effects::{CallChange, CallPhase, CallView, Effects, Progress, RiskUpdate, Said};
use super::event::{Action, CallEnd, CallStart, CallUpdate, Event};
use super::policy::Level;
use super::rules::RuleState;
use super::segments::Segments;
use super::settings::Engine;
use crate::call::{Outcome, Speaker, Timestamp};
use crate::features::CallFeatures;

/// One call. Changed by events only, so the same events in the same order give the same state,
/// bit for bit, whoever applies them.
#[derive(Clone, Debug)]
pub struct CallState {
    pub(super) start: CallStart,
    pub(super) started_at: Timestamp,
    pub(super) phase: CallPhase,
    ended_at: Option<Timestamp>,
    /// Ended by `call_end`, after which nothing opens it again.
    ended_for_good: bool,
    /// The desk has let go of it; a `call_start` of this id is another call.
    forgotten: bool,
    reason: Option<String>,
    outcome: Option<Outcome>,
    last_seq: u64,
    /// Furthest call time seen, in ms.
    pub(super) at_ms: i64,
    pub(super) segments: Segments,
    pub(super) features: CallFeatures,
    /// Level when the open turn began, so that the level depends on turns and not on cuts.
    pub(super) level_before_turn: Option<Level>,
    pub(super) level: Option<Level>,
    /// After the newest final chunk; all that a view needs.
    pub(super) risk: RiskUpdate,
    pub(super) turns: u32,
    /// One turn more than are scored has begun.
    pub(super) full: bool,
    /// Whose turn is open.
    pub(super) turn_of: Option<Speaker>,
    /// Customer turns that have ended under warning since the call was last there.
    pub(super) calm_turns: u32,
    /// An alerting phrase has named the escalation, or a supervisor has joined.
    pub(super) escalated: bool,
    /// The risk was under the off threshold since the last risk alert.
    pub(super) armed: bool,
    pub(super) alerts: Alerts,
    /// What rules over time remember.
    pub(super) rules: RuleState,
    /// Final chunks for quotes, oldest first.
    pub(super) said: VecDeque<(u64, Speaker, Arc<str>)>,
    pub(super) said_chars: usize,
}

impl CallState {
    /// A call that begins.
    pub fn open(engine: &Engine, mut start: CallStart, at: Timestamp) -> (CallState, Effects) {
        // Null removes, here as in an update.
        start.attributes.retain(|_, value| !value.is_null());
        let mut state = CallState {
            rules: RuleState::new(&engine.rules, &start.attributes, at),
            started_at: start.started_at.unwrap_or(at),
            start,
            phase: CallPhase::Open,
            ended_at: None,
            ended_for_good: false,
            forgotten: false,
            reason: None,
            outcome: None,
            last_seq: 0,
            at_ms: 0,
            segments: Segments::default(),
            features: CallFeatures::new(&engine.space),
            level_before_turn: None,
            level: None,
            risk: RiskUpdate::default(),
            turns: 0,
            full: false,
            turn_of: None,
            calm_turns: 0,
            escalated: false,
            armed: true,
            alerts: Alerts::default(),
            said: VecDeque::new(),
            said_chars: 0,
        };
        state.assess(engine);
        let risk = Some(state.risk.clone());
        (state, Effects { call: Some(CallChange::Started), risk, ..Effects::default() })
    }

    /// Applies one more event.
    pub fn apply(&mut self, engine: &Engine, event: &Event, at: Timestamp) -> Effects {
        let before = self.visible();
        let mut effects = Effects::default();
        match event {
            Event::Start(_) => {}
            Event::Chunk(chunk) => {
                self.last_seq = chunk.seq;
                self.chunk(engine, chunk, at, &mut effects);
            }
            Event::Update(update) => {
                let start = self.start.clone();
                self.update(update);
                if self.start != start {
                    effects.call = Some(CallChange::Updated);
                }
                let now = &self.start;
                if (&now.queue, &now.team, &now.agent_id)
                    != (&start.queue, &start.team, &start.agent_id)
                {
                    let keys = (now.queue.as_ref(), now.team.as_ref(), now.agent_id.as_ref());
                    effects.alerts.extend(self.alerts.follow(keys.0, keys.1, keys.2));
                }
                self.rules_update(engine, at, &mut effects);
            }
            Event::End(end) => self.end(engine, end, at, &mut effects),
            Event::Refused { seq, .. } => self.last_seq = *seq,
            Event::Abandoned => self.abandon(engine, at, &mut effects),
            Event::Reopened => self.reopen(&mut effects),
            Event::Forgotten => self.forgotten = true,
            Event::Command { alert_id, by, action } => {
                effects.alerts.extend(self.alerts.command(alert_id, by, action, at));
            }
            Event::RaiseHand { by, note } => {
                let alert = self.raise_hand(engine, by, note.as_deref(), at);
                effects.alerts.extend(alert);
            }
            Event::Timer => self.timer(engine, at, &mut effects),
            Event::Tick => self.rules_tick(engine, at, false, &mut effects),
            Event::PassOn { alert_id, tier } => {
                effects.alerts.extend(self.alerts.pass_on(alert_id, *tier, at));
            }
            Event::Release { alert_id } => effects.alerts.extend(self.alerts.release(alert_id, at)),
        }
        self.see_who_is_told(engine, at, &mut effects);
        if effects.call.is_none() && self.visible() != before {
            effects.call = Some(CallChange::Updated);
        }
        effects
    }

    fn update(&mut self, update: &CallUpdate) {
        self.last_seq = update.seq;
        let fields = [
            (&update.queue, &mut self.start.queue),
            (&update.team, &mut self.start.team),
            (&update.agent_id, &mut self.start.agent_id),
        ];
        for (new, own) in fields {
            if let Some(new) = new {
                own.clone_from(new);
            }
        }
        for (name, value) in &update.attributes {
            if value.is_null() {
                self.start.attributes.shift_remove(name);
            } else {
                self.start.attributes.insert(name.clone(), value.clone());
            }
        }
    }

    fn end(&mut self, engine: &Engine, end: &CallEnd, at: Timestamp, effects: &mut Effects) {
        self.force_partials(engine, at, effects);
        self.last_seq = end.seq;
        self.rules_tick(engine, at, true, effects);
        self.ended_for_good = true;
        self.outcome.clone_from(&end.outcome);
        self.finish(end.reason.clone(), at, effects);
    }

    fn abandon(&mut self, engine: &Engine, at: Timestamp, effects: &mut Effects) {
        self.force_partials(engine, at, effects);
        self.finish(Some("abandoned".into()), at, effects);
    }

    fn finish(&mut self, reason: Option<String>, at: Timestamp, effects: &mut Effects) {
        self.phase = CallPhase::Ended;
        self.ended_at = Some(at);
        self.reason = reason;
        effects.alerts.extend(self.alerts.close(self.outcome.as_ref(), false, at));
        effects.call = Some(CallChange::Ended);
    }

    fn reopen(&mut self, effects: &mut Effects) {
        self.phase = CallPhase::Open;
        self.ended_at = None;
        self.reason = None;
        effects.call = Some(CallChange::Started);
    }

    fn timer(&mut self, engine: &Engine, at: Timestamp, effects: &mut Effects) {
        effects.alerts.extend(self.alerts.wake(at));
        effects.alerts.extend(self.alerts.pass_on_due(at));
        if self.grace_end(engine).is_some_and(|end| end <= at) {
            effects.alerts.extend(self.alerts.close(self.outcome.as_ref(), true, at));
        }
    }

    fn grace_end(&self, engine: &Engine) -> Option<Timestamp> {
        self.alerts.open().next()?;
        self.ended_at.map(|end| end.plus_ms(engine.settings.outcome_grace_ms))
    }

    /// When [`Event::Timer`] is due next, if ever.
    pub fn due(&self, engine: &Engine) -> Option<Timestamp> {
        let open = self.alerts.open();
        let waits = open.flat_map(|alert| [alert.snoozed_until, alert.next_tier_at]);
        waits.flatten().chain(self.grace_end(engine)).min()
    }

    /// Whether `by` may do `action` to an alert of this call.
    ///
    /// # Errors
    /// [`Refusal`] with the code and words of the answer.
    pub fn check(
        &self,
        engine: &Engine,
        alert_id: &str,
        by: &str,
        action: &Action,
    ) -> Result<Check, Refusal> {
        self.alerts.check(alert_id, by, action, &engine.settings)
    }

    /// The platform's id of the call.
    pub fn call_id(&self) -> &str {
        &self.start.call_id
    }

    /// Highest `seq` applied.
    pub fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// Calibrated probability that it escalates; null in a language the model lacks.
    pub fn risk(&self) -> Option<f64> {
        self.risk.risk
    }

    /// Whether it goes on.
    pub fn phase(&self) -> CallPhase {
        self.phase
    }

    /// Whether it was ended by `call_end`; an abandoned call may open again.
    pub fn ended_for_good(&self) -> bool {
        self.ended_for_good
    }

    /// Whether the desk has let go of it.
    pub fn is_forgotten(&self) -> bool {
        self.forgotten
    }

    /// Whether nothing can happen to it any more.
    pub fn is_final(&self) -> bool {
        self.is_finished() && (self.ended_for_good || self.forgotten)
    }

    /// What the platform told at the start, with the updates since.
    pub fn start(&self) -> &CallStart {
        &self.start
    }

    /// Ended, and no alert of it is open.
    pub fn is_finished(&self) -> bool {
        self.phase == CallPhase::Ended && self.alerts.open().next().is_none()
    }

    /// All its alerts, in the order in which they were raised.
    pub fn alerts(&self) -> &[Alert] {
        self.alerts.all()
    }

    /// Those to which something may still happen.
    pub fn open_alerts(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.open()
    }

    /// Its queue, team and agent.
    pub fn keys(&self) -> (Option<&str>, Option<&str>, Option<&str>) {
        let start = &self.start;
        (start.queue.as_deref(), start.team.as_deref(), start.agent_id.as_deref())
    }

    /// The call as consoles and REST show it.
    pub fn view(&self, engine: &Engine) -> CallView {
        let risk = &self.risk;
        CallView {
            call_id: self.start.call_id.clone(),
            queue: self.start.queue.clone(),
            team: self.start.team.clone(),
            agent_id: self.start.agent_id.clone(),
            lang: self.start.lang.clone(),
            attributes: self.start.attributes.clone(),
            state: self.phase,
            started_at: self.started_at,
            ended_at: self.ended_at,
            reason: self.reason.clone(),
            outcome: self.outcome.clone(),
            last_seq: self.last_seq,
            at_ms: self.at_ms,
            turns: self.turns,
            risk: risk.risk,
            sentiment: risk.sentiment,
            trend: risk.trend,
            level: risk.level,
            alerts: self.alerts.open().map(|alert| alert.alert_id.clone()).collect(),
            model: engine.model_name().to_owned(),
        }
    }

    /// Its numbers. As long as no event changes the call itself, they are all of the view that
    /// moves.
    pub fn progress(&self) -> Progress {
        Progress {
            last_seq: self.last_seq,
            at_ms: self.at_ms,
            turns: self.turns,
            risk: self.risk.risk,
            sentiment: self.risk.sentiment,
            trend: self.risk.trend,
        }
    }

    /// What makes a `call` message due when it changes: level and open alerts.
    fn visible(&self) -> (Option<Level>, usize, usize) {
        (self.level, self.alerts.all().len(), self.alerts.open().count())
    }

    /// Keeps the words of a final chunk for quotes. Says how many chunks went for room.
    pub(super) fn keep(&mut self, engine: &Engine, said: &Said) -> u64 {
        self.said_chars += said.text.len();
        self.said.push_back((said.seq, said.speaker, Arc::clone(&said.text)));
        let mut gone = 0;
        while self.said_chars > engine.settings.max_transcript_chars && gone + 1 < self.said.len() {
            self.said_chars -= self.said[gone].2.len();
            gone += 1;
        }
        self.said.drain(..gone);
        gone as u64
    }
}
