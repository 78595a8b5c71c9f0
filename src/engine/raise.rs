//! When alerts are raised, lifted and taken back, and how they are written.

use super::alert::{Alert, AlertKind, AlertState, Quote, Reason};
use super::alerts::{Alerts, alert_id, raised};
use super::call_state::CallState;
use super::effects::Effects;
use super::event::Chunk;
use super::policy::Level;
use super::settings::Engine;
use crate::call::{Speaker, Timestamp};
use crate::features::{Part, tells_something};
use crate::text::phrases::{AlertLevel, Hit, Place};

/// Words kept on each side of the words a quote is about.
const QUOTE_MARGIN: usize = 6;
/// Log-odds from which a reason to act on is listed before larger ones that are none.
const WORTH_SAYING: f64 = 0.1;

impl CallState {
    /// Raises, lifts or retracts the risk alert after a final chunk.
    pub(super) fn risk_alert(
        &mut self,
        engine: &Engine,
        seq: u64,
        at: Timestamp,
        effects: &mut Effects,
    ) {
        let level = self.level.filter(|&level| level >= Level::Warning);
        // Most calls stay under the level and have no alert; then nobody needs the key.
        if level.is_none() && self.alerts.all().is_empty() {
            self.armed = true;
            return;
        }
        let key = format!("{}/risk", self.start.call_id);
        let Some(level) = level else {
            self.armed = true;
            // One friendly turn is no peace: an alert taken back too soon could not be raised
            // again before the cool-down.
            if self.calm_turns >= engine.settings.retract_customer_turns
                && let Some(open) = self.alerts.open_with_key(&key)
                && Alerts::retract(open, "risk_fell", at)
            {
                effects.alerts.push(open.clone());
            }
            return;
        };
        self.calm_turns = 0;
        if let Some(open) = self.alerts.open_with_key(&key) {
            if open.level < level && !self.escalated {
                let fresh = self.risk_content(engine, level, seq, at);
                if let Some(open) = self.alerts.open_with_key(&key) {
                    copy_content(open, fresh);
                    Alerts::lift(open, level, at);
                    effects.alerts.push(open.clone());
                }
            }
            return;
        }
        let free = self.armed && !self.escalated;
        if free && self.alerts.may_raise(&key, self.at_ms, at, &engine.settings) {
            self.armed = false;
            let alert = self.risk_content(engine, level, seq, at);
            effects.alerts.push(self.alerts.raise(alert));
        }
    }

    /// A risk alert of the present moment: probability, reasons, guidance.
    fn risk_content(&self, engine: &Engine, level: Level, seq: u64, at: Timestamp) -> Alert {
        let key = format!("{}/risk", self.start.call_id);
        let mut alert = self.new_alert(AlertKind::Risk, key, seq, at);
        let explanation = self.features.explain(&engine.space);
        let thresholds = &engine.space.model().thresholds;
        let crossed = match level {
            Level::Critical => thresholds.critical,
            _ => thresholds.warning,
        };
        alert.level = level;
        alert.threshold = Some(engine.probability(crossed));
        alert.log_odds = Some(explanation.log_odds);
        alert.intercept = Some(explanation.intercept);
        alert.reasons = self.reasons(engine, explanation.parts);
        let (guidance, recommendation) = engine.playbook.advise(&alert.reasons);
        alert.guidance = guidance;
        alert.recommendation = recommendation;
        alert
    }

