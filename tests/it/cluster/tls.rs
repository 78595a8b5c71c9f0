//! Nodes that speak TLS with NATS, and show a certificate of their own.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::bad_input::refused;
use super::nats::Nats;
use super::nodes::{Plan, answers};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Files of a certificate for 127.0.0.1, of its key and of who signed it.
struct Files(tempfile::TempDir);

impl Files {
    fn new(authority: &Authority) -> Files {
        let files = Files(tempfile::tempdir().unwrap());
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".into()]).unwrap();
        let certificate = params.signed_by(&key, authority).unwrap();
        for (name, text) in
            [("cert", certificate.pem()), ("key", key.serialize_pem()), ("ca", authority.pem())]
        {
            std::fs::write(files.path(name), text).unwrap();
        }
        files
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn nodes_meet_over_tls_and_show_who_they_are() {
    let authority = authority();
    let (server, node) = (Files::new(&authority), Files::new(&authority));
    let arguments = [
        format!("--tlscert={}", server.path("cert")),
        format!("--tlskey={}", server.path("key")),
        format!("--tlscacert={}", server.path("ca")),
        "--tlsverify".to_owned(),
    ];
    let Some(nats) = Nats::start_with(&arguments.each_ref().map(String::as_str)) else { return };
    let url = format!("tls://127.0.0.1:{}", nats.port());
    let stranger = Files::new(&self::authority());
    for (ca, own) in [(&stranger, &node), (&node, &stranger)] {
        let (code, said) = refused(
            &url,
            &[
                ("FOREWARN_CLUSTER_CA", &ca.path("ca")),
                ("FOREWARN_CLUSTER_CERT", &own.path("cert")),
                ("FOREWARN_CLUSTER_KEY", &own.path("key")),
            ],
        );
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("cannot use NATS"), "{said}");
    }
    let plan = Plan::of(&nats, 2)
        .by_way_of(0, url.clone())
        .by_way_of(1, url)
        .set("CLUSTER_REQUIRE_TLS", true)
        .set("CLUSTER_CA", node.path("ca"))
        .set("CLUSTER_CERT", node.path("cert"))
        .set("CLUSTER_KEY", node.path("key"));
    let nodes = plan.start().await;
    let mut platform = nodes[0].plain_ingest().await;
    platform.start("c-1").await;
    platform.chunk("c-1", 1, "customer", "hello there").await;
    platform.acked("c-1", 1).await;
    answers(&nodes[1], "/v1/calls/c-1", |call| call["transcript"][0]["seq"] == 1).await;
}
