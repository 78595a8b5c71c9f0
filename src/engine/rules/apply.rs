//! Where the events of a call meet its rules, and rules become alerts.

use super::spec::Kind;
use super::state::{Fired, Words, is_on_hold};
use crate::call::Timestamp;
use crate::engine::alert::{AlertKind, Quote, Reason};
use crate::engine::call_state::CallState;
use crate::engine::effects::{CallPhase, Effects};
use crate::engine::event::Chunk;
use crate::engine::raise::quote;
use crate::engine::settings::Engine;
use crate::features::Pushed;
use crate::text::phrases::{Hit, Place};
use crate::text::{for_each_token, tokenise};

/// Words quoted of a turn that counts as a whole.
const TURN_QUOTE_WORDS: usize = 12;

impl CallState {
    /// Takes the words of a final chunk. Called after the features have taken them.
    pub(in crate::engine) fn rules_hear(
        &mut self,
        engine: &Engine,
        chunk: &Chunk,
        pushed: &Pushed,
        at: Timestamp,
        effects: &mut Effects,
    ) {
        let rules = &engine.rules;
        if rules.all().is_empty() || !pushed.words {
            return;
        }
        let mood = self.features.closed_mood().filter(|_| self.scored(engine));
        let state = &mut self.rules;
        let most = engine.settings.max_rule_mentions;
        let (start, end) = state.span(chunk, at);
        let mut fired = Vec::new();
        if pushed.new_turn && !rules.of_turns.is_empty() {
            state.turn_ends(rules, mood, most, &mut fired);
            state.turn_begins(chunk.speaker, chunk.seq, start, chunk.start_ms.is_some());
        }
        state.turn_goes_on(end);
        state.pass(rules, |deadline| deadline < start, &mut fired);
        state.speak(chunk.speaker, start);
        let mut times = None;
        for hit in &pushed.hits {
            let category = engine.space.phrases().phrases()[hit.phrase as usize].category;
            for listener in &rules.listeners[category] {
                if listener.hears(chunk.speaker) {
                    let times = times.get_or_insert_with(|| WordTimes::new(chunk, start, end));
                    let said = times.end_of(hit.to);
                    state.speak(chunk.speaker, said);
                    state.plan(rules);
                    state.pass(rules, |deadline| deadline < said, &mut fired);
                    let words = Words { from: hit.from, to: hit.to };
                    let part = (listener.node, listener.part);
                    state.hear(rules, part, (said, words), most, &mut fired);
                }
            }
        }
        state.came(end, at);
        state.speak(chunk.speaker, end);
        state.plan(rules);
        effects.over.mentions += std::mem::take(&mut state.passed_over);
        self.rules_fire(engine, fired, chunk.seq, at, effects);
    }

    /// Raises, on words of a partial, the alerts of rules that only wait for these words.
    pub(in crate::engine) fn rules_foresee(
        &mut self,
        engine: &Engine,
        chunk: &Chunk,
        hits: &[Hit],
        at: Timestamp,
        effects: &mut Effects,
    ) {
        let rules = &engine.rules;
        self.rules.stirred = Some(at);
        for hit in hits {
            let category = engine.space.phrases().phrases()[hit.phrase as usize].category;
            for listener in rules.listeners.get(category).into_iter().flatten() {
                let node = rules.node(listener.node);
                let rule = usize::from(node.rule);
                let alone = rules.rules[rule].root == listener.node;
                if alone && node.kind == Kind::Said && listener.hears(chunk.speaker) {
                    let quotes = self.hit_quote(chunk, hit).into_iter().collect();
                    let at_ms = self.rules.span(chunk, at).1;
                    self.rule_alert(
                        engine,
                        rule,
                        (at_ms, quotes),
                        chunk.seq,
                        Some(chunk),
                        at,
                        effects,
                    );
                }
            }
        }
    }

    /// The transcript has come as far as it will until `at`; with the end of the call, all of it.
    pub(in crate::engine) fn rules_tick(
        &mut self,
        engine: &Engine,
        at: Timestamp,
        ended: bool,
        effects: &mut Effects,
    ) {
        let (anchor, delay) = (self.rules.anchor, engine.settings.transcript_delay_ms);
        let speaking = self.speaking(delay);
        let is_over = |deadline| match ended {
            true => deadline <= anchor.now(at),
            false => anchor.wall(deadline, delay).max(speaking) <= at,
        };
        let mut fired = Vec::new();
        self.rules.pass(&engine.rules, is_over, &mut fired);
        self.rules_fire(engine, fired, self.last_seq(), at, effects);
    }

