//! What each format makes of an alert, to the letter.

mod lives;

use serde_json::{Value, json};

use super::destination::{Destination, Message};
use super::settings::Settings;
use super::told::Told;
use super::wanted::{News, Wanted};
use crate::call::Timestamp;
use crate::engine::step::Step;
use crate::journal::{Keys, Outgoing};

const AT: Timestamp = Timestamp(1_800_000_000_000);

/// An alert as the journal keeps it, with other fields as given.
fn alert(other: Value) -> Value {
    let mut alert = json!({"alert_id": "al-1", "dedup_key": "c-1/risk", "call_id": "c-1",
        "queue": "billing", "team": "t1", "agent_id": "ana", "kind": "risk", "level": "warning",
        "state": "raised", "provisional": false, "held": false, "tier": 1,
        "notify": ["team:t1:supervisors"], "owner": null, "risk": 0.714, "threshold": 0.5,
        "log_odds": 0.1, "intercept": -1.5, "sentiment": -0.4, "trend": 0.2, "raised_at": AT,
        "at_ms": 61_000, "seq": 7,
        "reasons": [
            {"feature": "act:refu", "label": "the agent refuses", "contribution": 0.8, "quotes": [
                {"seq": 6, "speaker": "agent", "text": "our <policy> & that's it", "start": 0, "end": 9}]},
            {"feature": "act:coun", "label": "counts contacts", "contribution": 0.5, "quotes": []},
            {"feature": "other", "label": "the rest", "contribution": 0.3, "quotes": []}],
        "guidance": [{"title": "Own it", "say": "I will see to it.", "avoid": "It is our policy.",
            "supervisor": "Look in.", "because": "act:refu"}],
        "recommendation": {"do": "resolve", "because": "the agent can"},
        "history": [{"state": "raised", "at": AT, "by": "engine"}],
        "rule": "everybody", "route": "hierarchical", "outcome": null});
    for (name, value) in other.as_object().unwrap() {
        alert[name] = value.clone();
    }
    alert
}

/// The same after more of its life: `[state, by, what]`.
fn later(steps: &[(&str, &str, Option<&str>)], other: Value) -> Value {
    let mut alert = alert(other);
    for (state, by, what) in steps {
        let mut entry = json!({"state": state, "at": AT, "by": by});
        if let Some(what) = what {
            entry["what"] = json!(what);
        }
        alert["history"].as_array_mut().unwrap().push(entry);
        alert["state"] = json!(state);
    }
    alert
}

fn outgoing(alert: &Value, told: usize) -> Outgoing {
    let alert = alert.to_string().into();
    Outgoing { offset: 9, epoch: "e1".into(), at: AT, told, moved_from: None, alert }
}

fn destination(text: &str) -> Destination {
    let url = "name = \"d\"\nurl = \"https://d.example/hook\"\n";
    let settings: Settings = toml::from_str(&format!("{url}{text}")).unwrap();
    Destination::load(&settings, "https://calls.example/").unwrap()
}

fn pagerduty() -> (tempfile::NamedTempFile, Destination) {
    let key = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key.path(), "the-routing-key").unwrap();
    let text = format!("format = \"pagerduty\"\nsecret_file = {:?}", key.path());
    let destination = destination(&text);
    (key, destination)
}

/// What of an alert's newest step is sent.
fn sent(destination: &Destination, alert: &Value) -> Option<Value> {
    let told = alert["history"].as_array().unwrap().len() - 1;
    let message = destination.message(outgoing(alert, told)).unwrap();
    message.map(|Message { body, .. }| serde_json::from_slice(&body).unwrap())
}

#[test]
fn a_cloudevent_holds_the_alert_as_it_was_kept() {
    let alert = alert(json!({}));
    let message = destination("").message(outgoing(&alert, 0)).unwrap().unwrap();
    assert_eq!(message.content_type, "application/cloudevents+json");
    let expected = format!(
        "{{\"specversion\":\"1.0\",\"id\":\"e1-9\",\"source\":\"https://calls.example\",\
         \"type\":\"forewarn.alert.raised\",\"subject\":\"c-1\",\"time\":\"{AT}\",\
         \"datacontenttype\":\"application/json\",\"data\":{alert}}}"
    );
    assert_eq!(String::from_utf8(message.body.to_vec()).unwrap(), expected);
    assert_eq!(message.id, "e1-9");
}

