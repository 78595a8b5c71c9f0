//! What is known of the turns that are over. Of fixed size, however long the call.

use super::context::Context;
use super::open_turn::OpenTurn;
use super::patterns::Patterns;
use super::talk::Talk;
use super::tracks::{Ahead, Mood, RoleTrack};
use super::{Role, Space};
use crate::model::{Feeling, sigmoid};

/// The state of a call between two turns.
#[derive(Clone, Debug)]
pub(super) struct Closed {
    customer: RoleTrack,
    agent: RoleTrack,
    patterns: Patterns,
    talk: Talk,
    turns: u32,
    mood: Mood,
    context: Context,
}

/// The state as it would be if the open turn ended now: what the columns are read from.
#[derive(Debug)]
pub(super) struct View<'a> {
    pub customer: Ahead<'a>,
    pub agent: Ahead<'a>,
    pub patterns: Patterns,
    pub talk: Talk,
    pub turns: u32,
    pub mood: Mood,
}

impl Closed {
    /// Before the first word.
    pub(super) fn new(space: &Space) -> Closed {
        let (customer, agent) = (space.model.customer.len(), space.model.agent.len());
        Closed {
            customer: RoleTrack::new(customer),
            agent: RoleTrack::new(agent),
            patterns: Patterns::default(),
            talk: Talk::default(),
            turns: 0,
            mood: Mood::default(),
            context: Context::new(customer, agent),
        }
    }

    /// How the customer felt in the turns that are over.
    pub(super) fn mood(&self) -> Mood {
        self.mood
    }

    /// Turns of the agent.
    pub(super) fn agent_turns(&self) -> u32 {
        self.agent.turns
    }

    /// With the open turn, if there is one.
    pub(super) fn with<'a>(&'a self, space: &Space, open: Option<&'a OpenTurn>) -> View<'a> {
        let newest =
            |role| open.filter(|turn| turn.role == Some(role)).map(|turn| turn.meant.as_slice());
        let mut view = View {
            customer: self.customer.ahead(newest(Role::Customer)),
            agent: self.agent.ahead(newest(Role::Agent)),
            patterns: self.patterns.clone(),
            talk: self.talk.clone(),
            turns: self.turns + u32::from(open.is_some()),
            mood: self.mood,
        };
        if let Some((turn, role)) = open.and_then(|turn| Some((turn, turn.role?))) {
            if let Some(feeling) = turn.feeling {
                view.mood.push(feeling);
            }
            view.patterns.push(&space.patterns, role, view.customer, view.agent);
            view.talk.push(turn, role);
        }
        view
    }

    /// Takes one more turn, which is over.
    pub(super) fn push(&mut self, space: &Space, turn: &OpenTurn) {
        let View { patterns, talk, turns, mood, .. } = self.with(space, Some(turn));
        (self.patterns, self.talk, self.turns, self.mood) = (patterns, talk, turns, mood);
        let Some(role) = turn.role else { return };
        match role {
            Role::Customer => self.customer.push(&turn.meant),
            Role::Agent => self.agent.push(&turn.meant),
        }
        self.context.push(role, &turn.log_odds, &turn.said);
    }

    /// How the customer feels in so many `words`, of which the heads say `log_odds`, coming after
    /// what has been said. `None` when the model does not judge feelings.
    pub(super) fn feeling(&self, space: &Space, log_odds: &[f64], words: u32) -> Option<Feeling> {
        if let Some(head) = &space.model.sentiment {
            return Some(head.feeling(self.inputs(space, log_odds, words)));
        }
        let (negative, positive) = space.sentiment?;
        Some(Feeling {
            negative: sigmoid(log_odds[negative]),
            positive: sigmoid(log_odds[positive]),
        })
    }

    /// The inputs of the sentiment head for so many `words` of the customer.
    pub(super) fn inputs(
        &self,
        space: &Space,
        log_odds: &[f64],
        words: u32,
    ) -> impl Iterator<Item = f64> {
        space.inputs.iter().map(move |input| input.value(&self.context, log_odds, words))
    }
}

impl View<'_> {
    /// Values of the model's columns, in their order.
    pub(super) fn values(&self, space: &Space) -> impl Iterator<Item = f64> {
        space.columns.iter().map(|column| column.value(self))
    }
}
