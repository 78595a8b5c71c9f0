//! Who may what: tokens and their file, tokens of an identity provider (JWT), roles, scopes.
//!
//! Knows no socket and no route. The server asks the [`Gate`] who somebody is, and
//! [`Role::may`], the one table, whether that role does such things; which calls it may see is
//! the [`crate::wire::Scopes`] of its [`Grant`].

mod credentials;
mod gate;
mod grant;
mod jwks;
mod jwt;
mod role;
mod settings;
mod store;
mod token;

use std::time::{SystemTime, UNIX_EPOCH};

pub use credentials::{Offered, offered};
pub use gate::{Change, Gate, Unknown};
pub use grant::Grant;
pub use role::{Deed, Role};
pub use settings::Settings;
pub use store::{Listed, Look, Store, StoreError, Wanted, look};

use crate::call::Timestamp;

/// The time by which tokens begin and end.
pub fn now() -> Timestamp {
    // A clock before 1970 is broken.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
