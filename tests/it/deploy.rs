//! What lies in deploy/: files that fit each other, the program, and NATS.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

use crate::harness::*;

fn deploy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A file of one document, as JSON would have it, merge keys resolved.
fn yaml(path: &Path) -> Value {
    let text = read(path);
    let documents = Yaml::load_from_str(&text);
    let documents = documents.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(documents.len(), 1, "{}", path.display());
    value(&documents[0])
}

fn value(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(flag)) => json!(flag),
        Yaml::Value(Scalar::Integer(number)) => json!(number),
        Yaml::Value(Scalar::FloatingPoint(number)) => json!(number.into_inner()),
        Yaml::Value(Scalar::String(text)) => json!(text),
        Yaml::Sequence(items) => items.iter().map(value).collect(),
        Yaml::Mapping(map) => {
            let mut object = Map::new();
            for (key, inner) in map {
                let (key, inner) = (value(key), value(inner));
                let key = key.as_str().unwrap_or_else(|| panic!("a key that is no text: {key}"));
                match (key, inner) {
                    ("<<", Value::Object(merged)) => object.extend(merged),
                    (key, inner) => drop(object.insert(key.to_owned(), inner)),
                }
            }
            Value::Object(object)
        }
        other => panic!("not of plain YAML: {other:?}"),
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}")).iter()
}

fn named<'a>(items: &'a Value, name: &Value) -> &'a Value {
    list(items).find(|item| item["name"] == *name).unwrap_or_else(|| panic!("no {name} in {items}"))
}

/// The manifests, all of one application.
struct Manifests(Vec<Value>);

impl Manifests {
    fn read() -> Manifests {
        let mut files: Vec<_> =
            deploy("kubernetes").read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let (own, others): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|file| file.ends_with("kustomization.yaml"));
        let names: Vec<_> =
            others.iter().map(|file| file.file_name().unwrap().to_str().unwrap()).collect();
        let applied = yaml(&own[0]);
        assert_eq!(applied["resources"], json!(names), "all of them are applied");
        Manifests(others.iter().map(|file| yaml(file)).collect())
    }

    fn of(&self, kind: &str) -> &Value {
        let mut own = self.0.iter().filter(|manifest| manifest["kind"] == kind);
        let only = own.next().unwrap_or_else(|| panic!("no {kind}"));
        assert!(own.next().is_none(), "one {kind}");
        only
    }

    fn pod(&self) -> &Value {
        &self.of("Deployment")["spec"]["template"]["spec"]
    }

    fn container(&self) -> &Value {
        assert_eq!(self.pod()["containers"].as_array().unwrap().len(), 1);
        &self.pod()["containers"][0]
    }

    /// The configuration that pods get.
    fn config(&self) -> String {
        self.of("ConfigMap")["data"]["forewarn.toml"].as_str().unwrap().to_owned()
    }
}

#[test]
fn manifests_are_of_kinds_that_clusters_know_and_fit_each_other() {
    let all = Manifests::read();
    for (kind, version) in [
        ("ConfigMap", "v1"),
        ("Deployment", "apps/v1"),
        ("HorizontalPodAutoscaler", "autoscaling/v2"),
        ("PodDisruptionBudget", "policy/v1"),
        ("Service", "v1"),
    ] {
        assert_eq!(all.of(kind)["apiVersion"], version);
        assert_eq!(all.of(kind)["metadata"]["name"], "forewarn");
    }
    assert_eq!(all.0.len(), 5, "a kind that is not checked here");
    let deployment = &all.of("Deployment")["spec"];
    let labels = deployment["template"]["metadata"]["labels"].as_object().unwrap();
    for (whose, selector) in [
        ("Deployment", &deployment["selector"]["matchLabels"]),
        ("Service", &all.of("Service")["spec"]["selector"]),
        ("PodDisruptionBudget", &all.of("PodDisruptionBudget")["spec"]["selector"]["matchLabels"]),
        ("spread", &all.pod()["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"]),
    ] {
        let selector = selector.as_object().unwrap();
        assert!(!selector.is_empty(), "{whose}");
        for (name, value) in selector {
            assert_eq!(labels.get(name), Some(value), "{whose} selects no pod");
        }
    }
    let scaled = &all.of("HorizontalPodAutoscaler")["spec"];
    assert_eq!(
        scaled["scaleTargetRef"],
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "forewarn"})
    );
    assert!(scaled["minReplicas"].as_u64() >= deployment["replicas"].as_u64());
}

