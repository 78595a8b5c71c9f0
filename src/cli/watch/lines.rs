//! Messages as lines: for a pipe, and for people who want a log.

use std::io::{Write, stdout};

use serde_json::Value;

use super::Failure;
use crate::call::Timestamp;
use crate::client::{self, Subscription, Target};

/// Prints until it is interrupted.
pub(super) async fn run(
    target: &Target,
    subscription: &Subscription,
    json: bool,
) -> Result<(), Failure> {
    let mut failure = None;
    let mut said = String::new();
    // Nobody commands.
    let (_sender, mut commands) = tokio::sync::mpsc::channel(1);
    let watched = client::watch(
        target,
        subscription,
        &mut commands,
        |text| match print(text, json) {
            Ok(()) => true,
            Err(error) => {
                failure = Some(Failure::output(&error));
                false
            }
        },
        |error| {
            // Once for each trouble, not for each try.
            let line = format!("{error}; coming back");
            if line != said {
                eprintln!("{line}");
                said = line;
            }
        },
    );
    let watched = tokio::select! {
        watched = watched => watched.map_err(Failure::failed),
        interrupted = tokio::signal::ctrl_c() => interrupted.map_err(Failure::failed),
    };
    failure.map_or(watched, Err)
}

fn print(text: &str, json: bool) -> std::io::Result<()> {
    let mut out = stdout().lock();
    if json {
        writeln!(out, "{text}")?;
    } else if let Ok(message) = serde_json::from_str::<Value>(text) {
        for line in lines(&message) {
            writeln!(out, "{line}")?;
        }
    }
    out.flush()
}

/// What a person wants to read of a message; nothing for most.
fn lines(message: &Value) -> Vec<String> {
    match message["type"].as_str() {
        Some("hello") => vec![format!("connected as {}", text(&message["user"]))],
        Some("snapshot") => snapshot(message),
        Some("call") => call(message).into_iter().collect(),
        Some("alert") => alert(&message["alert"]),
        Some("reply") if message["ok"] == false => {
            vec![format!("the server refused: {}", text(&message["message"]))]
        }
        _ => Vec::new(),
    }
}

fn snapshot(message: &Value) -> Vec<String> {
    if message["recovered"] == true {
        return vec!["nothing was missed; what came meanwhile follows".into()];
    }
    let none = Vec::new();
    let list = |name: &str| message[name].as_array().unwrap_or(&none).clone();
    let open = list("calls").iter().filter(|call| call["state"] == "open").count();
    let mut lines = vec![match open {
        1 => "1 call is open".to_owned(),
        open => format!("{open} calls are open"),
    }];
    lines.extend(list("alerts").iter().filter(|alert| is_open(alert)).flat_map(alert));
    lines
}

fn is_open(alert: &Value) -> bool {
    !matches!(alert["state"].as_str(), Some("resolved" | "retracted"))
}

/// Starts and ends; what happens between shows in alerts.
fn call(message: &Value) -> Option<String> {
    let call = &message["call"];
    let (time, what) = match message["event"].as_str()? {
        "started" => (clock(&call["started_at"]), "started".to_owned()),
        "ended" => {
            let outcome = match call["outcome"]["escalated"].as_bool() {
                Some(true) => ", escalated",
                Some(false) => ", not escalated",
                None => "",
            };
            (clock(&call["ended_at"]), format!("ended ({}{outcome})", text(&call["reason"])))
        }
        _ => return None,
    };
    let whose: Vec<&str> =
        ["queue", "agent_id"].iter().filter_map(|name| call[*name].as_str()).collect();
    let whose = if whose.is_empty() { String::new() } else { format!("  {}", whose.join(" / ")) };
    Some(format!("{time}  {:9} {:>4}  {}{whose}  {what}", "call", "", text(&call["call_id"])))
}

/// One line for what happened; on raising, its reasons and its advice below.
fn alert(alert: &Value) -> Vec<String> {
    let none = Vec::new();
    let list = |value: &Value| value.as_array().unwrap_or(&none).clone();
    let history = list(&alert["history"]);
    let newest = history.last().unwrap_or(&Value::Null);
    let state = alert["state"].as_str().unwrap_or("?");
    let mut what = match newest["what"].as_str() {
        Some(what) => format!("{state}, {what}"),
        None => state.to_owned(),
    };
    if let Some(by) = newest["by"].as_str().filter(|by| *by != "engine") {
        what += &format!(" by {by}");
    }
    if alert["provisional"] == true {
        what += " (provisional)";
    }
    let percent = alert["risk"].as_f64().map(|risk| format!("{:.0} %", risk * 100.0));
    let mut lines = vec![format!(
        "{}  {:9} {:>4}  {}  {} alert {what}",
        clock(&newest["at"]),
        text(&alert["level"]).to_uppercase(),
        percent.unwrap_or_default(),
        text(&alert["call_id"]),
        text(&alert["kind"]),
    )];
    if state != "raised" {
        return lines;
    }
    lines.extend(list(&alert["reasons"]).iter().map(reason));
    if let Some(advice) = alert["guidance"][0].as_object() {
        let part = |name: &str| advice.get(name).map_or("", text).to_owned();
        lines.push(format!("             -> {}: {}", part("title"), part("say")));
    }
    lines
}

fn reason(reason: &Value) -> String {
    let contribution = reason["contribution"].as_f64().unwrap_or(0.0);
    let mut line = format!("            {contribution:+6.2}  {}", text(&reason["label"]));
    for quote in reason["quotes"].as_array().into_iter().flatten() {
        line += &format!("  \"{}\" ({})", text(&quote["text"]), text(&quote["speaker"]));
    }
    line
}

/// A string as it may be shown: control characters could move a terminal's cursor.
fn text(value: &Value) -> &str {
    let text = value.as_str().unwrap_or("-");
    if text.chars().any(char::is_control) { "(not printable)" } else { text }
}

fn clock(value: &Value) -> String {
    let moment = value.as_str().and_then(Timestamp::parse);
    moment.map_or_else(|| "--:--:--".to_owned(), Timestamp::time_of_day)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_alert_reads_as_a_line_with_its_reasons() {
        let message = json!({"type": "alert", "offset": 7, "alert": {
            "call_id": "c-1", "kind": "risk", "level": "warning", "state": "raised", "risk": 0.631,
            "reasons": [{"label": "repeat contact", "contribution": 0.34, "quotes": [
                {"speaker": "customer", "text": "called three times"}]}],
            "guidance": [{"title": "Own it", "say": "I will see this through."}],
            "history": [{"state": "raised", "at": "2026-11-22T03:41:07Z", "by": "engine"}]}});
        assert_eq!(
            lines(&message),
            [
                "03:41:07  WARNING   63 %  c-1  risk alert raised",
                "             +0.34  repeat contact  \"called three times\" (customer)",
                "             -> Own it: I will see this through.",
            ]
        );
    }

    #[test]
    fn a_transcript_cannot_drive_the_terminal() {
        let message = json!({"type": "call", "event": "started", "call": {
            "call_id": "c\u{1b}[2J", "started_at": "2026-11-22T03:41:07Z"}});
        assert_eq!(lines(&message), ["03:41:07  call            (not printable)  started"]);
    }
}
