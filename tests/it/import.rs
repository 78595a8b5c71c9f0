//! `forewarn import`: other formats in, corpus out, and what is said when it cannot be.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use forewarn::call::{Call, Speaker};
use serde_json::{Value, json};

use crate::harness::*;

/// A folder with files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    folder
}

fn import(arguments: &[&str], paths: &[&Path]) -> Output {
    let paths: Vec<&str> = paths.iter().map(|path| path.to_str().unwrap()).collect();
    run(&[&["import"], arguments, &paths].concat())
}

/// Imports without a complaint.
fn calls_of(arguments: &[&str], paths: &[&Path]) -> Vec<Call> {
    let output = import(arguments, paths);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    parsed(&stdout(&output))
}

fn parsed(lines: &str) -> Vec<Call> {
    lines.lines().map(|line| Call::parse(line).unwrap()).collect()
}

/// `start-end speaker: words` of each turn.
fn told(call: &Call) -> Vec<String> {
    let time = |ms: Option<i64>| ms.map_or("?".into(), |ms| ms.to_string());
    let turn = |turn: &forewarn::call::Turn| {
        let (start, end) = (time(turn.start_ms), time(turn.end_ms));
        format!("{start}-{end} {}: {}", turn.speaker.name(), turn.text)
    };
    call.turns.iter().map(turn).collect()
}

/// Runs with that on stdin.
fn piped(arguments: &[&str], input: &[u8]) -> Output {
    let mut command = forewarn();
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeding = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap().unwrap();
    output
}

const VTT: &str = "WEBVTT\n\n00:00:00.500 --> 00:00:02.000\n<v Anna Reed>Thanks for calling.</v>\n\n\
                   00:00:01.750 --> 00:00:04.000\n<v Mr. Smith>Get me your manager.</v>\n";
const TEXT: &str =
    "[00:00:01] Rep: Hello.\r\n[00:00:03] Caller: This is the third time\r\nI call.\r\n";

fn vcon() -> String {
    let segment = |who: u8, start: f64, text: &str| json!({"id": who, "speaker": who, "start": start, "end": start + 1.5, "text": text});
    json!({"uuid": "0193db2c-0000-8000-9dd8-000000000001", "created_at": "2026-11-22T04:00:00Z",
        "extensions": ["wtf_transcription"],
        "parties": [{"tel": "+14255550123", "role": "customer"}, {"name": "a-17", "role": "agent"}],
        "dialog": [{"type": "recording", "start": "2026-11-22T03:40:00Z", "duration": 9, "parties": [0, 1]}],
        "analysis": [{"type": "wtf_transcription", "dialog": 0, "encoding": "json", "body": {
            "transcript": {"text": "-", "language": "en-US"}, "metadata": {},
            "segments": [segment(1, 0.25, "How can I help?"), segment(0, 2.0, "I want to cancel.")]}}]})
    .to_string()
}

fn lens() -> String {
    let said = |who: &str, at: i64, text: &str| {
        json!({"ParticipantId": who, "Id": "t", "Content": text,
        "BeginOffsetMillis": at, "EndOffsetMillis": at + 900, "Sentiment": "NEUTRAL", "Unheard": {"of": 1}})
    };
    json!({"Channel": "VOICE", "LanguageCode": "en-US", "CustomerMetadata": {"ContactId": "c-7f3a"},
        "Participants": [{"ParticipantId": "AGENT", "ParticipantRole": "AGENT"},
                         {"ParticipantId": "CUSTOMER", "ParticipantRole": "CUSTOMER"}],
        "Categories": {"MatchedCategories": ["Escalation"], "MatchedDetails": {"Escalation": {
            "PointsOfInterest": [{"BeginOffsetMillis": 1_500, "EndOffsetMillis": 2_400}]}}},
        "Transcript": [said("AGENT", 0, "Hello."), said("CUSTOMER", 1_500, "Your boss, please.")]})
    .to_string()
}

fn analytics() -> String {
    let said = |role: &str, at: i64, text: &str| {
        json!({"ParticipantRole": role, "Content": text,
        "BeginOffsetMillis": at, "EndOffsetMillis": at + 900, "Items": []})
    };
    json!({"JobName": "job-1", "Participants": [{"ParticipantRole": "AGENT"}],
        "Transcript": [said("AGENT", 0, "Hello."), said("CUSTOMER", 950, "Hi.")]})
    .to_string()
}

