//! Ended calls on their way to other programs: vCon, WebVTT, JSON Lines, CSV.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use forewarn::call::Call;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::*;

const HOSTILE: &str = "Q&A --> <v Agent>no</v>\n\nNOTE \"really\" \u{202e}\u{1F600}";

/// A server on disk, in a folder with its configuration and what is exported.
struct Place {
    folder: TempDir,
    server: Option<Server>,
}

impl Place {
    fn start(config: &str) -> Place {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let text = format!("data_dir = {:?}\n{config}", data.to_str().unwrap());
        std::fs::write(folder.path().join("forewarn.toml"), text).unwrap();
        let mut place = Place { folder, server: None };
        place.restart();
        place
    }

    fn restart(&mut self) {
        self.end();
        self.server = Some(Server::with_file(&self.path("forewarn.toml")));
    }

    fn end(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill();
            server.wait();
        }
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A GET of `/v1/calls/…`: status, head, body.
    async fn call(&self, name: &str) -> (u16, String, String) {
        http(self.server().address, "GET", &format!("/v1/calls/{name}"), "").await
    }

    /// The body of a GET that must work and have that type.
    async fn body(&self, name: &str, media_type: &str) -> String {
        let (status, head, body) = self.call(name).await;
        assert_eq!(status, 200, "{name}: {body}");
        assert!(head.contains(&format!("content-type: {media_type}\r\n")), "{name}: {head}");
        body
    }

    async fn vcon(&self, name: &str) -> Value {
        serde_json::from_str(&self.body(name, "application/vcon+json").await).unwrap()
    }

    async fn vtt(&self, name: &str) -> String {
        self.body(name, "text/vtt; charset=utf-8").await
    }

    /// `forewarn export`: code, stdout, stderr.
    fn export(&self, more: &[&str]) -> (i32, String, String) {
        export(&self.path("data"), more)
    }

    /// The same, that must work and say nothing.
    fn exported(&self, more: &[&str]) -> String {
        let (code, out, err) = self.export(more);
        assert_eq!((code, err.as_str()), (0, ""), "{more:?}");
        out
    }

    /// A table by rows and the names of its columns.
    fn table(&self, more: &[&str]) -> Vec<BTreeMap<String, String>> {
        let text = self.exported(more);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let columns = reader.headers().unwrap().clone();
        let row = |row: Result<csv::StringRecord, csv::Error>| {
            let row = row.unwrap();
            assert_eq!(row.len(), columns.len());
            columns.iter().map(str::to_owned).zip(row.iter().map(str::to_owned)).collect()
        };
        reader.records().map(row).collect()
    }
}

fn export(data: &Path, more: &[&str]) -> (i32, String, String) {
    let mut arguments = vec!["export", "--data-dir", data.to_str().unwrap()];
    arguments.extend(more);
    let output = run(&arguments);
    (output.status.code().unwrap(), stdout(&output), stderr(&output))
}

/// Ends a call and waits until that is durable.
async fn end(peer: &mut Peer, call_id: &str, seq: u64, outcome: Value) {
    let message = json!({"type": "call_end", "call_id": call_id, "seq": seq, "outcome": outcome});
    peer.send(message).await;
    peer.acked(call_id, seq).await;
}

/// A call of one chunk.
async fn small(peer: &mut Peer, start: Value, text: &str, outcome: Value) {
    let call_id = start["call_id"].as_str().unwrap().to_owned();
    peer.start_with(start).await;
    peer.chunk(&call_id, 1, "customer", text).await;
    end(peer, &call_id, 2, outcome).await;
}

fn column<'a>(rows: &'a [BTreeMap<String, String>], name: &str) -> Vec<&'a str> {
    rows.iter().map(|row| row[name].as_str()).collect()
}

