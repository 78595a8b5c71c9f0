//! Random lives of alerts, destinations that fail at random, and crashes between: each destination
//! gets all it wants, in order, at least once.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use prometheus_client::registry::Registry;
use proptest::prelude::*;
use tokio_util::sync::CancellationToken;

use crate::call::{Speaker, Timestamp};
use crate::egress::answer::{Answer, Verdict};
use crate::egress::delivery::{Delivery, Post};
use crate::egress::destination::{Destination, Message};
use crate::egress::metrics::Metrics;
use crate::egress::settings::Settings;
use crate::engine::event::{
    Action, CallEnd, CallStart, CallUpdate, Chunk, Event, Recorded, Resolution,
};
use crate::engine::{CallState, Check, Engine};
use crate::journal::sqlite::Sqlite;
use crate::journal::{self, Change, Journal, Keys, Outbox, Outgoing, Record};

static ENGINE: LazyLock<Engine> =
    LazyLock::new(|| Engine::with_model(None, Default::default()).unwrap());

const CALLS: usize = 3;
const QUEUES: [&str; 2] = ["billing", "sales"];
const DESTINATIONS: [&str; 2] = [
    "name = \"all\"\nurl = \"http://d\"\nchanges = \"all\"\nheld = true\nprovisional = true",
    "name = \"some\"\nurl = \"http://d\"\nqueues = [\"billing\"]",
];

#[derive(Clone, Debug)]
enum Step {
    /// Something happens to a call.
    Happens(usize, What),
    /// Destinations are up for a while, and answer like this; then all is well.
    Deliver(Vec<Outcome>),
    /// The process dies and comes back.
    Crash,
    /// It ends in order.
    Close,
    /// Time for housekeeping.
    Tidy,
}

#[derive(Clone, Debug)]
enum What {
    Say(bool),
    Hand,
    Acknowledge,
    Snooze,
    Assign,
    Resolve,
    Move(usize),
    Wait,
    End,
}

#[derive(Clone, Copy, Debug)]
enum Outcome {
    Taken,
    /// It has come, but the answer was lost.
    Lost,
    Away,
    Unwilling,
    /// It has come, and then the process dies.
    Dies,
}

fn step() -> impl Strategy<Value = Step> {
    let what = prop_oneof![
        4 => any::<bool>().prop_map(What::Say),
        2 => Just(What::Hand),
        2 => Just(What::Acknowledge),
        1 => Just(What::Snooze),
        1 => Just(What::Assign),
        2 => Just(What::Resolve),
        2 => (0..QUEUES.len()).prop_map(What::Move),
        2 => Just(What::Wait),
        1 => Just(What::End),
    ];
    let outcome = prop_oneof![
        3 => Just(Outcome::Taken),
        1 => Just(Outcome::Lost),
        1 => Just(Outcome::Away),
        1 => Just(Outcome::Unwilling),
        1 => Just(Outcome::Dies),
    ];
    prop_oneof![
        12 => (0..CALLS, what).prop_map(|(call, what)| Step::Happens(call, what)),
        3 => prop::collection::vec(outcome, 0..8).prop_map(Step::Deliver),
        1 => Just(Step::Crash),
        1 => Just(Step::Close),
        1 => Just(Step::Tidy),
    ]
}

/// Keeps what comes and answers as it is told.
#[derive(Clone, Default)]
struct Receiver {
    came: Arc<Mutex<Vec<Message>>>,
    outcomes: Arc<Mutex<VecDeque<Outcome>>>,
    dead: Arc<AtomicBool>,
}

impl Post for Receiver {
    async fn post(&self, message: &Message) -> Answer {
        let outcome = self.outcomes.lock().unwrap().pop_front().unwrap_or(Outcome::Taken);
        if matches!(outcome, Outcome::Taken | Outcome::Lost | Outcome::Dies) {
            self.came.lock().unwrap().push(message.clone());
        }
        let verdict = match outcome {
            Outcome::Taken => Verdict::Taken,
            Outcome::Lost | Outcome::Away => Verdict::Away,
            Outcome::Unwilling => Verdict::Unwilling,
            Outcome::Dies => {
                self.dead.store(true, Ordering::Relaxed);
                std::future::pending().await
            }
        };
        Answer { verdict, text: format!("{outcome:?}"), retry_after: None }
    }
}

