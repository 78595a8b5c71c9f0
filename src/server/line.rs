//! The bytes of one connection, whatever they carry: a peer that takes nothing of what waits for
//! it is left, and what comes without being a message is read at a limited pace.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::tls::Wire;

/// A connection, with TLS or without.
pub(super) struct Line {
    wire: Box<dyn Wire>,
    /// Longest time in which the peer takes nothing.
    patience: Duration,
    /// Runs while something waits for the peer.
    stuck: Option<Pin<Box<Sleep>>>,
    stalled: Counter,
    /// Bytes that may still be read; what is a message is given back.
    left: usize,
}

impl Line {
    /// Without a limit on what is read. `stalled` counts peers that took nothing for `patience`.
    pub fn new(wire: Box<dyn Wire>, patience: Duration, stalled: Counter) -> Line {
        Line { wire, patience, stuck: None, stalled, left: usize::MAX }
    }

    /// From now on only so many bytes are read, and those that are given back.
    pub fn allow(&mut self, bytes: usize) {
        self.left = bytes;
    }

    /// Allows so many more, up to `most`.
    pub fn give_back(&mut self, bytes: usize, most: usize) {
        self.left = self.left.saturating_add(bytes).min(most);
    }

    /// Nothing is read before something is given back. Nobody is woken for that.
    pub fn is_spent(&self) -> bool {
        self.left == 0
    }

    /// What a write came to; one that waits for too long fails.
    fn judge<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stuck = None;
            return written;
        }
        let patience = self.patience;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        match stuck.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => {
                self.stuck = None;
                self.stalled.inc();
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let line = self.get_mut();
        if line.left == 0 {
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut line.wire).poll_read(context, buffer);
        if line.left != usize::MAX {
            line.left = line.left.saturating_sub(buffer.filled().len() - before);
        }
        read
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let line = self.get_mut();
        let written = Pin::new(&mut line.wire).poll_write(context, bytes);
        line.judge(context, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let line = self.get_mut();
        let written = Pin::new(&mut line.wire).poll_write_vectored(context, pieces);
        line.judge(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.wire.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let line = self.get_mut();
        let flushed = Pin::new(&mut line.wire).poll_flush(context);
        line.judge(context, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let line = self.get_mut();
        let shut = Pin::new(&mut line.wire).poll_shutdown(context);
        line.judge(context, shut)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn a_peer_that_takes_nothing_is_left_and_one_that_does_is_waited_for() {
        let (mut peer, own) = duplex(4);
        let stalled = Counter::default();
        let mut line = Line::new(Box::new(own), Duration::from_millis(20), stalled.clone());
        line.write_all(&[1; 4]).await.unwrap();
        assert!(futures_util::poll!(Box::pin(line.write_all(&[1; 4]))).is_pending());
        assert!(line.stuck.is_some());
        peer.read_exact(&mut [0]).await.unwrap();
        assert!(futures_util::poll!(Box::pin(line.write_all(&[1; 4]))).is_pending());
        let failed = line.write_all(&[1; 4]).await.unwrap_err();
        assert_eq!((failed.kind(), stalled.get()), (io::ErrorKind::TimedOut, 1));
        peer.read_exact(&mut [0; 4]).await.unwrap();
        line.write_all(&[1; 4]).await.unwrap();
        assert!(line.stuck.is_none(), "taking something is enough");
    }

    #[tokio::test]
    async fn what_is_given_back_may_be_read() {
        let (mut peer, own) = duplex(64);
        let mut line = Line::new(Box::new(own), Duration::from_secs(60), Counter::default());
        line.allow(3);
        peer.write_all(b"abcd").await.unwrap();
        let mut read = [0; 4];
        assert_eq!(line.read(&mut read).await.unwrap(), 4, "a read that has begun is not cut");
        assert!(line.is_spent());
        peer.write_all(b"efgh").await.unwrap();
        assert!(futures_util::poll!(Box::pin(line.read(&mut read))).is_pending());
        line.give_back(10, 3);
        assert_eq!(line.read(&mut read).await.unwrap(), 4);
        assert!(line.is_spent());
    }
}
