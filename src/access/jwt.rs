//! Tokens of an identity provider: JSON Web Tokens (RFC 7519, RFC 8725).

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::jwks::{Algorithm, Key};
use super::{Grant, Role, Settings};
use crate::call::Timestamp;
use crate::wire::Scopes;

/// Most keys that a token without a `kid` is held against.
const MAX_TRIED: usize = 4;

/// What a token that holds says.
pub(super) struct Claims {
    pub user: String,
    pub role: Role,
    pub scopes: Scopes,
    pub until: Timestamp,
}

/// Who the bearer of `text` is at `now`. `None` when the token is bad in any way: who sends a bad
/// one is not told in which.
pub(super) fn grant(
    text: &str,
    keys: &[Key],
    settings: &Settings,
    now: Timestamp,
) -> Option<Grant> {
    let (key, claims) = verified(text, keys)?;
    let Claims { user, role, scopes, until } = read(&claims, settings, now)?;
    let id = match &key.id {
        Some(id) => format!("jwt:{}", id.chars().take(60).collect::<String>()),
        None => "jwt".into(),
    };
    Grant::new(id, user, role, scopes, Some(until), key.cut.clone()).ok()
}

/// The claims, once the signature was checked.
fn verified<'a>(text: &str, keys: &'a [Key]) -> Option<(&'a Key, Map<String, Value>)> {
    let (signed, signature) = text.rsplit_once('.')?;
    let (header, payload) = signed.split_once('.')?;
    let header = object(header)?;
    let algorithm = Algorithm::named(header.get("alg")?.as_str()?)?;
    // Extensions that must be understood are not.
    if header.contains_key("crit") {
        return None;
    }
    let id = match header.get("kid") {
        None => None,
        Some(id) => Some(id.as_str()?),
    };
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?;
    let mut fitting = keys
        .iter()
        .filter(|key| key.algorithm == algorithm && (id.is_none() || key.id.as_deref() == id));
    // Who names no key does not have all of them tried: a signature is dear to verify.
    let key = fitting
        .by_ref()
        .take(MAX_TRIED)
        .find(|key| key.has_signed(signed.as_bytes(), &signature))?;
    Some((key, object(payload)?))
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

fn read(claims: &Map<String, Value>, settings: &Settings, now: Timestamp) -> Option<Claims> {
    let leeway_ms = i64::from(settings.leeway_s) * 1_000;
    // Of the wrong type is as bad as absent.
    let until = moment(claims.get("exp")?)?.plus_ms(leeway_ms);
    let from = match claims.get("nbf") {
        None => Timestamp(i64::MIN),
        Some(from) => moment(from)?.plus_ms(-leeway_ms),
    };
    let is_meant = match claims.get("aud")? {
        Value::String(audience) => *audience == settings.audience,
        Value::Array(all) => all.iter().any(|one| one.as_str() == Some(&settings.audience)),
        _ => false,
    };
    let is_ours = claims.get("iss")?.as_str()? == settings.issuer && is_meant;
    if !is_ours || now >= until || now < from {
        return None;
    }
    Some(Claims {
        user: claim(claims, &settings.user_claim)?.as_str()?.to_owned(),
        role: role(claim(claims, &settings.role_claim)?)?,
        scopes: scopes(claim(claims, &settings.scopes_claim))?,
        until,
    })
}

/// Seconds since 1970, perhaps with a fraction.
fn moment(value: &Value) -> Option<Timestamp> {
    let seconds = value.as_f64()?;
    // Beyond every year that is meant; and a float of that size is exact in milliseconds.
    (seconds.abs() < 1e11).then_some(Timestamp((seconds * 1_000.0) as i64))
}

/// A claim by its name, or by a path of names with dots between.
fn claim<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(name) {
        return Some(value);
    }
    let mut parts = name.split('.');
    let first = claims.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.get(part))
}

/// A list may name roles of other programs, but only one of ours: who has two is not guessed.
fn role(value: &Value) -> Option<Role> {
    let named = |value: &Value| Role::named(value.as_str()?);
    match value {
        Value::Array(all) => {
            let mut ours = all.iter().filter_map(named);
            let first = ours.next()?;
            ours.all(|other| other == first).then_some(first)
        }
        one => named(one),
    }
}

