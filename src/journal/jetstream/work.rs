//! What a batch of records becomes: for each call its letters, in the order in which they must go.

use std::collections::VecDeque;
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};

use super::letters::Draft;
use crate::engine::rules::Ruleset;
use crate::journal::{Archive, Claim, CommitError, Message, Record};

/// Events of one letter; more begin another. A single event is at most the largest message of a
/// platform, so a letter stays below what NATS takes.
const LETTER_BYTES: usize = 256 << 10;

/// Letters of one call. The first goes alone; the next when that is in its stream.
#[derive(Debug)]
pub(super) struct Work {
    pub call_id: Arc<str>,
    pub items: VecDeque<Item>,
}

/// One letter.
#[derive(Debug)]
pub(super) enum Item {
    /// The rules that a call begins with, kept once.
    Rules(Ruleset),
    /// Events. The first of a call on this node come with a claim.
    Events { draft: Draft, claim: Option<Box<Claim>> },
    /// Says that the call is this node's.
    Taken,
    /// The call as it is when it is over.
    History { id: String, archive: Box<Archive> },
    /// A numbered message.
    Tell(Message),
    /// Nothing can happen to it any more.
    Leave,
}

/// Turns a batch into work. `next_id` names letters.
pub(super) fn of_batch(
    node: &str,
    batch: &[Record],
    mut next_id: impl FnMut() -> String,
) -> Result<Vec<Work>, CommitError> {
    let mut works: Vec<Work> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for record in batch {
        let place = *places.entry(&record.call_id).or_insert_with(|| {
            let call_id = Arc::clone(&record.call_id);
            works.push(Work { call_id, items: VecDeque::new() });
            works.len() - 1
        });
        let items = &mut works[place].items;
        if let Some(ruleset) = &record.ruleset {
            items.push_back(Item::Rules(ruleset.clone()));
        }
        let over = record.archive.as_ref().filter(|archive| archive.ended_for_good);
        let over = over.map(|archive| archive.view.last_seq);
        let draft = draft_for(items, record, || Draft::new(node, next_id()));
        draft.add(&record.recorded, over).map_err(|error| CommitError {
            message: format!("an event has no JSON form: {error}"),
        })?;
        items.extend(archive_of(record, &mut next_id));
        items.extend(record.messages().map(Item::Tell));
        if record.archive.as_ref().is_some_and(|archive| archive.is_final) {
            items.push_back(Item::Leave);
        }
    }
    Ok(works)
}

fn archive_of(record: &Record, next_id: &mut impl FnMut() -> String) -> Option<Item> {
    let archive = record.archive.clone()?;
    Some(Item::History { id: next_id(), archive })
}

/// The letter that takes in the record's event: events of a call go before everything that
/// follows from them, so the newest letter with room does, unless the record begins a call here.
fn draft_for<'a>(
    items: &'a mut VecDeque<Item>,
    record: &Record,
    fresh: impl FnOnce() -> Draft,
) -> &'a mut Draft {
    let open = items.iter().rposition(|item| match item {
        Item::Events { draft, .. } => draft.bytes() < LETTER_BYTES,
        _ => false,
    });
    let newest = items.iter().rposition(|item| matches!(item, Item::Events { .. }));
    let place = match open.filter(|_| open == newest && record.claim.is_none()) {
        Some(place) => place,
        None => {
            items.push_back(Item::Events { draft: fresh(), claim: record.claim.clone() });
            items.len() - 1
        }
    };
    match &mut items[place] {
        Item::Events { draft, .. } => draft,
        _ => unreachable!("the place of a letter with events"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Timestamp;
    use crate::engine::event::{Event, Recorded};

    fn record(call: &str, claim: Option<Claim>) -> Record {
        let recorded = Recorded { at: Timestamp(0), event: Event::Timer, held: Vec::new() };
        Record { claim: claim.map(Box::new), ..Record::new(call.into(), recorded) }
    }

    fn shape(batch: &[Record]) -> Vec<(String, String)> {
        let mut ids = 0;
        let works = of_batch("n", batch, || {
            ids += 1;
            ids.to_string()
        });
        let name = |item: &Item| match item {
            Item::Events { draft, claim } => {
                let events = draft.text(0).matches("\"at\"").count();
                format!("{}{events}", if claim.is_some() { "claim+" } else { "" })
            }
            _ => "other".into(),
        };
        let shapes = works.unwrap().into_iter().map(|work| {
            let items: Vec<String> = work.items.iter().map(name).collect();
            (work.call_id.to_string(), items.join(" "))
        });
        shapes.collect()
    }

    #[test]
    fn the_events_of_a_call_share_a_letter() {
        let batch = [record("a", None), record("b", None), record("a", None)];
        assert_eq!(shape(&batch), [("a".into(), "2".into()), ("b".into(), "1".into())]);
    }

    #[test]
    fn a_claim_begins_a_letter_of_its_own() {
        let batch = [record("a", None), record("a", Some(Claim::default())), record("a", None)];
        // What comes after the claim rides with it.
        assert_eq!(shape(&batch), [("a".into(), "1 claim+2".into())]);
    }
}
