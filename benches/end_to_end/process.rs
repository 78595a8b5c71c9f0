//! Server processes on cores of their own, and what they use.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::reference::Peer;

const SERVER_CORE: &str = "0";
const LOAD_CORE: &str = "1";
const BOTH_CORES: &str = "0,1";

/// The whole load comes from one address, which is no flood here.
const LIMITS_OF_AN_ADDRESS: [(&str, &str); 4] = [
    ("FOREWARN_SERVER_REQUESTS_PER_S_PER_ADDRESS", "1000000"),
    ("FOREWARN_SERVER_REQUESTS_PER_S_PER_TOKEN", "1000000"),
    ("FOREWARN_SERVER_MAX_CONNECTIONS_PER_ADDRESS", "20000"),
    ("FOREWARN_SERVER_MAX_SOCKETS_PER_TOKEN", "20000"),
];

/// Where a server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cores {
    /// On a core of its own, with one worker thread.
    One,
    /// On both, so the load takes some of what it could use.
    Both,
}

/// Moves this process, the load, to its core.
///
/// # Errors
/// When processes cannot be pinned here.
pub fn take_core_of_load() -> anyhow::Result<()> {
    let me = std::process::id().to_string();
    let mut pinned = Command::new("taskset");
    let pinned = pinned.args(["-pc", LOAD_CORE, &me]).stdout(Stdio::null()).status();
    let pinned = pinned.context("`taskset` (of util-linux) is needed to pin processes to cores")?;
    ensure!(pinned.success(), "two cores are needed; this process cannot run on core {LOAD_CORE}");
    Ok(())
}

/// Connections that this process and a server it starts can have.
pub fn max_connections() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = files.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    // Some are for other things.
    soft.map_or(usize::MAX, |soft| soft.saturating_sub(200))
}

/// A folder for a server's data, removed in the end.
///
/// # Errors
/// When it cannot be made.
pub fn data_dir() -> anyhow::Result<tempfile::TempDir> {
    Ok(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?)
}

/// A running server; dropping it kills it.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: String,
    /// When it was started.
    pub began: Instant,
    /// How long it took to say that it listens.
    pub listening_after: Duration,
}

impl Server {
    /// Starts the server under test with its journal in `data`. Settings are named as the
    /// environment names them, without their `FOREWARN_`.
    ///
    /// # Errors
    /// When it does not start.
    pub fn forewarn(
        cores: Cores,
        data: &Path,
        settings: &[(&str, String)],
    ) -> anyhow::Result<Server> {
        let mut command = pinned(cores, env!("CARGO_BIN_EXE_forewarn"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data);
        command.envs(LIMITS_OF_AN_ADDRESS);
        for (name, value) in settings {
            command.env(format!("FOREWARN_{name}"), value);
        }
        Server::start(command)
    }

    /// Starts a reference server on its core.
    ///
    /// # Errors
    /// When it does not start.
    pub fn reference(peer: Peer) -> anyhow::Result<Server> {
        let program = std::env::current_exe()?;
        let mut command = pinned(Cores::One, program);
        command.args(["--serve", &peer.to_string()]);
        Server::start(command)
    }

    fn start(mut command: Command) -> anyhow::Result<Server> {
        let began = Instant::now();
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let out = child.stdout.take().context("no output")?;
        let mut server =
            Server { child, address: String::new(), began, listening_after: Duration::ZERO };
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        server.listening_after = began.elapsed();
        let address = line.trim().strip_prefix("listening on http://");
        address
            .with_context(|| format!("the server said {line:?}"))?
            .clone_into(&mut server.address);
        Ok(server)
    }

    /// Processor time that all its threads have used.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        cpu_of(self.child.id())
    }

    /// Its resident memory, in bytes.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn rss(&self) -> anyhow::Result<u64> {
        rss_of(self.child.id())
    }
}

/// Processor time that all threads of a process have used.
///
/// # Errors
/// When it is gone.
pub fn cpu_of(process: u32) -> anyhow::Result<Duration> {
    let mut total = 0;
    for task in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let stat = std::fs::read_to_string(task?.path().join("schedstat"));
        let ran: Option<u64> = stat.ok().and_then(|stat| stat.split(' ').next()?.parse().ok());
        total += ran.unwrap_or(0);
    }
    Ok(Duration::from_nanos(total))
}

/// Resident memory of a process, in bytes.
///
/// # Errors
/// When it is gone.
pub fn rss_of(process: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: Option<u64> = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    Ok(kib.context("no VmRSS")? << 10)
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program on these cores.
pub fn pinned(cores: Cores, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("taskset");
    let list = if cores == Cores::One { SERVER_CORE } else { BOTH_CORES };
    command.args(["-c", list]).arg(program);
    if cores == Cores::One {
        command.env("TOKIO_WORKER_THREADS", "1");
    }
    command
}
