//! What tells a call from every other, also from one that had its id before.

use std::sync::{Arc, OnceLock};

/// The number of a call: the offset before its first message. It is known once that message has
/// one, so everything that a call publishes shares this.
#[derive(Clone, Debug, Default)]
pub struct CallNumber(Arc<OnceLock<u64>>);

impl CallNumber {
    /// Of a call that is known from before.
    pub fn known(number: u64) -> CallNumber {
        CallNumber(Arc::new(OnceLock::from(number)))
    }

    /// The number, and whether `base_offset` has just become it: so for the first that a call
    /// publishes.
    pub(super) fn settle(&self, base_offset: u64) -> (u64, bool) {
        let first = self.0.get().is_none();
        (*self.0.get_or_init(|| base_offset), first)
    }
}
