//! TLS: certificates made here, told by nobody but the test.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, string::Ia5String,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::*;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Certificate and key of `name`, as PEM.
fn issue(authority: &Authority, name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let name = Ia5String::try_from(name).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name.to_string());
    (params.signed_by(&key, authority).unwrap().pem(), key.serialize_pem())
}

/// Files of a server for 127.0.0.1, and the configuration that names them.
struct Files(tempfile::TempDir);

impl Files {
    fn new(authority: &Authority) -> Files {
        let files = Files(tempfile::tempdir().unwrap());
        files.put(authority);
        std::fs::write(files.path("ca.pem"), authority.pem()).unwrap();
        files
    }

    fn put(&self, authority: &Authority) {
        let (certificate, key) = issue(authority, "127.0.0.1");
        // Key first: for a moment they do not go together, which changes nothing.
        std::fs::write(self.path("key.pem"), key).unwrap();
        std::fs::write(self.path("cert.pem"), certificate).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn config(&self, more: &str) -> String {
        format!(
            "[tls]\ncertificate_file = {:?}\nkey_file = {:?}\n{more}",
            self.path("cert.pem"),
            self.path("key.pem")
        )
    }
}

/// A TLS connection of a client that trusts `ca` and may show a certificate.
async fn connect(
    address: SocketAddr,
    ca: &Authority,
    own: Option<&(String, String)>,
) -> Result<TlsStream<TcpStream>, std::io::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(ca.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    };
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("127.0.0.1").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// The status of a GET.
async fn status(mut stream: TlsStream<TcpStream>, path: &str) -> u16 {
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer));
    read.await.expect("no answer").unwrap();
    String::from_utf8(answer).unwrap().split(' ').nth(1).unwrap().parse().unwrap()
}

/// The first message of a websocket, or its close code.
async fn first(stream: TlsStream<TcpStream>, path: &str) -> Result<Value, u16> {
    use futures_util::StreamExt;
    let request = format!("wss://127.0.0.1{path}").into_client_request().unwrap();
    let (mut ws, _): (WebSocketStream<_>, _) =
        tokio_tungstenite::client_async(request, stream).await.unwrap();
    loop {
        match tokio::time::timeout(PATIENCE, ws.next()).await.expect("nothing came").unwrap() {
            Ok(Message::Text(text)) => return Ok(serde_json::from_str(&text).unwrap()),
            Ok(Message::Close(frame)) => return Err(frame.unwrap().code.into()),
            other => drop(other.unwrap()),
        }
    }
}

#[tokio::test]
async fn a_renewed_certificate_is_used_without_a_restart() {
    let (old, new) = (authority(), authority());
    let files = Files::new(&old);
    // A connection of it waits for long without asking.
    let patient = "[server]\nheader_timeout_s = 600\n";
    let server = Server::with_config(&files.config(patient));
    assert_eq!(status(connect(server.address, &old, None).await.unwrap(), "/readyz").await, 200);
    assert!(connect(server.address, &new, None).await.is_err(), "not of that authority");
    let open = connect(server.address, &old, None).await.unwrap();
    let mut plain = TcpStream::connect(server.address).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, plain.read_to_end(&mut answer)).await.unwrap();
    assert!(!answer.starts_with(b"HTTP"), "nothing is said in the clear");
    // What cannot be used is refused, and what was there goes on.
    std::fs::write(files.path("cert.pem"), "nonsense").unwrap();
    server.logged("those before go on").await;
    assert_eq!(status(connect(server.address, &old, None).await.unwrap(), "/healthz").await, 200);
    files.put(&new);
    let renewed = async {
        while connect(server.address, &new, None).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, renewed).await.expect("the certificate was never renewed");
    assert!(connect(server.address, &old, None).await.is_err());
    assert_eq!(status(open, "/healthz").await, 200, "who was connected stays so");
}

#[tokio::test]
async fn platforms_show_a_certificate_and_consoles_need_none() {
    let (ca, platforms) = (authority(), authority());
    let files = Files::new(&ca);
    let clients = files.path("clients.pem");
    std::fs::write(&clients, platforms.pem()).unwrap();
    let server = Server::with_config(&files.config(&format!("client_ca_file = {clients:?}\n")));
    let (good, bad) = (issue(&platforms, "pbx"), issue(&ca, "pbx"));
    let socket =
        async |own, path: &str| first(connect(server.address, &ca, own).await.unwrap(), path).await;
    assert_eq!(socket(None, "/v1/ingest").await, Err(4403));
    assert_eq!(socket(Some(&good), "/v1/ingest").await.unwrap()["type"], "ready");
    assert_eq!(socket(None, "/v1/console").await.unwrap()["type"], "hello");
    let hook = "/v1/webhooks/vosk?call_id=c";
    let get = async |own, path: &str| {
        status(connect(server.address, &ca, own).await.unwrap(), path).await
    };
    assert_eq!(get(None, "/v1/calls").await, 200);
    assert_eq!(get(None, "/v1/ingest").await, 403);
    assert_eq!(get(Some(&good), "/v1/ingest").await, 426);
    assert_eq!(get(None, hook).await, 405, "it is posted to");
    // One of another authority is no certificate; under TLS 1.3 the client hears of it late.
    match connect(server.address, &ca, Some(&bad)).await {
        Err(_) => {}
        Ok(mut stream) => {
            let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
            let mut answer = Vec::new();
            let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
            assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
        }
    }
}

