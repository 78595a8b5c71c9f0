//! A nats-server of a test's own.

use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use tempfile::TempDir;

use crate::harness::{Collected, PATIENCE, collect, wait};

/// The program; Debian's package installs it under this name.
const PROGRAM: &str = "nats-server";

/// Names a program that fences writers also with copies; Debian's is too old for that.
const PROGRAM_WITH_COPIES: &str = "NATS_SERVER_WITH_COPIES";

/// A running nats-server on 127.0.0.1. It is killed on drop.
pub struct Nats {
    program: String,
    process: Child,
    log: Collected,
    port: u16,
    store: Option<TempDir>,
    more: Vec<String>,
}

impl Nats {
    /// With JetStream; `None`, said loudly, where there is no such program.
    pub fn start() -> Option<Nats> {
        Nats::with(PROGRAM, Some(tempfile::tempdir().unwrap()), &[])
    }

    /// As one that nobody told to keep anything.
    pub fn without_jetstream() -> Option<Nats> {
        Nats::with(PROGRAM, None, &[])
    }

    /// With JetStream and more arguments, such as who may come in.
    pub fn start_with(more: &[&str]) -> Option<Nats> {
        Nats::with(PROGRAM, Some(tempfile::tempdir().unwrap()), more)
    }

    /// Three that keep three copies of everything; `None`, said loudly, where there is no program
    /// that can.
    pub fn three() -> Option<[Nats; 3]> {
        let Ok(program) = std::env::var(PROGRAM_WITH_COPIES) else {
            skip(&format!("{PROGRAM_WITH_COPIES} names no nats-server of 2.9.21 or newer"));
            return None;
        };
        // Held all at once, so that they differ.
        let ports: Vec<_> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let routes = ports.iter().map(|port| format!("nats://{}", port.local_addr().unwrap()));
        let routes: Vec<String> = routes.collect();
        drop(ports);
        let all = routes.join(",");
        let mut servers = Vec::new();
        for (name, route) in ["one", "two", "three"].into_iter().zip(&routes) {
            let more = ["-n", name, "--cluster_name", "copies", "--cluster", route];
            let more = [&more[..], &["--routes", &all]].concat();
            servers.push(Nats::with(&program, Some(tempfile::tempdir().unwrap()), &more)?);
        }
        let begun = Instant::now();
        while !servers.iter().any(|nats| nats.log.so_far().contains("new metadata leader")) {
            assert!(begun.elapsed() < PATIENCE, "no leader: {}", servers[0].log.so_far());
            std::thread::yield_now();
        }
        servers.try_into().ok()
    }

    fn with(program: &str, store: Option<TempDir>, more: &[&str]) -> Option<Nats> {
        if Command::new(program).arg("--version").output().is_err() {
            skip(&format!("{program} is not installed"));
            return None;
        }
        let program = program.to_owned();
        let more: Vec<String> = more.iter().map(|&argument| argument.to_owned()).collect();
        // Port -1 picks a free one.
        let (process, log) = spawn(&program, "-1", store.as_ref(), &more);
        let mut nats = Nats { program, process, log, port: 0, store, more };
        assert!(nats.is_ready(), "no nats-server: {}", nats.log.so_far());
        let log = nats.log.so_far();
        let said = log.lines().find_map(|line| line.split_once("client connections on "));
        let port = said.and_then(|(_, address)| address.trim().rsplit_once(':')?.1.parse().ok());
        nats.port = port.unwrap_or_else(|| panic!("no port in {log}"));
        Some(nats)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// As the server says.
    pub fn version(&self) -> String {
        let log = self.log.so_far();
        let said = log.lines().find_map(|line| line.split_once("Version:"));
        said.unwrap_or_else(|| panic!("no version in {log}")).1.trim().to_owned()
    }

    /// Where it keeps what JetStream holds.
    pub fn store(&self) -> &Path {
        self.store.as_ref().unwrap().path()
    }

    /// As by a power switch for the process alone: what it wrote stays.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        wait(&mut self.process);
    }

    /// As an operator stops it.
    pub fn stop(&mut self) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        wait(&mut self.process);
    }

    /// On the same port and store. The old one must be gone.
    pub fn restart(&mut self) {
        let begun = Instant::now();
        loop {
            let port = self.port.to_string();
            (self.process, self.log) = spawn(&self.program, &port, self.store.as_ref(), &self.more);
            if self.is_ready() {
                return;
            }
            // Somebody on this machine may have the port for a moment.
            assert!(begun.elapsed() < PATIENCE, "not again: {}", self.log.so_far());
        }
    }

    /// Waits until it says that it is ready; false when it ends instead.
    fn is_ready(&mut self) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if self.log.so_far().contains("Server is ready") {
                return true;
            }
            if self.process.try_wait().unwrap().is_some() {
                return false;
            }
            std::thread::yield_now();
        }
        panic!("nats-server is never ready: {}", self.log.so_far());
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("nats-server's log:\n{}", self.log.so_far());
        }
    }
}

fn skip(why: &str) {
    // Not by a macro: what macros print of a test that passes nobody sees.
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    writeln!(std::io::stderr().lock(), "!! SKIPPED {test}: {why}").unwrap();
}

fn spawn(
    program: &str,
    port: &str,
    store: Option<&TempDir>,
    more: &[String],
) -> (Child, Collected) {
    let mut command = Command::new(program);
    command.args(["-a", "127.0.0.1", "-p", port]).args(more);
    if let Some(store) = store {
        command.arg("-js").arg("-sd").arg(store.path());
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let log = collect(process.stderr.take().unwrap());
    (process, log)
}
