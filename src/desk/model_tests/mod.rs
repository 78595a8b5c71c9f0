//! Random commands go to a desk and to a simple model of it; nobody may tell them apart.

mod commands;
mod faces;
mod model;
mod people;
mod platforms;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use serde_json::{Value, json};

use self::commands::{CONNECTIONS, Command, FILTERS, PEOPLE, QUEUES, Seq, command, limits, text};
use self::faces::{AlertFace, CallFace, Shown, answer, reply};
use self::model::{GRACE_MS, Limits, MAX_ALERTS, MAX_SNOOZE_S, Model, OUTCOME_GRACE_MS};
use super::Settings;
use super::stage::Stage;
use crate::engine::matrix::Matrix;
use crate::engine::{self, Engine};
use crate::features::SPACE;
use crate::hub::{Console, Picture};
use crate::journal::Memory;
use crate::wire::{Filter, Since};

/// A model that never raises anything.
static ENGINE: LazyLock<Arc<Engine>> = LazyLock::new(|| {
    let heads = |name: &str| {
        json!({"heads": [name], "intercepts": [-1.0], "speaks_from": [1.0],
               "ngrams": {"three": [1.5]}})
    };
    let model = json!({"format": "forewarn-model", "version": 1, "feature_space": SPACE,
        "name": "calm", "lang": "en", "base_rate": 0.4,
        "training": {"command": "", "sources": [], "recipe": {}},
        "calibration": {"slope": 1.0, "intercept": 0.0},
        "thresholds": {"watch": 7.0, "warning": 8.0, "critical": 9.0},
        "risk": {"intercept": -0.5, "columns": []},
        "customer": heads("negative"), "agent": heads("act:refu")});
    let settings = engine::Settings {
        max_alerts_per_call: MAX_ALERTS,
        max_snooze_s: MAX_SNOOZE_S,
        outcome_grace_ms: OUTCOME_GRACE_MS,
        ..engine::Settings::default()
    };
    // Alerts stay where they are: the tiers of the matrix have tests of their own.
    let matrix = "version = 1\n[budget]\nwarnings_per_team_per_hour = \"unlimited\"\n\
        [[rule]]\nname = \"all\"\n[[rule.tier]]\nnotify = [\"supervisors\"]";
    let engine = Engine::with_model(Some((&model.to_string(), "calm")), settings).unwrap();
    Arc::new(engine.with_matrix(Matrix::parse(matrix, "one tier").unwrap()))
});

const BEGIN: i64 = 1_800_000_000_000;

/// A console, and the newest offset it knows of.
#[derive(Default)]
struct Viewer {
    console: Option<Console>,
    queue: Option<&'static str>,
    offset: Option<u64>,
}

impl Viewer {
    fn filter(&self) -> Filter {
        let queues = self.queue.iter().map(|queue| (*queue).to_owned()).collect();
        Filter { queues, ..Filter::default() }
    }

    /// The numbered messages that came since the last time.
    fn read(&self) -> Vec<(u64, Shown)> {
        let frames = self.console.iter().flat_map(|console| console.queue().take(usize::MAX));
        let frames = frames.map(|frame| serde_json::from_slice::<Value>(&frame).unwrap());
        frames.filter_map(|frame| Shown::read(&frame)).collect()
    }
}

struct Trial {
    stage: Stage,
    now: Arc<AtomicI64>,
    model: Model,
    /// Time passes at one stroke. Where few ended calls are kept, it counts which of them ended
    /// first, and time passes second by second.
    jumps: bool,
    /// Sees everything at once.
    witness: Viewer,
    viewers: Vec<Viewer>,
}

impl Trial {
    fn new(limits: Limits) -> Trial {
        let now = Arc::new(AtomicI64::new(BEGIN));
        let settings = Settings {
            max_open_calls: limits.open,
            max_calls_per_connection: limits.per_connection,
            kept_calls: limits.kept,
            resume_grace_s: u32::try_from(GRACE_MS / 1_000).unwrap(),
            ..Settings::default()
        };
        let stage = Stage::new(Box::<Memory>::default(), &ENGINE, settings, CONNECTIONS, &now);
        let model = Model::new(limits, CONNECTIONS, BEGIN);
        let console = stage.desk.hub().connect("witness");
        let witness = Viewer { console, queue: None, offset: Some(0) };
        witness.console.as_ref().unwrap().subscribe(Filter::default(), None);
        let viewers = FILTERS.map(|queue| Viewer { queue, ..Viewer::default() }).into();
        Trial { stage, now, model, jumps: limits.kept > 100, witness, viewers }
    }

