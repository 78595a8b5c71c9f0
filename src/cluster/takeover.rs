//! A call comes to this node: its platform is here now, or the node that had it is dead.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, LazyLock};

use super::{Cluster, TURNS};
use crate::desk::{Brought, Desk, Elsewhere, Eventually};
use crate::engine::alert::Alert;
use crate::engine::event::Event;
use crate::engine::rules::Ruleset;
use crate::journal::jetstream::{BusError, DeskLetter, EventsLetter, Taking};
use crate::journal::{Claim, Record};

/// How often a call is looked for while its node still writes to it.
const TRIES: usize = 8;

static TURN_OF: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// What the streams say of a call.
#[derive(Debug)]
pub(super) enum Found {
    /// There is none, or none that can go on. The claim is for one that begins.
    Nothing(Claim),
    /// It was ended by `call_end`, after this `seq`.
    Over(u64),
    /// It can be taken over.
    Call(Box<Candidate>),
}

/// A call that can be taken over.
#[derive(Debug)]
pub(super) struct Candidate {
    pub brought: Brought,
    pub taking: Taking,
    /// Who wrote to it last.
    pub node: String,
}

/// Where the news of a call stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct NewsPlace {
    pub desk: u64,
    pub began: u64,
    pub number: Option<u64>,
    pub told: u64,
}

impl NewsPlace {
    fn of(newest: Option<(u64, DeskLetter)>) -> NewsPlace {
        let Some((desk, letter)) = newest else { return NewsPlace::default() };
        let DeskLetter { began, number, told, .. } = letter;
        let number = match (told, number) {
            (0, _) => None,
            (1, 0) => Some(desk - 1),
            (_, number) => Some(number),
        };
        NewsPlace { desk, began, number, told }
    }
}

impl Cluster {
    /// Looks for a call in the streams.
    pub(super) async fn look(&self, desk: &Desk, call_id: &Arc<str>) -> Result<Found, BusError> {
        let Some((place, newest)) = self.bus.newest_events(call_id).await? else {
            let newest = self.bus.newest_news(call_id).await?;
            // Its events are not kept any more, but how it ended is.
            if let Some(last_seq) = newest.as_ref().and_then(|(_, letter)| letter.over) {
                return Ok(Found::Over(last_seq));
            }
            let news = NewsPlace::of(newest);
            return Ok(Found::Nothing(Claim { desk: news.desk, ..Claim::default() }));
        };
        // Over, and everybody was told. Its node may have died between the two.
        let told = self.bus.newest_news(call_id).await?;
        if let Some(last_seq) =
            newest.over.filter(|_| told.is_some_and(|(_, own)| own.over.is_some()))
        {
            return Ok(Found::Over(last_seq));
        }
        let mut letters = Vec::new();
        let mut events = self.bus.events_of(call_id, 0).await?;
        events
            .read_all(|letter| letters.extend(letter.letter.map(|own| (letter.sequence, own))))
            .await?;
        if letters.last().is_none_or(|(last, _)| *last < place) {
            return Err(BusError(format!("not all events of call `{call_id}` came")));
        }
        let news = NewsPlace::of(self.bus.newest_news(call_id).await?);
        let rulesets = self.rulesets(desk, &letters).await?;
        Ok(assemble(desk, call_id, letters, news, &rulesets))
    }

    /// The rules that the calls in some letters began with, other than those in use.
    pub(super) async fn rulesets(
        &self,
        desk: &Desk,
        letters: &[(u64, EventsLetter)],
    ) -> Result<Vec<Ruleset>, BusError> {
        let present = desk.engine();
        let mut rulesets: Vec<Ruleset> = Vec::new();
        for event in letters.iter().flat_map(|(_, letter)| &letter.events) {
            let Event::Start(start) = &event.event else { continue };
            let Some(hash) = start.ruleset.as_deref() else { continue };
            if hash != &*present.ruleset.hash && rulesets.iter().all(|own| &*own.hash != hash) {
                rulesets.extend(self.bus.rules(hash).await?);
            }
        }
        Ok(rulesets)
    }

    /// Takes calls over and puts those that were won on the desk. Says how many.
    pub(super) async fn take_over(
        &self,
        desk: &Arc<Desk>,
        candidates: Vec<Candidate>,
    ) -> Result<usize, BusError> {
        let (mut brought, mut takings) = (Vec::new(), Vec::new());
        for candidate in candidates {
            brought.push(candidate.brought);
            takings.push(candidate.taking);
        }
        let ids: Vec<Arc<str>> = takings.iter().map(|own| Arc::clone(&own.call_id)).collect();
        let lost = self.taker.take(takings).await?;
        let mut won = 0;
        for (call_id, brought) in ids.iter().zip(brought) {
            if lost.contains(call_id) {
                continue;
            }
            won += 1;
            match brought.over().filter(|_| brought.is_final()) {
                Some(last_seq) => desk.remember_over(call_id, last_seq),
                None => desk.take_in(brought),
            }
        }
        self.metrics.calls_taken_over.inc_by(won as u64);
        Ok(won)
    }

