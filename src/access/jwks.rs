//! Public keys of an identity provider: a JSON Web Key Set (RFC 7517), and signatures by them.
//!
//! Verified by ring, which is here anyway. The library that is usual for this would bring either
//! C code or an RSA of its own with known weaknesses, and its older releases take claims of the
//! wrong type.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// Most keys of a set.
const MAX_KEYS: usize = 100;

/// How a token may be signed. There is no `none`, and no HMAC: a public key must never serve as
/// a shared secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Es256,
    EdDsa,
}

impl Algorithm {
    pub fn named(name: &str) -> Option<Algorithm> {
        match name {
            "RS256" => Some(Algorithm::Rs256),
            "ES256" => Some(Algorithm::Es256),
            "EdDSA" => Some(Algorithm::EdDsa),
            _ => None,
        }
    }
}

/// A key of the provider.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub id: Option<String>,
    pub algorithm: Algorithm,
    material: Material,
    /// Cancelled when the set has it no more.
    pub cut: CancellationToken,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// A point, or an Ed25519 key.
    Plain(Vec<u8>),
}

impl Key {
    /// Whether it is the same key under the same name.
    pub fn is(&self, other: &Key) -> bool {
        self.id == other.id && self.algorithm == other.algorithm && self.material == other.material
    }

    /// Whether `signature` is of `message`.
    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified =
            match (self.algorithm, &self.material) {
                (Algorithm::Rs256, Material::Rsa { n, e }) => RsaPublicKeyComponents { n, e }
                    .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature),
                (Algorithm::Es256, Material::Plain(key)) => {
                    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key).verify(message, signature)
                }
                (Algorithm::EdDsa, Material::Plain(key)) => {
                    UnparsedPublicKey::new(&ED25519, key).verify(message, signature)
                }
                _ => return false,
            };
        verified.is_ok()
    }
}

/// Reads a set. Keys for other purposes or of other kinds are passed over.
///
/// # Errors
/// A sentence, when it is no set or has no key of use.
pub(super) fn parse(text: &str) -> Result<Vec<Key>, String> {
    let set: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let listed = set["keys"].as_array().ok_or("it has no list `keys`")?;
    if listed.len() > MAX_KEYS {
        return Err(format!("it has more than {MAX_KEYS} keys"));
    }
    let mut keys = Vec::new();
    for (place, jwk) in listed.iter().enumerate() {
        keys.extend(key(jwk).map_err(|why| format!("key {}: {why}", place + 1))?);
    }
    match keys.is_empty() {
        true => Err("it has no key for RS256 (RSA), ES256 (P-256) or EdDSA (Ed25519)".into()),
        false => Ok(keys),
    }
}

/// `None` for a key that is not for us.
fn key(jwk: &Value) -> Result<Option<Key>, String> {
    let text = |name: &str| jwk[name].as_str();
    let is_other = text("use").is_some_and(|purpose| purpose != "sig")
        || jwk["key_ops"].as_array().is_some_and(|all| all.iter().all(|one| one != "verify"));
    if is_other {
        return Ok(None);
    }
    let bytes = |name: &str| -> Result<Vec<u8>, String> {
        let encoded = text(name).ok_or(format!("`{name}` is missing"))?;
        let wrong = |_| format!("`{name}` is not base64url without padding");
        BASE64_URL_SAFE_NO_PAD.decode(encoded).map_err(wrong)
    };
    let (algorithm, material) = match (text("kty"), text("crv")) {
        (Some("RSA"), _) => (Algorithm::Rs256, Material::Rsa { n: bytes("n")?, e: bytes("e")? }),
        (Some("EC"), Some("P-256")) => {
            let (x, y) = (bytes("x")?, bytes("y")?);
            if x.len() != 32 || y.len() != 32 {
                return Err("`x` and `y` must have 32 bytes".into());
            }
            // An uncompressed point.
            (Algorithm::Es256, Material::Plain([vec![4], x, y].concat()))
        }
        (Some("OKP"), Some("Ed25519")) => (Algorithm::EdDsa, Material::Plain(bytes("x")?)),
        _ => return Ok(None),
    };
    // A key says for which algorithm it is, or leaves only one.
    if text("alg").is_some_and(|name| Algorithm::named(name) != Some(algorithm)) {
        return Ok(None);
    }
    let id = text("kid").map(str::to_owned);
    Ok(Some(Key { id, algorithm, material, cut: CancellationToken::new() }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_of_use_are_taken_and_others_passed_over() {
        let point = "A".repeat(43);
        let set = json!({"keys": [
            {"kty": "RSA", "kid": "r", "n": "AQAB", "e": "AQAB"},
            {"kty": "RSA", "use": "enc", "n": "AQAB", "e": "AQAB"},
            {"kty": "RSA", "alg": "RS512", "n": "AQAB", "e": "AQAB"},
            {"kty": "EC", "crv": "P-256", "x": point, "y": point},
            {"kty": "EC", "crv": "P-521", "x": point, "y": point},
            {"kty": "OKP", "crv": "Ed25519", "x": point, "key_ops": ["verify"]},
            {"kty": "OKP", "crv": "Ed25519", "x": point, "key_ops": ["sign"]},
            {"kty": "oct", "k": "c2VjcmV0"},
        ]});
        let keys = parse(&set.to_string()).unwrap();
        let algorithms: Vec<Algorithm> = keys.iter().map(|key| key.algorithm).collect();
        assert_eq!(algorithms, [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa]);
        assert!(keys[0].is(&keys[0].clone()) && !keys[1].is(&keys[2]));
        assert!(keys.iter().all(|key| !key.has_signed(b"message", &[0; 64])));
    }

    #[test]
    fn what_is_no_set_is_refused() {
        for (text, part) in [
            ("{", "EOF"),
            ("{}", "no list `keys`"),
            (r#"{"keys":[]}"#, "no key for RS256"),
            (r#"{"keys":[{"kty":"oct","k":"AA"}]}"#, "no key for RS256"),
            (r#"{"keys":[{"kty":"RSA","n":"AQAB"}]}"#, "key 1: `e` is missing"),
            (r#"{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}"#, "32 bytes"),
            (r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"a="}]}"#, "not base64url"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
