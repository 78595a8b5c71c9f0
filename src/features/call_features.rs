//! The state of one call, kept up to date chunk by chunk.

use super::closed::Closed;
use super::evidence::{Evidence, Spot};
use super::numbers::Bits;
use super::open_turn::OpenTurn;
use super::piece::{Piece, Words};
use super::{Role, Space, Tag};
use crate::model::Feeling;
use crate::text::phrases::Hit;

/// Customer turns over which the trend is taken.
const TREND_TURNS: usize = 3;

/// What a piece did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pushed {
    /// False when there was no word in it; then nothing has changed.
    pub words: bool,
    /// Whether it began a new turn, so that the one before is closed.
    pub new_turn: bool,
    /// How the customer feels in this piece, coming after the turns before it; `None` for the
    /// words of anybody else.
    pub feeling: Option<Feeling>,
    /// What the turn does, as far as it has been said.
    pub tags: Vec<Tag>,
    /// Phrases that end in it.
    pub hits: Vec<Hit>,
}

/// What the model makes of a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Assessment {
    /// The model's own log-odds, before calibration and prior shift.
    pub log_odds: f64,
    /// The same, three customer turns ago; `None` before that.
    pub log_odds_before: Option<f64>,
    /// Moving average over customer turns, −1 … 1; `None` until the customer speaks.
    pub sentiment: Option<f64>,
    /// Turns of the customer, the open one included.
    pub customer_turns: u32,
    /// Turns of anybody, the open one included.
    pub turns: u32,
}

/// The state of one call.
#[derive(Clone, Debug)]
pub struct CallFeatures {
    closed: Closed,
    /// Of nobody before the first word.
    pub(super) open: OpenTurn,
    /// Content words of each role in closed turns.
    spoken: [Bits; 2],
    /// Customer's heads first.
    evidence: Evidence,
    /// Log-odds at the ends of the last customer turns, newest last.
    history: Vec<f64>,
    /// What the model makes of all this.
    assessment: Assessment,
}

impl CallFeatures {
    /// A call in which nothing has been said.
    pub fn new(space: &Space) -> CallFeatures {
        let (customer, agent) = (space.model.customer.len(), space.model.agent.len());
        let closed = Closed::new(space);
        CallFeatures {
            assessment: assess(space, &closed, None, &[]),
            closed,
            open: OpenTurn::default(),
            spoken: [Bits::default(), Bits::default()],
            evidence: Evidence::new(customer + agent),
            history: Vec::new(),
        }
    }

    /// Takes the words of one more piece. The cost grows with the piece, not with the call.
    pub fn push(&mut self, space: &Space, piece: Piece<'_>) -> Pushed {
        piece.read(space, |words| match words.found.is_empty() {
            true => Pushed::default(),
            false => self.take(space, piece, words),
        })
    }

    fn take(&mut self, space: &Space, piece: Piece<'_>, words: &mut Words) -> Pushed {
        let new_turn = self.begin(space, piece);
        let turn = &mut self.open;
        let mut hits = Vec::new();
        for &(found, place) in &words.found {
            space.matcher.step(
                &space.phrases,
                &mut turn.phrases,
                piece.speaker,
                (found.word, found.opening),
                place,
                |hit| hits.push(hit),
            );
        }
        if let Some(role) = turn.role {
            let (heads, spoken) = (space.heads(role), &self.spoken[role as usize]);
            for &(found, place) in &words.found {
                turn.push(heads, role, spoken, (found, space.words.known(found)), place);
            }
        }
        self.weigh(space, piece);
        let feeling = match self.open.role {
            // Words that begin a turn are all of it.
            Some(Role::Customer) if !new_turn => words.feeling(space, &self.closed),
            _ => self.open.feeling,
        };
        Pushed { words: true, new_turn, feeling, tags: self.tags(space), hits }
    }

    /// Goes on with the open turn, or closes it and begins one. True for the latter.
    fn begin(&mut self, space: &Space, piece: Piece<'_>) -> bool {
        if self.open.goes_on(piece.speaker, piece.start_ms) {
            return false;
        }
        if self.open.speaker.is_some() {
            self.close(space);
        }
        let heads = Role::of(piece.speaker).map(|role| space.heads(role));
        self.open.begin(piece.speaker, piece.start_ms, heads);
        true
    }

