//! Who somebody is, by what they show; kept up to date with the files of tokens and keys.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio_util::sync::CancellationToken;

use super::credentials::Offered;
use super::jwks::{self, Key};
use super::store::{Entry, Look, look};
use super::token::claimed_id;
use super::{Grant, Listed, Role, Settings, Store, jwt, now};

/// More than any set of keys takes.
const MAX_KEY_BYTES: u64 = 1 << 20;

/// Nobody knows the token, if one was shown at all. Why is told to nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown;

/// What a look at the files found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A token is there now.
    Made {
        /// Its id.
        id: String,
        /// What it is for.
        role: Role,
    },
    /// A token was revoked, or has gone from the file.
    Revoked {
        /// Its id.
        id: String,
    },
    /// The provider has other keys.
    Keys(usize),
    /// A file cannot be used; what was known before goes on.
    Refused(String),
}

/// Lets in whom it knows.
#[derive(Debug)]
pub struct Gate {
    settings: Settings,
    store: Option<Store>,
    known: RwLock<Known>,
    /// Files as they were last read.
    seen: Mutex<(Option<Look>, Option<Look>)>,
}

#[derive(Debug, Default)]
struct Known {
    /// Somebody has made a token or named a provider: from then on nobody comes in without one,
    /// also when all are revoked or their file is lost.
    is_guarded: bool,
    tokens: HashMap<String, Token>,
    keys: Vec<Key>,
    /// Cancelled when tokens come to be asked for.
    open: CancellationToken,
}

#[derive(Debug)]
struct Token {
    entry: Entry,
    grant: Arc<Grant>,
    cut: CancellationToken,
}

impl Gate {
    /// Reads the tokens of the data directory and the provider's keys.
    ///
    /// # Errors
    /// A sentence, when a file that is there cannot be used.
    pub fn open(settings: &Settings, data_dir: Option<&Path>) -> Result<Gate, String> {
        let gate = Gate {
            settings: settings.clone(),
            store: data_dir.map(Store::of),
            known: RwLock::default(),
            seen: Mutex::default(),
        };
        for change in gate.look() {
            if let Change::Refused(why) = change {
                return Err(why);
            }
        }
        Ok(gate)
    }

    /// Whether a token must be shown.
    pub fn is_guarded(&self) -> bool {
        self.read().is_guarded
    }

    /// All tokens of the file. None when it cannot be read: what is known goes on without it.
    pub fn listed(&self) -> Option<Vec<Listed>> {
        self.store.as_ref()?.list().ok()
    }

    /// Its settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Who shows this. Where no token must be shown, everybody may do everything.
    ///
    /// # Errors
    /// [`Unknown`].
    pub fn admit(&self, offered: &Offered) -> Result<Arc<Grant>, Unknown> {
        let known = self.read();
        if !known.is_guarded {
            return Ok(Arc::new(Grant::anybody(known.open.clone())));
        }
        let now = now();
        let mut grants = offered.0.iter().filter_map(|text| match claimed_id(text) {
            Some(id) => {
                let token = known.tokens.get(id).filter(|token| token.entry.hash.is_of(text))?;
                Some(Arc::clone(&token.grant))
            }
            None => jwt::grant(text, &known.keys, &self.settings, now).map(Arc::new),
        });
        grants.find(|grant| grant.holds(now)).ok_or(Unknown)
    }

    /// Looks at the files, and takes in what has changed. Whoever came in by what is there no
    /// more is cut off.
    pub fn look(&self) -> Vec<Change> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changes = Vec::new();
        if let Some(store) = &self.store {
            let now = look(store.file());
            if seen.0 != Some(now) {
                seen.0 = Some(now);
                match store.read() {
                    Ok(entries) => changes.extend(self.take_tokens(entries)),
                    Err(error) => changes.push(Change::Refused(error.to_string())),
                }
            }
        }
        if let Some(file) = &self.settings.jwks_file {
            let now = look(file);
            if seen.1 != Some(now) {
                seen.1 = Some(now);
                changes.push(match read_keys(file) {
                    Ok(keys) => self.take_keys(keys),
                    Err(why) => Change::Refused(format!("`jwks_file`: {}: {why}", file.display())),
                });
            }
        }
        changes
    }

    fn take_tokens(&self, entries: Vec<Entry>) -> Vec<Change> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let mut changes = Vec::new();
        let mut before = std::mem::take(&mut known.tokens);
        for entry in entries {
            known.guard();
            let is_live = entry.revoked.is_none();
            let same = |token: &Token| {
                let old = &token.entry;
                is_live
                    && (&old.hash, old.role, &old.user, &old.scopes, old.expires)
                        == (&entry.hash, entry.role, &entry.user, &entry.scopes, entry.expires)
            };
            if before.get(&entry.id).is_some_and(same) {
                known.tokens.extend(before.remove_entry(&entry.id));
            } else if is_live {
                let cut = CancellationToken::new();
                // One that says nothing of use was edited by hand, and lets nobody in.
                let Ok(grant) = entry.grant(cut.clone()) else { continue };
                changes.push(Change::Made { id: entry.id.clone(), role: entry.role });
                let id = entry.id.clone();
                known.tokens.insert(id, Token { entry, grant: Arc::new(grant), cut });
            }
        }
        for (id, token) in before {
            token.cut.cancel();
            if !known.tokens.contains_key(&id) {
                changes.push(Change::Revoked { id });
            }
        }
        changes
    }

    fn take_keys(&self, mut keys: Vec<Key>) -> Change {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.guard();
        for before in &known.keys {
            match keys.iter_mut().find(|key| key.is(before)) {
                Some(same) => same.cut = before.cut.clone(),
                None => before.cut.cancel(),
            }
        }
        known.keys = keys;
        Change::Keys(known.keys.len())
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn guard(&mut self) {
        self.is_guarded = true;
        self.open.cancel();
    }
}