    /// The reasons worth reading, signs kept, and `other` for the sum of the rest. Those that tell
    /// somebody what to do about the call come first.
    pub(super) fn reasons(&self, engine: &Engine, parts: Vec<Part>) -> Vec<Reason> {
        let most = engine.settings.max_reasons;
        let mut by_size = parts;
        by_size.sort_by(|a, b| b.contribution.abs().total_cmp(&a.contribution.abs()));
        // Half of the places are for what somebody can act on, although the sound of the words
        // often weighs more.
        let mut reserved = most / 2;
        let (mut listed, mut rest): (Vec<Part>, Vec<Part>) =
            by_size.into_iter().partition(|part| {
                let tells = part.contribution >= WORTH_SAYING && tells_something(&part.feature);
                let taken = tells && reserved > 0;
                reserved -= usize::from(taken);
                taken
            });
        listed.extend(rest.drain(..(most - listed.len()).min(rest.len())));
        listed.sort_by(|a, b| {
            let tells = |part: &Part| tells_something(&part.feature);
            tells(b).cmp(&tells(a)).then(b.contribution.total_cmp(&a.contribution))
        });
        let mut reasons: Vec<Reason> = listed
            .into_iter()
            .map(|part| Reason {
                quotes: self.quotes(engine, &part.places),
                feature: part.feature,
                label: part.label,
                contribution: part.contribution,
            })
            .collect();
        reasons.push(Reason {
            feature: "other".into(),
            label: "everything else".into(),
            contribution: rest.iter().fold(0.0, |sum, part| sum + part.contribution),
            quotes: Vec::new(),
        });
        reasons
    }

    /// Raises the alerts of phrases that alert by themselves.
    pub(super) fn trigger_alerts(
        &mut self,
        engine: &Engine,
        chunk: &Chunk,
        hits: &[Hit],
        at: Timestamp,
        effects: &mut Effects,
    ) {
        let phrases = engine.space.phrases();
        for hit in hits {
            let Some(alerts) = phrases.phrases()[hit.phrase as usize].alert else { continue };
            let category = phrases.category_of(hit.phrase);
            self.escalated |= category.escalation && chunk.is_final;
            let key = format!("{}/trigger:{}", self.start.call_id, category.id);
            if chunk.is_final {
                effects.alerts.extend(self.alerts.confirm(&key, at));
            }
            if let Some(open) = self.alerts.open_with_key(&key) {
                // Words that may still be taken back lift nothing.
                let level = level_of(alerts);
                if chunk.is_final && open.level < level {
                    Alerts::lift(open, level, at);
                    effects.alerts.push(open.clone());
                }
                continue;
            }
            if !self.alerts.may_raise(&key, self.at_ms, at, &engine.settings) {
                continue;
            }
            let mut alert = self.new_alert(AlertKind::Trigger, key, chunk.seq, at);
            alert.level = level_of(alerts);
            alert.provisional = !chunk.is_final;
            alert.at_ms = chunk.end_ms.or(chunk.start_ms).unwrap_or(self.at_ms);
            alert.reasons = vec![Reason {
                feature: format!("trigger:{}", category.id),
                label: category.label.clone(),
                contribution: 0.0,
                quotes: self.hit_quote(chunk, hit).into_iter().collect(),
            }];
            let (guidance, recommendation) = engine.playbook.advise(&alert.reasons);
            alert.guidance = guidance;
            alert.recommendation = recommendation;
            effects.alerts.push(match chunk.segment_id.clone().filter(|_| alert.provisional) {
                Some(segment) => self.alerts.raise_provisional(alert, segment),
                None => self.alerts.raise(alert),
            });
        }
    }

    /// The final of a segment is here: what its partials raised and it does not say is taken
    /// back. Called after the final's own phrases have confirmed theirs.
    pub(super) fn settle_provisional(
        &mut self,
        chunk: &Chunk,
        at: Timestamp,
        effects: &mut Effects,
    ) {
        let Some(segment) = &chunk.segment_id else { return };
        for key in self.alerts.settle(segment) {
            if let Some(alert) = self.alerts.open_with_key(&key)
                && Alerts::retract(alert, "partial_replaced", at)
            {
                effects.alerts.push(alert.clone());
            }
        }
    }

