//! What is known of the turns that are over. Of fixed size, however long the call.

use super::context::Context;
use super::open_turn::OpenTurn;
use super::patterns::Patterns;
use super::talk::Talk;
use super::tracks::{Mood, RoleTrack};
use super::{Role, Space};
use crate::model::{Feeling, sigmoid};

/// The state of a call between two turns.
#[derive(Clone, Debug)]
pub(super) struct Closed {
    pub customer: RoleTrack,
    pub agent: RoleTrack,
    pub patterns: Patterns,
    pub talk: Talk,
    pub turns: u32,
    pub mood: Mood,
    context: Context,
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

    pub(super) fn track(&self, role: Role) -> &RoleTrack {
        match role {
            Role::Customer => &self.customer,
            Role::Agent => &self.agent,
        }
    }

    /// Takes one more turn.
    pub(super) fn push(&mut self, space: &Space, turn: &OpenTurn) {
        self.turns += 1;
        let Some(role) = turn.role else { return };
        let log_odds = turn.log_odds(space.heads(role));
        let mut probabilities: Vec<f64> = log_odds.iter().copied().map(sigmoid).collect();
        if role == Role::Customer {
            if let Some(feeling) = self.feeling(space, turn, &log_odds) {
                self.mood.push(feeling);
                if let Some((negative, positive)) = space.sentiment {
                    probabilities[negative] = feeling.negative;
                    probabilities[positive] = feeling.positive;
                }
            }
            self.customer.push(&probabilities);
        } else {
            self.agent.push(&probabilities);
        }
        self.context.push(role, &log_odds);
        self.patterns.push(&space.patterns, role, &self.customer, &self.agent);
        self.talk.push(turn, role);
    }

    /// How the customer feels in `turn`, of which the heads say `log_odds`, coming after what
    /// has been said. `None` when the model does not judge feelings.
    pub(super) fn feeling(
        &self,
        space: &Space,
        turn: &OpenTurn,
        log_odds: &[f64],
    ) -> Option<Feeling> {
        if let Some(head) = &space.model.sentiment {
            return Some(head.feeling(self.inputs(space, turn, log_odds)));
        }
        let (negative, positive) = space.sentiment?;
        Some(Feeling {
            negative: sigmoid(log_odds[negative]),
            positive: sigmoid(log_odds[positive]),
        })
    }

    /// The inputs of the sentiment head for a customer's `turn`.
    pub(super) fn inputs(
        &self,
        space: &Space,
        turn: &OpenTurn,
        log_odds: &[f64],
    ) -> impl Iterator<Item = f64> {
        space.inputs.iter().map(|input| input.value(&self.context, log_odds, turn.words))
    }

    pub(super) fn values(&self, space: &Space) -> Vec<f64> {
        space.columns.iter().map(|column| column.value(self)).collect()
    }
}
