//! Calls out of scope are as if they were not there.

use serde_json::{Value, json};

use super::*;

/// A server with a call in each of two queues, an alert on each, and their platform.
struct Scene {
    _folder: tempfile::TempDir,
    server: Server,
    pbx: Peer,
    admin: String,
    /// Sees `billing` only.
    narrow: String,
    /// The agent of the call in `billing`.
    agent: String,
    /// A platform of `billing`.
    feed: String,
}

async fn scene() -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let admin = token(dir, &["--role", "admin", "--user", "root"]);
    let scope = ["--scope", "queue:billing"];
    let narrow = token(dir, &[&["--role", "supervisor", "--user", "ana"], &scope[..]].concat());
    let agent = token(dir, &["--role", "agent", "--user", "a17"]);
    let feed = token(dir, &[&["--role", "ingest"], &scope[..]].concat());
    let all = token(dir, &["--role", "ingest"]);
    let server = Server::on_disk_with(dir, "");
    let mut pbx = platform(&server, &all).await;
    let (mut root, _) = console(&server, &admin).await;
    for (call_id, queue, agent) in [("seen", "billing", "a17"), ("hidden", "sales", "b2")] {
        let start = json!({"call_id": call_id, "queue": queue, "team": "t1", "agent_id": agent});
        pbx.start_with(start).await;
        pbx.chunk(call_id, 1, "customer", "the zebra words").await;
        pbx.acked(call_id, 1).await;
        let hand = root.command("h", json!({"type": "raise_hand", "call_id": call_id})).await;
        assert_eq!(hand["ok"], true, "{hand}");
    }
    Scene { _folder: folder, server, pbx, admin, narrow, agent, feed }
}

fn ids(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["call_id"].as_str().unwrap()).collect()
}

/// Which calls a list shows, of those that are open, and of those that are over.
#[tokio::test]
async fn rest_neither_shows_nor_counts_what_is_out_of_scope() {
    let mut scene = scene().await;
    for state in ["open", "ended"] {
        let Scene { server, admin, narrow, agent, .. } = &scene;
        for token in [narrow, agent] {
            let (_, calls) = ask(server, token, "/v1/calls").await;
            assert_eq!(ids(&calls), ["seen"], "{state}");
            for query in ["q=zebra", "q=hidden", "queue=sales", "agent=b2", "alerted=true"] {
                let (_, found) = ask(server, token, &format!("/v1/calls?{query}")).await;
                assert!(!ids(&found).contains(&"hidden"), "{state} {query}");
            }
            for query in ["", "?queue=sales", "?call_id=hidden"] {
                let (_, alerts) = ask(server, token, &format!("/v1/alerts{query}")).await;
                assert!(!ids(&alerts).contains(&"hidden"), "{state} {query}");
            }
            let (_, shift) = ask(server, token, "/v1/shift").await;
            assert_eq!(
                (&shift["totals"]["calls"], &shift["totals"]["raised"]),
                (&json!(1), &json!(1))
            );
            for ending in ["", ".vcon", ".vtt", "?format=vcon", "?format=vtt"] {
                let path = |id: &str| format!("/v1/calls/{id}{ending}");
                let hidden = ask(server, token, &path("hidden")).await;
                let nobody = ask(server, token, &path("nobody")).await;
                assert_eq!((hidden.0, &hidden), (404, &nobody), "{state} {ending}");
                let seen = request(server, token, "GET", &path("seen"), "").await.0;
                assert!(seen != 404, "{state} {ending}");
            }
        }
        let (_, all) = ask(server, admin, "/v1/calls").await;
        assert_eq!(ids(&all).len(), 2);
        let (_, shift) = ask(server, admin, "/v1/shift").await;
        assert_eq!(shift["totals"]["calls"], 2);
        for call_id in ["seen", "hidden"] {
            scene.pbx.send(json!({"type": "call_end", "call_id": call_id, "seq": 2})).await;
            scene.pbx.acked(call_id, 2).await;
        }
    }
}

#[tokio::test]
async fn consoles_hear_nothing_of_what_is_out_of_scope() {
    let mut scene = scene().await;
    let (_, alerts) = ask(&scene.server, &scene.admin, "/v1/alerts?call_id=hidden").await;
    let alert = alerts["items"][0]["alert_id"].as_str().unwrap().to_owned();
    for token in [&scene.narrow, &scene.agent] {
        let (mut peer, hello) = console(&scene.server, token).await;
        assert!(!hello["scopes"].as_array().unwrap().is_empty(), "{hello}");
        let since = Some((hello["epoch"].as_str().unwrap(), 0));
        let mut seen = Vec::new();
        for filter in [json!({}), json!({"queues": ["sales"]}), json!({"calls": ["hidden"]})] {
            seen.extend(peer.subscribe(filter.clone(), None).await);
            let resumed = peer.subscribe(filter, since).await;
            assert_eq!(resumed[0]["recovered"], true);
            seen.extend(resumed);
            seen.extend(peer.quiet("q").await);
        }
        assert!(seen.iter().any(|m| m.to_string().contains("seen")), "it sees its own");
        let text = serde_json::to_string(&seen).unwrap();
        assert!(!text.contains("hidden") && !text.contains("sales"), "{text}");
        // What is there and what is not are told apart by nothing.
        for (command, there, not_there) in [
            ("watch", "hidden", "nobody"),
            ("raise_hand", "hidden", "nobody"),
            ("acknowledge", alert.as_str(), "al-nobody"),
        ] {
            let of = |id: &str| json!({"type": command, "call_id": id, "alert_id": id});
            let hidden = peer.command("x", of(there)).await.to_string().replace(there, "ID");
            let nobody =
                peer.command("x", of(not_there)).await.to_string().replace(not_there, "ID");
            assert_eq!(hidden, nobody);
            assert!(hidden.contains("not_found"), "{hidden}");
        }
        let own = peer.command("w", json!({"type": "watch", "call_id": "seen"})).await;
        assert_eq!(own["ok"], true);
    }
    let (_, still) = ask(&scene.server, &scene.admin, "/v1/alerts?call_id=hidden").await;
    assert_eq!(still["items"][0]["state"], "raised", "nobody touched it");
    scene.pbx.settled("m").await;
}

