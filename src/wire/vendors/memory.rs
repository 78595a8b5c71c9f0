//! What a format must remember from one message of a connection to the next.

/// Speech that is final and not yet a whole sentence, for formats that send single tokens.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Tokens held back.
    pub(super) held: Vec<super::soniox::Token>,
}
