//! How the two talk: shares, lengths, overlaps, holds, pauses, repetition, questions.

use super::Role;
use super::open_turn::OpenTurn;
use super::tracks::Pulse;
use crate::call::Speaker;

/// A silence from here on counts as a hold, in ms.
pub const HOLD_MS: i64 = 20_000;
/// A silence from here on counts as a pause, in ms.
const PAUSE_MS: i64 = 3_000;
/// A turn that starts this long before the other side has ended talks over it, in ms.
pub const OVERLAP_MS: i64 = 200;

/// What is counted for each role.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct RoleTalk {
    /// Words so far.
    pub words: u32,
    /// `ln(1 + words)` of the newest turn.
    pub last_length: f64,
    /// Of `ln(1 + words)`.
    pub length: Pulse,
    /// Talking over the other side, per change of speaker.
    pub overlap: Pulse,
    /// Share of content words this role has used before.
    pub repetition: Pulse,
    /// Turns with a question.
    pub question: Pulse,
    /// Negations per word, damped for short turns.
    pub negation: Pulse,
}

/// How the two talk.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Talk {
    pub customer: RoleTalk,
    pub agent: RoleTalk,
    /// Silences of at least [`HOLD_MS`].
    pub hold: Pulse,
    /// Minutes of them.
    pub hold_minutes: f64,
    /// Silences from [`PAUSE_MS`] up to a hold.
    pub pause: Pulse,
    last_end_ms: Option<i64>,
    last_speaker: Option<Speaker>,
}

impl Talk {
    /// Takes a turn; `role` says whose it is.
    pub(super) fn push(&mut self, turn: &OpenTurn, role: Role) {
        let gap = turn.start_ms.zip(self.last_end_ms).map(|(s, e)| s.saturating_sub(e));
        let changed = self.last_speaker.is_some() && self.last_speaker != turn.speaker;
        if let Some(gap) = gap {
            let hold = gap >= HOLD_MS;
            self.hold.push(f64::from(u8::from(hold)));
            self.pause.push(f64::from(u8::from(gap >= PAUSE_MS && !hold)));
            if hold {
                self.hold_minutes += gap as f64 / 60_000.0;
            }
        }
        let own = self.of_mut(role);
        if let Some(gap) = gap.filter(|_| changed) {
            own.overlap.push(f64::from(u8::from(gap < -OVERLAP_MS)));
        }
        own.words = own.words.saturating_add(turn.heard.words);
        own.last_length = libm::log1p(f64::from(turn.heard.words));
        own.length.push(own.last_length);
        let content = turn.content_words.as_slice().len() as f64;
        own.repetition.push(f64::from(turn.repeated) / (content + 2.0));
        own.question.push(f64::from(u8::from(turn.asks)));
        own.negation.push(f64::from(turn.negations) / (f64::from(turn.heard.words) + 5.0));
        self.last_end_ms = self.last_end_ms.max(turn.end_ms);
        self.last_speaker = turn.speaker;
    }

    /// Share of the words that the customer says, drawn towards 0 while little is said.
    pub(super) fn customer_share(&self) -> f64 {
        let (customer, agent) = (f64::from(self.customer.words), f64::from(self.agent.words));
        customer / (customer + agent + 20.0)
    }

    pub(super) fn of(&self, role: Role) -> &RoleTalk {
        match role {
            Role::Customer => &self.customer,
            Role::Agent => &self.agent,
        }
    }

    fn of_mut(&mut self, role: Role) -> &mut RoleTalk {
        match role {
            Role::Customer => &mut self.customer,
            Role::Agent => &mut self.agent,
        }
    }
}