#[tokio::test]
async fn clients_of_ours_speak_tls() {
    let ca = authority();
    let files = Files::new(&ca);
    let server = Server::with_config(&files.config(""));
    let path = files.path("one.jsonl");
    write_calls(&path, &calls("td.jsonl", 1));
    let url = format!("wss://{}/v1/ingest", server.address);
    let replay = |ca: &Path| {
        run(&[
            "replay",
            "--speed",
            "max",
            "--url",
            &url,
            "--ca",
            ca.to_str().unwrap(),
            path.to_str().unwrap(),
        ])
    };
    let played = replay(&files.path("ca.pem"));
    assert!(played.status.success(), "{}", stderr(&played));
    std::fs::write(files.path("other.pem"), authority().pem()).unwrap();
    let refused = replay(&files.path("other.pem"));
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("TLS"), "{}", stderr(&refused));
    let missing = replay(&files.path("nowhere.pem"));
    assert_eq!(missing.status.code(), Some(2), "{}", stderr(&missing));
    let console = format!("wss://{}/v1/console", server.address);
    let watching = Running::spawn(&[
        "watch",
        "--json",
        "--url",
        &console,
        "--ca",
        files.path("ca.pem").to_str().unwrap(),
    ]);
    watching.says("\"hello\"");
}

#[tokio::test]
async fn forget_asks_over_tls() {
    let ca = authority();
    let files = Files::new(&ca);
    let admin = token(files.0.path(), &["--role", "admin"]);
    let server = Server::on_disk_with(files.0.path(), &files.config(""));
    let secret = files.path("admin.token");
    std::fs::write(&secret, &admin).unwrap();
    let stream = connect(server.address, &ca, None).await.unwrap();
    let mut request = format!("wss://{}/v1/ingest", server.address).into_client_request().unwrap();
    request.headers_mut().insert("authorization", bearer(&admin).parse().unwrap());
    let (mut platform, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
    let start = r#"{"type":"call_start","call_id":"c-1"}"#;
    futures_util::SinkExt::send(&mut platform, Message::text(start)).await.unwrap();
    loop {
        let next = futures_util::StreamExt::next(&mut platform);
        let message = tokio::time::timeout(PATIENCE, next).await.expect("no answer").unwrap();
        if message.unwrap().to_text().unwrap().contains("\"started\"") {
            break;
        }
    }
    let url = format!("https://{}", server.address);
    std::fs::write(files.path("other.pem"), authority().pem()).unwrap();
    let forget = |url: &str, ca: &str| {
        let (ca, secret) = (files.path(ca), secret.to_str().unwrap());
        run(&["forget", "c-1", "--url", url, "--ca", ca.to_str().unwrap(), "--token-file", secret])
    };
    let plain = url.replace("https", "http");
    for (url, ca, part) in [
        (&url, "other.pem", "TLS"),
        (&url, "nowhere.pem", "nowhere.pem"),
        (&plain, "ca.pem", "write https://"),
        (&url.replace("https", "ftp"), "ca.pem", "write http://HOST:PORT, or https://"),
    ] {
        let refused = forget(url, ca);
        assert_eq!(refused.status.code(), Some(1), "{url} {ca}");
        assert!(stderr(&refused).contains(part), "{url} {ca}: {}", stderr(&refused));
    }
    // In the clear nothing is understood, and the call is there still.
    let secret = secret.to_str().unwrap();
    let clear = run(&["forget", "c-1", "--url", &plain, "--token-file", secret]);
    assert_eq!(clear.status.code(), Some(1), "{}", stdout(&clear));
    let gone = forget(&url, "ca.pem");
    assert!(gone.status.success() && stdout(&gone).contains("erased c-1"), "{}", stderr(&gone));
}

#[test]
fn bad_files_stop_the_start_and_are_named() {
    let ca = authority();
    let files = Files::new(&ca);
    let config = files.path("forewarn.toml");
    let other = issue(&ca, "127.0.0.1").1;
    std::fs::write(files.path("other.pem"), other).unwrap();
    std::fs::write(files.path("empty.pem"), "").unwrap();
    let name = |name: &str| files.path(name).display().to_string();
    for (certificate, key, more, part) in [
        ("nowhere.pem", "key.pem", "", "nowhere.pem"),
        ("empty.pem", "key.pem", "", "it holds no certificate as PEM"),
        ("key.pem", "key.pem", "", "it holds no certificate as PEM"),
        ("cert.pem", "cert.pem", "", "holds no private key as PEM"),
        ("cert.pem", "other.pem", "", "does not go with the key"),
        ("cert.pem", "key.pem", "client_ca_file = \"/nowhere/ca.pem\"\n", "/nowhere/ca.pem"),
    ] {
        let text = format!(
            "[tls]\ncertificate_file = {:?}\nkey_file = {:?}\n{more}",
            name(certificate),
            name(key)
        );
        std::fs::write(&config, text).unwrap();
        for command in [&["serve", "--listen", "127.0.0.1:0", "--config"][..], &["config", "check"]]
        {
            let output = run(&[command, &[config.to_str().unwrap()]].concat());
            let said = stderr(&output);
            assert_eq!(output.status.code(), Some(2), "{certificate} {key}: {said}");
            assert!(said.contains(part) && said.contains("[tls]"), "{certificate} {key}: {said}");
            assert!(!said.contains("PRIVATE KEY"), "{said}");
        }
    }
}