struct Stage<'a> {
    dir: &'a Path,
    journal: Option<Sqlite>,
    outbox: Option<Arc<dyn Outbox>>,
    destinations: Vec<(Arc<Destination>, Receiver)>,
    calls: Vec<Option<CallState>>,
    /// Number of calls begun, for ids that are new.
    begun: usize,
    now: i64,
    offset: u64,
    /// Everything that was ever put in.
    put_in: Vec<Outgoing>,
    /// Length of the history of each alert as it was told.
    told: HashMap<String, usize>,
}

impl Stage<'_> {
    fn new(dir: &Path) -> Stage<'_> {
        let settings = DESTINATIONS.map(|text| {
            let settings: Settings = toml::from_str(text).unwrap();
            Settings { retry_min_ms: 1, retry_max_s: 1, ..settings }
        });
        let load = |settings| Arc::new(Destination::load(settings, "").unwrap());
        let destinations = settings.iter().map(|own| (load(own), Receiver::default())).collect();
        let calls = (0..CALLS).map(|_| None).collect();
        let mut stage = Stage {
            dir,
            journal: None,
            outbox: None,
            destinations,
            calls,
            begun: 0,
            now: 1_800_000_000_000,
            offset: 0,
            put_in: Vec::new(),
            told: HashMap::new(),
        };
        stage.open();
        stage
    }

    fn open(&mut self) {
        self.outbox = None;
        self.journal = None;
        // What happens here lies in no particular year.
        let settings = journal::Settings { outbox_hours: 0, ..Default::default() };
        let mut journal = Sqlite::open(self.dir, &settings, "engine").unwrap();
        journal.read_back(10).unwrap();
        assert_eq!(journal.last_offset(), self.offset);
        let names: Vec<_> =
            self.destinations.iter().map(|(own, _)| Arc::clone(&own.name)).collect();
        self.outbox = journal.open_outbox(&names).unwrap();
        self.journal = Some(journal);
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Happens(call, what) => self.happens(call, what),
            Step::Deliver(outcomes) => self.deliver(&outcomes),
            Step::Crash => self.open(),
            Step::Close => {
                self.journal.as_mut().unwrap().close().unwrap();
                self.open();
            }
            // As good as a second passing.
            Step::Tidy => self.journal.as_mut().unwrap().close().unwrap(),
        }
    }

    fn happens(&mut self, place: usize, what: What) {
        self.now += 1_000;
        if self.calls[place].is_none() {
            self.begun += 1;
            let call_id = format!("c-{}", self.begun);
            let queue = Some(QUEUES[place % 2].to_owned());
            let start = CallStart { call_id, queue, ..CallStart::default() };
            let (state, _) = CallState::open(&ENGINE, start.clone(), Timestamp(self.now));
            self.calls[place] = Some(state);
            self.commit(place, Event::Start(start), 1, Vec::new());
        }
        let state = self.calls[place].as_mut().unwrap();
        let Some(event) = event(state, what, &mut self.now) else { return };
        let from = Keys { queue: state.start().queue.clone(), team: None };
        let effects = state.apply(&ENGINE, &event, Timestamp(self.now));
        let number = effects.alerts.len() as u64 + u64::from(effects.call.is_some());
        let changes = (1..).zip(effects.alerts).map(|(place, alert)| {
            let length = alert.history.len();
            let told = self.told.insert(alert.alert_id.clone(), length).unwrap_or(0);
            let moved_from = (told == length).then(|| from.clone());
            Change { place, told, moved_from, alert: Arc::new(alert) }
        });
        let changes = changes.collect();
        let is_over = matches!(event, Event::End(_));
        self.commit(place, event, number, changes);
        if is_over {
            self.calls[place] = None;
        }
    }

    fn commit(&mut self, place: usize, event: Event, number: u64, changes: Vec<Change>) {
        let at = Timestamp(self.now);
        let base_offset = self.offset;
        self.offset += number;
        let journal = self.journal.as_mut().unwrap();
        for change in &changes {
            self.put_in.push(Outgoing {
                offset: base_offset + change.place,
                epoch: journal.epoch().into(),
                at,
                told: change.told,
                moved_from: change.moved_from.clone(),
                alert: serde_json::to_string(&*change.alert).unwrap().into(),
            });
        }
        let call_id = self.calls[place].as_ref().unwrap().call_id().into();
        let recorded = Recorded { at, event, held: Vec::new() };
        let record = Record { base_offset, changes, ..Record::new(call_id, recorded) };
        journal.commit(&[record], self.offset).unwrap();
    }

    /// Until everything is delivered, or the process dies.
    fn deliver(&mut self, outcomes: &[Outcome]) {
        let died = self.deliver_some(outcomes);
        if died {
            self.open();
        }
    }

    fn deliver_some(&self, outcomes: &[Outcome]) -> bool {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let outbox = self.outbox.as_ref().unwrap();
        let died = runtime.block_on(async {
            let drain = CancellationToken::new();
            let mut tasks = Vec::new();
            for (destination, receiver) in &self.destinations {
                *receiver.outcomes.lock().unwrap() = outcomes.iter().copied().collect();
                receiver.dead.store(false, Ordering::Relaxed);
                let delivery = Delivery {
                    destination: Arc::clone(destination),
                    post: receiver.clone(),
                    outbox: Arc::clone(outbox),
                    metrics: Metrics::register(&mut Registry::default()),
                    failing: Default::default(),
                    drain: drain.clone(),
                };
                tasks.push(tokio::spawn(delivery.run()));
            }
            let waits = |own: &Arc<Destination>| outbox.standing(&own.name).waiting > 0;
            while self.destinations.iter().any(|(own, _)| waits(own)) {
                if self.destinations.iter().any(|(_, own)| own.dead.load(Ordering::Relaxed)) {
                    return true;
                }
                tokio::task::yield_now().await;
            }
            drain.cancel();
            for task in tasks {
                task.await.unwrap();
            }
            false
        });
        runtime.shutdown_timeout(Duration::from_secs(10));
        died
    }

    /// What came is what was wanted, each after the one before, some of it more than once.
    fn check(&self) {
        for (destination, receiver) in &self.destinations {
            let wanted = self.put_in.iter().cloned().map(|put_in| destination.message(put_in));
            let wanted: Vec<Message> = wanted.filter_map(Result::unwrap).collect();
            let mut next = 0;
            for came in receiver.came.lock().unwrap().iter() {
                let place = wanted.iter().position(|wanted| wanted.id == came.id).unwrap();
                assert!(place <= next, "{}: {} overtook", destination.name, came.id);
                assert_eq!(wanted[place], *came, "the same to the letter");
                next = next.max(place + 1);
            }
            assert_eq!(next, wanted.len(), "{} misses something", destination.name);
        }
    }
}

