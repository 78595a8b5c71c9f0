//! TLS of the client: which servers it trusts, and the connection.

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use hyper_rustls::ConfigBuilderExt;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A connection, with TLS or without.
pub(super) trait Wire: AsyncRead + AsyncWrite + Debug + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Debug + Unpin + Send> Wire for T {}

/// What a client trusts.
pub(super) type Trust = ClientConfig;

/// Trusts the authorities in `ca`, or those of the system.
///
/// # Errors
/// A sentence naming the file.
pub(super) fn trust(ca: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let Some(file) = ca else {
        let builder = builder.with_native_roots().map_err(|error| {
            format!("the system has no list of authorities ({error}); name yours with --ca")
        })?;
        return Ok(Arc::new(builder.with_no_client_auth()));
    };
    let failed = |why: String| format!("cannot use the authorities in {}: {why}", file.display());
    let found = CertificateDer::pem_file_iter(file).map_err(|error| failed(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in found {
        let certificate = certificate.map_err(|error| failed(error.to_string()))?;
        roots.add(certificate).map_err(|error| failed(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(failed("it holds no certificate as PEM".into()));
    }
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

/// Shakes hands with the server called `host`.
pub(super) async fn connect(
    trusted: Arc<ClientConfig>,
    host: &str,
    stream: TcpStream,
) -> std::io::Result<Box<dyn Wire>> {
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(host).map_err(std::io::Error::other)?;
    Ok(Box::new(TlsConnector::from(trusted).connect(name, stream).await?))
}
