//! A journal that forgets: for `demo`, for tests, and for servers without a data directory.

use super::{CommitError, History, Journal, Record, fresh_epoch};

/// Keeps nothing. Every start is a new epoch, so consoles know to take the full picture.
#[derive(Debug)]
pub struct Memory {
    epoch: String,
}

impl Default for Memory {
    fn default() -> Memory {
        Memory { epoch: fresh_epoch() }
    }
}

impl Journal for Memory {
    fn epoch(&self) -> &str {
        &self.epoch
    }

    fn last_offset(&self) -> u64 {
        0
    }

    fn commit(&mut self, _batch: &[Record], _last_offset: u64) -> Result<(), CommitError> {
        Ok(())
    }

    fn read_back(&mut self, _ended_calls: usize) -> Result<History, CommitError> {
        Ok(History::default())
    }
}
