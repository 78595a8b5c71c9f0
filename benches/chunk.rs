//! What one chunk costs, on turns of real corpus calls. `cargo bench --bench chunk`
//!
//! Every row is the time for all chunks of one call; divide by the `items` it prints as
//! throughput to get a chunk.

use divan::Bencher;
use divan::counter::ItemsCount;
use forewarn::call::{Call, Speaker, Timestamp};
use forewarn::engine::event::{CallStart, Chunk, Event};
use forewarn::engine::{CallState, Engine, Settings};
use forewarn::{text, wire};

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

fn open(engine: &Engine) -> CallState {
    let start = CallStart { call_id: "bench".into(), ..CallStart::default() };
    CallState::open(engine, start, Timestamp(0)).0
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
    let engine = engine();
    let turns = turns();
    let mut states: Vec<CallState> = (0..calls).map(|_| open(&engine)).collect();
    let mut round = 0;
    bencher.counter(ItemsCount::new(1_000_usize)).bench_local(|| {
        for chunk in 0..1_000 {
            let call = chunk % calls;
            let turn = (call * 31 + round * 7 + chunk / calls * 7) % turns.len();
            let state = &mut states[call];
            let (speaker, text) = &turns[turn];
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
            divan::black_box(state.apply(&engine, &event, Timestamp(0)));
            if seq > 40 {
                *state = open(&engine);
            }
        }
        round += 1;
    });
}

/// Turns of about twenty words, of the whole corpus file.
fn turns() -> Vec<(Speaker, String)> {
    let lines = include_str!("../data/calls/tf.jsonl").lines();
    let calls = lines.filter_map(|line| Call::parse(line).ok());
    let turns = calls.flat_map(|call| call.turns);
    let mid = turns.filter(|turn| (15..=25).contains(&turn.text.split(' ').count()));
    mid.map(|turn| (turn.speaker, turn.text)).collect()
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
