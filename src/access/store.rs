//! The file of tokens, `tokens.json` in the data directory: written by `forewarn token`, looked
//! at by the server.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::ErrorKind::{NotADirectory, NotFound};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::grant::{Grant, is_name};
use super::token::{Fresh, Hash};
use super::{Role, now};
use crate::call::Timestamp;
use crate::wire::Scopes;

const FILE: &str = "tokens.json";
const VERSION: u32 = 1;
/// Most tokens of one server.
const MAX_TOKENS: usize = 10_000;
/// More than so many take.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// Tokens that ended so long ago make room when the file is full.
const FORGOTTEN_MS: i64 = 30 * 86_400_000;

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be read or written.
    #[error("cannot use {file}: {source}")]
    File {
        /// Where.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is not ours.
    #[error("{file} is no file of tokens: {why}; move it away and make new tokens")]
    Damaged {
        /// Where.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// What was asked for cannot be done.
    #[error("{0}")]
    Asked(String),
}

/// What a new token is to be.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What it is for.
    pub role: Role,
    /// Whom it names; its own id when absent.
    pub user: Option<String>,
    /// Which calls.
    pub scopes: Scopes,
    /// When it ends.
    pub expires: Option<Timestamp>,
}

/// A token as lists show it: everything but its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// What it is for.
    pub role: Role,
    /// Whom it names.
    pub user: String,
    /// Which calls; empty for all.
    pub scopes: Scopes,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends, if it does.
    pub expires: Option<Timestamp>,
    /// When it was revoked, if it was.
    pub revoked: Option<Timestamp>,
    /// `active`, `expired` or `revoked`.
    pub state: &'static str,
}

/// An entry of the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    pub id: String,
    pub hash: Hash,
    pub role: Role,
    pub user: String,
    pub scopes: Scopes,
    pub created: Timestamp,
    pub expires: Option<Timestamp>,
    pub revoked: Option<Timestamp>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Content {
    version: u32,
    tokens: Vec<Entry>,
}

/// What tells one state of a file from another. Files are replaced as a whole, so also by inode.
pub type Look = Option<(i64, i64, u64, u64)>;

/// How a file looks now; `None` when it is not there.
pub fn look(path: &Path) -> Look {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.mtime(), metadata.mtime_nsec(), metadata.size(), metadata.ino()))
}

/// The tokens of a data directory.
#[derive(Clone, Debug)]
pub struct Store {
    dir: PathBuf,
    file: PathBuf,
}

impl Store {
    /// Of a data directory, which need not be there yet.
    pub fn of(dir: &Path) -> Store {
        Store { dir: dir.to_owned(), file: dir.join(FILE) }
    }

    /// The file.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Makes a token, and gives its id and its text, which is nowhere else from then on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn make(&self, wanted: Wanted) -> Result<(Listed, String), StoreError> {
        let Fresh { id, text, hash } = Fresh::new().map_err(StoreError::Asked)?;
        let Wanted { role, user, scopes, expires } = wanted;
        let scopes = match (role, &user) {
            (Role::Agent, Some(user)) => scopes.or_agent(user),
            (Role::Agent, None) if scopes.agents().is_empty() => {
                let text = "an agent's token needs the agent: write --scope agent:ID or --user ID";
                return Err(StoreError::Asked(text.into()));
            }
            _ => scopes,
        };
        let user = user.unwrap_or_else(|| id.clone());
        if !is_name(&user) {
            let text = "--user must be 1 to 64 printable characters";
            return Err(StoreError::Asked(text.into()));
        }
        let created = now();
        let entry = Entry { id, hash, role, user, scopes, created, expires, revoked: None };
        let listed = entry.listed(created);
        self.change(|tokens| {
            if tokens.len() >= MAX_TOKENS {
                tokens.retain(|entry| !entry.ended_before(created.plus_ms(-FORGOTTEN_MS)));
            }
            if tokens.len() >= MAX_TOKENS {
                let text = format!("there are {MAX_TOKENS} tokens, the most that may be");
                return Err(StoreError::Asked(text));
            }
            tokens.push(entry);
            Ok(())
        })?;
        Ok((listed, text))
    }

    /// Ends a token. False when it was revoked before.
    ///
    /// # Errors
    /// [`StoreError`], also when there is no such token.
    pub fn revoke(&self, id: &str) -> Result<bool, StoreError> {
        self.change(|tokens| {
            let entry = tokens.iter_mut().find(|entry| entry.id == id);
            let Some(entry) = entry else {
                let file = self.file.display();
                let text = format!("no token `{id}` in {file}; `forewarn token list` shows them");
                return Err(StoreError::Asked(text));
            };
            let first = entry.revoked.is_none();
            entry.revoked.get_or_insert_with(now);
            Ok(first)
        })
    }

    /// All tokens, in the order in which they were made.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn list(&self) -> Result<Vec<Listed>, StoreError> {
        let now = now();
        Ok(self.read()?.iter().map(|entry| entry.listed(now)).collect())
    }

    /// What the file holds; nothing when there is none.
    pub(super) fn read(&self) -> Result<Vec<Entry>, StoreError> {
        let file = match File::open(&self.file) {
            // Of a directory that is none, the journal will say so.
            Err(error) if matches!(error.kind(), NotFound | NotADirectory) => return Ok(Vec::new()),
            opened => opened.map_err(|error| self.failed(error))?,
        };
        let mut text = String::new();
        let read = file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text);
        read.map_err(|error| self.failed(error))?;
        let damaged = |why: String| StoreError::Damaged { file: self.name(), why };
        if text.len() as u64 > MAX_FILE_BYTES {
            return Err(damaged(format!("it is over {MAX_FILE_BYTES} bytes")));
        }
        let content: Content =
            serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
        match content.version {
            VERSION => Ok(content.tokens),
            other => Err(damaged(format!("version {other} is not known to this binary"))),
        }
    }

    /// One change at a time, also of several programs.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut Vec<Entry>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let failed = |error| self.failed(error);
        DirBuilder::new().recursive(true).mode(0o700).create(&self.dir).map_err(failed)?;
        let lock = private().truncate(false).open(self.file.with_extension("lock"));
        let lock = lock.map_err(failed)?;
        self.give(&lock).map_err(failed)?;
        lock.lock().map_err(failed)?;
        let mut tokens = self.read()?;
        let done = change(&mut tokens)?;
        self.write(&Content { version: VERSION, tokens }).map_err(failed)?;
        Ok(done)
    }

    /// By rename, so that who reads sees the old file or the new one, and nothing between.
    fn write(&self, content: &Content) -> std::io::Result<()> {
        let beside = self.file.with_extension("new");
        let mut file = private().truncate(true).open(&beside)?;
        serde_json::to_writer_pretty(&mut file, content)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        self.give(&file)?;
        std::fs::rename(&beside, &self.file)?;
        File::open(&self.dir)?.sync_all()
    }

    /// What root makes for a server that runs as the directory's owner is for the owner to read.
    fn give(&self, file: &File) -> std::io::Result<()> {
        let owner = std::fs::metadata(&self.dir)?;
        match owner.uid() == file.metadata()?.uid() {
            true => Ok(()),
            false => std::os::unix::fs::fchown(file, Some(owner.uid()), Some(owner.gid())),
        }
    }

    fn failed(&self, source: std::io::Error) -> StoreError {
        StoreError::File { file: self.name(), source }
    }

    fn name(&self) -> String {
        self.file.display().to_string()
    }
}

