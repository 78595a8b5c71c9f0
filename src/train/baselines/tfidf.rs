//! The usual text classifier: TF-IDF of the words and word pairs of each role over all text so
//! far, into a logistic regression. Fitted on training calls only.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ndarray::{Array2, ShapeBuilder};

use super::super::logistic;
use crate::call::Call;
use crate::features::Role;
use crate::text::tokenise;

/// Columns at most: those that occur in the most calls.
const MAX_COLUMNS: usize = 2_000;
/// A training row after every so many turns, and one at the end.
const STRIDE: usize = 4;
/// Customer turns before the first row; the engine's default.
const MIN_CUSTOMER_TURNS: usize = 2;
/// Penalty on the weights; scikit-learn's default `C = 1`.
const PENALTY: f64 = 1.0;
/// Gradient at which the fit ends.
const TOLERANCE: f64 = 1e-2;

/// The fitted classifier.
#[derive(Clone, Debug)]
pub struct Tfidf {
    vocabulary: Vocabulary,
    weights: Vec<f64>,
    intercept: f64,
}

/// Columns and their inverse document frequencies.
#[derive(Clone, Debug)]
struct Vocabulary {
    columns: HashMap<String, usize>,
    idf: Vec<f64>,
}

impl Vocabulary {
    /// `idf = ln((1 + n) / (1 + df)) + 1`, as scikit-learn's `TfidfVectorizer`.
    fn new(documents: impl Iterator<Item = Vec<String>>) -> Vocabulary {
        let (mut frequency, mut count) = (BTreeMap::<String, usize>::new(), 0.0);
        for terms in documents {
            count += 1.0;
            for term in terms.into_iter().collect::<BTreeSet<_>>() {
                *frequency.entry(term).or_default() += 1;
            }
        }
        let mut frequent: Vec<(String, usize)> = frequency.into_iter().collect();
        frequent.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        frequent.truncate(MAX_COLUMNS);
        let idf = frequent.iter().map(|(_, df)| ((1.0 + count) / (1.0 + *df as f64)).ln() + 1.0);
        Vocabulary {
            idf: idf.collect(),
            columns: frequent.into_iter().enumerate().map(|(c, (term, _))| (term, c)).collect(),
        }
    }

    /// Counts times idf, scaled to length 1; in the order of the columns.
    fn vector(&self, counts: &BTreeMap<usize, f64>) -> Vec<(usize, f64)> {
        let raw: Vec<(usize, f64)> =
            counts.iter().map(|(&column, &count)| (column, count * self.idf[column])).collect();
        let length = raw.iter().map(|(_, value)| value * value).sum::<f64>().sqrt().max(1e-12);
        raw.into_iter().map(|(column, value)| (column, value / length)).collect()
    }

    fn count(&self, counts: &mut BTreeMap<usize, f64>, terms: Vec<String>) {
        for column in terms.iter().filter_map(|term| self.columns.get(term)) {
            *counts.entry(*column).or_default() += 1.0;
        }
    }

    /// The vector of the call after each of its visible turns.
    fn prefixes(&self, call: &Call) -> Vec<Vec<(usize, f64)>> {
        let mut counts = BTreeMap::new();
        let visible = &call.turns[..call.visible_turns()];
        visible
            .iter()
            .map(|turn| {
                self.count(&mut counts, terms(Role::of(turn.speaker), &turn.text));
                self.vector(&counts)
            })
            .collect()
    }
}

