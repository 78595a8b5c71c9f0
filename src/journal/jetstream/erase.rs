//! Erasing a call from every stream, so that its words are in no file of NATS any more.

use std::sync::Arc;
use std::time::Duration;

use super::letters::{DeskLetter, EventsLetter, HistoryLetter, News};
use super::publish::{Press, failure, letter};
use super::{Bus, BusError};

/// What was on its way when a call was erased has arrived by then.
const LATE: Duration = Duration::from_secs(5);

impl Press {
    /// Has all nodes forget a call, and overwrites what is kept of it. Says whether there was any.
    ///
    /// # Errors
    /// [`BusError`]; what is left is erased by the next try.
    pub async fn erase(&self, call_id: &Arc<str>) -> Result<bool, BusError> {
        let bus = &self.bus;
        let is_there = bus.newest_news(call_id).await?.is_some()
            || bus.newest_events(call_id).await?.is_some()
            || bus.newest_history(call_id).await?.is_some();
        self.seats().leave(call_id);
        if !is_there {
            return Ok(false);
        }
        // First of all, so that whoever has the call writes no more of it.
        let news = self.say_erased(call_id).await?;
        bus.overwrite_call(call_id, news).await?;
        let history = HistoryLetter { call_id: Arc::clone(call_id), number: 0, archive: None };
        let sent = bus.context.send_publish(bus.names().history_subject(call_id), letter(&history));
        let receipt = sent.await.map_err(|error| failure(&error))?;
        receipt.await.map_err(|error| failure(&error))?;
        let (bus, call_id) = (bus.clone(), Arc::clone(call_id));
        tokio::spawn(async move {
            tokio::time::sleep(LATE).await;
            if let Err(error) = bus.overwrite_call(&call_id, news).await {
                tracing::error!(%call_id, %error, "words of an erased call may be left in NATS; erase it again");
            }
        });
        Ok(true)
    }

    async fn say_erased(&self, call_id: &Arc<str>) -> Result<u64, BusError> {
        let erased = DeskLetter {
            node: Arc::clone(&self.node),
            call_id: Arc::clone(call_id),
            began: 0,
            number: 0,
            told: 0,
            over: None,
            news: News::Erased,
        };
        let subject = self.bus.names().desk_subject(call_id);
        let sent = self.bus.context.send_publish(subject, letter(&erased)).await;
        let receipt = sent.map_err(|error| failure(&error))?;
        Ok(receipt.await.map_err(|error| failure(&error))?.sequence)
    }
}

impl Bus {
    /// Overwrites what is kept of a call, but the letter that says so.
    async fn overwrite_call(&self, call_id: &str, erased: u64) -> Result<(), BusError> {
        let names = self.names();
        let events = names.events_stream(names.partition(call_id));
        self.overwrite(&events, names.events_subject(call_id), |_, _: &EventsLetter| true).await?;
        // A letter without words says that it was erased.
        let has_words = |_, letter: &HistoryLetter| letter.archive.is_some();
        self.overwrite(&names.history_stream(), names.history_subject(call_id), has_words).await?;
        let others = |place, _: &DeskLetter| place != erased;
        self.overwrite(&names.desk_stream(), names.desk_subject(call_id), others).await
    }
}
