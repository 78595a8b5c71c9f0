//! What comes over the wire and from files of text.

use forewarn::call::{Call, Speaker, Timestamp};
use forewarn::corpus::import::{self, Cast};
use forewarn::engine::event::{CallStart, Event};
use forewarn::engine::guidance::Playbook;
use forewarn::engine::matrix::Matrix;
use forewarn::engine::{CallState, Engine, Settings, chunks};
use forewarn::features::Space;
use forewarn::text::phrases::PhraseList;
use forewarn::wire::vendors::{Adapter, Facts, Format};
use forewarn::wire::{self, Body, Request};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::LazyLock;

use super::{fuzz_text, is_a_sentence};

static ENGINE: LazyLock<Engine> =
    LazyLock::new(|| Engine::with_model(None, Settings::default()).unwrap());

fn texts(seeds: &[Value]) -> Vec<String> {
    seeds.iter().map(Value::to_string).collect()
}

#[test]
fn messages_of_platforms() {
    let seeds = texts(&[
        json!({"type": "call_start", "call_id": "c-1", "started_at": "2026-11-22T03:40:00Z",
            "queue": "billing", "team": "t1", "agent_id": "a17", "lang": "en",
            "attributes": {"tier": "gold", "deep": {"a": [1, 2.5, null]}}}),
        json!({"type": "chunk", "call_id": "c-1", "seq": 1, "segment_id": "s1",
            "speaker": "customer", "start_ms": 12_400, "end_ms": 15_100, "final": true,
            "confidence": 0.94, "text": "I have called three times about this."}),
        json!({"type": "call_update", "call_id": "c-1", "seq": 7, "queue": null,
            "attributes": {"hold": true, "tier": null}}),
        json!({"type": "call_end", "call_id": "c-1", "seq": 42, "reason": "completed",
            "outcome": {"escalated": false}}),
    ]);
    let settings = wire::Settings::default();
    fuzz_text("messages of platforms", &seeds, 8_000, |text| {
        match wire::decode(text, &settings) {
            Err(problem) => is_a_sentence(&problem.message),
            Ok(message) => {
                prop_assert!(!message.call_id.is_empty());
                let Body::Chunk(chunk) = message.body else { return Ok(()) };
                // What was taken in can be scored, and kept, and read again as it was.
                let start = CallStart { call_id: "c".into(), ..CallStart::default() };
                let (mut state, _) = CallState::open(&ENGINE, start, Timestamp(0));
                let event = Event::Chunk(chunk);
                state.apply(&ENGINE, &event, Timestamp(0));
                let kept = serde_json::to_string(&event).unwrap();
                prop_assert_eq!(serde_json::from_str::<Event>(&kept).unwrap(), event);
                Ok(())
            }
        }
    });
}

#[test]
fn commands_of_consoles() {
    let seeds = texts(&[
        json!({"type": "subscribe", "id": "1", "since": {"epoch": "e1", "offset": 1_234},
            "filter": {"queues": ["billing"], "agents": ["a17"], "min_level": "watch"}}),
        json!({"type": "watch", "id": 3, "call_id": "c-7f3a"}),
        json!({"type": "snooze", "id": "6", "alert_id": "al-9", "for_s": 300}),
        json!({"type": "assign", "id": "7", "alert_id": "al-9", "to": "sup-3", "from": null}),
        json!({"type": "resolve", "id": "8", "alert_id": "al-9", "outcome": "averted", "note": "x"}),
        json!({"type": "raise_hand", "id": "9", "call_id": "c-7f3a", "note": "needs a waiver"}),
    ]);
    let settings = wire::Settings::default();
    fuzz_text("commands of consoles", &seeds, 8_000, |text| {
        Request::decode(text, &settings);
        Ok(())
    });
}

/// Each line is a message and the format that it belongs to.
fn vendors() -> Vec<(Format, String)> {
    let lines = include_str!("../../fixtures/fuzz/vendors.jsonl").lines();
    let seeds = lines.map(|line| {
        let seed: Value = serde_json::from_str(line).unwrap();
        let format = Format::named(seed["format"].as_str().unwrap()).unwrap();
        (format, seed["message"].as_str().unwrap().to_owned())
    });
    seeds.collect()
}

/// Every format reads the messages of all of them: a URL with the wrong `format` is no reason to
/// fall over.
#[test]
fn messages_of_vendors() {
    let seeds = vendors();
    let names: Vec<&str> = Format::all().filter(|name| *name != "native").collect();
    for name in &names {
        assert!(
            *name == "auto" || seeds.iter().any(|(format, _)| format.name() == *name),
            "{name}"
        );
    }
    let all: Vec<String> = seeds.iter().map(|(_, text)| text.clone()).collect();
    let settings = wire::Settings::default();
    for name in names {
        let of_it = seeds.iter().filter(|(format, _)| name == "auto" || format.name() == name);
        let own: Vec<String> = of_it.map(|(_, text)| text.clone()).collect();
        // Its own twice as often as those of others.
        let mixed: Vec<String> =
            own.iter().cycle().take(2 * all.len()).chain(&all).cloned().collect();
        fuzz_text(name, &mixed, 1_500, |text| {
            let format = Format::named(name).unwrap();
            let mut adapter = Adapter::new(format, Facts::default(), "n".into(), 4);
            for message in [text, &own[0], text] {
                if let Err(problem) = adapter.read(message, &settings) {
                    is_a_sentence(&problem.message)?;
                }
                while let Some(message) = adapter.next(&settings) {
                    match message.body {
                        Body::Start(_) => adapter.started(&message.call_id, 0, 0, false),
                        _ => adapter.taken(),
                    }
                }
            }
            Ok(())
        });
    }
}

