//! The alert budget: how many warnings may disturb a team within an hour.
//!
//! Whether a warning is held is decided here, once, and stands in the record of the event that
//! raised it: the fold repeats it without asking.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Desk, Metrics};
use crate::call::Timestamp;
use crate::engine::CallState;
use crate::engine::alert::{Alert, AlertState};
use crate::engine::event::Event;

const HOUR_MS: i64 = 3_600_000;
/// Teams with a budget of their own; those beyond share that of calls without a team.
const MAX_TEAMS: usize = 10_000;

type Team = Option<String>;

/// What disturbed whom, and what waits.
#[derive(Debug)]
pub(super) struct Budget {
    /// `None` for no limit.
    per_hour: Option<usize>,
    metrics: Metrics,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    told: Told,
    held: Waiting,
}

/// Held alerts with their calls, by team: this is looked at after every event that sets a timer,
/// and most teams that hold have no room. As many as open calls and their own limit allow.
#[derive(Debug, Default)]
struct Waiting {
    by_team: HashMap<Team, HashMap<String, Arc<str>>>,
    team_of: HashMap<String, Team>,
}

impl Waiting {
    fn insert(&mut self, alert_id: &str, team: &Team, call_id: &Arc<str>) {
        self.remove(alert_id);
        let own = self.by_team.entry(team.clone()).or_default();
        own.insert(alert_id.to_owned(), Arc::clone(call_id));
        self.team_of.insert(alert_id.to_owned(), team.clone());
    }

    fn remove(&mut self, alert_id: &str) {
        let Some(team) = self.team_of.remove(alert_id) else { return };
        let Some(own) = self.by_team.get_mut(&team) else { return };
        own.remove(alert_id);
        if own.is_empty() {
            self.by_team.remove(&team);
        }
    }
}

impl Budget {
    pub fn new(per_hour: Option<u32>, metrics: Metrics) -> Budget {
        let per_hour = per_hour.map(|most| most as usize);
        Budget { per_hour, metrics, inner: Mutex::default() }
    }

    /// Those of the warnings just raised that must be held; the others are counted.
    pub fn over(&self, state: &CallState, warned: &[String], at: Timestamp) -> Vec<String> {
        if warned.is_empty() {
            return Vec::new();
        }
        let team = &state.start().team;
        let over: Vec<String> = warned.iter().filter(|_| !self.take(team, at)).cloned().collect();
        self.metrics.alerts_held.inc_by(over.len() as u64);
        over
    }

    /// Takes one from the budget of a team, if it has one left.
    fn take(&self, team: &Team, at: Timestamp) -> bool {
        let Some(per_hour) = self.per_hour else { return true };
        let mut inner = self.lock();
        let told = inner.told.of(team, at);
        let free = told.len() < per_hour;
        if free {
            insert(told, at);
        }
        free
    }

    /// Keeps account of which alerts are held.
    pub fn see(&self, call_id: &Arc<str>, alerts: &[Arc<Alert>]) {
        if alerts.is_empty() || self.per_hour.is_none() {
            return;
        }
        let mut inner = self.lock();
        for alert in alerts {
            if alert.held && alert.state == AlertState::Raised {
                inner.held.insert(&alert.alert_id, &alert.team, call_id);
            } else {
                inner.held.remove(&alert.alert_id);
            }
        }
    }

    /// Remembers what a call found in the journal counts.
    pub fn restore(&self, state: &CallState) {
        let mut inner = self.lock();
        for (team, at) in state.told() {
            insert(inner.told.of(&team.map(str::to_owned), at), at);
        }
    }

