//! What a chunk does: finals move the call, partials are scored on a copy.

use std::collections::HashSet;
use std::sync::Arc;

use super::alert::AlertKind;
use super::alerts::Alerts;
use super::call_state::CallState;
use super::effects::{Effects, Highlight, RiskUpdate, Said, Score};
use super::event::Chunk;
use super::policy::{self, Level};
use super::segments::Verdict;
use super::settings::Engine;
use crate::call::{Speaker, Timestamp};
use crate::features::{Assessment, Piece, Pushed, Tag};
use crate::model::Feeling;

impl CallState {
    pub(super) fn chunk(
        &mut self,
        engine: &Engine,
        chunk: &Chunk,
        at: Timestamp,
        effects: &mut Effects,
    ) {
        match self.segments.take(chunk, engine.settings.max_open_segments) {
            Verdict::Late => {}
            Verdict::TooMany => effects.over.partials += 1,
            Verdict::Partial => self.partial(engine, chunk, at, effects),
            Verdict::Final => self.final_chunk(engine, chunk, at, effects),
        }
        effects.over.segments += self.segments.forget(engine.settings.max_finished_segments);
    }

    /// Partials that were never made final count as final when the call ends.
    pub(super) fn force_partials(&mut self, engine: &Engine, at: Timestamp, effects: &mut Effects) {
        for chunk in self.segments.force() {
            let first = effects.said.len();
            self.final_chunk(engine, &chunk, at, effects);
            for said in &mut effects.said[first..] {
                Arc::make_mut(said).forced = true;
            }
        }
        // The scores of forced chunks answer no chunk that the platform waits for.
        effects.score = None;
    }

    fn final_chunk(
        &mut self,
        engine: &Engine,
        chunk: &Chunk,
        at: Timestamp,
        effects: &mut Effects,
    ) {
        let mut pushed = self.read(engine, chunk, effects);
        let acts = self.acts(engine, &mut pushed);
        if pushed.new_turn {
            self.turn_ended(chunk.speaker);
        }
        if pushed.words {
            self.at_ms = self.at_ms.max(chunk.end_ms.or(chunk.start_ms).unwrap_or(0));
            self.escalated |= chunk.speaker == Speaker::Supervisor;
        }
        self.assess(engine);
        let risk = self.risk.clone();
        let said = self.said(engine, chunk, &pushed, acts, &risk);
        effects.over.unquotable += self.keep(engine, &said);
        self.trigger_alerts(engine, chunk, &pushed.hits, at, effects);
        self.rules_hear(engine, chunk, &pushed, at, effects);
        self.settle_provisional(chunk, at, effects);
        self.risk_alert(engine, chunk.seq, at, effects);
        effects.score = Some(self.score(engine, chunk, &pushed, &risk, &effects.rules));
        effects.said.push(Arc::new(said));
        effects.risk = Some(risk);
    }

    /// Gives the words to the features, up to the last turn that is scored. What comes after it
    /// counts by turns, not by chunks, so it does not matter how a turn was cut.
    fn read(&mut self, engine: &Engine, chunk: &Chunk, effects: &mut Effects) -> Pushed {
        let last_turn = self.turns >= engine.settings.max_turns_per_call;
        if last_turn && !self.full {
            // Only the features know whether the last turn grows or another begins.
            let began = self.features.clone().push(&engine.space, piece(chunk)).new_turn;
            self.full = began;
        }
        if self.full {
            effects.over.unscored += 1;
            return Pushed::default();
        }
        let mut pushed = self.features.push(&engine.space, piece(chunk));
        effects.over.matches += limit_matches(engine, &mut pushed);
        pushed
    }

    /// The open turn is over and one of `next` begins.
    fn turn_ended(&mut self, next: Speaker) {
        self.level_before_turn = self.level;
        if self.turn_of == Some(Speaker::Customer) {
            let calm = self.level < Some(Level::Warning);
            self.calm_turns = if calm { self.calm_turns + 1 } else { 0 };
        }
        self.turn_of = Some(next);
    }

