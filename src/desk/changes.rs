//! What of an alert's life a message tells that no earlier one did: what destinations outside need
//! to know to be told of steps, and not of states again and again.

use std::sync::Arc;

use crate::engine::CallState;
use crate::engine::event::Event;
use crate::hub::Publication;
use crate::journal::{Change, Keys};

/// What was known of a call's alerts before an event.
#[derive(Debug, Default)]
pub(super) struct Before {
    /// Length of the history of each alert, in the order in which they were raised.
    told: Vec<(Arc<str>, usize)>,
    /// Whose the call was, for an event that may change it.
    keys: Option<Keys>,
}

impl Before {
    /// Of a call before `event`. Nearly all calls have no alert, and then it costs nothing.
    pub fn of(state: &CallState, event: &Event) -> Before {
        let told = state.open_alerts();
        let told: Vec<(Arc<str>, usize)> =
            told.map(|alert| (alert.alert_id.as_str().into(), alert.history.len())).collect();
        let moves = matches!(event, Event::Update(_)) && !told.is_empty();
        let keys = moves.then(|| {
            let start = state.start();
            Keys { queue: start.queue.clone(), team: start.team.clone() }
        });
        Before { told, keys }
    }

    /// The alerts that the event changed, in the order of their messages.
    pub fn changes(mut self, publication: &Publication) -> Vec<Change> {
        let places = publication.first_alert()..;
        let changed = places.zip(&publication.alerts);
        changed
            .map(|(place, alert)| {
                let known = self.told.iter_mut().find(|(id, _)| **id == *alert.alert_id);
                let length = alert.history.len();
                let told = match known {
                    Some((_, told)) => std::mem::replace(told, length),
                    None => {
                        self.told.push((alert.alert_id.as_str().into(), length));
                        0
                    }
                };
                let moved_from = self.keys.clone().filter(|_| told == length);
                Change { place, told, moved_from, alert: Arc::clone(alert) }
            })
            .collect()
    }
}
