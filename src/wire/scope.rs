//! What a token may see, as it is written in tokens and in `hello`: `queue:billing`.

use serde::{Deserialize, Serialize};

use crate::engine::alert::Alert;
use crate::engine::effects::CallView;

/// Most scopes of one token.
const MAX_SCOPES: usize = 64;
/// Longest name in bytes; no queue, team or agent has a longer one.
const MAX_NAME_BYTES: usize = 256;

/// Queues, teams and agents. Of each kind that is named the call must have one, as with the lists
/// of a filter, so a further kind never widens what is seen. Nothing named: everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Scopes {
    queues: Vec<String>,
    teams: Vec<String>,
    agents: Vec<String>,
}

/// What a call or an alert belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place<'a> {
    /// Its queue.
    pub queue: Option<&'a str>,
    /// Its team.
    pub team: Option<&'a str>,
    /// Its agent.
    pub agent: Option<&'a str>,
}

impl<'a> Place<'a> {
    /// Of a call.
    pub fn of_call(view: &'a CallView) -> Place<'a> {
        Place {
            queue: view.queue.as_deref(),
            team: view.team.as_deref(),
            agent: view.agent_id.as_deref(),
        }
    }

    /// Of an alert.
    pub fn of_alert(alert: &'a Alert) -> Place<'a> {
        Place {
            queue: alert.queue.as_deref(),
            team: alert.team.as_deref(),
            agent: alert.agent_id.as_deref(),
        }
    }
}

impl Scopes {
    /// Reads scopes as they are written.
    ///
    /// # Errors
    /// A sentence naming the first one that cannot be used.
    pub fn parse<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Scopes, String> {
        let mut scopes = Scopes::default();
        for (count, text) in texts.into_iter().enumerate() {
            let text = text.as_ref();
            if count == MAX_SCOPES {
                return Err(format!("more than {MAX_SCOPES} scopes; use fewer, or wider ones"));
            }
            let (kind, name) = text.split_once(':').unwrap_or((text, ""));
            let names = match kind {
                "queue" => &mut scopes.queues,
                "team" => &mut scopes.teams,
                "agent" => &mut scopes.agents,
                _ => return Err(unusable(text)),
            };
            let is_name = !name.is_empty()
                && name.len() <= MAX_NAME_BYTES
                && !name.chars().any(char::is_control);
            if !is_name {
                return Err(unusable(text));
            }
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        Ok(scopes)
    }

    /// The same for one agent only, unless it names agents.
    #[must_use]
    pub fn or_agent(mut self, agent: &str) -> Scopes {
        if self.agents.is_empty() {
            self.agents.push(agent.to_owned());
        }
        self
    }

    /// Whether nothing is out of sight.
    pub fn is_all(&self) -> bool {
        self.queues.is_empty() && self.teams.is_empty() && self.agents.is_empty()
    }

    /// The agents that are named.
    pub fn agents(&self) -> &[String] {
        &self.agents
    }

    /// Whether a call or an alert of that place may be seen. One without a queue is out of sight
    /// of who may see some queues, and so on.
    pub fn allow(&self, place: Place<'_>) -> bool {
        let named = |names: &[String], own: Option<&str>| {
            names.is_empty() || own.is_some_and(|own| names.iter().any(|name| name == own))
        };
        named(&self.queues, place.queue)
            && named(&self.teams, place.team)
            && named(&self.agents, place.agent)
    }

    /// As they are written.
    pub fn names(&self) -> Vec<String> {
        let of = |kind, names: &[String]| -> Vec<String> {
            names.iter().map(|name| format!("{kind}:{name}")).collect()
        };
        [of("queue", &self.queues), of("team", &self.teams), of("agent", &self.agents)].concat()
    }
}

fn unusable(text: &str) -> String {
    let shown: String = text.chars().take(60).collect();
    format!("{shown:?} is no scope; write queue:NAME, team:NAME or agent:NAME")
}

impl TryFrom<Vec<String>> for Scopes {
    type Error = String;

    fn try_from(texts: Vec<String>) -> Result<Scopes, String> {
        Scopes::parse(texts)
    }
}

impl From<Scopes> for Vec<String> {
    fn from(scopes: Scopes) -> Vec<String> {
        scopes.names()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place<'a>(queue: &'a str, team: &'a str, agent: &'a str) -> Place<'a> {
        let some = |text: &'a str| Some(text).filter(|text| !text.is_empty());
        Place { queue: some(queue), team: some(team), agent: some(agent) }
    }

    #[test]
    fn each_kind_that_is_named_narrows() {
        let all = Scopes::default();
        assert!(all.is_all() && all.allow(Place::default()));
        let scopes = Scopes::parse(["queue:billing", "queue:sales", "team:t:1"]).unwrap();
        assert!(scopes.allow(place("billing", "t:1", "a")));
        assert!(scopes.allow(place("sales", "t:1", "")));
        for (queue, team) in [("billing", "t2"), ("other", "t:1"), ("billing", ""), ("", "t:1")] {
            assert!(!scopes.allow(place(queue, team, "a")), "{queue} {team}");
        }
        assert_eq!(scopes.names(), ["queue:billing", "queue:sales", "team:t:1"]);
        assert_eq!(Scopes::parse(scopes.names()).unwrap(), scopes);
        let own = scopes.or_agent("a17");
        assert!(
            !own.allow(place("billing", "t:1", "a")) && own.allow(place("sales", "t:1", "a17"))
        );
        assert_eq!(own.clone().or_agent("a18"), own);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let long = format!("queue:{}", "x".repeat(257));
        for bad in ["", "queue", "queue:", "queues:billing", "billing", "agent:a\nb", "*", &long] {
            assert!(Scopes::parse([bad]).is_err(), "{bad}");
        }
        assert!(Scopes::parse((0..65).map(|n| format!("queue:{n}"))).is_err());
    }
}
