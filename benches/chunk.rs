//! What one chunk costs, on turns of real corpus calls. `cargo bench --bench chunk`
//!
//! Every row is the time for all chunks that it prints as `items` of its throughput.

use divan::Bencher;
use divan::counter::ItemsCount;
use forewarn::call::{Call, Speaker, Timestamp};
use forewarn::engine::event::{CallStart, Chunk, Event};
use forewarn::engine::{CallState, DEFAULT_PHRASES, Engine, Settings};
use forewarn::text::phrases::{MatchState, Matcher, Place};
use forewarn::{text, wire};
use mimalloc::MiMalloc;

/// As in the binary.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() {
    divan::main();
}

/// A call of the corpus with about twenty turns.
fn call() -> Call {
    let lines = include_str!("../data/calls/tf.jsonl");
    let calls = lines.lines().filter_map(|line| Call::parse(line).ok());
    calls.into_iter().find(|call| call.turns.len() == 20).expect("a call of 20 turns")
}

fn chunks(call: &Call) -> Vec<Chunk> {
    forewarn::engine::chunks(call).collect()
}

fn engine() -> Engine {
    Engine::with_model(None, Settings::default()).expect("the shipped model")
}

/// An engine that listens for 5,000 phrases more than ship: half of them are said in the turns of
/// the benches, half are their beginnings with other ends.
fn engine_with_5000_phrases() -> Engine {
    let words: Vec<String> =
        turns().iter().flat_map(|(_, text)| text::tokenise(text)).map(|token| token.word).collect();
    let phrase = |index: usize| {
        let from = index * 37 % (words.len() - 5);
        let mut words = words[from..from + 3 + index % 3].to_vec();
        if index % 2 == 1 {
            *words.last_mut().expect("at least three") = format!("made{index}up");
        }
        format!("\"{}\",\n", words.join(" "))
    };
    let phrases: String = (0..5_000).map(phrase).collect();
    let more = format!(
        "[[category]]\nid = \"bench\"\nlabel = \"of the bench\"\nwho = \"any\"\nphrases = [\n{phrases}]\n"
    );
    engine().with_rules(&format!("{DEFAULT_PHRASES}\n{more}"), "the bench").expect("phrases")
}

fn open(engine: &Engine) -> CallState {
    let start = CallStart { call_id: "bench".into(), ..CallStart::default() };
    CallState::open(engine, start, Timestamp(0)).0
}

/// Turns of about twenty words, of the whole corpus file.
fn turns() -> Vec<(Speaker, String)> {
    let lines = include_str!("../data/calls/tf.jsonl").lines();
    let calls = lines.filter_map(|line| Call::parse(line).ok());
    let turns = calls.flat_map(|call| call.turns);
    let mid = turns.filter(|turn| (15..=25).contains(&turn.text.split(' ').count()));
    mid.map(|turn| (turn.speaker, turn.text)).collect()
}

/// Says `turn` next in the call of `state`.
fn say(engine: &Engine, state: &mut CallState, (speaker, text): &(Speaker, String)) {
    let seq = state.last_seq() + 1;
    let start_ms = Some(i64::try_from(seq).expect("few") * 4_000);
    let event = Event::Chunk(Chunk {
        seq,
        speaker: *speaker,
        start_ms,
        end_ms: start_ms.map(|start| start + 3_500),
        text: text.clone(),
        is_final: true,
        segment_id: None,
        confidence: None,
    });
    divan::black_box(state.apply(engine, &event, Timestamp(0)));
}

#[divan::bench]
fn decode(bencher: Bencher) {
    let messages: Vec<String> = chunks(&call())
        .iter()
        .map(|chunk| {
            let mut message = serde_json::to_value(chunk).expect("a chunk is JSON");
            message["type"] = "chunk".into();
            message["call_id"] = "bench".into();
            message.to_string()
        })
        .collect();
    let settings = wire::Settings::default();
    bencher.counter(ItemsCount::new(messages.len())).bench(|| {
        for message in &messages {
            divan::black_box(wire::decode(message, &settings).is_ok());
        }
    });
}

