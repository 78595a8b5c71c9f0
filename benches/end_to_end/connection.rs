//! One websocket of the load: raw bytes behind a handshake, so that it costs little.

use anyhow::bail;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::frames;

/// An open websocket.
pub struct Connection {
    /// The socket.
    pub stream: TcpStream,
    /// What has come and was not looked at.
    pub received: Vec<u8>,
}

impl Connection {
    /// Connects and upgrades.
    ///
    /// # Errors
    /// When the server does not want that.
    pub async fn open(address: &str, path: &str) -> anyhow::Result<Connection> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let upgrade = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        );
        stream.write_all(upgrade.as_bytes()).await?;
        let mut received = Vec::new();
        let head = loop {
            if stream.read_buf(&mut received).await? == 0 {
                bail!("closed during the handshake");
            }
            if let Some(end) = received.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end + 4;
            }
        };
        if !received.starts_with(b"HTTP/1.1 101") {
            bail!("not upgraded: {}", String::from_utf8_lossy(&received[..head]));
        }
        received.drain(..head);
        Ok(Connection { stream, received })
    }

    /// Several of them, to `/v1/ingest`.
    ///
    /// # Errors
    /// When one cannot be opened.
    pub async fn platforms(address: &str, count: usize) -> anyhow::Result<Vec<Connection>> {
        let mut open = Vec::with_capacity(count);
        for _ in 0..count {
            open.push(Connection::open(address, "/v1/ingest").await?);
        }
        Ok(open)
    }

    /// Waits for more bytes and hands each whole message to `take`.
    ///
    /// # Errors
    /// When the server closed the connection, or `take` fails.
    pub async fn receive(
        &mut self,
        take: impl FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        if self.stream.read_buf(&mut self.received).await? == 0 {
            bail!("the server closed the connection");
        }
        frames::drain(&mut self.received, take)
    }
}
