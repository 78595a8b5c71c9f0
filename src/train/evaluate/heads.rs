//! The first level judged on labelled turns: sentiment by chunk, acts by turn.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::call::{Call, Speaker};
use crate::features::{CallFeatures, Piece, Role, SPACE, Space, SpaceError};
use crate::model::{Feeling, Model};
use crate::text::phrases::PhraseList;
use crate::train::metrics::classes::{f1, macro_f1};
use crate::train::metrics::ranking::auc;
use crate::train::turns::piece;

/// Probability from which a feeling counts as one.
const YES: f64 = 0.5;
/// Occurrences without which an act's figures say nothing.
const MIN_OCCURRENCES: usize = 5;

/// Sentiment as heard; numbered as classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sentiment {
    /// Label below 0.
    Negative,
    /// Label 0.
    Neutral,
    /// Label above 0.
    Positive,
}

impl Sentiment {
    /// Of a label's sign.
    fn of(sign: i8) -> Sentiment {
        match sign {
            -1 => Sentiment::Negative,
            0 => Sentiment::Neutral,
            _ => Sentiment::Positive,
        }
    }
}

/// What an act head said of one turn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ActCase {
    /// Probability.
    pub probability: f64,
    /// Whether that is enough for the head to speak up.
    pub tagged: bool,
    /// Whether annotators saw the act.
    pub truth: bool,
}

/// What the heads said of labelled turns, and the labels.
#[derive(Clone, Debug, Default)]
pub struct HeadCases {
    /// Judgement and truth of each customer chunk.
    pub sentiment: Vec<(Feeling, Sentiment)>,
    /// By role and act, `customer.frus` for example: each annotated turn.
    pub acts: BTreeMap<String, Vec<ActCase>>,
}

/// Three-class sentiment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct SentimentFigures {
    /// Chunks judged.
    pub chunks: usize,
    /// Of them negative and positive.
    pub negative: usize,
    /// See `negative`.
    pub positive: usize,
    /// Mean F1 of negative, neutral and positive. A chunk is negative or positive when the
    /// larger of the two probabilities is at least 0.5, else neutral.
    pub macro_f1: f64,
    /// P(negative) ranking negative above the rest.
    pub auc_negative: f64,
}

/// One act head.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ActFigures {
    /// Role and act, `customer.frus`.
    pub act: String,
    /// Annotated turns of the role.
    pub turns: usize,
    /// Of them with the act.
    pub occurrences: usize,
    /// Ranking turns with the act above those without.
    pub auc: f64,
    /// Of its tags.
    pub f1: f64,
}

/// The model's heads by themselves: a feature space whose columns are what each head says of the
/// newest turn. So they are read by the one path that computes features.
pub struct HeadSpace {
    space: Space,
    customer: Vec<String>,
    agent: Vec<String>,
}

impl HeadSpace {
    /// The heads of the model of `space`.
    ///
    /// # Errors
    /// [`SpaceError`] when they cannot be read: a broken model.
    pub fn new(space: &Space) -> Result<HeadSpace, SpaceError> {
        let mut model: Model = space.model().clone();
        let (customer, agent) = (model.customer.names.clone(), model.agent.names.clone());
        let column = |role: Role, head: &String| format!("{}.{head}.last", role.name());
        model.risk.columns = customer
            .iter()
            .map(|head| column(Role::Customer, head))
            .chain(agent.iter().map(|head| column(Role::Agent, head)))
            .collect();
        model.risk.weights = vec![0.0; model.risk.columns.len()];
        let space = Space::parse(&model.to_json(SPACE), &model.name, PhraseList::default())?;
        Ok(HeadSpace { space, customer, agent })
    }

    /// The feeling in words of a customer with nothing said before them; `None` when the model
    /// does not judge feelings or there are no words.
    pub fn feeling(&self, text: &str) -> Option<Feeling> {
        let mut alone = CallFeatures::new(&self.space);
        let (speaker, start_ms, end_ms) = (Speaker::Customer, None, None);
        alone.push(&self.space, Piece { seq: 1, speaker, start_ms, end_ms, text }).feeling
    }

