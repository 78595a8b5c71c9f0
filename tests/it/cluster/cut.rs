//! A wire between a node and its nats-server that can be cut: nothing passes either way, and
//! nobody is told, as when a switch fails.

use std::net::SocketAddr;
use std::thread::JoinHandle;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};

/// The wire. It lies in a thread of its own, so that a test may block while it carries.
pub struct Cut {
    address: SocketAddr,
    is_whole: watch::Sender<bool>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Cut {
    /// To a port of this machine.
    pub fn before(port: u16) -> Cut {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (is_whole, whole) = watch::channel(true);
        let (end, ended) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                tokio::select! {
                    () = accept(TcpListener::from_std(listener).unwrap(), port, whole) => {}
                    _ = ended => {}
                }
            });
        });
        Cut { address, is_whole, end: Some(end), thread: Some(thread) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// From now on nothing passes. What is under way waits, as in the buffers of a network.
    pub fn cut(&self) {
        self.is_whole.send(false).unwrap();
    }

    /// Everything that waited goes on.
    pub fn mend(&self) {
        self.is_whole.send(true).unwrap();
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        drop(self.end.take());
        let _ = self.thread.take().unwrap().join();
    }
}

async fn accept(listener: TcpListener, port: u16, whole: watch::Receiver<bool>) {
    loop {
        let (near, _) = listener.accept().await.unwrap();
        let mut whole = whole.clone();
        tokio::spawn(async move {
            // A connection begun meanwhile hangs, too.
            let Ok(_) = whole.wait_for(|whole| *whole).await else { return };
            let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else { return };
            near.set_nodelay(true).unwrap();
            far.set_nodelay(true).unwrap();
            let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
            tokio::spawn(carry(near_in, far_out, whole.clone()));
            carry(far_in, near_out, whole).await;
        });
    }
}

/// One direction. That an end hung up is told when the wire is whole, and not before.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut whole: watch::Receiver<bool>) {
    let mut buffer = vec![0; 16_384];
    loop {
        let read = from.read(&mut buffer).await.unwrap_or(0);
        if whole.wait_for(|whole| *whole).await.is_err() || read == 0 {
            return;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
