//! A console that comes back where it left off.

use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::backoff::Backoff;
use super::connect::Target;
use super::play::PlayError;
use super::socket::{Socket, Step};

/// What a console wants to see; empty lists ask for everything.
#[derive(Clone, Debug, Default)]
pub struct Subscription {
    /// Any of these queues.
    pub queues: Vec<String>,
}

/// How far a console got.
#[derive(Debug, Default)]
struct Place {
    epoch: Option<String>,
    /// Set once the picture is complete; half a picture is none.
    offset: Option<u64>,
}

/// What resuming needs of a message.
#[derive(Debug, Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: String,
    epoch: Option<String>,
    offset: Option<u64>,
    last: Option<bool>,
    recovered: Option<bool>,
}

/// Subscribes and hands every message to `seen` until it returns false. `lost` hears of
/// connections that ended and will be made again. `commands` are sent as they come, each a JSON
/// object with an `id`; its `reply` comes to `seen`. A command that no reply follows before `lost`
/// is called may have been done or not; one that comes without a connection is dropped.
///
/// # Errors
/// [`PlayError`] when the server was never reached, or says that coming back is of no use.
pub async fn watch(
    target: &Target,
    subscription: &Subscription,
    commands: &mut mpsc::Receiver<String>,
    mut seen: impl FnMut(&str) -> bool,
    mut lost: impl FnMut(&PlayError),
) -> Result<(), PlayError> {
    let mut place = Place::default();
    let mut backoff = Backoff::default();
    let mut reached = false;
    loop {
        let begun = Instant::now();
        let error = match session(target, subscription, &mut place, commands, &mut seen).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        reached |= matches!(error, PlayError::Ended(_));
        let temporary = match &error {
            PlayError::Connect(error) => reached && error.is_temporary(),
            PlayError::Ended(ending) => ending.is_temporary(),
        };
        if !temporary {
            return Err(error);
        }
        lost(&error);
        // A connection that held for a while was a good one.
        if begun.elapsed().as_secs() >= 10 {
            backoff.reset();
        }
        sleep(backoff.pause()).await;
    }
}

/// One connection. `Ok` when `seen` has had enough.
async fn session(
    target: &Target,
    subscription: &Subscription,
    place: &mut Place,
    commands: &mut mpsc::Receiver<String>,
    seen: &mut impl FnMut(&str) -> bool,
) -> Result<(), PlayError> {
    let mut socket = target.connect().await?;
    // They were meant for a connection that has ended.
    while commands.try_recv().is_ok() {}
    loop {
        let step = tokio::select! {
            step = socket.step() => step,
            Some(command) = commands.recv() => {
                socket.send(command);
                continue;
            }
        };
        match step {
            Step::Text(text) => {
                if let Ok(head) = serde_json::from_str::<Head>(&text) {
                    if head.kind == "hello" {
                        subscribe(&mut socket, subscription, place);
                    }
                    place.note(head);
                }
                if !seen(&text) {
                    socket.close().await;
                    return Ok(());
                }
            }
            Step::Written => {}
            Step::Over(ending) => return Err(ending.into()),
        }
    }
}

fn subscribe(socket: &mut Socket, subscription: &Subscription, place: &Place) {
    let mut message = json!({
        "type": "subscribe", "id": "1", "filter": {"queues": subscription.queues},
    });
    if let (Some(epoch), Some(offset)) = (&place.epoch, place.offset) {
        message["since"] = json!({"epoch": epoch, "offset": offset});
    }
    socket.send(message.to_string());
}

impl Place {
    fn note(&mut self, head: Head) {
        match head.kind.as_str() {
            "hello" if head.epoch != self.epoch => {
                *self = Place { epoch: head.epoch, offset: None };
            }
            // After a recovered one the missed messages are still to come.
            "snapshot" if head.recovered == Some(true) => {}
            "snapshot" if head.last == Some(true) => self.offset = head.offset,
            "alert" | "call" if self.offset.is_some() => self.offset = head.offset,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place_after(messages: &[&str]) -> Place {
        let mut place = Place::default();
        for message in messages {
            place.note(serde_json::from_str(message).unwrap());
        }
        place
    }

    #[test]
    fn only_a_whole_picture_is_a_place_to_come_back_to() {
        let hello = r#"{"type":"hello","epoch":"e1","offset":9}"#;
        let part = r#"{"type":"snapshot","offset":9,"part":1,"last":false}"#;
        let last = r#"{"type":"snapshot","offset":9,"part":2,"last":true}"#;
        let alert = r#"{"type":"alert","offset":12,"alert":{}}"#;
        assert_eq!(place_after(&[hello, part]).offset, None);
        assert_eq!(place_after(&[hello, part, last]).offset, Some(9));
        assert_eq!(place_after(&[hello, last, alert]).offset, Some(12));
        let recovered = r#"{"type":"snapshot","recovered":true,"offset":20,"last":true}"#;
        assert_eq!(place_after(&[hello, last, alert, recovered]).offset, Some(12));
        let other = r#"{"type":"hello","epoch":"e2","offset":3}"#;
        let place = place_after(&[hello, last, alert, other]);
        assert_eq!((place.epoch.as_deref(), place.offset), (Some("e2"), None));
    }
}
