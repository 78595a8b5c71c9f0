//! A nats-server for the nodes under test.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tempfile::TempDir;

use crate::process::{Cores, cpu_of, data_dir, pinned};

const PROGRAM: &str = "nats-server";
/// Until it must be ready.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the program calls itself, where there is one.
pub fn version() -> Option<String> {
    let said = Command::new(PROGRAM).arg("--version").output().ok()?;
    Some(String::from_utf8(said.stdout).ok()?.trim().replace(": v", " "))
}

/// A running server with JetStream on both cores; dropping it kills it.
pub struct Nats {
    child: Child,
    /// Where nodes find it.
    pub url: String,
    _data: TempDir,
}

impl Nats {
    /// On any port, with a store of its own.
    ///
    /// # Errors
    /// When it is not ready in time.
    pub fn start() -> anyhow::Result<Nats> {
        let data = data_dir()?;
        let log = data.path().join("log");
        let mut command = pinned(Cores::Both, PROGRAM);
        command.args(["-a", "127.0.0.1", "-p", "-1", "-js", "-sd"]).arg(data.path());
        command.arg("-l").arg(&log).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().context("nats-server cannot be started")?;
        let mut nats = Nats { child, url: String::new(), _data: data };
        let began = Instant::now();
        loop {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            if said.contains("Server is ready") {
                let port = said
                    .lines()
                    .find_map(|line| line.rsplit_once("connections on ")?.1.rsplit_once(':'));
                let (_, port) = port.with_context(|| format!("no port in {said}"))?;
                nats.url = format!("nats://127.0.0.1:{}", port.trim());
                return Ok(nats);
            }
            ensure!(began.elapsed() < PATIENCE, "nats-server is not ready: {said}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Processor time that it has used.
    ///
    /// # Errors
    /// When it is gone.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        cpu_of(self.child.id())
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