#[tokio::test]
async fn a_call_goes_out_whole_while_it_lasts_once_it_ended_and_after_a_restart() {
    let mut place = Place::start("[hub]\ntranscript_chunks = 2\nended_calls = 1\n");
    let call_id = "a/b ü.v";
    let name = "a%2Fb%20%C3%BC.v";
    let mut peer = place.server().ingest().await;
    let attributes = json!({"tier": "gold"});
    peer.start_with(json!({"call_id": call_id, "agent_id": "a17", "lang": "en-GB",
        "started_at": "2026-11-22T03:40:00Z", "attributes": attributes}))
        .await;
    let said = [
        ("agent", Some(500), Some(2_000), "hello"),
        ("customer", Some(1_500), Some(9_250), HOSTILE),
        ("other", None, None, "please hold the line"),
        ("agent", Some(20_000), None, "=2+3"),
        ("supervisor", Some(360_000_000), Some(360_000_999), "a long call"),
    ];
    for (seq, (speaker, start, end, text)) in (1..).zip(said) {
        let mut message = chunk(call_id, seq, speaker, text);
        for (name, at) in [("start_ms", start), ("end_ms", end)] {
            if let Some(at) = at {
                message[name] = json!(at);
            }
        }
        peer.send(message).await;
    }
    peer.acked(call_id, 5).await;

    let so_far = place.vtt(&format!("{name}.vtt")).await;
    assert!(so_far.contains("\n5\n100:00:00.000 --> 100:00:00.999\n<v Supervisor>a long call</v>"));
    assert!(so_far.contains("NOTE earlier parts of the transcript may be missing"), "{so_far}");
    let (status, _, body) = place.call(&format!("{name}.vcon")).await;
    let refused: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &refused["code"]), (409, &json!("call_open")));
    assert!(refused["message"].as_str().unwrap().contains("this one goes on"), "{body}");

    end(&mut peer, call_id, 6, json!({"escalated": true, "turn": 4})).await;
    let vtt = place.vtt(&format!("{name}.vtt")).await;
    let cues: Vec<&str> = vtt.split("\n\n").skip(3).collect();
    assert_eq!(
        cues,
        [
            "1\n00:00:00.500 --> 00:00:02.000\n<v Agent>hello</v>",
            "2\n00:00:01.500 --> 00:00:09.250\n<v Customer>Q&amp;A --&gt; &lt;v Agent&gt;no&lt;/v&gt;\n\
             NOTE \"really\" \u{202e}\u{1F600}</v>",
            "3\n00:00:09.250 --> 00:00:10.850\n<v Other>please hold the line</v>",
            "4\n00:00:20.000 --> 00:00:20.400\n<v Agent>=2+3</v>",
            "5\n100:00:00.000 --> 100:00:00.999\n<v Supervisor>a long call</v>\n",
        ]
    );
    let vcon = place.vcon(&format!("{name}.vcon")).await;
    assert_eq!(
        (&vcon["subject"], &vcon["created_at"]),
        (&json!(call_id), &json!("2026-11-22T03:40:00.000Z"))
    );
    let bodies: Vec<_> = vcon["dialog"].as_array().unwrap().iter().map(|d| &d["body"]).collect();
    let texts: Vec<_> = said.iter().map(|(.., text)| json!(text)).collect();
    assert_eq!(bodies, texts.iter().collect::<Vec<_>>(), "more than is shown");
    assert_eq!(vcon["attachments"][0]["body"], attributes);
    let report = vcon["analysis"].as_array().unwrap().last().unwrap();
    assert_eq!((&report["type"], &report["body"]["whole"]), (&json!("report"), &json!(true)));
    let shown = get(place.server().address, &format!("/v1/calls/{name}")).await;
    assert_eq!(shown["transcript"].as_array().unwrap().len(), 2, "the page shows less");
    assert_eq!(
        (&shown["lang"], &report["body"]["call"]["lang"]),
        (&json!("en-GB"), &json!("en-GB"))
    );

    // Others push it out of memory; then the server dies.
    small(&mut peer, json!({"call_id": "next"}), "hi", Value::Null).await;
    small(&mut peer, json!({"call_id": "last"}), "hi", Value::Null).await;
    assert_eq!(place.vcon(&format!("{name}.vcon")).await, vcon, "from the tables");
    place.restart();
    assert_eq!(place.vcon(&format!("{name}.vcon")).await, vcon, "and after a restart");
    assert_eq!(place.vtt(&format!("{name}.vtt")).await, vtt);
    valid(&vcon);
}