#[test]
fn ports_volumes_and_times_of_the_pod_add_up() {
    let all = Manifests::read();
    let (pod, container) = (all.pod(), all.container());
    let config: toml::Table = all.config().parse().unwrap();
    let listen = config["server"]["listen"].as_str().unwrap();
    for port in list(&all.of("Service")["spec"]["ports"]) {
        let target = named(&container["ports"], &port["targetPort"]);
        assert!(listen.ends_with(&format!(":{}", target["containerPort"])), "{listen}");
    }
    let annotations = &all.of("Deployment")["spec"]["template"]["metadata"]["annotations"];
    assert!(listen.ends_with(annotations["prometheus.io/port"].as_str().unwrap()));
    let mut used = BTreeSet::new();
    for mount in list(&container["volumeMounts"]) {
        named(&pod["volumes"], &mount["name"]);
        used.insert(mount["name"].as_str().unwrap());
    }
    assert_eq!(used.len(), pod["volumes"].as_array().unwrap().len(), "a volume that nobody uses");
    // Every file that the configuration names lies in a mount.
    let mounts: Vec<&str> = list(&container["volumeMounts"])
        .map(|mount| mount["mountPath"].as_str().unwrap())
        .collect();
    for (table, name) in
        [("tls", "certificate_file"), ("tls", "key_file"), ("cluster", "credentials")]
    {
        let path = Path::new(config[table][name].as_str().unwrap());
        assert!(mounts.iter().any(|mount| path.starts_with(mount)), "{name}: {path:?}");
    }
    let arguments = container["args"].to_string();
    assert!(arguments.contains("/etc/forewarn/forewarn.toml") && arguments.contains("/data"));

    let before: u64 =
        container["lifecycle"]["preStop"]["exec"]["command"][1].as_str().unwrap().parse().unwrap();
    let drain = config["server"]["drain_timeout_s"].as_integer().unwrap() as u64;
    let patience = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
    assert!(patience >= before + drain + 5, "{patience} for {before} + {drain}");
    let data = named(&pod["volumes"], &json!("data"));
    let room = gibibytes(&data["emptyDir"]["sizeLimit"]);
    let kept = config["journal"]["max_bytes"].as_integer().unwrap() as u64;
    assert!(room << 30 >= kept + (1 << 30), "the tables and what SQLite writes beside them");
    assert!(gibibytes(&container["resources"]["limits"]["ephemeral-storage"]) >= room);

    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    let dockerfile = read(&deploy("Dockerfile"));
    assert!(dockerfile.contains(&format!("USER {}\n", pod["securityContext"]["runAsUser"])));
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    assert_eq!(container["securityContext"]["allowPrivilegeEscalation"], false);
}

fn gibibytes(value: &Value) -> u64 {
    value
        .as_str()
        .and_then(|text| text.strip_suffix("Gi")?.parse().ok())
        .unwrap_or_else(|| panic!("{value}"))
}

#[tokio::test]
async fn probes_and_metrics_are_there() {
    let all = Manifests::read();
    let server = Server::start();
    for (probe, path) in
        [("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")]
    {
        let asked = &all.container()[probe]["httpGet"];
        named(&all.container()["ports"], &asked["port"]);
        assert_eq!(asked["path"], path, "a full disk is not mended by a restart");
        assert_eq!(http(server.address, "GET", path, "").await.0, 200);
    }
    let scraped = &all.of("Deployment")["spec"]["template"]["metadata"]["annotations"];
    let path = scraped["prometheus.io/path"].as_str().unwrap();
    let (_, _, shown) = http(server.address, "GET", path, "").await;
    for metric in list(&all.of("HorizontalPodAutoscaler")["spec"]["metrics"]) {
        let name = metric["pods"]["metric"]["name"].as_str().unwrap();
        assert!(
            shown.lines().any(|line| line.starts_with(&format!("{name} "))),
            "{name} in {shown}"
        );
    }
}