#[tokio::test]
async fn what_leaves_the_scope_is_sent_once_more_and_then_no_more() {
    let mut scene = scene().await;
    let (mut peer, _) = board(&scene.server, &scene.narrow).await;
    peer.command("w", json!({"type": "watch", "call_id": "seen"})).await;
    peer.next_of("chunk").await;
    scene
        .pbx
        .send(json!({"type": "call_update", "call_id": "seen", "seq": 2, "queue": "sales"}))
        .await;
    scene.pbx.chunk("seen", 3, "customer", "said elsewhere").await;
    scene.pbx.acked("seen", 3).await;
    let last = peer.find(|m| m["type"] == "call" && m["call"]["call_id"] == "seen").await;
    assert_eq!(last["call"]["queue"], "sales", "so the console can drop it");
    scene.pbx.chunk("seen", 4, "customer", "and more").await;
    scene.pbx.acked("seen", 4).await;
    let after = serde_json::to_string(&peer.quiet("q").await).unwrap();
    assert!(!after.contains("said elsewhere") && !after.contains("and more"), "{after}");
    assert!(!after.contains("\"seen\""), "nor its risk: {after}");
    let again = peer.command("w2", json!({"type": "watch", "call_id": "seen"})).await;
    assert_eq!(again["code"], "not_found");
    assert_eq!(ask(&scene.server, &scene.narrow, "/v1/calls/seen").await.0, 404);
    // And when it comes back it is there again.
    scene
        .pbx
        .send(json!({"type": "call_update", "call_id": "seen", "seq": 5, "queue": "billing"}))
        .await;
    let back = peer.find(|m| m["type"] == "call" && m["call"]["call_id"] == "seen").await;
    assert_eq!(back["call"]["queue"], "billing");
}

#[tokio::test]
async fn a_platform_keeps_to_its_calls() {
    let mut scene = scene().await;
    let mut feed = platform(&scene.server, &scene.feed).await;
    let refused = async |feed: &mut Peer, message: Value| {
        feed.send(message.clone()).await;
        let answer = feed.next().await;
        assert_eq!((&answer["type"], &answer["temporary"]), (&json!("error"), &json!(false)));
        let id = message["call_id"].as_str().unwrap().to_owned();
        let text = answer["message"].as_str().unwrap().replace(&id, "ID");
        (answer["code"].as_str().unwrap().to_owned(), text)
    };
    let start =
        |id: &str, queue: &str| json!({"type": "call_start", "call_id": id, "queue": queue});
    // A new call elsewhere, one that is there, one without a queue: all the same.
    let (code, text) = refused(&mut feed, start("new", "sales")).await;
    assert_eq!(code, "forbidden");
    assert_eq!(
        refused(&mut feed, start("hidden", "billing")).await,
        ("forbidden".into(), text.clone())
    );
    assert_eq!(
        refused(&mut feed, start("hidden", "sales")).await,
        ("forbidden".into(), text.clone())
    );
    let bare = json!({"type": "call_start", "call_id": "bare"});
    assert_eq!(refused(&mut feed, bare).await, ("forbidden".into(), text.clone()));
    let unknown = refused(&mut feed, chunk("nobody", 1, "customer", "x")).await;
    assert_eq!(unknown, ("unknown_call".into(), text.clone()), "worded alike");
    // Also of calls that are over, whose chunks would be acked again.
    scene.pbx.send(json!({"type": "call_end", "call_id": "hidden", "seq": 2})).await;
    scene.pbx.acked("hidden", 2).await;
    assert_eq!(refused(&mut feed, chunk("hidden", 1, "customer", "x")).await, unknown);
    assert_eq!(refused(&mut feed, chunk("hidden", 9, "customer", "x")).await, unknown);
    assert_eq!(
        refused(&mut feed, start("hidden", "billing")).await,
        ("forbidden".into(), text.clone())
    );
    // Its own calls work, may be resumed, and stay where they are.
    feed.start_with(json!({"call_id": "own", "queue": "billing"})).await;
    let away = json!({"type": "call_update", "call_id": "own", "seq": 1, "queue": "sales"});
    assert_eq!(refused(&mut feed, away).await, ("forbidden".into(), text));
    feed.acked("own", 1).await;
    feed.chunk("own", 2, "customer", "hello").await;
    feed.acked("own", 2).await;
    let (_, call) = ask(&scene.server, &scene.narrow, "/v1/calls/own").await;
    assert_eq!((&call["queue"], &call["last_seq"]), (&json!("billing"), &json!(2)));
    let taken = feed.start_with(json!({"call_id": "seen"})).await;
    assert_eq!(taken["last_seq"], 1, "one of another platform in its own queue");
    let hook = |id: &str, queue: &str| {
        format!("/v1/webhooks/vosk?call_id={id}&queue={queue}&roles=customer")
    };
    for (id, queue, expected) in
        [("w1", "billing", 204), ("w2", "sales", 404), ("hidden", "billing", 404)]
    {
        let (status, body) =
            request(&scene.server, &scene.feed, "POST", &hook(id, queue), r#"{"text":"x"}"#).await;
        assert_eq!(status, expected, "{id} {queue}: {body}");
    }
    assert_eq!(ask(&scene.server, &scene.admin, "/v1/calls/w2").await.0, 404);
}
