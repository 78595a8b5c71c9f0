//! The websocket handshake: what a client must send, and the 101 it gets.

use axum::body::Body;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Response, StatusCode};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::rest::problem;

/// Why a page of somebody else is turned away.
pub(super) const FOREIGN_ORIGIN: &str =
    "pages of this origin may not connect; add it to `allowed_origins` in [server]";

/// What a handshake agreed on.
#[derive(Debug)]
pub(super) struct Accepted {
    /// The answer, 101.
    pub response: Response<Body>,
    /// The client offered subprotocols and none is ours: close with 4400.
    pub unknown_subprotocol: bool,
}

/// Checks a handshake for the endpoint whose subprotocol is `ours`.
///
/// # Errors
/// The answer to a client that is not, or must not be, upgraded.
pub(super) fn accept(
    headers: &HeaderMap,
    ours: &'static str,
    allowed_origins: &[String],
) -> Result<Accepted, Box<Response<Body>>> {
    let bad = |text: &str| Box::new(problem(StatusCode::BAD_REQUEST, "bad_request", text));
    if !has_token(headers, &header::CONNECTION, "upgrade")
        || !has_token(headers, &header::UPGRADE, "websocket")
    {
        let text = "this is a websocket endpoint; connect with a websocket client";
        let mut response = problem(StatusCode::UPGRADE_REQUIRED, "bad_request", text);
        response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        return Err(Box::new(response));
    }
    if !has_token(headers, &header::SEC_WEBSOCKET_VERSION, "13") {
        let mut response = problem(
            StatusCode::UPGRADE_REQUIRED,
            "bad_request",
            "only version 13 of the websocket protocol is spoken here",
        );
        let version = HeaderValue::from_static("13");
        response.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, version);
        return Err(Box::new(response));
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).filter(|key| is_key(key.as_bytes()));
    let key = key.ok_or_else(|| bad("header Sec-WebSocket-Key must be 16 bytes in base64"))?;
    if !origin_is_allowed(headers, allowed_origins) {
        return Err(Box::new(problem(StatusCode::FORBIDDEN, "forbidden", FOREIGN_ORIGIN)));
    }
    let offered: Vec<&str> = tokens(headers, &header::SEC_WEBSOCKET_PROTOCOL).collect();
    let known = offered.contains(&ours);
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let answer = response.headers_mut();
    answer.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    answer.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    let accept_key = derive_accept_key(key.as_bytes());
    let accept_key = HeaderValue::try_from(accept_key).map_err(|_| bad("unusable key"))?;
    answer.insert(header::SEC_WEBSOCKET_ACCEPT, accept_key);
    if known {
        answer.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(ours));
    }
    Ok(Accepted { response, unknown_subprotocol: !offered.is_empty() && !known })
}

fn tokens<'a>(headers: &'a HeaderMap, name: &'a HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|token| !token.is_empty())
}

fn has_token(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    tokens(headers, name).any(|token| token.eq_ignore_ascii_case(wanted))
}

/// Sixteen bytes in base64.
fn is_key(key: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    key.len() == 24 && key[..22].iter().all(plain) && key.ends_with(b"==")
}

/// A browser says which page opens a socket, or sends what changes something; a page of somebody
/// else must do neither through the browser of somebody who may.
pub(super) fn origin_is_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let own = origin.split_once("://").is_some_and(|(_, authority)| Some(authority) == host);
    own || allowed.iter().any(|one| one == origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(extra: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("host", "127.0.0.1:8080"),
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        for &(name, value) in extra {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers
    }

    fn status(extra: &[(&'static str, &'static str)]) -> u16 {
        match accept(&headers(extra), "v1", &["https://board.example".into()]) {
            Ok(accepted) => accepted.response.status().as_u16(),
            Err(response) => response.status().as_u16(),
        }
    }

    #[test]
    fn a_subprotocol_is_known_or_absent() {
        let offer = |value| accept(&headers(&[("sec-websocket-protocol", value)]), "v1", &[]);
        let accepted = offer("bearer.abc, v1").unwrap();
        assert_eq!(accepted.response.headers()["sec-websocket-protocol"], "v1");
        assert!(!accepted.unknown_subprotocol);
        assert!(offer("v2").unwrap().unknown_subprotocol);
        let none = accept(&headers(&[]), "v1", &[]).unwrap();
        assert_eq!(none.response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert!(!none.response.headers().contains_key("sec-websocket-protocol"));
    }

    #[test]
    fn others_are_told_what_is_wrong() {
        assert_eq!(status(&[("upgrade", "h2c")]), 426);
        assert_eq!(status(&[("sec-websocket-version", "8")]), 426);
        assert_eq!(status(&[("sec-websocket-key", "short")]), 400);
        assert_eq!(status(&[("origin", "https://evil.example")]), 403);
        assert_eq!(status(&[("origin", "http://127.0.0.1:8080")]), 101);
        assert_eq!(status(&[("origin", "https://board.example")]), 101);
    }
}