    /// All turns, for many calls at once. Whoever waits for one holds none.
    pub(super) async fn all_turns(&self) -> Vec<tokio::sync::MutexGuard<'_, ()>> {
        let mut all = Vec::with_capacity(TURNS);
        for turn in &self.turns {
            all.push(turn.lock().await);
        }
        all
    }

    /// Whose turn it is to bring a call here.
    pub(super) fn turn(&self, call_id: &str) -> &tokio::sync::Mutex<()> {
        &self.turns[TURN_OF.hash_one(call_id) as usize % TURNS]
    }

    async fn bring_here(
        &self,
        desk: &Arc<Desk>,
        call_id: &Arc<str>,
    ) -> Result<Option<Claim>, BusError> {
        let _turn = self.turn(call_id).lock().await;
        for attempt in 0..TRIES {
            if desk.has(call_id) {
                return Ok(None);
            }
            let candidate = match self.look(desk, call_id).await? {
                Found::Nothing(claim) => return Ok(Some(claim)),
                Found::Over(last_seq) => {
                    desk.remember_over(call_id, last_seq);
                    return Ok(None);
                }
                Found::Call(candidate) => candidate,
            };
            if attempt > 0 && *candidate.node != *self.node {
                self.ask_to_yield(&candidate.node, call_id).await;
            }
            // What this node once handed in for the call and never wrote must not come after.
            desk.journal().flush().await;
            if self.take_over(desk, vec![*candidate]).await? > 0 {
                tracing::info!(call_id = &**call_id, "call taken over from another node");
                return Ok(None);
            }
        }
        Err(BusError(format!("another node keeps writing to call `{call_id}`")))
    }
}

/// What the letters of one call say.
pub(super) fn assemble(
    desk: &Desk,
    call_id: &Arc<str>,
    mut letters: Vec<(u64, EventsLetter)>,
    news: NewsPlace,
    rulesets: &[Ruleset],
) -> Found {
    let newest = letters.last().map(|(place, letter)| (*place, letter.node.clone(), letter.over));
    let Some((events, node, over)) = newest else {
        return Found::Nothing(Claim { desk: news.desk, ..Claim::default() });
    };
    let nothing = Found::Nothing(Claim { events, desk: news.desk, ..Claim::default() });
    let begins = |letter: &EventsLetter| {
        letter.events.first().is_some_and(|first| matches!(first.event, Event::Start(_)))
    };
    let Some(start) = letters.iter().rposition(|(_, letter)| begins(letter)) else {
        return over.map_or(nothing, Found::Over);
    };
    let began = letters[start].0;
    let letters = in_line(letters.split_off(start));
    let records = letters.into_iter().flat_map(|(_, letter)| letter.events);
    let records = records.map(|recorded| Record::new(Arc::clone(call_id), recorded)).collect();
    let Some(brought) = desk.fold_elsewhere(records, rulesets) else { return nothing };
    let (told, number) = if news.began == began { (news.told, news.number) } else { (0, None) };
    let mut untold = brought.messages();
    untold.drain(..untold.len().min(usize::try_from(told).unwrap_or(usize::MAX)));
    let (over, is_final) = (brought.over(), brought.is_final());
    if is_final && untold.is_empty() {
        return over.map_or(nothing, Found::Over);
    }
    let archive = if untold.is_empty() { None } else { brought.archive() };
    let taking = Taking {
        call_id: Arc::clone(call_id),
        over,
        is_final,
        archive,
        claim: Claim { events, desk: news.desk, began, number, told, untold },
    };
    Found::Call(Box::new(Candidate { brought, taking, node }))
}

/// Letters of which each came after the one before. What was let in beside them counts for nothing.
fn in_line(letters: Vec<(u64, EventsLetter)>) -> Vec<(u64, EventsLetter)> {
    let mut before: Option<u64> = None;
    let follows = |own: &(u64, EventsLetter)| {
        let (place, letter) = own;
        let fits = before.is_none_or(|before| before == letter.after);
        if fits {
            before = Some(*place);
        }
        fits
    };
    letters.into_iter().filter(follows).collect()
}

impl Elsewhere for Cluster {
    fn bring<'a>(&'a self, call_id: &'a Arc<str>) -> Eventually<'a, Result<Option<Claim>, String>> {
        Box::pin(async move {
            if !self.bus.is_connected() {
                return Err("NATS is out of reach".into());
            }
            let desk = self.desk().ok_or("the server is going down")?;
            self.bring_here(&desk, call_id).await.map_err(|error| error.to_string())
        })
    }

    fn anybody_for<'a>(&'a self, alert: &'a Alert) -> Eventually<'a, bool> {
        Box::pin(self.ask_whether_anybody(alert))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_that_should_not_be_there_counts_for_nothing() {
        let letter = |place: u64, after: u64| {
            let (node, id, events) = (String::new(), String::new(), Vec::new());
            (place, EventsLetter { node, id, after, over: None, events })
        };
        let letters = vec![letter(3, 0), letter(5, 3), letter(6, 3), letter(9, 6), letter(10, 5)];
        let places: Vec<u64> = in_line(letters).iter().map(|(place, _)| *place).collect();
        assert_eq!(places, [3, 5, 10]);
    }
}
