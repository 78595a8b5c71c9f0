//! What came out, as a table of medians and as JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::json;

use crate::load::Peer;

/// One server under load for a while.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub peer: Peer,
    /// Messages of one write.
    pub burst: u64,
    pub messages: u64,
    pub time: Duration,
    /// Processor time of the server meanwhile.
    pub cpu: Duration,
}

impl Case {
    fn per_second(&self) -> f64 {
        self.messages as f64 / self.time.as_secs_f64()
    }

    fn cpu_us(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.messages.max(1) as f64
    }
}

/// All cases of all rounds.
#[derive(Debug, Default)]
pub struct Report(BTreeMap<(u64, Peer), Vec<Case>>);

impl Report {
    pub fn add(&mut self, case: Case) {
        self.0.entry((case.burst, case.peer)).or_default().push(case);
    }

    /// Median over rounds of our figure divided by another's of the same round.
    fn ratio(&self, burst: u64, peer: Peer, figure: impl Fn(&Case) -> f64) -> f64 {
        let of = |peer| self.0.get(&(burst, peer)).map_or(&[][..], Vec::as_slice);
        let rounds = of(Peer::Forewarn).iter().zip(of(peer));
        median(rounds.map(|(ours, theirs)| figure(ours) / figure(theirs)).collect())
    }

    pub fn to_json(&self) -> String {
        let cases = self.0.values().flatten().map(|case| {
            json!({"server": case.peer, "messages_per_write": case.burst,
                "messages_per_s": case.per_second(), "server_cpu_us_per_message": case.cpu_us()})
        });
        json!(cases.collect::<Vec<_>>()).to_string()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| messages a write | server | chunks/s | server CPU | ours/its chunks/s |")?;
        writeln!(f, "| --- | --- | --- | --- | --- |")?;
        for (&(burst, peer), cases) in &self.0 {
            let per_second = median(cases.iter().map(Case::per_second).collect());
            let cpu = median(cases.iter().map(Case::cpu_us).collect());
            let ratio = self.ratio(burst, peer, Case::per_second);
            writeln!(f, "| {burst} | {peer} | {per_second:.0} | {cpu:.2} µs | {ratio:.2} × |")?;
        }
        Ok(())
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        length => (values[(length - 1) / 2] + values[length / 2]) / 2.0,
    }
}