/// What the core draft demands, in words of our own.
fn valid(vcon: &Value) {
    let file = json!({"type": "object", "required": ["body", "encoding", "mediatype"], "properties":
        {"encoding": {"enum": ["json", "none", "base64url"]}}, "if": {"properties": {"encoding":
        {"const": "none"}}}, "then": {"properties": {"body": {"type": "string"}}}});
    let moment = json!({"type": "string", "format": "date-time"});
    let place = |list: &str| {
        let last = vcon[list].as_array().map_or(0, Vec::len) as u64 - 1;
        json!({"type": "integer", "minimum": 0, "maximum": last})
    };
    let (party, dialog) = (place("parties"), place("dialog"));
    let schema = json!({"type": "object",
        "required": ["uuid", "created_at", "parties", "dialog", "analysis"],
        "properties": {
            "vcon": {"const": "0.4.0"},
            "uuid": {"type": "string", "pattern":
                "^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"},
            "created_at": moment, "updated_at": moment, "subject": {"type": "string"},
            "extensions": {"type": "array", "items": {"type": "string"}},
            "parties": {"type": "array", "items": {"type": "object", "additionalProperties":
                {"type": "string"}}},
            "dialog": {"type": "array", "items": {"allOf": [file, {"required": ["type", "start"],
                "properties": {"type": {"const": "text"}, "start": moment, "parties": party,
                "duration": {"type": "number", "minimum": 0}}}]}},
            "analysis": {"type": "array", "items": {"allOf": [file, {"required": ["type", "vendor"],
                "properties": {"dialog": {"type": "array", "items": dialog}}}]}},
            "attachments": {"type": "array", "items": {"allOf": [file, {"required":
                ["start", "party", "dialog"], "properties": {"start": moment, "party": party,
                "dialog": dialog}}]}}}});
    let schema = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let wrong: Vec<String> =
        schema.iter_errors(vcon).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[tokio::test]
async fn alerts_of_one_moment_keep_their_order() {
    let place = Place::start("[hub]\nended_calls = 6\n[desk]\nkept_calls = 6\n");
    let mut peer = place.server().ingest().await;
    let text = "get me your manager, I'll sue you, I'm going to the press and I don't want to live";
    for call in 0..6 {
        small(&mut peer, json!({"call_id": format!("c{call}")}), text, Value::Null).await;
    }
    let mut before = Vec::new();
    for call in 0..6 {
        before.push(place.vcon(&format!("c{call}.vcon")).await);
    }
    let alerts =
        before[0]["analysis"].as_array().unwrap().last().unwrap()["body"]["alerts"].clone();
    let moments: Vec<_> = alerts.as_array().unwrap().iter().map(|a| &a["raised_at"]).collect();
    assert!(moments.len() >= 3 && moments.iter().all(|at| *at == moments[0]), "{moments:?}");
    // Others push them out of memory.
    for call in 0..6 {
        small(&mut peer, json!({"call_id": format!("n{call}")}), "hi", Value::Null).await;
    }
    for (call, before) in before.iter().enumerate() {
        assert_eq!(&place.vcon(&format!("c{call}.vcon")).await, before, "the same from the tables");
    }
}

#[tokio::test]
async fn ids_that_end_like_a_form_stay_ids() {
    let place = Place::start("");
    let mut peer = place.server().ingest().await;
    let ids = ["c", "c.vcon", "d.vtt", "e..vcon", ".vtt"];
    for id in ids {
        small(&mut peer, json!({"call_id": id}), id, Value::Null).await;
    }
    let json_of = async |name: &str| -> String {
        let body = place.body(name, "application/json").await;
        serde_json::from_str::<Value>(&body).unwrap()["call_id"].as_str().unwrap().to_owned()
    };
    for id in ids {
        assert_eq!(json_of(id).await, id, "the plain path is that of the id");
        assert_eq!(json_of(&format!("{id}?format=json")).await, id);
        assert_eq!(place.vcon(&format!("{id}?format=vcon")).await["subject"], id);
    }
    for id in ["c.vcon", "d.vtt", "e..vcon", ".vtt"] {
        assert_eq!(place.vcon(&format!("{id}.vcon")).await["subject"], id);
        assert!(place.vtt(&format!("{id}.vtt")).await.contains(&format!("NOTE call {id}, began")));
    }
    assert!(place.vtt("c.vtt").await.contains("NOTE call c, began"));
    for (name, status, part) in [
        ("c.vtt?format=vtt", 404, "no such call"),
        (".vcon", 404, "no such call"),
        ("x.vcon", 404, "no such call"),
        ("c.pdf", 404, "no such call"),
        ("c?format=pdf", 400, "`format` must be json, vcon or vtt"),
        ("c?as=vcon", 400, "`as` is no parameter here"),
    ] {
        let (code, _, body) = place.call(name).await;
        assert_eq!(code, status, "{name}: {body}");
        assert!(body.contains(part), "{name}: {body}");
    }
}

#[tokio::test]
async fn what_memory_has_lost_without_a_journal_is_said() {
    let server = Server::with_config("[hub]\ntranscript_chunks = 2\n");
    let mut peer = server.ingest().await;
    peer.start("c").await;
    for seq in 1..=4 {
        peer.chunk("c", seq, "agent", &format!("chunk {seq}")).await;
    }
    end(&mut peer, "c", 5, Value::Null).await;
    let (status, _, vtt) = http(server.address, "GET", "/v1/calls/c.vtt", "").await;
    assert!(status == 200 && vtt.contains("may be missing") && !vtt.contains("chunk 2"), "{vtt}");
    let vcon = get(server.address, "/v1/calls/c.vcon").await;
    assert_eq!(vcon["analysis"][1]["body"]["whole"], false);
    assert_eq!(vcon["dialog"].as_array().unwrap().len(), 2);
    let warnings = vcon["analysis"][0]["body"]["quality"]["processing_warnings"].to_string();
    assert!(warnings.contains("may be missing"), "{warnings}");
}

/// Scores by call and turn, numbers as bits.
fn bits(
    lines: &[Value],
    turn: impl Fn(&Value) -> u64,
) -> BTreeMap<(String, u64), [Option<u64>; 2]> {
    let number = |value: &Value| value.as_f64().map(f64::to_bits);
    let entry = |line: &Value| {
        let key = (line["call_id"].as_str().unwrap().to_owned(), turn(line));
        (key, [number(&line["risk"]), number(&line["sentiment"])])
    };
    lines.iter().map(entry).collect()
}

#[tokio::test]
async fn exported_calls_are_a_corpus_that_scores_as_they_did_live() {
    let place = Place::start("");
    let played: Vec<Call> = ["ta.jsonl", "tf.jsonl"].iter().flat_map(|f| calls(f, 15)).collect();
    let (path, scores) = (place.path("played.jsonl"), place.path("live.jsonl"));
    write_calls(&path, &played);
    let url = place.server().url("/v1/ingest");
    let (path, scores) = (path.to_str().unwrap(), scores.to_str().unwrap());
    let replay = run(&["replay", "--speed", "max", "--url", &url, "--scores", scores, path]);
    assert!(replay.status.success(), "{}", stderr(&replay));
    let mut peer = place.server().ingest().await;
    peer.start("goes on").await;
    peer.chunk("goes on", 1, "customer", "hello").await;
    peer.acked("goes on", 1).await;

    let out = place.path("exported.jsonl");
    let exported = out.to_str().unwrap();
    assert_eq!(place.exported(&["--out", exported]), "", "the server runs");
    let lines = json_lines(&std::fs::read_to_string(&out).unwrap());
    assert_eq!(lines.len(), played.len(), "ended calls only");
    let live = bits(&json_lines(&std::fs::read_to_string(scores).unwrap()), |l| {
        l["seq"].as_u64().unwrap() - 1
    });
    let again = run(&["score", exported]);
    assert!(again.status.success(), "{}", stderr(&again));
    let again = bits(&json_lines(&stdout(&again)), |line| line["turn"].as_u64().unwrap());
    assert_eq!(again.len(), played.iter().map(|call| call.turns.len()).sum::<usize>());
    assert_eq!(again, live, "bit for bit");
    let kept: Vec<Value> = lines
        .iter()
        .flat_map(|line| {
            let turns = line["turns"].as_array().unwrap().iter();
            turns.map(|turn| {
                let mut scored = turn["scored"].clone();
                (scored["call_id"], scored["seq"]) = (line["id"].clone(), turn["seq"].clone());
                scored
            })
        })
        .collect();
    assert_eq!(bits(&kept, |line| line["seq"].as_u64().unwrap() - 1), live, "what the line says");
    for line in &lines {
        let call = Call::parse(&line.to_string()).unwrap();
        let source = played.iter().find(|source| source.id == call.id).unwrap();
        assert_eq!(call.outcome, source.outcome);
        let of = |call: &Call| -> Vec<_> {
            call.turns.iter().map(|t| (t.speaker, t.start_ms, t.end_ms, t.text.clone())).collect()
        };
        assert_eq!(of(&call), of(source));
        assert_eq!(line["call"]["call_id"], source.id);
        let alerts = get(place.server().address, &format!("/v1/calls/{}", source.id)).await;
        assert_eq!(line["alerts"], alerts["alert_list"]);
    }
    let rules = data("triggers.toml");
    let backtest = ["backtest", "--rules", rules.to_str().unwrap(), "--json", exported];
    let summary: Value = serde_json::from_str(&stdout(&run(&backtest))).unwrap();
    assert_eq!(summary["calls"], played.len());
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/en-calls.json");
    let model = model.to_str().unwrap();
    let judged = run(&["evaluate", "--model", model, "--corpus", exported]);
    assert!(judged.status.success(), "{}", stderr(&judged));
    assert!(stdout(&judged).contains("AUC"), "{}", stdout(&judged));
}

#[tokio::test]
async fn ids_that_were_used_again_differ_in_a_corpus() {
    let place = Place::start("[desk]\nkept_calls = 1\nremembered_calls = 0\n");
    let mut peer = place.server().ingest().await;
    for text in ["first", "second", "third"] {
        small(&mut peer, json!({"call_id": "c", "queue": text}), text, Value::Null).await;
        small(&mut peer, json!({"call_id": "d", "queue": text}), text, Value::Null).await;
    }
    let lines = json_lines(&place.exported(&[]));
    let calls: Vec<(&str, &str)> = lines
        .iter()
        .map(|line| (line["id"].as_str().unwrap(), line["turns"][0]["text"].as_str().unwrap()))
        .collect();
    assert_eq!((calls[0], calls[1]), (("d", "third"), ("c", "third")));
    let ids: std::collections::BTreeSet<&str> = calls.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids.len(), 6, "{ids:?}");
    let older = json_lines(&place.exported(&["--queue", "second"]));
    assert_eq!(older[1]["id"], calls[3].0, "whatever else is chosen");
    assert_eq!(older[1]["call"]["call_id"], "c");
}

