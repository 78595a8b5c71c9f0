//! REST over the journal: what is in memory and what is only in the tables, as one.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use forewarn::call::{Outcome, Speaker, Timestamp};
use forewarn::engine::alert::Alert;
use forewarn::engine::effects::{CallPhase, CallView, Said};
use forewarn::engine::event::{CallStart, Event, Recorded};
use forewarn::journal::sqlite::Sqlite;
use forewarn::journal::{Archive, Journal, Record, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::*;

/// A server that keeps almost nothing of ended calls in memory.
struct Forgetful {
    folder: TempDir,
    server: Option<Server>,
}

impl Forgetful {
    fn start() -> Forgetful {
        Forgetful::with_desk("kept_calls = 1")
    }

    /// With settings of the desk.
    fn with_desk(desk: &str) -> Forgetful {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let config = format!(
            "data_dir = {:?}\n[journal]\nhistory_messages = 0\n[desk]\n{desk}\n\
             [hub]\nended_calls = 2\nclosed_alerts = 2\nring_messages = 5\n",
            data.to_str().unwrap()
        );
        std::fs::write(folder.path().join("forewarn.toml"), config).unwrap();
        let mut forgetful = Forgetful { folder, server: None };
        forgetful.restart();
        forgetful
    }

    /// As after a crash.
    fn restart(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill();
            server.wait();
        }
        self.server = Some(Server::with_file(&self.folder.path().join("forewarn.toml")));
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        get(self.server().address, path).await
    }

    /// Ids of a whole list, part by part.
    async fn ids(&self, path: &str) -> Vec<String> {
        let mut ids = Vec::new();
        let mut after = String::new();
        loop {
            let page = self.get(&format!("{path}{after}")).await;
            ids.extend(page["items"].as_array().unwrap().iter().map(id));
            let Some(next) = page["next"].as_str() else { return ids };
            after = format!("{}after={next}", if path.contains('?') { "&" } else { "?" });
        }
    }

    async fn refused(&self, path: &str) -> String {
        let (status, _, body) = http(self.server().address, "GET", path, "").await;
        assert_eq!(status, 400, "{path}: {body}");
        serde_json::from_str::<Value>(&body).unwrap()["message"].as_str().unwrap().to_owned()
    }
}

fn id(item: &Value) -> String {
    item["alert_id"].as_str().or(item["call_id"].as_str()).unwrap().to_owned()
}

/// One whole call: its start, what is said, its end.
async fn call(peer: &mut Peer, mut start: Value, said: &[&str], outcome: Value) {
    let call_id = start["call_id"].as_str().unwrap().to_owned();
    if start.get("started_at").is_none() {
        start["started_at"] = json!("2026-11-20T10:00:00Z");
    }
    peer.start_with(start).await;
    for (seq, text) in (1..).zip(said) {
        peer.chunk(&call_id, seq, "customer", text).await;
    }
    let seq = said.len() as u64 + 1;
    peer.send(json!({"type": "call_end", "call_id": call_id, "seq": seq, "outcome": outcome}))
        .await;
    peer.acked(&call_id, seq).await;
}

#[tokio::test]
async fn calls_that_left_memory_are_listed_after_a_restart_too() {
    let mut forgetful = Forgetful::start();
    let mut peer = forgetful.server().ingest().await;
    for number in 0..9 {
        let start = json!({"call_id": format!("c-{number}"), "attributes": {"n": number}});
        call(&mut peer, start, &["hello there"], Value::Null).await;
    }
    peer.start("open").await;
    let expected: Vec<String> = std::iter::once("open".to_owned())
        .chain((0..9).rev().map(|number| format!("c-{number}")))
        .collect();
    assert_eq!(forgetful.server().metric("hub_ended_calls").await, 2, "they have left memory");
    for limit in [1, 2, 3, 100] {
        assert_eq!(forgetful.ids(&format!("/v1/calls?limit={limit}")).await, expected);
    }
    let before = forgetful.get("/v1/calls").await;
    let page = forgetful.get("/v1/calls?limit=4").await;
    let next = page["next"].as_str().unwrap().to_owned();
    forgetful.restart();
    let after = forgetful.get("/v1/calls").await;
    assert_eq!(after, before, "a call looks the same wherever it lies");
    let rest = forgetful.get(&format!("/v1/calls?after={next}")).await;
    assert_eq!(rest["items"], json!(before["items"].as_array().unwrap()[4..]), "an old `next`");
    assert_eq!(after["items"][9]["attributes"], json!({"n": 0}));
    assert_eq!(forgetful.ids("/v1/calls?state=open").await, ["open"]);
}

