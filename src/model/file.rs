//! The model file: JSON, one n-gram a line, small enough to read and to diff.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Calibration, Model, RiskHead, SentimentHead, Thresholds, TurnHeads};
use crate::text::Lexicon;

/// Version of the file format this binary writes and reads.
pub const FORMAT_VERSION: u32 = 1;
const FORMAT: &str = "forewarn-model";

/// Why a model was refused.
#[derive(Debug, Error)]
pub enum ModelError {
    /// Not the JSON of a model.
    #[error("{origin}: not a model file: {message}")]
    Syntax {
        /// File or other name of the text.
        origin: String,
        /// The parser's words, with line and column.
        message: String,
    },
    /// A model, but not one this binary can use.
    #[error("{origin}: {message}")]
    Unusable {
        /// File or other name of the text.
        origin: String,
        /// What is wrong and how to mend it.
        message: String,
    },
}

/// Where a model's numbers come from. No paths and no dates: the same training gives the same
/// file, wherever and whenever.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// What it was fitted on.
    pub sources: Vec<Source>,
    /// Settings of the recipe, by name.
    pub recipe: BTreeMap<String, f64>,
}

/// One file of training data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// Its name without folders.
    pub file: String,
    /// Of its bytes.
    pub sha256: String,
    /// Its licence, where it is not the project's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// Calls in it; 0 for a file of another kind.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub calls: usize,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_zero(number: &usize) -> bool {
    *number == 0
}

#[derive(Serialize, Deserialize)]
struct File {
    format: String,
    version: u32,
    feature_space: String,
    name: String,
    lang: String,
    base_rate: f64,
    training: Training,
    calibration: Calibration,
    thresholds: Thresholds,
    risk: RiskPart,
    #[serde(skip_serializing_if = "Option::is_none")]
    sentiment: Option<SentimentPart>,
    customer: HeadsPart,
    agent: HeadsPart,
}

#[derive(Serialize, Deserialize)]
struct RiskPart {
    intercept: f64,
    columns: Vec<(String, f64)>,
}

#[derive(Serialize, Deserialize)]
struct SentimentPart {
    /// Negative, positive.
    intercepts: [f64; 2],
    inputs: Vec<(String, [f64; 2])>,
}

#[derive(Serialize, Deserialize)]
struct HeadsPart {
    heads: Vec<String>,
    intercepts: Vec<f64>,
    speaks_from: Vec<f64>,
    ngrams: BTreeMap<String, Vec<f64>>,
}

impl Model {
    /// Reads a model and interns its words in `lexicon`. `space` is the feature space this
    /// binary computes; `origin` names the text in errors.
    ///
    /// # Errors
    /// [`ModelError`] when the text is no model, or one for another feature space.
    pub fn parse(
        json: &str,
        origin: &str,
        space: &str,
        lexicon: &mut Lexicon,
    ) -> Result<Model, ModelError> {
        let file: File = serde_json::from_str(json).map_err(|error| ModelError::Syntax {
            origin: origin.into(),
            message: error.to_string(),
        })?;
        check(&file, space)
            .map_err(|message| ModelError::Unusable { origin: origin.into(), message })?;
        let (columns, weights) = file.risk.columns.into_iter().unzip();
        Ok(Model {
            name: file.name,
            lang: file.lang,
            base_rate: file.base_rate,
            training: file.training,
            customer: file.customer.into_heads(lexicon),
            agent: file.agent.into_heads(lexicon),
            sentiment: file.sentiment.map(SentimentPart::into_head),
            risk: RiskHead { intercept: file.risk.intercept, columns, weights },
            calibration: file.calibration,
            thresholds: file.thresholds,
        })
    }

    /// The model as a file for a binary that computes the feature space `space`.
    pub fn to_json(&self, space: &str) -> String {
        let file = File {
            format: FORMAT.into(),
            version: FORMAT_VERSION,
            feature_space: space.into(),
            name: self.name.clone(),
            lang: self.lang.clone(),
            base_rate: self.base_rate,
            training: self.training.clone(),
            calibration: self.calibration,
            thresholds: self.thresholds,
            risk: RiskPart {
                intercept: self.risk.intercept,
                columns: std::iter::zip(self.risk.columns.clone(), self.risk.weights.clone())
                    .collect(),
            },
            sentiment: self.sentiment.as_ref().map(SentimentPart::from_head),
            customer: HeadsPart::from_heads(&self.customer),
            agent: HeadsPart::from_heads(&self.agent),
        };
        one_entry_a_line(&serde_json::to_value(file).unwrap_or_default())
    }
}

fn check(file: &File, space: &str) -> Result<(), String> {
    if file.format != FORMAT {
        return Err(format!("its `format` is `{}`, not `{FORMAT}`", file.format));
    }
    if file.version != FORMAT_VERSION {
        let (own, theirs) = (FORMAT_VERSION, file.version);
        return Err(format!("format version {theirs}; this binary reads {own}: train it again"));
    }
    if file.feature_space != space {
        return Err(format!(
            "made for the feature space `{}`; this binary computes `{space}`: train it again",
            file.feature_space
        ));
    }
    if file.calibration.slope.is_nan() || file.calibration.slope <= 0.0 {
        return Err("its calibration slope is not above 0: train it again".into());
    }
    let Thresholds { watch, warning, critical } = file.thresholds;
    if !(watch <= warning && warning <= critical) {
        return Err("its thresholds do not rise from watch to warning to critical".into());
    }
    for (role, part) in [("customer", &file.customer), ("agent", &file.agent)] {
        if [part.intercepts.len(), part.speaks_from.len()] != [part.heads.len(); 2] {
            return Err(format!("`{role}` has not one intercept and one threshold a head"));
        }
        let wide = part.heads.len();
        if let Some((ngram, _)) = part.ngrams.iter().find(|(_, row)| row.len() != wide) {
            return Err(format!("`{role}`: n-gram `{ngram}` has not {wide} weights"));
        }
    }
    Ok(())
}

