//! Tokens of an identity provider.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use super::*;

fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn new_key() -> Ed25519KeyPair {
    let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    Ed25519KeyPair::from_pkcs8(key.as_ref()).unwrap()
}

fn publish(file: &Path, key: &Ed25519KeyPair) {
    let set = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k1", "use": "sig",
        "x": encode(key.public_key())}]});
    std::fs::write(file, set.to_string()).unwrap();
}

fn sign(key: &Ed25519KeyPair, header: &Value, claims: &Value) -> String {
    let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    let signature = key.sign(signed.as_bytes());
    format!("{signed}.{}", encode(signature))
}

fn claims() -> Value {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    json!({"iss": "https://id.example", "aud": ["forewarn"], "exp": now.as_secs() + 600,
        "sub": "ana", "role": "supervisor", "scopes": ["queue:billing"]})
}

fn config(file: &Path) -> String {
    format!(
        "[auth]\njwks_file = \"{}\"\nissuer = \"https://id.example\"\naudience = \"forewarn\"\n",
        file.display()
    )
}

#[tokio::test]
async fn tokens_of_the_provider_are_taken_and_bad_ones_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    let (key, other) = (new_key(), new_key());
    publish(&file, &key);
    // No data directory: the provider alone guards.
    let server = Server::with_config(&config(&file));
    let eddsa = json!({"alg": "EdDSA", "kid": "k1", "typ": "JWT"});
    let good = sign(&key, &eddsa, &claims());
    assert_eq!(ask(&server, &good, "/v1/calls").await.0, 200);
    assert_eq!(ask(&server, "", "/v1/calls").await.0, 401);
    assert_eq!(ask(&server, &good, "/metrics").await.0, 403);
    let (mut watching, hello) = console(&server, &good).await;
    assert_eq!((&hello["user"], &hello["scopes"]), (&json!("ana"), &json!(["queue:billing"])));
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        sign(&key, &eddsa, &claims)
    };
    let unsigned = {
        let mut parts = good.rsplitn(2, '.');
        parts.next();
        let payload = parts.next().unwrap().split('.').nth(1).unwrap().to_owned();
        format!("{}.{payload}.", encode(json!({"alg": "none"}).to_string()))
    };
    for (why, bad) in [
        ("alg none", unsigned),
        ("alg none, signed", sign(&key, &json!({"alg": "none", "kid": "k1"}), &claims())),
        ("HMAC", sign(&key, &json!({"alg": "HS256", "kid": "k1"}), &claims())),
        ("another key", sign(&other, &eddsa, &claims())),
        ("another audience", with("aud", json!("other"))),
        ("another issuer", with("iss", json!("https://evil.example"))),
        ("expired", with("exp", json!(claims()["exp"].as_u64().unwrap() - 1_200))),
        ("no expiry", with("exp", json!(null))),
        ("not yet", with("nbf", claims()["exp"].clone())),
        ("no role of ours", with("role", json!("root"))),
    ] {
        assert_eq!(ask(&server, &bad, "/v1/calls").await.0, 401, "{why}");
        assert_eq!(open(&server, &bad, "/v1/console").await.close_code().await, 4401, "{why}");
    }
    let platform = with("role", json!("ingest"));
    assert_eq!(ask(&server, &platform, "/v1/calls").await.0, 403);
    // The provider changes its key: nobody of the old one stays.
    publish(&file, &other);
    assert_eq!(watching.close_code().await, 4401);
    assert_eq!(ask(&server, &good, "/v1/calls").await.0, 401);
    assert_eq!(ask(&server, &sign(&other, &eddsa, &claims()), "/v1/calls").await.0, 200);
    // A set that cannot be read changes nothing.
    std::fs::write(&file, "nonsense").unwrap();
    server.logged("those before go on").await;
    assert_eq!(ask(&server, &sign(&other, &eddsa, &claims()), "/v1/calls").await.0, 200);
}

#[tokio::test]
async fn a_socket_ends_with_its_token() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    let key = new_key();
    publish(&file, &key);
    let server = Server::with_config(&(config(&file) + "leeway_s = 0\n"));
    let mut short = claims();
    short["exp"] = json!(short["exp"].as_u64().unwrap() - 592);
    let token = sign(&key, &json!({"alg": "EdDSA"}), &short);
    let (mut peer, _) = board(&server, &token).await;
    assert_eq!(peer.close_code().await, 4401);
}

#[test]
fn keys_that_cannot_be_used_stop_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("jwks.json");
    let path = folder.path().join("forewarn.toml");
    for (text, content, part) in [
        (config(&keys), "{}", "jwks.json: it has no list `keys`"),
        (config(&keys).replace("audience", "#"), "{}", "`audience` is empty"),
        ("[auth]\nissuer = \"x\"\n".into(), "{}", "`jwks_file` is missing"),
        (config(&folder.path().join("nowhere")), "{}", "nowhere"),
    ] {
        std::fs::write(&keys, content).unwrap();
        std::fs::write(&path, &text).unwrap();
        let output = run(&["serve", "--listen", "127.0.0.1:0", "--config", path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(stderr(&output).contains(part), "{text}: {}", stderr(&output));
        assert!(stderr(&output).contains("[auth]"), "{}", stderr(&output));
    }
}
