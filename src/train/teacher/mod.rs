//! Teachers: small linear heads over single texts, fitted on public collections that are not
//! calls. A model takes over their weights as they are; what they know, calls need not show.

mod file;
mod recipe;

use std::collections::{BTreeMap, BTreeSet};

pub use file::{Teacher, TeacherError};
pub use recipe::{Collection, TeacherRecipe};

use super::Progress;
use super::heads::round;
use super::logistic::Fitted;
use super::sparse::{self, SparseRow};
use crate::corpus::LabelledText;
use crate::model::{Source, Training, TurnHeads, ngrams};
use crate::text::tokenise;

/// Length of the gradient at which a head counts as fitted.
const TOLERANCE: f64 = 0.5;

/// The texts of one collection, with their n-grams.
struct Texts<'a> {
    collection: &'a Collection,
    /// Distinct n-grams of each text.
    ngrams: Vec<BTreeSet<String>>,
    /// For each head of the recipe, for each text.
    labels: Vec<Vec<bool>>,
}

/// Fits a teacher. `texts` are those of the recipe's collections, in its order.
///
/// # Errors
/// A sentence naming the head that could not be fitted.
pub fn fit(
    recipe: &TeacherRecipe,
    texts: &[Vec<LabelledText>],
    progress: Progress<'_>,
) -> Result<Teacher, TeacherError> {
    let texts: Vec<Texts<'_>> = recipe
        .collections
        .iter()
        .zip(texts)
        .map(|(own, texts)| prepare(recipe, own, texts))
        .collect();
    let vocabularies: Vec<BTreeSet<&str>> = texts.iter().map(vocabulary).collect();
    let union: BTreeSet<&str> = vocabularies.iter().flatten().copied().collect();
    let ngrams: Vec<String> = union.iter().map(|&ngram| ngram.to_owned()).collect();
    let places: BTreeMap<&str, u32> = union.iter().copied().zip(0..).collect();
    let mut weights = vec![vec![0.0; recipe.heads.len()]; ngrams.len()];
    let mut intercepts = vec![0.0; recipe.heads.len()];
    for (own, vocabulary) in texts.iter().zip(&vocabularies) {
        let known = |set: &BTreeSet<String>| -> Vec<u32> {
            set.iter().filter_map(|ngram| places.get(ngram.as_str())).copied().collect()
        };
        let rows: Vec<Vec<u32>> = own.ngrams.iter().map(known).collect();
        for (head, labels) in own.labels.iter().enumerate() {
            progress(&format!("{}: {}", own.collection.file, recipe.heads[head]));
            let fitted =
                fit_one(&rows, labels, &ngrams, vocabulary, recipe.penalty).map_err(|error| {
                    TeacherError::fit(&recipe.heads[head], &own.collection.file, error)
                })?;
            intercepts[head] += own.collection.weight * fitted.intercept;
            for (sum, weight) in weights.iter_mut().zip(&fitted.weights) {
                sum[head] += own.collection.weight * weight;
            }
        }
    }
    let rounded = |numbers: Vec<f64>| numbers.into_iter().map(round).collect::<Vec<f64>>();
    Ok(Teacher {
        name: recipe.name.clone(),
        lang: recipe.lang.clone(),
        training: Training { sources: sources(recipe), recipe: recipe.numbers() },
        heads: recipe.heads.clone(),
        intercepts: rounded(intercepts),
        ngrams: ngrams.into_iter().zip(weights.into_iter().map(rounded)).collect(),
    })
}

fn sources(recipe: &TeacherRecipe) -> Vec<Source> {
    let source = |own: &Collection| Source {
        file: own.file.clone(),
        sha256: own.sha256.clone(),
        licence: Some(own.licence.clone()),
        calls: 0,
    };
    recipe.collections.iter().map(source).collect()
}

/// One head on one collection. Only `vocabulary` gets weights; the others among `ngrams` count
/// towards the damping, as they will when the teacher is used.
fn fit_one(
    rows: &[Vec<u32>],
    labels: &[bool],
    ngrams: &[String],
    vocabulary: &BTreeSet<&str>,
    penalty: f64,
) -> Result<Fitted, String> {
    let own: Vec<bool> = ngrams.iter().map(|ngram| vocabulary.contains(ngram.as_str())).collect();
    let weighed: Vec<Vec<u32>> = rows
        .iter()
        .map(|row| row.iter().copied().filter(|&column| own[column as usize]).collect())
        .collect();
    let rows: Vec<SparseRow<'_>> = rows
        .iter()
        .zip(&weighed)
        .map(|(all, own)| SparseRow { columns: own, value: TurnHeads::damping(all.len()) })
        .collect();
    sparse::fit(&rows, labels, ngrams.len(), penalty, TOLERANCE)
}

