use serde_json::{Value, json};

use super::super::samples;
use super::*;

fn vcon(call: &CallDetail) -> Value {
    serde_json::from_str(&encode(call).unwrap()).unwrap()
}

fn analysis<'a>(vcon: &'a Value, kind: &str) -> &'a Value {
    let all = vcon["analysis"].as_array().unwrap();
    all.iter().find(|analysis| analysis["type"] == kind).unwrap()
}

const SAID: [(&str, Option<i64>, Option<i64>, &str); 4] = [
    ("agent", Some(500), Some(2_000), "How may I help?"),
    ("customer", Some(1_234), Some(15_101), " \"Quoted\"\n<b> & ünïcode \u{0} "),
    ("other", None, None, "three little words"),
    ("supervisor", Some(20_000), None, ""),
];

#[test]
fn a_call_by_hand() {
    let vcon = vcon(&samples::call(&SAID));
    assert_eq!(vcon["vcon"], "0.4.0");
    assert_eq!(vcon["extensions"], json!(["CC", "wtf_transcription"]));
    assert_eq!(vcon["created_at"], "2026-11-22T03:40:00.000Z");
    assert_eq!(vcon["updated_at"], "2026-11-22T03:50:00.000Z", "an alert was resolved later");
    assert_eq!(
        vcon["parties"],
        json!([{"role": "customer"}, {"name": "a17", "validation": "none", "role": "agent"},
            {"role": "supervisor"}, {"role": "thirdparty"},
            {"name": "forewarn", "validation": "none", "type": "bot"}])
    );
    assert_eq!(
        vcon["dialog"][0],
        json!({"type": "text", "start": "2026-11-22T03:40:00.500Z", "duration": 1.5, "parties": 1,
            "mediatype": "text/plain", "body": "How may I help?", "encoding": "none",
            "interaction_id": "c-7"})
    );
    assert_eq!(vcon["dialog"][2]["parties"], 3);
    assert_eq!(vcon["dialog"][2].get("duration"), None, "not known");
    assert_eq!(
        vcon["attachments"],
        json!([{"purpose": "call attributes", "start": "2026-11-22T03:40:00.000Z", "party": 4,
            "dialog": 0, "mediatype": "application/json", "body": {"tier": "gold"},
            "encoding": "json"}])
    );
    let report = analysis(&vcon, "report");
    assert_eq!(
        (&report["vendor"], &report["schema"]),
        (&json!("forewarn"), &json!("forewarn-call-1"))
    );
    assert_eq!(report["body"]["alerts"][0]["reasons"][0]["feature"], "act:refu");
    assert_eq!(report["body"]["call"]["outcome"]["escalated"], true);
    assert_eq!(report["body"]["risk"][0], json!({"id": 1, "risk": 0.25}));
    let sentiment = analysis(&vcon, "sentiment");
    assert_eq!(sentiment["body"]["score"], -0.5);
    assert_eq!(sentiment["body"]["segments"][1], json!({"id": 2, "score": -0.5}));
}

#[test]
fn the_segments_are_the_transcript() {
    let call = samples::call(&SAID);
    let vcon = vcon(&call);
    let body = &analysis(&vcon, "wtf_transcription")["body"];
    let segments = body["segments"].as_array().unwrap();
    assert_eq!(segments.len(), SAID.len());
    let estimated = &body["extensions"]["forewarn"];
    for (at, (speaker, start, end, text)) in SAID.iter().enumerate() {
        let (segment, dialog) = (&segments[at], &vcon["dialog"][at]);
        assert_eq!(segment["text"], *text);
        assert_eq!(dialog["body"], *text);
        assert_eq!(segment["speaker"], *speaker);
        assert!(segment["start"].as_f64().unwrap() < segment["end"].as_f64().unwrap());
        for (list, name, known) in
            [("estimated_start", "start", start), ("estimated_end", "end", end)]
        {
            let listed = estimated[list].as_array().unwrap().contains(&segment["id"]);
            assert_eq!(listed, known.is_none(), "{list} {at}");
            if let Some(known) = known {
                assert_eq!((segment[name].as_f64().unwrap() * 1_000.0).round(), *known as f64);
            }
        }
    }
    assert_eq!(body["transcript"]["language"], "en-GB");
    assert_eq!(body["transcript"]["duration"], 20.4);
    let warnings = body["quality"]["processing_warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
}

#[test]
fn the_name_is_of_the_call_alone() {
    let call = samples::call(&SAID);
    let name = |call: &CallDetail| vcon(call)["uuid"].as_str().unwrap().to_owned();
    let first = name(&call);
    let parts: Vec<usize> = first.split('-').map(str::len).collect();
    assert_eq!(parts, [8, 4, 4, 4, 12]);
    // 2026-11-22T03:40:00Z in milliseconds, version 8, variant 10.
    assert!(first.starts_with(&format!("{:012x}", 1_795_318_800_000_i64)[..8]), "{first}");
    assert_eq!(first.as_bytes()[14], b'8');
    assert!(b"89ab".contains(&first.as_bytes()[19]));
    let mut later = samples::call(&SAID[..1]);
    assert_eq!(name(&later), first, "whatever else is known of it");
    later.number = 8;
    assert_ne!(name(&later), first, "another call of the same id");
}

#[test]
fn a_call_without_words_has_a_dialog_all_the_same() {
    let mut call = samples::call(&[]);
    call.whole = false;
    let vcon = vcon(&call);
    assert_eq!(vcon["dialog"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&vcon["dialog"][0]["type"], &vcon["dialog"][0]["body"]),
        (&json!("text"), &json!(""))
    );
    let body = &analysis(&vcon, "wtf_transcription")["body"];
    assert_eq!((&body["segments"], &body["transcript"]["text"]), (&json!([]), &json!("")));
    let warnings = body["quality"]["processing_warnings"].to_string();
    assert!(warnings.contains("may be missing"), "{warnings}");
}