impl SentimentPart {
    fn into_head(self) -> SentimentHead {
        let (inputs, weights) = self.inputs.into_iter().unzip();
        SentimentHead { inputs, intercepts: self.intercepts, weights }
    }

    fn from_head(head: &SentimentHead) -> SentimentPart {
        let inputs = std::iter::zip(head.inputs.clone(), head.weights.clone()).collect();
        SentimentPart { intercepts: head.intercepts, inputs }
    }
}

impl HeadsPart {
    fn into_heads(self, lexicon: &mut Lexicon) -> TurnHeads {
        let shape = (self.ngrams.len(), self.heads.len());
        let (ngrams, rows): (Vec<_>, Vec<_>) = self.ngrams.into_iter().unzip();
        let flat = rows.concat();
        let weights =
            Array2::from_shape_fn(shape, |(row, column)| flat[row * shape.1 + column] as f32);
        let intercepts = Array1::from(self.intercepts);
        let mut heads = TurnHeads::new(self.heads, intercepts, ngrams, weights, lexicon);
        heads.speaks_from = self.speaks_from;
        heads
    }

    fn from_heads(heads: &TurnHeads) -> HeadsPart {
        let rows = (0..).map(|row| heads.row(row).map(short).collect());
        HeadsPart {
            heads: heads.names.clone(),
            intercepts: heads.intercepts.to_vec(),
            speaks_from: heads.speaks_from.clone(),
            ngrams: std::iter::zip(heads.ngrams.clone(), rows).collect(),
        }
    }
}

/// The decimal that is written for a weight: the shortest that reads back as the same `f32`.
fn short(weight: f32) -> f64 {
    weight.to_string().parse().unwrap_or_default()
}

/// Objects are spread over lines, arrays of plain values stay on one.
pub(crate) fn one_entry_a_line(value: &serde_json::Value) -> String {
    let mut out = String::new();
    write_value(&mut out, value, 0);
    out.push('\n');
    out
}

fn write_value(out: &mut String, value: &serde_json::Value, depth: usize) {
    use serde_json::Value::{Array, Object};
    let nested = |items: &[serde_json::Value]| items.iter().any(|v| v.is_array() || v.is_object());
    let indent = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', depth));
    };
    match value {
        Object(fields) if !fields.is_empty() => {
            for (index, (name, field)) in fields.iter().enumerate() {
                out.push(if index == 0 { '{' } else { ',' });
                indent(out, depth + 1);
                // Writing to a String cannot fail.
                let _ = write!(out, "{}: ", serde_json::Value::from(name.as_str()));
                write_value(out, field, depth + 1);
            }
            indent(out, depth);
            out.push('}');
        }
        Array(items) if nested(items) && depth < 3 => {
            for (index, item) in items.iter().enumerate() {
                out.push(if index == 0 { '[' } else { ',' });
                indent(out, depth + 1);
                let _ = write!(out, "{item}");
            }
            indent(out, depth);
            out.push(']');
        }
        plain => {
            let _ = write!(out, "{plain}");
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A model small enough to work out by hand: one head a role, two n-grams.
    pub(crate) fn tiny(lexicon: &mut Lexicon) -> Model {
        let mut heads = |name: &str| {
            TurnHeads::new(
                vec![name.into()],
                ndarray::array![-1.0],
                vec!["no".into(), "no way".into()],
                ndarray::array![[1.5], [2.1]],
                lexicon,
            )
        };
        Model {
            name: "tiny".into(),
            lang: "en".into(),
            base_rate: 0.4,
            training: Training::default(),
            customer: heads("negative"),
            agent: heads("act:refu"),
            sentiment: Some(SentimentHead {
                inputs: vec!["words.negative".into()],
                intercepts: [0.5, -0.5],
                weights: vec![[1.0, -1.0]],
            }),
            risk: RiskHead { intercept: -0.5, columns: vec![], weights: vec![] },
            calibration: Calibration { slope: 1.0, intercept: 0.0 },
            thresholds: Thresholds { watch: -1.0, warning: 0.0, critical: 1.0 },
        }
    }

    #[test]
    fn a_model_survives_its_file() {
        let json = tiny(&mut Lexicon::default()).to_json("space/1");
        let back = Model::parse(&json, "m", "space/1", &mut Lexicon::default()).unwrap();
        assert_eq!(back.to_json("space/1"), json);
        assert_eq!(back.customer.weight(1, 0), 2.1);
        assert_eq!(back.sentiment.unwrap().weights, [[1.0, -1.0]]);
        assert!(json.contains("\n   \"no way\": [2.1]"), "{json}");
    }

    #[test]
    fn a_model_for_another_space_is_refused() {
        let json = tiny(&mut Lexicon::default()).to_json("space/1");
        let refused = |json: &str, space| {
            Model::parse(json, "m.json", space, &mut Lexicon::default()).unwrap_err().to_string()
        };
        assert!(refused(&json, "space/2").contains("feature space `space/1`"));
        assert!(refused("{", "space/1").contains("line 1"));
        let broken = json.replace("[2.1]", "[]");
        assert!(refused(&broken, "space/1").contains("`no way`"));
    }

    #[test]
    fn only_its_own_language() {
        let model = tiny(&mut Lexicon::default());
        assert!(model.speaks(None) && model.speaks(Some("en-GB")) && !model.speaks(Some("de")));
    }
}
