//! The life of the alerts of one call: raised, acknowledged, snoozed, resolved, retracted.
//!
//! At most one alert is open per key. Whatever changes one writes its history.

use super::alert::{Alert, AlertKind, AlertState, HistoryEntry};
use super::event::{Action, Resolution};
use super::policy::Level;
use super::settings::Settings;
use super::step::{ASSIGNED, CONFIRMED, HAND_AGAIN, LEVEL, SNOOZE_OVER};
use super::tiers::{Track, end_hold};
use crate::call::{Outcome, Timestamp};

pub(super) const ENGINE: &str = "engine";

/// What a permitted command amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// It changes the alert: record it and apply it.
    Apply,
    /// The same person has done it already: answer ok, record nothing.
    AlreadyDone,
}

/// Why a command is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Code of the protocol.
    pub code: &'static str,
    /// For people.
    pub message: String,
}

/// The alerts of one call, in the order in which they were raised.
#[derive(Clone, Debug, Default)]
pub(super) struct Alerts {
    pub(super) all: Vec<Alert>,
    /// One for each alert, from the end of the event that raised it on.
    pub(super) tracks: Vec<Track>,
    /// Segment and key of alerts raised on partials.
    provisional: Vec<(String, String)>,
}

impl Alerts {
    pub(super) fn all(&self) -> &[Alert] {
        &self.all
    }

    pub(super) fn open(&self) -> impl Iterator<Item = &Alert> {
        self.all.iter().filter(|alert| alert.state.is_open())
    }

    pub(super) fn open_with_key(&mut self, key: &str) -> Option<&mut Alert> {
        self.all.iter_mut().rev().find(|a| a.dedup_key == key && a.state.is_open())
    }

    /// Whether `key` may raise an alert at call time `at_ms`. Times of chunks are optional, so
    /// the cool-down is over by call time or by the time of the events, whichever is first.
    pub(super) fn may_raise(
        &self,
        key: &str,
        at_ms: i64,
        at: Timestamp,
        settings: &Settings,
    ) -> bool {
        self.all.len() < settings.max_alerts_per_call
            && self.all.iter().filter(|alert| alert.dedup_key == key).all(|alert| {
                let rested = at_ms.saturating_sub(alert.at_ms) >= settings.cool_down_ms
                    || at.0.saturating_sub(alert.raised_at.0) >= settings.cool_down_ms;
                // What the recogniser took back never disturbed anybody for good.
                let taken_back = alert.provisional && alert.state == AlertState::Retracted;
                !alert.state.is_open() && (rested || taken_back)
            })
    }

    pub(super) fn raise(&mut self, alert: Alert) -> Alert {
        self.all.push(alert.clone());
        alert
    }

    /// Raises an alert on words of `segment` that are not yet final.
    pub(super) fn raise_provisional(&mut self, alert: Alert, segment: String) -> Alert {
        self.provisional.push((segment, alert.dedup_key.clone()));
        self.raise(alert)
    }

    /// Final words say the same as the partial that raised the alert of `key`: it stands,
    /// whatever becomes of that partial. `None` when it stood already.
    pub(super) fn confirm(&mut self, key: &str, at: Timestamp) -> Option<Alert> {
        let alert = self.open_with_key(key).filter(|alert| alert.provisional)?;
        alert.provisional = false;
        let state = alert.state;
        enter(alert, state, at, ENGINE, Some(CONFIRMED.into()));
        let alert = alert.clone();
        self.provisional.retain(|(_, own)| own != key);
        Some(alert)
    }

    /// The call has new keys; its open alerts go with it.
    pub(super) fn follow(
        &mut self,
        queue: Option<&String>,
        team: Option<&String>,
        agent_id: Option<&String>,
    ) -> Vec<Alert> {
        let open = self.all.iter_mut().filter(|alert| alert.state.is_open());
        open.map(|alert| {
            alert.queue = queue.cloned();
            alert.team = team.cloned();
            alert.agent_id = agent_id.cloned();
            alert.clone()
        })
        .collect()
    }

    /// Somebody raised their hand again while the first alert is open: their words are kept.
    pub(super) fn note(alert: &mut Alert, by: &str, note: Option<&str>, at: Timestamp) {
        let state = alert.state;
        enter(alert, state, at, by, Some(HAND_AGAIN.into()));
        if let Some(entry) = alert.history.last_mut() {
            entry.note = note.map(str::to_owned);
        }
    }

