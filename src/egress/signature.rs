//! Signatures of what is sent, as Standard Webhooks has them: `webhook-id`, `webhook-timestamp` and
//! `webhook-signature: v1,BASE64`, an HMAC-SHA256 over `id.timestamp.body`.
//!
//! A receiver in Python, with the secret as it stands in the file (of one that begins with
//! `whsec_`, the key is what follows, decoded from base64):
//!
//! ```python
//! def is_ours(headers, body: bytes, secret: bytes) -> bool:
//!     signed = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
//!     ours = "v1," + base64.b64encode(hmac.new(secret, signed, "sha256").digest()).decode()
//!     fresh = abs(time.time() - int(headers["webhook-timestamp"])) < 300
//!     return fresh and any(hmac.compare_digest(ours, s) for s in headers["webhook-signature"].split())
//! ```

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};

use super::secrets::Secret;

/// A shorter secret could be guessed.
const MIN_BYTES: usize = 16;
const PREFIX: &str = "whsec_";

/// A key that signs.
#[derive(Clone)]
pub(super) struct Key(Hmac<sha2::Sha256>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Key {
    /// # Errors
    /// The second half of a sentence; it does not say the secret.
    pub fn new(secret: &Secret) -> Result<Key, String> {
        let text = secret.reveal();
        let bytes = match text.strip_prefix(PREFIX) {
            None => text.as_bytes().to_vec(),
            Some(encoded) => BASE64_STANDARD
                .decode(encoded)
                .map_err(|_| format!("begins with `{PREFIX}`, but no base64 follows"))?,
        };
        if bytes.len() < MIN_BYTES {
            let found = bytes.len();
            return Err(format!("has {found} bytes; use at least {MIN_BYTES}, made by chance"));
        }
        // An HMAC takes keys of any length.
        let mac = Hmac::new_from_slice(&bytes).map_err(|error| error.to_string())?;
        Ok(Key(mac))
    }

    fn sign(&self, id: &str, timestamp_s: i64, body: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(format!("{id}.{timestamp_s}.").as_bytes());
        mac.update(body);
        format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// The value of `webhook-signature`: one for each key.
pub(super) fn sign(keys: &[Key], id: &str, timestamp_s: i64, body: &[u8]) -> String {
    let signatures = keys.iter().map(|key| key.sign(id, timestamp_s, body));
    signatures.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Result<Key, String> {
        Key::new(&Secret::new(text))
    }

    #[test]
    fn a_signature_covers_id_time_and_body() {
        // printf 'e1-7.1800000000.{"a":1}' | openssl dgst -sha256 -hmac a-secret-of-some-length -binary | base64
        let plain = key("a-secret-of-some-length").unwrap();
        let expected = "v1,MJsBQ4ymlyLcuway4bxEd1ETRfLWNvzaCg9ybJTmHmg=";
        assert_eq!(
            sign(std::slice::from_ref(&plain), "e1-7", 1_800_000_000, br#"{"a":1}"#),
            expected
        );
        // The same key, written the way of Standard Webhooks.
        let written = format!("whsec_{}", BASE64_STANDARD.encode("a-secret-of-some-length"));
        let both = [plain, key(&written).unwrap()];
        let signed = sign(&both, "e1-7", 1_800_000_000, br#"{"a":1}"#);
        assert_eq!(signed, format!("{expected} {expected}"));
        assert_ne!(sign(&both[..1], "e1-8", 1_800_000_000, br#"{"a":1}"#), expected);
        assert_ne!(sign(&both[..1], "e1-7", 1_800_000_001, br#"{"a":1}"#), expected);
        assert_ne!(sign(&both[..1], "e1-7", 1_800_000_000, br#"{"a":2}"#), expected);
    }

    #[test]
    fn weak_secrets_are_refused_without_being_said() {
        for bad in ["hunter2", "whsec_aHVudGVyMg==", "whsec_not base64!"] {
            let error = key(bad).unwrap_err();
            assert!(!error.contains("hunter2") && !error.contains("aHVu"), "{error}");
        }
        assert_eq!(format!("{:?}", key("a-secret-of-some-length").unwrap()), "***");
    }
}
