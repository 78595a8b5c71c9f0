//! A recorded call through the live engine, with the clock of the call.

use crate::call::{Call, Speaker, Timestamp};
use crate::engine::alert::{Alert, AlertState};
use crate::engine::event::{CallEnd, CallStart, Event};
use crate::engine::{CallState, Engine, chunks};

/// How long a word takes in a call without times, in ms: 150 words a minute.
const WORD_MS: i64 = 400;

/// An alert that would have been raised.
#[derive(Clone, Debug, PartialEq)]
pub struct Raised {
    /// `risk`, or `trigger:` or `rule:` and an id.
    pub key: String,
    /// 0-based index of the turn with which it came.
    pub turn: usize,
    /// Call time in ms.
    pub at_ms: i64,
    /// The words it names first.
    pub quote: Option<String>,
}

/// Plays `call` to its end. Every turn comes as one final when it is over, so deadlines pass by
/// the words that follow or by the end: the alerts and their call times are those of a live call.
/// Gives the alerts, and the length of the call in ms.
pub fn play(engine: &Engine, call: &Call) -> (Vec<Raised>, i64) {
    let start =
        CallStart { call_id: call.id.clone(), lang: call.lang.clone(), ..CallStart::default() };
    let mut now = 0;
    let (mut state, _) = CallState::open(engine, start, Timestamp(now));
    let mut turns = Vec::new();
    let mut last_seq = 0;
    for (turn, mut chunk) in chunks(call).enumerate() {
        state.redact(engine, &mut chunk);
        let guess = || now + chunk.text.split_whitespace().count() as i64 * WORD_MS;
        now = now.max(chunk.end_ms.or(chunk.start_ms).unwrap_or_else(guess));
        last_seq = chunk.seq;
        state.apply(engine, &Event::Chunk(chunk), Timestamp(now));
        turns.resize(state.alerts().len(), turn);
    }
    let end = CallEnd { seq: last_seq + 1, ..CallEnd::default() };
    state.apply(engine, &Event::End(end), Timestamp(now));
    turns.resize(state.alerts().len(), call.turns.len().saturating_sub(1));
    // What was taken back because its words were not final was never said.
    let stood = |alert: &&Alert| !(alert.provisional && alert.state == AlertState::Retracted);
    let raised = state.alerts().iter().filter(stood).zip(turns).map(|(alert, turn)| Raised {
        key: key(alert),
        turn,
        at_ms: alert.at_ms,
        quote: alert.reasons.iter().find_map(|r| r.quotes.first()).map(|q| q.text.clone()),
    });
    (raised.collect(), now)
}

/// What raised it, without the call.
fn key(alert: &Alert) -> String {
    let own = alert.dedup_key.strip_prefix(&alert.call_id).and_then(|key| key.strip_prefix('/'));
    own.unwrap_or(&alert.dedup_key).to_owned()
}

/// How early an alert came: customer turns strictly between its turn and that of the escalation,
/// and ms from the alert to the start of that one. `None` where it came no earlier.
pub(super) fn lead(call: &Call, raised: &Raised) -> Option<(u32, Option<i64>)> {
    let event = call.outcome.as_ref()?.turn?;
    if raised.turn > event {
        return None;
    }
    let between = call.turns.get(raised.turn + 1..event).unwrap_or_default();
    let customers = between.iter().filter(|turn| turn.speaker == Speaker::Customer).count();
    let start = call.turns.get(event).and_then(|turn| turn.start_ms);
    Some((customers as u32, start.map(|start| (start - raised.at_ms).max(0))))
}
