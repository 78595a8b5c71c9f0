//! Who did what is listed, for admins, and nothing that was said.

use serde_json::{Value, json};

use super::*;

async fn entries(server: &Server, admin: &str, query: &str) -> Vec<Value> {
    let path = format!("/v1/audit{query}");
    let (mut status, mut list) = ask(server, admin, &path).await;
    // A test that waits for an entry asks faster than people do.
    while status == 429 {
        (status, list) = ask(server, admin, &path).await;
    }
    assert_eq!(status, 200, "{list}");
    list["items"].as_array().unwrap().clone()
}

/// The newest entry of a kind.
async fn newest(server: &Server, admin: &str, what: &str) -> Value {
    let found = entries(server, admin, &format!("?what={what}&limit=1")).await;
    found.into_iter().next().unwrap_or_else(|| panic!("no {what} is listed"))
}

#[tokio::test]
async fn what_people_do_is_listed_with_who_and_where() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let admin = token(dir, &["--role", "admin", "--user", "root"]);
    let (id, ana) = new_token(dir, &["--role", "supervisor", "--user", "ana"]);
    let agent = token(dir, &["--role", "agent", "--user", "a17"]);
    let feed = token(dir, &["--role", "ingest", "--user", "pbx", "--scope", "queue:billing"]);
    let server = Server::on_disk_with(dir, "");
    let mut pbx = platform(&server, &feed).await;
    let start = json!({"call_id": "c-1", "queue": "billing", "agent_id": "a17"});
    pbx.start_with(start).await;
    pbx.chunk("c-1", 1, "customer", "an unspeakable zebra").await;
    pbx.acked("c-1", 1).await;
    let (mut peer, _) = console(&server, &ana).await;
    let hand = json!({"type": "raise_hand", "call_id": "c-1", "note": "a zebra in a note"});
    assert_eq!(peer.command("h", hand).await["ok"], true);
    let (_, alerts) = ask(&server, &admin, "/v1/alerts").await;
    let alert = alerts["items"][0]["alert_id"].clone();
    for (what, fields, detail) in [
        ("raise_hand", json!({}), Value::Null),
        ("snooze", json!({"for_s": 60}), json!("60 s")),
        ("acknowledge", json!({}), Value::Null),
        ("assign", json!({"to": "ben"}), json!("to ben")),
        ("resolve", json!({"outcome": "averted", "note": "zebra"}), json!("averted")),
    ] {
        if what != "raise_hand" {
            let mut command = json!({"type": what, "alert_id": alert});
            command.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            let reply = peer.command(what, command).await;
            assert_eq!(reply["ok"], true, "{reply}");
        }
        let entry = newest(&server, &admin, what).await;
        let on = if what == "raise_hand" { json!("c-1") } else { alert.clone() };
        let expected = [json!("ana"), json!("supervisor"), json!(id), on, detail];
        let seen = ["who", "role", "token", "on", "detail"].map(|name| entry[name].clone());
        assert_eq!(seen, expected, "{entry}");
        assert_eq!(entry["address"], "127.0.0.1");
    }
    // Logins, refusals, exports.
    let logins = entries(&server, &admin, "?what=login&who=ana").await;
    assert_eq!(logins[0]["on"], "/v1/console", "{logins:?}");
    assert_eq!(newest(&server, &admin, "login").await["who"], "root");
    let (mut panel, _) = console(&server, &agent).await;
    let put_off = json!({"type": "snooze", "alert_id": alert, "for_s": 60});
    assert_eq!(panel.command("s", put_off).await["code"], "forbidden");
    let refused = newest(&server, &admin, "refused").await;
    assert_eq!((&refused["who"], &refused["detail"]), (&json!("a17"), &json!("snooze")));
    assert_eq!(ask(&server, &ana, "/v1/audit").await.0, 403);
    let refused = newest(&server, &admin, "refused").await;
    assert_eq!((&refused["who"], &refused["on"]), (&json!("ana"), &json!("/v1/audit")));
    assert_eq!(ask(&server, "fw_a_b", "/v1/calls/secret-in-the-path").await.0, 401);
    let refused = newest(&server, &admin, "refused").await;
    assert_eq!(
        (&refused["who"], &refused["on"]),
        (&json!("nobody"), &json!("/v1/calls/{call_id}"))
    );
    pbx.send(json!({"type": "call_start", "call_id": "c-2", "queue": "sales"})).await;
    pbx.next_of("error").await;
    let refused = newest(&server, &admin, "refused").await;
    assert_eq!((&refused["who"], &refused["on"]), (&json!("pbx"), &json!("c-2")));
    assert_eq!(request(&server, &ana, "GET", "/v1/calls/c-1.vtt", "").await.0, 200);
    let export = newest(&server, &admin, "export").await;
    assert_eq!((&export["on"], &export["detail"]), (&json!("c-1"), &json!("vtt")));
    // A token that comes and goes.
    let other = new_token(dir, &["--role", "ingest"]);
    assert!(
        run(&["token", "revoke", &other.0, "--data-dir", dir.to_str().unwrap()]).status.success()
    );
    let all = serde_json::to_string(&entries(&server, &admin, "").await).unwrap();
    assert!(!all.contains("zebra") && !all.contains("secret-in"), "{all}");
    for token in [&admin, &ana, &feed] {
        assert!(!all.contains(secret(token)));
    }
    assert!(["start", "model", "rules", "config"].iter().all(|what| all.contains(what)), "{all}");
}

