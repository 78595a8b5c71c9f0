//! Which names this server goes by while nobody has to show a token.
//!
//! A page of a stranger may give its own name the address 127.0.0.1 ("DNS rebinding"). For a browser
//! it then is the same origin, and neither Origin nor CORS keeps it from reading. The name it asked
//! for still stands in the request. An address as name needs no look at whose it is: nobody can
//! give it to another machine.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::header;

use super::Settings;

/// Whether a request names this server by an address, as `localhost`, or by a name in `public_url`
/// or `allowed_origins`.
pub(super) fn is_ours(request: &Request, settings: &Settings) -> bool {
    let given = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let given = given.or_else(|| request.uri().authority().map(|authority| authority.as_str()));
    given.is_some_and(|given| is_known(name_of(given), settings))
}

fn is_known(name: &str, settings: &Settings) -> bool {
    let known = settings.allowed_origins.iter().chain([&settings.public_url]);
    let mut known = known.filter_map(|url| Some(name_of(url.split_once("://")?.1)));
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok()
        || known.any(|own| own.eq_ignore_ascii_case(name))
}

/// Without port, path and the brackets of IPv6.
fn name_of(authority: &str) -> &str {
    let authority = authority.split('/').next().unwrap_or_default();
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_strangers_are_not_ours() {
        let settings = Settings {
            public_url: "https://calls.example:8443/desk".into(),
            allowed_origins: vec!["https://crm.example".into()],
            ..Settings::default()
        };
        for (host, ours) in [
            ("127.0.0.1:8080", true),
            ("[::1]:8080", true),
            ("localhost:8080", true),
            ("LOCALHOST", true),
            ("calls.example", true),
            ("crm.example:443", true),
            ("evil.example:8080", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("", false),
        ] {
            assert_eq!(is_known(name_of(host), &settings), ours, "{host}");
        }
    }
}
