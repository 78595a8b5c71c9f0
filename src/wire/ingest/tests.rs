use proptest::prelude::*;

use super::*;

const CHUNK: &str = r#"{"type":"chunk","call_id":"c-7f3a","seq":1,"segment_id":"s1",
    "speaker":"customer","start_ms":12400,"end_ms":15100,"final":true,"confidence":0.94,
    "text":"I have called three times about this."}"#;

fn problem(text: &str) -> Problem {
    decode(text, &Settings::default()).unwrap_err()
}

fn chunk_of(text: &str) -> Chunk {
    match decode(text, &Settings::default()).map(|message| message.body) {
        Ok(Body::Chunk(chunk)) => chunk,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_examples_of_the_protocol_decode() {
    let chunk = chunk_of(CHUNK);
    assert_eq!((chunk.seq, chunk.start_ms, chunk.is_final), (1, Some(12_400), true));
    let start = r#"{"type":"call_start","call_id":"c","started_at":"2026-11-22T03:40:00Z",
        "queue":"billing","attributes":{"tier":"gold","prior_contacts":2}}"#;
    let Ok(Message { body: Body::Start(start), .. }) = decode(start, &Settings::default()) else {
        panic!("call_start")
    };
    assert_eq!((start.queue.as_deref(), start.attributes.len()), (Some("billing"), 2));
    let update = r#"{"type":"call_update","call_id":"c","seq":7,"queue":null,
        "attributes":{"hold":true,"tier":null}}"#;
    let Ok(Message { body: Body::Update(update), .. }) = decode(update, &Settings::default())
    else {
        panic!("call_update")
    };
    assert_eq!((update.queue, update.team), (Some(None), None));
    let end = r#"{"type":"call_end","call_id":"c","seq":42,"outcome":{"escalated":false}}"#;
    let Ok(Message { body: Body::End(end), .. }) = decode(end, &Settings::default()) else {
        panic!("call_end")
    };
    assert_eq!(end.outcome.map(|outcome| outcome.escalated), Some(false));
}

#[test]
fn unusual_but_clear_input_is_taken() {
    let chunk = chunk_of(
        r#"{"type":"chunk","call_id":"c","seq":2.0,"speaker":"agent","start_ms":12400.0,
        "end_ms":null,"text":"a cut \ud83d","extra":{"x":[1]}}"#,
    );
    assert_eq!((chunk.seq, chunk.start_ms, chunk.end_ms), (2, Some(12_400), None));
    assert_eq!(chunk.text, "a cut \u{fffd}");
    // A key given twice: the last one counts.
    let twice = r#"{"type":"chunk","call_id":"c","seq":1,"seq":2,"speaker":"agent","text":""}"#;
    assert_eq!(chunk_of(twice).seq, 2);
    // Fields of other message types are unknown fields here.
    let other = r#"{"type":"chunk","call_id":"c","seq":1,"speaker":"agent","text":"",
        "queue":7,"outcome":"x","started_at":5}"#;
    assert_eq!(chunk_of(other).seq, 1);
}

