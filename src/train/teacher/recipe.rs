//! What a teacher is made of: a TOML file that names collections and how to read their labels.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::TeacherError;
use crate::train::data::Needed;

/// Settings of a teacher.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeacherRecipe {
    /// Name of the teacher.
    pub name: String,
    /// BCP 47 language of the texts.
    pub lang: String,
    /// Names of its heads.
    pub heads: Vec<String>,
    /// Penalty on the weights of a head: `alpha/2 · |w|²` on a sum of losses.
    pub penalty: f64,
    /// Marks to be cut out of texts, such as stand-ins for names.
    pub drop: Vec<String>,
    /// The collections. Each is fitted by itself; the weights add up.
    pub collections: Vec<Collection>,
}

/// A collection of labelled texts: JSON Lines with `text` (or `turns`, of which the last is
/// meant) and a label in `sentiment` or `emotion`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Collection {
    /// Name of the file, without folders.
    pub file: String,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
    /// Licence of the texts.
    pub licence: String,
    /// Where they come from.
    pub source: String,
    /// Most n-grams that get weights.
    pub max_ngrams: usize,
    /// Texts an n-gram must occur in.
    pub min_texts: usize,
    /// How much the collection counts in the sum.
    pub weight: f64,
    /// For each head the labels that are examples of it.
    pub labels: BTreeMap<String, Vec<String>>,
}

impl From<&Collection> for Needed {
    fn from(own: &Collection) -> Needed {
        Needed {
            file: own.file.clone(),
            sha256: own.sha256.clone(),
            licence: own.licence.clone(),
            source: own.source.clone(),
        }
    }
}

impl TeacherRecipe {
    /// Reads a recipe. `origin` names it in errors.
    ///
    /// # Errors
    /// [`TeacherError`] when the text is no recipe of a teacher.
    pub fn parse(toml: &str, origin: &str) -> Result<TeacherRecipe, TeacherError> {
        let refused = |message: String| TeacherError::file(origin, message);
        let recipe: TeacherRecipe =
            toml::from_str(toml).map_err(|error| refused(error.to_string()))?;
        if recipe.penalty.is_nan() || recipe.penalty <= 0.0 {
            return Err(refused("`penalty` must be above 0".into()));
        }
        if recipe.heads.is_empty() || recipe.collections.is_empty() {
            return Err(refused("a teacher needs `heads` and `collections`".into()));
        }
        for own in &recipe.collections {
            if let Some(head) = own.labels.keys().find(|head| !recipe.heads.contains(head)) {
                let file = &own.file;
                return Err(refused(format!("{file} has labels for `{head}`, which is no head")));
            }
        }
        Ok(recipe)
    }

    /// The numbers among the settings, by name.
    pub fn numbers(&self) -> BTreeMap<String, f64> {
        [("penalty".to_owned(), self.penalty)].into()
    }
}
