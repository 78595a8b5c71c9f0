//! Signatures of vendors that push: Twilio's and Telnyx's. Each is checked where its key is set.

use axum::http::HeaderMap;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use ring::signature::{ED25519, ED25519_PUBLIC_KEY_LEN, UnparsedPublicKey};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::Settings;
use crate::call::Timestamp;
use crate::wire::vendors::Format;

/// What a vendor sent, as it goes into a signature.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sent<'a> {
    /// The fields of a form.
    Form(&'a [(String, String)]),
    /// Any other body, byte by byte.
    Bytes(&'a [u8]),
}

/// Whether Twilio signed what was sent to `target` of the public URL. The signature covers the URL
/// and the fields of a form; of any other body the URL has the hash.
///
/// # Errors
/// A sentence that says what to check.
pub(super) fn of_twilio(
    settings: &Settings,
    target: &str,
    headers: &HeaderMap,
    sent: Sent<'_>,
) -> Result<(), &'static str> {
    let Some(token) = &settings.twilio_auth_token else { return Ok(()) };
    let url = format!("{}{target}", settings.public_url.trim_end_matches('/'));
    let (fields, is_whole) = match sent {
        Sent::Form(fields) => (fields, true),
        Sent::Bytes(body) => (&[][..], names_hash_of(target, body)),
    };
    let given = header(headers, "x-twilio-signature");
    let is_signed = given.is_some_and(|given| twilio_signed(token, &url, fields, given));
    match (is_signed, is_whole) {
        (true, true) => Ok(()),
        (true, false) => {
            Err("the parameter bodySHA256 of the URL is missing or not of this body; \
            X-Twilio-Signature covers no body but a form without it")
        }
        (false, _) => Err("X-Twilio-Signature is missing or not of this request; check [server] \
            twilio_auth_token and public_url"),
    }
}

/// Whether the URL names the SHA-256 of the body, as Twilio writes it: in hex, as `bodySHA256`.
fn names_hash_of(target: &str, body: &[u8]) -> bool {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let mut named =
        form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "bodySHA256");
    let hash: String = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
    // Of two that differ nobody knows which is meant.
    let is_it = named.next().is_some_and(|(_, given)| given.eq_ignore_ascii_case(&hash));
    is_it && named.next().is_none()
}

/// Whether Telnyx signed this body at a time near `now`.
///
/// # Errors
/// A sentence that says what to check.
pub(super) fn of_telnyx(
    settings: &Settings,
    now: Timestamp,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(), &'static str> {
    let Some(key) = settings.telnyx_public_key.as_deref() else { return Ok(()) };
    let text = "telnyx-signature-ed25519 or telnyx-timestamp is missing or not of this request; \
                check [server] telnyx_public_key";
    let signature = header(headers, "telnyx-signature-ed25519").ok_or(text)?;
    let timestamp = header(headers, "telnyx-timestamp").ok_or(text)?;
    let is_signed = telnyx_key(key).is_some_and(|key| {
        let message = [timestamp.as_bytes(), b"|", body].concat();
        let key = UnparsedPublicKey::new(&ED25519, key);
        let signature = BASE64_STANDARD.decode(signature.trim());
        signature.is_ok_and(|signature| key.verify(&message, &signature).is_ok())
    });
    let second: i64 = timestamp.trim().parse().map_err(|_| text)?;
    let tolerance_s = i64::try_from(settings.telnyx_tolerance_s).unwrap_or(i64::MAX);
    if !is_signed {
        return Err(text);
    }
    let age_s = (now.0 / 1_000).saturating_sub(second);
    (age_s.saturating_abs() <= tolerance_s).then_some(()).ok_or(
        "telnyx-timestamp is too far from the time here; check the clock, or raise [server] \
         telnyx_tolerance_s",
    )
}

/// A public key as Telnyx's portal shows it, in base64. `None` when it is none.
pub(super) fn telnyx_key(text: &str) -> Option<[u8; ED25519_PUBLIC_KEY_LEN]> {
    BASE64_STANDARD.decode(text.trim()).ok()?.try_into().ok()
}

/// Whether a vendor that shows no token may prove itself by its signature.
pub(super) fn any(settings: &Settings) -> bool {
    settings.twilio_auth_token.is_some() || settings.telnyx_public_key.is_some()
}