#[tokio::test]
async fn pages_go_over_the_seam_while_calls_end() {
    let forgetful = Forgetful::start();
    let mut peer = forgetful.server().ingest().await;
    let name = |number: usize| format!("c-{number:03}");
    for number in 0..60 {
        peer.start(&name(number)).await;
    }
    // Every third has ended before, and others do so between two pages.
    let mut ended: BTreeSet<usize> = (0..60).step_by(3).collect();
    let end = async |peer: &mut Peer, number: usize| {
        let call_id = name(number);
        peer.send(json!({"type": "call_end", "call_id": call_id, "seq": 1})).await;
        peer.acked(&call_id, 1).await;
    };
    for number in &ended {
        end(&mut peer, *number).await;
    }
    let mut seen = Vec::new();
    let mut path = "/v1/calls?limit=7".to_owned();
    for step in 0.. {
        let page = forgetful.get(&path).await;
        seen.extend(page["items"].as_array().unwrap().iter().map(id));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/calls?limit=7&after={next}");
        for number in [(step * 17 + 1) % 60, (step * 29 + 2) % 60, 58 - step] {
            if ended.insert(number) {
                end(&mut peer, number).await;
            }
        }
    }
    let expected: Vec<String> = (0..60).rev().map(name).collect();
    assert_eq!(seen, expected, "each once, newest first");
}

#[tokio::test]
async fn one_call_has_its_transcript_and_all_its_alerts() {
    let mut forgetful = Forgetful::start();
    let mut peer = forgetful.server().ingest().await;
    let mut board = forgetful.server().board("sup").await;
    peer.start_with(json!({"call_id": "a b/ü", "queue": "billing"})).await;
    peer.chunk("a b/ü", 1, "customer", "where is my parcel").await;
    peer.acked("a b/ü", 1).await;
    board.send(json!({"type": "raise_hand", "call_id": "a b/ü", "note": "fee"})).await;
    let raised = board.next_of("alert").await["alert"]["alert_id"].clone();
    let path = "/v1/calls/a%20b%2F%C3%BC";
    let open = forgetful.get(path).await;
    assert_eq!((&open["alerts"][0], &open["alert_list"][0]["alert_id"]), (&raised, &raised));
    let resolve = json!({"type": "resolve", "alert_id": raised, "outcome": "averted"});
    assert_eq!(board.command("1", resolve).await["ok"], true);
    peer.send(json!({"type": "call_end", "call_id": "a b/ü", "seq": 2})).await;
    peer.acked("a b/ü", 2).await;
    let memory = forgetful.get(path).await;
    for number in 0..5 {
        call(&mut peer, json!({"call_id": format!("c-{number}")}), &[], Value::Null).await;
    }
    let tables = forgetful.get(path).await;
    assert_eq!(tables, memory, "the same from the tables");
    assert_eq!(tables["alert_list"][0]["outcome"], "averted");
    assert_eq!(tables["alert_list"][0]["reasons"][0]["feature"], "manual");
    assert_eq!((&tables["alerts"], &tables["transcript"][0]["seq"]), (&json!([]), &json!(1)));
    forgetful.restart();
    assert_eq!(forgetful.get(path).await, memory, "and after a restart");
    assert_eq!(forgetful.get("/v1/alerts?state=open").await["items"], json!([]));
    let alerts = forgetful.get("/v1/alerts?call_id=a%20b%2F%C3%BC").await;
    assert_eq!(alerts["items"], memory["alert_list"]);
}

