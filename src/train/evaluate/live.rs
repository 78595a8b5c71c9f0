//! What the live engine does with a recorded call up to its escalation: levels with their
//! hysteresis, alerts raised and taken back.

use serde::Serialize;

use crate::call::{Call, Timestamp};
use crate::engine::alert::{AlertKind, AlertState};
use crate::engine::event::{CallStart, Event};
use crate::engine::policy::Level;
use crate::engine::{CallState, Engine, chunks};

/// The engine's doings in one call.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Live {
    /// Times the level reached warning or fell below it.
    pub flips: u32,
    /// Whether the last risk alert was taken back and no other followed.
    pub retracted: bool,
    /// Alerts raised by phrases.
    pub rule_alerts: u32,
}

/// The same over all calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct LiveFigures {
    /// Crossings of the warning threshold after hysteresis, per call.
    pub flips_per_call: f64,
    /// Calls that did not escalate and whose risk alert was taken back, minus calls that did and
    /// whose was, per call.
    pub recovery: f64,
    /// Of 100 calls: rightly and wrongly taken back.
    pub retracted_rightly_per_100: f64,
    /// Of 100 calls.
    pub retracted_wrongly_per_100: f64,
    /// Alerts raised by phrases per 100 calls, on finals.
    pub rule_alerts_per_100: f64,
    /// Share of escalating calls in which a phrase raised an alert before the event.
    pub rule_recall: f64,
    /// Share of other calls in which a phrase ever raised an alert.
    pub rule_false_alarms: f64,
}

/// Plays `call` up to its escalation. The engine forecasts only until the escalation is named
/// by somebody; levels go on.
pub fn run(engine: &Engine, call: &Call) -> Live {
    let start =
        CallStart { call_id: call.id.clone(), lang: call.lang.clone(), ..CallStart::default() };
    let at = Timestamp(0);
    let (mut state, _) = CallState::open(engine, start, at);
    let (mut flips, mut above) = (0, false);
    for mut chunk in chunks(call).take(call.visible_turns()) {
        state.redact(engine, &mut chunk);
        let effects = state.apply(engine, &Event::Chunk(chunk), at);
        let now = effects.score.and_then(|score| score.level) >= Some(Level::Warning);
        flips += u32::from(now != above);
        above = now;
    }
    let of = |kind| state.alerts().iter().filter(move |alert| alert.kind == kind);
    Live {
        flips,
        retracted: of(AlertKind::Risk)
            .next_back()
            .is_some_and(|a| a.state == AlertState::Retracted),
        rule_alerts: of(AlertKind::Trigger).filter(|a| a.dedup_key.contains("/trigger:")).count()
            as u32,
    }
}

/// Sums up; cases are (escalates, what the engine did).
pub fn figures(cases: &[(bool, Live)]) -> LiveFigures {
    let count = |wanted: &dyn Fn(&(bool, Live)) -> bool| {
        cases.iter().filter(|case| wanted(case)).count() as f64
    };
    let all = (cases.len() as f64).max(1.0);
    let share = |escalates: bool| {
        let hits = count(&|case| case.0 == escalates && case.1.rule_alerts > 0);
        hits / count(&|case| case.0 == escalates).max(1.0)
    };
    let rightly = count(&|case| !case.0 && case.1.retracted);
    let wrongly = count(&|case| case.0 && case.1.retracted);
    let sum = |of: &dyn Fn(&Live) -> u32| cases.iter().map(|(_, l)| f64::from(of(l))).sum::<f64>();
    LiveFigures {
        flips_per_call: sum(&|live| live.flips) / all,
        recovery: (rightly - wrongly) / all,
        retracted_rightly_per_100: 100.0 * rightly / all,
        retracted_wrongly_per_100: 100.0 * wrongly / all,
        rule_alerts_per_100: 100.0 * sum(&|live| live.rule_alerts) / all,
        rule_recall: share(true),
        rule_false_alarms: share(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_worked_out_by_hand() {
        let live = |flips, retracted, rule_alerts| Live { flips, retracted, rule_alerts };
        let figures = figures(&[
            (false, live(2, true, 0)),
            (false, live(2, true, 1)),
            (true, live(1, false, 2)),
            (true, live(2, true, 0)),
        ]);
        assert_eq!((figures.flips_per_call, figures.recovery), (1.75, 0.25));
        assert_eq!(figures.rule_alerts_per_100, 75.0);
        assert_eq!((figures.rule_recall, figures.rule_false_alarms), (0.5, 0.5));
    }

    #[test]
    fn nothing_from_the_escalation_on_counts() {
        let engine = Engine::with_model(None, crate::engine::Settings::default()).unwrap();
        let json = r#"{"id":"a-1","outcome":{"escalated":true,"turn":1},"turns":[
            {"speaker":"customer","text":"hello"},
            {"speaker":"customer","text":"get me your manager now"}]}"#;
        let mut call: Call = serde_json::from_str(json).unwrap();
        assert_eq!(run(&engine, &call).rule_alerts, 0);
        call.outcome = None;
        assert_eq!(run(&engine, &call).rule_alerts, 1);
    }
}
