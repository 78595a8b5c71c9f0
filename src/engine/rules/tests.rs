//! What may not matter to rules must not.

use std::sync::OnceLock;

use proptest::prelude::*;
use serde_json::json;

use crate::call::{Call, Speaker, Timestamp};
use crate::engine::alert::{Alert, AlertState};
use crate::engine::event::{CallEnd, CallStart, CallUpdate, Chunk, Event};
use crate::engine::{CallState, Engine, Settings, chunks};
use crate::text::phrases::PhraseList;

const RULES: &str = r#"
version = 1
[[category]]
id = "apple"
label = "apples"
who = "any"
unless_negated = false
phrases = ["apple", "red apple"]

[[rule]]
id = "said"
label = "pears"
level = "warning"
when.said = { of = ["pear"], by = "agent" }

[[rule]]
id = "count"
label = "three apples"
level = "critical"
when.count = { of = "apple", times = 3, within_s = 20 }

[[rule]]
id = "sequence"
label = "plum, then apple"
level = "warning"
who = "customer"
when.sequence = { first = ["plum"], then = "apple", within_s = 10 }

[[rule]]
id = "unanswered"
label = "plum without pear"
level = "warning"
when.not_followed = { first = { of = ["plum"], by = "customer" }, then = ["pear"], within_s = 15 }

[[rule]]
id = "opening"
label = "no greeting"
level = "warning"
when.not_said = { of = { of = ["hello"], by = "agent" }, within_s = 12 }

[[rule]]
id = "quiet"
label = "silence"
level = "warning"
when.silence = { over_s = 18 }

[[rule]]
id = "held"
label = "a hold"
level = "warning"
when.hold = { over_s = 25 }

[[rule]]
id = "over"
label = "talked over"
level = "warning"
when.talk_over = { by = "agent", times = 2, within_s = 60 }

[[rule]]
id = "group"
label = "apples and plums, no hello"
level = "warning"
when.all = { within_s = 30, of = [
  { said = "apple" },
  { any = { of = [{ said = ["plum"] }, { silence = { over_s = 16 } }] } },
  { not = { said = ["hello"] } },
] }

[[rule]]
id = "off"
label = "never"
level = "critical"
enabled = false
when.said = ["apple"]
"#;

fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let engine = Engine::with_model(None, Settings::default()).unwrap();
        engine.with_rules(RULES, "test").unwrap()
    })
}

fn with(rule: &str) -> Engine {
    engine().with_rules(&format!("version = 1\n{rule}"), "test").unwrap()
}

fn open(engine: &Engine, attributes: serde_json::Value) -> CallState {
    let attributes = attributes.as_object().cloned().unwrap_or_default();
    let start = CallStart { call_id: "c".into(), attributes, ..CallStart::default() };
    CallState::open(engine, start, Timestamp(0)).0
}

fn chunk(seq: u64, speaker: Speaker, start_ms: i64, end_ms: i64, text: &str) -> Chunk {
    Chunk {
        seq,
        segment_id: None,
        speaker,
        start_ms: Some(start_ms),
        end_ms: Some(end_ms),
        is_final: true,
        confidence: None,
        text: text.into(),
    }
}

/// Finals come a second after their end.
fn play(engine: &Engine, chunks: impl IntoIterator<Item = Chunk>) -> CallState {
    let mut state = open(engine, json!({}));
    for chunk in chunks {
        let at = Timestamp(chunk.end_ms.unwrap() + 1_000);
        state.apply(engine, &Event::Chunk(chunk), at);
    }
    state
}

/// Lets the desk's timer run up to `until`.
fn tick(engine: &Engine, state: &mut CallState, until: i64) -> usize {
    let mut ticks = 0;
    while let Some(due) = state.tick_due(engine).filter(|due| due.0 <= until) {
        state.apply(engine, &Event::Tick, due);
        ticks += 1;
        assert!(ticks < 100, "ticks must end");
    }
    ticks
}

