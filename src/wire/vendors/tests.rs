//! What the tests of all formats share, and what must hold for every format.

use std::collections::HashMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Adapter, Facts, Format, NAMES, Roles};
use crate::engine::event::Chunk;
use crate::wire::{Body, Message, Problem, Settings};

/// A connection and a desk that takes everything.
pub(super) struct Line {
    adapter: Adapter,
    segments: HashMap<String, usize>,
    /// Everything told, one line each.
    pub told: Vec<String>,
    pub chunks: Vec<Chunk>,
}

impl Line {
    pub fn new(format: Format, roles: &str) -> Line {
        let facts = Facts { roles: Roles::parse(roles).unwrap(), ..Facts::default() };
        Line::with(format, facts)
    }

    pub fn with(format: Format, facts: Facts) -> Line {
        let adapter = Adapter::new(format, facts, "n".into(), 100);
        Line { adapter, segments: HashMap::new(), told: Vec::new(), chunks: Vec::new() }
    }

    /// Reads a frame and takes what it says. What was told is `told`.
    pub fn read(&mut self, text: &str) -> Result<bool, Problem> {
        let settings = Settings::default();
        let read = self.adapter.read(text, &settings);
        while let Some(Message { call_id, body }) = self.adapter.next(&settings) {
            match body {
                Body::Start(start) => {
                    let lang = start.lang.unwrap_or_default();
                    let previous = start.previous_call_id.map(|id| format!(" after {id}"));
                    let previous = previous.unwrap_or_default();
                    self.told.push(format!("start {call_id}{previous} {lang}").trim_end().into());
                    self.adapter.started(&call_id, 0, 0, false);
                    continue;
                }
                Body::Chunk(chunk) => self.chunk(chunk),
                Body::Update(update) => {
                    let attributes = Value::Object(update.attributes);
                    self.told.push(format!("update {:?} {attributes}", update.agent_id.flatten()));
                }
                Body::End(end) => {
                    let reason = end.reason.unwrap_or_default();
                    self.told.push(format!("end {reason}").trim_end().to_owned());
                }
            }
            self.adapter.taken();
        }
        read
    }

    /// `#segment speaker start-end text`, a `~` behind the speaker of a partial.
    fn chunk(&mut self, chunk: Chunk) {
        let number = self.segments.len() + 1;
        let segment = chunk.segment_id.clone().unwrap_or_default();
        let number = *self.segments.entry(segment).or_insert(number);
        let time = |ms: Option<i64>| ms.map_or(String::new(), |ms| ms.to_string());
        self.told.push(format!(
            "#{number} {}{} {}-{} {}",
            chunk.speaker.name(),
            if chunk.is_final { "" } else { "~" },
            time(chunk.start_ms),
            time(chunk.end_ms),
            chunk.text
        ));
        self.chunks.push(chunk);
    }

    pub fn counts(&mut self) -> super::Counts {
        self.adapter.take_counts()
    }

    /// Words of finals as the engine counts them: the first final of a segment, and at the end
    /// of the call the last partial of what stayed open.
    fn heard(&self) -> Vec<String> {
        let mut order = Vec::new();
        let mut newest: HashMap<&str, &Chunk> = HashMap::new();
        for chunk in &self.chunks {
            let id = chunk.segment_id.as_deref().unwrap();
            let known = newest.entry(id).or_insert_with(|| {
                order.push(id);
                chunk
            });
            if !known.is_final {
                *known = chunk;
            }
        }
        let texts = order.iter().map(|id| newest[id].text.clone());
        texts.filter(|text| !text.is_empty()).collect()
    }
}

/// What a format makes of messages.
pub(super) fn told(format: Format, roles: &str, messages: &[Value]) -> Vec<String> {
    let mut line = Line::new(format, roles);
    for message in messages {
        line.read(&message.to_string()).unwrap();
    }
    line.told
}