    /// Held alerts, and their calls, of teams whose budget has room.
    fn releasable(&self, now: Timestamp) -> Vec<(String, Arc<str>)> {
        let Some(per_hour) = self.per_hour else { return Vec::new() };
        let mut inner = self.lock();
        let Inner { told, held } = &mut *inner;
        let free = held.by_team.iter().filter(|(team, _)| told.of(team, now).len() < per_hour);
        let alerts = free.flat_map(|(_, alerts)| alerts);
        alerts.map(|(id, call_id)| (id.clone(), Arc::clone(call_id))).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Moments within the last hour by team, oldest first.
#[derive(Debug, Default)]
struct Told(HashMap<Team, VecDeque<Timestamp>>);

impl Told {
    /// What disturbed a team in the hour before `now`.
    fn of(&mut self, team: &Team, now: Timestamp) -> &mut VecDeque<Timestamp> {
        let recent = |at: &Timestamp| now.0.saturating_sub(at.0) < HOUR_MS;
        if self.0.len() >= MAX_TEAMS && !self.0.contains_key(team) {
            self.0.retain(|_, told| told.back().is_some_and(recent));
        }
        let full = self.0.len() >= MAX_TEAMS && !self.0.contains_key(team);
        let told = self.0.entry(team.clone().filter(|_| !full)).or_default();
        while told.front().is_some_and(|at| !recent(at)) {
            told.pop_front();
        }
        told
    }
}

/// Events of different calls come nearly in order.
fn insert(told: &mut VecDeque<Timestamp>, at: Timestamp) {
    let place = told.partition_point(|known| *known <= at);
    told.insert(place, at);
}

impl Desk {
    /// Releases held alerts while the budgets of their teams have room, those of the calls with
    /// the highest risk first.
    pub(super) async fn release_held(&self) {
        let mut waiting: Vec<(f64, String, Arc<str>)> = Vec::new();
        for (alert_id, call_id) in self.budget.releasable(self.clock.now()) {
            let call = self.shelf.live(&call_id);
            let risk = call.and_then(|call| call.lock().state.risk()).unwrap_or(0.0);
            waiting.push((risk, alert_id, call_id));
        }
        waiting.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        for (_, alert_id, call_id) in waiting {
            // A stopped journal means that the server is going down.
            let Some(permit) = self.journal.permit().await else { return };
            let Some(call) = self.shelf.live(&call_id) else { continue };
            let mut call = call.lock();
            let now = self.clock.now();
            let team = call.state.start().team.clone();
            if call.state.is_held(&alert_id) && self.budget.take(&team, now) {
                self.metrics.alerts_released.inc();
                self.apply(&mut call, Event::Release { alert_id }, now, permit, None, None);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::registry::Registry;

    use super::*;

    fn budget(per_hour: Option<u32>) -> Budget {
        Budget::new(per_hour, Metrics::register(&mut Registry::default()))
    }

    fn team(name: &str) -> Team {
        Some(name.to_owned())
    }

    #[test]
    fn a_team_is_disturbed_so_often_within_any_hour() {
        let budget = budget(Some(2));
        let take = |minute: i64| budget.take(&team("t1"), Timestamp(minute * 60_000));
        assert_eq!([0, 20, 40, 59].map(take), [true, true, false, false]);
        assert_eq!([60, 61, 79, 80, 81].map(take), [true, false, false, true, false]);
    }

    #[test]
    fn each_team_has_its_own_and_calls_without_a_team_share_one() {
        let budget = budget(Some(1));
        let take = |team: &Team| budget.take(team, Timestamp(0));
        assert!(take(&team("t1")) && take(&team("t2")) && take(&None));
        assert!(!take(&team("t1")) && !take(&None));
    }

    #[test]
    fn without_a_limit_nothing_is_kept() {
        let budget = budget(None);
        assert!((0..100).all(|ms| budget.take(&None, Timestamp(ms))));
        assert!(budget.lock().told.0.is_empty());
    }

    #[test]
    fn teams_over_the_limit_share_a_budget_and_quiet_ones_make_room() {
        let budget = budget(Some(1));
        let take = |name: &str, ms: i64| budget.take(&team(name), Timestamp(ms));
        assert!((0..MAX_TEAMS).all(|number| take(&number.to_string(), 0)));
        assert!(take("one more", 1) && !take("and another", 2), "they share");
        assert!(take("one more", HOUR_MS + 1) && take("and another", HOUR_MS + 1));
        assert!(budget.lock().told.0.len() < 10);
    }
}
