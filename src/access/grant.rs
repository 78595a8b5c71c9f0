//! What somebody who was let in may do, and until when.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Deed, Role, now};
use crate::call::Timestamp;
use crate::wire::Scopes;

/// Longest name of a person.
const MAX_USER_CHARS: usize = 64;
/// Longest sleep before the clock is looked at again: it may be set.
const NAP: Duration = Duration::from_secs(60);

/// What a token grants.
#[derive(Debug)]
pub struct Grant {
    /// Whom the token names. `None` where nobody has to show one: then anybody may give a name.
    pub user: Option<String>,
    /// What it is for.
    pub role: Role,
    /// Which calls.
    pub scopes: Arc<Scopes>,
    /// The token's id, for the audit: never the token.
    pub token: Option<String>,
    until: Option<Timestamp>,
    /// Cancelled when the token is revoked.
    cut: CancellationToken,
}

impl Grant {
    /// Of a token.
    ///
    /// # Errors
    /// A sentence, when role, user and scopes do not go together.
    pub(super) fn new(
        token: String,
        user: String,
        role: Role,
        scopes: Scopes,
        until: Option<Timestamp>,
        cut: CancellationToken,
    ) -> Result<Grant, String> {
        if !is_name(&user) {
            return Err("the user's name must be 1 to 64 printable characters".into());
        }
        // An agent sees own calls, whatever was forgotten.
        let scopes = if role == Role::Agent { scopes.or_agent(&user) } else { scopes };
        let scopes = Arc::new(scopes);
        Ok(Grant { user: Some(user), role, scopes, token: Some(token), until, cut })
    }

    /// Of nobody in particular, on a server without tokens.
    pub(super) fn anybody(cut: CancellationToken) -> Grant {
        let scopes = Arc::default();
        Grant { user: None, role: Role::Admin, scopes, token: None, until: None, cut }
    }

    /// Of a vendor that signs its requests.
    pub fn signed() -> Grant {
        let cut = CancellationToken::new();
        let user = Some("vendor".to_owned());
        Grant { user, role: Role::Ingest, scopes: Arc::default(), token: None, until: None, cut }
    }

    /// Whether it permits that.
    pub fn may(&self, deed: Deed) -> bool {
        self.role.may(deed) && (self.scopes.is_all() || !deed.is_of_all())
    }

    /// Whether it holds still.
    pub fn holds(&self, now: Timestamp) -> bool {
        !self.cut.is_cancelled() && self.until.is_none_or(|until| now < until)
    }

    /// Waits until it holds no more.
    pub async fn over(&self) {
        loop {
            let left = self.until.map(|until| until.0.saturating_sub(now().0));
            if !self.holds(now()) {
                return;
            }
            let left = left.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or(0)));
            tokio::select! {
                biased;
                () = self.cut.cancelled() => return,
                () = tokio::time::sleep(left.unwrap_or(NAP).min(NAP)) => {}
            }
        }
    }
}

/// Whether people can be called so.
pub(super) fn is_name(user: &str) -> bool {
    let chars = user.chars().count();
    (1..=MAX_USER_CHARS).contains(&chars) && !user.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(role: Role, scopes: &[&str], until: Option<Timestamp>) -> Grant {
        let scopes = Scopes::parse(scopes).unwrap();
        let cut = CancellationToken::new();
        Grant::new("t".into(), "a17".into(), role, scopes, until, cut).unwrap()
    }

    #[test]
    fn an_agents_grant_is_for_an_agent() {
        let own = grant(Role::Agent, &[], None);
        assert_eq!(own.scopes.names(), ["agent:a17"]);
        assert_eq!(grant(Role::Agent, &["agent:x"], None).scopes.names(), ["agent:x"]);
        let both = grant(Role::Agent, &["queue:q"], None);
        assert_eq!(both.scopes.names(), ["queue:q", "agent:a17"]);
        assert!(grant(Role::Supervisor, &[], None).scopes.is_all());
    }

    #[test]
    fn what_is_of_the_whole_server_needs_all_of_it() {
        assert!(grant(Role::Admin, &[], None).may(Deed::Audit));
        let some = grant(Role::Admin, &["queue:q"], None);
        assert!(!some.may(Deed::Audit) && !some.may(Deed::Metrics) && some.may(Deed::Look));
    }

    #[tokio::test]
    async fn it_ends_with_its_time_or_when_it_is_cut() {
        let until = Timestamp(1_000);
        let timed = grant(Role::Admin, &[], Some(until));
        assert!(timed.holds(Timestamp(999)) && !timed.holds(until));
        timed.over().await;
        let open = grant(Role::Admin, &[], None);
        assert!(open.holds(Timestamp(i64::MAX)));
        open.cut.cancel();
        open.over().await;
        assert!(!open.holds(Timestamp(0)));
    }
}
