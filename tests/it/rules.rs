//! Rules over time and their reload, over sockets of the built binary.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::*;

const RULES: &str = r#"
version = 1

[[category]]
id = "fruit"
label = "fruit"
who = "any"
phrases = ["apple", "pear"]

[[rule]]
id = "said"
label = "a melon"
level = "critical"
when.said = { of = ["melon"], by = "agent" }

[[rule]]
id = "count"
label = "fruit three times"
level = "warning"
when.count = { of = "fruit", times = 3, within_s = 60 }

[[rule]]
id = "sequence"
label = "plum, then fruit"
level = "warning"
when.sequence = { first = ["plum"], then = "fruit", within_s = 10 }

[[rule]]
id = "unanswered"
label = "a question without an answer"
level = "warning"
when.not_followed = { first = { of = ["question"], by = "customer" }, then = ["answer"], within_s = 20 }

[[rule]]
id = "opening"
label = "no greeting"
level = "warning"
queues = ["strict"]
when.not_said = { of = ["welcome"], within_s = 15 }

[[rule]]
id = "quiet"
label = "silence"
level = "warning"
when.silence.over_s = 40

[[rule]]
id = "held"
label = "a long hold"
level = "warning"
attributes = { held = true }
when.hold.over_s = 30

[[rule]]
id = "over"
label = "talked over"
level = "warning"
when.talk_over = { by = "agent", times = 2, within_s = 60 }

[[rule]]
id = "low"
label = "low mood"
level = "warning"
when.sentiment_below = { value = 0.99, turns = 3 }

[[rule]]
id = "fell"
label = "the mood fell"
level = "warning"
when.sentiment_drop = { by = 0.3, within_s = 120 }

[[rule]]
id = "group"
label = "plum and question, no welcome"
level = "warning"
when.all = { within_s = 60, of = [
  { said = ["plum"] }, { any = { of = [{ said = ["question"] }, { said = ["doubt"] }] } },
  { not = { said = ["welcome"] } },
] }
"#;

/// One rule and nothing else, for reloads.
fn one(word: &str) -> String {
    format!(
        "version = 1\n[[rule]]\nid = \"{word}\"\nlabel = \"{word}\"\nlevel = \"warning\"\n\
         when.said = [\"{word}\"]\n"
    )
}

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// A folder with rules and a configuration that waits little for words, and polls if told to.
struct Site {
    folder: TempDir,
}

impl Site {
    fn new(rules: &str, poll_s: u32) -> Site {
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "rules = {:?}\n[server]\nrules_poll_s = {poll_s}\n[engine]\ntranscript_delay_ms = 20\n",
            folder.path().join("rules.toml")
        );
        std::fs::write(folder.path().join("forewarn.toml"), config).unwrap();
        let site = Site { folder };
        site.write(rules);
        site
    }

    fn rules(&self) -> PathBuf {
        self.folder.path().join("rules.toml")
    }

    /// As editors do it: another file takes the place of the old one.
    fn write(&self, rules: &str) {
        let fresh = self.folder.path().join("fresh");
        std::fs::write(&fresh, rules).unwrap();
        std::fs::rename(fresh, self.rules()).unwrap();
    }

    fn config(&self) -> String {
        self.folder.path().join("forewarn.toml").to_str().unwrap().to_owned()
    }

    fn data(&self) -> String {
        self.folder.path().join("data").to_str().unwrap().to_owned()
    }

    fn serve(&self, address: SocketAddr) -> Server {
        let (config, data) = (self.config(), self.data());
        Server::at_with(address, &["--config", &config, "--data-dir", &data])
    }
}

/// Speaker, start and end in seconds, words.
type Line = (&'static str, i64, i64, &'static str);