/// For its owner only.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).mode(0o600);
    options
}

impl Entry {
    fn listed(&self, now: Timestamp) -> Listed {
        Listed {
            id: self.id.clone(),
            role: self.role,
            user: self.user.clone(),
            scopes: self.scopes.clone(),
            created: self.created,
            expires: self.expires,
            revoked: self.revoked,
            state: match (self.revoked, self.expires) {
                (Some(_), _) => "revoked",
                (None, Some(expires)) if expires <= now => "expired",
                _ => "active",
            },
        }
    }

    fn ended_before(&self, moment: Timestamp) -> bool {
        let ended = self.revoked.into_iter().chain(self.expires).min();
        ended.is_some_and(|ended| ended < moment)
    }

    /// What it grants.
    pub fn grant(&self, cut: tokio_util::sync::CancellationToken) -> Result<Grant, String> {
        let (id, user, scopes) = (self.id.clone(), self.user.clone(), self.scopes.clone());
        Grant::new(id, user, self.role, scopes, self.expires, cut)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn wanted(role: Role) -> Wanted {
        Wanted { role, user: None, scopes: Scopes::default(), expires: None }
    }

    #[test]
    fn tokens_are_made_listed_and_revoked() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::of(&folder.path().join("data"));
        assert_eq!(store.list().unwrap(), []);
        let (one, text) = store.make(wanted(Role::Admin)).unwrap();
        let ended = Wanted { expires: Some(Timestamp(1)), ..wanted(Role::Ingest) };
        let (two, _) = store.make(ended).unwrap();
        assert_eq!((one.state, two.state, &one.user), ("active", "expired", &one.id));
        assert!(store.revoke(&one.id).unwrap() && !store.revoke(&one.id).unwrap());
        let listed = store.list().unwrap();
        assert_eq!(listed.iter().map(|one| one.state).collect::<Vec<_>>(), ["revoked", "expired"]);
        let file = store.file().to_owned();
        let kept = std::fs::read_to_string(&file).unwrap();
        assert!(!kept.contains(&text) && !kept.contains(text.splitn(3, '_').nth(2).unwrap()));
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
        let error = store.revoke("nobody").unwrap_err().to_string();
        assert!(error.contains("no token `nobody`"), "{error}");
    }

    #[test]
    fn an_agents_token_names_the_agent() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::of(folder.path());
        assert!(store.make(wanted(Role::Agent)).unwrap_err().to_string().contains("--scope agent"));
        let named = Wanted { user: Some("a17".into()), ..wanted(Role::Agent) };
        assert_eq!(store.make(named).unwrap().0.scopes.names(), ["agent:a17"]);
        let scopes = Scopes::parse(["agent:x"]).unwrap();
        assert!(store.make(Wanted { scopes, ..wanted(Role::Agent) }).is_ok());
        let bad = Wanted { user: Some("a\nb".into()), ..wanted(Role::Admin) };
        assert!(store.make(bad).unwrap_err().to_string().contains("--user"));
    }

    #[test]
    fn many_writers_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::of(folder.path());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope
                    .spawn(|| (0..5).for_each(|_| drop(store.make(wanted(Role::Ingest)).unwrap())));
            }
        });
        assert_eq!(store.list().unwrap().len(), 20);
    }

    #[test]
    fn what_is_no_file_of_tokens_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::of(folder.path());
        for text in ["", "[]", r#"{"version":2,"tokens":[]}"#] {
            std::fs::write(store.file(), text).unwrap();
            let error = store.list().unwrap_err().to_string();
            assert!(error.contains("tokens.json is no file of tokens"), "{error}");
        }
    }
}