#[test]
fn a_channel_is_told_who_why_and_what_to_do() {
    let slack = destination("format = \"slack\"");
    let text =
        |alert: Value| sent(&slack, &alert).map(|sent| sent["text"].as_str().unwrap().to_owned());
    let body = "billing · team t1 · agent ana\n\
         • the agent refuses: “our &lt;policy&gt; &amp; that's it”\n\
         • counts contacts\n\
         _Say:_ I will see to it.\n\
         _Do:_ Look in.\n";
    let link = "<https://calls.example/#/call/c-1/7|Open the call>";
    let raised = format!("*Warning: call c-1 may escalate (71 %)*\n{body}{link}");
    assert_eq!(text(alert(json!({}))).unwrap(), raised);
    let lifted =
        later(&[("raised", "engine", Some("level critical"))], json!({"level": "critical"}));
    let lifted = text(lifted).unwrap();
    assert!(lifted.starts_with("*Risen. Critical: call c-1 may escalate (71 %)*\n"), "{lifted}");
    let passed = later(&[("raised", "engine", Some("tier 2"))], json!({"tier": 2}));
    let passed = text(passed).unwrap();
    assert!(passed.starts_with("*Nobody has taken it, tier 2 is told. Warning: call"), "{passed}");
    for (step, expected) in [
        (("resolved", "sup<b>", None), "Call c-1 resolved as false alarm by sup&lt;b&gt;"),
        (
            ("resolved", "engine", Some("call ended")),
            "Call c-1 resolved as false alarm: call ended",
        ),
        (("retracted", "engine", Some("risk fell")), "Call c-1 taken back: risk fell"),
    ] {
        let alert = later(&[step], json!({"outcome": "false_alarm"}));
        assert_eq!(text(alert).unwrap(), format!("{expected}\n{link}"));
    }
    for step in [
        ("acknowledged", "sup", None),
        ("snoozed", "sup", Some("for 60 s")),
        ("raised", "sup", Some("assigned to ben")),
        ("raised", "sup", Some("hand raised again")),
        // It follows at once when nobody is at a console, and says nothing new.
        ("raised", "engine", Some("nobody of tier 1 is connected")),
    ] {
        assert_eq!(text(later(&[step], json!({}))), None, "{step:?}");
    }
    let all = destination("format = \"slack\"\nchanges = \"all\"");
    let told = sent(&all, &later(&[("acknowledged", "sup", None)], json!({}))).unwrap();
    assert_eq!(told["text"], format!("Call c-1 acknowledged by sup\n{link}"));
}

#[test]
fn a_text_is_bounded_whatever_was_said() {
    let long = "<&>".repeat(4_000);
    let reason = json!({"feature": "f", "label": long, "contribution": 1.0, "quotes": [
        {"seq": 1, "speaker": "customer", "text": long, "start": 0, "end": 1}]});
    let advice =
        json!({"title": long, "say": long, "avoid": long, "supervisor": long, "because": ""});
    let other = json!({"call_id": long, "queue": long, "team": long, "agent_id": long,
        "reasons": [reason, reason, reason, reason, reason, reason], "guidance": [advice]});
    let alert = alert(other);
    let slack = sent(&destination("format = \"slack\""), &alert).unwrap();
    let text = slack["text"].as_str().unwrap();
    // The link is last and holds the call's whole id.
    let (words, link) = text.split_once("<https://").unwrap();
    assert!(words.len() < 4_000 && link.ends_with("|Open the call>"), "{}", words.len());
    let (_key, pagerduty) = pagerduty();
    let event = sent(&pagerduty, &alert).unwrap();
    let summary = event["payload"]["summary"].as_str().unwrap();
    assert_eq!(summary.chars().count(), 1_024);
    let reasons = event["payload"]["custom_details"]["reasons"].as_array().unwrap();
    assert_eq!(reasons.len(), 5);
}

#[test]
fn an_incident_says_what_is_needed_to_act() {
    let (_key, pagerduty) = pagerduty();
    let link = "https://calls.example/#/call/c-1/7";
    assert_eq!(
        sent(&pagerduty, &alert(json!({}))).unwrap(),
        json!({"routing_key": "the-routing-key", "event_action": "trigger", "dedup_key": "c-1/risk",
            "client": "Forewarn", "client_url": link,
            "links": [{"href": link, "text": "The call on the console"}],
            "payload": {"summary": "Warning: call c-1 may escalate (71 %): the agent refuses",
                "source": "forewarn", "severity": "warning", "timestamp": AT,
                "component": "billing", "group": "t1", "class": "risk",
                "custom_details": {"alert_id": "al-1", "call_id": "c-1", "agent_id": "ana",
                    "level": "warning", "risk": 0.714, "threshold": 0.5, "tier": 1,
                    "notify": ["team:t1:supervisors"], "rule": "everybody",
                    "reasons": ["the agent refuses: \"our <policy> & that's it\"", "counts contacts"],
                    "say": "I will see to it.", "avoid": "It is our policy.",
                    "supervisor": "Look in.",
                    "recommendation": {"do": "resolve", "because": "the agent can"}}}})
    );
    let taken = later(&[("acknowledged", "sup", None)], json!({}));
    assert_eq!(
        sent(&pagerduty, &taken).unwrap(),
        json!({"routing_key": "the-routing-key", "event_action": "acknowledge",
            "dedup_key": "c-1/risk"})
    );
}

