//! What is taken out, and what stands for it.

/// What was taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A payment card, its code or PIN.
    Card,
    /// An account number, or another number too long to be anything else.
    Account,
    /// A social security number or its like.
    Ssn,
    /// A telephone number.
    Phone,
    /// An e-mail address.
    Email,
    /// A date of birth.
    BirthDate,
    /// A number that the chunk ended in: it may go on, nobody knows as what.
    Number,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 7] = [
        Kind::Card,
        Kind::Account,
        Kind::Ssn,
        Kind::Phone,
        Kind::Email,
        Kind::BirthDate,
        Kind::Number,
    ];

    /// The name in settings and placeholders.
    pub fn name(self) -> &'static str {
        let placeholder = self.placeholder();
        &placeholder[1..placeholder.len() - 1]
    }

    /// What stands for it in the text.
    pub fn placeholder(self) -> &'static str {
        match self {
            Kind::Card => "[card]",
            Kind::Account => "[account]",
            Kind::Ssn => "[ssn]",
            Kind::Phone => "[phone]",
            Kind::Email => "[email]",
            Kind::BirthDate => "[birth_date]",
            Kind::Number => "[number]",
        }
    }

    /// The kind that a placeholder without a hash stands for.
    pub fn of_placeholder(word: &str) -> Option<Kind> {
        if !word.starts_with('[') {
            return None;
        }
        Kind::ALL.into_iter().find(|kind| kind.placeholder() == word)
    }

    /// The placeholder at the start of `text`, with or without a hash, and its length in bytes.
    pub fn at_start(text: &str) -> Option<(Kind, usize)> {
        let inside = text.strip_prefix('[')?;
        let kind = Kind::ALL.into_iter().find(|kind| inside.starts_with(kind.name()))?;
        let rest = &inside[kind.name().len()..];
        let hash = rest
            .strip_prefix(':')
            .map_or(0, |hash| 1 + hash.bytes().take_while(u8::is_ascii_hexdigit).count());
        rest[hash..].starts_with(']').then_some((kind, kind.name().len() + hash + 2))
    }
}