#[tokio::test]
async fn a_call_that_is_opened_again_has_its_place_and_its_past() {
    let mut forgetful = Forgetful::with_desk("resume_grace_s = 1");
    let mut board = forgetful.server().board("sup").await;
    let mut peer = forgetful.server().ingest().await;
    peer.start("old").await;
    peer.chunk("old", 1, "customer", "where is my parcel").await;
    peer.acked("old", 1).await;
    let resolve = json!({"type": "resolve", "outcome": "averted"});
    hand(&mut board, "old", &[resolve]).await;
    drop(peer);
    board.find(|m| m["event"] == "ended" && m["call"]["call_id"] == "old").await;
    let mut peer = forgetful.server().ingest().await;
    for number in 0..4 {
        call(&mut peer, json!({"call_id": format!("c-{number}")}), &[], Value::Null).await;
    }
    assert_eq!(peer.start("old").await["reopened"], true);
    peer.chunk("old", 2, "customer", "hello again").await;
    peer.acked("old", 2).await;
    for _ in 0..2 {
        assert_eq!(forgetful.ids("/v1/calls?limit=2").await, ["c-3", "c-2", "c-1", "c-0", "old"]);
        let old = forgetful.get("/v1/calls/old").await;
        let texts: Vec<_> =
            old["transcript"].as_array().unwrap().iter().map(|c| c["text"].clone()).collect();
        assert_eq!(texts, ["where is my parcel", "hello again"]);
        assert_eq!(old["alert_list"][0]["outcome"], "averted");
        assert_eq!(forgetful.ids("/v1/calls?q=parcel+again").await, ["old"]);
        assert_eq!(forgetful.ids("/v1/calls?alerted=true").await, ["old"]);
        forgetful.restart();
    }
}

/// Somebody has its alert still when the call has left memory.
#[tokio::test]
async fn what_is_done_to_a_call_that_left_memory_is_shown() {
    let mut forgetful = Forgetful::start();
    let mut peer = forgetful.server().ingest().await;
    let mut board = forgetful.server().board("sup").await;
    peer.start("old").await;
    peer.chunk("old", 1, "customer", "where is my parcel").await;
    peer.acked("old", 1).await;
    let alert = hand(&mut board, "old", &[json!({"type": "acknowledge"})]).await;
    peer.send(json!({"type": "call_end", "call_id": "old", "seq": 2})).await;
    peer.acked("old", 2).await;
    for number in 0..4 {
        call(&mut peer, json!({"call_id": format!("c-{number}")}), &[], Value::Null).await;
    }
    let resolve = json!({"type": "resolve", "alert_id": alert, "outcome": "averted"});
    assert_eq!(board.command("1", resolve).await["ok"], true);
    for _ in 0..2 {
        assert_eq!(forgetful.ids("/v1/calls?limit=2").await, ["c-3", "c-2", "c-1", "c-0", "old"]);
        let old = forgetful.get("/v1/calls/old").await;
        assert_eq!(old["transcript"][0]["text"], "where is my parcel");
        let alerts = old["alert_list"].as_array().unwrap();
        assert_eq!((alerts.len(), &alerts[0]["state"]), (1, &json!("resolved")));
        assert_eq!(forgetful.ids("/v1/calls?q=parcel").await, ["old"]);
        forgetful.restart();
    }
}

