//! Which n-grams the heads of a role know, and which of them a turn has.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::heads::LabelledCall;
use super::recipe::Recipe;
use super::turns::LabelledTurn;
use crate::features::Role;
use crate::model::ngrams;

/// The n-grams of one role.
pub(super) struct Vocabulary {
    /// As written, sorted.
    pub ngrams: Vec<String>,
    /// Which of them are frequent enough in calls to get weights of their own.
    frequent: Vec<bool>,
    places: HashMap<String, u32>,
}

/// What a turn has of a vocabulary.
pub(super) struct Present {
    /// Rows of the n-grams that get weights.
    pub frequent: Vec<u32>,
    /// Known n-grams of any kind.
    pub distinct: u32,
}

impl Vocabulary {
    /// The n-grams that occur in the most calls, at least in `min_calls` of them, and those that
    /// a teacher knows.
    pub(super) fn new<'a>(
        calls: &[&LabelledCall],
        role: Role,
        recipe: &Recipe,
        taught: impl Iterator<Item = &'a String>,
    ) -> Vocabulary {
        let frequent = frequent(calls, role, recipe);
        let taught: BTreeSet<&str> = taught.map(String::as_str).collect();
        let all: BTreeSet<&str> = frequent.iter().map(String::as_str).chain(taught).collect();
        let ngrams: Vec<String> = all.into_iter().map(str::to_owned).collect();
        let places = ngrams.iter().cloned().zip(0..).collect();
        let frequent = ngrams.iter().map(|ngram| frequent.contains(ngram)).collect();
        Vocabulary { ngrams, frequent, places }
    }

    /// What `turn` has of it.
    pub(super) fn present(&self, turn: &LabelledTurn) -> Present {
        let found = ngrams::written(&turn.words);
        let rows: BTreeSet<u32> =
            found.iter().filter_map(|ngram| self.places.get(ngram)).copied().collect();
        let distinct = rows.len() as u32;
        let frequent = rows.into_iter().filter(|&row| self.frequent[row as usize]).collect();
        Present { frequent, distinct }
    }
}

fn frequent(calls: &[&LabelledCall], role: Role, recipe: &Recipe) -> BTreeSet<String> {
    let mut frequency: BTreeMap<String, usize> = BTreeMap::new();
    for call in calls {
        let mut own = BTreeSet::new();
        for turn in call.turns.iter().filter(|turn| turn.role == Some(role)) {
            own.extend(ngrams::written(&turn.words));
        }
        for ngram in own {
            *frequency.entry(ngram).or_default() += 1;
        }
    }
    let mut frequent: Vec<(String, usize)> =
        frequency.into_iter().filter(|(_, calls)| *calls >= recipe.min_calls).collect();
    // Stable: of equally frequent n-grams the first by name stay.
    frequent.sort_by_key(|(_, calls)| std::cmp::Reverse(*calls));
    frequent.into_iter().take(recipe.max_ngrams).map(|(ngram, _)| ngram).collect()
}