fn end(engine: &Engine, state: &mut CallState, at: i64) {
    let end = CallEnd { seq: state.last_seq() + 1, ..CallEnd::default() };
    state.apply(engine, &Event::End(end), Timestamp(at));
}

/// What fired: rule, call time, words.
fn fired(state: &CallState) -> Vec<(String, i64, String)> {
    let standing = state.alerts().iter().filter(|alert| alert.state != AlertState::Retracted);
    let tell = |alert: &Alert| {
        let reason = &alert.reasons[0];
        let words = |quote: &crate::engine::alert::Quote| quote.text.clone();
        let words: Vec<_> = reason.quotes.iter().map(words).collect();
        (reason.feature["rule:".len()..].to_owned(), alert.at_ms, words.join("+"))
    };
    let mut fired: Vec<_> =
        standing.filter(|a| a.reasons[0].feature.starts_with("rule:")).map(tell).collect();
    fired.sort();
    fired
}

fn shown(state: &CallState) -> Vec<String> {
    fired(state).into_iter().map(|(rule, at, words)| format!("{rule} {at} {words}")).collect()
}

use Speaker::{Agent, Customer};

#[test]
fn words_fire_at_their_own_time() {
    let state = play(
        engine(),
        [
            chunk(1, Agent, 0, 1_000, "hello"),
            // A word lasts a second.
            chunk(2, Customer, 2_000, 12_000, "apple x x red apple x x apple x x"),
            chunk(3, Agent, 12_500, 13_500, "pear"),
        ],
    );
    assert_eq!(shown(&state), ["count 10000 apple+red apple+apple", "said 13500 pear"]);
}

#[test]
fn the_second_of_two_must_come_in_time() {
    let said = |plum: i64, apple: i64| {
        let state = play(
            engine(),
            [
                chunk(1, Agent, 0, 1_000, "hello"),
                chunk(2, Customer, plum - 1_000, plum, "plum"),
                chunk(3, Customer, apple - 1_000, apple, "apple"),
                chunk(4, Agent, apple, apple + 500, "pear"),
            ],
        );
        fired(&state).iter().any(|fired| fired.0 == "sequence")
    };
    assert!(said(3_000, 13_000) && !said(3_000, 13_001));
}

#[test]
fn a_deadline_passes_by_words_by_ticks_or_by_the_end() {
    let begun = || {
        play(
            engine(),
            [chunk(1, Agent, 0, 1_000, "hello"), chunk(2, Customer, 2_000, 3_000, "plum")],
        )
    };
    let expected = ["unanswered 18000 plum"];
    let mut by_words = begun();
    let late = chunk(3, Customer, 18_001, 18_500, "x");
    by_words.apply(engine(), &Event::Chunk(late), Timestamp(19_500));
    assert_eq!(shown(&by_words), expected);
    let mut by_tick = begun();
    assert_eq!(by_tick.tick_due(engine()), Some(Timestamp(4_000 + 15_000 + 5_000)));
    tick(engine(), &mut by_tick, 24_000);
    assert_eq!(shown(&by_tick), expected);
    let mut by_end = begun();
    end(engine(), &mut by_end, 19_000);
    assert_eq!(shown(&by_end), expected);
    // The last moment is in time.
    let mut answered = begun();
    let just = chunk(3, Agent, 17_000, 18_000, "pear");
    answered.apply(engine(), &Event::Chunk(just), Timestamp(19_000));
    tick(engine(), &mut answered, 30_000);
    assert_eq!(shown(&answered), ["said 18000 pear"]);
    let mut short = begun();
    end(engine(), &mut short, 18_999);
    assert!(shown(&short).is_empty());
}

#[test]
fn what_opens_a_call_is_awaited_from_its_start() {
    let mut silent = open(engine(), json!({}));
    assert_eq!(silent.tick_due(engine()), Some(Timestamp(17_000)));
    tick(engine(), &mut silent, 60_000);
    assert_eq!(shown(&silent), ["opening 12000 "]);
    let mut greeted = play(engine(), [chunk(1, Agent, 0, 1_000, "hello")]);
    tick(engine(), &mut greeted, 10_000);
    assert!(shown(&greeted).is_empty());
}