    /// Adds the labelled turns of `call` to `cases`.
    pub fn collect(&self, call: &Call, cases: &mut HeadCases) {
        let mut features = CallFeatures::new(&self.space);
        let mut open: Option<(Role, BTreeSet<&str>)> = None;
        for (index, turn) in call.turns.iter().enumerate() {
            let before = features.values(&self.space);
            let pushed = features.push(&self.space, piece(turn, index));
            let heard = turn.sentiment.map(i8::signum).map(Sentiment::of);
            cases.sentiment.extend(pushed.feeling.zip(heard));
            if pushed.new_turn {
                self.close(open.take(), &before, cases);
                open = Role::of(turn.speaker).map(|role| (role, BTreeSet::new()));
            }
            if let Some((_, acts)) = open.as_mut().filter(|_| pushed.words) {
                acts.extend(turn.acts.iter().map(String::as_str));
            }
        }
        self.close(open, &features.values(&self.space), cases);
    }

    /// A turn is over: what each act head said of it, beside what annotators said.
    fn close(&self, open: Option<(Role, BTreeSet<&str>)>, values: &[f64], cases: &mut HeadCases) {
        let Some((role, acts)) = open.filter(|(_, acts)| !acts.is_empty()) else { return };
        let (names, first) = match role {
            Role::Customer => (&self.customer, 0),
            Role::Agent => (&self.agent, self.customer.len()),
        };
        for (place, name) in names.iter().enumerate() {
            if let Some(code) = name.strip_prefix("act:") {
                let head = format!("{}.{code}", role.name());
                let probability = values[first + place];
                let tagged = probability >= self.space.heads(role).speaks_from[place];
                let case = ActCase { probability, tagged, truth: acts.contains(code) };
                cases.acts.entry(head).or_default().push(case);
            }
        }
    }
}

impl HeadCases {
    /// Figures of sentiment; `None` without labelled chunks.
    pub fn sentiment_figures(&self) -> Option<SentimentFigures> {
        let count = |class| self.sentiment.iter().filter(|case| case.1 == class).count();
        let guess = |Feeling { negative, positive }| match negative.max(positive) >= YES {
            true if negative >= positive => Sentiment::Negative,
            true => Sentiment::Positive,
            false => Sentiment::Neutral,
        };
        let cases: Vec<(u8, u8)> = self
            .sentiment
            .iter()
            .map(|&(feeling, truth)| (truth as u8, guess(feeling) as u8))
            .collect();
        let ranked = self
            .sentiment
            .iter()
            .map(|&(feeling, truth)| (feeling.negative, truth == Sentiment::Negative))
            .collect();
        (!cases.is_empty()).then(|| SentimentFigures {
            chunks: cases.len(),
            negative: count(Sentiment::Negative),
            positive: count(Sentiment::Positive),
            macro_f1: macro_f1(&cases, 3),
            auc_negative: auc(ranked),
        })
    }

    /// Figures of each act that occurs often enough.
    pub fn act_figures(&self) -> Vec<ActFigures> {
        let judged = self.acts.iter().map(|(act, cases)| ActFigures {
            act: act.clone(),
            turns: cases.len(),
            occurrences: cases.iter().filter(|case| case.truth).count(),
            auc: auc(cases.iter().map(|case| (case.probability, case.truth)).collect()),
            f1: f1(cases.iter().map(|case| (case.truth, case.tagged))),
        });
        judged.filter(|figures| figures.occurrences >= MIN_OCCURRENCES).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Engine, Settings};

    #[test]
    fn heads_say_the_same_as_in_the_engine_and_labels_are_found() {
        let engine = Engine::with_model(None, Settings::default()).unwrap();
        let heads = HeadSpace::new(&engine.space).unwrap();
        let json = r#"{"id":"a-1","turns":[
          {"speaker":"agent","text":"I can't do that","acts":["refu"]},
          {"speaker":"agent","text":"it's policy","acts":["poli"]},
          {"speaker":"customer","text":"this is ridiculous","sentiment":-2,"acts":["frus"]},
          {"speaker":"customer","text":"...","sentiment":0}]}"#;
        let call: Call = serde_json::from_str(json).unwrap();
        let mut cases = HeadCases::default();
        heads.collect(&call, &mut cases);
        assert_eq!(cases.sentiment.len(), 1);
        let scores = crate::engine::score_call(&engine, &call, false);
        let (feeling, class) = cases.sentiment[0];
        assert_eq!(scores[2].sentiment, Some(feeling.sentiment()));
        assert_eq!(class, Sentiment::Negative);
        // The agent's two pieces are one turn with both acts.
        assert!(cases.acts["agent.refu"].iter().map(|case| case.truth).eq([true]));
        assert!(cases.acts["agent.poli"].iter().map(|case| case.truth).eq([true]));
        assert!(cases.acts["customer.frus"].iter().map(|case| case.truth).eq([true]));
        assert!(cases.acts["customer.angr"].iter().map(|case| case.truth).eq([false]));
    }
}