    /// Keys of the alerts that partials of `segment` raised; they are settled from here on.
    pub(super) fn settle(&mut self, segment: &str) -> Vec<String> {
        let (settled, waiting) =
            std::mem::take(&mut self.provisional).into_iter().partition(|(own, _)| own == segment);
        self.provisional = waiting;
        let settled: Vec<(String, String)> = settled;
        settled.into_iter().map(|(_, key)| key).collect()
    }

    /// Whether `by` may do `action` to the alert.
    pub(super) fn check(
        &self,
        alert_id: &str,
        by: &str,
        action: &Action,
        settings: &Settings,
    ) -> Result<Check, Refusal> {
        let Some(alert) = self.all.iter().find(|alert| alert.alert_id == alert_id) else {
            return Err(Refusal { code: "not_found", message: format!("no alert `{alert_id}`") });
        };
        let last_by = |state| alert.history.iter().rev().find(|entry| entry.state == state);
        let by_whom = |entry: Option<&HistoryEntry>| {
            entry.map_or(String::new(), |e| format!("by {} at {}", e.by, e.at.time_of_day()))
        };
        if alert.state == AlertState::Retracted {
            let message = by_whom(last_by(AlertState::Retracted));
            return Err(Refusal { code: "already_resolved", message });
        }
        if alert.state == AlertState::Resolved {
            let entry = last_by(AlertState::Resolved);
            let own = entry.is_some_and(|entry| entry.by == by);
            return match action {
                Action::Resolve { outcome, .. } if own && alert.outcome == Some(*outcome) => {
                    Ok(Check::AlreadyDone)
                }
                _ => Err(Refusal { code: "already_resolved", message: by_whom(entry) }),
            };
        }
        match action {
            Action::Acknowledge if alert.state == AlertState::Acknowledged => {
                let taken = alert.history.iter().rev().find(|entry| is_taking(entry));
                // Who was given it has it as well as who took it.
                if alert.owner.as_deref() == Some(by) || taken.is_some_and(|e| e.by == by) {
                    return Ok(Check::AlreadyDone);
                }
                Err(Refusal { code: "already_acknowledged", message: by_whom(taken) })
            }
            Action::Snooze { for_s } if *for_s == 0 || *for_s > settings.max_snooze_s => {
                let most = settings.max_snooze_s;
                let message = format!("snooze: `for_s` is from 1 to {most} seconds, not {for_s}");
                Err(Refusal { code: "bad_message", message })
            }
            Action::Assign { to, .. } if alert.owner.as_ref() == Some(to) => Ok(Check::AlreadyDone),
            Action::Assign { from, .. } => {
                let gave = alert.history.iter().rev().find(|e| is_taking(e) || is_giving(e));
                let expected = match from {
                    Some(from) => *from == alert.owner,
                    // Of two who assign it at once, one wins.
                    None => {
                        let own = alert.owner.as_deref() == Some(by);
                        own || gave.is_none_or(|entry| entry.by == by || is_taking(entry))
                    }
                };
                if expected {
                    return Ok(Check::Apply);
                }
                let message = match (gave, gave.and_then(|entry| entry.what.as_deref())) {
                    (None, _) => "nobody has it".into(),
                    (_, None) => by_whom(gave),
                    (_, Some(what)) => format!("{}: {what}", by_whom(gave)),
                };
                Err(Refusal { code: "already_acknowledged", message })
            }
            _ => Ok(Check::Apply),
        }
    }

    /// Does what [`Alerts::check`] permitted. `None` for an alert that is not there.
    pub(super) fn command(
        &mut self,
        alert_id: &str,
        by: &str,
        action: &Action,
        at: Timestamp,
    ) -> Option<Alert> {
        let alert = self.all.iter_mut().find(|a| a.alert_id == alert_id && a.state.is_open())?;
        match action {
            Action::Acknowledge => {
                alert.owner = Some(by.to_owned());
                alert.snoozed_until = None;
                alert.held = false;
                enter(alert, AlertState::Acknowledged, at, by, None);
            }
            Action::Snooze { for_s } => {
                let ms = i64::try_from(*for_s).unwrap_or(i64::MAX).saturating_mul(1000);
                alert.snoozed_until = Some(at.plus_ms(ms));
                alert.held = false;
                enter(alert, AlertState::Snoozed, at, by, Some(format!("for {for_s} s")));
            }
            Action::Assign { to, .. } => {
                alert.owner = Some(to.clone());
                if std::mem::take(&mut alert.held) {
                    // The team stays undisturbed.
                    alert.notify = vec![format!("user:{to}")];
                }
                let state = alert.state;
                enter(alert, state, at, by, Some(format!("{ASSIGNED}{to}")));
            }
            Action::Resolve { outcome, note } => {
                alert.outcome = Some(*outcome);
                alert.snoozed_until = None;
                enter(alert, AlertState::Resolved, at, by, None);
                if let Some(entry) = alert.history.last_mut() {
                    entry.note.clone_from(note);
                }
            }
        }
        Some(alert.clone())
    }

