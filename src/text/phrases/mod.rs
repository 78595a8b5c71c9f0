//! Phrase lists: what customers and agents say that a supervisor wants named.
//!
//! A list is TOML a user edits (`data/triggers.toml`). It is compiled into a trie over word
//! ids that is walked one word at a time, so a phrase is found wherever the cuts between
//! chunks fall, at a cost that does not grow with the list.

mod list;
mod pattern;
mod tree;
mod trie;

pub use list::{AlertLevel, Category, ListError, Phrase, PhraseList, Position, Who, check_id};
pub use trie::{Hit, MatchState, Matcher, Opening, Place};

/// Longest phrase in words after expansion.
pub const MAX_PHRASE_WORDS: usize = 12;
/// Most concrete phrases one pattern may expand to.
pub const MAX_EXPANSIONS: usize = 256;
/// Most concrete phrases in one list.
pub const MAX_PHRASES: usize = 200_000;
