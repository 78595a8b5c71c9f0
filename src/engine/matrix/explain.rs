//! Why a rule fits or does not, and what would happen to an alert, in words.

use std::fmt::Write as _;

use super::{Conditions, Matrix, Rule, Subject};
use crate::call::Timestamp;
use crate::engine::alert::{AlertKind, Reason};
use crate::engine::policy::Level;

impl Matrix {
    /// Why conditions do not hold, the first that does not; `None` when all hold.
    pub(super) fn misfit(
        &self,
        when: &Conditions,
        subject: &Subject<'_>,
        at: Timestamp,
    ) -> Option<String> {
        let keys = [("queue", &when.queues, subject.queue), ("team", &when.teams, subject.team)];
        for (what, wanted, own) in keys {
            if !wanted.is_empty() && !own.is_some_and(|own| wanted.iter().any(|w| w == own)) {
                return Some(format!("its {what} is {}, not {}", name(own), or(wanted)));
            }
        }
        for (attribute, wanted) in &when.attributes {
            let own = subject.attributes.get(attribute);
            if !own.is_some_and(|own| wanted.iter().any(|wanted| equal(wanted, own))) {
                let own = own.map_or("not given".into(), ToString::to_string);
                return Some(format!("its attribute `{attribute}` is {own}, not {}", or(wanted)));
            }
        }
        if !when.kinds.is_empty() && !when.kinds.contains(&subject.kind) {
            let wanted: Vec<&str> = when.kinds.iter().map(|kind| kind_name(*kind)).collect();
            return Some(format!("its kind is {}, not {}", kind_name(subject.kind), or(&wanted)));
        }
        if when.min_level.is_some_and(|least| subject.level < least) {
            return Some(format!("its level is {}", level_name(subject.level)));
        }
        let speaking: Vec<&str> = speaking(subject.reasons).collect();
        if !when.because.is_empty() && !speaking.iter().any(|own| holds(&when.because, own)) {
            return Some(format!("none of its reasons is {}", or(&when.because)));
        }
        let main = speaking.first().copied();
        if !when.main_reason.is_empty() && !main.is_some_and(|own| holds(&when.main_reason, own)) {
            let wanted = or(&when.main_reason);
            return Some(format!("its main reason is {}, not {wanted}", name(main)));
        }
        let (open, hours) = (when.open?, self.hours.as_ref()?);
        let shown = hours.shown(at);
        match (open, hours.is_open(at)) {
            (true, false) => Some(format!("{shown} is outside business hours")),
            (false, true) => Some(format!("{shown} is within business hours")),
            _ => None,
        }
    }

    /// What would happen to an alert raised at `at` that nobody touches, in lines for a terminal.
    pub fn explain(&self, subject: &Subject<'_>, at: Timestamp) -> String {
        let place = self.choose(subject, at);
        let mut text = String::new();
        if let Some(hours) = &self.hours {
            let state = if hours.is_open(at) { "within" } else { "outside" };
            push(&mut text, &format!("{} is {state} business hours", hours.shown(at)));
        }
        for rule in &self.rules[..place] {
            let why = self.misfit(&rule.when, subject, at).unwrap_or_default();
            push(&mut text, &format!("rule `{}` does not fit: {why}", rule.name));
        }
        let rule = &self.rules[place];
        let route = format!("{:?}", rule.route).to_lowercase();
        push(&mut text, &format!("rule `{}` fits ({route} route)", rule.name));
        self.tiers(rule, subject, at, &mut text);
        push(&mut text, &self.budget(subject));
        text
    }