#[test]
fn filters_let_through_what_they_name() {
    let is_sent = |text: &str, other: Value| sent(&destination(text), &alert(other)).is_some();
    for (text, other, expected) in [
        ("queues = [\"billing\", \"sales\"]", json!({}), true),
        ("queues = [\"sales\"]", json!({}), false),
        ("queues = [\"sales\"]", json!({"queue": null}), false),
        ("teams = [\"t1\"]", json!({}), true),
        ("teams = [\"t1\"]", json!({"team": "t2"}), false),
        ("queues = [\"billing\"]\nteams = [\"t2\"]", json!({}), false),
        ("kinds = [\"manual\", \"trigger\"]", json!({}), false),
        ("kinds = [\"manual\", \"trigger\"]", json!({"kind": "manual"}), true),
        ("min_level = \"critical\"", json!({}), false),
        ("min_level = \"critical\"", json!({"level": "critical"}), true),
        ("", json!({"held": true}), false),
        ("held = true", json!({"held": true}), true),
        ("", json!({"provisional": true}), false),
        ("provisional = true", json!({"provisional": true}), true),
    ] {
        assert_eq!(is_sent(text, other.clone()), expected, "{text}: {other}");
    }
}

/// What was quiet until now is news, and only then.
#[test]
fn what_was_held_or_provisional_comes_when_it_is_not() {
    let released = later(&[("raised", "engine", Some("released"))], json!({}));
    let confirmed = later(&[("raised", "engine", Some("confirmed"))], json!({}));
    let news = |text: &str, alert: &Value| {
        let told = Told::of(outgoing(alert, 1)).unwrap();
        destination(text);
        let url = "name = \"d\"\nurl = \"https://d.example\"\n";
        let settings: Settings = toml::from_str(&format!("{url}{text}")).unwrap();
        Wanted::of(&settings).news(&told)
    };
    assert_eq!(news("", &released), Some(News::Comes));
    assert_eq!(news("held = true", &released), Some(News::Step));
    assert_eq!(news("", &confirmed), Some(News::Comes));
    assert_eq!(news("provisional = true", &confirmed), Some(News::Detail));
}

/// A call that is handed to another queue takes its incident along.
#[test]
fn an_alert_leaves_one_destination_and_comes_to_another() {
    let key = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key.path(), "the-routing-key").unwrap();
    let of = |queue: &str| {
        let secret = format!("secret_file = {:?}\n", key.path());
        destination(&format!("format = \"pagerduty\"\n{secret}queues = [\"{queue}\"]"))
    };
    let moved = |from: &str, to: &str, state: &str| {
        let alert = later(&[(state, "sup", None)], json!({"queue": to}));
        let moved_from = Some(Keys { queue: Some(from.into()), team: Some("t1".into()) });
        Outgoing { moved_from, ..outgoing(&alert, 2) }
    };
    let action = |queue: &str, outgoing: &Outgoing| {
        let message = of(queue).message(outgoing.clone()).unwrap()?;
        let event: Value = serde_json::from_slice(&message.body).unwrap();
        Some(event["event_action"].as_str().unwrap().to_owned())
    };
    let gone = moved("billing", "retention", "raised");
    assert_eq!(action("billing", &gone).as_deref(), Some("resolve"));
    assert_eq!(action("retention", &gone).as_deref(), Some("trigger"));
    assert_eq!(action("sales", &gone), None);
    let taken = moved("billing", "retention", "acknowledged");
    assert_eq!(action("retention", &taken), None, "somebody has it");
    assert_eq!(Told::of(gone).unwrap().step, Step::Moved);
}

#[test]
fn links_and_sources_do_without_a_public_url() {
    let settings: Settings =
        toml::from_str("name = \"d\"\nurl = \"http://d\"\nformat = \"slack\"").unwrap();
    let plain = Destination::load(&settings, "").unwrap();
    let text = sent(&plain, &alert(json!({}))).unwrap()["text"].as_str().unwrap().to_owned();
    assert!(text.ends_with("_Do:_ Look in."), "{text}");
    let plain =
        Destination::load(&Settings { format: Default::default(), ..settings }, "").unwrap();
    assert_eq!(sent(&plain, &alert(json!({}))).unwrap()["source"], "/forewarn");
}

#[test]
fn what_another_version_wrote_is_no_reason_to_stop() {
    let outgoing = Outgoing { alert: "{\"alert_id\":1}".into(), ..outgoing(&alert(json!({})), 0) };
    destination("").message(outgoing).unwrap_err();
}
