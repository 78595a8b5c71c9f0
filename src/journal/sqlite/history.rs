//! The tables of a node among many: what is over everywhere, in step with the stream that tells it.

use rusqlite::TransactionBehavior;

use super::error::OpenError;
use super::schema::{meta, set_meta};
use super::{JournalError, Sqlite, archive, int};
use crate::journal::{Archive, CommitError, Journal};

/// Names the history that the tables follow.
const FOLLOWED: &str = "followed_epoch";
/// Place in its stream up to which they hold everything.
const PLACE: &str = "followed_place";

impl Sqlite {
    /// Follows the history of that name, and gives the place up to which it is here.
    ///
    /// # Errors
    /// [`JournalError`] when the file holds anything else.
    pub fn follow(&mut self, epoch: &str) -> Result<u64, JournalError> {
        let followed = self.followed(epoch);
        followed.map_err(|error| JournalError::new(&self.file, error))
    }

    fn followed(&mut self, epoch: &str) -> Result<u64, OpenError> {
        match meta(&self.connection, FOLLOWED)? {
            Some(known) if known == epoch => {}
            None if self.last_offset == 0 => {
                set_meta(&self.connection, FOLLOWED, epoch)?;
                set_meta(&self.connection, PLACE, "0")?;
            }
            Some(_) => return Err(OpenError::OtherHistory("of another cluster")),
            None => return Err(OpenError::OtherHistory("of a single machine")),
        }
        let place = meta(&self.connection, PLACE)?;
        Ok(place.and_then(|place| place.parse().ok()).unwrap_or(0))
    }

    /// Shows calls, each under its number, all of them or none.
    ///
    /// # Errors
    /// [`CommitError`] when it could not be written; it may be tried again.
    pub fn show(&mut self, calls: &[(u64, &Archive)]) -> Result<(), CommitError> {
        self.write_calls(calls).map_err(|error| self.failed(error))
    }

    fn write_calls(&mut self, calls: &[(u64, &Archive)]) -> Result<(), OpenError> {
        let behavior = TransactionBehavior::Immediate;
        let transaction = self.connection.transaction_with_behavior(behavior)?;
        for (number, call) in calls {
            archive::write(&transaction, &self.seal, int(*number), call)?;
        }
        Ok(transaction.commit()?)
    }

    /// Everything up to this place of the history that is followed is here.
    ///
    /// # Errors
    /// [`CommitError`] when it could not be written; it may be tried again.
    pub fn came_to(&mut self, place: u64) -> Result<(), CommitError> {
        let set = set_meta(&self.connection, PLACE, &place.to_string());
        set.map_err(|error| self.failed(error))?;
        self.tidy()
    }
}