#[tokio::test]
async fn of_two_calls_of_one_id_the_newest_is_shown() {
    let mut forgetful = Forgetful::with_desk("kept_calls = 1\nremembered_calls = 0");
    let mut peer = forgetful.server().ingest().await;
    call(&mut peer, json!({"call_id": "c", "queue": "first"}), &["one"], Value::Null).await;
    call(&mut peer, json!({"call_id": "d"}), &[], Value::Null).await;
    // The desk lets go of it within a second.
    while peer.start_with(json!({"call_id": "c", "queue": "second"})).await["ended"] == true {}
    peer.chunk("c", 1, "customer", "another").await;
    peer.acked("c", 1).await;
    for state in ["open", "ended"] {
        for _ in 0..2 {
            assert_eq!(forgetful.ids("/v1/calls?limit=1").await, ["c", "d", "c"], "{state}");
            let newest = forgetful.get("/v1/calls/c").await;
            assert_eq!((&newest["queue"], &newest["state"]), (&json!("second"), &json!(state)));
            let said: Vec<_> = newest["transcript"].as_array().unwrap().iter().collect();
            assert_eq!((said.len(), &said[0]["text"]), (1, &json!("another")));
            assert_eq!(forgetful.ids("/v1/calls?q=one").await, ["c"]);
            forgetful.restart();
        }
        let mut peer = forgetful.server().ingest().await;
        if state == "open" {
            peer.start("c").await;
            peer.send(json!({"type": "call_end", "call_id": "c", "seq": 2})).await;
            peer.acked("c", 2).await;
        }
    }
}

#[tokio::test]
async fn calls_are_found_by_what_they_are_and_by_what_was_said() {
    let mut forgetful = Forgetful::start();
    let mut peer = forgetful.server().ingest().await;
    let escalated = json!({"escalated": true});
    let start = json!({"call_id": "bill-1", "queue": "billing", "team": "t1", "agent_id": "a1",
        "attributes": {"tier": "Gold"}, "started_at": "2026-11-20T09:00:00Z"});
    call(&mut peer, start, &["the Éclair was cold", "send a refund"], escalated).await;
    let start = json!({"call_id": "bill-2", "queue": "billing", "team": "t2", "agent_id": "a2",
        "started_at": "2026-11-20T10:00:00Z"});
    call(&mut peer, start, &["refund my eclair"], json!({"escalated": false})).await;
    let start = json!({"call_id": "ship-1", "queue": "shipping", "team": "t1", "agent_id": "a1",
        "started_at": "2026-11-20T11:00:00Z"});
    call(&mut peer, start, &["nothing"], Value::Null).await;
    for number in 0..4 {
        let start = json!({"call_id": format!("x-{number}"), "started_at": "2026-11-19T00:00:00Z"});
        call(&mut peer, start, &[], Value::Null).await;
    }
    peer.start_with(json!({"call_id": "live-1", "queue": "shipping",
        "started_at": "2026-11-20T12:00:00Z"}))
        .await;
    peer.chunk("live-1", 1, "customer", "I want a REFUND at once").await;
    peer.acked("live-1", 1).await;
    let mut board = forgetful.server().board("sup").await;
    let hand = json!({"type": "raise_hand", "call_id": "live-1"});
    assert_eq!(board.command("1", hand).await["ok"], true);
    for _ in 0..2 {
        for (query, found) in [
            ("queue=billing", vec!["bill-2", "bill-1"]),
            ("queue=billing&team=t1", vec!["bill-1"]),
            ("agent=a1", vec!["ship-1", "bill-1"]),
            ("outcome=escalated", vec!["bill-1"]),
            ("outcome=not_escalated", vec!["bill-2"]),
            ("outcome=unknown&queue=shipping", vec!["live-1", "ship-1"]),
            ("from=2026-11-20T10:00:00Z", vec!["live-1", "ship-1", "bill-2"]),
            ("from=2026-11-20T09:00:00Z&to=2026-11-20T10:00:00Z", vec!["bill-1"]),
            ("alerted=true", vec!["live-1"]),
            ("alerted=false&queue=shipping", vec!["ship-1"]),
            ("q=refund", vec!["live-1", "bill-2", "bill-1"]),
            ("q=REFUND%20%C3%89CLAIR", vec!["bill-1"]),
            ("q=efun&state=ended", vec!["bill-2", "bill-1"]),
            ("q=gold", vec!["bill-1"]),
            ("q=bill", vec!["bill-2", "bill-1"]),
            ("q=ship-1", vec!["ship-1"]),
            ("q=nowhere", vec![]),
        ] {
            assert_eq!(forgetful.ids(&format!("/v1/calls?{query}")).await, found, "{query}");
            let paged = forgetful.ids(&format!("/v1/calls?limit=1&{query}")).await;
            assert_eq!(paged, found, "{query} one by one");
        }
        forgetful.restart();
    }
}

