//! A journal that forgets: for `demo`, for tests, and for servers without a data directory.

use super::{CommitError, Journal, Record};

/// Keeps nothing. Every start is a new epoch, so consoles know to take the full picture.
#[derive(Debug)]
pub struct Memory {
    epoch: String,
}

impl Memory {
    /// A journal of its own epoch.
    pub fn new(epoch: impl Into<String>) -> Memory {
        Memory { epoch: epoch.into() }
    }
}

impl Journal for Memory {
    fn epoch(&self) -> &str {
        &self.epoch
    }

    fn last_offset(&self) -> u64 {
        0
    }

    fn commit(&mut self, _batch: &[Record]) -> Result<(), CommitError> {
        Ok(())
    }

    fn read_back(&mut self) -> Result<Vec<Record>, CommitError> {
        Ok(Vec::new())
    }
}
