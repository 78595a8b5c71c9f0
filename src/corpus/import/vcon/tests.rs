//! vCons as their drafts describe them, and as writers of them differ.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::corpus::import::{Cast, Document, calls, parse};
use crate::wire::vendors::Roles;

fn cast(roles: &str) -> Cast {
    Cast { roles: Roles::parse(roles).unwrap(), ..Cast::default() }
}

fn told_by(vcon: &Value, roles: &str) -> Result<Vec<String>, String> {
    let cast = cast(roles);
    let document: Document = parse(&vcon.to_string(), None, &cast)?;
    let (call, _) = calls(document, "file", &cast).remove(0)?;
    let time = |ms: Option<i64>| ms.map_or("?".into(), |ms| ms.to_string());
    let turns = call.turns.iter().map(|turn| {
        let (start, end) = (time(turn.start_ms), time(turn.end_ms));
        format!("{start}-{end} {}: {}", turn.speaker.name(), turn.text)
    });
    Ok([format!("#{}", call.id)].into_iter().chain(turns).collect())
}

fn told(vcon: &Value) -> Vec<String> {
    told_by(vcon, "").unwrap()
}

fn notes(vcon: &Value) -> Vec<String> {
    super::read(vcon, &Cast::default()).unwrap().notes
}

fn recorded(analysis: Value) -> Value {
    json!({"uuid": "u-1", "created_at": "2026-11-22T04:00:00Z",
        "parties": [{"tel": "tel:+14255550123", "role": "customer"}, {"name": "Dana Reed", "role": "agent"}],
        "dialog": [{"type": "recording", "start": "2026-11-22T03:40:00Z", "duration": 60.5,
                    "parties": [0, 1], "mediatype": "audio/x-wav", "url": "https://files.example/1.wav"}],
        "analysis": [analysis]})
}

fn transcript(body: Value) -> Value {
    recorded(
        json!({"type": "transcript", "dialog": 0, "vendor": "x", "encoding": "json", "body": body}),
    )
}

#[test]
fn messages_are_said_by_their_originators() {
    let message = |at: &str, by: Value, kind: &str, body: &str| {
        json!({"type": "text", "start": at, "parties": [0, 1], "originator": by, "duration": 0,
               kind: "text/plain; charset=utf-8", "encoding": "none", "body": body})
    };
    let mut encoded = message("2026-11-22T04:40:09.5+01:00", json!(1), "mimetype", "");
    encoded["encoding"] = json!("base64url");
    encoded["body"] = json!(URL_SAFE_NO_PAD.encode("Grüße"));
    let mut first = message("2026-11-22T03:40:00", Value::Null, "mediatype", "My bill\nis wrong");
    first["duration"] = json!(2.5);
    let vcon = json!({"vcon": "0.0.1", "uuid": "u-2",
        "parties": [{"name": "Jo", "meta": {"role": "customer"}}, {"name": "Dana", "meta": {"role": "agent"}}],
        "dialog": [encoded, {"type": "incomplete", "start": "2020-01-01T00:00:00Z", "parties": 0}, first,
                   message("2026-11-22T03:40:12Z", json!(0), "mediatype", "So?")]});
    assert_eq!(
        told(&vcon),
        [
            "#u-2",
            "0-2500 customer: My bill\nis wrong",
            "9500-? agent: Grüße",
            "12000-? customer: So?"
        ]
    );
}

