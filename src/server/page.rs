//! The console page, compiled in. It asks no other host for anything.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use axum::routing::get;

use super::{App, Settings};

/// What the page may load and do; who may frame it is a setting.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors";

/// Path, content type, content.
type File = (&'static str, &'static str, &'static [u8]);

/// A file of the folder `page`, under its own name.
macro_rules! asset {
    ($name:literal) => {
        (concat!("/", $name), content_type($name), include_bytes!(concat!("page/", $name)))
    };
}

const FILES: &[File] = &[
    ("/", content_type("index.html"), include_bytes!("page/index.html")),
    asset!("actions.js"),
    asset!("alarm.js"),
    asset!("alerts.css"),
    asset!("alerts.js"),
    asset!("app.js"),
    asset!("board.css"),
    asset!("board.js"),
    asset!("call.css"),
    asset!("call.js"),
    asset!("card.js"),
    asset!("closing.js"),
    asset!("curve.js"),
    asset!("docs.css"),
    asset!("dom.js"),
    asset!("favicon.svg"),
    asset!("filter.js"),
    asset!("format.js"),
    asset!("forms.js"),
    asset!("frame.css"),
    asset!("guidance.js"),
    asset!("highlight.js"),
    asset!("history.js"),
    asset!("keys.js"),
    asset!("listen.js"),
    asset!("lists.css"),
    asset!("login.js"),
    asset!("look.js"),
    asset!("order.js"),
    asset!("panel.css"),
    asset!("panel.js"),
    asset!("past.js"),
    asset!("prefs.js"),
    asset!("query.js"),
    asset!("reasons.js"),
    asset!("rest.js"),
    asset!("route.js"),
    asset!("row.js"),
    asset!("samples.js"),
    asset!("scope.js"),
    asset!("search.js"),
    asset!("settings.js"),
    asset!("shift.js"),
    asset!("socket.js"),
    asset!("spark.js"),
    asset!("stack.js"),
    asset!("state.js"),
    asset!("status.js"),
    asset!("style.css"),
    asset!("tip.js"),
    asset!("transcript.js"),
    asset!("turning.js"),
    asset!("views.js"),
    asset!("window.js"),
];

const fn content_type(name: &str) -> &'static str {
    // Const code compares bytes; the last one tells the endings apart.
    match name.as_bytes() {
        [.., b'.', b'j', b's'] => "text/javascript; charset=utf-8",
        [.., b'.', b'c', b's', b's'] => "text/css; charset=utf-8",
        [.., b'.', b's', b'v', b'g'] => "image/svg+xml",
        [.., b'.', b'h', b't', b'm', b'l'] => "text/html; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Adds the files of the page.
pub(super) fn routes(router: Router<Arc<App>>, settings: &Settings) -> Router<Arc<App>> {
    let policy = policy(settings);
    FILES.iter().fold(router, |router, &(path, content_type, content)| {
        let policy = policy.clone();
        router.route(path, get(move || async move { file(content_type, content, policy) }))
    })
}

/// The settings have been checked: nothing in them ends a directive or a header.
pub(super) fn policy(settings: &Settings) -> HeaderValue {
    let ancestors = &settings.frame_ancestors;
    let ancestors = if ancestors.is_empty() { "'none'".into() } else { ancestors.join(" ") };
    HeaderValue::try_from(format!("{POLICY} {ancestors}"))
        .unwrap_or(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"))
}

/// A file as every file of the page is sent.
pub(super) fn file(
    content_type: &'static str,
    content: &'static [u8],
    policy: HeaderValue,
) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (headers, content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_frame_the_page_is_a_setting() {
        let header = |ancestors: &[String]| {
            let settings = Settings { frame_ancestors: ancestors.into(), ..Settings::default() };
            policy(&settings).to_str().unwrap().to_owned()
        };
        let default = header(&Settings::default().frame_ancestors);
        assert!(default.ends_with("form-action 'none'; frame-ancestors 'self'"), "{default}");
        assert!(header(&[]).ends_with("frame-ancestors 'none'"));
        let crm = ["'self'".to_owned(), "https://crm.example".to_owned()];
        assert!(header(&crm).ends_with("frame-ancestors 'self' https://crm.example"));
    }

    #[test]
    fn every_file_of_the_page_is_served() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/server/page");
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let path = if name == "index.html" { "/".into() } else { format!("/{name}") };
            assert!(FILES.iter().any(|file| file.0 == path), "{name} is not in FILES");
        }
    }
}
