//! Rules made ready: one array of nodes, and who has to hear which phrase.

use serde_json::Value;

use crate::call::Speaker;
use crate::engine::event::CallStart;
use crate::engine::policy::Level;
use crate::text::phrases::Who;

/// Most rules in one file.
pub const MAX_RULES: usize = 200;
/// Most conditions in one rule, groups included.
pub const MAX_CONDITIONS: usize = 16;
/// Deepest nesting of groups.
pub const MAX_DEPTH: usize = 4;
/// Most often that a rule may ask for something to happen.
pub const MAX_TIMES: u32 = 20;
/// Longest time that a rule may look over, in seconds.
pub const MAX_WINDOW_S: u32 = 14_400;
/// Largest file.
pub const MAX_RULES_BYTES: usize = 1 << 20;

/// Place of a node in [`Rules::nodes`].
pub(super) type NodeId = u16;

/// All rules of one file that are enabled.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    pub(super) rules: Vec<Rule>,
    pub(super) nodes: Vec<Node>,
    /// By category: the nodes that listen for its phrases.
    pub(super) listeners: Vec<Vec<Listener>>,
    /// Leaves that time alone can bring about.
    pub(super) timed: Vec<NodeId>,
    /// Leaves about whole turns: sentiment, talking over each other.
    pub(super) of_turns: Vec<NodeId>,
}

impl Rules {
    /// The rules, in the order of the file.
    pub fn all(&self) -> &[Rule] {
        &self.rules
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[usize::from(id)]
    }
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name in reasons and playbooks, after `rule:`.
    pub id: String,
    /// What people read.
    pub label: String,
    /// Level of its alert.
    pub level: Level,
    pub(super) queues: Vec<String>,
    pub(super) teams: Vec<String>,
    /// A call's attribute must be one of these.
    pub(super) attributes: Vec<(String, Vec<Value>)>,
    /// Categories it listens for, whose advice is good for it, too.
    pub(super) categories: Vec<String>,
    pub(super) root: NodeId,
}

impl Rule {
    /// Whether it is meant for a call with these keys.
    pub(super) fn is_for(&self, call: &CallStart) -> bool {
        let among = |list: &[String], own: &Option<String>| {
            list.is_empty() || own.as_ref().is_some_and(|own| list.contains(own))
        };
        among(&self.queues, &call.queue)
            && among(&self.teams, &call.team)
            && self.attributes.iter().all(|(name, values)| {
                call.attributes.get(name).is_some_and(|own| values.contains(own))
            })
    }
}

/// A condition.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub rule: u16,
    pub kind: Kind,
    pub children: Vec<NodeId>,
}

/// What it takes for a node to happen. Times are call time in ms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Said,
    Count { times: usize, within: i64 },
    Sequence { within: i64 },
    NotFollowed { within: i64 },
    NotSaid { within: i64 },
    SentimentBelow { value: f64, turns: u32 },
    SentimentDrop { by: f64, window: Window },
    Silence { over: i64 },
    Hold { over: i64 },
    TalkOver { by: Who, need: Need, within: i64 },
    All { within: Option<i64> },
    Any,
    Not,
}

/// How far a drop looks back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Window {
    Ms(i64),
    Turns(usize),
}

/// How much talking over each other it takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Need {
    Times(usize),
    Ms(i64),
}

/// A node that hears the phrases of a category.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listener {
    pub node: NodeId,
    pub part: Part,
    pub by: Who,
}

/// Which of a node's two kinds of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    First,
    Then,
}

impl Listener {
    /// A supervisor on the call stands in for the agent.
    pub(super) fn hears(&self, speaker: Speaker) -> bool {
        match speaker {
            Speaker::Supervisor => self.by.includes(Speaker::Agent),
            other => self.by.includes(other),
        }
    }
}