#[divan::bench]
fn tokenise(bencher: Bencher) {
    let call = call();
    let mut buffer = String::new();
    bencher.counter(ItemsCount::new(call.turns.len())).bench_local(|| {
        let mut words = 0;
        for turn in &call.turns {
            text::for_each_token(&turn.text, &mut buffer, |_, _, _| words += 1);
        }
        words
    });
}

/// Phrases alone, over all turns of a corpus file: tokens, numbers of words, matches.
#[divan::bench(args = ["shipped", "with 5,000 more"])]
fn match_phrases(bencher: Bencher, list: &str) {
    let engine = if list == "shipped" { engine() } else { engine_with_5000_phrases() };
    let list = engine.space.phrases();
    let mut lexicon = text::Lexicon::default();
    let matcher = Matcher::new(list, &mut lexicon);
    let (turns, mut state, mut buffer) = (turns(), MatchState::default(), String::new());
    bencher.counter(ItemsCount::new(turns.len())).bench_local(|| {
        let mut hits = 0;
        for (speaker, turn) in &turns {
            state.clear();
            text::for_each_token(turn, &mut buffer, |word, start, end| {
                let word = lexicon.get(word);
                let (known, place) = ((word, matcher.opening(word)), Place { seq: 1, start, end });
                matcher.step(list, &mut state, *speaker, known, place, |_| hits += 1);
            });
        }
        hits
    });
}

#[divan::bench]
fn apply(bencher: Bencher) {
    let (engine, chunks) = (engine(), chunks(&call()));
    let events: Vec<Event> = chunks.into_iter().map(Event::Chunk).collect();
    bencher.counter(ItemsCount::new(events.len())).with_inputs(|| open(&engine)).bench_values(
        |mut state| {
            for event in &events {
                divan::black_box(state.apply(&engine, event, Timestamp(0)));
            }
            state
        },
    );
}

/// A chunk for each of many calls in turn, as a server sees them: nothing of a call is at hand when
/// its next words come.
#[divan::bench(args = [1, 16, 1_000], sample_count = 50)]
fn apply_among(bencher: Bencher, calls: usize) {
    among(bencher, &engine(), calls);
}

/// The same while a site listens for many phrases.
#[divan::bench(args = [1, 16, 1_000], sample_count = 50)]
fn apply_among_with_5000_phrases(bencher: Bencher, calls: usize) {
    among(bencher, &engine_with_5000_phrases(), calls);
}

fn among(bencher: Bencher, engine: &Engine, calls: usize) {
    let turns = turns();
    let mut states: Vec<CallState> = (0..calls).map(|_| open(engine)).collect();
    let mut round = 0;
    bencher.counter(ItemsCount::new(1_000_usize)).bench_local(|| {
        for chunk in 0..1_000 {
            let call = chunk % calls;
            let turn = (call * 31 + round * 7 + chunk / calls * 7) % turns.len();
            let state = &mut states[call];
            say(engine, state, &turns[turn]);
            if state.last_seq() > 40 {
                *state = open(engine);
            }
        }
        round += 1;
    });
}

/// The same twenty turns, said as late as this in a call.
#[divan::bench(args = [10, 100, 1_000, 10_000], sample_count = 30, sample_size = 1)]
fn apply_at_turn(bencher: Bencher, turn: usize) {
    let (engine, turns) = (engine(), turns());
    let at_turn = || {
        let mut state = open(&engine);
        for turn in turns.iter().cycle().skip(20).take(turn) {
            say(&engine, &mut state, turn);
        }
        state
    };
    bencher.counter(ItemsCount::new(20_usize)).with_inputs(at_turn).bench_local_values(
        |mut state| {
            for turn in &turns[..20] {
                say(&engine, &mut state, turn);
            }
            state
        },
    );
}

#[divan::bench]
fn explain(bencher: Bencher) {
    let (engine, chunks) = (engine(), chunks(&call()));
    let mut state = open(&engine);
    for chunk in chunks {
        state.apply(&engine, &Event::Chunk(chunk), Timestamp(0));
    }
    bencher.bench(|| state.explanation(&engine));
}
