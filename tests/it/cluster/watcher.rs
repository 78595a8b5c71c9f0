//! A console that goes to another node with `since` whenever it loses its own.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::harness::*;

/// What is told of calls and alerts, in order, and where to go on.
pub struct Watcher {
    addresses: Vec<SocketAddr>,
    place: usize,
    peer: Option<Peer>,
    epoch: String,
    pub seen: Vec<Value>,
    /// When the newest of them came; guards against hanging.
    heard: Instant,
    /// How many have come, for who waits for that.
    count: Arc<AtomicUsize>,
}

impl Watcher {
    /// On the node at `place`, from the beginning of the history.
    pub async fn new(addresses: &[SocketAddr], place: usize) -> Watcher {
        let mut watcher = Watcher {
            addresses: addresses.to_vec(),
            place,
            peer: None,
            epoch: String::new(),
            seen: Vec::new(),
            heard: Instant::now(),
            count: Arc::default(),
        };
        while watcher.peer.is_none() {
            watcher.connect().await;
        }
        watcher
    }

    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    fn count(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.count)
    }

    fn offset(&self) -> u64 {
        self.seen.last().map_or(0, |message| message["offset"].as_u64().unwrap())
    }

    /// Tries one node, and the next one the next time. It resumes exactly, wherever that is.
    async fn connect(&mut self) {
        assert!(self.heard.elapsed() < PATIENCE, "no node takes a console");
        let address = self.addresses[self.place];
        let opened = self.resume(address).await;
        if let Err(why) = opened {
            eprintln!("console at {address}: {why}");
            self.place = (self.place + 1) % self.addresses.len();
            tokio::task::yield_now().await;
        }
    }

    async fn resume(&mut self, address: SocketAddr) -> Result<(), String> {
        let mut peer = Peer::try_open(address, "/v1/console?user=sup", Some(CONSOLE)).await?;
        let hello = peer.try_next().await?;
        let epoch = hello["epoch"].as_str().unwrap().to_owned();
        if self.epoch.is_empty() {
            self.epoch = epoch;
        } else {
            assert_eq!(epoch, self.epoch, "one history for all nodes");
        }
        let since = json!({"epoch": self.epoch, "offset": self.offset()});
        let subscribe = json!({"type": "subscribe", "id": "1", "filter": {}, "since": since});
        peer.send(subscribe).await;
        let snapshot = peer.try_next().await?;
        assert_eq!(snapshot["recovered"], true, "since {since}: {hello} {snapshot}");
        self.peer = Some(peer);
        Ok(())
    }

    async fn read_one(&mut self) {
        let Some(peer) = &mut self.peer else { return self.connect().await };
        assert!(self.heard.elapsed() < PATIENCE, "no numbered message came");
        match peer.try_next().await {
            Ok(mut message) => {
                if message["offset"].is_u64() && message["type"] != "snapshot" {
                    if let Some(alert) = message["alert"].as_object_mut() {
                        alert.remove("latency_us");
                    }
                    self.seen.push(message);
                    self.heard = Instant::now();
                    self.count.fetch_add(1, Ordering::Relaxed);
                }
            }
            Err(_) => self.peer = None,
        }
    }

    pub async fn read_until(&mut self, is_enough: impl Fn(&[Value]) -> bool) {
        self.heard = Instant::now();
        while !is_enough(&self.seen) {
            self.read_one().await;
        }
    }

    /// Reads in the background until so many calls have ended.
    fn until_ended(mut self, calls: usize) -> JoinHandle<Watcher> {
        tokio::spawn(async move {
            self.read_until(|seen| ended(seen).len() >= calls).await;
            self
        })
    }
}

/// A watcher on each node, in the background.
pub struct Watch {
    addresses: Vec<SocketAddr>,
    /// What the first has seen.
    count: Arc<AtomicUsize>,
    watchers: Vec<JoinHandle<Watcher>>,
}

impl Watch {
    /// Until so many calls have ended.
    pub async fn begin(addresses: &[SocketAddr], calls: usize) -> Watch {
        let mut watchers = Vec::new();
        for place in 0..addresses.len() {
            watchers.push(Watcher::new(addresses, place).await);
        }
        let count = watchers[0].count();
        let watchers = watchers.into_iter().map(|watcher| watcher.until_ended(calls)).collect();
        Watch { addresses: addresses.to_vec(), count, watchers }
    }

    /// Waits until the first has seen so many.
    pub async fn has_seen(&self, number: usize) {
        let begun = Instant::now();
        while self.count.load(Ordering::Relaxed) < number {
            assert!(begun.elapsed() < 2 * PATIENCE, "{number} are never seen");
            tokio::task::yield_now().await;
        }
    }

    /// All of them in the end: they were told one history.
    pub async fn end(self) -> Vec<Watcher> {
        let mut seen = Vec::new();
        for watcher in self.watchers {
            seen.push(watcher.await.unwrap());
        }
        assert_one_history(&seen, &self.addresses).await;
        seen
    }
}

/// Ids of the calls that ended, as often as it was told.
pub fn ended(seen: &[Value]) -> Vec<&str> {
    let ended = seen.iter().filter(|message| message["event"] == "ended");
    ended.map(|message| message["call"]["call_id"].as_str().unwrap()).collect()
}

/// What each node's consoles were told is the same, nothing twice, in one order; and somebody who
/// was away all the time is told the same by any node. Each call started and ended once.
async fn assert_one_history(watchers: &[Watcher], addresses: &[SocketAddr]) {
    let first = &watchers[0];
    let offsets: Vec<u64> =
        first.seen.iter().map(|message| message["offset"].as_u64().unwrap()).collect();
    assert!(offsets.windows(2).all(|pair| pair[0] < pair[1]), "not in order: {offsets:?}");
    let alike = |other: &[Value]| {
        for (one, other) in first.seen.iter().zip(other) {
            assert_eq!(one, other, "consoles of two nodes were told different things");
        }
    };
    for other in &watchers[1..] {
        assert_eq!(other.epoch(), first.epoch());
        alike(&other.seen[..other.seen.len().min(first.seen.len())]);
    }
    let shortest = watchers.iter().map(|watcher| watcher.seen.len()).min().unwrap();
    for place in 0..addresses.len() {
        let mut late = Watcher::new(addresses, place).await;
        late.read_until(|seen| seen.len() >= shortest).await;
        alike(&late.seen[..shortest]);
    }
    for event in ["started", "ended"] {
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        for message in first.seen.iter().filter(|message| message["event"] == event) {
            *times.entry(message["call"]["call_id"].as_str().unwrap()).or_default() += 1;
        }
        times.retain(|_, times| *times > 1);
        assert!(times.is_empty(), "{event} more than once: {times:?}");
    }
}

/// What was raised: call, key, `seq`, kind and level. None was raised twice.
pub fn raised(seen: &[Value]) -> BTreeSet<String> {
    let alerts = seen.iter().filter(|message| message["type"] == "alert").map(|m| &m["alert"]);
    let new = alerts.filter(|alert| {
        alert["history"].as_array().unwrap().len() == 1 && alert["state"] == "raised"
    });
    let mut ids = BTreeSet::new();
    let mut raised = BTreeSet::new();
    for alert in new {
        assert!(ids.insert(alert["alert_id"].as_str().unwrap()), "raised twice: {alert}");
        let what = ["call_id", "dedup_key", "seq", "kind", "level"].map(|name| &alert[name]);
        assert!(raised.insert(json!(what).to_string()), "raised under two ids: {alert}");
    }
    raised
}
