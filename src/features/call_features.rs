//! The state of one call, kept up to date chunk by chunk.

use super::closed::Closed;
use super::open_turn::{Bits, Loudest, OpenTurn};
use super::{Role, Space, Tag};
use crate::call::Speaker;
use crate::model::{Feeling, sigmoid};
use crate::text::for_each_token;
use crate::text::phrases::{Hit, Place};

/// Customer turns over which the trend is taken.
const TREND_TURNS: usize = 3;

/// The words of one chunk.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    /// Number of the chunk.
    pub seq: u64,
    /// Who speaks.
    pub speaker: Speaker,
    /// Start in ms of call time.
    pub start_ms: Option<i64>,
    /// End in ms of call time.
    pub end_ms: Option<i64>,
    /// The words.
    pub text: &'a str,
}

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

/// Where the strongest turns of a head are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Evidence {
    pub probability: f64,
    pub place: Place,
}

/// The state of one call.
#[derive(Clone, Debug)]
pub struct CallFeatures {
    closed: Closed,
    pub(super) open: Option<OpenTurn>,
    /// Content words of each role in closed turns.
    spoken: [Bits; 2],
    /// Strongest two turns of each head, customer's heads first.
    evidence: Vec<[Option<Evidence>; 2]>,
    /// Log-odds at the ends of the last customer turns, newest last.
    history: Vec<f64>,
}

impl CallFeatures {
    /// A call in which nothing has been said.
    pub fn new(space: &Space) -> CallFeatures {
        let (customer, agent) = (space.model.customer.len(), space.model.agent.len());
        CallFeatures {
            closed: Closed::new(space),
            open: None,
            spoken: [Bits::default(), Bits::default()],
            evidence: vec![[None; 2]; customer + agent],
            history: Vec::new(),
        }
    }

    /// Takes the words of one more piece. The cost grows with the piece, not with the call.
    pub fn push(&mut self, space: &Space, piece: Piece<'_>) -> Pushed {
        let mut pushed = Pushed::default();
        let mut alone: Option<OpenTurn> = None;
        let (mut buffer, mut stem_buffer) = (String::new(), String::new());
        for_each_token(piece.text, &mut buffer, |word, start, end| {
            if !pushed.words {
                pushed.words = true;
                pushed.new_turn = self.begin(space, piece);
            }
            let stem = space.stem(word, &mut stem_buffer);
            let word = space.lexicon.get(word);
            let place = Place { seq: piece.seq, start, end };
            let Some(turn) = &mut self.open else { return };
            space.matcher.step(
                &space.phrases,
                &mut turn.phrases,
                piece.speaker,
                word,
                place,
                |hit| pushed.hits.push(hit),
            );
            if let Some(role) = turn.role {
                let heads = space.heads(role);
                turn.push(heads, &space.flags, &self.spoken[role as usize], word, stem, place);
                // Words that begin a turn are all of it.
                if role == Role::Customer && !pushed.new_turn {
                    alone
                        .get_or_insert_with(|| OpenTurn::new(piece.speaker, None, Some(heads)))
                        .push(heads, &space.flags, &Bits::default(), word, stem, place);
                }
            }
        });
        if let Some(turn) = self.open.as_mut().filter(|_| pushed.words) {
            turn.end_ms = turn.end_ms.max(piece.end_ms.or(piece.start_ms));
        }
        let customers = |turn: &&OpenTurn| turn.role == Some(Role::Customer);
        let whole = self.open.as_ref().filter(customers).filter(|_| pushed.new_turn);
        pushed.feeling = alone.as_ref().or(whole).and_then(|turn| {
            let log_odds = turn.log_odds(&space.model.customer);
            self.closed.feeling(space, turn, &log_odds)
        });
        if pushed.words {
            pushed.tags = self.tags(space);
        }
        pushed
    }

    /// Goes on with the open turn, or closes it and begins one. True for the latter.
    fn begin(&mut self, space: &Space, piece: Piece<'_>) -> bool {
        if self.open.as_ref().is_some_and(|turn| turn.goes_on(piece.speaker, piece.start_ms)) {
            return false;
        }
        self.close(space);
        let heads = Role::of(piece.speaker).map(|role| space.heads(role));
        self.open = Some(OpenTurn::new(piece.speaker, piece.start_ms, heads));
        true
    }