    /// Scores the open partials on a copy; the state keeps no trace of them.
    fn partial(&mut self, engine: &Engine, chunk: &Chunk, at: Timestamp, effects: &mut Effects) {
        let mut copy = self.features.clone();
        let mut own = Pushed::default();
        let mut level_before = self.level_before_turn;
        // Of the last turn that is scored, only the finals are.
        let full = self.turns >= engine.settings.max_turns_per_call;
        for open in self.segments.open().iter().filter(|_| !full) {
            let mut pushed = copy.push(&engine.space, piece(open));
            if pushed.new_turn {
                level_before = self.level;
            }
            if open.seq == chunk.seq {
                effects.over.matches += limit_matches(engine, &mut pushed);
                own = pushed;
            }
        }
        let risk = self.risk_of(engine, copy.assess(), level_before);
        self.trigger_alerts(engine, chunk, &own.hits, at, effects);
        self.rules_foresee(engine, chunk, &own.hits, at, effects);
        effects.score = Some(self.score(engine, chunk, &own, &risk, &effects.rules));
        let acts = self.acts(engine, &mut own);
        effects.said.push(Arc::new(self.said(engine, chunk, &own, acts, &risk)));
    }

    fn score(
        &self,
        engine: &Engine,
        chunk: &Chunk,
        pushed: &Pushed,
        risk: &RiskUpdate,
        rules: &[String],
    ) -> Score {
        let mut triggers: Vec<String> = Vec::new();
        for hit in &pushed.hits {
            let category = engine.space.phrases().category_of(hit.phrase);
            if !category.of_rule && !triggers.contains(&category.id) {
                triggers.push(category.id.clone());
            }
        }
        triggers.extend_from_slice(rules);
        Score {
            seq: chunk.seq,
            is_final: chunk.is_final,
            sentiment: self.sentiment(engine, pushed),
            risk: risk.risk,
            level: risk.level,
            triggers,
        }
    }

    /// Whether the model speaks the call's language.
    pub(super) fn scored(&self, engine: &Engine) -> bool {
        let lang = self.start.lang.as_deref().filter(|lang| !lang.is_empty());
        engine.space.model().speaks(lang)
    }

    /// Whether the customer has said enough for a forecast.
    pub(super) fn forecast(&self, engine: &Engine, customer_turns: u32) -> bool {
        self.scored(engine) && customer_turns >= engine.settings.min_customer_turns
    }

    /// Brings risk, level and turns up to date with the features.
    pub(super) fn assess(&mut self, engine: &Engine) {
        let assessment = self.features.assess();
        self.risk = self.risk_of(engine, assessment, self.level_before_turn);
        self.level = self.risk.level;
        self.turns = assessment.turns;
    }

    fn risk_of(
        &self,
        engine: &Engine,
        assessment: Assessment,
        level_before: Option<Level>,
    ) -> RiskUpdate {
        let mut update =
            RiskUpdate { at_ms: self.at_ms, risk: None, sentiment: None, trend: None, level: None };
        if !self.scored(engine) {
            return update;
        }
        update.sentiment = assessment.sentiment;
        if !self.forecast(engine, assessment.customer_turns) {
            update.risk = Some(engine.settings.prior);
            return update;
        }
        let calibration = &engine.space.model().calibration;
        let calibrated = calibration.apply(assessment.log_odds);
        let risk = engine.probability(calibrated);
        update.risk = Some(risk);
        update.trend = assessment
            .log_odds_before
            .map(|before| risk - engine.probability(calibration.apply(before)));
        update.level = policy::step(&engine.space.model().thresholds, level_before, calibrated);
        update
    }

    /// Whether a raised hand raises an alert, or adds to one.
    pub fn takes_hand(&self, engine: &Engine) -> bool {
        let key = format!("{}/manual", self.start.call_id);
        self.alerts.all().len() < engine.settings.max_alerts_per_call
            || self.alerts.open().any(|alert| alert.dedup_key == key)
    }

