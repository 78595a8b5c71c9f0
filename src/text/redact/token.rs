//! Hashed placeholders: the same value is the same token.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Kind;

/// Shortest key, in bytes.
const MIN_KEY_BYTES: usize = 16;
/// Bytes of the hash that are shown: enough to tell values of one site apart.
const SHOWN_BYTES: usize = 4;

/// A secret key for hashed placeholders.
#[derive(Clone)]
pub struct Key(Vec<u8>);

impl Key {
    /// # Errors
    /// A sentence, when it is too short.
    pub fn new(bytes: &[u8]) -> Result<Key, String> {
        if bytes.len() < MIN_KEY_BYTES {
            return Err(format!(
                "the key has {} bytes; at least {MIN_KEY_BYTES} are needed",
                bytes.len()
            ));
        }
        Ok(Key(bytes.to_vec()))
    }

    /// `[card:1a2b3c4d]` for a value.
    pub fn token(&self, kind: Kind, value: &str) -> String {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.0)
            .unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
        mac.update(kind.name().as_bytes());
        mac.update(&[0]);
        mac.update(value.as_bytes());
        let hash = mac.finalize().into_bytes();
        let shown: String = hash.iter().take(SHOWN_BYTES).map(|b| format!("{b:02x}")).collect();
        format!("[{}:{shown}]", kind.name())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}
