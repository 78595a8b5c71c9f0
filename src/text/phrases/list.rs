//! The phrase list as a user writes it, checked when it is read.

use std::fmt;

use serde::Deserialize;
use serde::de::IgnoredAny;
use thiserror::Error;
use toml::Spanned;

use super::{MAX_PHRASES, pattern::expand};
use crate::call::Speaker;
use crate::text::one_line;

/// Why a list was refused.
#[derive(Debug, Error)]
pub enum ListError {
    /// Not TOML, or not of this shape.
    #[error("{origin}:{position}: {message}")]
    Syntax {
        /// File or other name of the text.
        origin: String,
        /// Where.
        position: Position,
        /// The parser's words.
        message: String,
    },
    /// A value that cannot be used.
    #[error("{origin}:{position}: category `{category}`: {message}")]
    Category {
        /// File or other name of the text.
        origin: String,
        /// Where.
        position: Position,
        /// The category's id.
        category: String,
        /// What is wrong and how to mend it.
        message: String,
    },
}

/// A place in a text that a person edits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// 1-based.
    pub line: usize,
    /// 1-based, in code points.
    pub column: usize,
}

impl Position {
    /// Of a byte of `text`.
    pub fn of(text: &str, byte: usize) -> Position {
        let before = text.get(..byte).unwrap_or(text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        Position { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
    }

    /// Where a parser stopped.
    pub fn of_error(text: &str, error: &toml::de::Error) -> Position {
        Position::of(text, error.span().map_or(0, |span| span.start))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
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
    /// Made of the phrases that a rule listens for by itself; no trigger of its own.
    pub of_rule: bool,
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
    /// Concrete phrases that the patterns stand for.
    expansions: usize,
}

impl PhraseList {
    /// Reads a list from TOML. `origin` names it in errors.
    ///
    /// # Errors
    /// [`ListError`], for the first thing that is wrong.
    pub fn parse(toml: &str, origin: &str) -> Result<PhraseList, ListError> {
        let syntax = |position, message: String| ListError::Syntax {
            origin: origin.into(),
            position,
            message,
        };
        let file: File = toml::from_str(toml)
            .map_err(|error| syntax(Position::of_error(toml, &error), one_line(error.message())))?;
        if *file.version.get_ref() != 1 {
            let position = Position::of(toml, file.version.span().start);
            let version = file.version.get_ref();
            return Err(syntax(position, format!("version {version} is unknown; write 1")));
        }
        let mut list = PhraseList::default();
        for category in file.category {
            let id = category.id.get_ref().clone();
            list.add(category).map_err(|(byte, message)| ListError::Category {
                origin: origin.into(),
                position: Position::of(toml, byte),
                category: one_line(&id),
                message: one_line(&message),
            })?;
        }
        Ok(list)
    }

    /// Errors come with the byte they are about.
    fn add(&mut self, category: FileCategory) -> Result<(), (usize, String)> {
        let id = category.id.get_ref();
        check_id(id).map_err(|message| (category.id.span().start, message))?;
        if self.categories.iter().any(|other| other.id == *id) {
            let message = "the id is used twice; merge the two".into();
            return Err((category.id.span().start, message));
        }
        let index = self.categories.len();
        for entry in &category.phrases {
            let phrase = entry.get_ref().resolve(&category, index);
            self.push(phrase).map_err(|message| (entry.span().start, message))?;
        }
        self.categories.push(Category {
            id: category.id.into_inner(),
            label: category.label,
            escalation: category.escalation,
            of_rule: false,
        });
        Ok(())
    }

    /// Adds the phrases that a rule listens for by itself, as a category named like the rule.
    /// Gives its index.
    ///
    /// # Errors
    /// A sentence that says what is wrong with which phrase.
    pub fn add_of_rule(
        &mut self,
        id: &str,
        label: &str,
        patterns: &[String],
    ) -> Result<usize, String> {
        let category = self.categories.len();
        for pattern in patterns {
            self.push(Phrase {
                pattern: pattern.clone(),
                category,
                who: Who::Any,
                alert: None,
                unless_negated: false,
            })?;
        }
        let (id, label) = (id.to_owned(), label.to_owned());
        self.categories.push(Category { id, label, escalation: false, of_rule: true });
        Ok(category)
    }

    fn push(&mut self, phrase: Phrase) -> Result<(), String> {
        let expansions = expand(&phrase.pattern)
            .map_err(|error| format!("phrase \"{}\" {error}", phrase.pattern))?;
        self.expansions += expansions.len();
        if self.expansions > MAX_PHRASES {
            return Err(format!("the list holds more than {MAX_PHRASES} phrases"));
        }
        self.phrases.push(phrase);
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
    version: Spanned<u32>,
    #[serde(default)]
    category: Vec<FileCategory>,
    /// Rules over time stand in the same file; who knows calls reads them.
    #[serde(default, rename = "rule")]
    _rules: Vec<IgnoredAny>,
}

/// # Errors
/// A sentence, for a name that scores and reasons cannot carry.
pub fn check_id(id: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    match id.is_empty() || !id.chars().all(plain) {
        true => Err("an id is lower-case letters, digits and `_`".into()),
        false => Ok(()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileCategory {
    id: Spanned<String>,
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
    phrases: Vec<Spanned<Entry>>,
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
        assert!(message.starts_with("my.toml:3:6: "), "{message}");
        let head = "version = 1\n[[category]]\nlabel = \"A\"\nwho = \"any\"\n";
        let message = refusal(&format!("{head}id = \"a\"\nphrases = [\"(x\"]"));
        assert!(message.contains("`a`") && message.contains("\"(x\""), "{message}");
        assert!(message.starts_with("my.toml:6:12: "), "{message}");
        assert!(refusal(&format!("{head}id = \"A b\"\nphrases = []")).contains("lower-case"));
        assert!(refusal("version = 2").starts_with("my.toml:1:11: version 2"));
        let twice = "[[category]]\nlabel = \"A\"\nwho = \"any\"\nid = \"a\"\nphrases = []\n";
        let message = refusal(&format!("version = 1\n{twice}{twice}"));
        assert!(message.starts_with("my.toml:10:6: category `a`"), "{message}");
    }
}