#[tokio::test]
async fn what_cannot_be_meant_is_named() {
    let forgetful = Forgetful::start();
    for (path, named) in [
        ("/v1/calls?state=asleep", "`state` must be open or ended"),
        ("/v1/calls?outcome=bad", "`outcome` must be escalated, not_escalated or unknown"),
        ("/v1/calls?from=yesterday", "`from` must be an RFC 3339 time"),
        ("/v1/calls?from=2026-11-22T03:40:00Z&to=2026-11-22T03:40:00Z", "`from` must be before"),
        ("/v1/calls?alerted=1", "`alerted` must be true or false"),
        ("/v1/calls?q=%20", "`q` is blank"),
        ("/v1/calls?q=1+2+3+4+5+6+7+8+9", "`q` has more than 8 words"),
        ("/v1/calls?queue=", "`queue` is empty"),
        ("/v1/calls?queue=a&queue=b", "`queue` is there twice"),
        ("/v1/calls?agnet=a", "`agnet` is no parameter here; there are state, queue"),
        ("/v1/calls?after=x", "`after` must be the `next`"),
        ("/v1/calls?limit=1001", "`limit` must be a whole number from 1 to 1000"),
        ("/v1/alerts?after=7", "`after` must be the `next`"),
        ("/v1/alerts?kind=odd", "`kind` must be risk, trigger or manual"),
        ("/v1/alerts?level=high", "`level` must be watch, warning or critical"),
        ("/v1/alerts?state=new", "`state` must be open, closed, raised"),
        ("/v1/shift?from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:01Z", "31 days apart"),
        ("/v1/shift?from=2126-01-01T00:00:00Z", "`from` must be before now"),
        ("/v1/shift?limit=3", "`limit` is no parameter here"),
    ] {
        let message = forgetful.refused(path).await;
        assert!(message.contains(named), "{path}: {message}");
    }
}

/// Raises an alert by a hand, and does something with it.
async fn hand(board: &mut Peer, call_id: &str, acts: &[Value]) -> String {
    board.send(json!({"type": "raise_hand", "call_id": call_id})).await;
    let raised =
        board.find(|m| m["alert"]["call_id"] == call_id && m["alert"]["state"] == "raised").await;
    let id = id(&raised["alert"]);
    for act in acts {
        let mut command = act.clone();
        command["alert_id"] = json!(id);
        assert_eq!(board.command("act", command).await["ok"], true);
    }
    id
}

