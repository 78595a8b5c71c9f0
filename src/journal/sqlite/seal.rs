//! Encryption at rest: columns with words are sealed, one by one, each bound to its row.
//!
//! A sealed value is `sealed1:` and the base64 of a nonce of 24 bytes and the ciphertext with its
//! tag (XChaCha20-Poly1305). Table and row are authenticated with it, so that rows cannot be
//! swapped. SQL seals and opens by the functions `seal(row, text)` and `unseal(row, text)`, which
//! every connection of this program has; without a key they give the text as it is.

use std::fmt;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use ring::rand::{SecureRandom, SystemRandom};
use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};

use super::error::OpenError;
use super::{open, schema};

/// Begins a sealed value, and names how it was sealed.
const PREFIX: &str = "sealed1:";
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// The row of `meta` that tells whether a key is the right one, and what it holds.
const PROOF: &str = "sealed";
const PROOF_ROW: &str = "meta/sealed";
const PROOF_TEXT: &str = "forewarn";

/// The key of a journal, if it has one.
#[derive(Clone, Default)]
pub struct Seal(Option<Arc<XChaCha20Poly1305>>);

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Seal(…)" } else { "Seal(none)" })
    }
}

impl Seal {
    /// Reads a key file: 64 hexadecimal digits, readable by its owner only. Without a file nothing
    /// is sealed.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the file, and how to mend it.
    pub fn of_file(path: Option<&Path>) -> Result<Seal, String> {
        let Some(path) = path else { return Ok(Seal::default()) };
        let name = path.display();
        let unreadable = |error| format!("cannot read the key file {name}: {error}");
        let mode = fs::metadata(path).map_err(unreadable)?.mode();
        if mode & 0o077 != 0 {
            return Err(format!(
                "others may read the key file {name} (mode {:o}); run `chmod 600 {name}`",
                mode & 0o777
            ));
        }
        let text = fs::read_to_string(path).map_err(unreadable)?;
        let key = decode(text.trim()).ok_or_else(|| {
            format!("{name} is no key file; `forewarn journal key new FILE` makes one")
        })?;
        Ok(Seal(Some(Arc::new(XChaCha20Poly1305::new(&key.into())))))
    }