    /// An alert of the present moment with nothing yet to say for itself.
    pub(super) fn new_alert(
        &self,
        kind: AlertKind,
        dedup_key: String,
        seq: u64,
        at: Timestamp,
    ) -> Alert {
        let risk = &self.risk;
        let nth = self.alerts.all().len();
        Alert {
            alert_id: alert_id(&self.start.call_id, &dedup_key, seq, kind, nth),
            dedup_key,
            call_id: self.start.call_id.clone(),
            queue: self.start.queue.clone(),
            team: self.start.team.clone(),
            agent_id: self.start.agent_id.clone(),
            kind,
            level: Level::Warning,
            state: AlertState::Raised,
            provisional: false,
            held: false,
            tier: 1,
            // The matrix says who, once the alert is whole.
            notify: Vec::new(),
            owner: None,
            risk: risk.risk,
            threshold: None,
            log_odds: None,
            intercept: None,
            sentiment: risk.sentiment,
            trend: risk.trend,
            raised_at: at,
            at_ms: self.at_ms,
            seq,
            reasons: Vec::new(),
            guidance: Vec::new(),
            recommendation: None,
            history: raised(at, "engine", None),
            snoozed_until: None,
            next_tier_at: None,
            rule: None,
            route: None,
            outcome: None,
        }
    }

    fn quotes(&self, engine: &Engine, places: &[Place]) -> Vec<Quote> {
        places
            .iter()
            .filter_map(|&place| {
                let (_, speaker, text) = self.said.iter().find(|(seq, ..)| *seq == place.seq)?;
                let (start, end) = widen(text, place.start, place.end);
                Some(quote(place.seq, *speaker, text, start, end))
            })
            .take(engine.settings.max_quotes)
            .collect()
    }

    /// The words of a phrase; those in this chunk when it began in an earlier one.
    pub(super) fn hit_quote(&self, chunk: &Chunk, hit: &Hit) -> Option<Quote> {
        let start = if hit.from.seq == hit.to.seq { hit.from.start } else { 0 };
        (hit.to.seq == chunk.seq)
            .then(|| quote(chunk.seq, chunk.speaker, &chunk.text, start, hit.to.end))
    }
}

fn level_of(alerts: AlertLevel) -> Level {
    match alerts {
        AlertLevel::Warning => Level::Warning,
        AlertLevel::Critical => Level::Critical,
    }
}

fn copy_content(open: &mut Alert, fresh: Alert) {
    open.risk = fresh.risk;
    open.threshold = fresh.threshold;
    open.log_odds = fresh.log_odds;
    open.intercept = fresh.intercept;
    open.sentiment = fresh.sentiment;
    open.trend = fresh.trend;
    open.reasons = fresh.reasons;
    open.guidance = fresh.guidance;
    open.recommendation = fresh.recommendation;
}

pub(super) fn quote(seq: u64, speaker: Speaker, text: &str, start: u32, end: u32) -> Quote {
    let length = end.saturating_sub(start) as usize;
    let text = text.chars().skip(start as usize).take(length).collect();
    Quote { seq, speaker, text, start, end }
}

/// Widens `start..end` (code points) by up to [`QUOTE_MARGIN`] words on each side, not past the
/// end of a sentence.
fn widen(text: &str, start: u32, end: u32) -> (u32, u32) {
    let tokens = crate::text::tokenise(text);
    let characters: Vec<char> = text.chars().collect();
    let breaks = |from: u32, to: u32| {
        characters[from as usize..to as usize].iter().any(|c| matches!(c, '.' | '!' | '?' | ';'))
    };
    let Some(at) = tokens.iter().position(|token| token.start <= start && start < token.end) else {
        return (start, end);
    };
    let (mut first, mut last) = (at, at);
    while first > 0
        && at - first < QUOTE_MARGIN
        && !breaks(tokens[first - 1].end, tokens[first].start)
    {
        first -= 1;
    }
    while last + 1 < tokens.len()
        && last - at < QUOTE_MARGIN
        && !breaks(tokens[last].end, tokens[last + 1].start)
    {
        last += 1;
    }
    (tokens[first].start, tokens[last].end.max(end))
}

#[cfg(test)]
mod tests {
    use super::widen;

    #[test]
    fn quotes_stop_at_the_sentence() {
        let text = "Well. I have called three times about this! Okay?";
        let (start, end) = widen(text, 13, 19);
        assert_eq!(&text[start as usize..end as usize], "I have called three times about this");
    }
}
