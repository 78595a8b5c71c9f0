//! `GET /asyncapi.json` and `GET /openapi.json`: the published contract, written out once.

use std::sync::LazyLock;

use axum::body::Body;
use axum::http::{Response, StatusCode};

use super::rest::body_of;
use crate::wire::contracts;

pub(super) async fn asyncapi() -> Response<Body> {
    static TEXT: LazyLock<String> = LazyLock::new(|| contracts::asyncapi().to_string());
    body_of(StatusCode::OK, "application/json", TEXT.as_str())
}

pub(super) async fn openapi() -> Response<Body> {
    static TEXT: LazyLock<String> = LazyLock::new(|| contracts::openapi().to_string());
    body_of(StatusCode::OK, "application/json", TEXT.as_str())
}
