//! A desk with its writer, for tests that compare desks.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use prometheus_client::registry::Registry;
use serde_json::{Value, json};

use super::{Answer, Clock, Desk, Metrics, Person, Platform, Settings, Taken};
use crate::call::Timestamp;
use crate::engine::Engine;
use crate::engine::effects::CallPhase;
use crate::engine::event::Action;
use crate::hub::{self, Console, Hub, Picture, Publication};
use crate::journal::{self, Committed, Journal, Writer};
use crate::wire::{self, Filter, Since};

/// A desk with its writer and connections of platforms. Whatever it is asked is durable before
/// it answers.
pub(super) struct Stage {
    pub desk: Arc<Desk>,
    writer: Writer,
    pub platforms: Vec<Platform>,
    console: Option<Console>,
}

impl Stage {
    pub fn new(
        mut journal: Box<dyn Journal>,
        engine: &Arc<Engine>,
        settings: Settings,
        connections: usize,
        now: &Arc<AtomicI64>,
    ) -> Stage {
        let history = journal.read_back(100).unwrap();
        let hub_metrics = hub::Metrics::default();
        let hub = Hub::new("e", journal.last_offset(), hub::Settings::default(), hub_metrics);
        let hub = Arc::new(hub);
        let sink = Arc::clone(&hub);
        let metrics = journal::Metrics::register(&mut Registry::default());
        let (writer, handle) = Writer::start(
            journal,
            journal::Settings::default(),
            metrics,
            move |batch: &mut Vec<Committed<Publication>>| {
                sink.publish(batch.drain(..).map(|done| (done.base_offset, done.payload)));
            },
        )
        .unwrap();
        let now = Arc::clone(now);
        let clock = Clock::new(move || Timestamp(now.load(Ordering::Relaxed)), || Duration::ZERO);
        let metrics = Metrics::register(&mut Registry::default());
        let desk = Desk::new(Arc::clone(engine), hub, handle, settings, clock, metrics);
        let desk = Arc::new(desk);
        desk.recover(history);
        let platforms = (0..connections).map(|_| Platform::new(Arc::clone(&desk))).collect();
        Stage { desk, writer, platforms, console: None }
    }

    /// Has somebody look at everything, or nobody.
    pub fn seat(&mut self, present: bool) {
        self.console = present.then(|| self.desk.hub().connect("sup").unwrap());
        if let Some(console) = &self.console {
            console.subscribe(Filter::default(), None);
        }
    }

    /// Ends without any farewell.
    pub fn crash(self) {
        let Stage { desk, writer, platforms, console } = self;
        drop((platforms, console, desk));
        assert!(writer.join(Duration::from_secs(30)));
    }

    /// A connection drops; another takes its place.
    pub fn disconnect(&mut self, connection: usize) {
        self.platforms[connection] = Platform::new(Arc::clone(&self.desk));
    }

    pub async fn send(&mut self, connection: usize, text: &str) -> Taken {
        let message = wire::decode(text, &wire::Settings::default());
        let desk = Arc::clone(&self.desk);
        let permit = desk.journal().permit().await.unwrap();
        let taken = self.platforms[connection].take(message, Instant::now(), permit);
        desk.journal().flush().await;
        taken
    }

    pub async fn hold_open_calls(&mut self) {
        let mut calls = self.desk.hub().calls_below(None, 1_000, false);
        calls.retain(|call| call.view.state == CallPhase::Open);
        for call in calls {
            let start = json!({"type": "call_start", "call_id": call.view.call_id});
            self.send(0, &start.to_string()).await;
        }
    }

    pub async fn act(&self, who: &str, alert_id: &str, action: Action) -> Answer {
        let mut person = Person::new(Arc::clone(&self.desk), who.into());
        let permit = self.desk.journal().permit().await.unwrap();
        let answer = person.act(alert_id, action, permit);
        self.desk.journal().flush().await;
        answer
    }

    pub async fn raise_hand(&self, who: &str, call_id: &str) -> Answer {
        let mut person = Person::new(Arc::clone(&self.desk), who.into());
        let permit = self.desk.journal().permit().await.unwrap();
        let answer = person.raise_hand(call_id, Some("help".into()), permit);
        self.desk.journal().flush().await;
        answer
    }

    pub async fn fire(&self) {
        self.desk.fire_due().await;
        self.desk.journal().flush().await;
    }

    /// All that anybody can see, numbers with every bit.
    pub fn seen(&self, history: bool) -> Value {
        let hub = self.desk.hub();
        let mut calls = hub.calls_below(None, 1_000, false);
        calls.retain(|call| history || call.view.ended_at.is_none());
        let calls = calls.iter().filter_map(|call| hub.call(&call.view.call_id));
        let calls: Vec<_> = calls.map(|call| (call.number, call)).collect();
        let mut alerts = hub.alerts_below(None, 1_000);
        alerts.sort_by(|a, b| a.alert_id.cmp(&b.alert_id));
        alerts.retain(|alert| history || alert.state.is_open());
        json!({"calls": calls, "alerts": alerts, "offset": hub.offset()})
    }

    /// What a console that was away since `offset` gets, if not the full picture.
    pub fn missed(&self, offset: u64) -> Option<Vec<String>> {
        let console = self.desk.hub().connect("late").unwrap();
        let since = Since { epoch: "e".into(), offset };
        match console.subscribe(Filter::default(), Some(&since)) {
            Picture::Full { .. } => None,
            Picture::Recovered { frames, .. } => {
                let text = |frame: &hub::Frame| String::from_utf8(frame.to_vec()).unwrap();
                // The present risks at the end come in no order.
                Some(frames.iter().map(text).filter(|frame| frame.contains("offset")).collect())
            }
        }
    }
}
