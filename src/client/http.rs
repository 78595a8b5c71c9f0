//! A plain HTTP request, for commands that ask a server to do something.

use bytes::Bytes;
use http::{Request, Uri, header};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

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

/// `DELETE path` of the server at `url`, such as `http://127.0.0.1:8080`.
///
/// # Errors
/// A sentence, when the address cannot be used or nobody answers there.
pub async fn delete(url: &str, path: &str, token: Option<&str>) -> Result<HttpAnswer, String> {
    let uri: Uri = url.parse().map_err(|error| format!("cannot use the url `{url}`: {error}"))?;
    let (Some("http"), Some(host)) = (uri.scheme_str(), uri.host()) else {
        return Err(format!("cannot use the url `{url}`: write http://HOST:PORT"));
    };
    let port = uri.port_u16().unwrap_or(80);
    let unreachable =
        |error: String| format!("cannot reach {url}: {error}; is `forewarn serve` running there?");
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((name, port)).await.map_err(|e| unreachable(e.to_string()))?;
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