/// A running server with three ended calls, one that goes on, and an alert with a history.
async fn centre() -> Place {
    let place = Place::start("");
    let mut peer = place.server().ingest().await;
    let mut board = place.server().board("ana").await;
    let started = |hour: u32| format!("2026-11-20T{hour:02}:00:00Z");
    peer.start_with(json!({"call_id": "-1+2", "queue": "=billing", "team": "t1", "agent_id": "a1",
        "started_at": started(9), "attributes": {"note": "=x"}}))
        .await;
    peer.chunk("-1+2", 1, "customer", "=HYPERLINK(\"http://x\",\"refund\")").await;
    peer.chunk("-1+2", 2, "agent", "a, \"b\"\r\nc").await;
    peer.acked("-1+2", 2).await;
    board.send(json!({"type": "raise_hand", "call_id": "-1+2", "note": "@help"})).await;
    let alert = board.next_of("alert").await["alert"]["alert_id"].clone();
    let take = json!({"type": "acknowledge", "alert_id": alert});
    assert_eq!(board.command("1", take).await["ok"], true);
    let close = json!({"type": "resolve", "alert_id": alert, "outcome": "averted", "note": "+ok"});
    assert_eq!(board.command("2", close).await["ok"], true);
    end(&mut peer, "-1+2", 3, json!({"escalated": true, "kind": "cancel_threat", "turn": 1})).await;
    let start = json!({"call_id": "+4930123", "queue": "sales", "team": "t1",
        "started_at": started(10)});
    small(&mut peer, start, "hello there", json!({"escalated": false})).await;
    let start = json!({"call_id": "last", "queue": "sales", "team": "t2",
        "started_at": started(11)});
    small(&mut peer, start, "-", Value::Null).await;
    peer.start("goes on").await;
    place
}