/// A call, its fields, its lines, and the rule that fires at which ms.
type Case = (&'static str, Value, &'static [Line], (&'static str, i64));

/// Sends chunks with times, each a final, and waits for their acks.
async fn speak(platform: &mut Peer, call_id: &str, first_seq: u64, lines: &[Line]) {
    let mut last = first_seq;
    for (seq, (speaker, start, end, text)) in (first_seq..).zip(lines) {
        let mut message = chunk(call_id, seq, speaker, text);
        message["start_ms"] = json!(start * 1_000);
        message["end_ms"] = json!(end * 1_000);
        platform.send(message).await;
        last = seq;
    }
    platform.acked(call_id, last).await;
}

/// Rules that raised alerts on a call, with their call times in ms.
async fn raised(server: &Server, call_id: &str) -> Vec<(String, i64)> {
    let alerts = get(server.address, "/v1/alerts?limit=1000").await;
    let of_call = alerts["items"].as_array().unwrap().iter().filter(|a| a["call_id"] == call_id);
    let rules = of_call.filter_map(|alert| {
        let rule = alert["reasons"][0]["feature"].as_str()?.strip_prefix("rule:")?;
        assert_eq!(alert["kind"], "trigger");
        assert_eq!(alert["dedup_key"], format!("{call_id}/rule:{rule}"));
        Some((rule.to_owned(), alert["at_ms"].as_i64().unwrap()))
    });
    let mut rules: Vec<_> = rules.collect();
    rules.sort();
    rules
}

#[tokio::test]
async fn each_condition_raises_its_alert() {
    let site = Site::new(RULES, 0);
    let server = site.serve(any_port());
    let mut platform = server.ingest().await;
    let cases: [Case; 10] = [
        ("a", json!({}), &[("agent", 0, 2, "a melon")], ("said", 2_000)),
        ("b", json!({}), &[("customer", 0, 4, "apple x pear apple")], ("count", 4_000)),
        (
            "c",
            json!({}),
            &[("agent", 0, 1, "plum"), ("customer", 9, 10, "pear")],
            ("sequence", 10_000),
        ),
        (
            "d",
            json!({}),
            &[("customer", 4, 5, "question"), ("agent", 26, 27, "answer")],
            ("unanswered", 25_000),
        ),
        ("e", json!({"queue": "strict"}), &[("agent", 16, 17, "x")], ("opening", 15_000)),
        ("f", json!({}), &[("agent", 0, 1, "x"), ("customer", 42, 43, "x")], ("quiet", 41_000)),
        (
            "g",
            json!({}),
            &[
                ("customer", 0, 5, "x"),
                ("agent", 4, 6, "x"),
                ("customer", 7, 12, "x"),
                ("agent", 11, 13, "x"),
                ("customer", 14, 15, "x"),
            ],
            ("over", 11_000),
        ),
        (
            "h",
            json!({}),
            &[
                ("customer", 0, 1, "this is ridiculous"),
                ("agent", 2, 3, "x"),
                ("customer", 4, 5, "I am really fed up"),
                ("agent", 6, 7, "x"),
                ("customer", 8, 9, "nobody calls me back"),
                ("agent", 10, 11, "x"),
            ],
            ("low", 9_000),
        ),
        (
            "i",
            json!({}),
            &[
                ("customer", 0, 1, "thank you so much, that is lovely"),
                ("agent", 2, 3, "x"),
                ("customer", 4, 5, "this is absolutely ridiculous, I am furious with you"),
                ("agent", 6, 7, "I can't do that"),
                ("customer", 8, 9, "you are useless, this is a disgrace, I am so angry"),
                ("agent", 10, 11, "x"),
            ],
            ("fell", 9_000),
        ),
        (
            "j",
            json!({}),
            &[("customer", 0, 1, "plum"), ("agent", 2, 3, "a doubt")],
            ("group", 3_000),
        ),
    ];
    for (call, mut fields, lines, (rule, at_ms)) in cases {
        fields["call_id"] = json!(call);
        platform.start_with(fields).await;
        speak(&mut platform, call, 1, lines).await;
        let raised = raised(&server, call).await;
        let found = raised.iter().find(|raised| raised.0 == rule);
        let at = found.unwrap_or_else(|| panic!("{call}: no {rule} in {raised:?}")).1;
        assert_eq!(at, at_ms, "{call}: {rule}");
    }
    // The last word of a group's `not` undoes it.
    platform.start("k").await;
    let lines = [("agent", 0, 1, "welcome"), ("customer", 1, 2, "plum"), ("agent", 2, 3, "doubt")];
    speak(&mut platform, "k", 1, &lines).await;
    assert_eq!(raised(&server, "k").await, []);
}

#[tokio::test]
async fn an_alert_quotes_what_made_it_and_scores_name_the_rule() {
    let site = Site::new(RULES, 0);
    let server = site.serve(any_port());
    let (mut platform, mut board) = (server.ingest().await, server.board("sup").await);
    platform.start("c").await;
    let lines = [("agent", 0, 1, "a ripe plum"), ("customer", 9, 10, "the pear")];
    speak(&mut platform, "c", 1, &lines).await;
    let alert = board.next_of("alert").await["alert"].clone();
    let reason = &alert["reasons"][0];
    let (feature, label) = (&reason["feature"], &reason["label"]);
    assert_eq!((feature, label), (&json!("rule:sequence"), &json!("plum, then fruit")));
    let quotes = reason["quotes"].as_array().unwrap().iter();
    let quotes: Vec<_> = quotes.map(|quote| (quote["seq"].as_u64(), &quote["text"])).collect();
    assert_eq!(quotes, [(Some(1), &json!("plum")), (Some(2), &json!("pear"))]);
    let mut message = chunk("c", 3, "agent", "melon");
    message["start_ms"] = json!(11_000);
    platform.send(message).await;
    let score = platform.find(|m| m["type"] == "score" && m["seq"] == 3).await;
    assert_eq!(score["triggers"], json!(["rule:said"]));
}

#[tokio::test]
async fn deadlines_pass_when_the_platform_is_quiet_and_not_when_it_is_gone() {
    let rules = one("x")
        + "\n[[rule]]\nid = \"late\"\nlabel = \"late\"\nlevel = \"warning\"\n\
        when.not_followed = { first = [\"question\"], then = [\"answer\"], within_s = 1 }\n";
    let site = Site::new(&rules, 0);
    // Long enough for a platform that comes back to send what it has.
    let config = std::fs::read_to_string(site.config()).unwrap();
    std::fs::write(site.config(), config.replace("_ms = 20", "_ms = 4000")).unwrap();
    let server = site.serve(any_port());
    let mut board = server.board("sup").await;
    let (mut platform, mut other) = (server.ingest().await, server.ingest().await);
    // One asks and is gone, the other asks and stays.
    other.start("gone").await;
    speak(&mut other, "gone", 1, &[("customer", 4, 5, "question")]).await;
    drop(other);
    platform.start("quiet").await;
    speak(&mut platform, "quiet", 1, &[("customer", 4, 5, "question")]).await;
    let alert = board.next_of("alert").await["alert"].clone();
    assert_eq!((&alert["call_id"], &alert["at_ms"]), (&json!("quiet"), &json!(6_000)));
    assert_eq!(alert["reasons"][0]["feature"], "rule:late");
    // Words that were on their way count when the platform comes back.
    platform.start("gone").await;
    speak(&mut platform, "gone", 2, &[("agent", 5, 6, "answer")]).await;
    assert_eq!(raised(&server, "gone").await, []);
}

#[tokio::test]
async fn a_hold_is_told_by_its_attribute() {
    let site = Site::new(&RULES.replace("over_s = 30", "over_s = 20"), 0);
    let server = site.serve(any_port());
    let mut platform = server.ingest().await;
    let attributes = json!({"held": true, "hold": true});
    platform.start_with(json!({"call_id": "c", "attributes": attributes})).await;
    speak(&mut platform, "c", 1, &[("agent", 22, 23, "x")]).await;
    assert_eq!(raised(&server, "c").await, [("held".to_owned(), 20_000)]);
}

#[tokio::test]
async fn calls_that_begin_after_a_reload_have_the_new_rules() {
    let site = Site::new(&one("apple"), 0);
    let server = site.serve(any_port());
    let mut platform = server.ingest().await;
    platform.start("old").await;
    site.write(&one("pear"));
    server.hang_up();
    server.logged("rules loaded").await;
    platform.start("new").await;
    for call in ["old", "new"] {
        speak(&mut platform, call, 1, &[("agent", 0, 2, "apple and pear")]).await;
    }
    assert_eq!(raised(&server, "old").await, [("apple".to_owned(), 1_000 - 334)]);
    assert_eq!(raised(&server, "new").await, [("pear".to_owned(), 2_000)]);
    let reloads = server.metric("server_rules_reloads_total{result=\"loaded\"}").await;
    assert_eq!(reloads, 1);
}

#[tokio::test]
async fn a_bad_file_is_refused_and_the_old_rules_go_on() {
    let site = Site::new(&one("apple"), 1);
    let server = site.serve(any_port());
    let mut platform = server.ingest().await;
    let before = get(server.address, "/readyz").await;
    assert!(before["warning"].is_null() && before["ruleset"].is_string(), "{before}");
    site.write(&one("pear").replace("when.said", "when.sung"));
    // Nobody tells the server; it looks.
    server.logged("rules refused").await;
    let ready = get(server.address, "/readyz").await;
    let warning = ready["warning"].as_str().unwrap();
    let place = format!("{}:6:6: unknown variant `sung`", site.rules().display());
    assert!(warning.starts_with(&place), "{warning}");
    assert_eq!(ready["ruleset"], before["ruleset"]);
    assert_eq!(server.metric("server_rules_reloads_total{result=\"refused\"}").await, 1);
    platform.start("c").await;
    speak(&mut platform, "c", 1, &[("agent", 0, 2, "apple and pear")]).await;
    assert_eq!(raised(&server, "c").await.len(), 1);
    site.write(&one("pear"));
    server.logged("rules loaded").await;
    let ready = get(server.address, "/readyz").await;
    assert!(ready["warning"].is_null() && ready["ruleset"] != before["ruleset"], "{ready}");
}

#[tokio::test]
async fn a_restart_after_a_reload_changes_no_alert_and_no_epoch() {
    let site = Site::new(&one("apple"), 0);
    let mut server = site.serve(any_port());
    let mut platform = server.ingest().await;
    // Somebody is there, so no tier passes an alert on meanwhile.
    let mut present = server.console("sup").await;
    let epoch = present.subscribe(json!({}), None).await[0].clone();
    platform.start("old").await;
    speak(&mut platform, "old", 1, &[("agent", 0, 1, "apple")]).await;
    site.write(&one("pear"));
    server.hang_up();
    server.logged("rules loaded").await;
    platform.start("new").await;
    speak(&mut platform, "new", 1, &[("agent", 0, 1, "pear")]).await;
    let before = get(server.address, "/v1/alerts").await;
    assert_eq!(before["items"].as_array().unwrap().len(), 2);
    let offset = {
        let hello =
            Peer::open(server.address, "/v1/console?user=s", Some(CONSOLE)).await.next().await;
        (hello["epoch"].clone(), hello["offset"].as_u64().unwrap())
    };
    server.kill();
    server.wait();
    // The file changes while nobody looks.
    site.write(&one("plum"));

    let server = site.serve(server.address);
    assert_eq!(get(server.address, "/v1/alerts").await, before);
    let mut board = server.console("sup").await;
    let since = (offset.0.as_str().unwrap(), offset.1);
    let picture = board.subscribe(json!({}), Some(since)).await;
    assert_eq!(picture[0]["recovered"], true, "{epoch} {picture:?}");
    let mut platform = server.ingest().await;
    for call in ["old", "new"] {
        assert_eq!(platform.start(call).await["last_seq"], 1);
    }
    platform.start("newest").await;
    // Beyond the cool-down each call still hears its own word, and only that.
    for (call, seq) in [("old", 2), ("new", 2), ("newest", 1)] {
        let said = [("agent", 100, 103, "apple pear plum")];
        speak(&mut platform, call, seq, &said).await;
        let heard = platform.settled(&format!("m{call}")).await;
        assert!(heard.iter().all(|message| message["type"] != "error"), "{heard:?}");
    }
    let alerts = get(server.address, "/v1/alerts").await;
    let features = alerts["items"].as_array().unwrap().iter();
    let features: Vec<_> = features
        .map(|alert| {
            format!(
                "{} {}",
                alert["call_id"].as_str().unwrap(),
                alert["reasons"][0]["feature"].as_str().unwrap()
            )
        })
        .collect();
    assert!(features.contains(&"newest rule:plum".to_owned()), "{features:?}");
    assert!(!features.contains(&"old rule:plum".to_owned()), "{features:?}");
    assert!(!features.contains(&"new rule:plum".to_owned()), "{features:?}");
}

#[test]
fn rules_are_checked_before_anything_runs() {
    let site = Site::new(&one("apple").replace("[\"apple\"]", "\"apple\""), 0);
    let config = site.config();
    let named = format!("{}:6:1: rule `apple`: no [[category]] has the id", site.rules().display());
    for arguments in [
        vec!["config", "check", &config],
        vec!["serve", "--config", &config],
        vec!["score", "--rules", site.rules().to_str().unwrap(), "/dev/null"],
    ] {
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(&named), "{}", stderr(&output));
    }
    let missing = run(&["serve", "--rules", "nowhere.toml"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(stderr(&missing).contains("cannot read the rules nowhere.toml"));
    assert!(Path::new(&site.config()).exists());
}
