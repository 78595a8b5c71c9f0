//! One HTTP request to a destination: HTTP/1.1, no redirect followed, a limit on time and on what
//! is read of the answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, Uri, header};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client as Legacy, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::answer::{Answer, Verdict};
use super::destination::{Destination, Message};
use crate::call::Timestamp;

/// Most bytes read of an answer. Nothing in it is needed but for people to see.
const MAX_ANSWER_BYTES: usize = 4_096;
/// Characters of it that are shown.
const SHOWN: usize = 300;
/// Bytes in a row that are no coincidence.
const ECHO: usize = 20;

/// Sends to one destination.
#[derive(Debug)]
pub struct Client {
    destination: Arc<Destination>,
    http: Legacy<HttpsConnector<HttpConnector>, Whole>,
}

impl Client {
    /// # Errors
    /// A sentence, when the authorities to trust cannot be used.
    pub fn new(destination: Arc<Destination>) -> Result<Client, String> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(destination.timeout()));
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls(&destination)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let http = Legacy::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(1)
            .build(https);
        Ok(Client { destination, http })
    }

    /// Where it sends to.
    pub fn destination(&self) -> &Arc<Destination> {
        &self.destination
    }

    /// Sends a message once.
    pub async fn send(&self, message: &Message) -> Answer {
        let destination = &self.destination;
        let now = now();
        let request = match self.request(message, now) {
            Ok(request) => request,
            Err(error) => return Answer::none(error.to_string()),
        };
        // To connect and to answer have each their own time.
        let patience = destination.timeout() * 2;
        let exchange = async {
            let response = self.http.request(request).await?;
            let mut answer = Answer::of(response.status(), response.headers(), now);
            let text = read(response).await;
            // Words of a call belong in no log, also when they come back.
            let text = if echoes(&text, &message.body) { "our own words" } else { &text };
            if answer.verdict != Verdict::Taken && !text.is_empty() {
                answer.text = format!("{}: {text}", answer.text);
            }
            Ok::<Answer, Error>(answer)
        };
        let mut answer = match tokio::time::timeout(patience, exchange).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => Answer::none(whole(&error)),
            Err(_) => Answer::none(format!("no answer within {} s", patience.as_secs())),
        };
        answer.text = destination.without_secrets(&answer.text);
        answer
    }

    fn request(&self, message: &Message, now: Timestamp) -> http::Result<Request<Whole>> {
        let destination = &self.destination;
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(with_path(&destination.url)?)
            .header(header::CONTENT_TYPE, message.content_type)
            .header(header::USER_AGENT, concat!("forewarn/", env!("CARGO_PKG_VERSION")));
        for (name, value) in destination.signature(message, now.0 / 1_000) {
            request = request.header(name, HeaderValue::try_from(value)?);
        }
        for (name, value) in &destination.headers {
            request = request.header(name, value);
        }
        request.body(Whole(Some(message.body.clone())))
    }
}

/// A request goes to a path, if only to `/`.
fn with_path(url: &Uri) -> http::Result<Uri> {
    let mut parts = url.clone().into_parts();
    if parts.path_and_query.is_none() {
        parts.path_and_query = Some(http::uri::PathAndQuery::from_static("/"));
    }
    Ok(Uri::from_parts(parts)?)
}

fn tls(destination: &Destination) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let Some(text) = &destination.authorities else {
        if destination.url.scheme_str() == Some("http") {
            // No certificate is ever looked at; a machine without authorities will do.
            let nobody = RootCertStore::empty();
            return Ok(builder.with_root_certificates(nobody).with_no_client_auth());
        }
        let builder = builder.with_native_roots().map_err(|error| {
            format!(
                "`ca_file`: this machine has no certificates of authorities ({error}); name some"
            )
        })?;
        return Ok(builder.with_no_client_auth());
    };
    let mut trusted = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
        let added = certificate
            .map_err(|error| error.to_string())
            .and_then(|certificate| trusted.add(certificate).map_err(|error| error.to_string()));
        added.map_err(|error| format!("`ca_file`: a certificate in it cannot be used: {error}"))?;
    }
    if trusted.is_empty() {
        return Err("`ca_file`: there is no certificate in it; it must be PEM".into());
    }
    Ok(builder.with_root_certificates(trusted).with_no_client_auth())
}

/// A whole body in one piece.
#[derive(Debug)]
struct Whole(Option<Bytes>);

impl Body for Whole {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

/// The start of an answer, in one line. A body that is longer, or breaks off, is no failure: the
/// status has been said.
async fn read(response: Response<Incoming>) -> String {
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    while bytes.len() < MAX_ANSWER_BYTES {
        let next = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context));
        let Some(Ok(frame)) = next.await else { break };
        if let Ok(piece) = frame.into_data() {
            bytes.extend_from_slice(&piece);
        }
    }
    bytes.truncate(MAX_ANSWER_BYTES);
    let text = String::from_utf8_lossy(&bytes);
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    printable.take(SHOWN).collect::<String>().trim().to_owned()
}

/// Whether a text holds a piece of what was sent.
fn echoes(text: &str, sent: &[u8]) -> bool {
    let pieces = text.as_bytes().windows(ECHO);
    pieces.into_iter().any(|piece| sent.windows(ECHO).any(|own| own == piece))
}

/// An error with all that caused it.
fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

pub(super) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_come_back_are_recognised() {
        let sent = br#"{"text":"I have been waiting for two weeks"}"#;
        assert!(echoes("bad request: I have been waiting for", sent));
        assert!(!echoes("invalid_payload: no such field `text`", sent));
        assert!(!echoes("", sent) && !echoes("I have been", sent));
    }

    #[test]
    fn a_url_without_a_path_goes_to_the_root() {
        let uri = |text: &str| with_path(&text.parse().unwrap()).unwrap().to_string();
        assert_eq!(uri("https://a.example"), "https://a.example/");
        assert_eq!(uri("https://a.example/b?c=d"), "https://a.example/b?c=d");
    }
}
