use std::sync::{Condvar, Mutex};

use super::*;
use crate::engine::Engine;
use crate::engine::alert::Alert;
use crate::engine::effects::CallView;
use crate::journal::{Began, CommitError, Found, History, Journal, Most, Record, Stretch, Which};
use crate::server::tests::{get, until};
use crate::server::{Rooms, Running, start};
use crate::wire::lists::CallDetail;

/// A library whose lists come once it is open, and whose single calls cannot be read.
#[derive(Clone, Debug, Default)]
struct Closed(Arc<(Mutex<bool>, Condvar)>);

impl Library for Closed {
    fn calls(
        &self,
        _: &CallQuery,
        _: &Stretch<'_, u64>,
        _: Instant,
    ) -> Result<Found<u64, CallView>, ReadError> {
        let open = self.0.0.lock().unwrap();
        let _open = self.0.1.wait_while(open, |open| !*open).unwrap();
        Ok(Found::default())
    }
    fn call(&self, _: Which<'_>, _: Most, _: Instant) -> Result<Option<CallDetail>, ReadError> {
        Err(ReadError::Failed("page 7 is torn".into()))
    }
    fn alerts(
        &self,
        _: &AlertQuery,
        _: &Stretch<'_, AlertKey>,
        _: Instant,
    ) -> Result<Found<AlertKey, Alert>, ReadError> {
        Err(ReadError::TooSlow)
    }
    fn began(&self, _: &ShiftQuery, _: Instant, _: &mut dyn FnMut(Began)) -> Result<(), ReadError> {
        Ok(())
    }
}

impl Journal for Closed {
    fn epoch(&self) -> &str {
        "e1"
    }
    fn last_offset(&self) -> u64 {
        0
    }
    fn commit(&mut self, _: &[Record], _: u64) -> Result<(), CommitError> {
        Ok(())
    }
    fn library(&self) -> Option<Arc<dyn Library>> {
        Some(Arc::new(self.clone()))
    }
    fn read_back(&mut self, _: usize) -> Result<History, CommitError> {
        Ok(History::default())
    }
}

async fn running(library: &Closed) -> Running {
    let journal = Settings { max_readings: 1, reading_ms: 50, ..Settings::default() };
    let server =
        crate::server::Settings { listen: ([127, 0, 0, 1], 0).into(), ..Default::default() };
    let rooms = Rooms { server, journal, ..Rooms::default() };
    let engine = Arc::new(Engine::with_model(None, Default::default()).unwrap());
    start(rooms, engine, Box::new(library.clone()), None).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readings_at_a_time_are_bounded() {
    let library = Closed::default();
    let running = Arc::new(running(&library).await);
    let own = Arc::clone(&running);
    let first = tokio::spawn(async move { get(&own, "/v1/calls").await });
    until(async || running.app.readings.places.available_permits() == 0).await;
    let second = tokio::time::timeout(Duration::from_secs(30), get(&running, "/v1/calls")).await;
    // Whatever came of it, nobody may be left waiting.
    let meanwhile = get(&running, "/healthz").await;
    *library.0.0.lock().unwrap() = true;
    library.0.1.notify_all();
    let second = second.expect("a second reading began");
    assert!(second.starts_with("HTTP/1.1 503") && second.contains("retry-after"), "{second}");
    assert_eq!(running.app.metrics.readings_refused.get(), 1);
    // What needs no reading of the journal is answered meanwhile.
    assert!(meanwhile.starts_with("HTTP/1.1 200"));
    assert!(first.await.unwrap().starts_with("HTTP/1.1 200"));
    assert!(get(&running, "/v1/calls").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_told() {
    let running = running(&Closed::default()).await;
    let torn = get(&running, "/v1/calls/c").await;
    assert!(torn.starts_with("HTTP/1.1 500") && torn.contains("page 7 is torn"), "{torn}");
    for path in ["/v1/alerts", "/v1/shift"] {
        let slow = get(&running, path).await;
        assert!(slow.starts_with("HTTP/1.1 503") && slow.contains("ask for less"), "{slow}");
    }
}
