//! Rules as a person writes them. `data/triggers.toml` explains each of these.

use std::fmt;

use serde::de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use crate::text::phrases::{AlertLevel, Who};

/// The whole file; categories are read by [`crate::text::phrases::PhraseList::parse`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(rename = "version")]
    _version: IgnoredAny,
    #[serde(default, rename = "category")]
    _category: IgnoredAny,
    #[serde(default)]
    pub rule: Vec<FileRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileRule {
    pub id: Spanned<String>,
    pub label: String,
    pub level: AlertLevel,
    #[serde(default = "yes")]
    pub enabled: bool,
    pub who: Option<Who>,
    #[serde(default)]
    pub queues: Vec<String>,
    #[serde(default)]
    pub teams: Vec<String>,
    pub attributes: Option<Spanned<toml::Table>>,
    pub when: Spanned<Condition>,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Condition {
    Said(Words),
    Count(Count),
    Sequence(Pair),
    NotFollowed(Pair),
    NotSaid(NotSaid),
    SentimentBelow(SentimentBelow),
    SentimentDrop(SentimentDrop),
    Silence(Over),
    Hold(Over),
    TalkOver(TalkOver),
    All(All),
    Any(Any),
    Not(Box<Spanned<Condition>>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Count {
    pub of: Words,
    pub times: u32,
    pub within_s: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pair {
    pub first: Words,
    pub then: Words,
    pub within_s: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NotSaid {
    pub of: Words,
    pub within_s: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SentimentBelow {
    pub value: f64,
    pub turns: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SentimentDrop {
    pub by: f64,
    pub within_s: Option<u32>,
    pub turns: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Over {
    pub over_s: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TalkOver {
    pub by: Option<Who>,
    pub times: Option<u32>,
    pub over_ms: Option<u32>,
    pub within_s: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct All {
    pub of: Vec<Spanned<Condition>>,
    pub within_s: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Any {
    pub of: Vec<Spanned<Condition>>,
}

/// Words to listen for: `"category"`, `["a phrase"]`, or either with who says them.
pub(super) struct Words {
    pub of: WordsOf,
    pub by: Option<Who>,
}

pub(super) enum WordsOf {
    Category(String),
    Phrases(Vec<String>),
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordsVisitor)
    }
}

struct WordsVisitor;

impl<'de> Visitor<'de> for WordsVisitor {
    type Value = Words;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the id of a category, a list of phrases, or { of = one of these, by = \"agent\" }",
        )
    }

    fn visit_str<E: de::Error>(self, id: &str) -> Result<Words, E> {
        Ok(Words { of: WordsOf::Category(id.to_owned()), by: None })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Words, A::Error> {
        let mut phrases = Vec::new();
        while let Some(phrase) = list.next_element()? {
            phrases.push(phrase);
        }
        Ok(Words { of: WordsOf::Phrases(phrases), by: None })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Words, A::Error> {
        let (mut of, mut by) = (None, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "of" => of = Some(map.next_value::<Words>()?.of),
                "by" => by = Some(map.next_value::<Who>()?),
                _ => return Err(de::Error::unknown_field(&key, &["of", "by"])),
            }
        }
        let of = of.ok_or_else(|| de::Error::missing_field("of"))?;
        Ok(Words { of, by })
    }
}