/// What is mounted into pods, in a folder; the configuration points there.
fn mounted(config: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    let own = rcgen::generate_simple_self_signed(["forewarn".to_owned()]).unwrap();
    for (name, text) in [
        ("tls/tls.crt", own.cert.pem()),
        ("tls/tls.key", own.signing_key.serialize_pem()),
        ("nats/user.creds", String::new()),
    ] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let file = folder.path().join("forewarn.toml");
    std::fs::write(&file, config.replace("/etc/forewarn", root)).unwrap();
    let token = run(&["token", "new", "--data-dir", root, "--role", "admin", "--user", "root"]);
    assert!(token.status.success(), "{}", stderr(&token));
    (folder, file)
}

#[test]
fn the_program_takes_the_configuration_of_the_pods() {
    let (folder, file) = mounted(&Manifests::read().config());
    let mut command = forewarn();
    command.args(["config", "check"]).arg(file).env("FOREWARN_DATA_DIR", folder.path());
    let checked = command.output().unwrap();
    assert!(checked.status.success(), "{}", stderr(&checked));
    assert!(stdout(&checked).contains("replicas = 3"), "{}", stdout(&checked));
}

/// As compose fills it in from `.env`; the password is one that its README may make.
fn with_password(value: &str) -> String {
    let Some((before, rest)) = value.split_once("${NATS_PASSWORD:?") else {
        return value.to_owned();
    };
    let (_, after) = rest.split_once('}').unwrap();
    format!("{before}8-d_word={after}")
}

/// Whether streams with replicas fence on this server: 2.9 does only from 2.9.21 on, which a tag
/// of two numbers does not promise.
fn fences(image: &str) -> bool {
    let version = image.strip_prefix("nats:").and_then(|tag| tag.split('-').next());
    let mut numbers = version.unwrap_or_default().split('.').map(str::parse::<u32>);
    matches!((numbers.next(), numbers.next()), (Some(Ok(2)), Some(Ok(10..))))
}

#[test]
fn compose_starts_three_of_each_as_the_program_and_nats_take_them() {
    let compose = yaml(&deploy("compose.yaml"));
    let services = compose["services"].as_object().unwrap();
    let of = |prefix: &str| -> Vec<&Value> {
        services.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, own)| own).collect()
    };
    let (servers, nodes) = (of("nats-"), of("node-"));
    assert_eq!((servers.len(), nodes.len(), services.len()), (3, 3, 6));
    let mut ports = BTreeSet::new();
    let mut volumes = BTreeSet::new();
    for service in services.values() {
        for port in service["ports"].as_array().into_iter().flatten() {
            assert!(ports.insert(port.as_str().unwrap()), "{port} twice");
        }
        for volume in list(&service["volumes"]) {
            let (source, _) = volume.as_str().unwrap().split_once(':').unwrap();
            if source.starts_with('.') {
                continue;
            }
            assert!(compose["volumes"].as_object().unwrap().contains_key(source), "{source}");
            assert!(volumes.insert(source), "{source} is of two services");
        }
    }
    assert_eq!(volumes.len(), 6);
    for node in &nodes {
        for name in node["depends_on"].as_object().unwrap().keys() {
            assert!(
                services[name]["healthcheck"].is_object(),
                "{name} must say that it is healthy"
            );
        }
        let (folder, _) = mounted("");
        let mut command = forewarn();
        command.args(["config", "check"]).env("FOREWARN_DATA_DIR", folder.path());
        for (name, value) in node["environment"].as_object().unwrap() {
            let value = value.as_str().unwrap_or_else(|| panic!("{name} is no text"));
            command.env(name, with_password(value));
        }
        let checked = command.output().unwrap();
        assert!(checked.status.success(), "{}", stderr(&checked));
        assert!(stdout(&checked).contains("replicas = 3"));
    }
    let config = deploy("nats.conf");
    for server in servers {
        assert!(fences(server["image"].as_str().unwrap()), "{}", server["image"]);
        let mut command = Command::new("nats-server");
        command.arg("-t").arg("-c").arg(&config);
        for (name, value) in server["environment"].as_object().unwrap() {
            command.env(name, with_password(value.as_str().unwrap()));
        }
        // Where there is no nats-server, the tests of cluster:: say so loudly.
        let Ok(checked) = command.output() else { return };
        assert!(checked.status.success(), "{}", stderr(&checked));
    }
}