/// Whether requests of that format are checked for a signature, or may be once it is known which
/// format they have.
pub(super) fn proves(settings: &Settings, format: Format) -> bool {
    match format {
        Format::Twilio => settings.twilio_auth_token.is_some(),
        Format::Telnyx => settings.telnyx_public_key.is_some(),
        Format::Auto => any(settings),
        _ => false,
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Whether `signature` (`X-Twilio-Signature`) is of a form with `fields` that was sent to `url`:
/// HMAC-SHA1 under the account's auth token over the URL, followed by names and values in the
/// order of the names. Compares in constant time.
fn twilio_signed(token: &str, url: &str, fields: &[(String, String)], signature: &str) -> bool {
    // An HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(token.as_bytes()) else { return false };
    mac.update(url.as_bytes());
    let mut sorted: Vec<&(String, String)> = fields.iter().collect();
    sorted.sort();
    for (name, value) in sorted {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    BASE64_STANDARD.decode(signature.trim()).is_ok_and(|given| mac.verify_slice(&given).is_ok())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_signature_covers_url_names_and_values() {
        let url = "https://calls.example.com/v1/webhooks/twilio?queue=billing";
        let fields =
            |sid: &str| vec![("CallSid".into(), sid.into()), ("Final".into(), "true".into())];
        // echo -n "URLCallSidCA1Finaltrue" | openssl dgst -sha1 -hmac secret -binary | base64
        let good = "920bRfnPAT3NEpRj8puG6MP7JkM=";
        assert!(twilio_signed("secret", url, &fields("CA1"), good));
        let swapped: Vec<_> = fields("CA1").into_iter().rev().collect();
        assert!(twilio_signed("secret", url, &swapped, good), "the order of sending is nothing");
        assert!(!twilio_signed("secret", url, &fields("CA2"), good));
        assert!(!twilio_signed("other", url, &fields("CA1"), good));
        assert!(!twilio_signed("secret", "https://calls.example.com/", &fields("CA1"), good));
        for bad in ["", "no base64!", "AAAA"] {
            assert!(!twilio_signed("secret", url, &fields("CA1"), bad));
        }
    }

    #[test]
    fn a_body_that_is_no_form_is_signed_by_its_hash_in_the_url() {
        let settings = Settings {
            twilio_auth_token: Some("secret".into()),
            public_url: "https://calls.example.com/".into(),
            ..Settings::default()
        };
        let body = br#"{"CallSid":"CA1"}"#;
        // echo -n '{"CallSid":"CA1"}' | sha256sum
        let hash = "85264246de8d570722726062407cde49dc5bb2c2569c179765b178e3ffe30825";
        let try_it = |target: &str, body: &[u8]| {
            let url = format!("https://calls.example.com{target}");
            let mut mac = Hmac::<Sha1>::new_from_slice(b"secret").unwrap();
            mac.update(url.as_bytes());
            let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
            let mut headers = HeaderMap::new();
            headers.insert("x-twilio-signature", HeaderValue::try_from(signature).unwrap());
            of_twilio(&settings, target, &headers, Sent::Bytes(body))
        };
        let path = "/v1/webhooks/twilio";
        assert_eq!(try_it(&format!("{path}?bodySHA256={hash}"), body), Ok(()));
        assert_eq!(
            try_it(&format!("{path}?queue=b&bodySHA256={}", hash.to_uppercase()), body),
            Ok(())
        );
        for (target, body) in [
            (path.to_owned(), &body[..]),
            (format!("{path}?bodysha256={hash}"), body),
            (format!("{path}?bodySHA256="), b""),
            (format!("{path}?bodySHA256={hash}"), br#"{"CallSid":"CA2"}"#),
            (format!("{path}?bodySHA256={hash}&bodySHA256={}", "0".repeat(64)), body),
            (format!("{path}?bodySHA256={}&bodySHA256={hash}", "0".repeat(64)), body),
        ] {
            assert!(try_it(&target, body).unwrap_err().contains("bodySHA256"), "{target}");
        }
        // A hash without a signature proves nothing.
        let target = format!("{path}?bodySHA256={hash}");
        let unsigned = of_twilio(&settings, &target, &HeaderMap::new(), Sent::Bytes(body));
        assert!(unsigned.unwrap_err().contains("X-Twilio-Signature is missing"));
    }

    /// Key and signature were made with openssl: `genpkey -algorithm ed25519`, `pkey -pubout
    /// -outform DER | tail -c 32 | base64`, `pkeyutl -sign -rawin` over `1795318815|{"data":{}}`.
    #[test]
    fn telnyx_signs_time_and_body() {
        let settings = |tolerance_s| Settings {
            telnyx_public_key: Some("IT8DA3H4F2zmaZ/9BV+LuG7WYRYZXdvPXXlhyN/uk40=".to_owned()),
            telnyx_tolerance_s: tolerance_s,
            ..Settings::default()
        };
        let headers = |signature: &'static str, timestamp: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("telnyx-signature-ed25519", HeaderValue::from_static(signature));
            headers.insert("telnyx-timestamp", HeaderValue::from_static(timestamp));
            headers
        };
        let good = "UeX69QuLlFDqFsslLpzuq9Yvz+nvujWEgIyWJ+Te7T0vMEMwWY7LliSZ9GEYN2gB3xSv3MlP412oH7WIUT3iBA==";
        let body = br#"{"data":{}}"#;
        let signed = headers(good, "1795318815");
        let at = |second: i64| Timestamp(second * 1_000);
        let settings_300 = settings(300);
        for second in [1_795_318_815, 1_795_319_115, 1_795_318_515] {
            assert_eq!(of_telnyx(&settings_300, at(second), &signed, body), Ok(()), "{second}");
        }
        for (second, headers, body) in [
            (1_795_319_116, signed.clone(), &body[..]),
            (1_795_318_514, signed.clone(), &body[..]),
            (1_795_318_815, signed.clone(), br#"{"data":{} }"#),
            (1_795_318_815, headers(good, "1795318816"), &body[..]),
            (1_795_318_815, headers(good, "soon"), &body[..]),
            (1_795_318_815, headers("AAAA", "1795318815"), &body[..]),
            (1_795_318_815, HeaderMap::new(), &body[..]),
        ] {
            assert!(of_telnyx(&settings_300, at(second), &headers, body).is_err(), "{second}");
        }
        assert_eq!(of_telnyx(&Settings::default(), at(0), &HeaderMap::new(), body), Ok(()));
    }
}
