//! The console page, compiled in. It asks no other host for anything.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use axum::routing::get;

use super::App;

const POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Path, content type, content.
type File = (&'static str, &'static str, &'static [u8]);

const FILES: [File; 1] = [("/", "text/html; charset=utf-8", include_bytes!("page/index.html"))];

/// Adds the files of the page.
pub(super) fn routes(router: Router<Arc<App>>) -> Router<Arc<App>> {
    FILES.into_iter().fold(router, |router, (path, content_type, content)| {
        router.route(path, get(move || async move { file(content_type, content) }))
    })
}

fn file(content_type: &'static str, content: &'static [u8]) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (headers, content)
}