#[tokio::test]
async fn a_shift_has_its_figures() {
    let mut forgetful = Forgetful::start();
    let mut peer = forgetful.server().ingest().await;
    let mut board = forgetful.server().board("sup").await;
    let resolve = |outcome: &str| json!({"type": "resolve", "outcome": outcome});
    let acknowledge = json!({"type": "acknowledge"});
    let eight = forgetful.get("/v1/shift").await;
    assert_eq!(eight["hours"].as_array().unwrap().len(), 8);
    // One hour more, should it strike meanwhile.
    let to = Timestamp::parse(eight["to"].as_str().unwrap()).unwrap();
    let (from, end) = (to.plus_ms(-8 * 3_600_000), to.plus_ms(3_600_000));
    let path = format!("/v1/shift?from={from}&to={end}");
    let this_hour = to.plus_ms(-1_800_000).to_string();
    let earlier = to.plus_ms(-5_400_000).to_string();
    for (name, queue, began, acts) in [
        ("right", "billing", &this_hour, vec![acknowledge.clone(), resolve("escalated")]),
        ("averted", "billing", &this_hour, vec![acknowledge.clone(), resolve("averted")]),
        ("false", "billing", &earlier, vec![resolve("false_alarm")]),
        ("twice", "sales", &earlier, vec![resolve("duplicate")]),
    ] {
        peer.start_with(json!({"call_id": name, "queue": queue, "started_at": began})).await;
        hand(&mut board, name, &acts).await;
        peer.send(json!({"type": "call_end", "call_id": name, "seq": 1})).await;
        peer.acked(name, 1).await;
    }
    let start = json!({"call_id": "missed", "queue": "billing", "started_at": earlier});
    call(&mut peer, start, &[], json!({"escalated": true})).await;
    let start = json!({"call_id": "old", "queue": "billing",
        "started_at": to.plus_ms(-9 * 3_600_000)});
    call(&mut peer, start, &[], json!({"escalated": true})).await;
    peer.start_with(json!({"call_id": "open", "queue": "billing", "started_at": this_hour})).await;
    hand(&mut board, "open", &[]).await;
    for _ in 0..2 {
        let shift = forgetful.get(&path).await;
        let hours = shift["hours"].as_array().unwrap();
        let calls: Vec<_> = hours.iter().map(|hour| hour["calls"].as_u64().unwrap()).collect();
        assert_eq!(calls, [0, 0, 0, 0, 0, 0, 3, 3, 0]);
        assert_eq!(
            shift["totals"],
            json!({"calls": 6, "missed": 1, "raised": 5, "held": 0, "escalated": 1,
                "averted": 1, "false_alarm": 1, "duplicate": 1, "unjudged": 0,
                "retracted": 0, "open": 1})
        );
        assert_eq!((&hours[6]["missed"], &hours[6]["raised"]), (&json!(1), &json!(0)));
        assert_eq!(shift["precision"], json!(2.0 / 3.0));
        assert_eq!(shift["acknowledged"], 2);
        assert!(shift["median_ms_to_acknowledge"].is_u64());
        let billing = forgetful.get(&format!("{path}&queue=billing")).await;
        assert_eq!(
            (&billing["totals"]["calls"], &billing["totals"]["raised"]),
            (&json!(5), &json!(4))
        );
        let nobody = forgetful.get(&format!("{path}&team=t9")).await;
        assert_eq!((&nobody["totals"]["calls"], &nobody["precision"]), (&json!(0), &Value::Null));
        assert_eq!(nobody["p90_ms_to_acknowledge"], Value::Null);
        forgetful.restart();
    }
}

#[tokio::test]
async fn a_shift_without_a_data_directory_counts_what_is_in_memory() {
    let server = Server::start();
    let mut peer = server.ingest().await;
    let mut board = server.board("sup").await;
    peer.start_with(json!({"call_id": "c"})).await;
    hand(&mut board, "c", &[json!({"type": "acknowledge"})]).await;
    let shift = get(server.address, "/v1/shift").await;
    assert_eq!((&shift["totals"]["raised"], &shift["acknowledged"]), (&json!(1), &json!(1)));
    assert_eq!(shift["totals"]["calls"], 1);
}

#[tokio::test]
async fn alerts_are_listed_over_the_seam() {
    let mut forgetful = Forgetful::start();
    let mut peer = forgetful.server().ingest().await;
    let mut board = forgetful.server().board("sup").await;
    let mut expected = Vec::new();
    for number in 0..6 {
        let call_id = format!("c-{number}");
        let queue = if number % 2 == 0 { "even" } else { "odd" };
        peer.start_with(json!({"call_id": call_id, "queue": queue, "team": "t"})).await;
        let resolve = json!({"type": "resolve", "outcome": "averted"});
        expected.insert(0, hand(&mut board, &call_id, &[resolve]).await);
        peer.send(json!({"type": "call_end", "call_id": call_id, "seq": 1})).await;
        peer.acked(&call_id, 1).await;
    }
    peer.start_with(json!({"call_id": "open", "queue": "even"})).await;
    let open = hand(&mut board, "open", &[]).await;
    expected.insert(0, open.clone());
    let raised = |list: &Value| list["items"][3]["raised_at"].as_str().unwrap().to_owned();
    for _ in 0..2 {
        for limit in [1, 2, 100] {
            assert_eq!(forgetful.ids(&format!("/v1/alerts?limit={limit}")).await, expected);
        }
        assert_eq!(forgetful.ids("/v1/alerts?state=open").await, std::slice::from_ref(&open));
        assert_eq!(forgetful.ids("/v1/alerts?state=closed").await, expected[1..]);
        assert_eq!(forgetful.ids("/v1/alerts?queue=odd").await.len(), 3);
        assert_eq!(forgetful.ids("/v1/alerts?team=t&kind=manual").await.len(), 6);
        assert_eq!(forgetful.ids("/v1/alerts?kind=risk").await.len(), 0);
        assert_eq!(forgetful.ids("/v1/alerts?call_id=c-1").await, [expected[5].clone()]);
        let all = forgetful.get("/v1/alerts").await;
        let from = raised(&all);
        let since = forgetful.ids(&format!("/v1/alerts?from={from}")).await;
        let before = forgetful.ids(&format!("/v1/alerts?to={from}")).await;
        assert!(since.len() >= 4 && [since, before].concat() == expected);
        forgetful.restart();
    }
}