fn prepare<'a>(
    recipe: &TeacherRecipe,
    collection: &'a Collection,
    texts: &[LabelledText],
) -> Texts<'a> {
    let labels = |head: &String| {
        let wanted = collection.labels.get(head).map_or(&[][..], Vec::as_slice);
        texts.iter().map(|text| wanted.contains(&text.label)).collect()
    };
    Texts {
        collection,
        ngrams: texts.iter().map(|text| singles(&text.text, &recipe.drop)).collect(),
        labels: recipe.heads.iter().map(labels).collect(),
    }
}

/// Distinct words, stems and openings of a text. Pairs bring nothing on single texts.
fn singles(text: &str, drop: &[String]) -> BTreeSet<String> {
    let text = drop.iter().fold(text.to_owned(), |text, mark| text.replace(mark, " "));
    let words: Vec<String> = tokenise(&text).into_iter().map(|token| token.word).collect();
    let found = ngrams::written(&words).into_iter();
    found.filter(|ngram| ngram.starts_with('^') || !ngram.contains(' ')).collect()
}

/// The n-grams that say most, for any head: by the naive Bayes log-ratio of their frequencies
/// with and without the label, times the texts they occur in.
fn vocabulary<'a>(texts: &'a Texts<'_>) -> BTreeSet<&'a str> {
    let mut best: BTreeMap<&str, f64> = BTreeMap::new();
    for labels in &texts.labels {
        let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for (ngrams, &label) in texts.ngrams.iter().zip(labels) {
            for ngram in ngrams {
                let (with, without) = counts.entry(ngram).or_default();
                *(if label { with } else { without }) += 1;
            }
        }
        counts.retain(|_, (with, without)| *with + *without >= texts.collection.min_texts);
        let total = |of: fn(&(usize, usize)) -> usize| -> f64 {
            counts.values().map(|count| of(count) as f64 + 1.0).sum()
        };
        let (with, without) = (total(|count| count.0), total(|count| count.1));
        for (ngram, (p, q)) in &counts {
            let ratio = ((*p as f64 + 1.0) / with) / ((*q as f64 + 1.0) / without);
            let score = libm::log(ratio).abs() * (p + q) as f64;
            let kept = best.entry(ngram).or_insert(score);
            *kept = kept.max(score);
        }
    }
    let mut ranked: Vec<(&str, f64)> = best.into_iter().collect();
    // Stable: of equal scores the first by name stays.
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    ranked.into_iter().take(texts.collection.max_ngrams).map(|(ngram, _)| ngram).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECIPE: &str = r#"
name = "toy"
lang = "en"
heads = ["tone:negative", "tone:positive"]
penalty = 0.5
drop = ["[NAME]"]
[[collections]]
file = "a.jsonl"
sha256 = "00"
licence = "none"
source = "made up"
max_ngrams = 12
min_texts = 2
weight = 1.0
labels = { "tone:negative" = ["bad"], "tone:positive" = ["good"] }
"#;

    #[test]
    fn a_teacher_learns_from_labelled_texts() {
        let recipe = TeacherRecipe::parse(RECIPE, "toy.toml").unwrap();
        let text =
            |text: &str, label: &str| LabelledText { text: text.into(), label: label.into() };
        let mut texts = vec![text("[NAME] the day", "neutral")];
        for _ in 0..20 {
            texts.push(text("an awful day", "bad"));
            texts.push(text("a lovely day", "good"));
        }
        let teacher = fit(&recipe, &[texts], &|_| ()).unwrap();
        assert!(teacher.ngrams.len() <= 12);
        let awful = &teacher.ngrams["awful"];
        assert!(awful[0] > 0.5 && awful[1] < 0.0, "{awful:?}");
        assert!(!teacher.ngrams.contains_key("name"));
        let back = Teacher::parse(&teacher.to_json(), "toy.json").unwrap();
        assert_eq!(back.ngrams, teacher.ngrams);
    }
}
