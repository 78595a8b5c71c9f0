//! The state of one call, kept up to date chunk by chunk.

use super::closed::Closed;
use super::numbers::Numbers;
use super::open_turn::{Heard, OpenTurn};
use super::{Role, Space, Tag};
use crate::call::Speaker;
use crate::model::{Feeling, TurnHeads};
use crate::text::for_each_token;
use crate::text::phrases::{Hit, Place};
use crate::text::runs::{Ending, Runs, Verdict};

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
    spoken: [Numbers; 2],
    /// How the last closed turn of each speaker ended.
    endings: [Ending; 4],
    /// Strongest two turns of each head, customer's heads first.
    evidence: Vec<[Option<Evidence>; 2]>,
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
            open: None,
            spoken: [Numbers::default(), Numbers::default()],
            endings: Default::default(),
            evidence: vec![[None; 2]; customer + agent],
            history: Vec::new(),
        }
    }

    /// What numbers and the like are open before words of `speaker` from `start_ms` on.
    pub fn runs(&self, speaker: Speaker, start_ms: Option<i64>) -> Runs {
        let own = self.open.as_ref().filter(|turn| turn.speaker == Some(speaker));
        match own {
            Some(turn) if turn.goes_on(speaker, start_ms) => turn.runs,
            Some(turn) => Runs::after(turn.runs.ending()),
            None => Runs::after(self.endings[speaker as usize]),
        }
    }

    /// Takes the words of one more piece. The cost grows with the piece, not with the call.
    pub fn push(&mut self, space: &Space, piece: Piece<'_>) -> Pushed {
        let mut pushed = Pushed::default();
        let mut alone: Option<OpenTurn> = None;
        let mut buffers = (String::new(), String::new());
        for_each_token(piece.text, &mut buffers.0, |word, start, end| {
            if !pushed.words {
                pushed.words = true;
                pushed.new_turn = self.begin(space, piece);
            }
            let (id, stem) = space.word(word, &mut buffers.1);
            let class = space.flags.class(id, word, end - start);
            let place = Place { seq: piece.seq, start, end };
            let heard = Heard { word: id, stem, place, class };
            let Some(turn) = &mut self.open else { return };
            let spoken = turn.role.map(|role| &self.spoken[role as usize]);
            let spoken = spoken.unwrap_or(&self.spoken[0]);
            let verdict = turn.hear(space, spoken, heard, |hit| pushed.hits.push(hit));
            // Words that begin a turn are all of it.
            if turn.role == Some(Role::Customer) && !pushed.new_turn {
                let heads = &space.model.customer;
                let alone = alone.get_or_insert_with(|| words_of(piece, heads));
                let none = Numbers::default();
                match verdict {
                    Verdict::Push => alone.push(space, heads, &none, heard),
                    Verdict::Absorb => {}
                    Verdict::Join(_) => alone.push(space, heads, &none, space.read_out(place)),
                }
            }
        });
        if pushed.words {
            self.weigh(space, piece);
            pushed.tags = self.tags(space);
            pushed.feeling = match alone {
                Some(mut alone) => {
                    alone.weigh(&space.model.customer);
                    self.closed.feeling(space, &alone)
                }
                None => self.open.as_ref().and_then(|turn| turn.feeling),
            };
        }
        pushed
    }

    /// Goes on with the open turn, or closes it and begins one. True for the latter.
    fn begin(&mut self, space: &Space, piece: Piece<'_>) -> bool {
        if self.open.as_ref().is_some_and(|turn| turn.goes_on(piece.speaker, piece.start_ms)) {
            return false;
        }
        let mut turn = match self.open.take() {
            Some(turn) => {
                self.close(space, &turn);
                turn
            }
            None => OpenTurn::new(),
        };
        let heads = Role::of(piece.speaker).map(|role| space.heads(role));
        let before = self.endings[piece.speaker as usize];
        turn.begin(piece.speaker, piece.start_ms, heads, before);
        self.open = Some(turn);
        true
    }

    /// Brings what is made of the words up to date, once all words of `piece` are in.
    fn weigh(&mut self, space: &Space, piece: Piece<'_>) {
        let Some(turn) = &mut self.open else { return };
        turn.end_ms = turn.end_ms.max(piece.end_ms.or(piece.start_ms));
        if let Some(role) = turn.role {
            turn.weigh(space.heads(role));
        }
        if turn.role == Some(Role::Customer) {
            turn.feeling = self.closed.feeling(space, turn);
            if let (Some(feeling), Some((negative, positive))) = (turn.feeling, space.sentiment) {
                turn.meant[negative] = feeling.negative;
                turn.meant[positive] = feeling.positive;
            }
        }
        self.assessment = assess(space, &self.closed, Some(turn), &self.history);
    }

    fn close(&mut self, space: &Space, turn: &OpenTurn) {
        self.closed.push(space, turn);
        if let Some(speaker) = turn.speaker {
            self.endings[speaker as usize] = turn.runs.ending();
        }
        let Some(role) = turn.role else { return };
        self.spoken[role as usize].extend(&turn.content_words);
        // An agent opens with a greeting; nobody wants it quoted as a reason.
        if role == Role::Customer || self.closed.agent_turns() > 1 {
            self.keep_evidence(space, role, turn);
        }
        if role == Role::Customer {
            if self.history.len() > TREND_TURNS {
                self.history.remove(0);
            }
            // Taken as if the turn were over, which it is now.
            self.history.push(self.assessment.log_odds);
        }
    }

    fn keep_evidence(&mut self, space: &Space, role: Role, turn: &OpenTurn) {
        let heads = space.heads(role);
        let first = if role == Role::Customer { 0 } else { space.model.customer.len() };
        for (head, &probability) in turn.said.iter().enumerate() {
            let best = &mut self.evidence[first + head];
            // Most turns are not among the two strongest; then nobody needs to look for words.
            if best[1].is_none_or(|old| probability > old.probability)
                && let Some(place) = turn.loudest(heads, head)
            {
                merge(best, Evidence { probability, place });
            }
        }
    }

    /// Places where `head` of `role` spoke loudest, strongest first.
    pub(super) fn places(&self, space: &Space, role: Role, head: usize) -> Vec<Evidence> {
        let first = if role == Role::Customer { 0 } else { space.model.customer.len() };
        let mut best = self.evidence[first + head];
        let greeting = role == Role::Agent && self.closed.agent_turns() == 0;
        if let Some(turn) = self.open.as_ref().filter(|turn| turn.role == Some(role) && !greeting)
            && let Some(place) = turn.loudest(space.heads(role), head)
        {
            merge(&mut best, Evidence { probability: turn.said[head], place });
        }
        best.into_iter().flatten().collect()
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
        let turn = self.open.as_ref().filter(|turn| turn.role == Some(Role::Customer))?;
        Some(self.closed.inputs(space, turn).collect())
    }

    /// Values of the model's columns, in their order: a training row.
    pub fn values(&self, space: &Space) -> Vec<f64> {
        self.closed.with(space, self.open.as_ref()).values(space).collect()
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

/// A turn for the words of one piece.
fn words_of(piece: Piece<'_>, heads: &TurnHeads) -> OpenTurn {
    let mut turn = OpenTurn::new();
    turn.begin(piece.speaker, None, Some(heads), Ending::default());
    turn
}

fn merge(best: &mut [Option<Evidence>; 2], new: Evidence) {
    if best[0].is_none_or(|old| new.probability > old.probability) {
        *best = [Some(new), best[0]];
    } else if best[1].is_none_or(|old| new.probability > old.probability) {
        best[1] = Some(new);
    }
}