#[tokio::test]
async fn tables_are_safe_to_open() {
    let place = centre().await;
    let text = place.exported(&["--format", "csv"]);
    assert!(text.starts_with("call,call_id,started_at,ended_at,"), "{text}");
    assert_eq!(text.matches("\r\n").count(), 4, "a header and three calls: {text}");
    let rows = place.table(&["--format", "csv"]);
    assert_eq!(column(&rows, "call_id"), ["last", "+4930123", "'-1+2"], "a number stays one");
    assert_eq!(column(&rows, "queue"), ["sales", "sales", "'=billing"]);
    assert_eq!(column(&rows, "escalated"), ["", "false", "true"]);
    assert_eq!(column(&rows, "outcome_turn"), ["", "", "1"]);
    assert_eq!(column(&rows, "alerts"), ["0", "0", "1"]);
    assert_eq!(rows[2]["attributes"], r#"{"note":"=x"}"#);
    let trend: f64 = rows[1]["risk"].parse().unwrap();
    assert!((0.0..1.0).contains(&trend));

    let rows = place.table(&["--what", "transcripts", "--format", "csv"]);
    let texts = ["'-", "hello there", "'=HYPERLINK(\"http://x\",\"refund\")", "a, \"b\"\r\nc"];
    assert_eq!(column(&rows, "text"), texts);
    assert_eq!(column(&rows, "seq"), ["1", "1", "1", "2"]);
    assert_eq!(column(&rows, "speaker"), ["customer", "customer", "customer", "agent"]);

    let rows = place.table(&["--what", "alerts", "--format", "csv"]);
    assert_eq!(rows.len(), 1);
    let named = |name: &str| rows[0][name].as_str();
    assert_eq!((named("kind"), named("outcome"), named("note")), ("manual", "averted", "'+ok"));
    assert_eq!((named("acknowledged_by"), named("closed_by")), ("ana", "ana"));
    assert_eq!(named("reasons"), "'@help");
    let rows = place.table(&["--what", "alert-history", "--format", "csv"]);
    assert_eq!(column(&rows, "state"), ["raised", "acknowledged", "resolved"]);
    assert_eq!(column(&rows, "n"), ["1", "2", "3"]);

    // What is exact stays exact.
    let lines = json_lines(&place.exported(&["--what", "transcripts"]));
    assert_eq!((&lines[0]["text"], &lines[0]["call_id"]), (&json!("-"), &json!("last")));
    assert_eq!(lines[3]["text"], "a, \"b\"\r\nc");
    let alerts = get(place.server().address, "/v1/alerts?call_id=-1%2B2").await;
    assert_eq!(json!(json_lines(&place.exported(&["--what", "alerts"]))), alerts["items"]);
    let steps = json_lines(&place.exported(&["--what", "alert-history"]));
    assert_eq!((&steps[2]["note"], &steps[2]["n"]), (&json!("+ok"), &json!(3)));
}

#[tokio::test]
async fn filters_are_those_of_rest() {
    let mut place = centre().await;
    let ids = |more: &[&str]| -> Vec<String> {
        let lines = json_lines(&place.exported(more));
        lines.iter().map(|line| line["call"]["call_id"].as_str().unwrap().to_owned()).collect()
    };
    for (more, expected) in [
        (&["--outcome", "escalated"][..], &["-1+2"][..]),
        (&["--outcome", "unknown"], &["last"]),
        (&["--queue", "sales", "--team", "t1"], &["+4930123"]),
        (&["--agent", "a1"], &["-1+2"]),
        (&["--alerted", "false"], &["last", "+4930123"]),
        (&["--from", "2026-11-20T10:00:00Z", "--to", "2026-11-20T11:00:00Z"], &["+4930123"]),
        (&["--q", "there hello"], &["+4930123"]),
        (&["--queue", "nobody's"], &[]),
    ] {
        assert_eq!(ids(more), expected, "{more:?}");
    }
    let alerts = |more: &[&str]| -> usize {
        let mut arguments = vec!["--what", "alerts"];
        arguments.extend(more);
        place.exported(&arguments).lines().count()
    };
    for (more, expected) in [
        (&["--state", "resolved", "--kind", "manual", "--call-id", "-1+2"][..], 1),
        (&["--state", "open"], 0),
        (&["--kind", "risk"], 0),
        (&["--level", "watch"], 0),
        (&["--team", "t2"], 0),
    ] {
        assert_eq!(alerts(more), expected, "{more:?}");
    }
    // Also when no server runs.
    place.end();
    assert_eq!(json_lines(&place.exported(&[])).len(), 3);
}

#[tokio::test]
async fn folders_have_a_file_a_call_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let place = centre().await;
    for (format, extension) in [("vcon", "vcon"), ("vtt", "vtt")] {
        let out = place.path(format);
        assert_eq!(place.exported(&["--format", format, "--out", out.to_str().unwrap()]), "");
        let mut names: Vec<String> = Vec::new();
        for entry in out.read_dir().unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600);
            names.push(entry.file_name().into_string().unwrap());
            let text = std::fs::read_to_string(entry.path()).unwrap();
            match format {
                "vcon" => valid(&serde_json::from_str(&text).unwrap()),
                _ => assert!(text.starts_with("WEBVTT\n"), "{text}"),
            }
        }
        names.sort();
        assert_eq!(names.len(), 3);
        assert!(names[0].starts_with("-1_2-") && names[0].ends_with(extension), "{names:?}");
    }
    let last = get(place.server().address, "/v1/calls/last.vcon").await;
    let name = place.path("vcon").read_dir().unwrap().map(|entry| entry.unwrap().path());
    let file = name.into_iter().find(|path| path.to_str().unwrap().contains("/last-")).unwrap();
    let file: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(file, last, "one encoder");
}

