//! A call of several streams, each with an end marker of its own: legs of a session,
//! transcriptions started one beside the other or one after the other.

use super::Event;

/// Most legs told apart; the oldest is forgotten.
const MAX_LEGS: usize = 16;

/// The legs of a call that have not ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Legs {
    open: Vec<Leg>,
    over: Vec<String>,
    has_words: bool,
}

#[derive(Clone, Debug)]
struct Leg {
    name: String,
    has_words: bool,
}

impl Legs {
    /// The event as the call has it: the last end of a leg ends the call, those before it nothing.
    pub fn pass(&mut self, event: Event, leg: Option<&str>) -> Option<Event> {
        match (event, leg) {
            (Event::Close { reason }, leg) => self.close(leg).then_some(Event::End { reason }),
            (event @ (Event::Said(_) | Event::Start), Some(leg)) => {
                self.open(leg, matches!(event, Event::Said(_)));
                Some(event)
            }
            (event, _) => Some(event),
        }
    }

    /// The call is over, and so are all its legs.
    pub fn end(self) -> Legs {
        let Legs { open, mut over, .. } = self;
        over.extend(open.into_iter().map(|leg| leg.name));
        Legs { over, ..Legs::default() }
    }

    /// Whether that leg was of the call.
    pub fn knows(&self, name: &str) -> bool {
        self.over.iter().any(|over| over == name) || self.open.iter().any(|leg| leg.name == name)
    }

    fn open(&mut self, name: &str, has_words: bool) {
        self.has_words |= has_words;
        if let Some(leg) = self.open.iter_mut().find(|leg| leg.name == name) {
            leg.has_words |= has_words;
            return;
        }
        if self.open.len() >= MAX_LEGS {
            self.open.remove(0);
        }
        self.open.push(Leg { name: name.to_owned(), has_words });
    }

    /// True when nothing can come any more: of the legs that were transcribed, or of all as long
    /// as none was.
    fn close(&mut self, name: Option<&str>) -> bool {
        self.open.retain(|leg| Some(leg.name.as_str()) != name);
        if let Some(name) = name.filter(|name| !self.knows(name)) {
            if self.over.len() >= MAX_LEGS {
                self.over.remove(0);
            }
            self.over.push(name.to_owned());
        }
        name.is_none() || !self.open.iter().any(|leg| leg.has_words || !self.has_words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::vendors::Said;

    fn is_over(legs: &mut Legs, leg: &str) -> bool {
        legs.pass(Event::Close { reason: None }, Some(leg)).is_some()
    }

    #[test]
    fn the_last_leg_that_spoke_ends_the_call() {
        let mut legs = Legs::default();
        for leg in ["a", "b", "c"] {
            legs.pass(Event::Start, Some(leg));
        }
        assert!(!is_over(&mut legs, "b"), "a and c go on");
        for leg in ["a", "d"] {
            legs.pass(Event::Said(Said::default()), Some(leg));
        }
        assert!(!is_over(&mut legs, "a") && !is_over(&mut legs, "never seen"), "d goes on");
        assert!(is_over(&mut legs, "d"), "c never spoke");
    }

    #[test]
    fn a_call_with_one_leg_ends_with_it() {
        assert!(is_over(&mut Legs::default(), "a"));
        let mut legs = Legs::default();
        legs.pass(Event::Start, Some("a"));
        assert!(is_over(&mut legs, "a"));
        assert!(legs.pass(Event::Close { reason: None }, None).is_some(), "no leg is named");
    }
}
