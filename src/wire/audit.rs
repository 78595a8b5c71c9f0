//! The audit: who did what, when, on which id, from where. Never what was said, nor any secret.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lists::Parameters;
use crate::call::Timestamp;

/// What somebody did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "AuditKind")]
pub enum Done {
    /// Came in with a token: a websocket, or the first request in an hour from an address.
    Login,
    /// Was turned away, or asked for what the role or the scopes do not give.
    Refused,
    /// Acknowledged an alert.
    Acknowledge,
    /// Snoozed an alert.
    Snooze,
    /// Assigned an alert.
    Assign,
    /// Resolved an alert.
    Resolve,
    /// Raised a hand in a call.
    RaiseHand,
    /// Took calls or alerts out in a form for other programs.
    Export,
    /// Had a call or a customer forgotten.
    Forget,
    /// Made a token.
    TokenNew,
    /// Revoked a token.
    TokenRevoke,
    /// Changed the keys of the identity provider, or the certificates.
    Keys,
    /// Started the server.
    Start,
    /// Changed the configuration.
    Config,
    /// Changed the phrases and rules.
    Rules,
    /// Changed the model.
    Model,
}

impl Done {
    /// All of them with their names.
    pub const ALL: [(&str, Done); 16] = [
        ("login", Done::Login),
        ("refused", Done::Refused),
        ("acknowledge", Done::Acknowledge),
        ("snooze", Done::Snooze),
        ("assign", Done::Assign),
        ("resolve", Done::Resolve),
        ("raise_hand", Done::RaiseHand),
        ("export", Done::Export),
        ("forget", Done::Forget),
        ("token_new", Done::TokenNew),
        ("token_revoke", Done::TokenRevoke),
        ("keys", Done::Keys),
        ("start", Done::Start),
        ("config", Done::Config),
        ("rules", Done::Rules),
        ("model", Done::Model),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Done::ALL.iter().find(|(_, done)| *done == self).map_or("", |(name, _)| name)
    }

    /// What has that name.
    pub fn named(name: &str) -> Option<Done> {
        Done::ALL.iter().find(|(own, _)| *own == name).map(|(_, done)| *done)
    }
}

/// One thing that somebody did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AuditEntry {
    /// Its place in the audit: 1, 2, 3 …
    pub id: u64,
    /// When.
    pub at: Timestamp,
    /// Who: the user of a token, the name a console gave where there are no tokens, `server` for
    /// what was changed in files, `nobody` for who showed no token that is known.
    pub who: String,
    /// The role of the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The id of the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// What.
    pub what: Done,
    /// On which call, alert, token, file or path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// The address it came from. Behind a proxy it is the proxy's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// How: an outcome, a form, a status, a new hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Which entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// At this time or later.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub to: Option<Timestamp>,
    /// Of this person.
    pub who: Option<String>,
    /// Only of this kind.
    pub what: Option<Done>,
}

impl AuditQuery {
    /// Its parameters.
    pub const NAMES: [&str; 6] = ["from", "to", "who", "what", "after", "limit"];

    /// # Errors
    /// A sentence naming the first parameter that cannot be used.
    pub fn parse(given: &Parameters) -> Result<AuditQuery, String> {
        let (from, to) = given.span()?;
        let what = given.choice("what", &Done::ALL)?;
        Ok(AuditQuery { from, to, who: given.text("who"), what })
    }

    /// Whether an entry is meant.
    pub fn matches(&self, entry: &AuditEntry) -> bool {
        self.from.is_none_or(|from| entry.at >= from)
            && self.to.is_none_or(|to| entry.at < to)
            && self.who.as_ref().is_none_or(|who| *who == entry.who)
            && self.what.is_none_or(|what| what == entry.what)
    }
}

/// Of `GET /v1/audit`.
#[derive(JsonSchema)]
pub struct AuditParameters {
    /// Only at this time or later.
    pub from: Option<Timestamp>,
    /// Only before this time.
    pub to: Option<Timestamp>,
    /// Only of this person.
    pub who: Option<String>,
    /// Only of this kind.
    pub what: Option<Done>,
    /// The `next` of the part before.
    pub after: Option<String>,
    /// Most items of the answer: 100 when absent, at most 1000 unless the server allows more.
    #[schemars(range(min = 1))]
    pub limit: Option<u64>,
}
