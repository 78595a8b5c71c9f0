//! Where clients put their tokens.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::{self, HeaderMap};

/// Most tokens of one request that are tried.
const MAX_OFFERED: usize = 4;
/// Longest token; those of providers may carry much.
const MAX_TOKEN_BYTES: usize = 8_192;
const SUBPROTOCOL: &str = "bearer.";

/// The texts that a client offers as tokens. They are never logged.
pub struct Offered(pub(super) Vec<String>);

impl Offered {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What a request offers. `Authorization: Bearer`, and of browsers, which cannot set a header on a
/// websocket, the subprotocol `bearer.TOKEN`. A vendor that dials us (`is_feed`) may use Basic
/// with the token as password, the header `dg-token`, or `?key=`; nobody else, because addresses
/// are kept in many places.
pub fn offered(headers: &HeaderMap, query: Option<&str>, is_feed: bool) -> Offered {
    let mut found: Vec<String> = Vec::new();
    for value in headers.get_all(header::AUTHORIZATION) {
        let Some((scheme, rest)) = value.to_str().ok().and_then(|text| text.split_once(' ')) else {
            continue;
        };
        if scheme.eq_ignore_ascii_case("bearer") {
            found.push(rest.trim().to_owned());
        } else if is_feed && scheme.eq_ignore_ascii_case("basic") {
            found.extend(password(rest));
        }
    }
    for value in headers.get_all(header::SEC_WEBSOCKET_PROTOCOL) {
        let protocols = value.to_str().unwrap_or_default().split(',').map(str::trim);
        let tokens = protocols.filter_map(|protocol| protocol.strip_prefix(SUBPROTOCOL));
        found.extend(tokens.map(str::to_owned));
    }
    if is_feed {
        let own = headers.get_all("dg-token").iter().filter_map(|value| value.to_str().ok());
        found.extend(own.map(str::to_owned));
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        found.extend(pairs.filter(|(name, _)| name == "key").map(|(_, key)| key.into_owned()));
    }
    found.retain(|token| !token.is_empty() && token.len() <= MAX_TOKEN_BYTES);
    found.truncate(MAX_OFFERED);
    Offered(found)
}

/// The password of `user:password` in base64.
fn password(encoded: &str) -> Option<String> {
    let plain = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    Some(plain.split_once(':')?.1.to_owned())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(headers: &[(&'static str, &str)], query: Option<&str>, is_feed: bool) -> Vec<String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        offered(&map, query, is_feed).0
    }

    #[test]
    fn a_token_is_found_where_the_protocol_says() {
        // echo -n "vendor:se:cret" | base64
        let basic = [("authorization", "Basic dmVuZG9yOnNlOmNyZXQ=")];
        assert_eq!(of(&[("authorization", "bearer  t1 ")], None, false), ["t1"]);
        assert_eq!(of(&basic, None, true), ["se:cret"]);
        assert_eq!(of(&basic, None, false), Vec::<String>::new());
        let sub = [("sec-websocket-protocol", "escalation.console.v1, bearer.t2")];
        assert_eq!(of(&sub, None, false), ["t2"]);
        assert_eq!(of(&[("dg-token", "t3")], Some("a=b&key=t%204"), true), ["t3", "t 4"]);
        assert_eq!(of(&[("dg-token", "t3")], Some("key=t4"), false), Vec::<String>::new());
    }

    #[test]
    fn what_is_offered_is_bounded() {
        let long = "x".repeat(MAX_TOKEN_BYTES + 1);
        assert!(of(&[("dg-token", &long), ("authorization", "Bearer ")], None, true).is_empty());
        let many = "key=a&".repeat(100);
        assert_eq!(of(&[], Some(&many), true).len(), MAX_OFFERED);
        assert!(
            of(&[("authorization", "Basic ///"), ("authorization", "x")], None, true).is_empty()
        );
    }
}
