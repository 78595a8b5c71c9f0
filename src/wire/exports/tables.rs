//! Calls, transcripts, alerts and their history as rows for spreadsheets.
//!
//! Columns keep name and place; new ones come behind. A program that opens such a file may take a
//! cell that begins with `=`, `+`, `-`, `@`, a tab or a line break for a formula, and what people
//! said or wrote ends up in cells. Such a text gets an apostrophe before it, unless it is a number.
//! Numbers, times and names of the program's own go out as they are.

use std::fmt::Display;

use serde::Serialize;

use crate::call::Timestamp;
use crate::engine::alert::{Alert, AlertState, HistoryEntry};
use crate::engine::effects::Said;
use crate::wire::lists::CallDetail;

/// Columns of [`call`].
pub const CALLS: [&str; 25] = [
    "call",
    "call_id",
    "started_at",
    "ended_at",
    "at_ms",
    "queue",
    "team",
    "agent_id",
    "lang",
    "reason",
    "escalated",
    "outcome_kind",
    "outcome_arc",
    "outcome_turn",
    "turns",
    "last_seq",
    "risk",
    "sentiment",
    "trend",
    "level",
    "alerts",
    "first_alert_at_ms",
    "first_alert_level",
    "model",
    "attributes",
];

/// A call; its transcript is not looked at.
pub fn call(call: &CallDetail) -> [String; CALLS.len()] {
    let view = &*call.view;
    let outcome = view.outcome.as_ref();
    let first = call.alert_list.iter().min_by_key(|alert| alert.raised_at);
    let attributes = serde_json::to_string(&view.attributes).unwrap_or_default();
    [
        call.number.to_string(),
        text(&view.call_id),
        view.started_at.to_string(),
        exact(view.ended_at),
        view.at_ms.to_string(),
        some_text(view.queue.as_deref()),
        some_text(view.team.as_deref()),
        some_text(view.agent_id.as_deref()),
        some_text(view.lang.as_deref()),
        some_text(view.reason.as_deref()),
        exact(outcome.map(|outcome| outcome.escalated)),
        some_text(outcome.and_then(|outcome| outcome.kind.as_deref())),
        some_text(outcome.and_then(|outcome| outcome.arc.as_deref())),
        exact(outcome.and_then(|outcome| outcome.turn)),
        view.turns.to_string(),
        view.last_seq.to_string(),
        exact(view.risk),
        exact(view.sentiment),
        exact(view.trend),
        name(view.level),
        call.alert_list.len().to_string(),
        exact(first.map(|alert| alert.at_ms)),
        name(first.map(|alert| alert.level)),
        text(&view.model),
        if view.attributes.is_empty() { String::new() } else { text(&attributes) },
    ]
}

/// Columns of [`chunk`].
pub const CHUNKS: [&str; 9] =
    ["call", "call_id", "seq", "speaker", "start_ms", "end_ms", "text", "sentiment", "risk"];

/// A final chunk of a call.
pub fn chunk(call: &CallDetail, said: &Said) -> [String; CHUNKS.len()] {
    [
        call.number.to_string(),
        text(&call.view.call_id),
        said.seq.to_string(),
        said.speaker.name().to_owned(),
        exact(said.start_ms),
        exact(said.end_ms),
        text(&said.text),
        exact(said.sentiment),
        exact(said.risk),
    ]
}

/// Columns of [`alert`].
pub const ALERTS: [&str; 28] = [
    "alert_id",
    "call_id",
    "raised_at",
    "at_ms",
    "seq",
    "queue",
    "team",
    "agent_id",
    "kind",
    "level",
    "state",
    "outcome",
    "owner",
    "held",
    "tier",
    "rule",
    "risk",
    "threshold",
    "sentiment",
    "trend",
    "acknowledged_at",
    "acknowledged_by",
    "closed_at",
    "closed_by",
    "note",
    "because",
    "reasons",
    "recommendation",
];

/// An alert.
pub fn alert(alert: &Alert) -> [String; ALERTS.len()] {
    let entered = |states: &[AlertState]| -> Option<&HistoryEntry> {
        alert.history.iter().find(|entry| states.contains(&entry.state))
    };
    let taken = entered(&[AlertState::Acknowledged]);
    let closed = entered(&[AlertState::Resolved, AlertState::Retracted]);
    let reasons: Vec<&str> = alert.reasons.iter().map(|reason| reason.label.as_str()).collect();
    [
        text(&alert.alert_id),
        text(&alert.call_id),
        alert.raised_at.to_string(),
        alert.at_ms.to_string(),
        alert.seq.to_string(),
        some_text(alert.queue.as_deref()),
        some_text(alert.team.as_deref()),
        some_text(alert.agent_id.as_deref()),
        name(Some(alert.kind)),
        name(Some(alert.level)),
        name(Some(alert.state)),
        name(alert.outcome),
        some_text(alert.owner.as_deref()),
        alert.held.to_string(),
        alert.tier.to_string(),
        some_text(alert.rule.as_deref()),
        exact(alert.risk),
        exact(alert.threshold),
        exact(alert.sentiment),
        exact(alert.trend),
        at(taken),
        by(taken),
        at(closed),
        by(closed),
        some_text(closed.and_then(|entry| entry.note.as_deref())),
        some_text(alert.reasons.first().map(|reason| reason.feature.as_str())),
        text(&reasons.join("; ")),
        some_text(alert.recommendation.as_ref().map(|advice| advice.action.as_str())),
    ]
}

