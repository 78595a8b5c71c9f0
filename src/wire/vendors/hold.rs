//! Utterances that end twice: as they were heard, and once more, better worded.
//!
//! The first ending is told as a partial and held back. It is replaced by the second, or becomes
//! final itself when something begins after it. A stream whose first utterance passed without a
//! second ending is taken not to have any: from then on its endings are final at once. When one
//! comes after all, they are held again.

use super::{Event, Key, Said};

/// Most endings held back; the oldest goes on.
const MAX_HELD: usize = 16;

/// What is held back of a call.
#[derive(Clone, Debug, Default)]
pub(super) struct Hold {
    held: Vec<Held>,
    habit: Habit,
}

/// How often utterances end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Habit {
    #[default]
    Unknown,
    Once,
    Twice,
}

/// An utterance that has ended once, in pieces of one speaker each.
#[derive(Clone, Debug)]
struct Held {
    stream: Option<String>,
    number: Option<u64>,
    pieces: Vec<Said>,
}

impl Hold {
    /// What to tell now that `event` came: events and their streams.
    pub fn pass(&mut self, event: Event, stream: Option<&str>) -> Vec<(Event, Option<String>)> {
        let own = stream.map(str::to_owned);
        let said = match event {
            Event::Said(said) => said,
            Event::End { .. } | Event::Close { .. } => {
                let mut told = self.release(|_| true);
                told.push((event, own));
                return told;
            }
            Event::Start | Event::Update => return vec![(event, own)],
        };
        let number = number(&said);
        let is_better = said.is_final && !said.is_draft;
        let mut told = self.release(|held| {
            held.stream.as_deref() != stream
                || match (held.number, number) {
                    (Some(held), Some(number)) => held < number,
                    _ => !is_better,
                }
        });
        if is_better {
            self.held.retain(|held| held.number != number);
            self.habit = Habit::Twice;
        }
        let said = match said.is_draft && self.habit != Habit::Once {
            true => self.keep(said, own.clone(), number),
            false => said,
        };
        told.push((Event::Said(said), own));
        if self.held.len() > MAX_HELD {
            let oldest = self.held[0].number;
            told.extend(self.release(|held| held.number == oldest));
        }
        told
    }

    /// Holds a piece back. What to tell of its utterance until then.
    fn keep(&mut self, said: Said, stream: Option<String>, number: Option<u64>) -> Said {
        let is_it = |held: &Held| held.stream == stream && held.number == number;
        let place = self.held.iter().position(is_it).unwrap_or_else(|| {
            self.held.push(Held { stream, number, pieces: Vec::new() });
            self.held.len() - 1
        });
        let pieces = &mut self.held[place].pieces;
        // The first piece begins the utterance again.
        if !is_later_piece(&said) {
            pieces.clear();
        }
        pieces.push(said);
        let texts: Vec<&str> = pieces.iter().map(|piece| piece.text.as_str()).collect();
        let end = pieces.last().and_then(|last| last.end);
        Said { is_final: false, text: texts.join(" "), end, ..pieces[0].clone() }
    }

    /// Lets those go on as final of which `is_over` is true.
    fn release(&mut self, is_over: impl Fn(&Held) -> bool) -> Vec<(Event, Option<String>)> {
        let (over, held) = std::mem::take(&mut self.held).into_iter().partition(is_over);
        self.held = held;
        let over: Vec<Held> = over;
        if !over.is_empty() && self.habit == Habit::Unknown {
            self.habit = Habit::Once;
        }
        let events = over.into_iter().flat_map(|Held { stream, pieces, .. }| {
            pieces.into_iter().map(move |said| (Event::Said(said), stream.clone()))
        });
        events.collect()
    }
}

/// The number of an utterance within its stream.
fn number(said: &Said) -> Option<u64> {
    let Key::Stream(key) = &said.key else { return None };
    key.split('/').next()?.parse().ok()
}

fn is_later_piece(said: &Said) -> bool {
    matches!(&said.key, Key::Stream(key) if key.contains('/'))
}