const MANY: u64 = 20_000;
const TURNS: u64 = 40;

/// Writes a journal of calls that have all ended, over the last 30 days.
fn fill(dir: &Path) {
    let mut journal = Sqlite::open(dir, &Settings::default(), "none").unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_millis()).unwrap();
    for hundred in 0..MANY / 100 {
        let calls = hundred * 100..(hundred + 1) * 100;
        let batch: Vec<Record> = calls.map(|call| archived(call, now)).collect();
        journal.commit(&batch, (hundred + 1) * 200).unwrap();
    }
    // Their events have gone, as they do some time after the end.
    let file = rusqlite::Connection::open(dir.join("journal.db")).unwrap();
    let newest = "(SELECT max(batch) FROM batches)";
    let sql = format!("DELETE FROM log_calls; DELETE FROM batches WHERE batch < {newest}");
    file.execute_batch(&sql).unwrap();
}

fn archived(number: u64, now: i64) -> Record {
    let call_id = format!("c-{number}");
    let age_ms = 30 * 86_400_000 * (MANY - number) as i64 / MANY as i64;
    let at = Timestamp(now - age_ms);
    let escalated = number.is_multiple_of(7);
    let view: Value = json!({"call_id": call_id, "queue": "billing", "team": "t1",
        "agent_id": "a1", "attributes": {"tier": "gold"}, "state": CallPhase::Ended,
        "started_at": at, "ended_at": at, "reason": "completed",
        "outcome": Outcome { escalated, ..Outcome::default() }, "last_seq": TURNS + 1,
        "at_ms": 1, "turns": TURNS, "risk": 0.4, "sentiment": 0.1, "trend": 0.0, "level": null,
        "alerts": [], "model": "m"});
    let view: Arc<CallView> = Arc::new(serde_json::from_value(view).unwrap());
    let said = (1..=TURNS).map(|seq| {
        let rare = if number == 5 && seq == 20 { " quokka" } else { "" };
        let text = format!("I have called {seq} times about the bill and nobody told me{rare}");
        let said = json!({"seq": seq, "segment_id": null, "final": true, "start_ms": seq * 9_000,
            "speaker": Speaker::Customer, "text": text, "sentiment": -0.4, "risk": 0.3,
            "highlights": [{"start": 2, "end": 13, "why": "repeat_contact", "weight": 0.4}]});
        Arc::new(serde_json::from_value::<Said>(said).unwrap())
    });
    let said = said.collect();
    let alerts = if number.is_multiple_of(3) { vec![raised(&call_id, at)] } else { Vec::new() };
    let start = CallStart { call_id: call_id.clone(), ..CallStart::default() };
    Record {
        call_id: call_id.into(),
        recorded: Recorded { at, event: Event::Start(start), held: Vec::new() },
        base_offset: number * 2,
        archive: Some(Box::new(Archive {
            view,
            lang: None,
            previous_call_id: None,
            said,
            alerts,
            ended_for_good: true,
            is_final: true,
        })),
        ruleset: None,
        changes: Vec::new(),
        call: None,
        claim: None,
    }
}

