//! What reading and scoring one message costs, without sockets and journal: the row of this program
//! in the table of `benches/peers.py`.

use std::time::Instant;

use anyhow::ensure;
use forewarn::call::Timestamp;
use forewarn::engine::event::{CallStart, Event};
use forewarn::engine::{CallState, Engine, Settings};
use forewarn::wire::{self, Body};

use crate::Args;
use crate::messages::{TURNS, Turns};
use crate::report::Section;

/// Turns of a call before the next call begins.
const CALL_TURNS: usize = 20;
/// Times that all turns are said in a round.
const REPEATS: u32 = 5;

pub fn run(args: &Args, section: &mut Section) -> anyhow::Result<()> {
    section.note(format!(
        "{TURNS} corpus turns of 15 to 25 words as JSON chunks, decoded and applied one at a time \
         on one thread: act, sentiment and risk heads, phrases, rules and alerts, in calls of \
         {CALL_TURNS} turns whose state is built and dropped on the way."
    ));
    let engine = Engine::with_model(None, Settings::default())?;
    let turns = Turns::load()?;
    let said = turns.all().iter().enumerate();
    let messages: Vec<String> =
        said.map(|(place, turn)| turn.message("c-1", (place % CALL_TURNS) as u64 + 1)).collect();
    // Once for the caches.
    score(&engine, &messages)?;
    for _ in 0..args.rounds {
        let began = Instant::now();
        for _ in 0..REPEATS {
            score(&engine, &messages)?;
        }
        let us = began.elapsed().as_secs_f64() * 1e6 / f64::from(REPEATS) / messages.len() as f64;
        section.add("decode and apply", "µs a chunk", us);
    }
    Ok(())
}

fn score(engine: &Engine, messages: &[String]) -> anyhow::Result<()> {
    let settings = wire::Settings::default();
    for call in messages.chunks(CALL_TURNS) {
        let start = CallStart { call_id: "c-1".into(), ..CallStart::default() };
        let (mut state, _) = CallState::open(engine, start, Timestamp(0));
        for message in call {
            let decoded = wire::decode(message, &settings);
            let decoded = decoded.map_err(|problem| anyhow::anyhow!("{}", problem.message))?;
            if let Body::Chunk(chunk) = decoded.body {
                std::hint::black_box(state.apply(engine, &Event::Chunk(chunk), Timestamp(0)));
            }
        }
        ensure!(state.last_seq() == call.len() as u64, "a chunk was not applied");
    }
    Ok(())
}
