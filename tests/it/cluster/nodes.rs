//! Nodes of the built binary on one nats-server.

use std::net::SocketAddr;
use std::ops::Index;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::time::timeout;

use super::nats::Nats;
use crate::harness::*;

/// How nodes are started.
pub struct Plan {
    /// Of each node; a node may have a wire of its own.
    urls: Vec<String>,
    variables: Vec<(String, String)>,
    arguments: Vec<String>,
    folder: TempDir,
    is_on_disk: bool,
}

impl Plan {
    /// With a data directory each.
    pub fn of(nats: &Nats, nodes: usize) -> Plan {
        Plan {
            urls: vec![nats.url(); nodes],
            variables: Vec::new(),
            arguments: Vec::new(),
            folder: tempfile::tempdir().unwrap(),
            is_on_disk: true,
        }
    }

    /// A setting of all of them: `FOREWARN_…`.
    pub fn set(mut self, name: &str, value: impl ToString) -> Plan {
        self.variables.push((format!("FOREWARN_{name}"), value.to_string()));
        self
    }

    /// Without data directories: what is over is kept in NATS alone.
    pub fn in_memory(mut self) -> Plan {
        self.is_on_disk = false;
        self
    }

    /// With an escalation matrix.
    pub fn matrix(mut self, text: &str) -> Plan {
        let path = self.folder.path().join("matrix.toml");
        std::fs::write(&path, text).unwrap();
        self.arguments.extend(["--matrix".to_owned(), path.to_str().unwrap().to_owned()]);
        self
    }

    /// One node reaches NATS another way.
    pub fn by_way_of(mut self, place: usize, url: String) -> Plan {
        self.urls[place] = url;
        self
    }

    /// Starts them all and waits until each sees all.
    pub async fn start(self) -> Nodes {
        let nodes: Vec<Server> =
            (0..self.urls.len()).map(|place| self.spawn(place, any_port())).collect();
        let nodes =
            Nodes { addresses: nodes.iter().map(|node| node.address).collect(), nodes, plan: self };
        nodes.all_see(nodes.nodes.len() as u64).await;
        nodes
    }

    fn data_dir(&self, place: usize) -> PathBuf {
        self.folder.path().join(format!("node-{place}"))
    }

    fn spawn(&self, place: usize, address: SocketAddr) -> Server {
        let mut command = forewarn();
        command.args(["serve", "--cluster", &self.urls[place], "--listen", &address.to_string()]);
        if self.is_on_disk {
            command.arg("--data-dir").arg(self.data_dir(place));
        }
        command.args(&self.arguments).envs(self.variables.clone());
        Server::spawn(&mut command, None)
    }
}

/// Nodes that run. They are killed on drop.
pub struct Nodes {
    nodes: Vec<Server>,
    addresses: Vec<SocketAddr>,
    plan: Plan,
}

impl Index<usize> for Nodes {
    type Output = Server;

    fn index(&self, place: usize) -> &Server {
        &self.nodes[place]
    }
}

impl Nodes {
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.addresses.clone()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Server> {
        self.nodes.iter()
    }

    pub fn data_dir(&self, place: usize) -> PathBuf {
        self.plan.data_dir(place)
    }

    /// As by a power switch.
    pub fn kill(&mut self, place: usize) {
        self.nodes[place].kill();
        self.nodes[place].wait();
    }

    /// As an operator stops it: it must end by itself, in time, and say that all is well.
    pub fn stop(&mut self, place: usize) {
        self.nodes[place].terminate();
        let status = self.nodes[place].wait();
        assert!(status.success(), "{status}: {}", self.nodes[place].stderr());
    }

    /// Again, on the address that it had. It must be gone.
    pub fn restart(&mut self, place: usize) {
        self.nodes[place] = self.plan.spawn(place, self.addresses[place]);
    }

    /// Waits until each node sees so many.
    pub async fn all_see(&self, number: u64) {
        for node in &self.nodes {
            sees(node, number).await;
        }
    }

    /// The same for some of them.
    pub async fn see(&self, places: &[usize], number: u64) {
        for &place in places {
            sees(&self.nodes[place], number).await;
        }
    }

    /// Waits until REST answers so on each of these nodes.
    pub async fn agree(&self, places: &[usize], path: &str, is_meant: impl Fn(&Value) -> bool) {
        for &place in places {
            answers(&self.nodes[place], path, &is_meant).await;
        }
    }
}

async fn sees(node: &Server, number: u64) {
    let seen = async {
        while node.counted("cluster_nodes").await != number {
            tokio::task::yield_now().await;
        }
    };
    let in_time = timeout(PATIENCE, seen).await;
    in_time.unwrap_or_else(|_| panic!("{} never sees {number} nodes", node.address));
}

/// Waits until REST answers so, and gives the answer.
pub async fn answers(node: &Server, path: &str, is_meant: impl Fn(&Value) -> bool) -> Value {
    let mut last = String::new();
    let asked = async {
        loop {
            let (status, _, body) = http(node.address, "GET", path, "").await;
            last = format!("{status} {body}");
            let answer: Value = serde_json::from_str(&body).unwrap_or_default();
            if status == 200 && is_meant(&answer) {
                return answer;
            }
            // Who asks all the time is told to slow down.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    match timeout(PATIENCE, asked).await {
        Ok(answer) => answer,
        Err(_) => panic!("{}{path} never answers as meant: {last}", node.address),
    }
}

/// A call in which something was said, as REST shows it once its end and its words are known
/// there: the two come by streams of their own.
pub async fn ended(node: &Server, call_id: &str) -> Value {
    let is_whole = |call: &Value| call["state"] == "ended" && !transcript(call).is_empty();
    answers(node, &format!("/v1/calls/{call_id}"), is_whole).await
}

/// What was said, as numbers and words.
pub fn transcript(call: &Value) -> Vec<(u64, String)> {
    let said = call["transcript"].as_array().unwrap().iter();
    said.map(|said| (said["seq"].as_u64().unwrap(), said["text"].as_str().unwrap().to_owned()))
        .collect()
}

pub fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}
