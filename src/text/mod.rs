//! Words: redact, normalise, tokenise, look up, match phrases.
//!
//! Pure and word-local: the tokens of `a b` are the tokens of `a` followed by those of `b`,
//! so it never matters how a turn's words were cut into chunks.

mod brief;
pub mod class;
mod lexicon;
mod pairs;
pub mod phrases;
pub mod redact;
pub mod runs;
mod slots;
mod tokens;

pub use brief::one_line;
pub use lexicon::{Lexicon, WordId};
pub use pairs::Pairs;
use slots::Slots;
pub use tokens::{Token, for_each_token, tokenise};
