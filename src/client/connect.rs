//! Opening a websocket to a server.

use std::path::Path;
use std::sync::Arc;

use http::{HeaderValue, StatusCode, Uri, header};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::Error as WsError;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::socket::Socket;
use super::tls;

/// Zeroed before each read, so small.
const READ_BUFFER_BYTES: usize = 4 << 10;
/// How much of a refusal's body is shown.
const MAX_REASON_CHARS: usize = 300;

/// Where a server is and how to be let in.
#[derive(Clone)]
pub struct Target {
    uri: Uri,
    host: String,
    authority: String,
    /// What it trusts, when it speaks TLS.
    tls: Option<Arc<tls::Trust>>,
    subprotocol: &'static str,
    token: Option<HeaderValue>,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the token.
        f.debug_struct("Target").field("uri", &self.uri).finish_non_exhaustive()
    }
}

/// Why there is no connection.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The address cannot be used.
    #[error("cannot use the url `{url}`: {why}")]
    Url {
        /// As it was given.
        url: String,
        /// What is wrong and how to mend it.
        why: String,
    },
    /// Nobody answers there.
    #[error("cannot reach {url}: {source}; is `forewarn serve` running there?")]
    Unreachable {
        /// Where.
        url: Uri,
        /// What the system said.
        source: std::io::Error,
    },
    /// The server answered, and said no.
    #[error("{url} refused the connection with status {status}: {reason}")]
    Refused {
        /// Where.
        url: Uri,
        /// Its HTTP status.
        status: StatusCode,
        /// What it said.
        reason: String,
    },
    /// The connection broke while it was being made.
    #[error("the handshake with {url} failed: {why}")]
    Handshake {
        /// Where.
        url: Uri,
        /// What went wrong.
        why: String,
    },
}

impl ConnectError {
    /// Whether another try may succeed.
    pub fn is_temporary(&self) -> bool {
        match self {
            ConnectError::Url { .. } => false,
            ConnectError::Unreachable { .. } | ConnectError::Handshake { .. } => true,
            ConnectError::Refused { status, .. } => status.is_server_error(),
        }
    }
}

impl Target {
    /// Checks the address. `token` goes out as `Authorization: Bearer`. `ca` names a file with the
    /// authorities of which a `wss://` server must have its certificate; without it the system's.
    ///
    /// # Errors
    /// [`ConnectError::Url`].
    pub fn new(
        url: &str,
        subprotocol: &'static str,
        token: Option<&str>,
        ca: Option<&Path>,
    ) -> Result<Target, ConnectError> {
        let bad = |why: &str| ConnectError::Url { url: url.to_owned(), why: why.to_owned() };
        let uri: Uri = url.parse().map_err(|error: http::uri::InvalidUri| {
            bad(&format!("{error}; write ws://HOST:PORT/PATH"))
        })?;
        match uri.scheme_str() {
            Some("ws") => {}
            Some("wss") => {}
            _ => return Err(bad("write ws://HOST:PORT/PATH, or wss:// for TLS")),
        }
        let is_secure = uri.scheme_str() == Some("wss");
        if ca.is_some() && !is_secure {
            return Err(bad("authorities are for TLS; write wss://"));
        }
        let tls = is_secure.then(|| tls::trust(ca)).transpose().map_err(|why| bad(&why))?;
        let host = uri.host().ok_or_else(|| bad("the host is missing"))?;
        let authority =
            format!("{host}:{}", uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 }));
        let token = token
            .map(|token| HeaderValue::try_from(format!("Bearer {token}")))
            .transpose()
            .map_err(|_| bad("the token holds characters that no header may"))?;
        let host = host.to_owned();
        Ok(Target { uri, host, authority, tls, subprotocol, token })
    }

    /// Adds a parameter to the query.
    ///
    /// # Errors
    /// [`ConnectError::Url`] when the value cannot stand in a url.
    pub fn with_parameter(self, name: &str, value: &str) -> Result<Target, ConnectError> {
        let joint = if self.uri.query().is_some() { '&' } else { '?' };
        let url = format!("{}{joint}{name}={}", self.uri, percent_encode(value));
        let uri = url.parse().map_err(|error: http::uri::InvalidUri| ConnectError::Url {
            url: url.clone(),
            why: error.to_string(),
        })?;
        Ok(Target { uri, ..self })
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub(super) async fn connect(&self) -> Result<Socket, ConnectError> {
        let broken = |why: String| ConnectError::Handshake { url: self.uri.clone(), why };
        let unreachable = |source| ConnectError::Unreachable { url: self.uri.clone(), source };
        let stream = TcpStream::connect(&self.authority).await.map_err(unreachable)?;
        // Without it, small messages wait for the peer's delayed acknowledgement.
        stream.set_nodelay(true).map_err(unreachable)?;
        let stream: Box<dyn tls::Wire> = match &self.tls {
            None => Box::new(stream),
            Some(trusted) => tls::connect(Arc::clone(trusted), &self.host, stream)
                .await
                .map_err(|error| broken(format!("TLS: {error}")))?,
        };
        let mut request =
            self.uri.clone().into_client_request().map_err(|error| broken(error.to_string()))?;
        let headers = request.headers_mut();
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(self.subprotocol));
        if let Some(token) = &self.token {
            headers.insert(header::AUTHORIZATION, token.clone());
        }
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER_BYTES);
        match client_async_with_config(request, stream, Some(config)).await {
            Ok((ws, _)) => Ok(Socket::new(ws)),
            Err(WsError::Http(response)) => Err(ConnectError::Refused {
                url: self.uri.clone(),
                status: response.status(),
                reason: reason(response.body().as_deref().unwrap_or_default()),
            }),
            Err(error) => Err(broken(error.to_string())),
        }
    }
}

fn reason(body: &[u8]) -> String {
    String::from_utf8_lossy(body).trim().chars().take(MAX_REASON_CHARS).collect()
}

fn percent_encode(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked_before_anything_is_sent() {
        let target = |url| Target::new(url, super::super::INGEST, None, None);
        assert_eq!(target("ws://localhost/v1/ingest").unwrap().authority, "localhost:80");
        assert_eq!(target("ws://[::1]:8080/v1/ingest").unwrap().authority, "[::1]:8080");
        for url in ["http://localhost", "localhost:8080", "ws://", "ws://a b"] {
            assert!(matches!(target(url), Err(ConnectError::Url { .. })), "{url}");
        }
        assert!(Target::new("ws://localhost", super::super::INGEST, Some("a\nb"), None).is_err());
        let nowhere = Some(Path::new("/nowhere/ca.pem"));
        for (url, part) in [("wss://h/", "/nowhere/ca.pem"), ("ws://h/", "write wss://")] {
            let error = Target::new(url, super::super::INGEST, None, nowhere).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
        }
    }

    #[test]
    fn parameters_are_encoded() {
        let target =
            Target::new("ws://h/v1/console?a=b", super::super::CONSOLE, None, None).unwrap();
        let target = target.with_parameter("user", "Zoë & co").unwrap();
        assert_eq!(target.uri.query(), Some("a=b&user=Zo%C3%AB%20%26%20co"));
    }
}
