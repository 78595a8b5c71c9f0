//! The console contract, clause by clause (PROTOCOL.md, section 3).

use serde_json::{Value, json};

use crate::harness::*;

const DEMAND: &str = "get me your manager right now";

fn offset(message: &Value) -> u64 {
    message["offset"].as_u64().unwrap()
}

fn end(call_id: &str, seq: u64) -> Value {
    json!({"type": "call_end", "call_id": call_id, "seq": seq, "outcome": {"escalated": true}})
}

/// Opens a call in which the customer asks for a manager; returns the alert.
async fn alert(server: &Server, peer: &mut Peer, call_id: &str) -> Value {
    let mut board = server.board("alert-finder").await;
    peer.start(call_id).await;
    peer.chunk(call_id, 1, "customer", DEMAND).await;
    peer.acked(call_id, 1).await;
    let alert = board.find(|m| m["type"] == "alert" && m["alert"]["call_id"] == call_id).await;
    alert["alert"].clone()
}

fn command(kind: &str, alert: &Value) -> Value {
    json!({"type": kind, "alert_id": alert["alert_id"]})
}

#[tokio::test]
async fn hello_then_the_full_picture_then_what_happens() {
    let server = Server::start();
    let mut peer = server.ingest().await;
    peer.start_with(json!({"call_id": "c-1", "queue": "billing"})).await;
    let mut board = Peer::open(server.address, "/v1/console?user=sup-3", Some(CONSOLE)).await;
    let hello = board.next().await;
    assert_eq!((&hello["type"], &hello["user"]), (&json!("hello"), &json!("sup-3")));
    assert!(hello["epoch"].is_string() && hello["offset"].is_u64() && hello["scopes"].is_array());
    let parts = board.subscribe(json!({}), None).await;
    assert_eq!(parts.len(), 1);
    assert_eq!((&parts[0]["recovered"], &parts[0]["id"]), (&json!(false), &json!("sub")));
    assert_eq!((&parts[0]["part"], &parts[0]["last"]), (&json!(1), &json!(true)));
    let call = &parts[0]["calls"][0];
    assert_eq!((&call["call_id"], &call["queue"]), (&json!("c-1"), &json!("billing")));
    for field in [
        "team",
        "agent_id",
        "attributes",
        "state",
        "started_at",
        "ended_at",
        "reason",
        "outcome",
        "last_seq",
        "at_ms",
        "turns",
        "risk",
        "sentiment",
        "trend",
        "level",
        "alerts",
        "model",
    ] {
        assert!(call.get(field).is_some(), "{field} is missing: {call}");
    }
    peer.start("c-2").await;
    let started = board.next_of("call").await;
    assert_eq!(
        (&started["event"], &started["call"]["call_id"]),
        (&json!("started"), &json!("c-2"))
    );
    assert!(offset(&started) > offset(&parts[0]));
    peer.send(json!({"type": "chunk", "call_id": "c-2", "seq": 1, "speaker": "customer",
                     "text": "hello", "end_ms": 1500}))
        .await;
    let risk = board.find(|m| m["type"] == "risk" && m["at_ms"] == 1500).await;
    assert_eq!((&risk["call_id"], &risk["risk"]), (&json!("c-2"), &json!(0.05)));
    assert!(risk["level"].is_null() && risk["trend"].is_null());
    peer.send(end("c-2", 2)).await;
    let ended = board.next_of("call").await;
    assert_eq!((&ended["event"], &ended["call"]["state"]), (&json!("ended"), &json!("ended")));
}