#[test]
fn transcripts_are_read_in_their_shapes() {
    let expected = ["#u-1", "500-2250 agent: Hello.", "2000-3000 customer: Hi."];
    let lists = [
        json!([{"speaker": "Agent", "text": "Hello.", "start": 0.5, "end": 2.25},
               {"speaker": "+14255550123", "text": "Hi.", "start": 2, "end": 3}]),
        json!({"segments": [{"speaker": 1, "text": "Hello.", "start": 0.5, "end": 2.25},
                            {"speaker": 0, "text": "Hi.", "start": 2.0, "end": 3.0}]}),
        json!({"utterances": [{"speaker": "dana reed", "transcript": "Hello.", "start_time": "0.5", "end_time": "2.25s"},
                              {"speaker": "caller", "transcript": "Hi.", "start_ms": 2_000, "end_ms": 3_000}]}),
        json!({"results": {"utterances": [
            {"speaker": 1, "channel": 0, "transcript": "Hello.", "start": 0.5, "end": 2.25},
            {"speaker": 0, "channel": 0, "transcript": "Hi.", "start": 2.0, "end": 3.0}]}}),
        json!({"messages": [{"name": "D", "role": "agent", "content": "Hello.", "start": 0.5, "duration": 1.75},
                            {"role": "customer", "content": "Hi.", "start": 2, "duration": 1}]}),
        json!(
            "WEBVTT\n\n00:00.500 --> 00:02.250\n<v Dana Reed>Hello.\n\n00:02.000 --> 00:03.000\n<v Customer>Hi.\n"
        ),
        json!({"transcript": {"text": "Hello. Hi.", "language": "en-US"}, "metadata": {},
               "segments": [{"id": 0, "speaker": "s1", "text": "Hello.", "start": 0.5, "end": 2.25},
                            {"id": 1, "speaker": 7, "text": "Hi.", "start": 2.0, "end": 3.0}],
               "speakers": {"s1": {"label": "Dana Reed (Support)"}, "7": {"label": "Customer"}}}),
        json!({"results": {"channels": [
            {"alternatives": [{"words": [{"word": "hi", "punctuated_word": "Hi.", "start": 2.0, "end": 3.0}]}]},
            {"alternatives": [{"paragraphs": {"paragraphs": [
                {"sentences": [{"text": "Hello."}], "start": 0.5, "end": 2.25, "speaker": 0}]}}]}]}}),
    ];
    for body in lists {
        let roles =
            if body["results"].get("channels").is_some() { "0:customer,1:agent" } else { "" };
        assert_eq!(told_by(&transcript(body.clone()), roles).unwrap(), expected, "{body}");
        // The same as JSON in a string.
        let inside = transcript(json!(body.to_string()));
        assert_eq!(told_by(&inside, roles).unwrap(), expected, "{body}");
    }
}

#[test]
fn lines_and_lists_without_times_are_read() {
    let body = json!("Agent: Hello.\nDana Reed: I am Dana.\nCustomer: Hi.\nthere");
    assert_eq!(
        told(&transcript(body)),
        ["#u-1", "?-? agent: Hello.", "?-? agent: I am Dana.", "?-? customer: Hi. there"]
    );
    // Under another name, as some write it.
    let entry =
        json!({"type": "info", "dialog": 0, "body": [{"speaker": "Agent", "message": "Hello."}]});
    assert_eq!(told(&recorded(entry)), ["#u-1", "?-? agent: Hello."]);
}

#[test]
fn a_recording_of_one_party_needs_no_names() {
    let body = json!({"text": "a", "segments": [{"text": "a", "start": 1.0, "end": 2.0}]});
    let mut vcon = transcript(body);
    assert!(told_by(&vcon, "").unwrap_err().contains("nothing says who speaks"));
    vcon["analysis"][0]["party"] = json!(0);
    assert_eq!(told(&vcon)[1..], ["1000-2000 customer: a"]);
    vcon["analysis"][0].as_object_mut().unwrap().remove("party");
    vcon["dialog"][0]["parties"] = json!([1]);
    assert_eq!(told(&vcon)[1..], ["1000-2000 agent: a"]);
}

#[test]
fn html_is_read_and_what_is_elsewhere_is_told() {
    let vcon = json!({"uuid": "u", "parties": [{"role": "customer"}], "dialog": [
        {"type": "text", "parties": 0, "mediatype": "text/html; charset=utf-8", "body": "<p>R&amp;D</p><p>yes</p>"},
        {"type": "text", "parties": 0, "url": "https://files.example/2.txt"}]});
    assert_eq!(told(&vcon), ["#u", "?-? customer: R&D yes"]);
    assert_eq!(notes(&vcon), ["dialog[1] has no text in it and is left out"]);
}