    fn tiers(&self, rule: &Rule, subject: &Subject<'_>, at: Timestamp, text: &mut String) {
        let mut due = at;
        for tier in (1..).take(rule.tiers.len()) {
            let told = rule.notify(tier, subject).join(", ");
            push(text, &format!("{} tier {tier}: {told}", due.time_of_day()));
            match rule.within_ms(tier) {
                Some(within) => due = due.plus_ms(within),
                None => push(text, "         it stays there until somebody acknowledges it"),
            }
        }
        if rule.tiers.len() > 1 {
            push(
                text,
                "         acknowledging or snoozing stops this; a tier with nobody \
                        connected passes on at once",
            );
        }
    }

    fn budget(&self, subject: &Subject<'_>) -> String {
        let team =
            subject.team.map_or("calls without a team".into(), |team| format!("team `{team}`"));
        match (self.warnings_per_hour, subject.kind, subject.level) {
            (None, ..) => "budget: unlimited, it is never held".into(),
            (_, AlertKind::Manual, _) => "budget: raised hands pass it and do not count".into(),
            (_, _, Level::Critical) => "budget: critical alerts pass it and do not count".into(),
            (Some(most), ..) => format!(
                "budget: counts as one of {most} warnings an hour for {team}; beyond them it is \
                 held until one is free or it turns critical"
            ),
        }
    }

    /// The rules in short, a line each.
    pub fn summary(&self) -> String {
        let mut text = String::new();
        for rule in &self.rules {
            let when = rule.when.shown();
            let tiers: Vec<String> = rule
                .tiers
                .iter()
                .map(|tier| match tier.within_s {
                    Some(seconds) => format!("{seconds} s"),
                    None => "until acknowledged".into(),
                })
                .collect();
            push(&mut text, &format!("{}: {when}: {}", rule.name, tiers.join(", then ")));
        }
        text
    }
}

impl Conditions {
    fn shown(&self) -> String {
        let mut parts = Vec::new();
        let lists = [
            ("queue", &self.queues),
            ("team", &self.teams),
            ("because of", &self.because),
            ("mainly because of", &self.main_reason),
        ];
        parts.extend(
            lists.iter().filter(|(_, l)| !l.is_empty()).map(|(n, l)| format!("{n} {}", or(l))),
        );
        parts.extend(self.attributes.iter().map(|(name, wanted)| format!("{name} {}", or(wanted))));
        let kinds: Vec<&str> = self.kinds.iter().map(|kind| kind_name(*kind)).collect();
        if !kinds.is_empty() {
            parts.push(or(&kinds));
        }
        parts.extend(self.min_level.map(|level| format!("{} or more", level_name(level))));
        parts.extend(self.open.map(|open| {
            if open { "within business hours" } else { "outside business hours" }.to_owned()
        }));
        if parts.is_empty() { "every other alert".into() } else { parts.join(", ") }
    }
}

/// Reasons that speak for an escalation, the main one first.
fn speaking(reasons: &[Reason]) -> impl Iterator<Item = &str> {
    let named = reasons.iter().filter(|reason| reason.feature != "other");
    named.filter(|reason| reason.contribution >= 0.0).map(|reason| reason.feature.as_str())
}

fn holds(wanted: &[String], own: &str) -> bool {
    wanted.iter().any(|wanted| wanted == own)
}

/// Numbers by their value: 2 is 2.0.
fn equal(wanted: &serde_json::Value, own: &serde_json::Value) -> bool {
    match (wanted.as_f64(), own.as_f64()) {
        (Some(wanted), Some(own)) => wanted == own,
        _ => wanted == own,
    }
}

fn name(own: Option<&str>) -> String {
    own.map_or("not given".into(), |own| format!("`{own}`"))
}

fn or<T: std::fmt::Display>(wanted: &[T]) -> String {
    let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
    wanted.join(" or ")
}

fn kind_name(kind: AlertKind) -> &'static str {
    match kind {
        AlertKind::Risk => "risk",
        AlertKind::Trigger => "trigger",
        AlertKind::Manual => "manual",
    }
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::Watch => "watch",
        Level::Warning => "warning",
        Level::Critical => "critical",
    }
}

fn push(text: &mut String, line: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{line}");
}
