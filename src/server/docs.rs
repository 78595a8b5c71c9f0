//! `GET /docs`: the contract for people.
use axum::body::Body;
use axum::http::{Response, StatusCode};
pub(super) async fn page() -> Response<Body> {
    super::rest::body_of(StatusCode::OK, "text/html; charset=utf-8", "")
}