/// An alert of the size that real ones have.
fn raised(call_id: &str, at: Timestamp) -> Alert {
    let reason = json!({"feature": "act:refu", "label": "the agent refuses", "contribution": 0.4,
        "quotes": [{"seq": 3, "speaker": "agent", "text": "there is nothing I can do for you",
            "start": 0, "end": 33}]});
    let advice = json!({"title": "Own it", "say": "I will see this through. ".repeat(4),
        "avoid": "It is our policy.", "because": "refu"});
    let taken = json!({"state": "acknowledged", "at": at.plus_ms(20_000), "by": "sup"});
    let closed = json!({"state": "resolved", "at": at.plus_ms(90_000), "by": "sup"});
    let alert = json!({"alert_id": format!("al-{call_id}"), "dedup_key": "k", "call_id": call_id,
        "queue": "billing", "team": "t1", "agent_id": "a1", "kind": "risk", "level": "warning",
        "state": "resolved", "provisional": false, "held": false, "tier": 1, "notify": [],
        "owner": "sup", "risk": 0.6, "threshold": 0.5, "log_odds": 0.4, "intercept": -2.0,
        "sentiment": -0.3, "trend": 0.1, "raised_at": at, "at_ms": 9_000, "seq": 3,
        "reasons": vec![reason; 6], "guidance": vec![advice; 3], "recommendation": null,
        "history": [{"state": "raised", "at": at, "by": "engine"}, taken, closed],
        "outcome": "averted"});
    serde_json::from_value(alert).unwrap()
}

/// Prints how long reading takes and what it does to acks:
/// `cargo test --release --test it -- --ignored --nocapture reading_time`
#[tokio::test]
#[ignore = "measures"]
async fn reading_time() {
    let folder = tempfile::tempdir().unwrap();
    fill(&folder.path().join("data"));
    let config = folder.path().join("forewarn.toml");
    std::fs::write(&config, format!("data_dir = {:?}\n", folder.path().join("data"))).unwrap();
    let server = Server::with_file(&config);
    let to = get(server.address, "/v1/shift").await["to"].as_str().unwrap().to_owned();
    let from = Timestamp::parse(&to).unwrap().plus_ms(-30 * 86_400_000);
    let shift = format!("/v1/shift?from={from}&to={to}");
    let paths = [
        "/v1/calls",
        "/v1/calls?outcome=escalated&alerted=true",
        "/v1/calls?q=quokka",
        "/v1/calls?q=c-17",
        "/v1/calls/c-5",
        "/v1/alerts",
        "/v1/shift",
        &shift,
    ];
    acks(&server, "without readers").await;
    for _ in 0..2 {
        for path in paths {
            let began = Instant::now();
            let (status, _, body) = http(server.address, "GET", path, "").await;
            let body: Value = serde_json::from_str(&body).unwrap();
            let items = body["items"].as_array().map(Vec::len);
            let more = !body["next"].is_null();
            println!("{path}: {status} {:?}, items {items:?}, more {more}", began.elapsed());
        }
    }
    let address = server.address;
    let readers: Vec<_> = (0..4)
        .map(|_| {
            tokio::spawn(async move {
                loop {
                    http(address, "GET", "/v1/calls?q=quokka", "").await;
                }
            })
        })
        .collect();
    acks(&server, "beside four clients that search").await;
    readers.iter().for_each(tokio::task::JoinHandle::abort);
}

/// Prints how long chunks wait for their ack, one at a time.
async fn acks(server: &Server, when: &str) {
    let mut peer = server.plain_ingest().await;
    peer.start(when).await;
    let mut waits: Vec<Duration> = Vec::new();
    for seq in 1..=1_000 {
        let began = Instant::now();
        peer.chunk(when, seq, "customer", "nobody told me anything").await;
        peer.acked(when, seq).await;
        waits.push(began.elapsed());
    }
    waits.sort_unstable();
    println!("acks {when}: median {:?}, p99 {:?}, worst {:?}", waits[500], waits[990], waits[999]);
}
