//! A recorded call through the live engine: what `score`, `evaluate` and `/v1/score` print.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::alert::Reason;
use super::call_state::CallState;
use super::event::{CallStart, Chunk, Event};
use super::policy::Level;
use super::settings::Engine;
use crate::call::{Call, Speaker, Timestamp};
use crate::features::Tag;

/// What the engine says after one turn of a recorded call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TurnScore {
    /// The call.
    pub call_id: String,
    /// 0-based index of the turn.
    pub turn: usize,
    /// Call time reached, in milliseconds from the start of the call.
    pub at_ms: i64,
    /// Who speaks.
    pub speaker: Speaker,
    /// Of this turn, as meant after what was said before it, −1 … 1; null unless the customer
    /// speaks the model's language.
    pub sentiment: Option<f64>,
    /// Calibrated probability that the call escalates, 0 … 1; null in a language the model lacks.
    pub risk: Option<f64>,
    /// The call's level; null below watch.
    pub level: Option<Level>,
    /// Categories whose phrases end in this turn.
    pub triggers: Vec<String>,
    /// What the turn does, with `--explain`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acts: Vec<Tag>,
    /// What moved the risk, with `--explain` and once there is a forecast.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<TurnExplanation>,
}

/// The risk of one moment taken apart: `intercept` and the contributions sum to `log_odds`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TurnExplanation {
    /// The model's own, before calibration and prior shift.
    pub log_odds: f64,
    /// The model's intercept.
    pub intercept: f64,
    /// Largest first, `other` last.
    pub reasons: Vec<Reason>,
}

/// The chunks a platform would send for a recorded call: one final for each turn.
pub fn chunks(call: &Call) -> impl Iterator<Item = Chunk> + '_ {
    call.turns.iter().zip(1..).map(|(turn, seq)| Chunk {
        seq,
        segment_id: None,
        speaker: turn.speaker,
        start_ms: turn.start_ms,
        end_ms: turn.end_ms,
        is_final: true,
        confidence: None,
        text: turn.text.clone(),
    })
}

/// Scores every turn of `call`, those from an escalation on included.
pub fn score_call(engine: &Engine, call: &Call, explain: bool) -> Vec<TurnScore> {
    let start =
        CallStart { call_id: call.id.clone(), lang: call.lang.clone(), ..CallStart::default() };
    let at = Timestamp(0);
    let (mut state, _) = CallState::open(engine, start, at);
    chunks(call)
        .enumerate()
        .map(|(turn, mut chunk)| {
            let speaker = chunk.speaker;
            state.redact(engine, &mut chunk);
            let effects = state.apply(engine, &Event::Chunk(chunk), at);
            let score = effects.score;
            let acts = effects.said.first().filter(|_| explain);
            TurnScore {
                call_id: call.id.clone(),
                acts: acts.map(|said| said.acts.clone()).unwrap_or_default(),
                turn,
                at_ms: state.at_ms,
                speaker,
                sentiment: score.as_ref().and_then(|score| score.sentiment),
                risk: score.as_ref().and_then(|score| score.risk),
                level: score.as_ref().and_then(|score| score.level),
                triggers: score.map(|score| score.triggers).unwrap_or_default(),
                explanation: explain.then(|| state.explanation(engine)).flatten(),
            }
        })
        .collect()
}

impl CallState {
    /// The present risk taken apart; `None` while there is no forecast.
    pub fn explanation(&self, engine: &Engine) -> Option<TurnExplanation> {
        let turns = self.features.assess().customer_turns;
        if !self.forecast(engine, turns) {
            return None;
        }
        let explanation = self.features.explain(&engine.space);
        Some(TurnExplanation {
            log_odds: explanation.log_odds,
            intercept: explanation.intercept,
            reasons: self.reasons(engine, explanation.parts),
        })
    }
}