    /// Brings what is made of the words up to date, once all words of `piece` are in.
    fn weigh(&mut self, space: &Space, piece: Piece<'_>) {
        let turn = &mut self.open;
        turn.end_ms = turn.end_ms.max(piece.end_ms.or(piece.start_ms));
        if let Some(role) = turn.role {
            turn.weigh(space.heads(role));
        }
        if turn.role == Some(Role::Customer) {
            turn.feeling = self.closed.feeling(space, &turn.log_odds, turn.heard.words);
            if let (Some(feeling), Some((negative, positive))) = (turn.feeling, space.sentiment) {
                turn.meant[negative] = feeling.negative;
                turn.meant[positive] = feeling.positive;
            }
        }
        self.assessment = assess(space, &self.closed, Some(turn), &self.history);
    }

    /// The open turn is over.
    fn close(&mut self, space: &Space) {
        self.closed.push(space, &self.open);
        let Some(role) = self.open.role else { return };
        for &content in self.open.content_words.as_slice() {
            self.spoken[role as usize].insert(content);
        }
        // An agent opens with a greeting; nobody wants it quoted as a reason.
        if role == Role::Customer || self.closed.agent_turns() > 1 {
            self.keep_evidence(space, role);
        }
        if role == Role::Customer {
            if self.history.len() > TREND_TURNS {
                self.history.remove(0);
            }
            // Taken as if the turn were over, which it is now.
            self.history.push(self.assessment.log_odds);
        }
    }

    fn keep_evidence(&mut self, space: &Space, role: Role) {
        let (turn, evidence) = (&self.open, &mut self.evidence);
        let said = || (first_head(space, role)..).zip(turn.said.iter().copied());
        // Most turns are not among the two strongest; then nobody needs to look for words.
        if !said().any(|(head, probability)| evidence.wants(head, probability)) {
            return;
        }
        for ((head, probability), place) in said().zip(turn.loudest(space.heads(role))) {
            if let Some(place) = place {
                evidence.keep(head, Spot { probability, place });
            }
        }
    }

    /// Places where `head` of `role` spoke loudest, strongest first.
    pub(super) fn places(&self, space: &Space, role: Role, head: usize) -> Vec<Spot> {
        let greeting = role == Role::Agent && self.closed.agent_turns() == 0;
        let turn = self.open().filter(|turn| turn.role == Some(role) && !greeting);
        let newest = turn.and_then(|turn| {
            let place = turn.loudest(space.heads(role)).nth(head)??;
            Some(Spot { probability: turn.said[head], place })
        });
        self.evidence.with(first_head(space, role) + head, newest).collect()
    }

    /// The open turn, once somebody has spoken.
    fn open(&self) -> Option<&OpenTurn> {
        Some(&self.open).filter(|turn| turn.speaker.is_some())
    }

    /// Sentiment of the newest customer turn that is over, and the moving average with it.
    pub fn closed_mood(&self) -> Option<(f64, f64)> {
        let mood = self.closed.mood();
        mood.last.zip(mood.average)
    }

    /// What the model makes of the call so far.
    pub fn assess(&self) -> Assessment {
        self.assessment
    }

    /// Inputs of the model's sentiment head for the turn that is open, in their order: a
    /// training row. `None` unless the customer speaks.
    pub fn sentiment_inputs(&self, space: &Space) -> Option<Vec<f64>> {
        let turn = self.open().filter(|turn| turn.role == Some(Role::Customer))?;
        Some(self.closed.inputs(space, &turn.log_odds, turn.heard.words).collect())
    }

    /// Values of the model's columns, in their order: a training row.
    pub fn values(&self, space: &Space) -> Vec<f64> {
        self.closed.with(space, self.open()).values(space).collect()
    }
}

fn assess(space: &Space, closed: &Closed, open: Option<&OpenTurn>, history: &[f64]) -> Assessment {
    let view = closed.with(space, open);
    // While the customer speaks, the newest entry is the turn before.
    let speaking = open.is_some_and(|turn| turn.role == Some(Role::Customer));
    let back = if speaking { TREND_TURNS } else { TREND_TURNS + 1 };
    Assessment {
        log_odds: space.model.risk.log_odds(view.values(space)),
        log_odds_before: history.len().checked_sub(back).map(|index| history[index]),
        sentiment: view.mood.average,
        customer_turns: view.customer.turns(),
        turns: view.turns,
    }
}

/// Where the heads of `role` begin among those of both.
fn first_head(space: &Space, role: Role) -> usize {
    match role {
        Role::Customer => 0,
        Role::Agent => space.model.customer.len(),
    }
}