/// A call as each format tells it: two people, partials, finals, an end.
fn fixtures() -> Vec<(Format, Vec<Value>)> {
    vec![
        (Format::Deepgram, super::deepgram::tests::call()),
        (Format::Transcribe, super::transcribe::tests::call()),
        (Format::CallAnalytics, super::call_analytics::tests::call()),
        (Format::ContactLens, super::contact_lens::tests::call()),
        (Format::Lca, super::lca::tests::call()),
        (Format::Twilio, super::twilio::tests::call()),
        (Format::ConversationRelay, super::conversation_relay::tests::call()),
        (Format::Azure, super::azure::tests::call()),
        (Format::Acs, super::acs::tests::call()),
        (Format::Genesys, super::genesys::tests::call()),
        (Format::Google, super::google::tests::call()),
        (Format::AssemblyAi, super::assemblyai::tests::call()),
        (Format::Speechmatics, super::speechmatics::tests::call()),
        (Format::Vosk, super::vosk::tests::call()),
        (Format::RevAi, super::revai::tests::call()),
        (Format::Gladia, super::gladia::tests::call()),
        (Format::Soniox, super::soniox::tests::call()),
        (Format::Bandwidth, super::bandwidth::tests::call()),
        (Format::Telnyx, super::telnyx::tests::call()),
        (Format::Jambonz, super::jambonz::tests::call()),
        (Format::Zoom, super::zoom::tests::call()),
    ]
}

/// Formats whose messages carry nothing by which a repeat could be told from the same words said
/// twice. They come over one socket, in order, and are not repeated there.
const WITHOUT_IDENTITY: [Format; 3] = [Format::ConversationRelay, Format::Jambonz, Format::Vosk];

#[test]
fn every_format_has_a_fixture_and_a_name() {
    let fixtures = fixtures();
    for (name, format) in NAMES {
        assert_eq!(Format::named(name), Some(format));
        let has = fixtures.iter().any(|(known, _)| *known == format);
        assert!(has || matches!(format, Format::Native | Format::Auto), "{name}");
    }
    assert_eq!(Format::named("morse"), None);
}

