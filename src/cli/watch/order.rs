//! Which call and which alert stands above which: the same rules as on the page.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::state::State;
use crate::engine::alert::{Alert, AlertState};
use crate::engine::effects::CallView;
use crate::engine::policy::Level;

const MINUTE_MS: f64 = 60_000.0;

/// What the open alerts of a call come to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing {
    /// When the oldest began to wait for somebody, in ms since 1970.
    since_ms: Option<i64>,
    /// At least so much the call counts while one waits, whatever its risk is by now.
    least: f64,
}

/// Whether it waits for somebody to take it.
pub(super) fn is_waiting(alert: &Alert) -> bool {
    alert.state == AlertState::Raised && !alert.held
}

/// Of every call with an alert that waits.
pub(super) fn standings<'a>(alerts: impl Iterator<Item = &'a Alert>) -> HashMap<&'a str, Standing> {
    let mut all: HashMap<&str, Standing> = HashMap::new();
    for alert in alerts.filter(|alert| is_waiting(alert)) {
        let standing = all.entry(&alert.call_id).or_default();
        let since = standing.since_ms.unwrap_or(i64::MAX).min(alert.raised_at.0);
        standing.since_ms = Some(since);
        let least = match alert.level {
            Level::Critical => 0.75,
            Level::Warning => 0.35,
            Level::Watch => 0.2,
        };
        standing.least = standing.least.max(least);
    }
    all
}

/// Risk × (1 + minutes without acknowledgement). Where nobody is waited for this is the risk; a
/// call not scored yet counts nothing.
fn urgency(state: &State, view: &CallView, standing: Option<&Standing>, now: i64) -> f64 {
    let risk = view.risk.filter(|_| !state.is_early(view)).unwrap_or(0.0);
    let Some(standing) = standing else { return risk };
    let waited_ms = standing.since_ms.map_or(0, |since| (now - since).max(0));
    risk.max(standing.least) * (1.0 + waited_ms as f64 / MINUTE_MS)
}

/// Ids of the calls that are meant, the most urgent first; among equals the newest.
pub(super) fn calls(state: &State, is_meant: impl Fn(&CallView) -> bool, now: i64) -> Vec<String> {
    let standings = standings(state.picture.alerts.values());
    let views = state.picture.calls.values().map(|row| &row.view).filter(|view| is_meant(view));
    let mut keyed: Vec<(f64, &CallView)> = views
        .map(|view| (urgency(state, view, standings.get(view.call_id.as_str()), now), view))
        .collect();
    keyed.sort_by(|(a, x), (b, y)| {
        let newest = (Reverse(x.started_at), &x.call_id).cmp(&(Reverse(y.started_at), &y.call_id));
        b.total_cmp(a).then(newest)
    });
    keyed.into_iter().map(|(_, view)| view.call_id.clone()).collect()
}

/// Ids of the open alerts that are meant: those that wait, then those held back, then those that
/// somebody has; each the most pressing first.
pub(super) fn alerts(state: &State, is_meant: impl Fn(&Alert) -> bool) -> Vec<String> {
    let mut open: Vec<&Alert> = state.picture.alerts.values().filter(|a| is_meant(a)).collect();
    open.sort_by(|a, b| {
        let group = |alert: &Alert| match alert.state {
            AlertState::Raised => u8::from(alert.held),
            _ => 2,
        };
        let risk = |alert: &Alert| alert.risk.unwrap_or(-1.0);
        (group(a), Reverse(a.level))
            .cmp(&(group(b), Reverse(b.level)))
            .then(risk(b).total_cmp(&risk(a)))
            .then_with(|| (a.raised_at, &a.alert_id).cmp(&(b.raised_at, &b.alert_id)))
    });
    open.into_iter().map(|alert| alert.alert_id.clone()).collect()
}
