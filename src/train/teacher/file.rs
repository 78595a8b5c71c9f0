//! A teacher's file: names and numbers, one n-gram a line.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::model::{Training, one_entry_a_line};

const FORMAT: &str = "forewarn-teacher";
const VERSION: u32 = 1;

/// Why there is no teacher.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct TeacherError(String);

impl TeacherError {
    pub(super) fn file(origin: &str, message: impl std::fmt::Display) -> TeacherError {
        TeacherError(format!("{origin}: {message}"))
    }

    pub(super) fn fit(head: &str, file: &str, message: String) -> TeacherError {
        TeacherError(format!("head `{head}` on {file}: {message}"))
    }
}

/// Fitted heads over the n-grams of a text.
///
/// The log-odds of head `h` for a text with the distinct known n-grams `G` is
/// `intercepts[h] + Σ_{g∈G} ngrams[g][h] / √|G|`.
/// A model that takes the heads over counts all n-grams that it knows itself into `|G|`.
#[derive(Clone, Debug, PartialEq)]
pub struct Teacher {
    /// Its name.
    pub name: String,
    /// BCP 47 language.
    pub lang: String,
    /// What it was fitted on.
    pub training: Training,
    /// Names of the heads.
    pub heads: Vec<String>,
    /// One for each head.
    pub intercepts: Vec<f64>,
    /// For each n-gram a weight for each head.
    pub ngrams: BTreeMap<String, Vec<f64>>,
}

#[derive(Serialize, Deserialize)]
struct File {
    format: String,
    version: u32,
    name: String,
    lang: String,
    training: Training,
    weights: Weights,
}

#[derive(Serialize, Deserialize)]
struct Weights {
    heads: Vec<String>,
    intercepts: Vec<f64>,
    ngrams: BTreeMap<String, Vec<f64>>,
}

impl Teacher {
    /// Reads a teacher. `origin` names the text in errors.
    ///
    /// # Errors
    /// [`TeacherError`] when the text is none.
    pub fn parse(json: &str, origin: &str) -> Result<Teacher, TeacherError> {
        let refused = |message: String| TeacherError::file(origin, message);
        let File { format, version, name, lang, training, weights } = serde_json::from_str(json)
            .map_err(|error| refused(format!("not a teacher's file: {error}")))?;
        if (format.as_str(), version) != (FORMAT, VERSION) {
            let found = format!("it is `{format}` version {version}");
            return Err(refused(format!("{found}; expected `{FORMAT}` version {VERSION}")));
        }
        let Weights { heads, intercepts, ngrams } = weights;
        let odd = ngrams.iter().find(|(_, row)| row.len() != heads.len());
        if let Some((ngram, _)) = odd {
            return Err(refused(format!("n-gram `{ngram}` has not {} weights", heads.len())));
        }
        if intercepts.len() != heads.len() {
            return Err(refused("it has not one intercept for each head".into()));
        }
        Ok(Teacher { name, lang, training, heads, intercepts, ngrams })
    }

    /// The teacher as a file.
    pub fn to_json(&self) -> String {
        let file = File {
            format: FORMAT.into(),
            version: VERSION,
            name: self.name.clone(),
            lang: self.lang.clone(),
            training: self.training.clone(),
            weights: Weights {
                heads: self.heads.clone(),
                intercepts: self.intercepts.clone(),
                ngrams: self.ngrams.clone(),
            },
        };
        one_entry_a_line(&serde_json::to_value(file).unwrap_or_default())
    }

    /// Position of the head called `name`.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.heads.iter().position(|own| own == name)
    }
}