    /// An agent asked for help.
    pub(super) fn raise_hand(
        &mut self,
        engine: &Engine,
        by: &str,
        note: Option<&str>,
        at: Timestamp,
    ) -> Option<super::alert::Alert> {
        let key = format!("{}/manual", self.start.call_id);
        if let Some(open) = self.alerts.open_with_key(&key) {
            Alerts::note(open, by, note, at);
            return Some(open.clone());
        }
        if !self.takes_hand(engine) {
            return None;
        }
        let mut alert = self.new_alert(AlertKind::Manual, key, self.last_seq(), at);
        alert.reasons = vec![super::alert::Reason {
            feature: "manual".into(),
            label: note.unwrap_or("the agent asks for help").into(),
            contribution: 0.0,
            quotes: Vec::new(),
        }];
        (alert.guidance, alert.recommendation) = engine.playbook.advise(&alert.reasons);
        alert.history = super::alerts::raised(at, by, note);
        Some(self.alerts.raise(alert))
    }
}

/// Drops repeats of phrases over the limit of one chunk. The first of each phrase stays, so what
/// raises an alert is never dropped. Says how many went.
fn limit_matches(engine: &Engine, pushed: &mut Pushed) -> u64 {
    let most = engine.settings.max_matches_per_chunk;
    let before = pushed.hits.len();
    if before > most {
        let (mut met, mut kept) = (HashSet::new(), 0);
        pushed.hits.retain(|hit| {
            let stays = met.insert(hit.phrase) || kept < most;
            kept += usize::from(stays);
            stays
        });
    }
    (before - pushed.hits.len()) as u64
}

fn piece(chunk: &Chunk) -> Piece<'_> {
    Piece {
        seq: chunk.seq,
        speaker: chunk.speaker,
        start_ms: chunk.start_ms,
        end_ms: chunk.end_ms,
        text: &chunk.text,
    }
}

impl CallState {
    /// What the turn does; nothing for a language that the model does not speak.
    fn acts(&self, engine: &Engine, pushed: &mut Pushed) -> Vec<Tag> {
        if self.scored(engine) { std::mem::take(&mut pushed.tags) } else { Vec::new() }
    }

    /// Of the customer's words in a chunk.
    fn sentiment(&self, engine: &Engine, pushed: &Pushed) -> Option<f64> {
        pushed.feeling.map(Feeling::sentiment).filter(|_| self.scored(engine))
    }

    /// The chunk as consoles show it.
    fn said(
        &self,
        engine: &Engine,
        chunk: &Chunk,
        pushed: &Pushed,
        acts: Vec<Tag>,
        risk: &RiskUpdate,
    ) -> Said {
        let phrases = engine.space.phrases();
        let highlights =
            pushed.hits.iter().filter(|hit| hit.to.seq == chunk.seq).map(|hit| Highlight {
                // A phrase that began in an earlier chunk is shown from the start of this one.
                start: if hit.from.seq == chunk.seq { hit.from.start } else { 0 },
                end: hit.to.end,
                why: phrases.category_of(hit.phrase).id.clone(),
                weight: None,
            });
        let mut kept: Vec<Highlight> = Vec::new();
        for highlight in highlights {
            if kept.len() >= engine.settings.max_matches_per_chunk {
                break;
            }
            if !kept.contains(&highlight) {
                kept.push(highlight);
            }
        }
        Said {
            seq: chunk.seq,
            segment_id: chunk.segment_id.clone(),
            is_final: chunk.is_final,
            start_ms: chunk.start_ms,
            end_ms: chunk.end_ms,
            speaker: chunk.speaker,
            text: Arc::from(chunk.text.as_str()),
            sentiment: self.sentiment(engine, pushed),
            risk: risk.risk,
            highlights: kept,
            acts,
            forced: false,
        }
    }
}