/// Words without a colon are another program's (`openid`). But a claim that is there and names
/// nothing of ours must not open everything, so it opens nothing.
fn scopes(value: Option<&Value>) -> Option<Scopes> {
    let words: Vec<&str> = match value {
        None => return Some(Scopes::default()),
        Some(Value::String(words)) => words.split_whitespace().collect(),
        Some(Value::Array(all)) => all.iter().map(Value::as_str).collect::<Option<_>>()?,
        Some(_) => return None,
    };
    let ours: Vec<&str> = words.iter().copied().filter(|word| word.contains(':')).collect();
    if ours.is_empty() && !words.is_empty() {
        return None;
    }
    Scopes::parse(ours).ok()
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
    use serde_json::json;

    use super::super::jwks;
    use super::*;

    const NOW_S: i64 = 1_795_318_815;

    fn encode(bytes: impl AsRef<[u8]>) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    struct Provider {
        ed: Ed25519KeyPair,
        ec: EcdsaKeyPair,
    }

    impl Provider {
        fn new() -> Provider {
            let random = SystemRandom::new();
            let ed = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
            let form = &ECDSA_P256_SHA256_FIXED_SIGNING;
            let ec = EcdsaKeyPair::generate_pkcs8(form, &random).unwrap();
            Provider {
                ed: Ed25519KeyPair::from_pkcs8(ed.as_ref()).unwrap(),
                ec: EcdsaKeyPair::from_pkcs8(form, ec.as_ref(), &random).unwrap(),
            }
        }

        fn keys(&self) -> Vec<Key> {
            let point = self.ec.public_key().as_ref();
            let set = json!({"keys": [
                {"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": encode(self.ed.public_key())},
                {"kty": "EC", "crv": "P-256", "kid": "ec", "x": encode(&point[1..33]),
                    "y": encode(&point[33..])},
            ]});
            jwks::parse(&set.to_string()).unwrap()
        }

        fn token(&self, header: Value, claims: &Value) -> String {
            let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
            let signature = match header["alg"].as_str() {
                Some("ES256") => {
                    let random = SystemRandom::new();
                    self.ec.sign(&random, signed.as_bytes()).unwrap().as_ref().to_vec()
                }
                _ => self.ed.sign(signed.as_bytes()).as_ref().to_vec(),
            };
            format!("{signed}.{}", encode(signature))
        }
    }

    fn settings() -> Settings {
        Settings { issuer: "https://id".into(), audience: "fw".into(), ..Settings::default() }
    }

    fn claims() -> Value {
        json!({"iss": "https://id", "aud": "fw", "sub": "ana", "role": "supervisor",
            "exp": NOW_S + 60, "scopes": ["queue:billing"]})
    }

    fn eddsa() -> Value {
        json!({"alg": "EdDSA", "kid": "ed"})
    }

    fn granted(text: &str, keys: &[Key]) -> Option<Grant> {
        grant(text, keys, &settings(), Timestamp(NOW_S * 1_000))
    }

    #[test]
    fn a_good_token_says_who_and_what() {
        let provider = Provider::new();
        let keys = provider.keys();
        for header in [eddsa(), json!({"alg": "EdDSA"}), json!({"alg": "ES256", "kid": "ec"})] {
            let grant = granted(&provider.token(header, &claims()), &keys).unwrap();
            assert_eq!(grant.user.as_deref(), Some("ana"));
            assert_eq!(
                (grant.role, grant.scopes.names()),
                (Role::Supervisor, vec!["queue:billing".into()])
            );
            assert!(grant.holds(Timestamp((NOW_S + 89) * 1_000)), "with leeway");
            assert!(!grant.holds(Timestamp((NOW_S + 90) * 1_000)));
        }
    }

    #[test]
    fn headers_that_play_tricks_are_refused() {
        let provider = Provider::new();
        let keys = provider.keys();
        for header in [
            json!({"alg": "none"}),
            json!({"alg": "None", "kid": "ed"}),
            json!({"alg": "HS256", "kid": "ed"}),
            json!({"alg": "RS256", "kid": "ed"}),
            json!({"alg": "ES256", "kid": "ed"}),
            json!({"alg": "EdDSA", "kid": "ec"}),
            json!({"alg": "EdDSA", "kid": "other"}),
            json!({"alg": "EdDSA", "kid": 1}),
            json!({"alg": "EdDSA", "kid": "ed", "crit": ["exp"]}),
            json!({"kid": "ed"}),
        ] {
            let text = provider.token(header.clone(), &claims());
            assert!(granted(&text, &keys).is_none(), "{header}");
        }
        let good = provider.token(eddsa(), &claims());
        let (signed, signature) = good.rsplit_once('.').unwrap();
        let other = Provider::new().token(eddsa(), &claims());
        let swapped = format!("{signed}.{}", other.rsplit_once('.').unwrap().1);
        // Another key, no signature, changed claims, padding, more parts.
        let changed = {
            let mut more = claims();
            more["role"] = "admin".into();
            let header = signed.split_once('.').unwrap().0;
            format!("{header}.{}.{signature}", encode(more.to_string()))
        };
        for bad in
            [other, swapped, format!("{signed}."), signed.into(), changed, format!("{good}=")]
                .into_iter()
                .chain([format!("{good}.x"), "..".into(), String::new()])
        {
            assert!(granted(&bad, &keys).is_none(), "{bad}");
        }
        assert!(granted(&good, &keys).is_some() && granted(&good, &[]).is_none());
    }

    #[test]
    fn claims_must_be_there_of_their_type_and_of_now() {
        let provider = Provider::new();
        let keys = provider.keys();
        let with = |name: &str, value: Value| {
            let mut claims = claims();
            claims[name] = value;
            granted(&provider.token(eddsa(), &claims), &keys)
        };
        for (name, value) in [
            ("exp", json!(NOW_S - 30)),
            ("exp", json!((NOW_S + 60).to_string())),
            ("exp", json!(null)),
            ("exp", json!(1e300)),
            ("nbf", json!(NOW_S + 31)),
            ("nbf", json!("0")),
            ("iss", json!("https://other")),
            ("iss", json!(["https://id"])),
            ("aud", json!("other")),
            ("aud", json!(["a", "b"])),
            ("aud", json!({"fw": 1})),
            ("sub", json!("")),
            ("sub", json!("a\nb")),
            ("sub", json!(7)),
            ("role", json!("root")),
            ("role", json!(["agent", "admin"])),
            ("role", json!([])),
            ("scopes", json!("openid profile")),
            ("scopes", json!(["queues:billing"])),
            ("scopes", json!([1])),
            ("scopes", json!({"queue": "billing"})),
        ] {
            assert!(with(name, value.clone()).is_none(), "{name} {value}");
        }
        for (name, value) in [
            ("exp", json!(NOW_S - 29)),
            ("exp", json!(NOW_S as f64 + 0.5)),
            ("nbf", json!(NOW_S + 30)),
            ("aud", json!(["other", "fw"])),
            ("role", json!(["offline_access", "supervisor"])),
            ("scopes", json!("openid queue:billing")),
        ] {
            assert!(with(name, value.clone()).is_some(), "{name} {value}");
        }
        for missing in ["exp", "iss", "aud", "sub", "role"] {
            let mut claims = claims();
            claims.as_object_mut().unwrap().remove(missing);
            assert!(granted(&provider.token(eddsa(), &claims), &keys).is_none(), "{missing}");
        }
        assert!(with("scopes", json!([])).unwrap().scopes.is_all());
    }

    #[test]
    fn claims_may_lie_elsewhere() {
        let provider = Provider::new();
        let settings = Settings {
            role_claim: "realm.roles".into(),
            user_claim: "preferred".into(),
            scopes_claim: "https://forewarn/scope".into(),
            ..settings()
        };
        let claims = json!({"iss": "https://id", "aud": "fw", "exp": NOW_S + 60,
            "realm": {"roles": ["agent"]}, "preferred": "a17", "https://forewarn/scope": "team:t1"});
        let text = provider.token(eddsa(), &claims);
        let grant = grant(&text, &provider.keys(), &settings, Timestamp(NOW_S * 1_000)).unwrap();
        assert_eq!(
            (grant.role, grant.scopes.names()),
            (Role::Agent, vec!["team:t1".into(), "agent:a17".into()])
        );
    }
}
