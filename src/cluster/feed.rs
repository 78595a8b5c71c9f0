//! From the stream of calls and alerts to this node's consoles, and what moves between its
//! letters.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt;

use super::{Cluster, Movements};
use crate::engine::effects::CallChange;
use crate::hub::{CallNumber, Moved, Publication, Shown};
use crate::journal::Message;
use crate::journal::jetstream::{BusError, Delivered, DeskLetter, Letters, News};

/// What waits to be shown until news has come that far.
const MAX_WAITING: usize = 16_384;
/// Before a stream that broke off is read again.
const PAUSE: Duration = Duration::from_millis(200);

/// Something of a call of this node, to be shown after the news at that place.
#[derive(Debug)]
pub(super) struct Waiting {
    after: u64,
    moved: Moved,
}

impl Cluster {
    /// Shows what an event did, beside its numbered messages: those come by the stream.
    pub(super) fn show(&self, publication: Publication) {
        let Publication { call_id, shown, risk, said, .. } = publication;
        if self.shared.is_lost(&call_id) {
            return;
        }
        let progress = match shown {
            Shown::Moved(progress) => Some(progress),
            Shown::Whole(_) | Shown::Kept => None,
        };
        let after = self.shared.desk_of(&call_id);
        self.lock_risks().note(&call_id, progress.as_ref(), risk.as_ref());
        let moved = Moved { call_id, progress, risk, said };
        // The receiver is gone only when the node goes down.
        let _ = self.moved.blocking_send(Waiting { after, moved });
    }

    /// Reads all news there is. The rest comes through what this gives.
    pub(super) async fn catch_up(&self) -> Result<Letters<DeskLetter>, BusError> {
        let mut letters = self.bus.news_after(0).await?;
        letters.read_all(|delivered| self.take(delivered)).await?;
        Ok(letters)
    }

    /// Shows what comes, each in its turn.
    pub(super) async fn feed(self: Arc<Self>, letters: Letters<DeskLetter>, from: Movements) {
        let Movements(mut movements) = from;
        let mut letters = Some(letters);
        let mut waiting: VecDeque<Waiting> = VecDeque::new();
        loop {
            let Some(stream) = &mut letters else {
                tokio::time::sleep(PAUSE).await;
                letters = self.read_on().await;
                continue;
            };
            tokio::select! {
                next = stream.next() => match next {
                    Some(Ok(delivered)) => self.take(delivered),
                    Some(Err(error)) => {
                        tracing::warn!(%error, "the stream of calls and alerts is read again");
                        letters = None;
                    }
                    None => letters = None,
                },
                moved = movements.recv(), if waiting.len() < MAX_WAITING => match moved {
                    Some(moved) => waiting.push_back(moved),
                    None => return,
                },
            }
            let offset = self.hub.offset();
            while waiting.front().is_some_and(|next| next.after <= offset)
                && let Some(next) = waiting.pop_front()
            {
                self.hub.publish_moved(next.moved);
            }
        }
    }

    /// The news after what is shown; `None` when it cannot be had now. Streams that were made anew,
    /// or lost their end, have nothing to go on with: that is for people to look at.
    async fn read_on(&self) -> Option<Letters<DeskLetter>> {
        let offset = self.hub.offset();
        let (epoch, end) = self.bus.history_of_news().await.ok()?;
        if epoch != self.hub.epoch() || end < offset {
            if !self.metrics.torn.swap(true, Ordering::Relaxed) {
                tracing::error!(
                    offset,
                    end,
                    "the stream of calls and alerts is not the one this node has read: it was made \
                     anew, or NATS lost its end. Nothing is taken any more; restart this node"
                );
            }
            return None;
        }
        self.bus.news_after(offset).await.ok()
    }

    fn take(&self, delivered: Delivered<DeskLetter>) {
        let Delivered { sequence, letter, subject, .. } = delivered;
        let Some(letter) = letter else {
            tracing::warn!(sequence, subject, "news that cannot be read is passed over");
            return self.hub.skip_to(sequence);
        };
        self.lock_index().note(sequence, &letter);
        let DeskLetter { node, call_id, number, told, news, .. } = letter;
        let is_ours = node == self.node;
        match news {
            News::Told(message) => {
                let number = match told {
                    1 => CallNumber::default(),
                    _ => CallNumber::known(number),
                };
                if let (Message::Alert(alert), false, Some(desk)) = (&message, is_ours, self.desk())
                {
                    desk.see_elsewhere(&call_id, alert);
                }
                let in_tables = match &message {
                    Message::Call(CallChange::Started, _) => !is_ours,
                    // The news may be here before the last words, which come by another way.
                    Message::Call(CallChange::Ended, _) => !is_ours || self.keeper.is_some(),
                    _ => false,
                };
                self.hub.publish_at(sequence, publication(call_id, number, message), in_tables);
            }
            News::Taken => {
                self.hub.skip_to(sequence);
                // News that is older than what this node has of the call tells of a time before.
                if let (false, Some(desk)) = (is_ours, self.desk())
                    && self.shared.desk_of(&call_id) < sequence
                {
                    self.let_go(&desk, &[call_id]);
                }
            }
            News::Erased => {
                self.hub.skip_to(sequence);
                self.shared.leave(&call_id);
                if let Some(desk) = self.desk() {
                    desk.forget_here(&call_id);
                }
            }
        }
    }
}

fn publication(call_id: Arc<str>, number: CallNumber, message: Message) -> Publication {
    let (change, shown, alerts): (Option<CallChange>, _, _) = match message {
        Message::Call(change, view) => (Some(change), Shown::Whole(view), Vec::new()),
        Message::Alert(alert) => (None, Shown::Kept, vec![alert]),
    };
    let (risk, said, timing) = (None, Vec::new(), None);
    Publication { call_id, number, shown, change, risk, said, alerts, timing }
}
