use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::{Value, json};

use super::app::{App, Deed, Mode};
use super::state::Link;
use super::view;
use crate::call::Timestamp;

const NOW: i64 = 1_800_000_000_000;

fn call(id: &str, risk: f64, level: Option<&str>) -> Value {
    json!({"call_id": id, "queue": "billing", "team": "t1", "agent_id": "ana", "attributes": {},
        "state": "open", "started_at": Timestamp(NOW - 60_000), "ended_at": null, "reason": null,
        "outcome": null, "last_seq": 9, "at_ms": 247_000, "turns": 9, "risk": risk,
        "sentiment": -0.4, "trend": 0.08, "level": level, "alerts": [], "model": "m"})
}

fn alert(id: &str, call_id: &str, level: &str) -> Value {
    json!({"alert_id": id, "dedup_key": "k", "call_id": call_id, "queue": "billing", "team": "t1",
        "agent_id": "ana", "kind": "risk", "level": level, "state": "raised",
        "provisional": false, "held": false, "tier": 1, "notify": [], "owner": null,
        "risk": 0.631, "threshold": 0.5, "log_odds": 0.5, "intercept": -2.0, "sentiment": -0.4,
        "trend": 0.08, "raised_at": Timestamp(NOW - 130_000), "at_ms": 1, "seq": 3,
        "reasons": [{"feature": "act:refu", "label": "the agent refuses", "contribution": 0.34,
            "quotes": [{"seq": 3, "speaker": "agent", "text": "nothing I can do", "start": 0,
                "end": 16}]}],
        "guidance": [{"title": "Own it", "say": "I will see this through.",
            "avoid": "It is our policy.", "because": "refu"}],
        "recommendation": {"do": "resolve", "because": "the agent may credit the fee"},
        "history": [{"state": "raised", "at": Timestamp(NOW - 130_000), "by": "engine"}]})
}

fn app() -> App {
    let mut app = App::new(Vec::new());
    tell(&mut app, &json!({"type": "hello", "epoch": "e", "offset": 1, "user": "sup"}));
    app
}

fn tell(app: &mut App, message: &Value) {
    app.take(&message.to_string(), NOW);
}

fn picture(app: &mut App, calls: Vec<Value>, alerts: Vec<Value>) {
    tell(
        app,
        &json!({"type": "snapshot", "recovered": false, "offset": 1, "part": 1,
        "last": true, "calls": calls, "alerts": alerts}),
    );
    assert!(app.is_due(NOW + 2_000));
}

fn press(app: &mut App, key: KeyCode) -> Option<Deed> {
    app.key(KeyEvent::new(key, KeyModifiers::NONE), NOW)
}

fn typed(app: &mut App, text: &str) -> Option<Deed> {
    text.chars().filter_map(|c| press(app, KeyCode::Char(c))).last()
}

/// The board as text, a line for each row of the terminal.
fn drawn(app: &App, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view::draw(frame, app, NOW)).unwrap();
    let buffer = terminal.backend().buffer();
    let rows = buffer.content().chunks(usize::from(width));
    let rows = rows.map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>());
    rows.collect::<Vec<_>>().join("\n")
}

fn shows(app: &App, width: u16, height: u16, parts: &[&str]) {
    let text = drawn(app, width, height);
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[test]
fn the_board_says_who_and_why_at_every_width() {
    let mut app = app();
    let calm = call("c-calm", 0.12, None);
    picture(
        &mut app,
        vec![calm, call("c-hot", 0.63, Some("warning"))],
        vec![alert("al", "c-hot", "warning")],
    );
    shows(
        &app,
        160,
        40,
        &[
            "live as sup",
            "2 calls",
            "1 alert waits",
            "63 %",
            "warning",
            "↑8",
            "-0.4",
            "4:07",
            "billing / ana",
            "waits 2:10",
            "+0.34  the agent refuses",
            "\"nothing I can do\" (agent)",
            "→ Own it: I will see this through.",
            "not: It is our policy.",
            "resolve: the agent may credit the fee",
            "? help",
        ],
    );
    shows(&app, 60, 24, &["c-hot", "63 %", "warning", "waits 2:10", "Own it"]);
    for (width, height) in [(1, 1), (8, 3), (30, 8), (60, 4), (300, 100)] {
        drawn(&app, width, height);
    }
}

#[test]
fn a_transcript_cannot_drive_the_terminal() {
    let evil = "x\u{1b}[2J\u{7}\u{9b}y\u{202e}";
    let text = |value: Value| -> Value {
        // Every free text of an item.
        let text = value.to_string().replace("billing", "EVIL").replace("ana", "EVIL");
        let text = text.replace("nothing I can do", "EVIL").replace("Own it", "EVIL");
        let text = text.replace("the agent refuses", "EVIL").replace("c-hot", "EVIL");
        let text = text.replace("It is our policy.", "EVIL").replace("the agent may", "EVIL");
        let evil = serde_json::to_string(evil).unwrap();
        serde_json::from_str(&text.replace("EVIL", evil.trim_matches('"'))).unwrap()
    };
    let mut app = app();
    tell(&mut app, &json!({"type": "hello", "epoch": "e", "offset": 1, "user": evil}));
    picture(
        &mut app,
        vec![text(call("c-hot", 0.6, None))],
        vec![text(alert("al", "c-hot", "warning"))],
    );
    app.notice = evil.into();
    for lost in [false, true] {
        if lost {
            app.lost(evil.into());
        }
        let text = drawn(&app, 200, 40);
        assert!(text.contains("x·[2J··y·"), "{text}");
        let driving = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(driving), "{text:?}");
    }
}

