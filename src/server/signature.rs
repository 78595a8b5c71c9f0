//! Signatures of vendors that push: Twilio's.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// Whether `signature` (`X-Twilio-Signature`) is of a form with `fields` that was sent to `url`:
/// HMAC-SHA1 under the account's auth token over the URL, followed by names and values in the
/// order of the names. Compares in constant time.
pub(super) fn twilio_signed(
    token: &str,
    url: &str,
    fields: &[(String, String)],
    signature: &str,
) -> bool {
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
}