#[test]
fn files_of_phrases_and_rules() {
    let shipped = include_str!("../../../data/triggers.toml").to_owned();
    let small = r#"
        version = 1
        [[category]]
        id = "repeat_contact"
        label = "repeat contact"
        who = "customer"
        phrases = ["called (two|three) times", "third * time"]
        [[rule]]
        id = "no_apology"
        label = "no apology"
        after = { category = "repeat_contact" }
        within_s = 30
        not_said = { phrases = ["sorry"] }
    "#;
    fuzz_text("phrases and rules", &[small.into(), shipped], 1_500, |text| {
        if let Err(error) = PhraseList::parse(text, "fuzz") {
            is_a_sentence(&error.to_string())?;
        }
        if let Err(error) = ENGINE.with_rules(text, "fuzz") {
            is_a_sentence(&error.to_string())?;
        }
        Ok(())
    });
}

#[test]
fn files_of_matrix_and_playbook() {
    let matrix = include_str!("../../../data/matrix.toml").to_owned();
    let playbook = include_str!("../../../data/playbook.toml").to_owned();
    fuzz_text("matrix and playbook", &[matrix, playbook], 1_500, |text| {
        if let Err(error) = Matrix::parse(text, "fuzz") {
            is_a_sentence(&error.to_string())?;
        }
        if let Err(error) = Playbook::parse(text, "fuzz") {
            is_a_sentence(&error.to_string())?;
        }
        Ok(())
    });
}

/// The shipped model with a few of its n-grams.
fn small_model() -> String {
    let mut model: Value =
        serde_json::from_str(include_str!("../../../models/en-calls.json")).unwrap();
    for role in ["customer", "agent"] {
        let ngrams = model[role]["ngrams"].as_object_mut().unwrap();
        let known = std::mem::take(ngrams);
        ngrams.extend(known.into_iter().step_by(300));
    }
    model.to_string()
}

#[test]
fn files_of_models() {
    let call = include_str!("../../../data/samples.jsonl").lines().next().unwrap();
    let call = Call::parse(call).unwrap();
    fuzz_text("models", &[small_model()], 1_500, |text| {
        if let Err(error) = Space::parse(text, "fuzz", PhraseList::default()) {
            return is_a_sentence(&error.to_string());
        }
        let Ok(engine) = Engine::with_model(Some((text, "fuzz")), Settings::default()) else {
            return Ok(());
        };
        let start = CallStart { call_id: "c".into(), ..CallStart::default() };
        let (mut state, _) = CallState::open(&engine, start, Timestamp(0));
        for chunk in chunks(&call) {
            let effects = state.apply(&engine, &Event::Chunk(chunk), Timestamp(0));
            let risk = effects.risk.and_then(|update| update.risk);
            let is_probability = risk.is_none_or(|risk| (0.0..=1.0).contains(&risk));
            prop_assert!(is_probability, "a risk of {risk:?}");
        }
        Ok(())
    });
}

#[test]
fn files_of_calls() {
    let sample = include_str!("../../../data/samples.jsonl").lines().next().unwrap().to_owned();
    let seeds = [
        sample,
        "WEBVTT\n\n1\n00:00:01.000 --> 00:00:02.500\n<v Agent>Hello\n\n".into(),
        "1\n00:00:01,000 --> 00:00:02,500\nCustomer: I want to cancel\n\n".into(),
        "[00:01] Agent: Hello\n[00:05] Customer: No\n".into(),
        json!({"vcon": "0.3.0", "uuid": "u", "created_at": "2026-11-22T03:40:00Z",
            "parties": [{"name": "Ann", "role": "agent"}, {"name": "Bo"}],
            "dialog": [{"type": "text", "start": "2026-11-22T03:40:00Z", "parties": 0,
                "mimetype": "text/plain", "encoding": "none", "body": "hello"}],
            "analysis": []})
        .to_string(),
        json!({"jobName": "j", "results": {"transcripts": [{"transcript": "hello there"}],
            "items": [{"type": "pronunciation", "start_time": "0.1", "end_time": "0.4",
                "channel_label": "ch_0", "alternatives": [{"content": "hello"}]}]}})
        .to_string(),
    ];
    fuzz_text("files of calls", &seeds, 2_000, |text| {
        if let Ok(call) = Call::parse(text) {
            prop_assert!(call.turns.iter().all(|turn| turn.speaker <= Speaker::Other));
        }
        let cast = Cast::default();
        match import::parse(text, None, &cast) {
            Err(why) => is_a_sentence(&why)?,
            Ok(document) => {
                for call in import::calls(document, "fuzz", &cast) {
                    if let Err(why) = call {
                        is_a_sentence(&why)?;
                    }
                }
            }
        }
        Ok(())
    });
}
