//! What is written to the streams, as JSON.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::engine::event::Recorded;
use crate::journal::{Archive, Message};

/// Events of a call, on its own subject.
#[derive(Debug, Deserialize)]
pub struct EventsLetter {
    /// Who wrote it. The newest letter's node has the call.
    pub node: String,
    /// Tells it from every other letter, so that one whose receipt was lost is known again.
    pub id: String,
    /// Place of the letter before it on its subject, as its writer knew it. One that names another
    /// than that was let through by a server that should not have; it counts as if it were not
    /// there.
    pub after: u64,
    /// Set when the call was ended by `call_end`: its last `seq`.
    #[serde(default)]
    pub over: Option<u64>,
    /// The events in their order.
    pub events: Vec<Recorded>,
}

/// News for consoles, on the call's subject in the stream of all calls and alerts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeskLetter {
    /// Who wrote it.
    pub node: Arc<str>,
    /// The call.
    pub call_id: Arc<str>,
    /// Which call of that id: sequence of its first events.
    pub began: u64,
    /// Its number: one less than the sequence of its first news; 0 in that.
    pub number: u64,
    /// How many numbered messages the call has made, with this one.
    pub told: u64,
    /// Set when the call was ended by `call_end`: its last `seq`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<u64>,
    /// What is new.
    pub news: News,
}

/// What is new of a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum News {
    /// A message for consoles.
    Told(Message),
    /// The letter's node has taken the call over. No message for consoles.
    Taken,
    /// All of it is to be forgotten. No message for consoles.
    Erased,
}

/// A call that is over, for the tables of every node.
#[derive(Debug, Serialize, Deserialize)]
pub struct HistoryLetter {
    /// The call.
    pub call_id: Arc<str>,
    /// Its number.
    pub number: u64,
    /// What the tables show. Absent when the call was erased.
    pub archive: Option<Archive>,
}

/// Events on their way into a letter.
#[derive(Debug)]
pub(super) struct Draft {
    pub id: String,
    head: String,
    events: String,
    over: Option<u64>,
}

impl Draft {
    /// A letter without events.
    pub fn new(node: &str, id: String) -> Draft {
        let head = format!(r#"{{"node":"{node}","id":"{id}""#);
        Draft { id, head, events: String::new(), over: None }
    }

    /// Of a call that was ended by `call_end` before.
    #[must_use]
    pub fn ended(mut self, over: Option<u64>) -> Draft {
        self.over = over;
        self
    }

    /// Adds an event. `over` is the last `seq` of a call that it ended for good.
    ///
    /// # Errors
    /// When the event has no JSON form, which ours always have.
    pub fn add(&mut self, event: &Recorded, over: Option<u64>) -> serde_json::Result<()> {
        if !self.events.is_empty() {
            self.events.push(',');
        }
        self.events.push_str(&serde_json::to_string(event)?);
        self.over = over.or(self.over);
        Ok(())
    }

    /// The last `seq` of a call that is over with it.
    pub fn over(&self) -> Option<u64> {
        self.over
    }

    /// Bytes so far.
    pub fn bytes(&self) -> usize {
        self.events.len()
    }

    /// The letter, for the place after that one.
    pub fn text(&self, after: u64) -> String {
        let over = self.over.map_or(String::new(), |over| format!(r#","over":{over}"#));
        format!(r#"{},"after":{after}{over},"events":[{}]}}"#, self.head, self.events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Timestamp;
    use crate::engine::event::Event;

    #[test]
    fn a_draft_becomes_a_letter() {
        let event = |event| Recorded { at: Timestamp(7), event, held: Vec::new() };
        let mut draft = Draft::new("n1", "n1-1".into());
        draft.add(&event(Event::Timer), None).unwrap();
        draft.add(&event(Event::Abandoned), Some(12)).unwrap();
        let letter: EventsLetter = serde_json::from_str(&draft.text(6)).unwrap();
        assert_eq!(
            (letter.node.as_str(), letter.id.as_str(), letter.after, letter.over),
            ("n1", "n1-1", 6, Some(12))
        );
        assert_eq!(letter.events, [event(Event::Timer), event(Event::Abandoned)]);
    }
}