fn read_keys(file: &Path) -> Result<Vec<Key>, String> {
    use std::io::Read;
    let mut text = String::new();
    let file = std::fs::File::open(file).map_err(|error| error.to_string())?;
    file.take(MAX_KEY_BYTES).read_to_string(&mut text).map_err(|error| error.to_string())?;
    jwks::parse(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Wanted;
    use crate::wire::Scopes;

    fn wanted(role: Role) -> Wanted {
        Wanted { role, user: None, scopes: Scopes::default(), expires: None }
    }

    fn show(gate: &Gate, text: &str) -> Result<Arc<Grant>, Unknown> {
        gate.admit(&Offered(vec![text.to_owned()]))
    }

    #[test]
    fn without_tokens_everybody_comes_in_until_there_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let gate = Gate::open(&Settings::default(), Some(folder.path())).unwrap();
        let anybody = gate.admit(&Offered(Vec::new())).unwrap();
        assert!(!gate.is_guarded() && anybody.holds(now()) && anybody.user.is_none());
        let store = Store::of(folder.path());
        let (listed, text) = store.make(wanted(Role::Supervisor)).unwrap();
        let id = listed.id;
        assert_eq!(gate.look(), [Change::Made { id: id.clone(), role: Role::Supervisor }]);
        assert!(gate.look().is_empty(), "nothing new");
        assert!(gate.is_guarded() && !anybody.holds(now()), "those without are cut off");
        let grant = show(&gate, &text).unwrap();
        assert_eq!((grant.user.as_deref(), grant.role), (Some(id.as_str()), Role::Supervisor));
        for bad in ["", "fw_", &text[..text.len() - 1], &format!("fw_{id}_x"), "a.b.c"] {
            assert_eq!(show(&gate, bad).err(), Some(Unknown), "{bad}");
        }
        // Any of several that a vendor sends.
        assert!(gate.admit(&Offered(vec!["other".into(), text.clone()])).is_ok());
        store.revoke(&id).unwrap();
        assert_eq!(gate.look(), [Change::Revoked { id }]);
        assert!(!grant.holds(now()) && show(&gate, &text).is_err());
        std::fs::remove_file(store.file()).unwrap();
        gate.look();
        assert!(gate.is_guarded(), "a file that is lost opens nothing");
    }

    #[test]
    fn tokens_end_and_others_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::of(folder.path());
        let ended = Wanted { expires: Some(now()), ..wanted(Role::Admin) };
        let (_, ended) = store.make(ended).unwrap();
        let (_, good) = store.make(wanted(Role::Admin)).unwrap();
        let gate = Gate::open(&Settings::default(), Some(folder.path())).unwrap();
        assert!(show(&gate, &ended).is_err());
        let grant = show(&gate, &good).unwrap();
        store.make(wanted(Role::Ingest)).unwrap();
        assert_eq!(gate.look().len(), 1);
        assert!(grant.holds(now()), "another token changes nothing");
        std::fs::write(store.file(), "nonsense").unwrap();
        assert!(matches!(&gate.look()[..], [Change::Refused(_)]));
        assert!(show(&gate, &good).is_ok(), "what was known goes on");
        assert!(Gate::open(&Settings::default(), Some(folder.path())).is_err());
    }

    #[test]
    fn keys_that_go_cut_off_who_came_by_them() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("jwks.json");
        let set = |kid: &str| {
            let x = "A".repeat(43);
            format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"{kid}","x":"{x}"}}]}}"#)
        };
        let settings = Settings { jwks_file: Some(file.clone()), ..Settings::default() };
        assert!(Gate::open(&settings, None).unwrap_err().contains("jwks.json"));
        std::fs::write(&file, set("one")).unwrap();
        let gate = Gate::open(&settings, None).unwrap();
        assert!(gate.is_guarded() && gate.admit(&Offered(Vec::new())).is_err());
        let cut = gate.read().keys[0].cut.clone();
        std::fs::write(&file, set("another")).unwrap();
        assert_eq!(gate.look(), [Change::Keys(1)]);
        assert!(cut.is_cancelled() && !gate.read().keys[0].cut.is_cancelled());
    }
}