#[test]
fn a_deadline_waits_while_somebody_is_heard_to_speak() {
    let mut state = play(engine(), [chunk(1, Agent, 0, 1_000, "hello")]);
    let partial = |seq| Chunk {
        segment_id: Some("s".into()),
        is_final: false,
        ..chunk(seq, Customer, 15_000, 16_000, "well")
    };
    for (seq, at) in [(2, 17_000), (3, 21_000), (4, 25_000)] {
        tick(engine(), &mut state, at);
        state.apply(engine(), &Event::Chunk(partial(seq)), Timestamp(at));
    }
    assert_eq!(state.tick_due(engine()), Some(Timestamp(30_000)));
    let whole = Chunk { is_final: true, end_ms: Some(27_000), ..partial(5) };
    state.apply(engine(), &Event::Chunk(whole), Timestamp(28_000));
    tick(engine(), &mut state, 45_000);
    assert!(shown(&state).is_empty(), "{:?}", shown(&state));
}

#[test]
fn silence_and_holds_are_told_once() {
    let mut state = play(engine(), [chunk(1, Agent, 0, 1_000, "hello")]);
    tick(engine(), &mut state, 400_000);
    // No attribute tells of holds, so a silence is one.
    assert_eq!(shown(&state), ["held 26000 ", "quiet 19000 "]);
}

#[test]
fn a_hold_that_is_told_begins_and_ends_with_the_attribute() {
    let engine =
        with("[[rule]]\nid = \"h\"\nlabel = \"h\"\nlevel = \"warning\"\nwhen.hold.over_s = 25");
    let update = |state: &mut CallState, on: bool, at: i64| {
        let attributes = json!({"hold": on}).as_object().unwrap().clone();
        let seq = state.last_seq() + 1;
        let update = CallUpdate { seq, attributes, ..CallUpdate::default() };
        state.apply(&engine, &Event::Update(update), Timestamp(at));
    };
    let mut state = open(&engine, json!({"hold": false}));
    // Silence alone is no hold where holds are told.
    assert_eq!(state.tick_due(&engine), None);
    update(&mut state, true, 10_000);
    update(&mut state, false, 30_000);
    assert_eq!((shown(&state).len(), state.tick_due(&engine)), (0, None));
    update(&mut state, true, 100_000);
    // Over before the tick, but long enough.
    update(&mut state, false, 126_000);
    assert_eq!(shown(&state), ["h 125000 "]);
}

#[test]
fn talking_over_counts_turns_of_who_does_it() {
    let state = play(
        engine(),
        [
            chunk(1, Agent, 0, 1_000, "hello"),
            chunk(2, Customer, 2_000, 6_000, "x x"),
            chunk(3, Agent, 5_000, 7_000, "but"),
            chunk(4, Customer, 8_000, 12_000, "x x"),
            chunk(5, Agent, 11_000, 13_000, "however"),
            chunk(6, Customer, 14_000, 15_000, "x"),
        ],
    );
    assert_eq!(shown(&state), ["over 11000 but+however"]);
}

#[test]
fn groups_need_all_in_their_window_and_nothing_under_not() {
    let three = |middle: &str, apple: i64| {
        let state = play(
            engine(),
            [
                chunk(1, Customer, 0, 1_000, "plum"),
                chunk(2, Agent, 2_000, 3_000, middle),
                chunk(3, Customer, apple - 1_000, apple, "apple"),
            ],
        );
        fired(&state).into_iter().find(|fired| fired.0 == "group")
    };
    assert_eq!(three("pear", 9_000), Some(("group".into(), 9_000, "apple+plum".into())));
    assert_eq!(three("hello", 9_000), None);
    // The plum is too old by then; the silence before the apple is not.
    assert_eq!(three("pear", 40_000), Some(("group".into(), 40_000, "apple".into())));
}

