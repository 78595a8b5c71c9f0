//! What is over a limit of a call is passed over as documented, and nothing else is.

use super::effects::{Effects, Said};
use super::event::{CallStart, Chunk, Event};
use super::{CallState, Engine, Settings};
use crate::call::{Speaker, Timestamp};

fn engine(settings: Settings) -> Engine {
    Engine::with_model(None, settings).unwrap()
}

/// Feeds texts, the customer's and the agent's in turn unless they continue with `+`.
fn feed(engine: &Engine, texts: &[&str]) -> (CallState, Vec<Effects>) {
    let start = CallStart { call_id: "c".into(), ..CallStart::default() };
    let (mut state, _) = CallState::open(engine, start, Timestamp(0));
    let mut customer = false;
    let mut effects = Vec::new();
    for (seq, text) in (1..).zip(texts) {
        customer ^= !text.starts_with('+');
        let chunk = Chunk {
            seq,
            segment_id: None,
            speaker: if customer { Speaker::Customer } else { Speaker::Agent },
            start_ms: None,
            end_ms: None,
            is_final: true,
            confidence: None,
            text: text.trim_start_matches('+').into(),
        };
        effects.push(state.apply(engine, &Event::Chunk(chunk), Timestamp(0)));
    }
    (state, effects)
}

const TURNS: [&str; 5] = [
    "I have called three times about this bill",
    "unfortunately that is not possible",
    "this is ridiculous, I am so tired of you",
    "there is nothing I can do",
    "then get me your manager",
];

#[test]
fn turns_over_the_limit_are_kept_and_not_scored() {
    let all = engine(Settings::default());
    let some = engine(Settings { max_turns_per_call: 3, ..Settings::default() });
    let (first_three, _) = feed(&all, &TURNS[..3]);
    let (limited, effects) = feed(&some, &TURNS);
    let (view, expected) = (limited.view(&some), first_three.view(&all));
    assert_eq!((view.risk, view.level, view.turns), (expected.risk, expected.level, 3));
    assert_eq!(view.last_seq, 5);
    let unscored: Vec<u64> = effects.iter().map(|effects| effects.over.unscored).collect();
    assert_eq!(unscored, [0, 0, 0, 1, 1]);
    let said: Vec<&Said> = effects.iter().map(|effects| &*effects.said[0]).collect();
    assert_eq!((&*said[4].text, said[4].risk), (TURNS[4], expected.risk), "kept and shown");
    assert!(limited.alerts().is_empty() && !feed(&all, &TURNS).0.alerts().is_empty());
}

#[test]
fn the_limit_of_turns_does_not_depend_on_cuts() {
    let engine = engine(Settings { max_turns_per_call: 3, ..Settings::default() });
    let (whole, _) = feed(&engine, &TURNS);
    let cut = [
        TURNS[0],
        TURNS[1],
        "this is ridiculous,",
        "+I am so",
        "+tired of you",
        "there is",
        "+nothing I can do",
        TURNS[4],
    ];
    let (cut, effects) = feed(&engine, &cut);
    let (cut, whole) = (cut.view(&engine), whole.view(&engine));
    assert_eq!((cut.risk, cut.turns), (whole.risk, whole.turns));
    assert_eq!(effects.iter().map(|effects| effects.over.unscored).sum::<u64>(), 3);
}

#[test]
fn repeats_over_the_limit_of_matches_go_and_no_alert_is_missed() {
    let engine = engine(Settings { max_matches_per_chunk: 2, ..Settings::default() });
    let text = "get me your manager. ".repeat(50) + "I am filing a formal complaint";
    let (state, effects) = feed(&engine, &[&text]);
    assert!(effects[0].over.matches >= 48, "{:?}", effects[0].over);
    assert_eq!(effects[0].said[0].highlights.len(), 2);
    assert_eq!(state.alerts().len(), 2, "of the last phrase, too");
}

#[test]
fn alerts_of_a_call_are_bounded() {
    let engine = engine(Settings { max_alerts_per_call: 1, ..Settings::default() });
    let (state, effects) =
        feed(&engine, &["get me your manager. I am filing a formal complaint against you"]);
    assert_eq!(state.alerts().len(), 1);
    assert!(effects[0].score.as_ref().unwrap().triggers.len() >= 2, "both are still named");
}

#[test]
fn words_for_quotes_are_bounded() {
    let engine = engine(Settings { max_transcript_chars: 60, ..Settings::default() });
    let (_, effects) = feed(&engine, &TURNS[..3]);
    let gone: Vec<u64> = effects.iter().map(|effects| effects.over.unquotable).collect();
    assert_eq!(gone, [0, 1, 1]);
}
