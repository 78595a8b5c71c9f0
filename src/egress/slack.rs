//! A short text for a team's channel, as Slack's incoming webhooks take it: `{"text": …}`.
//!
//! No blocks: a text is what all that call themselves Slack-compatible understand.

use std::fmt::Write as _;

use serde_json::json;

use super::destination::{Links, Message, cut};
use super::told::Told;
use super::wanted::News;
use crate::engine::alert::{Alert, AlertKind, AlertState};
use crate::engine::event::Resolution;
use crate::engine::policy::Level;
use crate::engine::step::Step;

const CONTENT_TYPE: &str = "application/json";
const MAX_REASONS: usize = 3;
const MAX_NAME: usize = 80;
const MAX_QUOTE: usize = 120;
const MAX_SAY: usize = 300;
/// Slack cuts texts after 40,000 characters, and nobody reads so many.
const MAX_TEXT: usize = 3_500;

/// The text of a change; `None` for what a channel need not know.
pub(super) fn message(links: &Links, details: bool, news: News, told: &Told) -> Option<Message> {
    let lines = match (news, told.step) {
        (News::Comes, _) if told.alert.state == AlertState::Raised => whole(&told.alert, None),
        (News::Goes, _) => vec![gone(&told.alert)],
        (News::Comes | News::Detail, _) if !details => return None,
        (_, Step::Lifted) => whole(&told.alert, Some("Risen".into())),
        (_, Step::PassedOn) => {
            let tier = told.alert.tier;
            whole(&told.alert, Some(format!("Nobody has taken it, tier {tier} is told")))
        }
        (_, Step::Woken) => whole(&told.alert, Some("Back from its snooze".into())),
        (_, Step::Resolved) => vec![line(told, "resolved")],
        (_, Step::Retracted) => vec![line(told, "taken back")],
        // Who has it is seen on the console; a channel that wants it asks for all changes.
        (_, _) if !details => return None,
        (_, step) => vec![line(told, &step.name().replace('_', " "))],
    };
    let mut text = String::new();
    for line in lines {
        if text.len() + line.len() < MAX_TEXT {
            text.push_str(&line);
            text.push('\n');
        }
    }
    if let Some(link) = links.to_alert(&told.alert) {
        let _ = write!(text, "<{}|Open the call>", escape(&link));
    }
    let body = json!({"text": text.trim_end(), "unfurl_links": false, "unfurl_media": false});
    let body = body.to_string().into();
    Some(Message { id: told.id.clone(), content_type: CONTENT_TYPE, body })
}

/// What an alert says in one line, unescaped.
pub(super) fn headline(alert: &Alert) -> String {
    let level = match alert.level {
        Level::Critical => "Critical",
        Level::Warning => "Warning",
        Level::Watch => "Watch",
    };
    let call = cut(&alert.call_id, MAX_NAME);
    match (alert.kind, alert.risk) {
        (AlertKind::Manual, _) => format!("{level}: help is asked for on call {call}"),
        (AlertKind::Risk, Some(risk)) => {
            format!("{level}: call {call} may escalate ({:.0} %)", risk * 100.0)
        }
        (AlertKind::Risk, None) => format!("{level}: call {call} may escalate"),
        (AlertKind::Trigger, _) => format!("{level} on call {call}"),
    }
}

/// Everything somebody needs who hears of the alert.
fn whole(alert: &Alert, first: Option<String>) -> Vec<String> {
    let before = first.map_or(String::new(), |first| format!("{first}. "));
    let mut lines = vec![format!("*{}{}*", before, escape(&headline(alert)))];
    lines.extend(whose(alert));
    for reason in alert.reasons.iter().filter(|r| r.feature != "other").take(MAX_REASONS) {
        let label = escape(&cut(&reason.label, MAX_SAY));
        let quote = reason.quotes.first().map(|quote| escape(&cut(&quote.text, MAX_QUOTE)));
        lines.push(quote.map_or(format!("• {label}"), |quote| format!("• {label}: “{quote}”")));
    }
    if let Some(advice) = alert.guidance.first() {
        lines.push(format!("_Say:_ {}", escape(&cut(&advice.say, MAX_SAY))));
        let supervisor = advice.supervisor.as_ref();
        lines.extend(supervisor.map(|do_it| format!("_Do:_ {}", escape(&cut(do_it, MAX_SAY)))));
    }
    lines
}

/// A step in one line.
fn line(told: &Told, what: &str) -> String {
    let alert = &told.alert;
    let mut text = format!("Call {} ", escape(&cut(&alert.call_id, MAX_NAME)));
    text.push_str(what);
    if told.step == Step::Resolved
        && let Some(outcome) = alert.outcome
    {
        let _ = write!(text, " as {}", outcome_name(outcome));
    }
    match (told.by(), told.what()) {
        ("engine", Some(what)) => {
            let _ = write!(text, ": {}", escape(&cut(what, MAX_NAME)));
        }
        ("engine", None) => {}
        (by, _) => {
            let _ = write!(text, " by {}", escape(&cut(by, MAX_NAME)));
        }
    }
    text
}

/// Of an alert that is no concern of this channel any more.
fn gone(alert: &Alert) -> String {
    let call = escape(&cut(&alert.call_id, MAX_NAME));
    let to = whose(alert).unwrap_or_else(|| "no queue or team".into());
    format!("Call {call} has left, with its alert, to {to}")
}

/// Queue, team and agent, as far as they are known.
fn whose(alert: &Alert) -> Option<String> {
    let named = |what: &str, name: &Option<String>| {
        name.as_ref().map(|name| format!("{what}{}", escape(&cut(name, MAX_NAME))))
    };
    let parts =
        [named("", &alert.queue), named("team ", &alert.team), named("agent ", &alert.agent_id)];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" · "))
}

fn outcome_name(outcome: Resolution) -> &'static str {
    match outcome {
        Resolution::Escalated => "escalated",
        Resolution::Averted => "averted",
        Resolution::FalseAlarm => "false alarm",
        Resolution::Duplicate => "duplicate",
    }
}

/// What Slack reads as markup is written out, so that no customer's words call the channel.
/// Line breaks would end the line that a quote stands in.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\n' | '\r' => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}