#[test]
fn sentiment_counts_turns_that_are_over() {
    let below = with(
        "[[rule]]\nid = \"low\"\nlabel = \"l\"\nlevel = \"warning\"\n\
         when.sentiment_below = { value = 0.5, turns = 2 }\n\
         [[rule]]\nid = \"drop\"\nlabel = \"d\"\nlevel = \"warning\"\n\
         when.sentiment_drop = { by = 0.2, turns = 3 }",
    );
    let lines = [
        (Customer, "thank you so much, that is perfect, you are wonderful"),
        (Agent, "you are welcome"),
        (Customer, "this is ridiculous, I am furious, you people are useless"),
        (Agent, "I see"),
        (Customer, "I am absolutely disgusted, this is a terrible, ridiculous joke"),
        (Agent, "I see"),
    ];
    let chunks = (1..).zip(lines).map(|(seq, (speaker, text))| {
        chunk(seq, speaker, seq as i64 * 5_000, seq as i64 * 5_000 + 4_000, text)
    });
    let chunks: Vec<_> = chunks.collect();
    let state = play(&below, chunks[..5].to_vec());
    assert!(!fired(&state).iter().any(|fired| fired.0 == "low"), "{:?}", shown(&state));
    let state = play(&below, chunks);
    let low = fired(&state).into_iter().find(|fired| fired.0 == "low").unwrap();
    assert_eq!(low.1, 29_000);
    assert!(low.2.starts_with("I am absolutely disgusted"), "{low:?}");
    assert!(fired(&state).iter().any(|fired| fired.0 == "drop"), "{:?}", shown(&state));
}

#[test]
fn rules_are_for_the_calls_they_name() {
    let engine = with(
        "[[rule]]\nid = \"gold\"\nlabel = \"g\"\nlevel = \"warning\"\nqueues = [\"q\"]\n\
         attributes = { tier = [\"gold\", \"platinum\"], n = 1 }\nwhen.said = [\"apple\"]",
    );
    let fires = |queue: &str, attributes: serde_json::Value| {
        let start = CallStart {
            queue: Some(queue.into()),
            attributes: attributes.as_object().unwrap().clone(),
            ..CallStart::default()
        };
        let (mut state, _) = CallState::open(&engine, start, Timestamp(0));
        let words = Event::Chunk(chunk(1, Customer, 0, 1_000, "apple"));
        let effects = state.apply(&engine, &words, Timestamp(0));
        let triggers = effects.score.unwrap().triggers;
        assert_eq!(triggers == ["rule:gold"], !state.alerts().is_empty());
        !state.alerts().is_empty()
    };
    assert!(fires("q", json!({"tier": "gold", "n": 1})));
    assert!(!fires("other", json!({"tier": "gold", "n": 1})));
    assert!(!fires("q", json!({"tier": "silver", "n": 1})));
    assert!(!fires("q", json!({"tier": "gold"})));
}

#[test]
fn words_of_a_partial_raise_provisionally() {
    let mut state = open(engine(), json!({}));
    let partial = |seq, text, is_final| Chunk {
        segment_id: Some("s".into()),
        is_final,
        ..chunk(seq, Agent, 0, 1_000, text)
    };
    state.apply(engine(), &Event::Chunk(partial(1, "a pear", false)), Timestamp(0));
    assert!(state.alerts()[0].provisional);
    let mut other = state.clone();
    state.apply(engine(), &Event::Chunk(partial(2, "a pear", true)), Timestamp(0));
    assert!(!state.alerts()[0].provisional && state.alerts().len() == 1);
    other.apply(engine(), &Event::Chunk(partial(2, "a bear", true)), Timestamp(0));
    assert_eq!(other.alerts()[0].state, AlertState::Retracted);
}

#[test]
fn what_rules_remember_is_bounded() {
    let settings = Settings { max_rule_mentions: 2, ..Settings::default() };
    let engine = Engine::with_model(None, settings).unwrap().with_rules(RULES, "test").unwrap();
    let mut state = open(&engine, json!({}));
    let words = Event::Chunk(chunk(1, Customer, 0, 5_000, "apple x apple x apple"));
    let effects = state.apply(&engine, &words, Timestamp(0));
    assert_eq!(effects.over.mentions, 1);
    assert!(!effects.rules.contains(&"rule:count".to_owned()), "{:?}", effects.rules);
}

