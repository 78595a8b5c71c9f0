//! Consoles of the load: subscribed, reading, and telling when an alert has come.

use std::time::Instant;

use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::task::JoinSet;

use crate::connection::Connection;
use crate::{frames, messages};

/// An alert that has come to a console.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    /// Number of the call it is about.
    pub call: usize,
    /// When it had been read.
    pub at: Instant,
}

/// Connected consoles. Dropping them closes their sockets.
pub struct Consoles {
    /// Alerts as they come, to any console.
    pub heard: UnboundedReceiver<Heard>,
    _reading: JoinSet<anyhow::Result<()>>,
}

impl Consoles {
    /// Connects `count` consoles with this filter, and waits until each has its snapshot.
    ///
    /// # Errors
    /// When one is refused.
    pub async fn open(address: &str, count: usize, filter: &str) -> anyhow::Result<Consoles> {
        let (tell, heard) = mpsc::unbounded_channel();
        let mut reading = JoinSet::new();
        let mut subscribe = Vec::new();
        let text = format!(r#"{{"type":"subscribe","id":"1","filter":{filter}}}"#);
        frames::write(&mut subscribe, &text);
        for _ in 0..count {
            let mut console = Connection::open(address, "/v1/console").await?;
            console.stream.write_all(&subscribe).await?;
            let mut has_picture = false;
            while !has_picture {
                let taken = console.receive(|message| {
                    has_picture |= message.starts_with(br#"{"type":"snapshot"#);
                    Ok(())
                });
                taken.await?;
            }
            let tell = tell.clone();
            reading.spawn(async move {
                loop {
                    let taken = console.receive(|message| {
                        if message.starts_with(br#"{"type":"alert"#)
                            && let Some((_, call, _)) = messages::address(message)
                        {
                            // Nobody listens any more when the round is over.
                            let _ = tell.send(Heard { call, at: Instant::now() });
                        }
                        Ok(())
                    });
                    taken.await?;
                }
            });
        }
        Ok(Consoles { heard, _reading: reading })
    }
}
