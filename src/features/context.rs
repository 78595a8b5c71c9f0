//! What the words of earlier turns said, for judging how the newest one is meant.

use super::Role;
use crate::model::{Model, TurnHeads};

/// Log-odds beyond this say no more than it.
const CLIP: f64 = 6.0;
/// Stands for the log-odds of a turn that has not been.
const UNHEARD: f64 = -3.0;
/// Weight of the newest turn in what is usual.
const USUAL: f64 = 0.3;
/// A turn of so many words or fewer is short.
const SHORT_WORDS: u32 = 3;

/// What the heads made of the earlier turns of one role, from their words alone.
#[derive(Clone, Debug)]
struct RoleContext {
    turns: u32,
    /// Log-odds of the newest turn.
    last: Vec<f64>,
    /// Moving average of probabilities; starts at 0.
    usual: Vec<f64>,
}

/// What was said before, by both.
#[derive(Clone, Debug)]
pub(super) struct Context {
    customer: RoleContext,
    agent: RoleContext,
}

impl Context {
    /// Before the first word.
    pub(super) fn new(customer: usize, agent: usize) -> Context {
        let role =
            |heads| RoleContext { turns: 0, last: vec![UNHEARD; heads], usual: vec![0.0; heads] };
        Context { customer: role(customer), agent: role(agent) }
    }

    /// Takes what the heads of `role` made of one more turn, in log-odds and as probabilities.
    pub(super) fn push(&mut self, role: Role, log_odds: &[f64], said: &[f64]) {
        let own = match role {
            Role::Customer => &mut self.customer,
            Role::Agent => &mut self.agent,
        };
        own.turns += 1;
        for (last, &log_odds) in own.last.iter_mut().zip(log_odds) {
            *last = clip(log_odds);
        }
        for (usual, said) in own.usual.iter_mut().zip(said) {
            *usual = (1.0 - USUAL) * *usual + USUAL * said;
        }
    }
}

fn clip(log_odds: f64) -> f64 {
    log_odds.clamp(-CLIP, CLIP)
}

/// One input of the sentiment head. Numbers are positions of heads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Input {
    /// What the turn's own words say, in log-odds.
    Words(usize),
    /// The same of the customer's turn before.
    Before(usize),
    /// Average over the customer's earlier turns.
    Usual(usize),
    /// What the agent's last words say, in log-odds.
    Agent(usize),
    /// Average over the agent's turns.
    AgentUsual(usize),
    /// `ln(1 + words)` of the turn.
    Length,
    /// 1 for a turn of hardly any words.
    Short,
    /// 1 for the customer's first turn.
    First,
    /// `ln(1 + earlier customer turns)`.
    Turns,
}

const PLAIN: [(&str, Input); 4] = [
    ("length", Input::Length),
    ("short", Input::Short),
    ("first", Input::First),
    ("turns", Input::Turns),
];

/// Names of every input that a sentiment head over these turn heads could weigh.
pub fn all_inputs(customer: &TurnHeads, agent: &TurnHeads) -> Vec<String> {
    let of = |family: &'static str, heads: &TurnHeads| -> Vec<String> {
        heads.names.iter().map(|head| format!("{family}.{head}")).collect()
    };
    let mut names = of("words", customer);
    names.extend(of("before", customer));
    names.extend(of("usual", customer));
    names.extend(of("agent", agent));
    names.extend(of("agent_usual", agent));
    names.extend(PLAIN.map(|(name, _)| name.to_owned()));
    names
}

impl Input {
    /// The input called `name`; `None` when this binary or the model's heads lack it.
    pub(super) fn parse(name: &str, model: &Model) -> Option<Input> {
        if let Some(&(_, input)) = PLAIN.iter().find(|(own, _)| *own == name) {
            return Some(input);
        }
        let (family, head) = name.split_once('.')?;
        let customer = model.customer.position(head);
        let agent = model.agent.position(head);
        match family {
            "words" => customer.map(Input::Words),
            "before" => customer.map(Input::Before),
            "usual" => customer.map(Input::Usual),
            "agent" => agent.map(Input::Agent),
            "agent_usual" => agent.map(Input::AgentUsual),
            _ => None,
        }
    }

    /// Its value for a customer turn of so many `words`, of which the heads say `log_odds`.
    pub(super) fn value(self, context: &Context, log_odds: &[f64], words: u32) -> f64 {
        match self {
            Input::Words(head) => clip(log_odds[head]),
            Input::Before(head) => context.customer.last[head],
            Input::Usual(head) => context.customer.usual[head],
            Input::Agent(head) => context.agent.last[head],
            Input::AgentUsual(head) => context.agent.usual[head],
            Input::Length => libm::log1p(f64::from(words)),
            Input::Short => f64::from(u8::from(words <= SHORT_WORDS)),
            Input::First => f64::from(u8::from(context.customer.turns == 0)),
            Input::Turns => libm::log1p(f64::from(context.customer.turns)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_worked_out_by_hand() {
        let mut context = Context::new(1, 1);
        let value = |input: Input, context: &Context| input.value(context, &[7.0], 3);
        assert_eq!(value(Input::Words(0), &context), 6.0);
        assert_eq!(value(Input::Before(0), &context), -3.0);
        assert_eq!((value(Input::First, &context), value(Input::Short, &context)), (1.0, 1.0));
        context.push(Role::Customer, &[0.0], &[0.5]);
        context.push(Role::Agent, &[-9.0], &[0.0]);
        assert_eq!(value(Input::Before(0), &context), 0.0);
        assert_eq!(value(Input::Usual(0), &context), 0.3 * 0.5);
        assert_eq!(value(Input::Agent(0), &context), -6.0);
        assert_eq!(value(Input::First, &context), 0.0);
        assert_eq!(value(Input::Turns, &context), libm::log1p(1.0));
    }
}
