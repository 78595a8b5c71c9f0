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

/// The numbers of a card may differ by so much between two kinds of processor.
const SAME: f64 = 0.02;

/// The text of a line without its numbers, and the numbers.
fn taken_apart(line: &str) -> (String, Vec<f64>) {
    let number = |c: char| c.is_ascii_digit() || c == '.';
    let mut words = String::new();
    let mut numbers = Vec::new();
    let mut rest = line;
    while let Some(start) = rest.find(number) {
        words += &rest[..start];
        let end = rest[start..].find(|c| !number(c)).map_or(rest.len(), |length| start + length);
        match rest[start..end].trim_end_matches('.').parse() {
            Ok(value) => numbers.push(value),
            Err(_) => words += &rest[start..end],
        }
        rest = &rest[end..];
    }
    (words + rest, numbers)
}

#[test]
fn the_shipped_model_and_its_card_come_from_their_data() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("en-calls.json");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = data("calls");
    let trained =
        run(&["train", "--corpus", corpus.to_str().unwrap(), "--out", out.to_str().unwrap()]);
    assert!(trained.status.success(), "{}", stderr(&trained));
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    let (card, shipped) = (read(&out.with_extension("md")), read(&root.join("models/en-calls.md")));
    assert_eq!(card.lines().count(), shipped.lines().count());
    for (own, shipped) in card.lines().zip(shipped.lines()) {
        // The command holds this test's folder.
        if own == shipped || own.starts_with("forewarn train") {
            continue;
        }
        let ((words, numbers), (their_words, theirs)) = (taken_apart(own), taken_apart(shipped));
        assert_eq!(words, their_words);
        let near = |(a, b): (&f64, &f64)| (a - b).abs() <= SAME * b.abs().max(1.0);
        assert!(numbers.iter().zip(&theirs).all(near), "{own}\n{shipped}");
    }
    let model = |path: &Path| -> serde_json::Value { serde_json::from_str(&read(path)).unwrap() };
    let (own, shipped) = (model(&out), model(&root.join("models/en-calls.json")));
    for role in ["customer", "agent"] {
        let ngrams = |model: &serde_json::Value| -> Vec<String> {
            model[role]["ngrams"].as_object().unwrap().keys().cloned().collect()
        };
        assert_eq!(ngrams(&own), ngrams(&shipped));
    }
    assert_eq!(own["training"], shipped["training"]);
}

#[test]
fn the_disputes_model_scores_and_names_acts_of_both_sides() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let model = root.join("models/en-disputes.json");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dispute.jsonl");
    let says = [
        ("customer", "I want a full refund, you sent me the wrong shirt."),
        ("agent", "We do not give refunds. It is our policy."),
        ("customer", "Then I will leave a bad review and report you. This is unacceptable."),
        ("agent", "I will not refund you. Take down your review or we are done."),
        ("customer", "You are a liar. I am walking away from this."),
    ];
    let turns: Vec<_> = says
        .iter()
        .map(|(speaker, text)| serde_json::json!({"speaker": speaker, "text": text}))
        .collect();
    std::fs::write(&file, serde_json::json!({"id": "d-1", "turns": turns}).to_string()).unwrap();
    let scored =
        run(&["score", "--explain", "--model", model.to_str().unwrap(), file.to_str().unwrap()]);
    assert!(scored.status.success(), "{}", stderr(&scored));
    let lines = json_lines(&stdout(&scored));
    assert!(lines[4]["sentiment"].as_f64().unwrap() < 0.0);
    assert!(lines[4]["risk"].as_f64().unwrap() > lines[2]["risk"].as_f64().unwrap());
    let acts = |turn: usize| -> Vec<&str> {
        let acts = lines[turn]["acts"].as_array().into_iter().flatten();
        acts.filter_map(|tag| tag["act"].as_str()).collect()
    };
    assert!(acts(1).contains(&"refu"), "{:?}", acts(1));
    let reasons = lines[4]["explanation"]["reasons"].as_array().unwrap();
    let features: Vec<&str> = reasons.iter().filter_map(|r| r["feature"].as_str()).collect();
    assert!(features.iter().any(|f| f.starts_with("act:agent.")), "{features:?}");
}

#[test]
fn a_recipe_that_needs_files_says_which() {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = folder.path().join("out.json");
    let (corpus, out) = (data("calls/ta.jsonl"), out.to_str().unwrap().to_owned());
    let corpus = corpus.to_str().unwrap();
    let recipe = |name: &str| root.join("models").join(name).to_str().unwrap().to_owned();
    let disputes = recipe("en-disputes.toml");
    let refused = run(&["train", "--corpus", corpus, "--recipe", &disputes, "--out", &out]);
    assert_eq!(refused.status.code(), Some(2));
    let said = stderr(&refused);
    assert!(said.contains("needs kodis_train.jsonl.gz") && said.contains("licence MIT"), "{said}");

    // A file of the right name that is another one.
    let namesake = folder.path().join("goemotions_train.jsonl.gz");
    std::fs::write(&namesake, "{\"text\":\"hm\",\"sentiment\":\"neutral\"}\n").unwrap();
    let (namesake, tone) = (namesake.to_str().unwrap(), recipe("teachers/tone-en.toml"));
    let refused = run(&["train", "--teacher", &tone, "--corpus", namesake, "--out", &out]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("is another file"), "{}", stderr(&refused));
    assert!(!Path::new(&out).exists());
}