#[tokio::test]
async fn what_cannot_be_exported_is_said() {
    let place = centre().await;
    let path = |name: &str| place.path(name).to_str().unwrap().to_owned();
    let (taken, missing) = (path("forewarn.toml"), path("missing/x.csv"));
    let full = path("");
    for (more, code, part) in [
        (&["--outcome", "angry"][..], 2, "`outcome` must be escalated, not_escalated or unknown"),
        (&["--from", "yesterday"], 2, "`from` must be an RFC 3339 time"),
        (&["--alerted", ""], 2, "`alerted` is empty"),
        (&["--level", "watch"], 2, "--level is no filter of calls"),
        (&["--what", "alerts", "--q", "x"], 2, "--q is no filter of alerts"),
        (&["--what", "words"], 2, "alert-history"),
        (&["--format", "xml"], 2, "jsonl"),
        (&["--format", "vcon"], 2, "give --out DIR"),
        (&["--what", "alerts", "--format", "vtt", "--out", "x"], 2, "are for calls"),
        (&["--out", &taken], 1, "forewarn.toml is there already"),
        (&["--out", &missing], 1, "missing/x.csv: No such file"),
        (&["--format", "vtt", "--out", &full], 1, "is there already"),
        (&["--format", "vtt", "--out", &taken], 1, "is there already"),
    ] {
        let (found, out, err) = place.export(more);
        assert_eq!((found, out.as_str()), (code, ""), "{more:?}: {err}");
        assert!(err.contains(part), "{more:?}: {err}");
    }
    assert!(std::fs::read_to_string(&taken).unwrap().starts_with("data_dir"), "left alone");
    let (code, _, err) = export(&place.path("nowhere"), &[]);
    assert!(code == 1 && err.contains("no journal.db in ") && err.contains("nowhere"), "{err}");
    let foreign = place.path("foreign");
    std::fs::create_dir(&foreign).unwrap();
    std::fs::write(foreign.join("journal.db"), "").unwrap();
    let (code, _, err) = export(&foreign, &["--out", &path("never.jsonl")]);
    assert!(code == 1 && err.contains("it is empty"), "{err}");
    assert!(!place.path("never.jsonl").exists(), "nothing is left behind");
}

