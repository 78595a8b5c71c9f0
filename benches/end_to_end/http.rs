//! Plain requests to the server under test: is it ready, and what does it measure of itself.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::process::Server;

/// Waits until the server is ready to take calls; gives the time since it was started.
///
/// # Errors
/// When it cannot be asked.
pub fn ready_after(server: &Server) -> anyhow::Result<Duration> {
    loop {
        if get(&server.address, "/readyz")?.starts_with("HTTP/1.1 200") {
            return Ok(server.began.elapsed());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// What a server measures of itself.
pub struct Metrics(String);

impl Metrics {
    /// Asks for them.
    ///
    /// # Errors
    /// When they are not given.
    pub fn of(server: &Server) -> anyhow::Result<Metrics> {
        let answer = get(&server.address, "/metrics")?;
        ensure!(answer.starts_with("HTTP/1.1 200"), "no metrics: {answer:.80}");
        Ok(Metrics(answer))
    }

    /// A gauge or a counter without labels.
    ///
    /// # Errors
    /// When it is not there.
    pub fn value(&self, name: &str) -> anyhow::Result<f64> {
        let found = self.0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        found.and_then(|value| value.trim().parse().ok()).with_context(|| format!("no {name}"))
    }

    /// The least bound of a histogram of seconds that so much of what came since `before` is not
    /// above: of the values, and of the time that they took together. A few long ones are little of
    /// the one and much of the other.
    ///
    /// # Errors
    /// When it is not there, or nothing came.
    pub fn bounds_since(
        &self,
        before: &Metrics,
        name: &str,
        share: f64,
    ) -> anyhow::Result<(f64, f64)> {
        let (now, before) = (self.buckets(name), before.buckets(name));
        let upto = now.iter().zip(&before).map(|(now, before)| (now.0, now.1 - before.1));
        let mut known = 0.0;
        let came: Vec<(f64, f64)> = upto
            .map(|(bound, upto)| (bound, upto - std::mem::replace(&mut known, upto)))
            .filter(|(_, count)| *count > 0.0)
            .collect();
        ensure!(!came.is_empty(), "nothing in {name}");
        let taken: Vec<_> = came.iter().map(|(bound, count)| (*bound, bound * count)).collect();
        Ok((bound(&came, share), bound(&taken, share)))
    }

    /// Bounds with how many values are not above each.
    fn buckets(&self, name: &str) -> Vec<(f64, f64)> {
        let start = format!("{name}_bucket{{le=\"");
        let lines = self.0.lines().filter_map(|line| line.strip_prefix(start.as_str()));
        let pairs = lines.filter_map(|line| line.split_once("\"} "));
        let parsed = pairs.filter_map(|(bound, count)| {
            let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().ok()? };
            Some((bound, count.trim().parse().ok()?))
        });
        parsed.collect()
    }
}

/// The first bound up to which there is so much of all weights.
fn bound(weights: &[(f64, f64)], share: f64) -> f64 {
    let all: f64 = weights.iter().map(|(_, weight)| weight).sum();
    let mut upto = 0.0;
    let found = weights.iter().find(|(_, weight)| {
        upto += weight;
        upto >= all * share
    });
    found.map_or(f64::INFINITY, |(bound, _)| *bound)
}

/// The whole answer, head and body.
fn get(address: &str, path: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
