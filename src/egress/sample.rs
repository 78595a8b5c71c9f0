//! A made-up alert, to see whether a destination can be reached.

use super::told::Told;
use crate::call::Timestamp;
use crate::engine::alert::{Alert, AlertKind, AlertState, HistoryEntry, Reason};
use crate::engine::event::Resolution;
use crate::engine::policy::Level;
use crate::engine::step::Step;

const CALL: &str = "forewarn-test";

/// The alert as it is raised for `destination`, or as it is over.
pub(super) fn told(destination: &str, is_over: bool, now: Timestamp) -> Told {
    let note = format!("This is a test of the destination {destination}. No call needs you.");
    let entry =
        |state, note| HistoryEntry { state, at: now, by: "forewarn".into(), what: None, note };
    let (feature, label) = ("manual".into(), note.clone());
    let reason = Reason { feature, label, contribution: 0.0, quotes: Vec::new() };
    let mut alert = Alert {
        alert_id: "al-test".into(),
        dedup_key: format!("{CALL}/manual"),
        call_id: CALL.into(),
        queue: Some("test".into()),
        team: None,
        agent_id: None,
        kind: AlertKind::Manual,
        level: Level::Warning,
        state: AlertState::Raised,
        provisional: false,
        held: false,
        tier: 1,
        notify: Vec::new(),
        owner: None,
        risk: None,
        threshold: None,
        log_odds: None,
        intercept: None,
        sentiment: None,
        trend: None,
        raised_at: now,
        at_ms: 0,
        seq: 1,
        // As of a hand that was raised: the words are the reason.
        reasons: vec![reason],
        guidance: Vec::new(),
        recommendation: None,
        history: vec![entry(AlertState::Raised, Some(note))],
        snoozed_until: None,
        next_tier_at: None,
        rule: None,
        route: None,
        outcome: None,
    };
    if is_over {
        alert.state = AlertState::Resolved;
        alert.outcome = Some(Resolution::FalseAlarm);
        alert.history.push(entry(AlertState::Resolved, None));
    }
    let step = if is_over { Step::Resolved } else { Step::Raised };
    // Our own types always have a JSON form.
    let json = serde_json::to_string(&alert).unwrap_or_default().into();
    let id = format!("test-{}-{}", now.0, u8::from(is_over) + 1);
    Told { id, at: now, step, moved_from: None, alert, json }
}
