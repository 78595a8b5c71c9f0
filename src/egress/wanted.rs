//! Which changes of which alerts a destination wants.

use super::settings::{Changes, Settings};
use super::told::Told;
use crate::engine::alert::{Alert, AlertKind};
use crate::engine::policy::Level;
use crate::engine::step::Step;

/// The filter of a destination.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    queues: Vec<String>,
    teams: Vec<String>,
    kinds: Vec<AlertKind>,
    min_level: Level,
    held: bool,
    provisional: bool,
    changes: Changes,
}

/// What a change means to a destination that is told of its alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// The first that it may hear of the alert: it is new, or has come to its queue or team.
    Comes,
    /// The alert has left its queue or team.
    Goes,
    /// A step that matters to who was told of the alert.
    Step,
    /// Any other change.
    Detail,
}

impl Wanted {
    pub fn of(settings: &Settings) -> Wanted {
        Wanted {
            queues: settings.queues.clone(),
            teams: settings.teams.clone(),
            kinds: settings.kinds.clone(),
            min_level: settings.min_level,
            held: settings.held,
            provisional: settings.provisional,
            changes: settings.changes,
        }
    }

    /// What the change means here; `None` when it is no concern of the destination.
    pub fn news(&self, told: &Told) -> Option<News> {
        if !self.is_shown(&told.alert) {
            return None;
        }
        let Alert { queue, team, .. } = &told.alert;
        let here = self.has(queue.as_deref(), team.as_deref());
        let was_here = told
            .moved_from
            .as_ref()
            .map_or(here, |keys| self.has(keys.queue.as_deref(), keys.team.as_deref()));
        match (was_here, here) {
            (false, false) => None,
            (false, true) => Some(News::Comes),
            (true, false) => Some(News::Goes),
            (true, true) => Some(self.meaning(told.step)),
        }
    }

    /// Whether every change is wanted.
    pub fn wants_details(&self) -> bool {
        self.changes == Changes::All
    }

    fn meaning(&self, step: Step) -> News {
        match step {
            Step::Raised => News::Comes,
            // What was held or might have been taken back is news only now.
            Step::Released if !self.held => News::Comes,
            Step::Confirmed if !self.provisional => News::Comes,
            Step::Released | Step::Lifted | Step::PassedOn | Step::Acknowledged => News::Step,
            Step::Snoozed | Step::Woken | Step::Resolved | Step::Retracted => News::Step,
            // Without anybody at a console it follows every alert at once: no news of its own.
            Step::PassedOver => News::Detail,
            Step::Confirmed | Step::Assigned | Step::Noted | Step::Moved => News::Detail,
        }
    }

    /// An alert that stays as quiet as it is on consoles is not sent.
    fn is_shown(&self, alert: &Alert) -> bool {
        (self.held || !alert.held)
            && (self.provisional || !alert.provisional)
            && alert.level >= self.min_level
            && (self.kinds.is_empty() || self.kinds.contains(&alert.kind))
    }

    fn has(&self, queue: Option<&str>, team: Option<&str>) -> bool {
        let among = |names: &[String], own: Option<&str>| {
            names.is_empty() || own.is_some_and(|own| names.iter().any(|name| name == own))
        };
        among(&self.queues, queue) && among(&self.teams, team)
    }
}
