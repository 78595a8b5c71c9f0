//! Single texts with a label, one JSON object a line: what teachers are fitted on.

use std::io::BufRead;
use std::path::Path;

use serde::Deserialize;

use super::{CorpusError, line_error, open};

/// A text and what it was labelled as.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledText {
    /// What was written.
    pub text: String,
    /// Its label in the collection.
    pub label: String,
}

#[derive(Deserialize)]
struct Line {
    text: Option<String>,
    turns: Option<Vec<String>>,
    sentiment: Option<String>,
    emotion: Option<String>,
}

/// The texts in `path`: `text`, or the last of `turns`; the label is `sentiment`, or `emotion`.
///
/// # Errors
/// [`CorpusError`] for a line without both, or a file without any.
pub fn texts(path: &Path) -> Result<Vec<LabelledText>, CorpusError> {
    let name = path.display().to_string();
    let mut texts = Vec::new();
    for (index, line) in open(path)?.lines().enumerate() {
        let refused = |message: &str| line_error(&name, index, message);
        let line = line.map_err(|error| refused(&error.to_string()))?;
        if line.trim().is_empty() {
            continue;
        }
        let line: Line =
            serde_json::from_str(&line).map_err(|error| refused(&error.to_string()))?;
        let text = line.text.or_else(|| line.turns?.pop());
        let label = line.sentiment.or(line.emotion);
        let (text, label) = text
            .zip(label)
            .ok_or_else(|| refused("needs `text` or `turns`, and `sentiment` or `emotion`"))?;
        texts.push(LabelledText { text, label });
    }
    if texts.is_empty() {
        return Err(CorpusError::Empty { path: name });
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_shapes_are_read_and_others_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("texts.jsonl");
        let good = r#"{"text":"hm","sentiment":"neutral"}
{"turns":["a","b","c"],"emotion":"sad"}"#;
        std::fs::write(&path, good).unwrap();
        let read = texts(&path).unwrap();
        assert_eq!((read[0].text.as_str(), read[0].label.as_str()), ("hm", "neutral"));
        assert_eq!((read[1].text.as_str(), read[1].label.as_str()), ("c", "sad"));
        std::fs::write(&path, format!("{good}\n{{\"text\":\"x\"}}")).unwrap();
        assert!(texts(&path).unwrap_err().to_string().contains("texts.jsonl:3: needs"));
    }
}