fn transcribe() -> String {
    let word = |at: f64, who: &str, text: &str| {
        json!({"type": "pronunciation", "start_time": at.to_string(),
        "end_time": (at + 0.5).to_string(), "speaker_label": who, "alternatives": [{"content": text}]})
    };
    json!({"jobName": "batch-1", "status": "COMPLETED", "results": {"transcripts": [{"transcript": "Hello Hi"}],
        "items": [word(0.0, "spk_0", "Hello"), word(1.0, "spk_1", "Hi")]}})
    .to_string()
}

const ROLES: &str = "Anna Reed:agent,Mr. Smith:customer,0:agent,1:customer";

#[test]
fn a_folder_of_all_formats_is_scored_and_replayable() {
    let folder = folder(&[
        ("a.vtt", VTT),
        ("b/c.txt", TEXT),
        ("b/d.vcon.json", &vcon()),
        ("e.json", &lens()),
        ("f.json", &analytics()),
        ("g.json", &transcribe()),
        ("notes.pdf", "x"),
    ]);
    let output = import(&["--roles", ROLES], &[folder.path()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let calls = parsed(&stdout(&output));
    let ids: Vec<&str> = calls.iter().map(|call| call.id.as_str()).collect();
    assert_eq!(
        ids,
        ["a", "c", "0193db2c-0000-8000-9dd8-000000000001", "c-7f3a", "job-1", "batch-1"]
    );
    let expected: [&[&str]; 6] = [
        &["500-2000 agent: Thanks for calling.", "1750-4000 customer: Get me your manager."],
        &["1000-? agent: Hello.", "3000-? customer: This is the third time I call."],
        &["250-1750 agent: How can I help?", "2000-3500 customer: I want to cancel."],
        &["0-900 agent: Hello.", "1500-2400 customer: Your boss, please."],
        &["0-900 agent: Hello.", "950-1850 customer: Hi."],
        &["0-500 agent: Hello", "1000-1500 customer: Hi"],
    ];
    for (call, expected) in calls.iter().zip(expected) {
        assert_eq!(told(call), expected, "{}", call.id);
        assert_eq!(call.outcome, None, "no outcome is made up");
    }
    assert_eq!(calls[3].lang.as_deref(), Some("en-US"));
    let said = stderr(&output);
    for part in [
        "a.vtt: webvtt, 1 call, 2 turns",
        "c.txt: text",
        "d.vcon.json: vcon",
        "e.json: contact-lens",
        "f.json: call-analytics",
        "g.json: transcribe",
        "1 file passed over",
        "6 calls from 6 files",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    let scored = piped(&["score", "-"], &output.stdout);
    assert_eq!(scored.status.code(), Some(0), "{}", stderr(&scored));
    assert_eq!(json_lines(&stdout(&scored)).len(), 12);
    assert!(
        said.contains("d.vcon.json: the transcript's speaker numbers were taken as places"),
        "{said}"
    );
    assert_eq!(stderr(&import(&["--quiet"], &[&folder.path().join("e.json")])), "");
}

#[test]
fn stdin_gzip_prefix_language_and_out_work() {
    let piped =
        piped(&["import", "--id", "ours-", "--lang", "en-GB", "--quiet", "-"], TEXT.as_bytes());
    let call = parsed(&stdout(&piped)).remove(0);
    assert_eq!((call.id.as_str(), call.lang.as_deref()), ("ours-stdin", Some("en-GB")));

    let folder = folder(&[]);
    let path = folder.path().join("tape 7.json.gz");
    let mut gzip = flate2::write::GzEncoder::new(
        std::fs::File::create(&path).unwrap(),
        flate2::Compression::fast(),
    );
    gzip.write_all(TEXT.as_bytes()).unwrap();
    gzip.finish().unwrap();
    let out = folder.path().join("out.jsonl");
    // The content counts, not the name.
    let output = import(&["--out", out.to_str().unwrap()], &[&path]);
    assert_eq!(
        (output.status.code(), stdout(&output)),
        (Some(0), String::new()),
        "{}",
        stderr(&output)
    );
    assert_eq!(parsed(&std::fs::read_to_string(&out).unwrap())[0].id, "tape 7");
}

#[test]
fn one_bad_file_is_named_and_the_others_go_on() {
    let twice = format!("{}\n{}\n", vcon(), vcon());
    let folder = folder(&[
        ("1.txt", "Anna: hi\nBo: so\n"),
        ("2.json", "{\"a\": 1}"),
        ("3.json", "{\"Transcript\": [{\"Content\": 7}]}"),
        ("4.vtt", "WEBVTT\n\n00:00 --> soon\nhi\n"),
        ("5.txt", ""),
        ("6.jsonl", &twice),
        ("7.txt", TEXT),
        ("8.json", "{\"ciphertext\": \"x\"}"),
        ("9.json", "{\"vcon\":"),
    ]);
    std::fs::write(folder.path().join("z.txt"), b"Agent: caf\xe9\n").unwrap();
    let output = import(&[], &[folder.path(), &PathBuf::from("/no/such/file")]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    for part in [
        "1.txt: who is `Anna` (1: \"hi\"), `Bo` (1: \"so\")? Say it with --roles, for example --roles \"Anna:agent,Bo:customer\"",
        "2.json: JSON of no known format",
        "3.json: Transcript[0].Content must be text",
        "4.vtt: line 3: `soon` is no time of a cue",
        "5.txt: it is empty",
        "6.jsonl: the id `0193db2c-0000-8000-9dd8-000000000001` was already had from ",
        "7.txt: text, 1 call, 2 turns",
        "8.json: the vCon is encrypted",
        "9.json: not JSON: EOF while parsing a value at line 1 column 8",
        "z.txt: line 1: the byte 0xe9 is not UTF-8; if it is Latin-1",
        "/no/such/file: cannot read it",
        "forewarn: 2 calls imported; 10 files or calls could not be, named above",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    assert_eq!(parsed(&stdout(&output)).len(), 2);

    let strict = import(&["--strict"], &[folder.path()]);
    assert_eq!((strict.status.code(), stderr(&strict).lines().count()), (Some(1), 1));
    let nothing = import(&[], &[&folder.path().join("2.json")]);
    assert_eq!(nothing.status.code(), Some(1));
    let empty = tempfile::tempdir().unwrap();
    let nothing = import(&[], &[empty.path()]);
    assert_eq!(nothing.status.code(), Some(1));
    assert!(stderr(&nothing).contains("no file with calls"), "{}", stderr(&nothing));
}

#[test]
fn deep_json_and_large_files_are_refused() {
    let deep = format!("{{\"vcon\": {}", "[".repeat(200_000));
    let inside = json!({"uuid": "u", "parties": [], "dialog": [{"type": "recording"}],
        "analysis": [{"type": "transcript", "dialog": 0, "encoding": "json", "body": "[".repeat(100_000)}]});
    let folder = folder(&[
        ("deep.json", &deep),
        ("inside.json", &inside.to_string()),
        ("big.txt", &"x".repeat((1 << 20) + 1)),
    ]);
    let output = import(&["--max-file-mib", "1"], &[folder.path()]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("deep.json: not JSON: recursion limit exceeded"), "{said}");
    assert!(said.contains("big.txt: it is larger than 1 MiB"), "{said}");
    assert!(said.contains("inside.json: "), "{said}");
}

#[test]
fn wrong_usage_is_exit_code_2() {
    for (arguments, part) in [
        (&["x"][..], "PATH"),
        (&["--format", "mp3", "x"], "use auto or one of vcon, webvtt"),
        (&["--roles", "Anna:boss", "x"], "`boss` is not a role"),
        (&["--labels", "/no/such.csv", "x"], "/no/such.csv: cannot read it"),
        (&["--escalated", "--not-escalated", "x"], "--not-escalated"),
        (&["--out", "/no/such/folder/x", "x"], "cannot write /no/such/folder/x"),
    ] {
        let arguments = if arguments == ["x"] { &[][..] } else { arguments };
        let output = run(&[&["import"], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(part), "{part:?} is not in {}", stderr(&output));
    }
}

#[test]
fn labels_say_how_calls_ended() {
    let folder = folder(&[("a.txt", TEXT), ("e.json", &lens())]);
    let labels = folder.path().join("labels.csv");
    std::fs::write(
        &labels,
        "id,escalated,at_ms,kind,site\na,yes,3500,supervisor_request,x\nc-7f3a,no,,,\ngone,no,,,\n",
    )
    .unwrap();
    let output = import(&["--labels", labels.to_str().unwrap()], &[folder.path()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let calls = parsed(&stdout(&output));
    let outcome = calls[0].outcome.as_ref().unwrap();
    assert_eq!(
        (outcome.escalated, outcome.turn, outcome.kind.as_deref()),
        (true, Some(1), Some("supervisor_request"))
    );
    assert!(!calls[1].escalates() && calls[1].outcome.is_some());
    for part in ["1 label no call has, such as `gone`", "columns not used: site"] {
        assert!(stderr(&output).contains(part), "{}", stderr(&output));
    }
    let by_rule = calls_of(&["--escalated-category", "Escalation"], &[folder.path()]);
    assert_eq!(by_rule[1].outcome.as_ref().unwrap().turn, Some(1));
    assert!(!by_rule[0].escalates() && by_rule[0].outcome.is_some());
    let all = import(&["--escalated"], &[folder.path()]);
    assert!(stderr(&all).contains("2 calls escalated, and nothing says where"), "{}", stderr(&all));
    std::fs::write(&labels, "id,escalated,turn\na,yes,9\n").unwrap();
    let output = import(&["--labels", labels.to_str().unwrap()], &[folder.path()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("a.txt: "), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("labels.csv:2: turn 9, but it has 2 turns"),
        "{}",
        stderr(&output)
    );
}

fn label(speaker: Speaker) -> &'static str {
    match speaker {
        Speaker::Customer => "Caller",
        Speaker::Agent => "AGENT",
        Speaker::Supervisor => "Manager",
        Speaker::Other => "System",
    }
}

/// Calls as text in one file, and their labels.
fn rendered(calls: &[Call]) -> (String, String) {
    let (mut text, mut labels) = (String::new(), String::from("id,escalated,turn\n"));
    for call in calls {
        let _ = writeln!(text, "# {}", call.id);
        for turn in &call.turns {
            let ms = turn.start_ms.unwrap();
            let (s, ms) = (ms / 1_000, ms % 1_000);
            let time = format!("{:02}:{:02}:{:02}.{ms:03}", s / 3_600, s / 60 % 60, s % 60);
            let _ = writeln!(text, "[{time}] {}: {}", label(turn.speaker), turn.text);
        }
        let outcome = call.outcome.as_ref().unwrap();
        let turn = outcome.turn.filter(|_| outcome.escalated).map(|turn| turn.to_string());
        let _ = writeln!(labels, "{},{},{}", call.id, outcome.escalated, turn.unwrap_or_default());
    }
    (text, labels)
}

#[test]
fn all_calls_written_as_text_come_back_and_are_evaluated() {
    let batches = ["ta", "tb", "tc", "td", "te", "tf", "tg", "th", "ti", "tj"];
    let files: Vec<(String, Vec<Call>)> = batches
        .iter()
        .map(|batch| (format!("{batch}.txt"), calls(&format!("{batch}.jsonl"), usize::MAX)))
        .collect();
    let folder = folder(&[]);
    let mut labels = String::new();
    for (name, calls) in &files {
        let (text, own) = rendered(calls);
        std::fs::write(folder.path().join(name), text).unwrap();
        labels += if labels.is_empty() { &own } else { own.split_once('\n').unwrap().1 };
    }
    std::fs::write(folder.path().join("labels.csv"), labels).unwrap();
    let (csv, out) = (folder.path().join("labels.csv"), folder.path().join("calls.jsonl"));
    let output = import(
        &["--labels", csv.to_str().unwrap(), "--out", out.to_str().unwrap()],
        &[folder.path()],
    );
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    // Once more: what was written is not read as input.
    let again = import(&["--quiet", "--out", out.to_str().unwrap()], &[folder.path()]);
    assert_eq!(again.status.code(), Some(0), "{}", stderr(&again));
    let over = import(&["--out", out.to_str().unwrap()], &[&out]);
    assert_eq!(over.status.code(), Some(2));
    let output = import(
        &["--labels", csv.to_str().unwrap(), "--out", out.to_str().unwrap()],
        &[folder.path()],
    );
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let imported = parsed(&std::fs::read_to_string(&out).unwrap());
    let originals: Vec<&Call> = files.iter().flat_map(|(_, calls)| calls).collect();
    assert_eq!(imported.len(), originals.len());
    for (imported, original) in imported.iter().zip(&originals) {
        assert_eq!(imported.id, original.id);
        let said = |call: &Call| -> Vec<(Speaker, String, Option<i64>)> {
            call.turns
                .iter()
                .map(|turn| (turn.speaker, turn.text.trim().to_owned(), turn.start_ms))
                .collect()
        };
        let mut expected = said(original);
        expected.sort_by_key(|(.., start)| *start);
        assert_eq!(said(imported), expected, "{}", original.id);
        assert_eq!(imported.escalates(), original.escalates());
    }
    let rules = folder.path().join("rules.toml");
    std::fs::write(&rules, "version = 1\n[[rule]]\nid = \"m\"\nlabel = \"m\"\nlevel = \"warning\"\nwhen.said = [\"manager\"]\n").unwrap();
    // Enough of them to be judged.
    let some = folder.path().join("some.jsonl");
    write_calls(&some, &imported[..40]);
    let some = some.to_str().unwrap();
    let backtest = run(&["backtest", "--json", "--rules", rules.to_str().unwrap(), some]);
    let summary: Value = serde_json::from_str(&stdout(&backtest)).unwrap();
    assert_eq!(summary["with_outcome"], 40);
    let evaluate = run(&["evaluate", "--corpus", some]);
    assert_eq!(evaluate.status.code(), Some(0), "{}", stderr(&evaluate));
}
