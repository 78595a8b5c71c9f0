//! The text of a token: `fw_ID_SECRET`.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// How every token begins: programs that look for leaked secrets know it by that.
const PREFIX: &str = "fw_";
const ID_BYTES: usize = 6;
/// 256 bits of chance.
const SECRET_BYTES: usize = 32;

/// What is kept of a token's text. A plain SHA-256 does, where a password would need a slow hash
/// with salt: nobody can try through 2^256 secrets, however fast a try is, no two tokens are
/// alike, and every request must be looked up at once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Hash([u8; 32]);

/// A new token: its id, its text, and what is kept of it.
pub(super) struct Fresh {
    pub id: String,
    pub text: String,
    pub hash: Hash,
}

impl Fresh {
    /// # Errors
    /// A sentence, when the system has no randomness.
    pub fn new() -> Result<Fresh, String> {
        let mut chance = [0; ID_BYTES + SECRET_BYTES];
        let random = SystemRandom::new();
        random.fill(&mut chance).map_err(|_| "the system gives no random numbers".to_owned())?;
        let (id, secret) = chance.split_at(ID_BYTES);
        let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let text = format!("{PREFIX}{id}_{}", BASE64_URL_SAFE_NO_PAD.encode(secret));
        let hash = Hash::of(&text);
        Ok(Fresh { id, text, hash })
    }
}

/// The id that a text claims, if it may be a token of ours. The id finds the entry and is no
/// secret; the whole text is then compared in constant time.
pub(super) fn claimed_id(text: &str) -> Option<&str> {
    let (id, _) = text.strip_prefix(PREFIX)?.split_once('_')?;
    Some(id)
}

impl Hash {
    pub fn of(text: &str) -> Hash {
        Hash(Sha256::digest(text.as_bytes()).into())
    }

    /// Whether it is of that text, in a time that does not tell how much of it fits.
    pub fn is_of(&self, text: &str) -> bool {
        self.0.ct_eq(&Hash::of(text).0).into()
    }
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hash(…)")
    }
}

impl From<Hash> for String {
    fn from(hash: Hash) -> String {
        hash.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl TryFrom<String> for Hash {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Hash, &'static str> {
        let wrong = "a hash must be 64 hexadecimal digits";
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong);
        }
        let mut bytes = [0; 32];
        for (place, byte) in bytes.iter_mut().enumerate() {
            let pair = &text[place * 2..place * 2 + 2];
            *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong)?;
        }
        Ok(Hash(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_are_known_by_their_hash() {
        let (one, two) = (Fresh::new().unwrap(), Fresh::new().unwrap());
        assert!(one.text != two.text && one.id != two.id);
        assert_eq!(claimed_id(&one.text), Some(one.id.as_str()));
        // 32 bytes in base64 without padding.
        assert_eq!(one.text.len(), PREFIX.len() + one.id.len() + 1 + 43);
        assert!(one.hash.is_of(&one.text) && !one.hash.is_of(&two.text));
        assert!(!one.hash.is_of(&one.text[..one.text.len() - 1]));
        let kept = String::from(one.hash.clone());
        assert!(!kept.contains(&one.text));
        assert_eq!(Hash::try_from(kept).unwrap(), one.hash);
        assert!(
            Hash::try_from("00".to_owned()).is_err() && Hash::try_from("é".repeat(32)).is_err()
        );
        for other in ["", "fw_", "fw_x", "eyJ.a.b", "bearer"] {
            assert_eq!(claimed_id(other), None, "{other}");
        }
    }
}
