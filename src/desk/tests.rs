mod changes;
mod clock_forward;
mod elsewhere;
mod failures;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use prometheus_client::registry::Registry;
use serde_json::{Value, json};

use super::*;
use crate::call::Timestamp;
use crate::engine::event::{Action, Event};
use crate::features::SPACE;
use crate::hub;
use crate::journal::{self, CommitError, Committed, History, Journal, Record, Writer};
use crate::wire;

/// A model of one word, so that these tests do not depend on the one that ships.
static ENGINE: LazyLock<Arc<Engine>> = LazyLock::new(|| {
    let heads = |name: &str| json!({"heads": [name], "intercepts": [-1.0], "speaks_from": [1.0], "ngrams": {"three": [1.5]}});
    engine(heads("negative"), heads("act:refu"))
});

/// An engine with these heads for customers and agents.
fn engine(customer: Value, agent: Value) -> Arc<Engine> {
    let model = json!({"format": "forewarn-model", "version": 1, "feature_space": SPACE,
        "name": "tiny", "lang": "en", "base_rate": 0.4,
        "training": {"command": "", "sources": [], "recipe": {}},
        "calibration": {"slope": 1.0, "intercept": 0.0},
        "thresholds": {"watch": -1.0, "warning": 0.0, "critical": 1.0},
        "risk": {"intercept": -0.5, "columns": []},
        "customer": customer, "agent": agent});
    let engine = Engine::with_model(Some((&model.to_string(), "tiny")), Default::default());
    Arc::new(engine.unwrap())
}

/// Remembers everything.
struct Recorder(Arc<Mutex<Vec<Record>>>);

impl Journal for Recorder {
    fn epoch(&self) -> &str {
        "e1"
    }
    fn last_offset(&self) -> u64 {
        0
    }
    fn commit(&mut self, batch: &[Record], _: u64) -> Result<(), CommitError> {
        self.0.lock().unwrap().extend_from_slice(batch);
        Ok(())
    }
    fn read_back(&mut self, _: usize) -> Result<History, CommitError> {
        Ok(History::default())
    }
}

struct Bench {
    desk: Arc<Desk>,
    now: Arc<AtomicI64>,
    records: Arc<Mutex<Vec<Record>>>,
}

impl Bench {
    fn new(settings: Settings) -> Bench {
        let records: Arc<Mutex<Vec<Record>>> = Arc::default();
        let now = Arc::new(AtomicI64::new(1_000_000));
        let clock_now = Arc::clone(&now);
        let clock =
            Clock::new(move || Timestamp(clock_now.load(Ordering::Relaxed)), || Duration::ZERO);
        let hub = Arc::new(Hub::new("e1", 0, hub::Settings::default(), hub::Metrics::default()));
        let sink = Arc::clone(&hub);
        let (_, handle) = Writer::start(
            Box::new(Recorder(Arc::clone(&records))),
            journal::Settings::default(),
            journal::Metrics::register(&mut Registry::default()),
            move |batch: &mut Vec<Committed<Publication>>| {
                sink.publish(batch.drain(..).map(|done| (done.base_offset, done.payload)));
            },
        )
        .unwrap();
        let metrics = Metrics::register(&mut Registry::default());
        let desk = Desk::new(Arc::clone(&ENGINE), hub, handle, settings, clock, metrics);
        Bench { desk: Arc::new(desk), now, records }
    }

    fn platform(&self) -> Platform {
        Platform::new(Arc::clone(&self.desk))
    }

    async fn pass(&self, ms: i64) {
        self.now.fetch_add(ms, Ordering::Relaxed);
        self.desk.fire_due().await;
        self.desk.journal.flush().await;
    }

    /// All that was journalled, as after a restart.
    fn history(&self) -> History {
        let records = self.records.lock().unwrap().clone();
        History { records, same_engine: true, ..History::default() }
    }

    /// Kinds of the events in the journal.
    async fn journalled(&self) -> Vec<String> {
        self.desk.journal.flush().await;
        let records = self.records.lock().unwrap();
        let kinds = records.iter().map(|record| {
            let event = serde_json::to_value(&record.recorded.event).unwrap();
            event["type"].as_str().unwrap().to_owned()
        });
        kinds.collect()
    }

    fn state(&self, call_id: &str) -> Value {
        serde_json::to_value(self.desk.hub.call(call_id).unwrap().view).unwrap()
    }
}