#[tokio::test]
async fn large_pictures_come_in_parts() {
    let server = Server::start();
    let mut peer = server.plain_ingest().await;
    for number in 0..1_100 {
        peer.send(json!({"type": "call_start", "call_id": format!("c-{number}")})).await;
    }
    peer.find(|m| m["type"] == "started" && m["call_id"] == "c-1099").await;
    let mut board = server.console("sup").await;
    let parts = board.subscribe(json!({}), None).await;
    let calls: Vec<usize> = parts.iter().map(|p| p["calls"].as_array().unwrap().len()).collect();
    assert_eq!(calls.iter().sum::<usize>(), 1_100);
    assert!(calls.iter().all(|number| *number <= 500) && parts.len() == 3, "{calls:?}");
    let numbers: Vec<u64> = parts.iter().map(|p| p["part"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!(parts.iter().filter(|part| part["last"] == true).count(), 1);
}

#[tokio::test]
async fn since_brings_exactly_what_was_missed() {
    let server = Server::start();
    let mut peer = server.ingest().await;
    let mut witness = server.console("witness").await;
    witness.subscribe(json!({}), None).await;
    let mut board = Peer::open(server.address, "/v1/console?user=sup", Some(CONSOLE)).await;
    let epoch = board.next().await["epoch"].as_str().unwrap().to_owned();
    let seen = offset(&board.subscribe(json!({}), None).await[0]);
    drop(board);
    for call_id in ["c-1", "c-2", "c-3"] {
        peer.start(call_id).await;
        peer.chunk(call_id, 1, "customer", DEMAND).await;
    }
    peer.send(end("c-1", 2)).await;
    peer.acked("c-1", 2).await;
    let numbered = |m: &Value| m["offset"].is_u64() && m["type"] != "snapshot";
    let mut missed = witness.read_until(|m| m["event"] == "ended").await;
    missed.retain(numbered);
    let strip = |messages: &mut Vec<Value>| {
        for message in messages {
            if let Some(alert) = message.get_mut("alert").and_then(Value::as_object_mut) {
                alert.remove("latency_us");
            }
        }
    };
    strip(&mut missed);

    let mut board = server.console("sup").await;
    let parts = board.subscribe(json!({}), Some((&epoch, seen))).await;
    assert_eq!(parts.len(), 1);
    assert_eq!(parts[0]["recovered"], true);
    assert!(parts[0].get("calls").is_none() && parts[0].get("alerts").is_none());
    let mut after = Vec::new();
    while after.len() < missed.len() {
        let message = board.next().await;
        assert!(numbered(&message), "first what was missed: {message}");
        after.push(message);
    }
    assert_eq!(after, missed, "in order, none twice, without what is live only");
    let risks = board.quiet("q").await;
    let mut calls: Vec<&str> = risks.iter().map(|m| m["call_id"].as_str().unwrap()).collect();
    calls.sort_unstable();
    assert!(risks.iter().all(|m| m["type"] == "risk") && calls == ["c-2", "c-3"], "{risks:?}");

    // Once more from the very end: nothing is missed.
    let last = offset(after.last().unwrap());
    let mut board = server.console("sup").await;
    assert_eq!(board.subscribe(json!({}), Some((&epoch, last))).await[0]["recovered"], true);
    assert!(board.quiet("q").await.iter().all(|m| m["type"] == "risk"));
    // Another history, or a place that is not in this one.
    for (epoch, offset) in [("another", seen), (epoch.as_str(), last + 1_000)] {
        let parts = board.subscribe(json!({}), Some((epoch, offset))).await;
        assert_eq!(parts[0]["recovered"], false, "{epoch} {offset}");
        assert_eq!(parts[0]["calls"].as_array().unwrap().len(), 2, "open calls");
    }
}

#[tokio::test]
async fn what_is_older_than_the_ring_is_shown_in_full() {
    let server = Server::with_config("[hub]\nring_messages = 4\n");
    let mut board = Peer::open(server.address, "/v1/console", None).await;
    let epoch = board.next().await["epoch"].as_str().unwrap().to_owned();
    let mut peer = server.ingest().await;
    for number in 0..10 {
        peer.start(&format!("c-{number}")).await;
    }
    let parts = board.subscribe(json!({}), Some((&epoch, 2))).await;
    assert_eq!(parts[0]["recovered"], false);
    let newest = offset(&parts[0]);
    assert_eq!(board.subscribe(json!({}), Some((&epoch, newest - 2))).await[0]["recovered"], true);
}

#[tokio::test]
async fn a_filter_holds_and_what_leaves_it_is_sent_once_more() {
    let server = Server::start();
    let mut board = server.console("sup").await;
    board.subscribe(json!({"queues": ["billing"]}), None).await;
    let mut peer = server.ingest().await;
    peer.start_with(json!({"call_id": "other", "queue": "sales"})).await;
    peer.start_with(json!({"call_id": "mine", "queue": "billing"})).await;
    let started = board.next().await;
    assert_eq!((&started["type"], &started["call"]["call_id"]), (&json!("call"), &json!("mine")));
    peer.send(json!({"type": "call_update", "call_id": "mine", "seq": 1, "queue": "sales"})).await;
    peer.acked("mine", 1).await;
    let left = board.next_of("call").await;
    assert_eq!((&left["event"], &left["call"]["queue"]), (&json!("updated"), &json!("sales")));
    peer.send(end("mine", 2)).await;
    peer.send(end("other", 1)).await;
    peer.acked("mine", 2).await;
    peer.acked("other", 1).await;
    let seen = board.quiet("q").await;
    assert!(seen.is_empty(), "nothing more of what is out of sight: {seen:?}");
    // By level: trigger alerts are warnings or more, calls without a forecast have no level.
    board.subscribe(json!({"min_level": "warning"}), None).await;
    peer.start("calm").await;
    peer.start("angry").await;
    peer.chunk("angry", 1, "customer", DEMAND).await;
    peer.acked("angry", 1).await;
    let seen = board.next().await;
    assert_eq!((&seen["type"], &seen["alert"]["call_id"]), (&json!("alert"), &json!("angry")));
}

#[tokio::test]
async fn of_two_who_acknowledge_exactly_one_wins() {
    let server = Server::start();
    let mut peer = server.ingest().await;
    let (mut one, mut two) = (server.board("one").await, server.board("two").await);
    for round in 0..5 {
        let alert = alert(&server, &mut peer, &format!("c-{round}")).await;
        let (mut first, mut second) =
            (command("acknowledge", &alert), command("acknowledge", &alert));
        (first["id"], second["id"]) = (json!("a"), json!("a"));
        one.send(first).await;
        two.send(second).await;
        let is_reply = |m: &Value| m["type"] == "reply" && m["id"] == "a";
        let (first, second) = (one.find(is_reply).await, two.find(is_reply).await);
        let (winner, loser) = if first["ok"] == true { ("one", second) } else { ("two", first) };
        assert_eq!((&loser["ok"], &loser["code"]), (&json!(false), &json!("already_acknowledged")));
        assert!(loser["message"].as_str().unwrap().starts_with(&format!("by {winner} at ")));
        // Repeating one's own is fine.
        let winner_board = if winner == "one" { &mut one } else { &mut two };
        let again = winner_board.command("b", command("acknowledge", &alert)).await;
        assert_eq!(again["ok"], true);
        let shown = get(server.address, "/v1/alerts?state=acknowledged").await;
        let shown = &shown["items"][0];
        assert_eq!((&shown["owner"], &shown["state"]), (&json!(winner), &json!("acknowledged")));
        let taken = shown["history"].as_array().unwrap().iter();
        assert_eq!(taken.filter(|entry| entry["state"] == "acknowledged").count(), 1);
    }
}

#[tokio::test]
async fn the_life_of_an_alert() {
    let server = Server::start();
    let mut peer = server.ingest().await;
    let (mut sup, mut witness) = (server.board("sup").await, server.board("witness").await);
    let alert = alert(&server, &mut peer, "c-1").await;
    assert_eq!((&alert["state"], &alert["level"]), (&json!("raised"), &json!("critical")));
    assert_eq!(alert["dedup_key"], "c-1/trigger:supervisor_request");
    let state_seen = async |witness: &mut Peer, state: &str| {
        witness.find(|m| m["type"] == "alert" && m["alert"]["state"] == state).await
    };
    let mut snooze = command("snooze", &alert);
    snooze["for_s"] = json!(300);
    assert_eq!(sup.command("1", snooze).await["ok"], true);
    assert!(state_seen(&mut witness, "snoozed").await["alert"]["snoozed_until"].is_string());
    assert_eq!(sup.command("2", command("acknowledge", &alert)).await["ok"], true);
    assert_eq!(state_seen(&mut witness, "acknowledged").await["alert"]["owner"], "sup");
    let mut assign = command("assign", &alert);
    assign["to"] = json!("sup-9");
    assert_eq!(sup.command("3", assign.clone()).await["ok"], true);
    let assigned = witness.find(|m| m["alert"]["owner"] == "sup-9").await;
    assert_eq!(assigned["alert"]["state"], "acknowledged");
    let mut resolve = command("resolve", &alert);
    (resolve["outcome"], resolve["note"]) = (json!("averted"), json!("credited the fee"));
    assert_eq!(sup.command("4", resolve.clone()).await["ok"], true);
    let resolved = state_seen(&mut witness, "resolved").await["alert"].clone();
    assert_eq!(resolved["outcome"], "averted");
    let entry = resolved["history"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&entry["by"], &entry["note"]), (&json!("sup"), &json!("credited the fee")));
    // Repeating one's own is fine; everything else is too late.
    assert_eq!(sup.command("5", resolve.clone()).await["ok"], true);
    assert_eq!(witness.command("6", resolve).await["code"], "already_resolved");
    assert_eq!(sup.command("7", assign).await["code"], "already_resolved");
    assert_eq!(sup.command("8", command("acknowledge", &alert)).await["code"], "already_resolved");
}

#[tokio::test]
async fn refusals_have_codes() {
    let server = Server::start();
    let mut board = server.board("sup").await;
    for (command, code) in [
        (json!({"type": "acknowledge", "alert_id": "al-0"}), "not_found"),
        (json!({"type": "acknowledge"}), "bad_message"),
        (json!({"type": "resolve", "alert_id": "al-0", "outcome": "won"}), "bad_message"),
        (json!({"type": "snooze", "alert_id": "al-0", "for_s": 0}), "bad_message"),
        (json!({"type": "watch", "call_id": "nobody's"}), "not_found"),
        (json!({"type": "raise_hand", "call_id": "nobody's"}), "not_found"),
        (json!({"type": "juggle"}), "bad_message"),
        (json!({"type": "subscribe", "filter": {"queues": "billing"}}), "bad_message"),
    ] {
        let reply = board.command("x", command.clone()).await;
        assert_eq!((&reply["ok"], &reply["code"]), (&json!(false), &json!(code)), "{command}");
        assert!(reply["message"].is_string(), "{reply}");
    }
    board.send_text("not json").await;
    assert_eq!(board.next_of("reply").await["code"], "bad_message");
}

#[tokio::test]
async fn a_hand_raised_is_an_alert() {
    let server = Server::start();
    let mut peer = server.ingest().await;
    peer.start_with(json!({"call_id": "c-1", "team": "t1", "agent_id": "a17"})).await;
    let mut board = server.board("sup").await;
    let mut agent = server.board("a17").await;
    let raise = json!({"type": "raise_hand", "call_id": "c-1", "note": "needs a fee waiver"});
    assert_eq!(agent.command("r", raise).await["ok"], true);
    let alert = board.next_of("alert").await["alert"].clone();
    assert_eq!((&alert["kind"], &alert["state"]), (&json!("manual"), &json!("raised")));
    assert_eq!((&alert["team"], &alert["history"][0]["by"]), (&json!("t1"), &json!("a17")));
    assert!(alert.to_string().contains("needs a fee waiver"));
}

#[tokio::test]
async fn watching_shows_the_past_then_what_is_said() {
    let server = Server::start();
    let mut peer = server.ingest().await;
    peer.start("c-1").await;
    peer.chunk("c-1", 1, "agent", "hello").await;
    peer.chunk("c-1", 2, "customer", "I want your manager").await;
    peer.acked("c-1", 2).await;
    let mut board = server.board("sup").await;
    let watch = json!({"type": "watch", "call_id": "c-1"});
    assert_eq!(board.command("w", watch).await["ok"], true);
    let (first, second) = (board.next_of("chunk").await, board.next_of("chunk").await);
    assert_eq!((&first["past"], &first["seq"]), (&json!(true), &json!(1)));
    assert_eq!((&second["past"], &second["seq"]), (&json!(true), &json!(2)));
    let highlight = &second["highlights"][0];
    assert_eq!(highlight["why"], "supervisor_request");
    assert_eq!((&highlight["start"], &highlight["end"]), (&json!(0), &json!(19)));
    peer.chunk("c-1", 3, "agent", "one moment").await;
    let live = board.next_of("chunk").await;
    assert_eq!((&live["seq"], live.get("past")), (&json!(3), None));
    let unwatch = json!({"type": "unwatch", "call_id": "c-1"});
    assert_eq!(board.command("u", unwatch).await["ok"], true);
    peer.chunk("c-1", 4, "agent", "still there?").await;
    peer.acked("c-1", 4).await;
    assert!(board.quiet("q").await.iter().all(|message| message["type"] != "chunk"));
}

#[tokio::test]
async fn unsubscribed_is_silent() {
    let server = Server::start();
    let mut board = server.board("sup").await;
    assert_eq!(board.command("u", json!({"type": "unsubscribe"})).await["ok"], true);
    let mut peer = server.ingest().await;
    peer.start("c-1").await;
    assert!(board.quiet("q").await.is_empty());
    assert_eq!(board.subscribe(json!({}), None).await[0]["calls"][0]["call_id"], "c-1");
}

#[tokio::test]
async fn the_end_of_a_call_closes_what_nobody_took() {
    let server = Server::with_config("[engine]\noutcome_grace_ms = 0\n");
    let mut peer = server.ingest().await;
    let open = alert(&server, &mut peer, "c-1").await;
    let mut board = server.board("sup").await;
    peer.send(end("c-1", 2)).await;
    let closed = board.next_of("alert").await["alert"].clone();
    assert_eq!((&closed["alert_id"], &closed["state"]), (&open["alert_id"], &json!("resolved")));
    assert_eq!(closed["outcome"], "escalated");
    assert_eq!(closed["history"].as_array().unwrap().last().unwrap()["by"], "engine");
    // One that somebody has stays with them for the grace, here none.
    let taken = alert(&server, &mut peer, "c-2").await;
    assert_eq!(board.command("a", command("acknowledge", &taken)).await["ok"], true);
    peer.send(end("c-2", 2)).await;
    let closed = board.find(|m| m["alert"]["state"] == "resolved").await;
    assert_eq!(closed["alert"]["alert_id"], taken["alert_id"]);
}

/// Every risk alert of a few calls: its reasons sum up, its quotes are where they say.
#[tokio::test]
async fn reasons_sum_to_the_log_odds_and_quotes_are_in_the_text() {
    let server = Server::start();
    let mut board = server.board("sup").await;
    let mut peer = server.ingest().await;
    let mut alerts = Vec::new();
    // Accents and emoji before the words, so that bytes and code points differ.
    let calls: Vec<_> = [calls("te.jsonl", 40), calls("tf.jsonl", 20)].concat();
    for call in calls.iter().filter(|call| call.escalates()) {
        peer.start(&call.id).await;
        for (turn, seq) in call.turns.iter().zip(1..) {
            let text = format!("Zoë 👍 {}", turn.text);
            peer.send(json!({"type": "chunk", "call_id": call.id, "seq": seq, "text": text,
                             "speaker": turn.speaker.name(), "start_ms": turn.start_ms,
                             "end_ms": turn.end_ms}))
                .await;
        }
        let last = call.turns.len() as u64 + 1;
        peer.send(end(&call.id, last)).await;
        peer.acked(&call.id, last).await;
        let seen = board.read_until(|m| m["event"] == "ended").await;
        alerts.extend(seen.into_iter().filter(|m| m["type"] == "alert"));
    }
    let risk: Vec<&Value> = alerts.iter().filter(|m| m["alert"]["kind"] == "risk").collect();
    assert!(risk.len() > 5, "{} risk alerts", risk.len());
    for message in risk {
        let alert = &message["alert"];
        let number = |value: &Value| value.as_f64().unwrap();
        let reasons = alert["reasons"].as_array().unwrap();
        assert_eq!(reasons.last().unwrap()["feature"], "other");
        let sum: f64 = reasons.iter().map(|reason| number(&reason["contribution"])).sum();
        let error = sum + number(&alert["intercept"]) - number(&alert["log_odds"]);
        assert!(error.abs() < 1e-9, "{error}: {alert}");
        assert!(number(&alert["risk"]) > 0.0 && number(&alert["threshold"]) > 0.0);
    }
    let raised = alerts.iter().filter(|m| m["alert"]["history"].as_array().unwrap().len() == 1);
    assert!(raised.clone().all(|m| m["alert"]["latency_us"]["total"].is_u64()));
    let mut quotes = 0;
    for alert in alerts.iter().map(|message| &message["alert"]) {
        let call = calls.iter().find(|call| call.id == alert["call_id"]).unwrap();
        for quote in alert["reasons"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|r| r["quotes"].as_array().unwrap())
        {
            let turn = &call.turns[quote["seq"].as_u64().unwrap() as usize - 1];
            let (start, end) = (quote["start"].as_u64().unwrap(), quote["end"].as_u64().unwrap());
            let text = format!("Zoë 👍 {}", turn.text);
            let words: String =
                text.chars().skip(start as usize).take((end - start) as usize).collect();
            assert_eq!(quote["text"], words, "{quote} of {text}");
            assert_eq!(quote["speaker"], turn.speaker.name());
            quotes += 1;
        }
    }
    assert!(quotes > 20, "{quotes} quotes");
}

/// A console that does not read loses nothing but its connection, and gets the rest on resuming.
#[tokio::test]
async fn a_console_that_is_too_slow_is_closed_and_resumes() {
    let server = Server::with_config("[hub]\nconsole_queue_bytes = 20000\n");
    let mut slow = Peer::open(server.address, "/v1/console", None).await;
    let epoch = slow.next().await["epoch"].as_str().unwrap().to_owned();
    let picture = offset(&slow.subscribe(json!({}), None).await[0]);
    let mut peer = server.plain_ingest().await;
    // More than the queue and the sockets' own buffers together can hold.
    let attributes = json!({"filler": "x".repeat(15_000)});
    let calls = 1_500;
    for number in 0..calls {
        peer.send(json!({"type": "call_start", "call_id": format!("c-{number}"),
                         "attributes": attributes}))
            .await;
    }
    peer.find(|m| m["type"] == "started" && m["call_id"] == format!("c-{}", calls - 1)).await;
    let mut seen = Vec::new();
    let code = loop {
        match slow.try_next().await {
            Ok(message) => seen.extend(message["offset"].as_u64()),
            Err(code) => break code,
        }
    };
    assert_eq!(code, "4008");
    assert!(seen.len() < calls, "it was too slow");
    // It may be closed before it was sent anything.
    let last = seen.last().copied().unwrap_or(picture);
    let mut again = server.console("sup").await;
    let parts = again.subscribe(json!({}), Some((&epoch, last))).await;
    assert_eq!(parts[0]["recovered"], true);
    while seen.len() < calls {
        seen.push(offset(&again.next_of("call").await));
    }
    assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "in order, none twice");
}

