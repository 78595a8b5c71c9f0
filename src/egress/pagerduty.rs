//! PagerDuty Events API v2: an alert is an incident with the same `dedup_key`.
//!
//! A snooze resolves the incident and its end triggers a new one: an acknowledged incident would
//! not page anybody again, and one left alone would go on paging. Nobody is paged for what
//! somebody has.

use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::destination::{Links, Message, cut};
use super::told::Told;
use super::wanted::News;
use crate::engine::alert::{Alert, AlertState};
use crate::engine::policy::Level;
use crate::engine::step::Step;

const CONTENT_TYPE: &str = "application/json";
const MAX_DEDUP_KEY: usize = 255;
const MAX_SUMMARY: usize = 1_024;
const MAX_REASONS: usize = 5;
const MAX_QUOTE: usize = 200;

/// What becomes of the incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Action {
    Trigger,
    Acknowledge,
    Resolve,
}

/// What a change does to the incident; `None` for nothing.
pub(super) fn action(news: News, step: Step, state: AlertState) -> Option<Action> {
    match (news, step) {
        (News::Goes, _) => Some(Action::Resolve),
        (_, Step::Acknowledged) => Some(Action::Acknowledge),
        (_, Step::Snoozed | Step::Resolved | Step::Retracted) => Some(Action::Resolve),
        (News::Comes, _) | (_, Step::Released | Step::Lifted | Step::Woken) => {
            (state == AlertState::Raised).then_some(Action::Trigger)
        }
        (_, Step::Raised | Step::Confirmed | Step::PassedOn | Step::PassedOver) => None,
        (_, Step::Assigned | Step::Noted | Step::Moved) => None,
    }
}

/// The event of a change.
pub(super) fn message(key: &str, links: &Links, news: News, told: &Told) -> Option<Message> {
    let alert = &told.alert;
    let action = action(news, told.step, alert.state)?;
    let mut event = json!({
        "routing_key": key,
        "event_action": action,
        "dedup_key": dedup_key(&alert.dedup_key),
    });
    if action == Action::Trigger {
        event["client"] = "Forewarn".into();
        event["payload"] = payload(alert);
        if let Some(link) = links.to_alert(alert) {
            event["client_url"] = link.clone().into();
            event["links"] = json!([{"href": link, "text": "The call on the console"}]);
        }
    }
    let body = event.to_string().into();
    Some(Message { id: told.id.clone(), content_type: CONTENT_TYPE, body })
}

fn payload(alert: &Alert) -> Value {
    json!({
        "summary": summary(alert),
        "source": "forewarn",
        "severity": severity(alert.level),
        "timestamp": alert.raised_at,
        "component": alert.queue,
        "group": alert.team,
        "class": alert.kind,
        "custom_details": details(alert),
    })
}

fn summary(alert: &Alert) -> String {
    let mut text = super::slack::headline(alert);
    if let Some(reason) = alert.reasons.first() {
        text = format!("{text}: {}", reason.label);
    }
    cut(&text, MAX_SUMMARY)
}

fn details(alert: &Alert) -> Value {
    let reasons = alert.reasons.iter().filter(|reason| reason.feature != "other");
    let reasons: Vec<String> = reasons
        .take(MAX_REASONS)
        .map(|reason| match reason.quotes.first() {
            Some(quote) => format!("{}: \"{}\"", reason.label, cut(&quote.text, MAX_QUOTE)),
            None => reason.label.clone(),
        })
        .collect();
    let advice = alert.guidance.first();
    json!({
        "alert_id": alert.alert_id,
        "call_id": alert.call_id,
        "agent_id": alert.agent_id,
        "level": alert.level,
        "risk": alert.risk,
        "threshold": alert.threshold,
        "tier": alert.tier,
        "notify": alert.notify,
        "rule": alert.rule,
        "reasons": reasons,
        "say": advice.map(|advice| &advice.say),
        "avoid": advice.map(|advice| &advice.avoid),
        "supervisor": advice.and_then(|advice| advice.supervisor.as_ref()),
        "recommendation": alert.recommendation,
    })
}

fn severity(level: Level) -> &'static str {
    match level {
        Level::Critical => "critical",
        Level::Warning => "warning",
        Level::Watch => "info",
    }
}

/// Ours where it fits; a longer one by its hash, which fits and is as unique.
fn dedup_key(own: &str) -> String {
    if own.chars().count() <= MAX_DEDUP_KEY {
        return own.to_owned();
    }
    let digest = Sha256::digest(own.as_bytes());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("forewarn-{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_keys_are_hashed() {
        assert_eq!(dedup_key("c-1/risk"), "c-1/risk");
        let fits = "é".repeat(MAX_DEDUP_KEY);
        assert_eq!(dedup_key(&fits), fits);
        let (one, other) = (dedup_key(&"x".repeat(256)), dedup_key(&"x".repeat(257)));
        assert!(one != other && one.len() == 73 && one.starts_with("forewarn-"));
    }

    /// An alert's life, step by step, and what becomes of the incident.
    #[test]
    fn steps_become_actions() {
        use AlertState::*;
        let rows = [
            (News::Comes, Step::Raised, Raised, Some(Action::Trigger)),
            (News::Comes, Step::Released, Raised, Some(Action::Trigger)),
            (News::Comes, Step::Confirmed, Raised, Some(Action::Trigger)),
            // Somebody has it before it is more than provisional.
            (News::Comes, Step::Confirmed, Acknowledged, None),
            (News::Step, Step::Lifted, Raised, Some(Action::Trigger)),
            (News::Step, Step::Lifted, Acknowledged, None),
            (News::Step, Step::PassedOn, Raised, None),
            (News::Detail, Step::Assigned, Raised, None),
            (News::Detail, Step::Noted, Raised, None),
            (News::Detail, Step::Moved, Raised, None),
            (News::Detail, Step::Confirmed, Raised, None),
            (News::Step, Step::Acknowledged, Acknowledged, Some(Action::Acknowledge)),
            (News::Step, Step::Snoozed, Snoozed, Some(Action::Resolve)),
            (News::Step, Step::Woken, Raised, Some(Action::Trigger)),
            (News::Step, Step::Resolved, Resolved, Some(Action::Resolve)),
            (News::Step, Step::Retracted, Retracted, Some(Action::Resolve)),
            // It goes to a team with another service, or comes from one.
            (News::Goes, Step::Moved, Raised, Some(Action::Resolve)),
            (News::Goes, Step::Moved, Acknowledged, Some(Action::Resolve)),
            (News::Comes, Step::Moved, Raised, Some(Action::Trigger)),
            (News::Comes, Step::Moved, Acknowledged, None),
        ];
        for (news, step, state, expected) in rows {
            assert_eq!(action(news, step, state), expected, "{news:?} {step:?} {state:?}");
        }
    }
}