#[test]
fn problems_say_what_is_wrong() {
    for (text, code, part) in [
        (
            r#"{"type":"chunk","call_id":"c","seq":1,"speaker":"agent"}"#,
            Code::BadMessage,
            "chunk: field `text` is missing",
        ),
        (
            r#"{"type":"chunk","call_id":"c","seq":-3,"speaker":"agent","text":""}"#,
            Code::BadMessage,
            "chunk: field `seq` must be a whole number from 1, not -3",
        ),
        (
            r#"{"type":"chunk","call_id":"c","seq":"1","speaker":"agent","text":""}"#,
            Code::BadMessage,
            "chunk: field `seq` must be a whole number from 1, not \"1\"",
        ),
        (
            r#"{"type":"chunk","call_id":"c","seq":1,"speaker":"bot","text":""}"#,
            Code::BadMessage,
            "field `speaker` must be customer, agent, supervisor or other",
        ),
        (
            r#"{"type":"chunk","call_id":"c","seq":1,"speaker":"agent","text":7}"#,
            Code::BadMessage,
            "chunk: field `text` must be a string, not 7",
        ),
        (
            r#"{"type":"chunk","call_id":"c","seq":1,"speaker":"agent","text":"","final":false}"#,
            Code::BadMessage,
            "needs a `segment_id`",
        ),
        (
            r#"{"type":"chunk","call_id":"c","seq":1,"speaker":"agent","text":"","end_ms":1e13}"#,
            Code::BadMessage,
            "field `end_ms` is out of range",
        ),
        (
            r#"{"type":"chunk","seq":1,"speaker":"agent","text":""}"#,
            Code::BadMessage,
            "chunk: field `call_id` is missing",
        ),
        (
            r#"{"type":"chunk","call_id":"a\u0000b","seq":1,"speaker":"agent","text":""}"#,
            Code::BadMessage,
            "control character",
        ),
        (
            r#"{"type":"call_start","call_id":"c","started_at":"yesterday"}"#,
            Code::BadMessage,
            "call_start: field `started_at` must be an RFC 3339 time",
        ),
        (
            r#"{"type":"call_start","call_id":"c","attributes":[1]}"#,
            Code::BadMessage,
            "call_start: field `attributes` must be an object, not a list",
        ),
        (
            r#"{"type":"call_end","call_id":"c","seq":3,"outcome":{}}"#,
            Code::BadMessage,
            "call_end: outcome: field `escalated` is missing",
        ),
        (r#"{"type":"hello","call_id":"c"}"#, Code::UnknownType, "type \"hello\" is unknown"),
        (r#"{"call_id":"c"}"#, Code::BadMessage, "message: field `type` is missing"),
        (r#"["chunk","c",1]"#, Code::BadMessage, "must be a JSON object"),
        (r#"{"type":"chunk","call_id":"c","#, Code::BadJson, "column 30"),
        ("", Code::BadJson, "not usable JSON"),
    ] {
        let problem = problem(text);
        assert_eq!(problem.code, code, "{text}: {problem:?}");
        assert!(problem.message.contains(part), "{text}: {problem:?}");
    }
}

#[test]
fn the_address_of_a_bad_message_is_read_where_it_can_be() {
    let address = |text: &str| {
        let problem = problem(text);
        (problem.call_id, problem.seq)
    };
    let c = || Some("c".to_owned());
    assert_eq!(address(r#"{"type":"chunk","call_id":"c","seq":9}"#), (c(), Some(9)));
    assert_eq!(address(r#"{"type":"chunk","call_id":"c","seq":0}"#), (c(), None));
    // A number no double can hold.
    assert_eq!(
        address(r#"{"type":"chunk","call_id":"c","seq":9,"confidence":1e999}"#),
        (c(), Some(9))
    );
    // Cut off: nobody knows what the rest would have said.
    assert_eq!(address(r#"{"type":"chunk","call_id":"c","seq":9,"te"#), (None, None));
    let deep = format!(
        r#"{{"type":"call_update","call_id":"c","seq":4,"attributes":{}{}}}"#,
        r#"{"a":"#.repeat(4000),
        "1".to_owned() + &"}".repeat(4000)
    );
    assert_eq!(problem(&deep).code, Code::BadJson);
    assert_eq!(address(&deep), (c(), Some(4)));
}

#[test]
fn too_large_keeps_the_address() {
    let text = CHUNK.replace("three times", &"x".repeat(70_000));
    let problem = refuse_too_large(&text, &Settings::default());
    assert_eq!((problem.call_id.as_deref(), problem.seq), (Some("c-7f3a"), Some(1)));
}

proptest! {
    #[test]
    fn random_text_never_panics(text in any::<String>()) {
        let _ = decode(&text, &Settings::default());
    }

    #[test]
    fn a_cut_message_is_bad_json_or_whole(end in 0..CHUNK.len()) {
        prop_assert_eq!(problem(&CHUNK[..end]).code, Code::BadJson);
    }

    #[test]
    fn any_value_in_any_field_is_answered(
        field in prop::sample::select(vec![
            "type", "call_id", "seq", "segment_id", "speaker", "start_ms", "end_ms", "final",
            "confidence", "text",
        ]),
        value in prop::sample::select(vec![
            "null", "true", "-1", "0", "1.5", "1e308", "1e999", "18446744073709551616", "\"\"",
            "\"x\"", "[]", "{}", "[[[[[[]]]]]]", "\"\\ud83d\"", "\"\\u200b\"", "\"\\u0000\"",
        ]),
    ) {
        let known = [("type", "\"chunk\""), ("call_id", "\"c\""), ("seq", "1"),
            ("speaker", "\"agent\""), ("text", "\"hi\"")];
        let mut fields: Vec<String> = known.iter().filter(|(name, _)| *name != field)
            .map(|(name, value)| format!("\"{name}\":{value}")).collect();
        fields.push(format!("\"{field}\":{value}"));
        match decode(&format!("{{{}}}", fields.join(",")), &Settings::default()) {
            Ok(message) => prop_assert_eq!(message.call_id.is_empty(), false),
            Err(problem) => prop_assert!(problem.message.len() > 10),
        }
    }

    #[test]
    fn what_is_written_is_read(text in any::<String>(), seq in 1..1_000_000_u64) {
        let json = serde_json::json!({"type": "chunk", "call_id": "c", "seq": seq,
            "speaker": "customer", "text": text});
        let chunk = chunk_of(&json.to_string());
        prop_assert_eq!((chunk.seq, chunk.text), (seq, text));
    }
}

/// A field as the published schema and the decoder may see it: absent, usual, or odd.
fn any_field(name: &'static str, usual: &'static str) -> impl Strategy<Value = String> {
    let odd = prop::sample::select(vec![
        "null",
        "true",
        "false",
        "-1",
        "0",
        "1",
        "2.0",
        "1.5",
        "1e3",
        "1e13",
        "-1e13",
        "1e17",
        "1e308",
        "\"\"",
        "\"x\"",
        "\"a\\u0000b\"",
        "\"a\\u0085\"",
        "\"\\u200b\"",
        "[]",
        "{}",
        "[1]",
        "{\"escalated\":true}",
        "{\"escalated\":null}",
        "{\"escalated\":true,\"turn\":-1}",
        "{\"escalated\":true,\"turn\":2.0,\"arc\":null}",
        "{\"escalated\":false,\"kind\":7}",
        "\"customer\"",
        "\"Customer\"",
        "\"2026-11-22T03:40:00Z\"",
        "\"yesterday\"",
    ]);
    let value = prop_oneof![
        6 => Just(Some(usual)),
        1 => Just(None),
        2 => odd.prop_map(Some),
    ];
    value.prop_map(move |value| {
        value.map(|value| format!("\"{name}\":{value},")).unwrap_or_default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]
    /// What the published schema allows is taken, and what is refused does not fit it.
    #[test]
    fn the_published_form_and_the_decoder_agree(
        kind in prop::sample::select(vec!["call_start", "chunk", "call_update", "call_end"]),
        fields in (
            any_field("call_id", "\"c-1\""),
            any_field("seq", "7"),
            any_field("segment_id", "\"s1\""),
            any_field("speaker", "\"agent\""),
            (any_field("start_ms", "12400"), any_field("end_ms", "15100")),
            (any_field("final", "false"), any_field("confidence", "0.94")),
            any_field("text", "\"I have called\""),
            (any_field("queue", "\"billing\""), any_field("attributes", "{\"tier\":null}")),
            (any_field("started_at", "\"2026-11-22T03:40:00Z\""), any_field("lang", "\"en\"")),
            (any_field("reason", "\"completed\""), any_field("outcome", "{\"escalated\":false}")),
        ),
    ) {
        use std::sync::LazyLock;
        static FORMS: LazyLock<Vec<(&str, jsonschema::Validator)>> = LazyLock::new(|| {
            [("call_start", "CallStart"), ("chunk", "Chunk"), ("call_update", "CallUpdate"),
                ("call_end", "CallEnd")].map(|(kind, name)| {
                let document = crate::wire::contracts::asyncapi();
                let name = format!("{name}Message");
                (kind, crate::wire::contracts::tests::validator(document, &name))
            }).into()
        });
        let (a, b, c, d, (e, f), (g, h), i, (j, k), (l, m), (n, o)) = fields;
        let text = format!("{{{a}{b}{c}{d}{e}{f}{g}{h}{i}{j}{k}{l}{m}{n}{o}\"type\":\"{kind}\"}}");
        let value: Value = serde_json::from_str(&text).unwrap();
        let form = &FORMS.iter().find(|(name, _)| *name == kind).unwrap().1;
        match decode(&text, &Settings::default()) {
            Ok(_) => prop_assert!(form.is_valid(&value), "taken, but not published: {}", text),
            Err(problem) => prop_assert!(!form.is_valid(&value), "{}: {}", problem, text),
        }
    }
}

/// Found by fuzzing: the type stood before what was wrong with a field, however long it was.
#[test]
fn a_long_type_is_not_said_again() {
    let long = "[".repeat(20_000);
    for text in [
        format!(r#"{{"type":"{long}","call_id":"c","seq":"x"}}"#),
        format!(r#"{{"type":"{long}","call_id":7}}"#),
        format!(r#"{{"type":"{long}","call_id":"c","seq":1}}"#),
        format!(r#"{{"type":"{long}"}}"#),
    ] {
        let problem = decode(&text, &Settings::default()).unwrap_err();
        assert_eq!(problem.code, Code::UnknownType);
        assert!(problem.message.len() < 300, "{}", problem.message);
    }
}
