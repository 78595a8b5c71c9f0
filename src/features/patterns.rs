//! One side's act meeting the other's: a refusal that meets frustration, a step that is
//! accepted. Products of first-level probabilities, so both must be there.

use super::Role;
use super::tracks::{Aggregate, Ahead, Pulse};
use crate::model::TurnHeads;

/// Number of patterns.
pub(super) const COUNT: usize = 9;

/// Name in columns and reasons, and what people read.
pub(super) const NAMES: [(&str, &str); COUNT] = [
    ("friction", "a refusal or excuse meets anger"),
    ("soothed", "a real step is accepted"),
    ("gives_in", "the customer swallows a refusal"),
    ("unsoothed", "the customer stays angry although the agent acts"),
    ("step_after_anger", "the agent acts on the anger"),
    ("hollow_after_anger", "hollow sympathy answers anger"),
    ("policy_after_anger", "policy answers anger"),
    ("refused_again", "refusal after refusal"),
    ("refused_repeat", "a repeat caller is refused"),
];

/// The acts a pattern is made of, as positions of heads; a head a model lacks counts as 0.
#[derive(Clone, Debug)]
pub(super) struct PatternHeads {
    refusing: Vec<usize>,
    obstructing: Vec<usize>,
    helping: Vec<usize>,
    step: Vec<usize>,
    hollow: Vec<usize>,
    refusal: Vec<usize>,
    hot_customer: Vec<usize>,
    hot_before: Vec<usize>,
    content_customer: Vec<usize>,
    repeat: Vec<usize>,
}

impl PatternHeads {
    pub(super) fn new(customer: &TurnHeads, agent: &TurnHeads) -> PatternHeads {
        let find = |heads: &TurnHeads, codes: &[&str]| {
            codes.iter().filter_map(|code| heads.position(&format!("act:{code}"))).collect()
        };
        PatternHeads {
            refusing: find(agent, &["refu", "poli", "vagu"]),
            obstructing: find(agent, &["refu", "poli", "vagu", "blam", "auth", "hemp"]),
            helping: find(agent, &["step", "owns", "list"]),
            step: find(agent, &["step"]),
            hollow: find(agent, &["hemp"]),
            refusal: find(agent, &["refu"]),
            hot_customer: find(customer, &["frus", "angr", "disb", "ulti", "repc"]),
            hot_before: find(customer, &["frus", "angr", "disb", "repc"]),
            content_customer: find(customer, &["acce", "than"]),
            repeat: find(customer, &["repc"]),
        }
    }
}

impl PatternHeads {
    /// The heads whose words show a pattern: the agent's side, then the customer's.
    pub(super) fn shown_by(&self, pattern: usize) -> Vec<(Role, usize)> {
        let (agent, customer): (&[usize], &[usize]) = match NAMES[pattern].0 {
            "friction" => (&self.obstructing, &self.hot_customer),
            "soothed" => (&self.helping, &self.content_customer),
            "gives_in" => (&self.obstructing, &self.content_customer),
            "unsoothed" => (&self.helping, &self.hot_customer),
            "step_after_anger" => (&self.step, &self.hot_before),
            "hollow_after_anger" => (&self.hollow, &self.hot_before),
            "refused_again" => (&self.refusing, &[]),
            "refused_repeat" => (&self.refusal, &self.repeat),
            _ => (&self.refusing, &self.hot_before),
        };
        let agent = agent.iter().map(|&head| (Role::Agent, head));
        agent.chain(customer.iter().map(|&head| (Role::Customer, head))).collect()
    }
}

/// The patterns of one call.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Patterns {
    /// In the order of [`NAMES`].
    pub pulses: [Pulse; COUNT],
}

impl Patterns {
    /// Takes a turn of `role` that both tracks already hold.
    pub(super) fn push(
        &mut self,
        heads: &PatternHeads,
        role: Role,
        customer: Ahead<'_>,
        agent: Ahead<'_>,
    ) {
        let said = |track: Ahead<'_>, heads: &[usize]| -> f64 {
            heads.iter().map(|&head| track.value(head, Aggregate::Last)).sum::<f64>().min(1.0)
        };
        match role {
            Role::Customer => {
                let bad = said(agent, &heads.obstructing);
                let good = said(agent, &heads.helping);
                let hot = said(customer, &heads.hot_customer);
                let content = said(customer, &heads.content_customer);
                let values = [bad * hot, good * content, bad * content, good * hot];
                for (pulse, value) in self.pulses.iter_mut().zip(values) {
                    pulse.push(value);
                }
            }
            Role::Agent => {
                let hot = said(customer, &heads.hot_before);
                let refusing = said(agent, &heads.refusing);
                let previous = |&head: &usize| agent.value(head, Aggregate::Previous);
                let before: f64 = heads.refusing.iter().map(previous).sum();
                let values = [
                    said(agent, &heads.step) * hot,
                    said(agent, &heads.hollow) * hot,
                    refusing * hot,
                    refusing * before.min(1.0),
                    said(agent, &heads.refusal) * said(customer, &heads.repeat),
                ];
                for (pulse, value) in self.pulses[4..].iter_mut().zip(values) {
                    pulse.push(value);
                }
            }
        }
    }
}
