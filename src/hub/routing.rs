//! Which console a message concerns.

use std::collections::HashSet;
use std::sync::Arc;

use super::Visitor;
use crate::engine::alert::Alert;
use crate::engine::effects::CallView;
use crate::engine::policy::Level;
use crate::wire::{Filter, Place, Scopes};

/// What a call or an alert is found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Keys {
    pub call_id: String,
    pub queue: Option<String>,
    pub team: Option<String>,
    pub agent_id: Option<String>,
    pub level: Option<Level>,
}

impl Keys {
    pub fn of_call(view: &CallView) -> Keys {
        Keys {
            call_id: view.call_id.clone(),
            queue: view.queue.clone(),
            team: view.team.clone(),
            agent_id: view.agent_id.clone(),
            level: view.level,
        }
    }

    pub fn of_alert(alert: &Alert) -> Keys {
        Keys {
            call_id: alert.call_id.clone(),
            queue: alert.queue.clone(),
            team: alert.team.clone(),
            agent_id: alert.agent_id.clone(),
            level: Some(alert.level),
        }
    }

    /// What scopes look at.
    pub fn place(&self) -> Place<'_> {
        Place {
            queue: self.queue.as_deref(),
            team: self.team.as_deref(),
            agent: self.agent_id.as_deref(),
        }
    }

    /// Whether these are the keys of `view`, so that the old ones can be shared.
    pub fn fit(&self, view: &CallView) -> bool {
        self.level == view.level
            && self.queue == view.queue
            && self.team == view.team
            && self.agent_id == view.agent_id
    }
}

/// A filter within what its console may see, ready to be asked often.
#[derive(Debug)]
pub(super) struct Matcher {
    queues: HashSet<String>,
    teams: HashSet<String>,
    agents: HashSet<String>,
    calls: HashSet<String>,
    min_level: Option<Level>,
    scopes: Arc<Scopes>,
    /// Its console is an agent's, whatever it filters.
    is_agent: bool,
}

impl Matcher {
    pub fn new(filter: Filter, visitor: &Visitor) -> Matcher {
        Matcher {
            queues: filter.queues.into_iter().collect(),
            teams: filter.teams.into_iter().collect(),
            agents: filter.agents.into_iter().collect(),
            calls: filter.calls.into_iter().collect(),
            min_level: filter.min_level,
            scopes: Arc::clone(&visitor.scopes),
            is_agent: visitor.is_agent,
        }
    }

    /// Every list that is not empty must hold the key.
    pub fn matches(&self, keys: &Keys) -> bool {
        let named = |wanted: &HashSet<String>, key: Option<&String>| {
            wanted.is_empty() || key.is_some_and(|key| wanted.contains(key))
        };
        (self.min_level.is_none() || keys.level >= self.min_level)
            && named(&self.queues, keys.queue.as_ref())
            && named(&self.teams, keys.team.as_ref())
            && named(&self.agents, keys.agent_id.as_ref())
            && named(&self.calls, Some(&keys.call_id))
            && self.scopes.allow(keys.place())
    }

    /// Whether this console of `user` is one of those a tier tells. A console that names agents
    /// is an agent's; every other counts as a supervisor's or specialist's.
    pub fn is_for(&self, user: &str, told: &str) -> bool {
        match told.split_once(':') {
            Some(("user", name)) => user == name,
            Some(("agent", agent)) => {
                let own = self.is_agent && self.scopes.agents().iter().any(|own| own == agent);
                own || user == agent || self.agents.contains(agent)
            }
            _ => !self.is_agent && self.agents.is_empty(),
        }
    }

    /// Whether a change concerns the console: also when it takes the object out of its sight,
    /// so that the console can drop it.
    pub fn concerns(&self, before: Option<&Keys>, after: &Keys) -> bool {
        self.matches(after) || before.is_some_and(|before| self.matches(before))
    }
}
