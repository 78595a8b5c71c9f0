//! A cluster that cannot be: the program ends, and says what is missing.

use std::process::Stdio;

use super::nats::Nats;
use crate::harness::*;

/// Ends by itself: exit code and what it said.
pub fn refused(url: &str, variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = forewarn();
    command.args(["serve", "--listen", "127.0.0.1:0", "--cluster", url]);
    command.envs(variables.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let said = collect(child.stderr.take().unwrap());
    let code = wait(&mut child).code();
    (code, said.all())
}

/// The last line is the error, and it is one line.
fn error(said: &str) -> &str {
    said.lines().last().unwrap_or_default()
}

#[test]
fn an_address_that_is_none_is_refused() {
    for url in ["http://127.0.0.1:4222", "127.0.0.1:4222", "nats://", "nats://h:port", ""] {
        let (code, said) = refused(url, &[]);
        assert_eq!(code, Some(2), "{url:?}: {said}");
        assert!(error(&said).contains("nats://"), "how to mend it, for {url:?}: {said}");
    }
}

#[test]
fn settings_that_cannot_be_are_refused() {
    for (name, value) in [
        ("REPLICAS", "0"),
        ("REPLICAS", "2"),
        ("REPLICAS", "many"),
        ("PARTITIONS", "0"),
        ("NODE_TIMEOUT_MS", "0"),
        ("PREFIX", ""),
        ("PREFIX", "a.b c"),
        ("PREFIX", "a*"),
    ] {
        let variable = format!("FOREWARN_CLUSTER_{name}");
        let (code, said) = refused("nats://127.0.0.1:9", &[(&variable, value)]);
        assert_eq!(code, Some(2), "{name}={value}: {said}");
        assert!(error(&said).to_ascii_uppercase().contains(name), "{name}={value}: {said}");
    }
}

#[test]
fn what_a_cluster_cannot_do_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("forewarn.toml");
    for (config, named) in [
        ("[[destination]]\nname = \"team\"\nurl = \"http://127.0.0.1:9/\"", "destination"),
        ("[wire]\nmax_message_bytes = 524289", "max_message_bytes"),
    ] {
        std::fs::write(&path, config).unwrap();
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--cluster", "nats://127.0.0.1:9"];
        let mut command = forewarn();
        let output = command.args(arguments).arg("--config").arg(&path).output().unwrap();
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{config}: {said}");
        assert!(error(&said).contains(named), "{config}: {said}");
    }
}

#[test]
fn where_no_server_is_it_says_which() {
    // The port of one that has gone.
    let Some(nats) = Nats::start() else { return };
    let url = nats.url();
    drop(nats);
    let (code, said) = refused(&url, &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(error(&said).contains(&url["nats://".len()..]), "{said}");
}

#[test]
fn a_server_without_jetstream_is_refused() {
    let Some(nats) = Nats::without_jetstream() else { return };
    let (code, said) = refused(&nats.url(), &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(error(&said).contains("JetStream"), "what is missing: {said}");
}

#[test]
fn a_server_that_does_not_know_us_is_named() {
    let Some(nats) = Nats::start_with(&["--user", "forewarn", "--pass", "secret-word"]) else {
        return;
    };
    let wrong = format!("nats://forewarn:wrong-word@127.0.0.1:{}", nats.port());
    for url in [nats.url(), wrong] {
        let (code, said) = refused(&url, &[]);
        assert_eq!(code, Some(1), "{said}");
        assert!(error(&said).to_ascii_lowercase().contains("authoriz"), "{said}");
        assert!(!said.contains("wrong-word"), "no password in a log: {said}");
    }
}

#[test]
fn more_replicas_than_servers_are_refused() {
    let Some(nats) = Nats::start() else { return };
    let (code, said) = refused(&nats.url(), &[("FOREWARN_CLUSTER_REPLICAS", "3")]);
    assert_eq!(code, Some(1), "{said}");
    assert!(error(&said).contains("replicas"), "{said}");
    // What Debian ships lets two nodes write to one call, where there are copies.
    if nats.version().starts_with("2.9.10") {
        assert!(error(&said).contains("2.9.21"), "{said}");
    }
}

/// Two clusters on one server, by their prefixes, know nothing of each other.
#[tokio::test]
async fn prefixes_keep_clusters_apart() {
    use super::nodes::Plan;
    let Some(nats) = Nats::start() else { return };
    let one = Plan::of(&nats, 1).set("CLUSTER_PREFIX", "north").start().await;
    let other = Plan::of(&nats, 1).set("CLUSTER_PREFIX", "south").start().await;
    let (mut north, mut south) = (one[0].plain_ingest().await, other[0].plain_ingest().await);
    north.start("c").await;
    north.chunk("c", 1, "customer", "in the north").await;
    north.acked("c", 1).await;
    assert_eq!(south.start("c").await["last_seq"], 0, "another call");
    for nodes in [&one, &other] {
        assert_eq!(nodes[0].metric("cluster_nodes").await, 1);
    }
    let listed = get(other[0].address, "/v1/calls").await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
}
