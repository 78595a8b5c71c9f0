//! `forewarn backtest`.

use serde_json::{Value, json};

use crate::harness::*;

const RULES: &str = "version = 1
[[rule]]
id = \"late\"
label = \"no answer in time\"
level = \"warning\"
when.not_followed = { first = [\"question\"], then = [\"answer\"], within_s = 10 }
[[rule]]
id = \"never\"
label = \"never\"
level = \"warning\"
when.said = [\"zebra\"]
";

/// A call in which a question waits `wait` seconds for its answer, and the customer speaks on.
fn call(id: &str, wait: i64, escalated: bool) -> String {
    let turn = |speaker: &str, start: i64, text: &str| json!({"speaker": speaker, "start_ms": start * 1_000, "end_ms": start * 1_000 + 1_000, "text": text});
    let turns = [
        turn("customer", 0, "a question"),
        turn("agent", wait, "an answer"),
        turn("customer", wait + 10, "well then"),
        turn("agent", wait + 20, "yes"),
        turn("customer", wait + 30, "enough"),
    ];
    let outcome =
        if escalated { json!({"escalated": true, "turn": 4}) } else { json!({"escalated": false}) };
    json!({"id": id, "outcome": outcome, "turns": turns}).to_string()
}

#[test]
fn figures_are_those_of_the_calls() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let calls =
        [call("a", 30, true), call("b", 5, true), call("c", 30, false), call("d", 5, false)];
    std::fs::write(path("calls.jsonl"), calls.join("\n")).unwrap();
    std::fs::write(path("rules.toml"), RULES).unwrap();
    let patient = RULES.replace("within_s = 10", "within_s = 40");
    std::fs::write(path("patient.toml"), patient).unwrap();
    let (rules, patient, calls) = (path("rules.toml"), path("patient.toml"), path("calls.jsonl"));
    let run_json = |arguments: &[&str]| -> Value {
        let output = run(&[&["backtest", "--json"], arguments].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert_eq!(stderr(&output), "", "quiet in a pipe");
        serde_json::from_str(&stdout(&output)).unwrap()
    };
    let row = |summary: &Value, key: &str| -> Value {
        let mut rows = summary["rows"].as_array().unwrap().iter();
        rows.find(|row| row["key"] == key).unwrap_or_else(|| panic!("no {key}: {summary}")).clone()
    };
    let summary = run_json(&["--rules", &rules, "--current", &patient, &calls]);
    assert_eq!((&summary["calls"], &summary["escalating"]), (&json!(4), &json!(2)));
    // 61, 36, 61 and 36 seconds.
    assert_eq!(summary["hours"], 194.0 / 3_600.0);
    let late = row(&summary, "rule:late");
    assert_eq!(
        (&late["alerts"], &late["right"], &late["wrong"]),
        (&json!(2), &json!(1), &json!(1))
    );
    // From 11 s, when the turn of the answer was the newest, to the escalation at 60 s.
    assert_eq!((&late["lead_s"], &late["lead_turns"]), (&json!(49.0), &json!(1.0)));
    assert_eq!((&late["precision"], &late["per_100_calls"]), (&json!(0.5), &json!(50.0)));
    assert_eq!((&late["new_calls"], &late["gone_calls"]), (&json!(2), &json!(0)));
    assert_eq!(late["examples"][0]["quote"], "question");
    assert_eq!(row(&summary, "rule:never")["alerts"], 0);
    let back = run_json(&["--rules", &patient, "--current", &rules, &calls]);
    assert_eq!(row(&back, "rule:late")["gone_calls"], 2);

    let output = run(&["backtest", "--rules", &rules, &calls]);
    assert_eq!(output.status.code(), Some(0));
    let text = stdout(&output);
    assert!(text.contains("rule:late") && text.contains("a, turn 1, 0:11: \"question\""), "{text}");
}

#[test]
fn a_model_is_tried_with_its_risk_alerts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls.jsonl");
    write_calls(&path, &calls("ta.jsonl", 30));
    let path = path.to_str().unwrap();
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/models/en-calls.json");
    let output = run(&["backtest", "--json", "--model", model, path]);
    let summary: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let rows = summary["rows"].as_array().unwrap();
    let risk = rows.iter().find(|row| row["key"] == "risk").unwrap();
    assert!(risk["alerts"].as_u64() > Some(0) && risk["lead_turns"].is_number(), "{risk}");
    // It is the model that ships: nothing differs.
    assert!(rows.iter().all(|row| row["new_calls"] == 0 && row["gone_calls"] == 0));
    assert!(rows.iter().any(|row| row["key"] == "trigger:supervisor_request"));
}

#[test]
fn what_cannot_be_backtested_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (rules, bad) =
        (path("rules.toml", RULES), path("bad.toml", "version = 1\n[[rule]]\nid = 1\n"));
    let (calls, broken) =
        (path("calls.jsonl", &call("a", 5, true)), path("broken.jsonl", "\n{}\n"));
    let empty = path("empty.jsonl", "");
    for (arguments, code, expected) in [
        (vec!["--rules", &bad, &calls], 2, "bad.toml:3:6: "),
        (vec![calls.as_str()], 2, "--rules <FILE>"),
        (vec!["--rules", &rules], 2, "<PATH>"),
        (vec!["--rules", "nowhere.toml", &calls], 2, "cannot read the rules nowhere.toml"),
        (vec!["--rules", &rules, &broken], 1, "broken.jsonl:2: not a call"),
        (vec!["--rules", &rules, &empty], 1, "no calls"),
    ] {
        let output = run(&[&["backtest"], arguments.as_slice()].concat());
        assert_eq!(output.status.code(), Some(code), "{arguments:?} {}", stderr(&output));
        assert!(stderr(&output).contains(expected), "{arguments:?}: {}", stderr(&output));
    }
}
