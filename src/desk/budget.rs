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
    /// Moments within the last hour, oldest first.
    told: HashMap<Team, VecDeque<Timestamp>>,
    /// Held alerts by their id. As many as open calls and their own limit allow.
    held: HashMap<String, Held>,
}

#[derive(Clone, Debug)]
struct Held {
    call_id: Arc<str>,
    team: Team,
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
        let told = inner.told_of(team, at);
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
                let held = Held { call_id: Arc::clone(call_id), team: alert.team.clone() };
                inner.held.insert(alert.alert_id.clone(), held);
            } else {
                inner.held.remove(&alert.alert_id);
            }
        }
    }

    /// Remembers what a call found in the journal counts.
    pub fn restore(&self, state: &CallState) {
        let mut inner = self.lock();
        for (team, at) in state.told() {
            insert(inner.told_of(&team.map(str::to_owned), at), at);
        }
    }

    /// Held alerts of teams whose budget has room.
    fn releasable(&self, now: Timestamp) -> Vec<(String, Held)> {
        let Some(per_hour) = self.per_hour else { return Vec::new() };
        let mut inner = self.lock();
        let held: Vec<(String, Held)> =
            inner.held.iter().map(|(id, held)| (id.clone(), held.clone())).collect();
        let mut free: HashMap<Team, bool> = HashMap::new();
        for (_, Held { team, .. }) in &held {
            if !free.contains_key(team) {
                free.insert(team.clone(), inner.told_of(team, now).len() < per_hour);
            }
        }
        held.into_iter().filter(|(_, held)| free[&held.team]).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// What disturbed a team in the hour before `now`.
    fn told_of(&mut self, team: &Team, now: Timestamp) -> &mut VecDeque<Timestamp> {
        let recent = |at: &Timestamp| now.0.saturating_sub(at.0) < HOUR_MS;
        if self.told.len() >= MAX_TEAMS && !self.told.contains_key(team) {
            self.told.retain(|_, told| told.back().is_some_and(recent));
        }
        let full = self.told.len() >= MAX_TEAMS && !self.told.contains_key(team);
        let told = self.told.entry(team.clone().filter(|_| !full)).or_default();
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
        let mut waiting: Vec<(f64, String, Held)> = Vec::new();
        for (alert_id, held) in self.budget.releasable(self.clock.now()) {
            let call = self.shelf.live(&held.call_id);
            let risk = call.and_then(|call| call.lock().state.risk()).unwrap_or(0.0);
            waiting.push((risk, alert_id, held));
        }
        waiting.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        for (_, alert_id, held) in waiting {
            // A stopped journal means that the server is going down.
            let Some(permit) = self.journal.permit().await else { return };
            let Some(call) = self.shelf.live(&held.call_id) else { continue };
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
        assert!(budget.lock().told.is_empty());
    }

    #[test]
    fn teams_over_the_limit_share_a_budget_and_quiet_ones_make_room() {
        let budget = budget(Some(1));
        let take = |name: &str, ms: i64| budget.take(&team(name), Timestamp(ms));
        assert!((0..MAX_TEAMS).all(|number| take(&number.to_string(), 0)));
        assert!(take("one more", 1) && !take("and another", 2), "they share");
        assert!(take("one more", HOUR_MS + 1) && take("and another", HOUR_MS + 1));
        assert!(budget.lock().told.len() < 10);
    }
}
