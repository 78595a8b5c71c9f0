//! Platforms that talk many calls into many nodes, and remember what was acked.

use std::net::SocketAddr;
use std::time::Instant;

use forewarn::call::Call;
use futures_util::SinkExt;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::*;

/// Calls that one platform talks at a time.
const AT_ONCE: usize = 6;

/// A call and how far it got.
struct Talk {
    call: Call,
    /// What was promised to be kept.
    acked: u64,
    sent: u64,
}

impl Talk {
    /// Messages with a `seq`: the turns, and the end.
    fn messages(&self) -> u64 {
        self.call.turns.len() as u64 + 1
    }

    fn is_over(&self) -> bool {
        self.acked == self.messages()
    }

    /// Message `seq`, as `forewarn replay` sends it.
    fn message(&self, seq: u64) -> Value {
        let call_id = self.call.id.as_str();
        match self.call.turns.get(seq as usize - 1) {
            Some(turn) => {
                let mut message = chunk(call_id, seq, turn.speaker.name(), &turn.text);
                message["start_ms"] = json!(turn.start_ms);
                message["end_ms"] = json!(turn.end_ms);
                message
            }
            None => {
                let outcome = json!(self.call.outcome);
                json!({"type": "call_end", "call_id": call_id, "seq": seq, "outcome": outcome})
            }
        }
    }
}

/// A platform. It goes to the next node whenever it loses its own.
pub struct Platform {
    addresses: Vec<SocketAddr>,
    place: usize,
    talks: Vec<Talk>,
    /// Connections on which a call was taken.
    pub sessions: usize,
    heard: Instant,
}

/// Deals calls to platforms, one beginning at each node, which talk in the background.
pub fn talk(addresses: &[SocketAddr], calls: &[Call]) -> Vec<JoinHandle<Platform>> {
    let platforms = (0..addresses.len()).map(|place| {
        let own = calls.iter().skip(place).step_by(addresses.len()).cloned();
        let talks = own.map(|call| Talk { call, acked: 0, sent: 0 }).collect();
        let addresses = addresses.to_vec();
        Platform { addresses, place, talks, sessions: 0, heard: Instant::now() }
    });
    platforms.map(|platform| tokio::spawn(platform.run())).collect()
}

impl Platform {
    async fn run(mut self) -> Platform {
        while let Err(why) = self.session().await {
            assert!(self.heard.elapsed() < PATIENCE, "no node takes the calls: {why}");
            self.place = (self.place + 1) % self.addresses.len();
            tokio::task::yield_now().await;
        }
        self
    }

    /// One connection, until all is said or it ends.
    async fn session(&mut self) -> Result<(), String> {
        let address = self.addresses[self.place];
        let mut peer = Peer::try_open(address, "/v1/ingest", Some(INGEST)).await?;
        let mut is_new = true;
        while let Some(first) = self.talks.iter().position(|talk| !talk.is_over()) {
            let last = self.talks.len().min(first + AT_ONCE);
            for place in first..last {
                if !self.talks[place].is_over() {
                    self.start(&mut peer, place).await?;
                }
            }
            self.sessions += usize::from(is_new);
            is_new = false;
            while self.talks[first..last].iter().any(|talk| !talk.is_over()) {
                self.round(&mut peer, first..last).await?;
            }
        }
        Ok(())
    }

    async fn start(&mut self, peer: &mut Peer, place: usize) -> Result<(), String> {
        let call_id = self.talks[place].call.id.clone();
        send(peer, json!({"type": "call_start", "call_id": call_id})).await?;
        loop {
            let message = peer.try_next().await?;
            if message["type"] == "started" && message["call_id"] == call_id.as_str() {
                let talk = &mut self.talks[place];
                let last_seq = message["last_seq"].as_u64().unwrap();
                assert!(last_seq >= talk.acked, "{} was acked: {message}", talk.acked);
                talk.sent = last_seq;
                talk.acked = last_seq;
                self.heard = Instant::now();
                return Ok(());
            }
            self.take(&message)?;
        }
    }

    /// Two more messages of each call, and their acks.
    async fn round(&mut self, peer: &mut Peer, own: std::ops::Range<usize>) -> Result<(), String> {
        for talk in &mut self.talks[own.clone()] {
            let until = talk.messages().min(talk.sent + 2);
            for seq in talk.sent + 1..=until {
                send(peer, talk.message(seq)).await?;
            }
            talk.sent = until;
        }
        while self.talks[own.clone()].iter().any(|talk| talk.acked < talk.sent) {
            let message = peer.try_next().await?;
            self.take(&message)?;
        }
        Ok(())
    }

    /// An answer. `Err` is what makes it go elsewhere.
    fn take(&mut self, message: &Value) -> Result<(), String> {
        match message["type"].as_str().unwrap() {
            "ack" => {
                let own = |talk: &&mut Talk| message["call_id"] == talk.call.id.as_str();
                let talk = self.talks.iter_mut().find(own).unwrap();
                let seq = message["seq"].as_u64().unwrap();
                assert!(seq <= talk.sent, "acked before it was sent: {message}");
                talk.acked = talk.acked.max(seq);
                self.heard = Instant::now();
                Ok(())
            }
            "error" if message["code"] == "taken_over" || message["temporary"] == true => {
                Err(message.to_string())
            }
            "error" | "nack" => panic!("nothing wrong was sent: {message}"),
            _ => Ok(()),
        }
    }
}

async fn send(peer: &mut Peer, message: Value) -> Result<(), String> {
    let sent = peer.ws.send(Message::text(message.to_string())).await;
    sent.map_err(|error| error.to_string())
}

/// Calls of all batches, so many of each.
pub fn calls_of_each(number: usize) -> Vec<Call> {
    let mut files: Vec<_> = data("calls").read_dir().unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    let names = files.iter().map(|file| file.file_name().unwrap().to_str().unwrap());
    names.flat_map(|name| calls(name, number)).collect()
}
