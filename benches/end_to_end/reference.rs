//! The two servers to compare with: what the library can do when nothing is done.

use std::fmt;
use std::io::Write;

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::accept_async_with_config;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// Whom the load talks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Peer {
    /// Sends everything back.
    Echo,
    /// Acks everything.
    Sink,
    /// The server under test.
    Forewarn,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Peer::Echo => "echo",
            Peer::Sink => "sink",
            Peer::Forewarn => "forewarn",
        })
    }
}

/// Serves until it is killed.
pub fn serve(peer: Peer) -> anyhow::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on http://{}", listener.local_addr()?);
        std::io::stdout().flush()?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(async move {
                // A connection that fails ends; the load notices.
                let _ = match peer {
                    Peer::Echo => echo(stream).await,
                    _ => sink(stream).await,
                };
            });
        }
    })
}

/// Sends back what comes, at the library's default settings.
async fn echo(stream: TcpStream) -> anyhow::Result<()> {
    let mut socket = accept_async_with_config(stream, None).await?;
    while let Some(message) = socket.next().await {
        let message = message?;
        if message.is_text() {
            socket.send(message).await?;
        }
    }
    Ok(())
}

/// Acks each message without looking at it, with the socket settings of our server: small read
/// buffer, no delay, all that has arrived is answered with one flush.
async fn sink(stream: TcpStream) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let config = WebSocketConfig::default().read_buffer_size(4 << 10).write_buffer_size(16 << 10);
    let mut socket = accept_async_with_config(stream, Some(config)).await?;
    while let Some(message) = socket.next().await {
        let mut next = Some(message?);
        while let Some(message) = next.take() {
            if message.is_text() {
                let ack = r#"{"type":"ack","call_id":"c-0000-0000","seq":17}"#;
                socket.feed(Message::text(ack)).await?;
            }
            next = match futures_util::FutureExt::now_or_never(socket.next()) {
                Some(Some(message)) => Some(message?),
                Some(None) => return Ok(()),
                None => None,
            };
        }
        socket.flush().await?;
    }
    Ok(())
}