#[tokio::test]
async fn a_console_in_a_frenzy_is_sent_away() {
    let server = Server::with_config("[server]\ncommands_per_s = 1\n");
    let mut board = server.console("sup").await;
    for _ in 0..4 {
        board.send(json!({"type": "unwatch", "call_id": "c"})).await;
    }
    assert_eq!(board.close_code().await, 4429);
}

/// Risks of a call that a console has not taken yet make room for the newest; the last stays.
#[tokio::test]
async fn the_last_risk_is_always_shown() {
    let server = Server::start();
    let mut board = server.board("sup").await;
    let mut peer = server.ingest().await;
    let call = calls("ta.jsonl", 1).remove(0);
    peer.start("c-1").await;
    let mut last = Value::Null;
    for (turn, seq) in call.turns.iter().zip(1..) {
        peer.chunk("c-1", seq, turn.speaker.name(), &turn.text).await;
    }
    while last["seq"].as_u64() != Some(call.turns.len() as u64) {
        last = peer.next_of("score").await;
    }
    // A reply may overtake risks that wait, so the last one itself is what ends the wait.
    let mut risks = 0;
    loop {
        risks += 1;
        if board.next_of("risk").await["risk"] == last["risk"] {
            break;
        }
    }
    assert!(risks <= call.turns.len() + 1, "one for the start and one for each chunk at most");
}
