//! The roles, and the one table of what each may do.

use serde::{Deserialize, Serialize};

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A call platform: it brings transcripts and sees nothing else.
    Ingest,
    /// An agent, who sees calls of the agents that the token names.
    Agent,
    /// A supervisor.
    Supervisor,
    /// Whoever looks after the server.
    Admin,
}

/// Something that a role may do or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Bring transcripts: the ingest socket and webhooks.
    Feed,
    /// Look: the console socket with `subscribe` and `watch`, the lists, a call in any form, the
    /// figures of a shift.
    Look,
    /// Have a recorded call scored.
    Score,
    /// `acknowledge`.
    Acknowledge,
    /// `raise_hand`.
    RaiseHand,
    /// `snooze`.
    Snooze,
    /// `assign`.
    Assign,
    /// `resolve`.
    Resolve,
    /// Read `/metrics`.
    Metrics,
    /// Read `/v1/audit`.
    Audit,
    /// Erase a call or a customer.
    Forget,
}

impl Role {
    /// All roles.
    pub const ALL: [Role; 4] = [Role::Ingest, Role::Agent, Role::Supervisor, Role::Admin];

    /// The table. An agent takes an alert and asks for help; who puts an alert off or away for
    /// everybody, gives it to somebody or says what became of it (which is a label for training),
    /// is not whom the alert is about. Figures of the whole server are for admins.
    pub fn may(self, deed: Deed) -> bool {
        use Role::{Admin, Agent, Ingest, Supervisor};
        let roles: &[Role] = match deed {
            Deed::Feed => &[Ingest, Admin],
            Deed::Look | Deed::Score => &[Agent, Supervisor, Admin],
            Deed::Acknowledge | Deed::RaiseHand => &[Agent, Supervisor, Admin],
            Deed::Snooze | Deed::Assign | Deed::Resolve => &[Supervisor, Admin],
            Deed::Metrics | Deed::Audit | Deed::Forget => &[Admin],
        };
        roles.contains(&self)
    }

    /// The role of that name.
    pub fn named(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Role::Ingest => "ingest",
            Role::Agent => "agent",
            Role::Supervisor => "supervisor",
            Role::Admin => "admin",
        }
    }
}

impl Deed {
    /// Whether it is about the server as a whole, so that a token for some calls does not do.
    pub fn is_of_all(self) -> bool {
        matches!(self, Deed::Metrics | Deed::Audit | Deed::Forget)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_by_hand() {
        use Deed::*;
        for (role, deeds) in [
            (Role::Ingest, &[Feed][..]),
            (Role::Agent, &[Look, Score, Acknowledge, RaiseHand]),
            (Role::Supervisor, &[Look, Score, Acknowledge, RaiseHand, Snooze, Assign, Resolve]),
            (
                Role::Admin,
                &[
                    Feed,
                    Look,
                    Score,
                    Acknowledge,
                    RaiseHand,
                    Snooze,
                    Assign,
                    Resolve,
                    Metrics,
                    Audit,
                    Forget,
                ],
            ),
        ] {
            for deed in [
                Feed,
                Look,
                Score,
                Acknowledge,
                RaiseHand,
                Snooze,
                Assign,
                Resolve,
                Metrics,
                Audit,
                Forget,
            ] {
                assert_eq!(role.may(deed), deeds.contains(&deed), "{role:?} {deed:?}");
            }
            assert_eq!(Role::named(role.name()), Some(role));
        }
        assert_eq!(Role::named("root"), None);
    }
}