    /// Attributes have changed.
    pub(in crate::engine) fn rules_update(
        &mut self,
        engine: &Engine,
        at: Timestamp,
        effects: &mut Effects,
    ) {
        if engine.rules.all().is_empty() {
            return;
        }
        let now = self.rules.anchor.now(at);
        let mut fired = Vec::new();
        if !is_on_hold(&self.start.attributes) {
            self.rules.hold_ends(&engine.rules, now, &mut fired);
        }
        self.rules.attributes(&self.start.attributes, now);
        self.rules.plan(&engine.rules);
        self.rules_fire(engine, fired, self.last_seq(), at, effects);
    }

    /// When [`super::super::event::Event::Tick`] is due, if no words come until then.
    pub fn tick_due(&self, engine: &Engine) -> Option<Timestamp> {
        let deadline = self.rules.deadline.filter(|_| self.phase == CallPhase::Open)?;
        let delay = engine.settings.transcript_delay_ms;
        Some(self.rules.anchor.wall(deadline, delay).max(self.speaking(delay)))
    }

    /// Until when words may still come of an utterance that has begun.
    fn speaking(&self, delay_ms: i64) -> Timestamp {
        let stirred = self.rules.stirred.filter(|_| !self.segments.open().is_empty());
        stirred.map_or(Timestamp(i64::MIN), |stirred| stirred.plus_ms(delay_ms))
    }

    fn rules_fire(
        &mut self,
        engine: &Engine,
        fired: Vec<Fired>,
        seq: u64,
        at: Timestamp,
        effects: &mut Effects,
    ) {
        for Fired { rule, at_ms, words } in fired {
            let quotes = words.iter().filter_map(|words| self.words_quote(words)).collect();
            self.rule_alert(engine, rule, (at_ms, quotes), seq, None, at, effects);
        }
    }

    /// Raises the alert of a rule; `partial` is what it rests on, if that may still be taken back.
    #[expect(clippy::too_many_arguments, reason = "the parts of one alert")]
    fn rule_alert(
        &mut self,
        engine: &Engine,
        rule: usize,
        (at_ms, quotes): (i64, Vec<Quote>),
        seq: u64,
        partial: Option<&Chunk>,
        at: Timestamp,
        effects: &mut Effects,
    ) {
        let rule = &engine.rules.all()[rule];
        if !rule.is_for(&self.start) {
            return;
        }
        let feature = format!("rule:{}", rule.id);
        if !effects.rules.contains(&feature) {
            effects.rules.push(feature.clone());
        }
        let key = format!("{}/{feature}", self.start.call_id);
        if partial.is_none() {
            effects.alerts.extend(self.alerts.confirm(&key, at));
        }
        if self.alerts.open_with_key(&key).is_some()
            || !self.alerts.may_raise(&key, at_ms, at, &engine.settings)
        {
            return;
        }
        let mut alert = self.new_alert(AlertKind::Trigger, key, seq, at);
        (alert.level, alert.at_ms, alert.provisional) = (rule.level, at_ms, partial.is_some());
        let reason = |feature| Reason {
            feature,
            label: rule.label.clone(),
            contribution: 0.0,
            quotes: Vec::new(),
        };
        alert.reasons = vec![Reason { quotes, ..reason(feature.clone()) }];
        // Advice for the rule itself, or else for what it listens for.
        let of_categories = rule.categories.iter().map(|id| reason(format!("trigger:{id}")));
        let grounds: Vec<Reason> = [reason(feature)].into_iter().chain(of_categories).collect();
        (alert.guidance, alert.recommendation) = engine.playbook.advise(&grounds);
        effects.alerts.push(match partial.and_then(|chunk| chunk.segment_id.clone()) {
            Some(segment) => self.alerts.raise_provisional(alert, segment),
            None => self.alerts.raise(alert),
        });
    }

    /// The words as they are in the transcript; those in the last chunk when there are several.
    fn words_quote(&self, words: &Words) -> Option<Quote> {
        let Place { seq, end, .. } = words.to;
        let (_, speaker, text) = self.said.iter().rev().find(|(own, ..)| *own == seq)?;
        let start = if words.from.seq == seq { words.from.start } else { 0 };
        let end = match end {
            u32::MAX => {
                tokenise(text).iter().take(TURN_QUOTE_WORDS).next_back().map_or(0, |t| t.end)
            }
            end => end,
        };
        Some(quote(seq, *speaker, text, start, end))
    }
}

/// When each word of a chunk is over: they are spread evenly over its time.
struct WordTimes {
    ends: Vec<u32>,
    start: i64,
    end: i64,
}

impl WordTimes {
    fn new(chunk: &Chunk, start: i64, end: i64) -> WordTimes {
        let mut ends = Vec::new();
        for_each_token(&chunk.text, &mut String::new(), |_, _, end| ends.push(end));
        WordTimes { ends, start, end }
    }

    fn end_of(&self, place: Place) -> i64 {
        let words = self.ends.len().max(1) as i64;
        let spoken = self.ends.iter().filter(|end| **end <= place.end).count() as i64;
        self.start + (self.end - self.start).saturating_mul(spoken) / words
    }
}