    /// Makes a key file, which must not exist yet.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn make_file(path: &Path) -> Result<(), String> {
        let name = path.display();
        let mut key = [0; KEY_BYTES];
        SystemRandom::new().fill(&mut key).map_err(|_| "the system gives no random bytes")?;
        let text: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        let write = || {
            let mut file = open::private().create_new(true).open(path)?;
            file.set_permissions(fs::Permissions::from_mode(0o600))?;
            writeln!(file, "{text}")?;
            file.sync_all()
        };
        write().map_err(|error: std::io::Error| format!("cannot make {name}: {error}"))
    }

    /// Whether anything is sealed.
    pub(super) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    fn seal(&self, row: &str, text: &str) -> Result<String, String> {
        let Some(cipher) = &self.0 else { return Ok(text.to_owned()) };
        let mut nonce = [0; NONCE_BYTES];
        SystemRandom::new().fill(&mut nonce).map_err(|_| "the system gives no random bytes")?;
        let payload = Payload { msg: text.as_bytes(), aad: row.as_bytes() };
        let sealed = cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| "a value is too large to be sealed")?;
        Ok(format!("{PREFIX}{}", BASE64.encode([&nonce[..], &sealed].concat())))
    }

    fn unseal(&self, row: &str, text: &str) -> Result<String, String> {
        let Some(cipher) = &self.0 else { return Ok(text.to_owned()) };
        let failed = || format!("{row} cannot be decrypted: it was changed, or moved");
        let bytes = text.strip_prefix(PREFIX).and_then(|text| BASE64.decode(text).ok());
        let bytes = bytes.filter(|bytes| bytes.len() > NONCE_BYTES).ok_or_else(failed)?;
        let (nonce, sealed) = bytes.split_at(NONCE_BYTES);
        let nonce = <[u8; NONCE_BYTES]>::try_from(nonce).map_err(|_| failed())?;
        let payload = Payload { msg: sealed, aad: row.as_bytes() };
        let opened = cipher.decrypt(&XNonce::from(nonce), payload).map_err(|_| failed())?;
        String::from_utf8(opened).map_err(|_| failed())
    }

    /// SQL that seals `value` under the name of its row. Without a key it is the value itself: the
    /// function would copy it for nothing.
    pub(super) fn sql(&self, row: &str, value: &str) -> String {
        if self.is_on() { format!("seal({row}, {value})") } else { value.to_owned() }
    }

    /// Gives a connection the functions.
    pub(super) fn give_to(&self, connection: &Connection) -> rusqlite::Result<()> {
        type Step = fn(&Seal, &str, &str) -> Result<String, String>;
        let functions: [(&str, Step); 2] = [("seal", Seal::seal), ("unseal", Seal::unseal)];
        for (name, step) in functions {
            let own = self.clone();
            let call = move |given: &Context<'_>| -> rusqlite::Result<Option<String>> {
                let Some(text) = given.get_raw(1).as_str_or_null()? else { return Ok(None) };
                let row = given.get_raw(0).as_str()?;
                let done = step(&own, row, text);
                done.map(Some).map_err(|error| rusqlite::Error::UserFunctionError(error.into()))
            };
            connection.create_scalar_function(name, 2, FunctionFlags::SQLITE_UTF8, call)?;
        }
        Ok(())
    }

    /// Whether this is the key of the file, or it needs none.
    pub(super) fn check(&self, connection: &Connection) -> Result<(), OpenError> {
        if schema::version(connection)? == 0 {
            return Ok(());
        }
        let key = |text: &str| Err(OpenError::Key(text.to_owned()));
        match (schema::meta(connection, PROOF)?, self.is_on()) {
            (None, false) => Ok(()),
            (None, true) => key("is not encrypted, and there is a key file for it; leave it out"),
            (Some(_), false) => key("is encrypted; name its key file (`key_file` in [journal])"),
            (Some(proof), true) => match self.unseal(PROOF_ROW, &proof) {
                Ok(text) if text == PROOF_TEXT => Ok(()),
                _ => key("is encrypted with another key than that of the key file"),
            },
        }
    }

    /// Makes a journal without any calls one with this key.
    pub(super) fn begin(&self, connection: &Connection) -> Result<(), OpenError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM batches) OR EXISTS (SELECT 1 FROM calls)";
        let used: bool = connection.query_row(sql, [], |row| row.get(0))?;
        if !self.is_on() || used || schema::meta(connection, PROOF)?.is_some() {
            return Ok(());
        }
        let proof = self.seal(PROOF_ROW, PROOF_TEXT).map_err(OpenError::Damaged)?;
        Ok(schema::set_meta(connection, PROOF, &proof)?)
    }
}

fn decode(text: &str) -> Option<[u8; KEY_BYTES]> {
    let mut key = [0; KEY_BYTES];
    if text.len() != 2 * KEY_BYTES || !text.is_ascii() {
        return None;
    }
    for (byte, place) in key.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&text[place..place + 2], 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(byte: u8) -> Seal {
        Seal(Some(Arc::new(XChaCha20Poly1305::new(&[byte; KEY_BYTES].into()))))
    }

    #[test]
    fn a_value_opens_in_its_row_with_its_key_only() {
        let own = seal(1);
        let sealed = own.seal("transcript/1/2", "hello").unwrap();
        assert!(sealed.starts_with(PREFIX) && !sealed.contains("hello"));
        assert_ne!(sealed, own.seal("transcript/1/2", "hello").unwrap(), "another nonce");
        assert_eq!(own.unseal("transcript/1/2", &sealed).unwrap(), "hello");
        assert!(own.unseal("transcript/1/3", &sealed).is_err());
        assert!(seal(2).unseal("transcript/1/2", &sealed).is_err());
        assert!(own.unseal("transcript/1/2", "hello").is_err(), "never sealed");
        assert!(own.unseal("transcript/1/2", PREFIX).is_err());
    }

    #[test]
    fn a_key_file_is_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        Seal::make_file(&path).unwrap();
        assert!(Seal::of_file(Some(&path)).unwrap().is_on());
        assert!(Seal::make_file(&path).is_err(), "never over another key");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(Seal::of_file(Some(&path)).unwrap_err().contains("chmod 600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "not a key").unwrap();
        assert!(Seal::of_file(Some(&path)).unwrap_err().contains("journal key new"));
    }
}