impl Tfidf {
    /// Fits vocabulary and weights on `calls`.
    ///
    /// # Errors
    /// A sentence when the fit diverges.
    pub fn fit(calls: &[&Call]) -> Result<Tfidf, String> {
        let whole = |call: &&Call| {
            let visible = &call.turns[..call.visible_turns()];
            visible.iter().flat_map(|turn| terms(Role::of(turn.speaker), &turn.text)).collect()
        };
        let vocabulary = Vocabulary::new(calls.iter().map(whole));
        let (mut rows, mut labels) = (Vec::new(), Vec::new());
        for call in calls {
            let prefixes = vocabulary.prefixes(call);
            let last = prefixes.len().saturating_sub(1);
            let first = first_forecast(call).unwrap_or(usize::MAX);
            for (turn, row) in prefixes.into_iter().enumerate() {
                if turn >= first && ((turn - first).is_multiple_of(STRIDE) || turn == last) {
                    rows.push(row);
                    labels.push(call.escalates());
                }
            }
        }
        let mut x = Array2::<f32>::zeros((rows.len(), vocabulary.idf.len()).f());
        for (line, row) in rows.iter().enumerate() {
            for &(column, value) in row {
                x[[line, column]] = value as f32;
            }
        }
        let fitted = logistic::fit(x.view(), &labels, PENALTY, TOLERANCE)
            .map_err(|error| format!("the TF-IDF baseline: {error}"))?;
        Ok(Tfidf { vocabulary, weights: fitted.weights, intercept: fitted.intercept })
    }

    /// Log-odds after each visible turn of `call`.
    pub fn scores(&self, call: &Call) -> Vec<f64> {
        let score = |row: Vec<(usize, f64)>| {
            row.iter().fold(self.intercept, |sum, (column, x)| sum + self.weights[*column] * x)
        };
        self.vocabulary.prefixes(call).into_iter().map(score).collect()
    }
}

/// Index of the turn from which a forecast may be made.
fn first_forecast(call: &Call) -> Option<usize> {
    let customer =
        call.turns.iter().enumerate().filter(|(_, t)| Role::of(t.speaker) == Some(Role::Customer));
    customer.map(|(index, _)| index).nth(MIN_CUSTOMER_TURNS - 1)
}

/// Words and word pairs of a turn, marked with the role.
fn terms(role: Option<Role>, text: &str) -> Vec<String> {
    let Some(role) = role else { return Vec::new() };
    let words: Vec<String> = tokenise(text).into_iter().map(|token| token.word).collect();
    let name = role.name();
    let singles = words.iter().map(|word| format!("{name}:{word}"));
    let pairs = words.windows(2).map(|pair| format!("{name}:{} {}", pair[0], pair[1]));
    singles.chain(pairs).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::metrics::fixture;

    #[test]
    fn vectors_as_scikit_learn() {
        let recorded = fixture::read();
        let documents = recorded["documents"].as_array().unwrap().iter();
        let of = |text: &str| terms(Some(Role::Customer), text);
        let vocabulary = Vocabulary::new(documents.map(|text| of(text.as_str().unwrap())));
        let mut counts = BTreeMap::new();
        vocabulary.count(&mut counts, of("no refund now now help"));
        let own: HashMap<usize, f64> = vocabulary.vector(&counts).into_iter().collect();
        let theirs = recorded["tfidf"].as_object().unwrap();
        assert_eq!(own.len(), theirs.len());
        for (term, value) in theirs {
            let column = vocabulary.columns[&format!("customer:{term}")];
            assert!((own[&column] - value.as_f64().unwrap()).abs() < 1e-12, "{term}");
        }
    }

    #[test]
    fn it_learns_which_words_precede_an_escalation() {
        let call = |id: usize, word: &str, escalated: bool| -> Call {
            let turn = format!(r#"{{"speaker":"customer","text":"it is {word}"}}"#);
            let json = format!(
                r#"{{"id":"a-{id}","outcome":{{"escalated":{escalated}}},"turns":[{turn},{turn},{turn}]}}"#
            );
            serde_json::from_str(&json).unwrap()
        };
        let calls: Vec<Call> = (0..40)
            .map(|id| call(id, if id % 2 == 0 { "bad" } else { "good" }, id % 2 == 0))
            .collect();
        let fitted = Tfidf::fit(&calls.iter().collect::<Vec<_>>()).unwrap();
        assert!(fitted.scores(&calls[0])[2] > 0.5 && fitted.scores(&calls[1])[2] < -0.5);
    }
}
