//! A wire between a node and its nats-server that can be cut: nothing passes either way, and
//! nobody is told, as when a switch fails. It can be cut beside a certain message of the node.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use crate::harness::PATIENCE;

/// The wire. It lies in a thread of its own, so that a test may block while it carries.
pub struct Cut {
    address: SocketAddr,
    wire: Arc<Wire>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Wire {
    is_whole: watch::Sender<bool>,
    gate: Mutex<Option<Gate>>,
}

/// On which side of the first message that has all these words the wire is cut.
struct Gate {
    words: &'static [&'static str],
    is_after: bool,
}

impl Cut {
    /// To a port of this machine.
    pub fn before(port: u16) -> Cut {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let wire = Arc::new(Wire { is_whole: watch::channel(true).0, gate: Mutex::default() });
        let (end, ended) = oneshot::channel();
        let carried = Arc::clone(&wire);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                tokio::select! {
                    () = accept(TcpListener::from_std(listener).unwrap(), port, carried) => {}
                    _ = ended => {}
                }
            });
        });
        Cut { address, wire, end: Some(end), thread: Some(thread) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// From now on nothing passes. What is under way waits, as in the buffers of a network.
    pub fn cut(&self) {
        self.wire.is_whole.send_replace(false);
    }

    /// Everything that waited goes on.
    pub fn mend(&self) {
        self.wire.is_whole.send_replace(true);
    }

    /// Is cut by itself before the node's next message with these words, which waits.
    pub fn cut_before(&self, words: &'static [&'static str]) {
        *self.wire.gate.lock().unwrap() = Some(Gate { words, is_after: false });
    }

    /// Is cut by itself after the node's next message with these words: it arrives, and no answer
    /// comes back.
    pub fn cut_after(&self, words: &'static [&'static str]) {
        *self.wire.gate.lock().unwrap() = Some(Gate { words, is_after: true });
    }

    /// Waits until that has happened.
    pub async fn is_cut(&self) {
        let mut is_whole = self.wire.is_whole.subscribe();
        let cut = timeout(PATIENCE, is_whole.wait_for(|whole| !*whole)).await;
        cut.expect("no such message came").unwrap();
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        drop(self.end.take());
        let _ = self.thread.take().unwrap().join();
    }
}

impl Wire {
    /// Waits until something may pass.
    async fn is_whole(&self) {
        // It cannot fail: the sender is here.
        let _ = self.is_whole.subscribe().wait_for(|whole| *whole).await;
    }

    /// Cuts itself when the message is the one that is waited for.
    fn cut_at(&self, message: &[u8], is_after: bool) {
        let mut gate = self.gate.lock().unwrap();
        let has = |word: &&str| message.windows(word.len()).any(|part| part == word.as_bytes());
        if gate.as_ref().is_some_and(|own| own.is_after == is_after && own.words.iter().all(has)) {
            *gate = None;
            self.is_whole.send_replace(false);
        }
    }
}

async fn accept(listener: TcpListener, port: u16, wire: Arc<Wire>) {
    loop {
        let (near, _) = listener.accept().await.unwrap();
        let wire = Arc::clone(&wire);
        tokio::spawn(async move {
            // A connection begun meanwhile hangs, too.
            wire.is_whole().await;
            let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else { return };
            near.set_nodelay(true).unwrap();
            far.set_nodelay(true).unwrap();
            let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
            tokio::spawn(carry_messages(near_in, far_out, Arc::clone(&wire)));
            carry(far_in, near_out, wire).await;
        });
    }
}

/// To the node. That an end hung up is told when the wire is whole, and not before.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, wire: Arc<Wire>) {
    let mut buffer = vec![0; 16_384];
    loop {
        let read = from.read(&mut buffer).await.unwrap_or(0);
        wire.is_whole().await;
        if read == 0 || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

/// From the node: message by message, so that the wire can be cut between any two.
async fn carry_messages(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, wire: Arc<Wire>) {
    let mut waiting = Vec::new();
    loop {
        let read = from.read_buf(&mut waiting).await.unwrap_or(0);
        wire.is_whole().await;
        if read == 0 {
            return;
        }
        let mut carried = 0;
        while let Some(length) = message(&waiting[carried..]) {
            let next = &waiting[carried..carried + length];
            wire.cut_at(next, false);
            wire.is_whole().await;
            if to.write_all(next).await.is_err() {
                return;
            }
            wire.cut_at(next, true);
            carried += length;
        }
        waiting.drain(..carried);
    }
}

/// How long the first message is, once it is whole: a line, and what a publication carries.
fn message(bytes: &[u8]) -> Option<usize> {
    let line = bytes.windows(2).position(|end| end == b"\r\n")? + 2;
    let words = std::str::from_utf8(&bytes[..line]).unwrap();
    let payload = match words.split_whitespace().next() {
        Some("PUB" | "HPUB") => words.split_whitespace().last()?.parse::<usize>().unwrap() + 2,
        _ => 0,
    };
    (bytes.len() >= line + payload).then_some(line + payload)
}
