//! Who is told of an alert, and until when: tiers, their due times, and what a budget holds.
//!
//! The due time of a tier runs while an alert is raised, not held, and has a next tier. One
//! function, called after every event, makes that true for each alert that the event changed.

use super::alert::{Alert, AlertKind, AlertState};
use super::alerts::{Alerts, ENGINE, enter};
use super::call_state::CallState;
use super::effects::Effects;
use super::matrix::Subject;
use super::policy::Level;
use super::settings::Engine;
use super::step::{NOBODY, RELEASED, TIER};
use crate::call::Timestamp;

/// What was last seen of an alert, to know what has changed.
#[derive(Clone, Debug)]
pub(super) struct Track {
    /// Place of its rule in the matrix.
    rule: usize,
    /// What the rule was chosen by.
    chosen_by: ChosenBy,
    tier: u32,
    state: AlertState,
    held: bool,
    /// When it disturbed a team as a warning, and which: what counts against the alert budget.
    told: Option<(Option<String>, Timestamp)>,
}

#[derive(Clone, Debug, PartialEq)]
struct ChosenBy {
    level: Level,
    queue: Option<String>,
    team: Option<String>,
    agent_id: Option<String>,
}

impl ChosenBy {
    fn of(alert: &Alert) -> ChosenBy {
        ChosenBy {
            level: alert.level,
            queue: alert.queue.clone(),
            team: alert.team.clone(),
            agent_id: alert.agent_id.clone(),
        }
    }
}

impl CallState {
    /// After an event: gives each alert that it changed its rule, whom to tell, and its due time.
    pub(super) fn see_who_is_told(
        &mut self,
        engine: &Engine,
        at: Timestamp,
        effects: &mut Effects,
    ) {
        if effects.alerts.is_empty() {
            return;
        }
        let Alerts { all, tracks, .. } = &mut self.alerts;
        for (place, alert) in all.iter_mut().enumerate() {
            if !effects.alerts.iter().any(|changed| changed.alert_id == alert.alert_id) {
                continue;
            }
            let before = tracks.get(place);
            let subject = Subject::of(&self.start, alert);
            let after = see_one(engine, &subject, before, alert, at);
            let Seen { track, notify, next_tier_at } = after;
            let rule = engine.matrix.rule(track.rule);
            alert.rule = Some(rule.name().to_owned());
            alert.route = Some(rule.route());
            alert.next_tier_at = next_tier_at;
            if let Some(notify) = notify {
                alert.notify = notify;
            }
            match tracks.get_mut(place) {
                Some(known) => *known = track,
                None => {
                    if track.told.is_some() {
                        effects.warned.push(alert.alert_id.clone());
                    }
                    tracks.push(track);
                }
            }
            show_in(&mut effects.alerts, alert);
        }
    }

    /// Holds alerts that the event just applied has raised: listed, but nobody is disturbed.
    /// `effects` are those of that event.
    pub fn hold(&mut self, alert_ids: &[String], effects: &mut Effects) {
        let Alerts { all, tracks, .. } = &mut self.alerts;
        for (alert, track) in all.iter_mut().zip(tracks) {
            if !alert_ids.contains(&alert.alert_id) {
                continue;
            }
            (track.held, track.told) = (true, None);
            begin_hold(alert);
            for changed in &mut effects.alerts {
                if changed.alert_id == alert.alert_id {
                    begin_hold(changed);
                }
            }
        }
    }

    /// Whether an alert still waits in a tier that has a next one.
    pub fn waits_in_tier(&self, alert_id: &str, tier: u32) -> bool {
        let mut open = self.alerts.open();
        open.any(|alert| alert.alert_id == alert_id && alert.tier == tier && waits(alert))
    }

    /// Whether an alert waits for its team's budget.
    pub fn is_held(&self, alert_id: &str) -> bool {
        self.alerts.open().any(|alert| alert.alert_id == alert_id && alert.held)
    }

    /// The warnings that disturbed a team, and when: what counts against its budget.
    pub fn told(&self) -> impl Iterator<Item = (Option<&str>, Timestamp)> {
        let told = self.alerts.tracks.iter().filter_map(|track| track.told.as_ref());
        told.map(|(team, at)| (team.as_deref(), *at))
    }
}

struct Seen {
    track: Track,
    /// Set when others are to be told than before.
    notify: Option<Vec<String>>,
    next_tier_at: Option<Timestamp>,
}

