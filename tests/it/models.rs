//! Training, judging and calibrating from the command line, on a recipe small enough for a test.

use std::path::{Path, PathBuf};

use crate::harness::*;

const RECIPE: &str = r#"
name = "tiny"
lang = "en"
max_ngrams = 150
min_calls = 8
head_penalty = 1.0
customer_heads = ["sentiment:negative", "sentiment:positive", "act:frus", "outlook:escalates"]
agent_heads = ["act:refu", "act:step", "outlook:escalates"]
groups = 2
last_customer_turns = 4
top_rows = 8
risk_penalty = 33.0
columns = ["customer.*", "agent.*", "hold.*"]
raising = ["customer.outlook:*", "agent.outlook:*", "agent.act:refu.*"]
lowering = ["agent.act:step.*"]
[false_alarms]
watch = 20.0
warning = 5.0
critical = 1.0
"#;

/// Trains in `folder` and gives the model's file.
fn train(folder: &Path, name: &str) -> PathBuf {
    let recipe = folder.join("tiny.toml");
    std::fs::write(&recipe, RECIPE).unwrap();
    let model = folder.join(name);
    let output = run(&[
        "train",
        "--corpus",
        data("calls/ta.jsonl").to_str().unwrap(),
        data("calls/tb.jsonl").to_str().unwrap(),
        "--recipe",
        recipe.to_str().unwrap(),
        "--out",
        model.to_str().unwrap(),
    ]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stderr(&output), "", "quiet in a pipe");
    model
}

#[test]
fn the_same_training_gives_the_same_file_and_the_model_is_of_use() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (train(folder.path(), "one.json"), train(folder.path(), "two.json"));
    assert!(std::fs::read(&one).unwrap() == std::fs::read(&two).unwrap(), "byte for byte");
    let card = std::fs::read_to_string(folder.path().join("one.md")).unwrap();
    assert!(card.contains("forewarn train --corpus") && card.contains("ta.jsonl"), "{card}");

    let model = one.to_str().unwrap();
    let unseen = data("calls/tc.jsonl");
    let unseen = unseen.to_str().unwrap();
    let scored = run(&["score", "--model", model, unseen]);
    assert!(scored.status.success(), "{}", stderr(&scored));
    let risks: Vec<f64> =
        json_lines(&stdout(&scored)).iter().filter_map(|line| line["risk"].as_f64()).collect();
    assert!(risks.iter().all(|risk| *risk > 0.0 && *risk < 1.0));

    let report = folder.path().join("report.json");
    let report = report.to_str().unwrap();
    let judged = run(&["evaluate", "--model", model, "--corpus", unseen, "--json", report]);
    assert!(judged.status.success(), "{}", stderr(&judged));
    assert!(stdout(&judged).contains("recall@10"), "{}", stdout(&judged));
    let report: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(report).unwrap()).unwrap();
    assert_eq!(report["calls"], 84);

    let own = folder.path().join("own.json");
    let own = own.to_str().unwrap();
    let set = run(&["calibrate", "--model", model, "--corpus", unseen, "--out", own]);
    assert!(set.status.success(), "{}", stderr(&set));
    assert!(run(&["score", "--model", own, unseen]).status.success());
}

#[test]
fn what_cannot_be_trained_or_promised_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let few = folder.path().join("few.jsonl");
    write_calls(&few, &calls("ta.jsonl", 3));
    let few = few.to_str().unwrap();
    let out = folder.path().join("out.json");
    let out = out.to_str().unwrap();
    let refused = run(&["calibrate", "--corpus", few, "--out", out]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("at least 19"), "{}", stderr(&refused));
    let nowhere = run(&["train", "--corpus", few, "--out", "/no/such/folder/m.json"]);
    assert_eq!(nowhere.status.code(), Some(2));
    assert!(stderr(&nowhere).contains("does not exist"), "{}", stderr(&nowhere));
    assert!(!Path::new(out).exists());
}