#[tokio::test]
async fn the_audit_comes_in_parts_and_stays_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let admin = token(folder.path(), &["--role", "admin", "--user", "root"]);
    let server = Server::on_disk(folder.path(), ([127, 0, 0, 1], 0).into());
    for _ in 0..7 {
        drop(console(&server, &admin).await);
    }
    let mut ids = Vec::new();
    let mut path = "/v1/audit?limit=3".to_owned();
    loop {
        let (_, page) = ask(&server, &admin, &path).await;
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 3);
        ids.extend(items.iter().map(|entry| entry["id"].as_u64().unwrap()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/audit?limit=3&after={next}");
    }
    assert!(ids.len() >= 8 && ids.is_sorted_by(|a, b| a > b), "{ids:?}");
    for (query, status) in
        [("what=shouting", 400), ("from=x", 400), ("after=x", 400), ("limit=0", 400)]
    {
        assert_eq!(ask(&server, &admin, &format!("/v1/audit?{query}")).await.0, status, "{query}");
    }
    assert!(entries(&server, &admin, "?to=2020-01-01T00:00:00Z").await.is_empty());
    let count = entries(&server, &admin, "?limit=1000").await.len();
    drop(server);
    let server = Server::on_disk(folder.path(), ([127, 0, 0, 1], 0).into());
    let after = entries(&server, &admin, "?limit=1000").await;
    assert!(after.len() > count, "nothing is gone");
    assert_eq!(after.iter().filter(|entry| entry["what"] == "start").count(), 2);
    let models = after.iter().filter(|entry| entry["what"] == "model").count();
    assert_eq!(models, 1, "it has not changed");
}

#[tokio::test]
async fn tokens_that_came_and_went_while_no_server_ran_are_listed_once() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let revoke = |id: &str| {
        let revoked = run(&["token", "revoke", id, "--data-dir", dir.to_str().unwrap()]);
        assert!(revoked.status.success(), "{}", stderr(&revoked));
    };
    let serve = || Server::on_disk(dir, ([127, 0, 0, 1], 0).into());
    // Before there is a journal at all.
    let (root, admin) = new_token(dir, &["--role", "admin", "--user", "root"]);
    let (early, _) = new_token(dir, &["--role", "ingest"]);
    revoke(&early);
    let seen = async |server: &Server| {
        let mut seen = Vec::new();
        for what in ["token_new", "token_revoke"] {
            for entry in entries(server, &admin, &format!("?what={what}&limit=1000")).await {
                assert_eq!(entry["who"], "server", "{entry}");
                let word = entry["detail"].as_str().unwrap_or_default().to_owned();
                seen.push((what, entry["on"].as_str().unwrap().to_owned(), word));
            }
        }
        seen
    };
    let has = |seen: &[(&str, String, String)], what: &str, id: &str, word: &str| {
        let all = seen.iter().filter(|one| one.0 == what && one.1 == id);
        let all: Vec<_> = all.collect();
        assert!(all.len() == 1 && all[0].2.contains(word), "{what} {id} {word}: {seen:?}");
    };
    let mut server = serve();
    let first = seen(&server).await;
    has(&first, "token_new", &root, "admin, made 2");
    has(&first, "token_new", &early, "ingest, made 2");
    has(&first, "token_revoke", &early, "revoked 2");
    // While it runs, it says so at once, and not again.
    let (live, _) = new_token(dir, &["--role", "agent", "--user", "a17"]);
    while !seen(&server).await.iter().any(|one| one.1 == live) {
        tokio::task::yield_now().await;
    }
    has(&seen(&server).await, "token_new", &live, "agent");
    server.terminate();
    server.wait();
    revoke(&live);
    let (late, _) = new_token(dir, &["--role", "ingest"]);
    let server = serve();
    let second = seen(&server).await;
    assert_eq!(second.len(), first.len() + 3, "{second:?}");
    has(&second, "token_new", &root, "admin");
    has(&second, "token_new", &live, "agent");
    has(&second, "token_revoke", &live, "while no server ran");
    has(&second, "token_new", &late, "while no server ran");
}

#[tokio::test]
async fn a_flood_of_refusals_fills_no_disk() {
    let folder = tempfile::tempdir().unwrap();
    let admin = token(folder.path(), &["--role", "admin"]);
    let server = Server::on_disk(folder.path(), ([127, 0, 0, 1], 0).into());
    for _ in 0..200 {
        assert_eq!(ask(&server, "wrong", "/v1/calls").await.0, 401);
    }
    let listed = entries(&server, &admin, "?what=refused&limit=1000").await;
    // Ten a minute; the test may take more than one of these.
    assert!((10..=60).contains(&listed.len()), "{}", listed.len());
    let (_, _, metrics) = http_with(
        server.address,
        "GET",
        "/metrics",
        &format!("authorization: Bearer {admin}\r\n"),
        "",
    )
    .await;
    let name = "forewarn_server_audit_not_listed_total ";
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    assert_eq!(line.parse::<usize>().unwrap() + listed.len(), 200);
}

#[tokio::test]
async fn without_a_disk_the_newest_are_kept() {
    let server = Server::start();
    let mut peer = server.console("ana").await;
    let mut pbx = server.ingest().await;
    pbx.start("c-1").await;
    peer.command("h", json!({"type": "raise_hand", "call_id": "c-1"})).await;
    let entry = newest(&server, "", "raise_hand").await;
    assert_eq!((&entry["who"], &entry["role"]), (&json!("ana"), &Value::Null));
}
