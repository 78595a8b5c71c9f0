//! The phrase list as a user writes it, checked when it is read.

use std::collections::HashSet;

use serde::Deserialize;
use thiserror::Error;

use super::{MAX_PHRASES, pattern::expand};
use crate::call::Speaker;

/// Why a list was refused.
#[derive(Debug, Error)]
pub enum ListError {
    /// Not TOML, or not of this shape; the text names line and column.
    #[error("{origin}: {message}")]
    Syntax {
        /// File or other name of the text.
        origin: String,
        /// The parser's words, with line and column.
        message: String,
    },
    /// A value that cannot be used.
    #[error("{origin}: category `{category}`: {message}")]
    Category {
        /// File or other name of the text.
        origin: String,
        /// The category's id.
        category: String,
        /// What is wrong and how to mend it.
        message: String,
    },
}

/// Who may say a phrase for it to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Who {
    /// The customer only.
    Customer,
    /// The agent only.
    Agent,
    /// Customer or agent.
    Any,
}

impl Who {
    /// Whether words of `speaker` count.
    pub fn includes(self, speaker: Speaker) -> bool {
        match self {
            Who::Customer => speaker == Speaker::Customer,
            Who::Agent => speaker == Speaker::Agent,
            Who::Any => matches!(speaker, Speaker::Customer | Speaker::Agent),
        }
    }
}

/// Level of the alert a phrase raises by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertLevel {
    /// Worth a supervisor's look.
    Warning,
    /// Worth it at once.
    Critical,
}

/// A named group of phrases.
#[derive(Clone, Debug)]
pub struct Category {
    /// The name in scores, reasons and rules.
    pub id: String,
    /// What people read.
    pub label: String,
    /// Whether an alerting phrase of it means that the call has now overtly escalated.
    pub escalation: bool,
}

/// One phrase pattern.
#[derive(Clone, Debug)]
pub struct Phrase {
    /// The pattern as written.
    pub pattern: String,
    /// Index into [`PhraseList::categories`].
    pub category: usize,
    /// Who may say it.
    pub who: Who,
    /// The alert a match raises by itself, if any.
    pub alert: Option<AlertLevel>,
    /// Whether a negation in the three words before undoes it.
    pub unless_negated: bool,
}

/// A checked phrase list.
#[derive(Clone, Debug, Default)]
pub struct PhraseList {
    categories: Vec<Category>,
    phrases: Vec<Phrase>,
}

impl PhraseList {
    /// Reads a list from TOML. `origin` names it in errors.
    ///
    /// # Errors
    /// [`ListError`], for the first thing that is wrong.
    pub fn parse(toml: &str, origin: &str) -> Result<PhraseList, ListError> {
        let syntax = |message: String| ListError::Syntax { origin: origin.into(), message };
        let file: File = toml::from_str(toml).map_err(|error| syntax(error.to_string()))?;
        if file.version != 1 {
            return Err(syntax(format!(
                "version {} is unknown; write `version = 1`",
                file.version
            )));
        }
        let mut list = PhraseList::default();
        let mut seen = HashSet::new();
        for category in file.category {
            let id = category.id.clone();
            let fresh = seen.insert(id.clone());
            list.add(category, fresh).map_err(|message| ListError::Category {
                origin: origin.into(),
                category: id,
                message,
            })?;
        }
        Ok(list)
    }

    fn add(&mut self, category: FileCategory, fresh: bool) -> Result<(), String> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if category.id.is_empty() || !category.id.chars().all(plain) {
            return Err("an id is lower-case letters, digits and `_`".into());
        }
        if !fresh {
            return Err("the id is used twice; merge the two".into());
        }
        let index = self.categories.len();
        for entry in &category.phrases {
            let phrase = entry.resolve(&category, index);
            let expansions = expand(&phrase.pattern)
                .map_err(|error| format!("phrase \"{}\" {error}", phrase.pattern))?;
            if self.phrases.len() + expansions.len() > MAX_PHRASES {
                return Err(format!("the list holds more than {MAX_PHRASES} phrases"));
            }
            self.phrases.push(phrase);
        }
        self.categories.push(Category {
            id: category.id,
            label: category.label,
            escalation: category.escalation,
        });
        Ok(())
    }

    /// The categories, in the order of the file.
    pub fn categories(&self) -> &[Category] {
        &self.categories
    }

    /// All phrases, in the order of the file.
    pub fn phrases(&self) -> &[Phrase] {
        &self.phrases
    }

    /// The category a phrase belongs to.
    pub fn category_of(&self, phrase: u32) -> &Category {
        &self.categories[self.phrases[phrase as usize].category]
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    #[serde(default)]
    category: Vec<FileCategory>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileCategory {
    id: String,
    label: String,
    who: Who,
    #[serde(default)]
    alert: bool,
    #[serde(default = "warning")]
    level: AlertLevel,
    #[serde(default)]
    escalation: bool,
    #[serde(default = "yes")]
    unless_negated: bool,
    phrases: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Plain(String),
    Full(FullEntry),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FullEntry {
    say: String,
    who: Option<Who>,
    alert: Option<bool>,
    level: Option<AlertLevel>,
    unless_negated: Option<bool>,
}

impl Entry {
    fn resolve(&self, category: &FileCategory, index: usize) -> Phrase {
        let (pattern, full) = match self {
            Entry::Plain(pattern) => (pattern, None),
            Entry::Full(full) => (&full.say, Some(full)),
        };
        let alerts = full.and_then(|f| f.alert).unwrap_or(category.alert);
        let level = full.and_then(|f| f.level).unwrap_or(category.level);
        Phrase {
            pattern: pattern.clone(),
            category: index,
            who: full.and_then(|f| f.who).unwrap_or(category.who),
            alert: alerts.then_some(level),
            unless_negated: full.and_then(|f| f.unless_negated).unwrap_or(category.unless_negated),
        }
    }
}

fn yes() -> bool {
    true
}

fn warning() -> AlertLevel {
    AlertLevel::Warning
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(toml: &str) -> String {
        PhraseList::parse(toml, "my.toml").unwrap_err().to_string()
    }

    #[test]
    fn a_phrase_may_override_its_category() {
        let list = PhraseList::parse(
            "version = 1\n[[category]]\nid = \"a\"\nlabel = \"A\"\nwho = \"customer\"\n\
             phrases = [\"one\", { say = \"two\", alert = true, level = \"critical\" }]",
            "t",
        )
        .unwrap();
        assert_eq!(list.phrases()[0].alert, None);
        assert_eq!(list.phrases()[1].alert, Some(AlertLevel::Critical));
    }

    #[test]
    fn errors_name_the_place() {
        let message = refusal("version = 1\n[[category]]\nid = 3");
        assert!(message.contains("my.toml") && message.contains("line 3"), "{message}");
        let head = "version = 1\n[[category]]\nlabel = \"A\"\nwho = \"any\"\n";
        let message = refusal(&format!("{head}id = \"a\"\nphrases = [\"(x\"]"));
        assert!(message.contains("`a`") && message.contains("\"(x\""), "{message}");
        assert!(refusal(&format!("{head}id = \"A b\"\nphrases = []")).contains("lower-case"));
        assert!(refusal("version = 2").contains("version = 1"));
    }
}
