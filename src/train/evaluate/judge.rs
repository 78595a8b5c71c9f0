//! One call under one model: everything the figures are computed from.

use super::heads::{HeadCases, HeadSpace};
use super::live::{Live, run};
use crate::call::{Call, Speaker};
use crate::engine::Engine;
use crate::features::{CallFeatures, Space, SpaceError};
use crate::model::{logit, sigmoid};
use crate::train::baselines::{give_aways, lexicon, tfidf::Tfidf};
use crate::train::metrics::{Scored, ScoredTurn};
use crate::train::turns::piece;

/// Weight of the newest customer turn in the running sentiment of the word-list baseline; that
/// of the engine.
const SENTIMENT_WEIGHT: f64 = 0.4;

/// What is put into the table, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contender {
    /// The model: calibrated log-odds.
    Model,
    /// The same, with the give-away words masked in the text.
    Masked,
    /// Give-away words and alerting phrases so far, counted.
    Keywords,
    /// Customer turns so far.
    Turns,
    /// Running sentiment by a word list, turned round.
    WordList,
    /// Running sentiment by the model's own heads, turned round.
    OwnSentiment,
    /// TF-IDF and logistic regression over all text so far.
    Tfidf,
}

impl Contender {
    /// All of them.
    pub const ALL: [Contender; 7] = [
        Contender::Model,
        Contender::Masked,
        Contender::Keywords,
        Contender::Turns,
        Contender::WordList,
        Contender::OwnSentiment,
        Contender::Tfidf,
    ];

    /// The line's name.
    pub fn name(self) -> &'static str {
        match self {
            Contender::Model => "this model",
            Contender::Masked => "  give-away words masked",
            Contender::Keywords => "keyword rule",
            Contender::Turns => "turn count",
            Contender::WordList => "running sentiment, word list",
            Contender::OwnSentiment => "running sentiment, our own",
            Contender::Tfidf => "TF-IDF + logistic regression",
        }
    }
}

/// What is known of one judged call.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// Which of the engines judged it.
    pub engine: usize,
    /// Scores by contender; `None` where there is none to be had.
    pub scores: [Option<Scored>; 7],
    /// Warning threshold that the model carries from training, in calibrated log-odds.
    pub warning: f64,
    /// Added to calibrated log-odds before they are shown as a probability.
    pub shift: f64,
    /// What the live engine did.
    pub live: Live,
}

impl Evidence {
    /// Scores by the model.
    pub fn model(&self) -> &Scored {
        // Judge::call always scores by the model.
        self.of(Contender::Model).unwrap_or_else(|| unreachable!("the model scores every call"))
    }

    /// Scores by `contender`.
    pub fn of(&self, contender: Contender) -> Option<&Scored> {
        self.scores[contender as usize].as_ref()
    }

    /// The probability shown for calibrated log-odds.
    pub fn probability(&self, calibrated: f64) -> f64 {
        sigmoid(calibrated + self.shift)
    }
}

/// Judges calls by one engine.
pub struct Judge<'a> {
    engine: &'a Engine,
    index: usize,
    heads: HeadSpace,
    tfidf: Option<Tfidf>,
    rate: f64,
}

impl<'a> Judge<'a> {
    /// `index` numbers the engine among those of this evaluation, `rate` is the share of
    /// escalating calls that probabilities are shown for.
    ///
    /// # Errors
    /// [`SpaceError`] when the heads cannot be read by themselves: a broken model.
    pub fn new(
        engine: &'a Engine,
        index: usize,
        tfidf: Option<Tfidf>,
        rate: f64,
    ) -> Result<Judge<'a>, SpaceError> {
        Ok(Judge { engine, index, heads: HeadSpace::new(&engine.space)?, tfidf, rate })
    }

    /// Everything about the call that is number `call_index` of its corpus. Labelled turns go
    /// into `cases`.
    pub fn call(&self, call_index: usize, call: &Call, cases: &mut HeadCases) -> Evidence {
        self.heads.collect(call, cases);
        let space = &self.engine.space;
        let scored = |turns| Some(Scored { call: call_index, escalates: call.escalates(), turns });
        let tracks = tracks(call, space, self.engine.settings.min_customer_turns);
        let masked = tracks_of_model(&give_aways::mask(call), self.engine);
        let model = space.model();
        let tfidf = self.tfidf.as_ref().map(|tfidf| {
            let scores = tfidf.scores(call);
            let of = |turn: &ScoredTurn| ScoredTurn { score: scores[turn.turn], ..*turn };
            tracks.model.iter().map(of).collect()
        });
        Evidence {
            engine: self.index,
            scores: [
                scored(tracks.model),
                scored(masked),
                scored(tracks.keywords),
                scored(tracks.turns),
                scored(tracks.word_list),
                scored(tracks.own_sentiment),
                tfidf.and_then(scored),
            ],
            warning: model.thresholds.warning,
            shift: logit(self.rate) - logit(model.base_rate),
            live: run(self.engine, call),
        }
    }
}

/// Scores of one call turn by turn, by everything that needs no fit of its own.
#[derive(Default)]
struct Tracks {
    model: Vec<ScoredTurn>,
    keywords: Vec<ScoredTurn>,
    turns: Vec<ScoredTurn>,
    word_list: Vec<ScoredTurn>,
    own_sentiment: Vec<ScoredTurn>,
}

fn tracks_of_model(call: &Call, engine: &Engine) -> Vec<ScoredTurn> {
    tracks(call, &engine.space, engine.settings.min_customer_turns).model
}

fn tracks(call: &Call, space: &Space, min_customer_turns: u32) -> Tracks {
    let event = call.escalates().then(|| call.turns.get(call.visible_turns())).flatten();
    let calibration = space.model().calibration;
    let mut features = CallFeatures::new(space);
    let mut tracks = Tracks::default();
    let (mut keywords, mut mood, mut customer_turns) = (0, None, 0);
    for (index, turn) in call.turns.iter().enumerate().take(call.visible_turns()) {
        let pushed = features.push(space, piece(turn, index));
        let alerts = |phrase: u32| space.phrases().phrases()[phrase as usize].alert.is_some();
        keywords += pushed.hits.iter().filter(|hit| alerts(hit.phrase)).count();
        keywords += give_aways::count(&turn.text);
        if turn.speaker == Speaker::Customer && pushed.words {
            let own = lexicon::sentiment(&turn.text);
            mood =
                Some(mood.map_or(own, |m| (1.0 - SENTIMENT_WEIGHT) * m + SENTIMENT_WEIGHT * own));
        }
        let now = features.assess();
        customer_turns = now.customer_turns;
        if customer_turns < min_customer_turns {
            continue;
        }
        let start = event.and_then(|event| event.start_ms);
        let ms_left = start.zip(turn.end_ms).map(|(event, end)| event - end);
        let at = |score| ScoredTurn {
            turn: index,
            score,
            customer_turns,
            ms_left,
            ..ScoredTurn::default()
        };
        tracks.model.push(at(calibration.apply(now.log_odds)));
        tracks.keywords.push(at(keywords as f64));
        tracks.turns.push(at(f64::from(customer_turns)));
        tracks.word_list.push(at(-mood.unwrap_or(0.0)));
        tracks.own_sentiment.push(at(-now.sentiment.unwrap_or(0.0)));
    }
    let Tracks { model, keywords, turns, word_list, own_sentiment } = &mut tracks;
    for track in [model, keywords, turns, word_list, own_sentiment] {
        for turn in track {
            turn.customer_turns_left = customer_turns - turn.customer_turns;
        }
    }
    tracks
}
