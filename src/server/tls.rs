//! TLS 1.2 and 1.3 at the listener, with files that are read again when they change.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::access::{Look, look};

/// Certificates of the server, and of those who dial it, `[tls]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The server's certificate and those between it and its authority, as PEM; TLS is spoken
    /// then, and nothing else. Looked at again whenever it changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_file: Option<PathBuf>,
    /// Its private key, as PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// Authorities, as PEM, of which platforms must show a certificate, beside their token.
    /// Consoles and browsers need none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_ca_file: Option<PathBuf>,
}

impl Settings {
    /// # Errors
    /// A sentence naming the first setting that cannot be used.
    pub fn check(&self) -> Result<(), String> {
        match (&self.certificate_file, &self.key_file, &self.client_ca_file) {
            (Some(_), None, _) => Err("`key_file` is missing beside `certificate_file`".into()),
            (None, Some(_), _) => Err("`certificate_file` is missing beside `key_file`".into()),
            (None, None, Some(_)) => Err("`client_ca_file` needs `certificate_file` and \
                                          `key_file`: certificates are shown over TLS only"
                .into()),
            _ => Ok(()),
        }
    }

    fn files(&self) -> impl Iterator<Item = &Path> {
        let all = [&self.certificate_file, &self.key_file, &self.client_ca_file];
        all.into_iter().filter_map(Option::as_deref)
    }
}

/// A connection, with TLS or without.
pub(super) trait Wire: AsyncRead + AsyncWrite + Unpin + Send + Sync {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync> Wire for T {}

/// The way in.
#[derive(Debug)]
pub(super) struct Tls {
    settings: Settings,
    present: RwLock<Arc<ServerConfig>>,
    seen: Mutex<Vec<Look>>,
}

impl Tls {
    /// Reads the files, if there are any.
    ///
    /// # Errors
    /// A sentence naming the setting and the file.
    pub fn open(settings: &Settings) -> Result<Option<Tls>, String> {
        settings.check()?;
        let (Some(certificate), Some(key)) = (&settings.certificate_file, &settings.key_file)
        else {
            return Ok(None);
        };
        let seen = Mutex::new(settings.files().map(look).collect());
        let present = read(certificate, key, settings.client_ca_file.as_deref())?;
        Ok(Some(Tls { settings: settings.clone(), present: RwLock::new(present), seen }))
    }

    /// Whether platforms must show a certificate.
    pub fn asks_platforms(&self) -> bool {
        self.settings.client_ca_file.is_some()
    }

    /// Reads the files again when one has changed: `None` when none has. Connections that are
    /// open keep what they began with.
    pub fn look(&self) -> Option<Result<(), String>> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now: Vec<Look> = self.settings.files().map(look).collect();
        if *seen == now {
            return None;
        }
        *seen = now;
        let (certificate, key) =
            (self.settings.certificate_file.as_ref()?, self.settings.key_file.as_ref()?);
        let found = read(certificate, key, self.settings.client_ca_file.as_deref());
        Some(found.map(|config| {
            *self.present.write().unwrap_or_else(PoisonError::into_inner) = config;
        }))
    }

    /// Shakes hands, and says whether the client has shown a certificate of the authorities.
    pub async fn accept(&self, stream: TcpStream) -> std::io::Result<(Box<dyn Wire>, bool)> {
        let config = Arc::clone(&self.present.read().unwrap_or_else(PoisonError::into_inner));
        let stream = TlsAcceptor::from(config).accept(stream).await?;
        // One that is shown was verified; one that fails ended the handshake.
        let is_certified = stream.get_ref().1.peer_certificates().is_some();
        Ok((Box::new(stream), is_certified))
    }
}

fn read(certificate: &Path, key: &Path, ca: Option<&Path>) -> Result<Arc<ServerConfig>, String> {
    let chain = certificates("certificate_file", certificate)?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| {
        format!("`key_file`: {} holds no private key as PEM: {error}", key.display())
    })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = match ca {
        None => builder.with_no_client_auth(),
        Some(ca) => {
            let mut roots = RootCertStore::empty();
            let unusable =
                |why: String| format!("`client_ca_file`: {} cannot be used: {why}", ca.display());
            for authority in certificates("client_ca_file", ca)? {
                roots.add(authority).map_err(|error| unusable(error.to_string()))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                // Consoles come by the same port; platforms are asked by the routes.
                .allow_unauthenticated()
                .build();
            builder
                .with_client_cert_verifier(verifier.map_err(|error| unusable(error.to_string()))?)
        }
    };
    let mut config = builder.with_single_cert(chain, private).map_err(|error| {
        format!(
            "`certificate_file`: {} does not go with the key in {}: {error}",
            certificate.display(),
            key.display()
        )
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn certificates(setting: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let failed = |why: String| format!("`{setting}`: {}: {why}", file.display());
    let found = CertificateDer::pem_file_iter(file).map_err(|error| failed(error.to_string()))?;
    let found: Result<Vec<_>, _> = found.collect();
    let found = found.map_err(|error| failed(error.to_string()))?;
    match found.is_empty() {
        true => Err(failed("it holds no certificate as PEM".into())),
        false => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_go_together() {
        let file = |name: &str| Some(PathBuf::from(name));
        let settings = |certificate_file, key_file, client_ca_file| Settings {
            certificate_file,
            key_file,
            client_ca_file,
        };
        assert_eq!(settings(None, None, None).check(), Ok(()));
        assert_eq!(settings(file("c"), file("k"), file("a")).check(), Ok(()));
        for (settings, name) in [
            (settings(file("c"), None, None), "`key_file`"),
            (settings(None, file("k"), None), "`certificate_file`"),
            (settings(None, None, file("a")), "`client_ca_file`"),
        ] {
            assert!(settings.check().unwrap_err().starts_with(name), "{name}");
        }
    }
}
