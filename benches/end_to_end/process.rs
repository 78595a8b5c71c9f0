//! Processes on cores of their own, and what they use.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::load::Peer;

const SERVER_CORE: &str = "0";
const LOAD_CORE: &str = "1";

/// # Errors
/// When processes cannot be pinned here.
pub fn need_taskset() -> anyhow::Result<()> {
    let found = Command::new("taskset").arg("--version").stdout(Stdio::null()).status();
    found.context("`taskset` (of util-linux) is needed to pin processes to cores")?;
    Ok(())
}

/// This program again, on the core of the load.
pub fn load(job: &str) -> anyhow::Result<Child> {
    let mut command = Command::new("taskset");
    command.args(["-c", LOAD_CORE]).arg(std::env::current_exe()?).args(["--load", job]);
    Ok(command.stdout(Stdio::piped()).spawn()?)
}

/// A server on the first core.
pub struct Pinned {
    child: Child,
    /// Where it listens.
    pub address: String,
    _data: tempfile::TempDir,
}

impl Pinned {
    /// Starts one and waits until it listens.
    ///
    /// # Errors
    /// When it does not start.
    pub fn server(peer: Peer) -> anyhow::Result<Pinned> {
        let data = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let mut command = Command::new("taskset");
        command.args(["-c", SERVER_CORE]);
        match peer {
            Peer::Forewarn => {
                command.arg(env!("CARGO_BIN_EXE_forewarn"));
                command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data.path());
                command.env("TOKIO_WORKER_THREADS", "1");
            }
            _ => {
                command.arg(std::env::current_exe()?).args(["--serve", &peer.to_string()]);
            }
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut line = String::new();
        let out = child.stdout.take().context("no output")?;
        BufReader::new(out).read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on http://");
        let address = address.with_context(|| format!("{peer} said {line:?}"))?.to_owned();
        Ok(Pinned { child, address, _data: data })
    }

    /// Processor time that all its threads have used.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        let tasks = Path::new("/proc").join(self.child.id().to_string()).join("task");
        let mut total = 0;
        for task in std::fs::read_dir(&tasks).context("the server is gone")? {
            let stat = std::fs::read_to_string(task?.path().join("schedstat"));
            let ran: Option<u64> = stat.ok().and_then(|stat| stat.split(' ').next()?.parse().ok());
            total += ran.unwrap_or(0);
        }
        Ok(Duration::from_nanos(total))
    }

    /// Ends it.
    pub fn stop(&mut self, patience: Duration) {
        let end = Instant::now() + patience;
        let _ = self.child.kill();
        while Instant::now() < end && self.child.try_wait().ok().flatten().is_none() {
            std::thread::yield_now();
        }
    }
}