    /// Lifts an open alert to `level`; a snoozed one comes back, an owner is told.
    pub(super) fn lift(alert: &mut Alert, level: Level, at: Timestamp) {
        alert.level = level;
        let state = match alert.state {
            AlertState::Snoozed => AlertState::Raised,
            state => state,
        };
        if let (AlertState::Acknowledged, Some(owner)) = (state, &alert.owner) {
            alert.notify = vec![format!("user:{owner}")];
        }
        alert.snoozed_until = None;
        let name = if level == Level::Critical { "critical" } else { "warning" };
        enter(alert, state, at, ENGINE, Some(format!("{LEVEL}{name}")));
        if alert.held && level == Level::Critical {
            end_hold(alert, at);
        }
    }

    /// Takes an alert back, unless somebody has it.
    pub(super) fn retract(alert: &mut Alert, why: &str, at: Timestamp) -> bool {
        if !matches!(alert.state, AlertState::Raised | AlertState::Snoozed) {
            return false;
        }
        alert.snoozed_until = None;
        enter(alert, AlertState::Retracted, at, ENGINE, Some(why.to_owned()));
        true
    }

    /// The call is over: closes what nobody has taken, and, once `graced`, all the rest.
    pub(super) fn close(
        &mut self,
        outcome: Option<&Outcome>,
        graced: bool,
        at: Timestamp,
    ) -> Vec<Alert> {
        let mut closed = Vec::new();
        for alert in self.all.iter_mut().filter(|alert| alert.state.is_open()) {
            let taken = alert.state == AlertState::Acknowledged;
            if taken && !graced {
                continue;
            }
            alert.outcome = outcome.map(|outcome| resolution(outcome, taken));
            alert.snoozed_until = None;
            enter(alert, AlertState::Resolved, at, ENGINE, Some("call ended".into()));
            closed.push(alert.clone());
        }
        closed
    }

    /// Brings back every alert whose snooze is over.
    pub(super) fn wake(&mut self, at: Timestamp) -> Vec<Alert> {
        let mut woken = Vec::new();
        for alert in &mut self.all {
            if alert.snoozed_until.is_some_and(|until| until <= at) {
                alert.snoozed_until = None;
                enter(alert, AlertState::Raised, at, ENGINE, Some(SNOOZE_OVER.into()));
                woken.push(alert.clone());
            }
        }
        woken
    }
}

/// Whether an entry is where somebody took the alert, and not a later note on it.
fn is_taking(entry: &HistoryEntry) -> bool {
    entry.state == AlertState::Acknowledged && entry.what.is_none()
}

/// Whether an entry is where somebody gave the alert to somebody.
fn is_giving(entry: &HistoryEntry) -> bool {
    entry.what.as_ref().is_some_and(|what| what.starts_with(ASSIGNED))
}

/// A call that came down after somebody took its alert was averted, as far as anybody can tell;
/// one that came down by itself was a false alarm, unless the platform says otherwise.
fn resolution(outcome: &Outcome, taken: bool) -> Resolution {
    if outcome.escalated {
        return Resolution::Escalated;
    }
    match outcome.arc.as_deref() {
        Some("averted") => Resolution::Averted,
        Some("calm") => Resolution::FalseAlarm,
        _ if taken => Resolution::Averted,
        _ => Resolution::FalseAlarm,
    }
}

pub(super) fn enter(
    alert: &mut Alert,
    state: AlertState,
    at: Timestamp,
    by: &str,
    what: Option<String>,
) {
    alert.state = state;
    alert.history.push(HistoryEntry { state, at, by: by.to_owned(), what, note: None });
}

/// The first entry of a history.
pub(super) fn raised(at: Timestamp, by: &str, note: Option<&str>) -> Vec<HistoryEntry> {
    let (by, note) = (by.to_owned(), note.map(str::to_owned));
    vec![HistoryEntry { state: AlertState::Raised, at, by, what: None, note }]
}

/// Derived from call, key and chunk: the same work done twice gives the same id. FNV-1a, 64 bit
/// (Fowler, Noll, Vo), which no release of anything will change.
pub(super) fn alert_id(call_id: &str, key: &str, seq: u64, kind: AlertKind, nth: usize) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let text = format!("{call_id}\n{key}\n{seq}\n{kind:?}\n{nth}");
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    format!("al-{hash:016x}")
}