#[test]
fn rules_change_no_risk() {
    let plain = Engine::with_model(None, Settings::default()).unwrap();
    let lines = include_str!("../../../data/calls/ta.jsonl");
    for line in lines.lines().take(20) {
        let call = Call::parse(line).unwrap();
        let risks = |engine: &Engine| {
            let state = play(engine, chunks(&call));
            let view = state.view(engine);
            (view.risk.map(f64::to_bits), view.sentiment.map(f64::to_bits))
        };
        assert_eq!(risks(&plain), risks(engine()));
        assert_eq!(risks(&plain), risks(&with("")));
    }
}

#[test]
fn errors_name_the_place_and_how_to_mend_it() {
    let refusal = |rule: &str| {
        let head = "version = 1\n[[rule]]\nid = \"r\"\nlabel = \"r\"\nlevel = \"warning\"\n";
        engine().with_rules(&format!("{head}{rule}"), "my.toml").unwrap_err().to_string()
    };
    for (rule, expected) in [
        ("when.said = \"nothing\"", "my.toml:6:1: rule `r`: no [[category]] has the id `nothing`"),
        ("when.count = { of = [\"x\"], times = 1, within_s = 5 }", "from 2 to 20"),
        ("when.count = { of = [\"x\"], times = 2 }", "my.toml:6:14: missing field `within_s`"),
        ("when.count = { of = 7, times = 2, within_s = 5 }", "my.toml:6:21: "),
        ("when.silence.over_s = 0", "seconds are from 1 to 14400, not 0"),
        ("when.sometimes = 1", "unknown variant `sometimes`"),
        ("when = { said = [\"x\"], silence = { over_s = 9 } }", "my.toml:6:"),
        ("when.not.said = [\"x\"]", "`not` alone never happens"),
        ("when.all.of = [{ not = { said = [\"x\"] } }]", "needs something that is not"),
        ("when.all.of = []", "a group without conditions"),
        ("when.hold.over_s = 5", "at least 20"),
        ("when.said = [\"(x\"]", "without its `)`"),
        ("enabled = false\nwhen.said = [\"(x\"]", "without its `)`"),
        ("whom = 1\nwhen.said = [\"x\"]", "my.toml:6:1: unknown field `whom`"),
        ("attributes = { a = {} }\nwhen.said = [\"x\"]", "attribute `a` is a text"),
        (
            "when.said = [\"x\"]\n[[rule]]\nid = \"r\"\nlabel = \"\"\nlevel = \"warning\"\nwhen.said = [\"x\"]",
            "my.toml:8:6: the rule id `r` is used twice",
        ),
        (
            "when.any.of = [{any.of = [{any.of = [{any.of = [{said = [\"x\"]}]}]}]}]",
            "nested deeper",
        ),
    ] {
        let message = refusal(rule);
        assert!(message.contains(expected) && !message.contains('\n'), "{rule}\n{message}");
    }
    let many = "{ said = [\"x\"] },".repeat(16);
    assert!(refusal(&format!("when.any.of = [{many}]")).contains("more than 16 conditions"));
    let rule = |n: usize| {
        format!("[[rule]]\nid = \"r{n}\"\nlabel = \"\"\nlevel = \"warning\"\nwhen.said = [\"x\"]\n")
    };
    let many: String = (0..201).map(rule).collect();
    let refused = engine().with_rules(&format!("version = 1\n{many}"), "m").unwrap_err();
    assert!(refused.to_string().contains("more than 200 rules"), "{refused}");
    assert!(PhraseList::parse(RULES, "test").is_ok());
}

const WORDS: [&str; 6] = ["apple", "red", "plum", "pear", "hello", "x"];