#[test]
fn calls_that_wait_for_somebody_come_first() {
    let mut app = app();
    let calls = vec![
        call("risky", 0.8, Some("critical")),
        call("waits", 0.3, None),
        call("taken", 0.5, Some("warning")),
        call("calm", 0.1, None),
    ];
    let mut acknowledged = alert("al-2", "taken", "critical");
    acknowledged["state"] = json!("acknowledged");
    acknowledged["owner"] = json!("ana");
    let mut held = alert("al-3", "calm", "critical");
    held["held"] = json!(true);
    picture(&mut app, calls, vec![acknowledged, held, alert("al-1", "waits", "warning")]);
    // 0.35 × (1 + 2.2 minutes) is more than 0.8; nobody is waited for on the others.
    assert_eq!(app.calls, ["waits", "risky", "taken", "calm"]);
    assert_eq!(app.alerts, ["al-1", "al-3", "al-2"]);
    shows(&app, 160, 30, &["with ana", "held back"]);
}

#[test]
fn keys_become_commands_and_answers_are_told() {
    let mut app = app();
    picture(&mut app, vec![call("c", 0.6, None)], vec![alert("al", "c", "warning")]);
    let send = |deed: Option<Deed>| match deed {
        Some(Deed::Send(command)) => command,
        other => panic!("{other:?}"),
    };
    let sent = send(typed(&mut app, "a"));
    assert_eq!((&sent["type"], &sent["alert_id"]), (&json!("acknowledge"), &json!("al")));
    tell(
        &mut app,
        &json!({"type": "reply", "id": sent["id"], "ok": false,
        "code": "already_acknowledged", "message": "by sup-2 at 03:41:07"}),
    );
    assert_eq!(app.notice, "Acknowledge: refused, by sup-2 at 03:41:07");
    let sent = send(typed(&mut app, "s"));
    assert_eq!((&sent["type"], &sent["for_s"]), (&json!("snooze"), &json!(300)));
    tell(&mut app, &json!({"type": "reply", "id": sent["id"], "ok": true}));
    assert_eq!(app.notice, "Snooze for 5 minutes: done");
    let sent = send(typed(&mut app, "n"));
    assert_eq!((&sent["type"], &sent["to"]), (&json!("assign"), &json!("sup")));
    assert_eq!(typed(&mut app, "rx"), None, "no such outcome");
    shows(&app, 80, 24, &["f false alarm"]);
    let sent = send(typed(&mut app, "f"));
    assert_eq!((&sent["type"], &sent["outcome"]), (&json!("resolve"), &json!("false_alarm")));
    assert_eq!(app.mode, Mode::Normal);
    // A connection that ends takes the answers with it.
    app.lost("it broke".into());
    assert!(app.notice.contains("before the answer"), "{}", app.notice);
    assert_eq!(typed(&mut app, "a"), None);
    assert!(app.notice.contains("not sent"), "{}", app.notice);
    shows(&app, 80, 24, &["reconnecting… it broke"]);
    assert_eq!(typed(&mut app, "q"), Some(Deed::Quit));
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(app.key(interrupt, NOW), Some(Deed::Quit));
}

#[test]
fn a_selection_follows_its_call_and_alert() {
    let mut app = app();
    let calls = |risks: [f64; 3]| {
        ["a", "b", "c"].iter().zip(risks).map(|(id, risk)| call(id, risk, None)).collect()
    };
    picture(
        &mut app,
        calls([0.3, 0.2, 0.1]),
        vec![alert("al-b", "b", "warning"), alert("al-c", "c", "critical")],
    );
    assert_eq!((app.calls.join(""), app.call_at()), ("cba".into(), Some(0)));
    assert_eq!(app.target().unwrap().alert_id, "al-c");
    press(&mut app, KeyCode::Down);
    assert_eq!(app.target().unwrap().alert_id, "al-b");
    press(&mut app, KeyCode::Down);
    assert_eq!((app.call_at(), app.target()), (Some(2), None), "a has no alert");
    let mut gone = alert("al-c", "c", "critical");
    gone["state"] = json!("resolved");
    tell(&mut app, &json!({"type": "alert", "offset": 2, "alert": gone}));
    assert!(app.is_due(NOW + 5_000));
    assert_eq!((app.calls.join(""), app.call_at()), ("bac".into(), Some(1)), "still a");
    for (key, at) in
        [(KeyCode::End, 2), (KeyCode::Down, 2), (KeyCode::Char('k'), 1), (KeyCode::Home, 0)]
    {
        press(&mut app, key);
        assert_eq!(app.call_at(), Some(at));
    }
    press(&mut app, KeyCode::Down);
    typed(&mut app, "a");
    assert_eq!(app.notice, "No open alert is selected");
    press(&mut app, KeyCode::Tab);
    assert_eq!(app.target().unwrap().alert_id, "al-b");
}

