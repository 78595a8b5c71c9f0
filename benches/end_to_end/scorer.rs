//! What reading and scoring one message costs, without sockets and journal: the row of this program
//! in the table of `benches/peers.py`.

use anyhow::ensure;
use forewarn::call::Timestamp;
use forewarn::engine::event::{CallStart, Event};
use forewarn::engine::{CallState, Engine, Settings};
use forewarn::wire::{self, Body};

use crate::Args;
use crate::messages::{TURNS, Turns};
use crate::process::cpu_of;
use crate::report::Section;

/// Turns of a call before the next call begins.
const CALL_TURNS: usize = 20;
/// Times that all turns are said in a round.
const REPEATS: u32 = 5;

pub fn run(args: &Args, section: &mut Section) -> anyhow::Result<()> {
    section.note(format!(
        "{TURNS} corpus turns of 15 to 25 words as JSON chunks, decoded and applied one at a time \
         on one thread, in processor time: act, sentiment and risk heads, phrases, rules and alerts, in calls of \
         {CALL_TURNS} turns whose state is built and dropped on the way."
    ));
    let engine = Engine::with_model(None, Settings::default())?;
    let turns = Turns::load()?;
    let seq_of = |place: usize| (place % CALL_TURNS) as u64 + 1;
    let messages: Vec<String> =
        (0..TURNS).map(|place| turns.message("c-1", seq_of(place), place)).collect();
    let me = std::process::id();
    // Once for the caches.
    score(&engine, &messages)?;
    for _ in 0..args.rounds {
        let before = cpu_of(me)?;
        for _ in 0..REPEATS {
            score(&engine, &messages)?;
        }
        let cpu = cpu_of(me)?.saturating_sub(before).as_secs_f64();
        let us = cpu * 1e6 / f64::from(REPEATS) / messages.len() as f64;
        section.add("decode and apply", "µs a chunk", us);
    }
    Ok(())
}

fn score(engine: &Engine, messages: &[String]) -> anyhow::Result<()> {
    for call in messages.chunks(CALL_TURNS) {
        let mut state = open(engine);
        call.iter().try_for_each(|message| say(engine, &mut state, message))?;
        ensure!(state.last_seq() == call.len() as u64, "a chunk was not applied");
    }
    Ok(())
}

/// A call of which nothing is known.
pub fn open(engine: &Engine) -> CallState {
    let start = CallStart { call_id: "c-1".into(), ..CallStart::default() };
    CallState::open(engine, start, Timestamp(0)).0
}

/// Decodes a chunk and applies it.
///
/// # Errors
/// When it is none.
pub fn say(engine: &Engine, state: &mut CallState, message: &str) -> anyhow::Result<()> {
    let decoded = wire::decode(message, &wire::Settings::default());
    match decoded.map_err(|problem| anyhow::anyhow!("{}", problem.message))?.body {
        Body::Chunk(chunk) => {
            std::hint::black_box(state.apply(engine, &Event::Chunk(chunk), Timestamp(0)));
            Ok(())
        }
        other => anyhow::bail!("no chunk: {other:?}"),
    }
}