async fn send(platform: &mut Platform, message: Value) -> String {
    let text = message.to_string();
    let message = wire::decode(&text, &wire::Settings::default());
    let desk = Arc::clone(platform.desk());
    let permit = desk.journal.permit().await.unwrap();
    shown(platform.take(message, Instant::now(), permit))
}

/// What was answered, in few words.
fn shown(taken: Taken) -> String {
    let now = taken.now.map(|now| match now {
        Now::Nack { expected, .. } => format!("nack {expected}"),
        Now::Refused(problem) => problem.code.name().to_owned(),
    });
    let later = taken.later.map(|(_, later)| match later {
        Later::Started { last_seq, reopened, ended, .. } => {
            let more = if reopened { " reopened" } else { "" };
            format!("started {last_seq}{more}{}", if ended { " ended" } else { "" })
        }
        Later::Ack { seq, .. } => format!("ack {seq}"),
    });
    [now, later].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn start(call_id: &str) -> Value {
    json!({"type": "call_start", "call_id": call_id, "queue": "billing"})
}

fn chunk(call_id: &str, seq: u64, text: &str) -> Value {
    json!({"type": "chunk", "call_id": call_id, "seq": seq, "speaker": "customer", "text": text})
}

fn end(call_id: &str, seq: u64) -> Value {
    json!({"type": "call_end", "call_id": call_id, "seq": seq})
}

#[tokio::test]
async fn messages_count_in_order_and_once() {
    let bench = Bench::new(Settings::default());
    let mut platform = bench.platform();
    assert_eq!(send(&mut platform, chunk("c", 1, "hello")).await, "unknown_call");
    assert_eq!(send(&mut platform, start("c")).await, "started 0");
    assert_eq!(send(&mut platform, chunk("c", 1, "hello")).await, "ack 1");
    assert_eq!(send(&mut platform, chunk("c", 1, "hello")).await, "ack 1");
    assert_eq!(send(&mut platform, chunk("c", 3, "three")).await, "nack 2");
    assert_eq!(send(&mut platform, chunk("c", 4, "four")).await, "");
    assert_eq!(send(&mut platform, chunk("c", 2, "two")).await, "ack 2");
    assert_eq!(send(&mut platform, chunk("c", 4, "four")).await, "nack 3");
    assert_eq!(send(&mut platform, chunk("c", 3, "three")).await, "ack 3");
    assert_eq!(send(&mut platform, end("c", 4)).await, "ack 4");
    assert_eq!(send(&mut platform, end("c", 4)).await, "ack 4");
    assert_eq!(send(&mut platform, chunk("c", 5, "more")).await, "call_ended");
    assert_eq!(send(&mut platform, start("c")).await, "started 4 ended");
    assert_eq!(platform.held_calls(), 0);
    assert_eq!(bench.journalled().await, ["start", "chunk", "chunk", "chunk", "end"]);
    assert_eq!(bench.state("c")["state"], "ended");
}

#[tokio::test]
async fn a_refused_message_holds_its_place() {
    let bench = Bench::new(Settings::default());
    let mut platform = bench.platform();
    send(&mut platform, start("c")).await;
    let bad = |seq: u64| json!({"type": "chunk", "call_id": "c", "seq": seq, "text": "x"});
    assert_eq!(send(&mut platform, bad(1)).await, "bad_message, ack 1");
    assert_eq!(send(&mut platform, bad(3)).await, "nack 2");
    assert_eq!(send(&mut platform, bad(3)).await, "");
    assert_eq!(send(&mut platform, chunk("c", 2, "good")).await, "ack 2");
    // At or below what is held: acked again without other effect, whatever it says.
    assert_eq!(send(&mut platform, bad(2)).await, "ack 2");
    let unknown = json!({"type": "hello", "call_id": "c", "seq": 3});
    assert_eq!(send(&mut platform, unknown).await, "unknown_type, ack 3");
    assert_eq!(send(&mut platform, json!({"call_id": "c"})).await, "bad_message");
    assert_eq!(bench.journalled().await, ["start", "refused", "chunk", "refused"]);
}

#[tokio::test]
async fn a_refused_message_of_a_call_that_is_over_is_acked_again() {
    let bench = Bench::new(Settings::default());
    let mut platform = bench.platform();
    let bad =
        |seq: u64| json!({"type": "chunk", "call_id": "c", "seq": seq, "speaker": "customer"});
    send(&mut platform, start("c")).await;
    assert_eq!(send(&mut platform, bad(1)).await, "bad_message, ack 1");
    send(&mut platform, end("c", 2)).await;
    // As a platform does that lost the ack with its connection.
    let mut again = bench.platform();
    assert_eq!(send(&mut again, start("c")).await, "started 2 ended");
    assert_eq!(send(&mut again, bad(1)).await, "ack 2");
    assert_eq!(send(&mut again, bad(3)).await, "bad_message");
}

#[tokio::test]
async fn null_removes_an_attribute_also_at_the_start() {
    let bench = Bench::new(Settings::default());
    let mut platform = bench.platform();
    let mut message = start("c");
    message["attributes"] = json!({"tier": null, "n": 1});
    send(&mut platform, message).await;
    bench.desk.journal.flush().await;
    assert_eq!(bench.state("c")["attributes"], json!({"n": 1}));
}

#[tokio::test]
async fn attributes_of_a_call_are_bounded() {
    let bench = Bench::new(Settings { max_call_attributes_bytes: 100, ..Settings::default() });
    let mut platform = bench.platform();
    send(&mut platform, start("c")).await;
    for seq in 1..=10 {
        let update = json!({"type": "call_update", "call_id": "c", "seq": seq,
            "attributes": {"hold": seq % 2 == 0, "note": "the same again"}});
        assert_eq!(send(&mut platform, update).await, format!("ack {seq}"));
    }
    let update = json!({"type": "call_update", "call_id": "c", "seq": 11,
        "attributes": {"more": "x".repeat(90)}});
    assert_eq!(send(&mut platform, update).await, "bad_message, ack 11");
}

#[tokio::test]
async fn calls_of_one_connection_are_bounded() {
    let bench = Bench::new(Settings { max_calls_per_connection: 2, ..Settings::default() });
    let (mut one, mut other) = (bench.platform(), bench.platform());
    for call in ["a", "b"] {
        assert_eq!(send(&mut one, start(call)).await, "started 0");
    }
    assert_eq!(send(&mut one, start("c")).await, "too_many_calls");
    assert_eq!(send(&mut one, start("b")).await, "started 0", "it is this connection's own");
    assert_eq!(send(&mut other, start("c")).await, "started 0");
    send(&mut one, end("a", 1)).await;
    assert_eq!(send(&mut one, start("c")).await, "started 0");
    assert_eq!(bench.desk.metrics.too_many.get(), 1);
}

#[tokio::test]
async fn a_long_call_is_archived_in_parts() {
    let settings = Settings { max_unarchived_bytes: 1_000, ..Settings::default() };
    let bench = Bench::new(settings.clone());
    let mut platform = bench.platform();
    send(&mut platform, start("c")).await;
    for seq in 1..=20 {
        send(&mut platform, chunk("c", seq, &"word ".repeat(60))).await;
        let call = bench.desk.shelf.live("c").unwrap();
        assert!(call.lock().said_bytes <= settings.max_unarchived_bytes);
    }
    send(&mut platform, end("c", 21)).await;
    bench.desk.journal.flush().await;
    let records = bench.records.lock().unwrap();
    let archives: Vec<_> = records.iter().filter_map(|record| record.archive.as_ref()).collect();
    let parts = archives.len() as u64 - 1;
    assert!(parts >= 4 && bench.desk.metrics.early_archives.get() == parts, "{parts}");
    let seqs = archives.iter().flat_map(|archive| archive.said.iter().map(|said| said.seq));
    assert_eq!(seqs.collect::<Vec<_>>(), (1..=20).collect::<Vec<_>>(), "each once, in order");
    let (last, early) = archives.split_last().unwrap();
    assert!(last.is_final && early.iter().all(|archive| !archive.is_final));
}

#[tokio::test]
async fn a_call_goes_to_who_started_it_last() {
    let bench = Bench::new(Settings::default());
    let (mut old, mut new) = (bench.platform(), bench.platform());
    send(&mut old, start("c")).await;
    send(&mut old, start("d")).await;
    send(&mut old, chunk("c", 1, "one")).await;
    assert_eq!(send(&mut new, start("c")).await, "started 1");
    assert_eq!(send(&mut old, chunk("c", 2, "two")).await, "taken_over");
    assert_eq!(send(&mut old, chunk("d", 1, "one")).await, "ack 1");
    assert_eq!(send(&mut new, start("d")).await, "started 1");
    assert_eq!(old.take_lost(), [Arc::from("d")]);
    assert_eq!(old.held_calls(), 0);
    assert_eq!(send(&mut new, chunk("c", 2, "two")).await, "ack 2");
    drop(old);
    bench.pass(61_000).await;
    assert_eq!(bench.state("c")["state"], "open");
}

#[tokio::test]
async fn a_call_lost_twice_is_told_once() {
    let bench = Bench::new(Settings::default());
    let (mut one, mut other) = (bench.platform(), bench.platform());
    for _ in 0..2 {
        send(&mut one, start("c")).await;
        send(&mut other, start("c")).await;
    }
    assert_eq!(one.take_lost(), [Arc::from("c")]);
    assert_eq!((one.take_lost().len(), one.held_calls(), other.held_calls()), (0, 0, 1));
}

#[tokio::test]
async fn an_absent_platform_ends_its_calls_and_may_come_back() {
    let bench = Bench::new(Settings::default());
    let mut first = bench.platform();
    send(&mut first, start("c")).await;
    send(&mut first, chunk("c", 1, "one")).await;
    drop(first);
    bench.pass(59_000).await;
    let mut second = bench.platform();
    assert_eq!(send(&mut second, start("c")).await, "started 1");
    bench.pass(60_000).await;
    assert_eq!(bench.state("c")["state"], "open");
    drop(second);
    bench.pass(60_000).await;
    let state = bench.state("c");
    assert_eq!((&state["state"], &state["reason"]), (&json!("ended"), &json!("abandoned")));
    let mut third = bench.platform();
    assert_eq!(send(&mut third, chunk("c", 2, "two")).await, "unknown_call");
    assert_eq!(send(&mut third, start("c")).await, "started 1 reopened");
    assert_eq!(send(&mut third, chunk("c", 2, "two")).await, "ack 2");
    assert_eq!(bench.journalled().await, ["start", "chunk", "abandoned", "reopened", "chunk"]);
    assert_eq!(bench.state("c")["state"], "open");
}

#[tokio::test]
async fn open_and_ended_calls_are_bounded() {
    let settings =
        Settings { max_open_calls: 2, kept_calls: 1, remembered_calls: 1, ..Settings::default() };
    let bench = Bench::new(settings);
    let mut platform = bench.platform();
    send(&mut platform, start("a")).await;
    send(&mut platform, start("b")).await;
    assert_eq!(send(&mut platform, start("c")).await, "too_many_calls");
    for call in ["a", "b"] {
        send(&mut platform, end(call, 1)).await;
    }
    assert_eq!(send(&mut platform, start("a")).await, "started 1 ended");
    assert_eq!(send(&mut platform, chunk("a", 1, "again")).await, "ack 1");
    for call in ["c", "d", "e"] {
        assert_eq!(send(&mut platform, start(call)).await, "started 0");
        send(&mut platform, end(call, 1)).await;
    }
    // Long forgotten: it begins anew.
    assert_eq!(send(&mut platform, start("a")).await, "started 0");
}

#[tokio::test]
async fn of_two_people_one_wins() {
    let bench = Bench::new(Settings::default());
    let mut platform = bench.platform();
    send(&mut platform, start("c")).await;
    let person = |name: &str| Person::new(Arc::clone(&bench.desk), name.into());
    let (mut first, mut second) = (person("sup-1"), person("sup-2"));
    let code = |answer: Answer| match answer {
        Answer::Done(_) => "done".to_owned(),
        Answer::Elsewhere(call_id) => format!("elsewhere {call_id}"),
        Answer::Refused(refusal) => refusal.code.to_owned(),
    };
    let desk = Arc::clone(&bench.desk);
    let room = || async { desk.journal.permit().await.unwrap() };
    assert_eq!(code(first.raise_hand("nobody", None, room().await)), "not_found");
    assert_eq!(code(first.raise_hand("c", Some("fee".into()), room().await)), "done");
    bench.desk.journal.flush().await;
    let alert_id = bench.state("c")["alerts"][0].as_str().unwrap().to_owned();
    assert_eq!(code(first.act("al-0", Action::Acknowledge, room().await)), "not_found");
    assert_eq!(code(first.act(&alert_id, Action::Acknowledge, room().await)), "done");
    assert_eq!(code(first.act(&alert_id, Action::Acknowledge, room().await)), "done");
    let Answer::Refused(refusal) = second.act(&alert_id, Action::Acknowledge, room().await) else {
        panic!("the second must lose")
    };
    assert_eq!(refusal.code, "already_acknowledged");
    assert!(refusal.message.starts_with("by sup-1 at "), "{}", refusal.message);
    send(&mut platform, end("c", 1)).await;
    bench.pass(14 * 60 * 1_000).await;
    assert_eq!(bench.state("c")["alerts"].as_array().unwrap().len(), 1);
    bench.pass(60 * 1_000).await;
    assert_eq!(bench.state("c")["alerts"].as_array().unwrap().len(), 0);
    assert_eq!(code(second.act(&alert_id, Action::Acknowledge, room().await)), "already_resolved");
    assert_eq!(bench.journalled().await, ["start", "raise_hand", "command", "end", "timer"]);
}

#[tokio::test]
async fn the_fold_over_the_journal_is_the_same_desk() {
    let bench = Bench::new(Settings::default());
    let mut platform = bench.platform();
    for call in ["c", "d"] {
        send(&mut platform, start(call)).await;
        send(&mut platform, chunk(call, 1, "I have called three times about this")).await;
        send(&mut platform, chunk(call, 2, "I want to speak to your supervisor")).await;
    }
    send(&mut platform, end("d", 3)).await;
    bench.desk.journal.flush().await;
    let again = Bench::new(Settings::default());
    again.desk.recover(bench.history());
    for call in ["c", "d"] {
        assert_eq!(again.state(call), bench.state(call));
        let transcripts = [&again, &bench].map(|one| one.desk.hub.call(call).unwrap().transcript);
        assert_eq!(transcripts[0], transcripts[1]);
    }
    let mut platform = again.platform();
    assert_eq!(send(&mut platform, start("c")).await, "started 2");
    assert_eq!(send(&mut platform, start("d")).await, "started 3 ended");
    assert_eq!(send(&mut platform, chunk("c", 3, "hello")).await, "ack 3");
}

#[tokio::test]
async fn offsets_follow_from_the_records() {
    let bench = Bench::new(Settings::default());
    let mut platform = bench.platform();
    for call in ["c", "d", "e"] {
        send(&mut platform, start(call)).await;
        send(&mut platform, chunk(call, 1, "hello")).await;
        send(&mut platform, end(call, 2)).await;
    }
    bench.desk.journal.flush().await;
    assert_eq!(bench.desk.hub.offset(), 6);
    let records = bench.records.lock().unwrap();
    let starts = records.iter().filter(|r| matches!(r.recorded.event, Event::Start(_)));
    assert_eq!(starts.map(|record| record.base_offset).collect::<Vec<_>>(), [0, 2, 4]);
}

#[tokio::test]
async fn an_abandoned_call_that_had_to_go_does_not_come_back() {
    let bench = Bench::new(Settings { kept_calls: 0, ..Settings::default() });
    let mut platform = bench.platform();
    send(&mut platform, start("c")).await;
    send(&mut platform, chunk("c", 1, "one")).await;
    drop(platform);
    bench.pass(60_000).await;
    assert_eq!(bench.journalled().await, ["start", "chunk", "abandoned", "forgotten"]);
    let records = bench.history().records;
    let finals = records.iter().map(|record| record.archive.as_ref().map(|a| a.is_final));
    assert_eq!(finals.collect::<Vec<_>>(), [None, None, Some(false), Some(true)]);
    let again = Bench::new(Settings::default());
    again.desk.recover(bench.history());
    for bench in [&bench, &again] {
        let mut platform = bench.platform();
        assert_eq!(send(&mut platform, start("c")).await, "started 0");
        assert_eq!(send(&mut platform, chunk("c", 1, "another")).await, "ack 1");
        bench.desk.journal.flush().await;
        let transcript = bench.desk.hub.call("c").unwrap().transcript;
        let texts: Vec<_> = transcript.iter().map(|said| &*said.text).collect();
        assert_eq!(texts, ["another"], "a call of its own");
    }
}