#[test]
fn auto_finds_every_format_by_its_first_message_that_matters() {
    for (format, messages) in fixtures() {
        let mut auto = Line::new(Format::Auto, "");
        let mut own = Line::new(format, "");
        for message in messages {
            auto.read(&message.to_string()).unwrap();
            own.read(&message.to_string()).unwrap();
        }
        assert_eq!(auto.adapter.format(), format);
        assert_eq!(auto.heard(), own.heard(), "{}", format.name());
    }
    let mut auto = Line::new(Format::Auto, "");
    assert_eq!(auto.read(r#"{"hello":"world"}"#), Ok(true), "unknown, so skipped");
    assert_eq!((auto.adapter.format(), auto.counts().skipped), (Format::Auto, 1));
    assert_eq!(auto.read(r#"{"type":"call_start","call_id":"c"}"#), Ok(false), "protocol v1");
}

#[test]
fn a_list_is_read_message_by_message_and_one_bad_one_spoils_nothing() {
    for (format, mut messages) in fixtures() {
        let mut one_by_one = Line::new(format, "");
        for message in &messages {
            one_by_one.read(&message.to_string()).unwrap();
        }
        messages.insert(1, json!("no message"));
        let mut line = Line::new(format, "");
        assert!(line.read(&Value::Array(messages).to_string()).is_err());
        // All of a list is known when its call opens, so more may be said about the call.
        assert_eq!(line.chunks, one_by_one.chunks, "{}", format.name());
    }
}

#[test]
fn bad_frames_are_problems_and_unknown_kinds_are_counted() {
    for (format, _) in fixtures() {
        let mut line = Line::new(format, "");
        for (text, code) in [("{\"a\":", "bad_json"), ("", "bad_json"), ("7", "bad_message")] {
            assert_eq!(line.read(text).unwrap_err().code.name(), code, "{}", format.name());
        }
        let kind = r#"{"type":"NewKind","kind":"NewKind","message":"NewKind","event":"new"}"#;
        assert_eq!(line.read(kind), Ok(true), "{}", format.name());
        assert_eq!(line.counts().skipped, 1, "{}", format.name());
        assert!(line.told.is_empty(), "{}: {:?}", format.name(), line.told);
    }
}

#[test]
fn speakers_without_a_role_are_counted() {
    let mut line = Line::new(Format::Vosk, "");
    line.read(r#"{"text":"hello"}"#).unwrap();
    assert_eq!(line.told[1], "#1 other - hello");
    assert_eq!(line.counts().unknown_speakers, 1);
}

#[test]
fn the_url_stands_before_what_the_vendor_says() {
    let mut facts = Facts { call_id: Some("mine".into()), ..Facts::default() };
    facts.about.lang = Some("en-GB".into());
    let mut line = Line::with(Format::ContactLens, facts);
    for message in super::contact_lens::tests::call() {
        line.read(&message.to_string()).unwrap();
    }
    assert_eq!(line.told[0], "start mine en-GB");
}

#[test]
fn calls_of_one_connection_are_bounded() {
    let settings = Settings::default();
    let mut adapter = Adapter::new(Format::Lca, Facts::default(), "n".into(), 1);
    let start = |id: &str| json!({"EventType": "START", "CallId": id}).to_string();
    adapter.read(&start("a"), &settings).unwrap();
    let problem = adapter.read(&start("b"), &settings).unwrap_err();
    assert_eq!(problem.code.name(), "too_many_calls");
    let long = adapter.read(&start(&"x".repeat(1_000)), &settings).unwrap_err();
    assert_eq!(long.code.name(), "bad_message");
}

#[test]
fn a_call_taken_by_another_connection_is_taken_back_with_its_next_message() {
    let settings = Settings::default();
    let mut adapter = Adapter::new(Format::Vosk, Facts::default(), "n".into(), 1);
    adapter.read(r#"{"text":"one"}"#, &settings).unwrap();
    adapter.next(&settings).unwrap();
    adapter.started("vosk-n", 0, 0, false);
    adapter.next(&settings).unwrap();
    adapter.lost("vosk-n");
    let again = adapter.next(&settings).unwrap();
    assert!(matches!(again.body, Body::Start(_)), "{again:?}");
    adapter.started("vosk-n", 7, 0, false);
    let chunk = adapter.next(&settings).unwrap().body;
    assert!(matches!(chunk, Body::Chunk(Chunk { seq: 8, .. })), "the same words, numbered anew");
}

/// Found by thinking of a server that restarts: what is open there must be found again.
#[test]
fn an_utterance_cut_by_a_reconnect_is_one_segment() {
    let mut found = 0;
    for (format, messages) in fixtures() {
        let mut facts = Facts { call_id: Some("c".into()), ..Facts::default() };
        facts.roles = Roles::parse("0:agent").unwrap();
        let mut once = Line::with(format, facts.clone());
        let mut first = Line::with(format, facts.clone());
        for message in &messages {
            once.read(&message.to_string()).unwrap();
        }
        let Some(partial) = messages.iter().position(|message| {
            let mut line = Line::with(format, facts.clone());
            line.read(&message.to_string()).unwrap();
            line.chunks.first().is_some_and(|chunk| !chunk.is_final && chunk.start_ms.is_some())
        }) else {
            continue;
        };
        for message in &messages[..=partial] {
            first.read(&message.to_string()).unwrap();
        }
        let settings = Settings::default();
        let mut second = Line::with(format, facts.clone());
        second.adapter = Adapter::new(format, facts, "other".into(), 100);
        let latest = first.chunks.iter().filter_map(|chunk| chunk.end_ms).max().unwrap_or(0);
        // What opened the stream is not sent again.
        for message in &messages[partial + 1..] {
            second.adapter.read(&message.to_string(), &settings).unwrap();
            while let Some(Message { call_id, body }) = second.adapter.next(&settings) {
                match body {
                    Body::Start(_) => second.adapter.started(&call_id, 9, latest, false),
                    Body::Chunk(chunk) => {
                        first.chunk(chunk);
                        second.adapter.taken();
                    }
                    _ => second.adapter.taken(),
                }
            }
        }
        // These name their stream once, at its start: without it, it could be another one.
        let named_once = [Format::AssemblyAi, Format::Speechmatics, Format::RevAi];
        if !named_once.contains(&format) && format != Format::Soniox {
            assert_eq!(first.heard(), once.heard(), "{}", format.name());
            found += 1;
        }
    }
    assert!(found >= 8, "{found} formats have partials with times");
}

#[test]
fn a_partial_that_comes_back_to_earlier_words_is_told() {
    let partial = |text: &str| json!({"partial": text});
    let told = told(Format::Vosk, "customer", &["a b", "a", "a", "a b"].map(partial));
    assert_eq!(told[1..], ["#1 customer~ - a b", "#1 customer~ - a", "#1 customer~ - a b"]);
}

/// Any JSON, with the words of formats as names so that it gets somewhere.
/// Words that wait for a better wording, or for the rest of their utterance, go with their call.
#[test]
fn an_erased_call_leaves_no_words_with_its_connection() {
    let mut held = HashMap::new();
    for (format, frames) in fixtures() {
        for many in 1..=frames.len() {
            let mut line = Line::new(format, "0:customer,1:agent");
            frames[..many].iter().for_each(|frame| drop(line.read(&frame.to_string())));
            let said = line.chunks.iter().flat_map(|chunk| chunk.text.split(' '));
            let words: Vec<_> = said.filter(|word| word.len() > 4).map(str::to_owned).collect();
            let kept = |line: &Line| {
                let all = format!("{:?}", line.adapter);
                words.iter().any(|word| all.contains(word.as_str()))
                    || !all.contains("held: [] }, current")
            };
            *held.entry(format.name()).or_insert(false) |= kept(&line);
            line.adapter.erase(|_| true);
            let before = format!("{:?}", line.adapter);
            line.adapter.erase(|_| false);
            assert!(!kept(&line), "{}: {before} became {:?}", format.name(), line.adapter);
        }
    }
    assert!(held["assemblyai"] && held["soniox"], "the test would see nothing: {held:?}");
}

fn any_json() -> impl Strategy<Value = Value> {
    let names = "Records|kinesis|body|detail|detail-type|turn_order|turn_is_formatted|end_of_turn\
                 |speaker|Segments|Utterance|TranscriptId|PartialContent|call_leg_id|CallSid\
                 |type|channel|alternatives|results|transcript|Segments|Transcript|EventType|CallId\
                 |data|payload|is_final|words|start|text|offset|eventBody|transcripts|tokens|speech\
                 |TranscriptionEvent|TranscriptionData|metadata|message|msg_type|content|elements";
    let words = "Results|Turn|AddTranscript|SEGMENTS|ADD_TRANSCRIPT_SEGMENT|transcription-content\
                 |call.transcription|transcription|final|true|12.4|TurnInfo|prompt|<end>| ";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        pick(words).prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((pick(names), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn pick(words: &'static str) -> impl Strategy<Value = String> + Clone {
    let words: Vec<String> = words.split('|').map(|word| word.trim().to_owned()).collect();
    prop::sample::select(words)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Messages repeated at once or a while later, and fields nobody knows, change nothing.
    #[test]
    fn repeats_and_unknown_fields_change_nothing(
        // How often each message comes, and how many of the last are sent once more.
        plan in prop::collection::vec((1_usize..3, 0_usize..4), 24),
    ) {
        for (format, messages) in fixtures() {
            if WITHOUT_IDENTITY.contains(&format) {
                continue;
            }
            let mut once = Line::new(format, "");
            for message in &messages {
                once.read(&message.to_string()).unwrap();
            }
            let mut often = Line::new(format, "");
            for (at, message) in messages.iter().enumerate() {
                let (times, back) = plan[at % plan.len()];
                let mut more = message.clone();
                more["unknown_to_us"] = json!({"a": [1, 2, 3]});
                for _ in 0..times {
                    often.read(&more.to_string()).unwrap();
                }
                for earlier in &messages[(at + 1).saturating_sub(back)..=at] {
                    often.read(&earlier.to_string()).unwrap();
                }
            }
            // Tokens are final one by one and have no ids.
            if format != Format::Soniox {
                prop_assert_eq!(often.heard(), once.heard(), "{}", format.name());
            }
        }
    }

    /// What a cloud wraps is heard as if nothing wrapped it, however it is cut into batches.
    #[test]
    fn wrappers_change_nothing(sizes in prop::collection::vec(1_usize..4, 24)) {
        use base64::Engine;
        let encode = |message: &Value| {
            base64::prelude::BASE64_STANDARD.encode(message.to_string())
        };
        let record = |message: &Value, kind: usize| match kind {
            0 => json!({"kinesis": {"data": encode(message)}, "eventSource": "aws:kinesis"}),
            1 => json!({"body": message.to_string(), "eventSource": "aws:sqs"}),
            _ => json!({"Sns": {"Message": message.to_string()}, "EventSource": "aws:sns"}),
        };
        for (format, messages) in fixtures() {
            let mut plain = Line::new(format, "");
            let mut wrapped = Line::new(format, "");
            for message in &messages {
                plain.read(&message.to_string()).unwrap();
            }
            let mut rest = &messages[..];
            for (at, size) in sizes.iter().cycle().enumerate() {
                let batch = &rest[..(*size).min(rest.len())];
                let records: Vec<Value> =
                    batch.iter().map(|message| record(message, at % 3)).collect();
                let event = json!({"Records": records}).to_string();
                let request = json!({"isBase64Encoded": false, "body": event}).to_string();
                wrapped.read(if at % 2 == 0 { &event } else { &request }).unwrap();
                rest = &rest[batch.len()..];
                if rest.is_empty() {
                    break;
                }
            }
            // All of a batch is known when its call opens, so more may be said about the call.
            prop_assert_eq!(&wrapped.chunks, &plain.chunks, "{}", format.name());
        }
    }

    /// Of turns that end once or twice, each is heard once, in order; formatted, if it was so
    /// before anything came of the next.
    #[test]
    fn turns_are_heard_once_however_they_end(
        plan in prop::collection::vec((0_usize..3, 0_usize..3, any::<bool>()), 1..12),
    ) {
        let mut line = Line::new(Format::AssemblyAi, "");
        let mut expected = Vec::new();
        for (number, (partials, ending, again)) in plan.into_iter().enumerate() {
            let at = number as u64 * 10_000;
            let turn = |end: bool, formatted: bool, text: &str| {
                json!({"type": "Turn", "turn_order": number, "end_of_turn": end,
                       "turn_is_formatted": formatted, "transcript": text,
                       "words": [{"text": "x", "start": at, "end": at + 900}]}).to_string()
            };
            for partial in 0..partials {
                line.read(&turn(false, false, &format!("turn {number} {partial}"))).unwrap();
            }
            let (draft, best) = (format!("turn {number}"), format!("Turn {number}."));
            let mut endings = Vec::new();
            if ending != 0 {
                endings.push(turn(true, false, &draft));
            }
            if ending != 1 {
                endings.push(turn(true, true, &best));
            }
            for ending in &endings {
                for _ in 0..=usize::from(again) {
                    line.read(ending).unwrap();
                }
            }
            expected.push((draft, best, ending));
        }
        line.read(r#"{"type":"Termination"}"#).unwrap();
        let heard = line.heard();
        prop_assert_eq!(heard.len(), expected.len());
        let mut is_plain = false;
        for (number, (heard, (draft, best, ending))) in heard.iter().zip(&expected).enumerate() {
            let is_best = match ending {
                0 => true,
                1 => false,
                // A stream whose first turn came once is taken at its word, until it is not.
                _ => !is_plain,
            };
            prop_assert_eq!(heard, if is_best { best } else { draft }, "{}", number);
            is_plain = (is_plain || number == 0) && *ending == 1;
        }
    }

    /// A frame cut anywhere is refused, and what comes after it is heard.
    #[test]
    fn a_cut_frame_spoils_nothing_else(cut in 1_usize..400, which in 0_usize..24) {
        for (format, messages) in fixtures() {
            let mut whole = Line::new(format, "");
            let mut cut_once = Line::new(format, "");
            for (at, message) in messages.iter().enumerate() {
                let text = message.to_string();
                whole.read(&text).unwrap();
                if at == which % messages.len() {
                    let end = text.char_indices().map(|(at, _)| at).nth(cut).unwrap_or(1);
                    prop_assert!(cut_once.read(&text[..end]).is_err());
                }
                cut_once.read(&text).unwrap();
            }
            prop_assert_eq!(cut_once.told, whole.told, "{}", format.name());
        }
    }

    /// Nothing that is JSON brings a format down, and numbers stay within the protocol.
    #[test]
    fn any_json_is_survived(values in prop::collection::vec(any_json(), 1..6)) {
        for (_, format) in NAMES {
            let mut line = Line::new(format, "0:agent");
            for value in &values {
                let _ = line.read(&value.to_string());
            }
            for chunk in &line.chunks {
                prop_assert!(chunk.segment_id.as_ref().unwrap().len() <= 256);
                prop_assert!(chunk.confidence.is_none_or(|it| (0.0..=1.0).contains(&it)));
            }
        }
    }
}