/// Columns of [`steps`].
pub const STEPS: [&str; 8] = ["alert_id", "call_id", "n", "at", "state", "by", "what", "note"];

/// The steps in the life of an alert.
pub fn steps(alert: &Alert) -> impl Iterator<Item = [String; STEPS.len()]> + '_ {
    (1_u32..).zip(&alert.history).map(|(n, entry)| {
        [
            text(&alert.alert_id),
            text(&alert.call_id),
            n.to_string(),
            entry.at.to_string(),
            name(Some(entry.state)),
            text(&entry.by),
            some_text(entry.what.as_deref()),
            some_text(entry.note.as_deref()),
        ]
    })
}

fn at(entry: Option<&HistoryEntry>) -> String {
    exact(entry.map(|entry| -> Timestamp { entry.at }))
}

fn by(entry: Option<&HistoryEntry>) -> String {
    some_text(entry.map(|entry| entry.by.as_str()))
}

/// Nothing, or a number, time or truth value.
fn exact(value: Option<impl Display>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// A state, level or kind by its name on the wire.
fn name<T: Serialize>(value: Option<T>) -> String {
    let value = value.and_then(|value| serde_json::to_value(value).ok());
    value.as_ref().and_then(|value| value.as_str()).unwrap_or_default().to_owned()
}

fn some_text(value: Option<&str>) -> String {
    value.map(text).unwrap_or_default()
}

/// Words from outside, never a formula.
fn text(value: &str) -> String {
    // The wide signs of East Asian keyboards count, too.
    let opens =
        ['=', '+', '-', '@', '\t', '\r', '\n', '\u{FF1D}', '\u{FF0B}', '\u{FF0D}', '\u{FF20}'];
    match value.starts_with(opens) && !is_number(value) {
        true => format!("'{value}"),
        false => value.to_owned(),
    }
}

/// Digits with a sign and a point, such as a telephone number.
fn is_number(value: &str) -> bool {
    let digits = value.strip_prefix(['+', '-']).unwrap_or(value);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    all_digits(whole) && all_digits(part)
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn what_people_wrote_is_never_a_formula() {
        for (given, cell) in [
            ("=HYPERLINK(\"x\")", "'=HYPERLINK(\"x\")"),
            ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
            ("-", "'-"),
            ("-2+3", "'-2+3"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            ("\n=1", "'\n=1"),
            ("\u{FF1D}1", "'\u{FF1D}1"),
            ("-5", "-5"),
            ("+4930123456", "+4930123456"),
            ("-0.25", "-0.25"),
            ("-.5", "'-.5"),
            ("a=b", "a=b"),
            ("'=1", "'=1"),
            ("", ""),
        ] {
            assert_eq!(text(given), cell, "{given:?}");
        }
    }

    #[test]
    fn rows_fit_their_columns() {
        let said = [("agent", Some(0), None, "=now"), ("customer", None, None, "a,\"b\"\nc")];
        let detail = samples::call(&said);
        let cell = |columns: &[&str], row: &[String], name: &str| {
            row[columns.iter().position(|column| *column == name).unwrap()].clone()
        };
        let row = call(&detail);
        let of_call = |name| cell(&CALLS, &row, name);
        assert_eq!(of_call("escalated"), "true");
        assert_eq!(of_call("trend"), "-0.05", "a number stays one");
        assert_eq!(of_call("level"), "watch");
        assert_eq!((of_call("alerts"), of_call("first_alert_at_ms")), ("1".into(), "9000".into()));
        assert_eq!(of_call("first_alert_level"), "warning");
        assert_eq!(of_call("attributes"), r#"{"tier":"gold"}"#);
        assert_eq!(of_call("ended_at"), "2026-11-22T03:43:00.000Z");
        let row = chunk(&detail, &detail.transcript[0]);
        let expected = ["7", "c-7", "1", "agent", "0", "", "'=now", "-0.5", "0.25"];
        assert_eq!(row, expected.map(str::to_owned));
        let row = alert(&detail.alert_list[0]);
        let of_alert = |name| cell(&ALERTS, &row, name);
        let taken = (of_alert("acknowledged_at"), of_alert("acknowledged_by"));
        assert_eq!(taken, ("2026-11-22T03:41:20.000Z".into(), "ana".into()));
        assert_eq!(
            (of_alert("outcome"), of_alert("note")),
            ("averted".into(), "'=credited".into())
        );
        assert_eq!(of_alert("because"), "act:refu");
        assert_eq!(of_alert("recommendation"), "resolve");
        let steps: Vec<_> = steps(&detail.alert_list[0]).collect();
        assert_eq!(steps.len(), 3);
        let last =
            ["al-1", "c-7", "3", "2026-11-22T03:50:00.000Z", "resolved", "ana", "", "'=credited"];
        assert_eq!(steps[2], last.map(str::to_owned));
    }
}