    /// Does it to the desk and to the model; what each of them answered.
    async fn perform(&mut self, command: &Command) -> (String, String) {
        let call_id = |call: &u8| format!("c{call}");
        let Trial { stage, model, .. } = self;
        match command {
            Command::Start { who, call, queue } => {
                let (id, queue) = (call_id(call), QUEUES[*queue]);
                let start = json!({"type": "call_start", "call_id": id, "queue": queue});
                let taken = stage.send(*who, &start.to_string()).await;
                (answer(taken), model.start(*who, &id, Some(queue.into())))
            }
            Command::Numbered { who, call, seq, what } => {
                let id = call_id(call);
                let who = who.or_else(|| model.holder(&id)).unwrap_or(0);
                let last_seq = model.last_seq(&id);
                let seq = match seq {
                    Seq::Next => last_seq + 1,
                    Seq::Low(by) => last_seq.saturating_sub(*by).max(1),
                    Seq::High(by) => last_seq + 1 + by,
                };
                let taken = stage.send(who, &text(&id, seq, what)).await;
                (answer(taken), model.numbered(who, &id, seq, what.clone()))
            }
            Command::Garbage { who, call } => {
                let broken = format!("{{\"type\":\"chunk\",\"call_id\":\"c{call}\"");
                let taken = stage.send(*who, &broken).await;
                (answer(taken), "bad_json - - for good".into())
            }
            Command::Disconnect(who) => {
                stage.disconnect(*who);
                model.disconnect(*who);
                Default::default()
            }
            Command::Hear(who) => {
                let mut lost = stage.platforms[*who].take_lost();
                lost.sort();
                (format!("{lost:?}"), format!("{:?}", model.hear(*who)))
            }
            Command::RaiseHand { who, call } => {
                let id = call_id(call);
                let answer = stage.raise_hand(PEOPLE[*who], &id).await;
                let view = stage.desk.hub().call(&id);
                let fresh = view.and_then(|call| call.view.alerts.last().cloned());
                let fresh = fresh.unwrap_or("none".into());
                (reply(answer), model.raise_hand(PEOPLE[*who], &id, &fresh))
            }
            Command::Act { who, alert, action } => {
                let alert_id = model.alert_ids().get(*alert).cloned().unwrap_or("al-0".into());
                let answer = stage.act(PEOPLE[*who], &alert_id, action.clone()).await;
                (reply(answer), model.act(PEOPLE[*who], &alert_id, action))
            }
            Command::Pass(seconds) => {
                let steps = if self.jumps { 1 } else { *seconds };
                for _ in 0..steps {
                    self.now.fetch_add(seconds / steps * 1_000, Ordering::Relaxed);
                    stage.fire().await;
                    model.pass(seconds / steps * 1_000);
                }
                Default::default()
            }
            Command::Leave(viewer) => {
                self.viewers[*viewer].console = None;
                Default::default()
            }
            Command::Return { .. } => Default::default(),
        }
    }

    async fn step(&mut self, command: &Command) -> Result<(), TestCaseError> {
        let sent = self.model.sent.len();
        let (answered, expected) = self.perform(command).await;
        prop_assert_eq!(answered, expected, "answer to {:?}", command);
        self.compare_messages(sent, command)?;
        if let Command::Return { viewer, anew } = command {
            self.come_back(*viewer, *anew)?;
        }
        self.compare_views(command)
    }

    /// What went out since, to everybody who was there.
    fn compare_messages(&mut self, from: usize, command: &Command) -> Result<(), TestCaseError> {
        let seen = self.witness.read();
        let own = &mut self.model.sent[from..];
        let offsets: Vec<u64> = seen.iter().map(|(offset, _)| *offset).collect();
        let all: Vec<u64> = (from as u64 + 1..).take(own.len()).collect();
        prop_assert_eq!(offsets, all, "offsets after {:?}", command);
        // Calls that wait for the same moment come in no order; each keeps its own.
        let mut places: Vec<usize> = (0..seen.len()).collect();
        places.sort_by(|a, b| seen[*a].1.call_id().cmp(seen[*b].1.call_id()));
        own.sort_by(|a, b| a.shown.call_id().cmp(b.shown.call_id()));
        let by_call = own.to_vec();
        for (sent, place) in by_call.into_iter().zip(places) {
            prop_assert_eq!(&seen[place].1, &sent.shown, "message after {:?}", command);
            own[place] = sent;
        }
        for viewer in &mut self.viewers {
            let Some(offset) = viewer.offset.filter(|_| viewer.console.is_some()) else { continue };
            let expected = expected(&self.model, offset, viewer.queue);
            prop_assert_eq!(viewer.read(), expected, "{:?} after {:?}", viewer.queue, command);
            viewer.offset = Some(self.model.sent.len() as u64);
        }
        Ok(())
    }