#[test]
fn a_filter_narrows_calls_and_alerts() {
    let mut app = app();
    let mut sales = call("c-2", 0.5, None);
    sales["queue"] = json!("Sales");
    picture(&mut app, vec![call("c-1", 0.6, None), sales], vec![alert("al", "c-1", "warning")]);
    typed(&mut app, "/sal");
    assert_eq!((app.calls.len(), app.alerts.len()), (1, 0));
    shows(&app, 80, 24, &["/sal▏", "1 call with \"sal\""]);
    press(&mut app, KeyCode::Enter);
    assert_eq!((app.calls[0].as_str(), app.filter.as_str()), ("c-2", "sal"));
    typed(&mut app, "/x");
    assert!(app.calls.is_empty());
    press(&mut app, KeyCode::Esc);
    assert_eq!((app.calls.len(), app.filter.as_str()), (1, "sal"), "as before");
    typed(&mut app, "/");
    (0..3).for_each(|_| drop(press(&mut app, KeyCode::Backspace)));
    press(&mut app, KeyCode::Enter);
    assert_eq!(app.calls.len(), 2);
}

#[test]
fn messages_change_the_picture() {
    let mut app = App::new(vec!["billing".into()]);
    tell(&mut app, &json!({"type": "hello", "epoch": "e", "offset": 1, "user": "sup"}));
    let part = |part, last, calls: Vec<Value>, alerts: Vec<Value>| {
        json!({"type": "snapshot", "recovered": false, "offset": 1, "part": part, "last": last,
            "calls": calls, "alerts": alerts})
    };
    tell(&mut app, &part(1, false, vec![call("a", 0.1, None), call("b", 0.2, None)], vec![]));
    assert_eq!(app.state.link, Link::Connecting, "half a picture is none");
    // What happens between two parts is newer than what they hold.
    let mut over = call("b", 0.2, None);
    over["state"] = json!("ended");
    tell(&mut app, &json!({"type": "call", "event": "ended", "offset": 2, "call": over}));
    let mut closed = alert("al-1", "a", "warning");
    closed["state"] = json!("retracted");
    tell(&mut app, &json!({"type": "alert", "offset": 3, "alert": closed}));
    let alerts = vec![alert("al-1", "a", "warning"), alert("al-2", "a", "warning")];
    tell(&mut app, &part(2, true, vec![call("b", 0.2, None), call("c", 0.3, None)], alerts));
    let ids = |app: &App| {
        let mut ids: Vec<String> = app.state.picture.calls.keys().cloned().collect();
        ids.sort();
        (ids.join(""), app.state.picture.alerts.keys().cloned().collect::<Vec<_>>().join(" "))
    };
    assert_eq!((ids(&app), &app.state.link), (("ac".into(), "al-2".into()), &Link::Live));
    let risk = json!({"type": "risk", "call_id": "a", "at_ms": 300_000, "risk": 0.7,
        "sentiment": -0.9, "trend": 0.2, "level": "critical"});
    tell(&mut app, &risk);
    let row = &app.state.picture.calls["a"];
    assert_eq!((row.view.risk, row.began_ms, row.curve.len()), (Some(0.7), NOW - 300_000, 2));
    // After a break nothing is lost, and nothing was missed.
    app.lost("it broke".into());
    tell(
        &mut app,
        &json!({"type": "snapshot", "recovered": true, "offset": 9, "part": 1, "last": true}),
    );
    assert_eq!((ids(&app).0, &app.state.link), ("ac".into(), &Link::Live));
    // Another queue is not ours.
    let mut moved = call("c", 0.3, None);
    moved["queue"] = json!("sales");
    tell(&mut app, &json!({"type": "call", "event": "updated", "offset": 10, "call": moved}));
    tell(
        &mut app,
        &json!({"type": "call", "event": "ended", "offset": 11,
        "call": {"call_id": "a", "news": "of a later version"}}),
    );
    assert_eq!(ids(&app).0, "a", "what cannot be read changes nothing");
}

#[test]
fn it_is_drawn_when_something_changed_and_once_a_second() {
    let mut app = app();
    assert!(app.is_due(NOW));
    assert!(!app.is_due(NOW + 100));
    tell(&mut app, &json!({"type": "risk", "call_id": "a", "at_ms": 1}));
    assert!(app.is_due(NOW + 200) && !app.is_due(NOW + 300));
    assert!(app.is_due(NOW + 1_000));
}

#[test]
fn a_thousand_calls_are_one_screen_at_a_time() {
    let mut app = app();
    let calls = (0..1_000).map(|n| call(&format!("c-{n:04}"), f64::from(n) / 2_000.0, None));
    picture(&mut app, calls.collect(), Vec::new());
    shows(&app, 120, 40, &["1000 calls", "c-0999"]);
    press(&mut app, KeyCode::End);
    let text = drawn(&app, 120, 40);
    assert!(text.contains("c-0000") && !text.contains("c-0999"), "{text}");
}
