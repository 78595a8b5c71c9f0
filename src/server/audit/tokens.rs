//! Tokens that came and went while no server ran: listed when one starts.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use super::{Audit, DAY_MS, PATIENCE};
use crate::access::{Listed, now};
use crate::call::Timestamp;
use crate::journal::Trail;
use crate::wire::audit::{AuditQuery, Done};

/// Entries that are read at once.
const PART: usize = 1_000;

/// One entry to be.
#[derive(Debug, PartialEq, Eq)]
struct Missing {
    what: Done,
    id: String,
    detail: String,
}

impl Audit {
    /// Lists what has become of tokens since the audit last heard of them. What ended before the
    /// time that the audit keeps (0: for ever) is left alone.
    pub async fn tokens(&self, tokens: Vec<Listed>, keep_days: u32) {
        let trail = Arc::clone(&self.trail);
        let known = tokio::task::spawn_blocking(move || {
            Some((named(&*trail, Done::TokenNew)?, named(&*trail, Done::TokenRevoke)?))
        });
        let Ok(Some((made, revoked))) = known.await else {
            tracing::warn!("the audit cannot tell which tokens are new: it takes too long to read");
            return;
        };
        let since = (keep_days > 0).then(|| now().plus_ms(-i64::from(keep_days) * DAY_MS));
        for Missing { what, id, detail } in missing(&tokens, &made, &revoked, since) {
            self.changed(what, Some(&id), Some(&detail));
        }
    }
}

/// The ids of all entries of a kind; `None` when that takes too long, or fails.
fn named(trail: &dyn Trail, what: Done) -> Option<BTreeSet<String>> {
    let query = AuditQuery { what: Some(what), ..AuditQuery::default() };
    let until = Instant::now() + PATIENCE;
    let (mut ids, mut below) = (BTreeSet::new(), None);
    loop {
        let found = trail.read(&query, below, PART, until).ok()?;
        ids.extend(found.items.into_iter().filter_map(|(_, entry)| entry.on));
        if found.reached.is_none() {
            return Some(ids);
        }
        if Instant::now() >= until {
            return None;
        }
        below = found.reached;
    }
}

fn missing(
    tokens: &[Listed],
    made: &BTreeSet<String>,
    revoked: &BTreeSet<String>,
    since: Option<Timestamp>,
) -> Vec<Missing> {
    let mut all = Vec::new();
    let ended = |token: &Listed| token.revoked.into_iter().chain(token.expires).min();
    for token in tokens.iter().filter(|token| ended(token) >= since || ended(token).is_none()) {
        let mut add = |what, detail| all.push(Missing { what, id: token.id.clone(), detail });
        if !made.contains(&token.id) {
            let detail =
                format!("{}, made {} while no server ran", token.role.name(), token.created);
            add(Done::TokenNew, detail);
        }
        if let Some(at) = token.revoked.filter(|_| !revoked.contains(&token.id)) {
            add(Done::TokenRevoke, format!("revoked {at} while no server ran"));
        }
    }
    let there: BTreeSet<&String> = tokens.iter().map(|token| &token.id).collect();
    let gone = made.iter().filter(|id| !there.contains(id) && !revoked.contains(*id));
    all.extend(gone.map(|id| Missing {
        what: Done::TokenRevoke,
        id: id.clone(),
        detail: "gone from the file of tokens while no server ran".into(),
    }));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Role;
    use crate::wire::Scopes;

    fn token(id: &str, expires: Option<i64>, revoked: Option<i64>) -> Listed {
        Listed {
            id: id.into(),
            role: Role::Admin,
            user: "root".into(),
            scopes: Scopes::default(),
            created: Timestamp(0),
            expires: expires.map(Timestamp),
            revoked: revoked.map(Timestamp),
            state: "",
        }
    }

    #[test]
    fn what_the_audit_has_not_heard_of_is_listed_once() {
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>();
        let tokens = [
            token("known", None, None),
            token("new", None, None),
            token("ended", Some(500), Some(900)),
            token("old", Some(50), None),
            token("older", None, Some(40)),
            token("cut", None, Some(200)),
        ];
        let made = ids(&["known", "cut", "lost", "lost-before"]);
        let told = ids(&["lost-before"]);
        let shown = |since: Option<i64>| -> Vec<(Done, String)> {
            let all = missing(&tokens, &made, &told, since.map(Timestamp));
            all.into_iter().map(|one| (one.what, one.id)).collect()
        };
        let expected = |all: &[(Done, &str)]| -> Vec<(Done, String)> {
            all.iter().map(|(what, id)| (*what, (*id).to_owned())).collect()
        };
        let recent = [
            (Done::TokenNew, "new"),
            (Done::TokenNew, "ended"),
            (Done::TokenRevoke, "ended"),
            (Done::TokenRevoke, "cut"),
            (Done::TokenRevoke, "lost"),
        ];
        assert_eq!(shown(Some(100)), expected(&recent));
        assert_eq!(shown(None).len(), 8, "the two that ended long ago, too");
        assert_eq!(shown(Some(300)).len(), 4, "cut is too old by then");
    }
}