    /// A console that was away gets what it missed, once and in order, or everything.
    fn come_back(&mut self, viewer: usize, anew: bool) -> Result<(), TestCaseError> {
        let model = &self.model;
        let viewer = &mut self.viewers[viewer];
        let console = self.stage.desk.hub().connect("viewer").unwrap();
        let known = viewer.offset.filter(|_| !anew);
        let since = known.map(|offset| Since { epoch: "e".into(), offset });
        let wanted =
            |queue: &Option<String>| viewer.queue.is_none_or(|own| queue.as_deref() == Some(own));
        let calls = model.calls.keys().map(|id| model.face(id));
        let calls: Vec<CallFace> =
            calls.filter(|call| call.is_open && wanted(&call.queue)).collect();
        match console.subscribe(viewer.filter(), since.as_ref()) {
            Picture::Full { offset, calls: seen, alerts: seen_alerts } => {
                prop_assert!(known.is_none(), "since {:?} is not recovered", known);
                prop_assert_eq!(offset, model.sent.len() as u64);
                let mut seen: Vec<CallFace> = seen.iter().map(|call| (&**call).into()).collect();
                seen.sort_by(|a, b| a.call_id.cmp(&b.call_id));
                prop_assert_eq!(seen, calls);
                let mut seen: Vec<AlertFace> =
                    seen_alerts.iter().map(|alert| (&**alert).into()).collect();
                seen.sort_by(|a, b| a.alert_id.cmp(&b.alert_id));
                let mut open = model.alert_faces();
                open.retain(|alert| alert.state.is_open() && wanted(&alert.queue));
                prop_assert_eq!(seen, open);
            }
            Picture::Recovered { offset, frames } => {
                prop_assert_eq!(offset, model.sent.len() as u64);
                let frames: Vec<Value> =
                    frames.iter().map(|frame| serde_json::from_slice(frame).unwrap()).collect();
                let missed: Vec<_> = frames.iter().filter_map(Shown::read).collect();
                prop_assert_eq!(&missed, &expected(model, known.unwrap(), viewer.queue));
                let mut risks: Vec<&str> = frames[missed.len()..]
                    .iter()
                    .map(|frame| frame["call_id"].as_str().unwrap())
                    .collect();
                risks.sort_unstable();
                let open: Vec<&str> = calls.iter().map(|call| call.call_id.as_str()).collect();
                prop_assert_eq!(risks, open, "the present risk of each open call");
            }
        }
        viewer.offset = Some(model.sent.len() as u64);
        viewer.console = Some(console);
        Ok(())
    }

    /// What anybody can look up.
    fn compare_views(&self, command: &Command) -> Result<(), TestCaseError> {
        let hub = self.stage.desk.hub();
        for (id, own) in &self.model.calls {
            let call = hub.call(id).unwrap();
            prop_assert_eq!(CallFace::from(&*call.view), self.model.face(id), "{:?}", command);
            let said = call.transcript.iter().map(|said| (said.seq, said.text.to_string()));
            prop_assert_eq!(said.collect::<Vec<_>>(), own.said.clone(), "after {:?}", command);
        }
        let mut alerts: Vec<AlertFace> =
            hub.alerts_below(None, 1_000).iter().map(|alert| (&**alert).into()).collect();
        alerts.sort_by(|a, b| a.alert_id.cmp(&b.alert_id));
        prop_assert_eq!(alerts, self.model.alert_faces(), "after {:?}", command);
        Ok(())
    }
}

/// What a console that knows everything up to `offset` has to get.
fn expected(model: &Model, offset: u64, queue: Option<&str>) -> Vec<(u64, Shown)> {
    let sent = (1..).zip(&model.sent).skip(usize::try_from(offset).unwrap());
    sent.filter(|(_, sent)| sent.concerns(queue))
        .map(|(offset, sent)| (offset, sent.shown.clone()))
        .collect()
}

/// `PROPTEST_CASES` lengthens it.
fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    asked.unwrap_or(96)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn the_desk_is_its_model(
        limits in limits(),
        commands in prop::collection::vec(command(), 1..200),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut trial = Trial::new(limits);
        for command in &commands {
            runtime.block_on(trial.step(command))?;
        }
        trial.stage.crash();
    }
}