    fn close(&mut self, space: &Space) {
        let Some(turn) = self.open.take() else { return };
        self.closed.push(space, &turn);
        let Some(role) = turn.role else { return };
        self.spoken[role as usize].extend(&turn.content_words);
        // An agent opens with a greeting; nobody wants it quoted as a reason.
        if role == Role::Customer || self.closed.agent.turns > 1 {
            self.keep_evidence(space, role, &turn);
        }
        if role == Role::Customer {
            if self.history.len() > TREND_TURNS {
                self.history.remove(0);
            }
            self.history.push(space.model.risk.log_odds(&self.closed.values(space)));
        }
    }

    fn keep_evidence(&mut self, space: &Space, role: Role, turn: &OpenTurn) {
        let first = if role == Role::Customer { 0 } else { space.model.customer.len() };
        for (head, log_odds) in turn.log_odds(space.heads(role)).into_iter().enumerate() {
            let probability = sigmoid(log_odds);
            if let Some(Loudest { place, .. }) = turn.loudest[head] {
                merge(&mut self.evidence[first + head], Evidence { probability, place });
            }
        }
    }

    /// The state as it would be if the open turn ended now.
    pub(super) fn as_closed(&self, space: &Space) -> Closed {
        let mut state = self.closed.clone();
        if let Some(turn) = &self.open {
            state.push(space, turn);
        }
        state
    }

    /// Places where `head` of `role` spoke loudest, strongest first.
    pub(super) fn places(&self, space: &Space, role: Role, head: usize) -> Vec<Evidence> {
        let first = if role == Role::Customer { 0 } else { space.model.customer.len() };
        let mut best = self.evidence[first + head];
        let greeting = role == Role::Agent && self.closed.agent.turns == 0;
        if let Some(turn) = self.open.as_ref().filter(|turn| turn.role == Some(role) && !greeting)
            && let Some(Loudest { place, .. }) = turn.loudest[head]
        {
            let probability = sigmoid(turn.log_odds(space.heads(role))[head]);
            merge(&mut best, Evidence { probability, place });
        }
        best.into_iter().flatten().collect()
    }

    /// Sentiment of the newest customer turn that is over, and the moving average with it.
    pub fn closed_mood(&self) -> Option<(f64, f64)> {
        self.closed.mood.last.zip(self.closed.mood.average)
    }

    /// What the model makes of the call so far.
    pub fn assess(&self, space: &Space) -> Assessment {
        let state = self.as_closed(space);
        // While the customer speaks, the newest entry is the turn before.
        let speaking = self.open.as_ref().is_some_and(|turn| turn.role == Some(Role::Customer));
        let back = if speaking { TREND_TURNS } else { TREND_TURNS + 1 };
        let before = self.history.len().checked_sub(back);
        Assessment {
            log_odds: space.model.risk.log_odds(&state.values(space)),
            log_odds_before: before.map(|index| self.history[index]),
            sentiment: state.mood.average,
            customer_turns: state.customer.turns,
            turns: state.turns,
        }
    }

    /// Inputs of the model's sentiment head for the turn that is open, in their order: a
    /// training row. `None` unless the customer speaks.
    pub fn sentiment_inputs(&self, space: &Space) -> Option<Vec<f64>> {
        let turn = self.open.as_ref().filter(|turn| turn.role == Some(Role::Customer))?;
        let log_odds = turn.log_odds(&space.model.customer);
        Some(self.closed.inputs(space, turn, &log_odds).collect())
    }

    /// Values of the model's columns, in their order: a training row.
    pub fn values(&self, space: &Space) -> Vec<f64> {
        self.as_closed(space).values(space)
    }
}

fn merge(best: &mut [Option<Evidence>; 2], new: Evidence) {
    if best[0].is_none_or(|old| new.probability > old.probability) {
        *best = [Some(new), best[0]];
    } else if best[1].is_none_or(|old| new.probability > old.probability) {
        best[1] = Some(new);
    }
}