#[test]
fn milliseconds_are_told_from_seconds() {
    let body = json!({"utterances": [{"speaker": "Agent", "text": "a", "start": 250, "end": 900},
                                     {"speaker": "Customer", "text": "b", "start": 21_000, "end": 22_500}]});
    assert_eq!(told(&transcript(body)), ["#u-1", "250-900 agent: a", "21000-22500 customer: b"]);
}

#[test]
fn numbers_of_speakers_are_places_only_where_parties_have_roles() {
    let body = json!({"segments": [{"speaker": 0, "text": "a", "start": 0.0, "end": 1.0}]});
    let vcon = transcript(body.clone());
    assert!(notes(&vcon)[0].contains("places in `parties`"));
    let mut strangers = transcript(body);
    strangers["parties"] = json!([{"name": "Al"}, {"name": "Bo"}]);
    let error = told_by(&strangers, "").unwrap_err();
    assert!(error.contains("`0` (1: \"a\")"), "{error}");
    assert_eq!(told_by(&strangers, "0:agent").unwrap()[1], "0-1000 agent: a");
    // Deepgram numbers speakers as it hears them.
    let words = json!([{"word": "a", "start": 0.0, "end": 0.5, "speaker": 0}, {"word": "b", "start": 0.5, "end": 1.0, "speaker": 1}]);
    let heard = json!({"results": {"channels": [{"alternatives": [{"words": words}]}]}});
    assert!(told_by(&transcript(heard.clone()), "").is_err());
    let alternative = heard["results"]["channels"][0]["alternatives"][0].clone();
    for body in [heard, alternative] {
        let lines = told_by(&transcript(body), "0:agent,1:customer").unwrap();
        assert_eq!(lines[1..], ["0-500 agent: a", "500-1000 customer: b"]);
    }
}

#[test]
fn the_richest_transcript_of_each_dialog_counts() {
    let mut vcon =
        recorded(json!({"type": "transcript", "dialog": 0, "body": "Agent: plain\nCustomer: so"}));
    vcon["dialog"].as_array_mut().unwrap().push(json!(
        {"type": "recording", "start": "2026-11-22T03:42:00Z", "parties": [0, 1]}));
    let segments = json!({"transcript": {"text": "x", "language": "en-GB"},
        "segments": [{"speaker": 1, "text": "timed", "start": 1.0, "end": 2.0}]});
    vcon["attachments"] = json!([{"type": "wtf_transcription", "dialog": 0, "encoding": "json", "body": segments},
        {"type": "wtf_transcription", "dialog": 1, "encoding": "json", "body": segments}]);
    assert_eq!(told(&vcon), ["#u-1", "1000-2000 agent: timed", "121000-122000 agent: timed"]);
    assert_eq!(super::read(&vcon, &Cast::default()).unwrap().lang.as_deref(), Some("en-GB"));
}

#[test]
fn our_own_vcons_come_back_as_they_were() {
    let typed = |at: &str, by: u8, body: &str| json!({"type": "text", "start": at, "parties": by, "mediatype": "text/plain", "encoding": "none", "body": body});
    let segment = |id: u8, who: &str, start: f64, end: f64, text: &str| json!({"id": id, "speaker": who, "start": start, "end": end, "text": text});
    let vcon = json!({"uuid": "u-3", "parties": [{"role": "customer"}, {"role": "agent"}],
        "dialog": [typed("2026-11-22T03:40:00.832Z", 1, "Hello"), typed("2026-11-22T03:40:09Z", 0, "Hm"),
                   typed("2026-11-22T03:40:08.5Z", 0, "So")],
        "analysis": [
            {"type": "wtf_transcription", "dialog": [0, 1, 2], "encoding": "json", "body": {
                "segments": [segment(1, "agent", 0.832, 2.0, "Hello"), segment(2, "customer", 9.0, 9.2, "Hm"),
                             segment(3, "customer", 8.5, 9.5, "So")],
                "extensions": {"forewarn": {"estimated_start": [], "estimated_end": [2]}}}},
            {"type": "report", "dialog": [0, 1, 2], "schema": "forewarn-call-1", "encoding": "json",
             "body": {"call": {"call_id": "c-7", "outcome": {"escalated": true, "turn": 1}}}}]});
    assert_eq!(
        told(&vcon),
        ["#c-7", "832-2000 agent: Hello", "8500-9500 customer: So", "9000-? customer: Hm"]
    );
    let cast = Cast::default();
    let (call, draft) =
        calls(parse(&vcon.to_string(), None, &cast).unwrap(), "f", &cast).remove(0).unwrap();
    assert_eq!(call.outcome.unwrap().turn, Some(2), "it moves with its turn");
    assert_eq!(draft.also, ["u-3"]);
}

