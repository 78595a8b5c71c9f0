//! Settings of the access room, `[auth]`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Most seconds that clocks may differ; more would keep tokens alive that have ended.
const MAX_LEEWAY_S: u32 = 300;

/// Tokens of an identity provider. Tokens of `forewarn token new` need no setting: they lie in
/// the data directory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Public keys of the provider (a JSON Web Key Set); its JWTs (RS256, ES256, EdDSA) are taken
    /// then. Looked at again whenever the file changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_file: Option<PathBuf>,
    /// What their claim `iss` must be.
    pub issuer: String,
    /// What their claim `aud` must be, or hold.
    pub audience: String,
    /// Claim with the role: `ingest`, `agent`, `supervisor` or `admin`, alone or as the only one
    /// of these in a list. A dot leads into a claim: `realm_access.roles`.
    pub role_claim: String,
    /// Claim with the name of the user; of an agent without a scope `agent:` it is the agent's id.
    pub user_claim: String,
    /// Claim with the scopes, as a list or as words: `queue:billing team:t1`. A token without
    /// the claim sees everything that its role may see.
    pub scopes_claim: String,
    /// How far the provider's clock may be off, in seconds.
    pub leeway_s: u32,
    /// Whether `/metrics` is open to everybody who reaches the port, for a scraper that cannot
    /// show a token. Nothing in it is of a call, but it tells how much goes on.
    pub metrics_without_token: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            jwks_file: None,
            issuer: String::new(),
            audience: String::new(),
            role_claim: "role".into(),
            user_claim: "sub".into(),
            scopes_claim: "scopes".into(),
            leeway_s: 30,
            metrics_without_token: false,
        }
    }
}

impl Settings {
    /// # Errors
    /// A sentence naming the first setting that cannot be used.
    pub fn check(&self) -> Result<(), String> {
        for (name, value) in [
            ("issuer", &self.issuer),
            ("audience", &self.audience),
            ("role_claim", &self.role_claim),
            ("user_claim", &self.user_claim),
            ("scopes_claim", &self.scopes_claim),
        ] {
            if self.jwks_file.is_some() && value.is_empty() {
                return Err(format!(
                    "`{name}` is empty; set it beside `jwks_file`, or tokens of another \
                     application would be taken"
                ));
            }
        }
        if self.jwks_file.is_none() && !(self.issuer.is_empty() && self.audience.is_empty()) {
            return Err(
                "`jwks_file` is missing; without the provider's keys no JWT is taken".into()
            );
        }
        if self.leeway_s > MAX_LEEWAY_S {
            return Err(format!("`leeway_s` is {}; at most {MAX_LEEWAY_S}", self.leeway_s));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_without_issuer_or_audience_are_refused() {
        assert_eq!(Settings::default().check(), Ok(()));
        let keys = Settings { jwks_file: Some("k".into()), ..Settings::default() };
        assert!(keys.check().unwrap_err().starts_with("`issuer`"));
        let keys = Settings { issuer: "i".into(), ..keys };
        assert!(keys.check().unwrap_err().starts_with("`audience`"));
        let keys = Settings { audience: "a".into(), ..keys };
        assert_eq!(keys.check(), Ok(()));
        assert!(Settings { leeway_s: 301, ..keys.clone() }.check().is_err());
        assert!(Settings { jwks_file: None, ..keys }.check().is_err());
    }
}
