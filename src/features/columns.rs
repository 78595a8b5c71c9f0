//! The named columns of the risk head and how each is read off a call's state.

use super::Role;
use super::closed::View;
use super::patterns;
use super::tracks::Aggregate;
use crate::model::{Model, TurnHeads};

/// One column, resolved against a model's heads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Column(Kind);

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Head { role: Role, head: usize, aggregate: Aggregate },
    Pattern { index: usize, mean: bool },
    Mood(Mood),
    Talk(Talk),
}

/// How the customer's feelings move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    Variance,
    Range,
}

const MOODS: [(&str, Mood); 2] =
    [("sentiment.variance", Mood::Variance), ("sentiment.range", Mood::Range)];

const AGGREGATES: [(&str, Aggregate); 6] = [
    ("last", Aggregate::Last),
    ("previous", Aggregate::Previous),
    ("fast", Aggregate::Fast),
    ("slow", Aggregate::Slow),
    ("mean", Aggregate::Mean),
    ("max", Aggregate::Max),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Talk {
    CustomerShare,
    Turns,
    Hold(Span),
    HoldCount,
    Pause(Span),
    Overlap(Role, Span),
    Length(Role, Span),
    Repetition(Role, Span),
    Question(Role),
    Negation(Role),
}

/// Over the whole call, or lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    All,
    Lately,
}

const TALK: [(&str, Talk); 21] = [
    ("talk.customer_share", Talk::CustomerShare),
    ("talk.turns", Talk::Turns),
    ("length.customer_last", Talk::Length(Role::Customer, Span::All)),
    ("length.agent_last", Talk::Length(Role::Agent, Span::All)),
    ("hold.count", Talk::HoldCount),
    ("hold.all", Talk::Hold(Span::All)),
    ("hold.lately", Talk::Hold(Span::Lately)),
    ("pause.all", Talk::Pause(Span::All)),
    ("pause.lately", Talk::Pause(Span::Lately)),
    ("talk_over.customer", Talk::Overlap(Role::Customer, Span::All)),
    ("talk_over.customer_lately", Talk::Overlap(Role::Customer, Span::Lately)),
    ("talk_over.agent", Talk::Overlap(Role::Agent, Span::All)),
    ("talk_over.agent_lately", Talk::Overlap(Role::Agent, Span::Lately)),
    ("length.customer", Talk::Length(Role::Customer, Span::Lately)),
    ("length.agent", Talk::Length(Role::Agent, Span::Lately)),
    ("repetition.customer", Talk::Repetition(Role::Customer, Span::Lately)),
    ("repetition.agent", Talk::Repetition(Role::Agent, Span::Lately)),
    ("question.customer", Talk::Question(Role::Customer)),
    ("question.agent", Talk::Question(Role::Agent)),
    ("negation.customer", Talk::Negation(Role::Customer)),
    ("negation.agent", Talk::Negation(Role::Agent)),
];

/// Names of every column that a model with these heads could weigh.
pub fn all_columns(customer: &TurnHeads, agent: &TurnHeads) -> Vec<String> {
    let mut names = Vec::new();
    for (role, heads) in [(Role::Customer, customer), (Role::Agent, agent)] {
        for head in &heads.names {
            for (aggregate, _) in AGGREGATES {
                names.push(format!("{}.{head}.{aggregate}", role.name()));
            }
        }
    }
    for (pattern, _) in patterns::NAMES {
        names.push(format!("pattern.{pattern}.fast"));
        names.push(format!("pattern.{pattern}.mean"));
    }
    names.extend(MOODS.iter().map(|(name, _)| (*name).to_owned()));
    names.extend(TALK.iter().map(|(name, _)| (*name).to_owned()));
    names
}

impl Column {
    /// The column called `name`; `None` when this binary or the model's heads lack it.
    pub(super) fn parse(name: &str, model: &Model) -> Option<Column> {
        if let Some(&(_, mood)) = MOODS.iter().find(|(own, _)| *own == name) {
            return Some(Column(Kind::Mood(mood)));
        }
        if let Some(&(_, talk)) = TALK.iter().find(|(own, _)| *own == name) {
            return Some(Column(Kind::Talk(talk)));
        }
        let (front, last) = name.rsplit_once('.')?;
        let (family, inner) = front.split_once('.')?;
        if family == "pattern" {
            let index = patterns::NAMES.iter().position(|(own, _)| *own == inner)?;
            return match last {
                "fast" => Some(Column(Kind::Pattern { index, mean: false })),
                "mean" => Some(Column(Kind::Pattern { index, mean: true })),
                _ => None,
            };
        }
        let (role, heads) = match family {
            "customer" => (Role::Customer, &model.customer),
            "agent" => (Role::Agent, &model.agent),
            _ => return None,
        };
        let aggregate = AGGREGATES.iter().find(|(own, _)| *own == last)?.1;
        Some(Column(Kind::Head { role, head: heads.position(inner)?, aggregate }))
    }

    pub(super) fn kind(self) -> Kind {
        self.0
    }

    /// Its value. No column exceeds a few units, none depends on a clock.
    pub(super) fn value(self, state: &View<'_>) -> f64 {
        match self.0 {
            Kind::Head { role: Role::Customer, head, aggregate } => {
                state.customer.value(head, aggregate)
            }
            Kind::Head { role: Role::Agent, head, aggregate } => state.agent.value(head, aggregate),
            Kind::Pattern { index, mean: false } => state.patterns.pulses[index].fast,
            Kind::Pattern { index, mean: true } => {
                state.patterns.pulses[index].sum / (f64::from(state.customer.turns()) + 1.0)
            }
            Kind::Mood(Mood::Variance) => state.mood.variance(),
            Kind::Mood(Mood::Range) => state.mood.range(),
            Kind::Talk(talk) => talk.value(state),
        }
    }
}

impl Talk {
    fn value(self, state: &View<'_>) -> f64 {
        let talk = &state.talk;
        match self {
            Talk::CustomerShare => talk.customer_share(),
            Talk::Turns => libm::log1p(f64::from(state.customer.turns())),
            Talk::HoldCount => talk.hold.sum,
            Talk::Hold(Span::All) => libm::log1p(talk.hold_minutes),
            Talk::Hold(Span::Lately) => talk.hold.fast,
            Talk::Pause(Span::All) => libm::log1p(talk.pause.sum),
            Talk::Pause(Span::Lately) => talk.pause.fast,
            Talk::Overlap(role, Span::All) => libm::log1p(talk.of(role).overlap.sum),
            Talk::Overlap(role, Span::Lately) => talk.of(role).overlap.fast,
            Talk::Length(role, Span::Lately) => talk.of(role).length.fast,
            Talk::Length(role, Span::All) => talk.of(role).last_length,
            Talk::Repetition(role, _) => talk.of(role).repetition.fast,
            Talk::Question(role) => talk.of(role).question.fast,
            Talk::Negation(role) => talk.of(role).negation.fast,
        }
    }
}