/// A call in which every word takes half a second.
fn spoken() -> impl Strategy<Value = Vec<Chunk>> {
    let turn = (any::<bool>(), prop::collection::vec(0..WORDS.len(), 1..12), 0..24_i64);
    prop::collection::vec(turn, 1..12).prop_map(|turns| {
        let mut now = 0;
        let chunks = (1..).zip(turns).map(|(seq, (agent, words, pause))| {
            let start = now + pause * 1_000;
            now = start + words.len() as i64 * 500;
            let words: Vec<&str> = words.into_iter().map(|word| WORDS[word]).collect();
            chunk(seq, if agent { Agent } else { Customer }, start, now, &words.join(" "))
        });
        chunks.collect()
    })
}

/// Each chunk cut between words where `cuts` says so.
fn cut(whole: &[Chunk], cuts: &[bool]) -> Vec<Chunk> {
    let mut cuts = cuts.iter().copied().cycle();
    let mut pieces: Vec<Chunk> = Vec::new();
    for chunk in whole {
        let words: Vec<&str> = chunk.text.split(' ').collect();
        let mut begin = 0;
        for end in 1..=words.len() {
            if end < words.len() && !cuts.next().unwrap_or(false) {
                continue;
            }
            let at = |word: usize| chunk.start_ms.map(|start| start + word as i64 * 500);
            let (start_ms, end_ms) = (at(begin), at(end));
            let (seq, text) = (pieces.len() as u64 + 1, words[begin..end].join(" "));
            pieces.push(Chunk { seq, start_ms, end_ms, text, ..chunk.clone() });
            begin = end;
        }
    }
    pieces
}

proptest! {
    #[test]
    fn cuts_do_not_matter(whole in spoken(), cuts in prop::collection::vec(any::<bool>(), 1..40)) {
        let (mut one, mut many) = (play(engine(), whole.clone()), play(engine(), cut(&whole, &cuts)));
        let last = whole.last().unwrap().end_ms.unwrap();
        for state in [&mut one, &mut many] {
            tick(engine(), state, last + 500_000);
        }
        let rules = |state| {
            let fired: Vec<_> = fired(state).into_iter().map(|(rule, at, _)| (rule, at)).collect();
            fired
        };
        prop_assert_eq!(rules(&one), rules(&many));
    }

    #[test]
    fn partials_do_not_matter(whole in spoken(), plan in prop::collection::vec(0..4_usize, 1..30)) {
        let mut mixed = Vec::new();
        for ((index, chunk), partials) in whole.iter().enumerate().zip(plan.iter().cycle()) {
            let segment_id = Some(format!("s{index}"));
            for words in 1..=*partials {
                let text: Vec<&str> = chunk.text.split(' ').take(words).collect();
                let partial = Chunk { is_final: false, text: text.join(" "), ..chunk.clone() };
                mixed.push(Chunk { segment_id: segment_id.clone(), ..partial });
            }
            mixed.push(Chunk { segment_id, ..chunk.clone() });
        }
        for (seq, chunk) in (1..).zip(&mut mixed) {
            chunk.seq = seq;
        }
        // What words of a partial raise has the time of the partial.
        let timeless = |state: &CallState| {
            let own = fired(state).into_iter().filter(|fired| fired.0 != "said");
            own.collect::<Vec<_>>()
        };
        prop_assert_eq!(timeless(&play(engine(), whole)), timeless(&play(engine(), mixed)));
    }

    #[test]
    fn ticks_and_words_pass_the_same_deadlines(whole in spoken(), prompt in any::<bool>()) {
        let quiet = play(engine(), whole.clone());
        let mut ticked = open(engine(), json!({}));
        for chunk in whole {
            // Live, ticks come while nothing does; words come before the delay is over.
            let (start, end) = (chunk.start_ms.unwrap(), chunk.end_ms.unwrap());
            let came = if prompt { start } else { (end + 1_000).min(start + 5_000) };
            tick(engine(), &mut ticked, came - 1);
            let at = Timestamp(chunk.end_ms.unwrap() + 1_000);
            ticked.apply(engine(), &Event::Chunk(chunk), at);
        }
        prop_assert_eq!(shown(&quiet), shown(&ticked));
    }
}