fn see_one(
    engine: &Engine,
    subject: &Subject<'_>,
    before: Option<&Track>,
    alert: &Alert,
    at: Timestamp,
) -> Seen {
    let chosen_by = ChosenBy::of(alert);
    let known = before.filter(|track| track.chosen_by == chosen_by);
    let place = known.map_or_else(|| engine.matrix.choose(subject, at), |track| track.rule);
    let rule = engine.matrix.rule(place);
    // An owner who was told when the hold ended is told alone.
    let released = |track: &Track| track.held && !alert.held && alert.owner.is_none();
    let woken =
        |track: &Track| track.state == AlertState::Snoozed && alert.state == AlertState::Raised;
    let same_people = |track: &Track| track.tier == alert.tier && !released(track) && !woken(track);
    let is_quiet = alert.held || !matches!(alert.state, AlertState::Raised | AlertState::Snoozed);
    let others = !is_quiet && !known.is_some_and(same_people);

    let runs = alert.state == AlertState::Raised && !alert.held;
    let fresh = rule.within_ms(alert.tier).filter(|_| runs).map(|ms| at.plus_ms(ms));
    let next_tier_at = match alert.next_tier_at {
        // A rule chosen anew never gives more time than was left.
        Some(due) if known.is_none() => fresh.map(|fresh| fresh.min(due)),
        Some(due) => fresh.map(|_| due),
        None => fresh,
    };
    let disturbs = runs && alert.kind != AlertKind::Manual && alert.level == Level::Warning;
    let told = match before {
        None => disturbs.then(|| (alert.team.clone(), at)),
        // Past every budget when it turned critical, by a person's own hand when it has an owner.
        Some(track) if released(track) && disturbs && alert.state == track.state => {
            Some((alert.team.clone(), at))
        }
        Some(track) => track.told.clone(),
    };
    let (tier, state, held) = (alert.tier, alert.state, alert.held);
    Seen {
        track: Track { rule: place, chosen_by, tier, state, held, told },
        notify: others.then(|| rule.notify(alert.tier, subject)),
        next_tier_at,
    }
}

/// Puts what was found into what will be sent: the last change is the alert as it is, the ones
/// before tell the same people.
fn show_in(changed: &mut [Alert], alert: &Alert) {
    let mut own: Vec<&mut Alert> =
        changed.iter_mut().filter(|own| own.alert_id == alert.alert_id).collect();
    let Some(last) = own.pop() else { return };
    last.clone_from(alert);
    for earlier in own {
        earlier.notify.clone_from(&alert.notify);
        earlier.rule.clone_from(&alert.rule);
        earlier.route = alert.route;
        let raised = earlier.state == AlertState::Raised && !earlier.held;
        earlier.next_tier_at = alert.next_tier_at.filter(|_| raised);
    }
}

fn waits(alert: &Alert) -> bool {
    alert.state == AlertState::Raised && !alert.held && alert.next_tier_at.is_some()
}

impl Alerts {
    /// Tells the next tier of every alert whose time in its tier is over.
    pub(super) fn pass_on_due(&mut self, at: Timestamp) -> Vec<Alert> {
        let due = |alert: &&mut Alert| alert.next_tier_at.is_some_and(|due| due <= at);
        let over = self.all.iter_mut().filter(|alert| waits(alert)).filter(due);
        over.map(|alert| {
            let what = format!("{TIER}{}", alert.tier + 1);
            to_next_tier(alert, what, at)
        })
        .collect()
    }

    /// Nobody of `tier` is there. `None` when the alert is elsewhere by now.
    pub(super) fn pass_on(&mut self, alert_id: &str, tier: u32, at: Timestamp) -> Option<Alert> {
        let alert = self.all.iter_mut().find(|alert| alert.alert_id == alert_id)?;
        let here = waits(alert) && alert.tier == tier;
        here.then(|| to_next_tier(alert, format!("{NOBODY}{tier} is connected"), at))
    }

    /// The budget has room. `None` when the alert is not held any more.
    pub(super) fn release(&mut self, alert_id: &str, at: Timestamp) -> Option<Alert> {
        let alert = self.all.iter_mut().find(|alert| alert.alert_id == alert_id)?;
        let held = alert.held && alert.state == AlertState::Raised;
        held.then(|| {
            end_hold(alert, at);
            alert.clone()
        })
    }
}

fn to_next_tier(alert: &mut Alert, what: String, at: Timestamp) -> Alert {
    alert.tier += 1;
    alert.next_tier_at = None;
    enter(alert, AlertState::Raised, at, ENGINE, Some(what));
    alert.clone()
}

fn begin_hold(alert: &mut Alert) {
    alert.held = true;
    alert.notify.clear();
    alert.next_tier_at = None;
    if let Some(raised) = alert.history.first_mut() {
        raised.what = Some("held".into());
    }
}

/// The alert may disturb from now on.
pub(super) fn end_hold(alert: &mut Alert, at: Timestamp) {
    alert.held = false;
    let state = alert.state;
    enter(alert, state, at, ENGINE, Some(RELEASED.into()));
}