#[tokio::test]
async fn whoever_stops_reading_is_no_error() {
    let place = centre().await;
    let mut command = forewarn();
    command.args(["export", "--data-dir"]).arg(place.path("data"));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let err = collect(child.stderr.take().unwrap());
    assert!(wait(&mut child).success());
    assert_eq!(err.all(), "");
}

#[test]
fn both_exports_say_what_the_other_is_for() {
    let help = |arguments: &[&str]| stdout(&run(arguments)).replace(['\n', ' '], "");
    assert!(help(&["export", "--help"]).contains("`forewarnjournalexport`"));
    assert!(help(&["journal", "export", "--help"]).contains("`forewarnexport`"));
}

#[test]
fn the_columns_are_those_that_are_written_down() {
    use forewarn::wire::exports::tables;
    let text = std::fs::read_to_string(data("README.md")).unwrap();
    for (what, columns) in [
        ("calls", &tables::CALLS[..]),
        ("transcripts", &tables::CHUNKS[..]),
        ("alerts", &tables::ALERTS[..]),
        ("alert-history", &tables::STEPS[..]),
    ] {
        let begins = ["a", "an"].map(|article| format!("| `{what}` | {article} "));
        let row = text.lines().find(|line| begins.iter().any(|begin| line.starts_with(begin)));
        let cell = row.unwrap_or_else(|| panic!("no row for {what}")).split(" | ").nth(2).unwrap();
        let written: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
        assert_eq!(written, columns, "{what}");
    }
}
