//! A plain HTTP request, for commands that ask a server to do something.

use std::path::Path;

use bytes::Bytes;
use http::{Request, Uri, header};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::tls;

/// Largest answer that is read, in bytes.
const MAX_BODY_BYTES: usize = 16 << 20;

/// An answer.
#[derive(Clone, Debug)]
pub struct HttpAnswer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: String,
}

/// `DELETE path` of the server at `url`, such as `http://127.0.0.1:8080` or `https://calls.example`,
/// of which the certificate must come from an authority in `ca`, or else one of the system's.
///
/// # Errors
/// A sentence, when the address cannot be used or nobody answers there.
pub async fn delete(
    url: &str,
    path: &str,
    token: Option<&str>,
    ca: Option<&Path>,
) -> Result<HttpAnswer, String> {
    let bad = |why: &str| format!("cannot use the url `{url}`: {why}");
    let uri: Uri = url.parse().map_err(|error: http::uri::InvalidUri| bad(&error.to_string()))?;
    let is_secure = match uri.scheme_str() {
        Some("https") => true,
        Some("http") if ca.is_some() => return Err(bad("authorities are for TLS; write https://")),
        Some("http") => false,
        _ => return Err(bad("write http://HOST:PORT, or https:// for TLS")),
    };
    let host = uri.host().ok_or_else(|| bad("the host is missing"))?;
    let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
    let trusted = is_secure.then(|| tls::trust(ca)).transpose().map_err(|why| bad(&why))?;
    let unreachable =
        |error: String| format!("cannot reach {url}: {error}; is `forewarn serve` running there?");
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((name, port)).await.map_err(|e| unreachable(e.to_string()))?;
    let stream: Box<dyn tls::Wire> = match trusted {
        None => Box::new(stream),
        Some(trusted) => tls::connect(trusted, host, stream)
            .await
            .map_err(|error| format!("the handshake with {url} failed: TLS: {error}"))?,
    };
    let failed = |error: hyper::Error| unreachable(error.to_string());
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    tokio::spawn(connection);
    let mut request = Request::delete(path).header(header::HOST, format!("{host}:{port}"));
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request
        .body(axum::body::Body::empty())
        .map_err(|error| format!("cannot ask {url}: {error}"))?;
    let answer = sender.send_request(request).await.map_err(failed)?;
    let status = answer.status().as_u16();
    let body: Bytes =
        axum::body::to_bytes(axum::body::Body::new(answer.into_body()), MAX_BODY_BYTES)
            .await
            .map_err(|error| unreachable(error.to_string()))?;
    Ok(HttpAnswer { status, body: String::from_utf8_lossy(&body).into_owned() })
}