#[test]
fn signed_vcons_are_read_and_encrypted_ones_refused() {
    let vcon = transcript(json!([{"speaker": "Agent", "text": "a"}]));
    let payload = URL_SAFE_NO_PAD.encode(vcon.to_string());
    let signed =
        json!({"payload": payload, "signatures": [{"protected": "e30", "signature": "x"}]});
    assert_eq!(told(&signed), ["#u-1", "?-? agent: a"]);
    assert!(notes(&signed)[0].contains("signature was not checked"));
    let compact = format!("eyJhbGciOiJSUzI1NiJ9.{payload}.c2ln");
    let document = parse(&compact, None, &Cast::default()).unwrap();
    assert!(calls(document, "f", &Cast::default()).remove(0).is_ok());
    for encrypted in [json!({"ciphertext": "x", "recipients": []}), json!("eyJ.a.b.c.d")] {
        assert!(super::read(&encrypted, &Cast::default()).unwrap_err().contains("encrypted"));
    }
    let mut nested = signed;
    for _ in 0..5 {
        let payload = URL_SAFE_NO_PAD.encode(nested.to_string());
        nested = json!({"payload": payload, "signatures": []});
    }
    assert!(super::read(&nested, &Cast::default()).unwrap_err().contains("over and over"));
}

#[test]
fn what_is_wrong_is_told_with_its_path() {
    let refused = |vcon: Value| super::read(&vcon, &Cast::default()).unwrap_err();
    assert_eq!(refused(json!({"vcon": "0.0.1", "dialog": {}})), "`dialog` must be a list");
    let body = json!({"dialog": [{"type": "text", "body": 3}]});
    assert_eq!(refused(body), "dialog[0].body must be text");
    let body = json!({"dialog": [{"type": "text", "encoding": "base64url", "body": "%"}]});
    assert_eq!(refused(body), "dialog[0].body is not base64url");
    assert!(
        refused(json!({"uuid": "u", "dialog": [{"type": "recording"}]})).contains("transcribe it")
    );
    assert!(refused(json!({"uuid": "u", "dialog": []})).contains("no text"));
    assert!(refused(json!({"payload": "e30", "signatures": []})).contains("no text"));
}

proptest! {
    #[test]
    fn cut_and_changed_vcons_never_panic(length in 0_usize..900, at in 0_usize..900, byte in any::<u8>()) {
        let vcon = transcript(json!({"segments": [{"speaker": 1, "text": "a", "start": 0.5}]})).to_string();
        let mut bytes = vcon.into_bytes();
        if let Some(place) = bytes.get_mut(at) {
            *place = byte;
        }
        bytes.truncate(length);
        let _ = parse(&String::from_utf8_lossy(&bytes), None, &Cast::default());
    }

    #[test]
    fn what_is_written_is_read(
        said in prop::collection::vec((any::<bool>(), 0_i64..900_000, 0_i64..9_000, "[a-z]{1,9}"), 1..20)
    ) {
        let mut said = said;
        said.sort_by_key(|one| one.1);
        let segments: Vec<Value> = said.iter().enumerate().map(|(id, (agent, start, length, text))| {
            json!({"id": id, "speaker": i32::from(*agent), "text": text, "start": *start as f64 / 1e3 + 1e-9,
                   "end": (start + length) as f64 / 1e3})
        }).collect();
        let lines: Vec<String> = said.iter().map(|(agent, start, length, text)| {
            format!("{start}-{} {}: {text}", start + length, if *agent { "agent" } else { "customer" })
        }).collect();
        prop_assert_eq!(&told(&transcript(json!({"segments": segments})))[1..], lines);
    }
}