/// `None` for what cannot happen now.
fn event(state: &CallState, what: What, now: &mut i64) -> Option<Event> {
    let action = match what {
        What::Say(hot) => {
            let text = if hot { "you lying crooks" } else { "my parcel is late" };
            return Some(Event::Chunk(Chunk {
                seq: state.last_seq() + 1,
                segment_id: None,
                speaker: Speaker::Customer,
                start_ms: None,
                end_ms: None,
                is_final: true,
                confidence: None,
                text: text.into(),
            }));
        }
        What::Hand => return Some(Event::RaiseHand { by: "ana".into(), note: None }),
        What::Move(queue) => {
            let queue = Some(Some(QUEUES[queue].to_owned()));
            let seq = state.last_seq() + 1;
            return Some(Event::Update(CallUpdate { seq, queue, ..CallUpdate::default() }));
        }
        What::End => {
            let seq = state.last_seq() + 1;
            return Some(Event::End(CallEnd { seq, ..CallEnd::default() }));
        }
        What::Wait => {
            *now = state.due(&ENGINE)?.0.max(*now);
            return Some(Event::Timer);
        }
        What::Acknowledge => Action::Acknowledge,
        What::Snooze => Action::Snooze { for_s: 60 },
        What::Assign => Action::Assign { to: "ben".into(), from: None },
        What::Resolve => Action::Resolve { outcome: Resolution::Averted, note: None },
    };
    let alert_id = state.open_alerts().next()?.alert_id.clone();
    match state.check(&ENGINE, &alert_id, "sup", &action) {
        Ok(Check::Apply) => Some(Event::Command { alert_id, by: "sup".into(), action }),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn destinations_get_all_they_want_in_order(steps in prop::collection::vec(step(), 1..60)) {
        let dir = tempfile::tempdir().unwrap();
        let mut stage = Stage::new(dir.path());
        for step in steps {
            stage.step(step);
        }
        stage.deliver(&[]);
        stage.check();
    }
}
