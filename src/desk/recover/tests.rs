//! Two desks get the same commands; one of them crashes again and again.

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::desk::Settings;
use crate::desk::stage::Stage;
use crate::engine::event::{Action, Resolution};
use crate::engine::{DEFAULT_PHRASES, Engine};
use crate::journal::sqlite::Sqlite;
use crate::journal::{self, Journal, Memory};

/// Versions of the rules that differ in what they wait for, and for how long.
static ENGINES: LazyLock<[Arc<Engine>; 3]> = LazyLock::new(|| {
    let shipped = Engine::with_model(None, Default::default()).unwrap();
    let rules = |seconds: u32, word: &str| {
        let rule = |id: &str, when: &str| {
            format!("[[rule]]\nid = \"{id}\"\nlabel = \"l\"\nlevel = \"warning\"\n{when}\n")
        };
        let text = [
            "version = 1\n".to_owned(),
            rule("word", &format!("when.said = [\"{word}\"]")),
            rule("quiet", &format!("when.silence.over_s = {seconds}")),
            rule("hold", &format!("when.hold.over_s = {}", seconds + 20)),
            rule(
                "unanswered",
                &format!(
                    "when.not_followed = {{ first = [\"refund\", \"{word}\"], then = [\"helps\"], \
                     within_s = {seconds} }}"
                ),
            ),
            rule("twice", "when.count = { of = [\"manager\"], times = 2, within_s = 60 }"),
        ];
        Arc::new(shipped.with_rules(&text.concat(), "test").unwrap())
    };
    [
        rules(5, "ridiculous"),
        rules(17, "complaint"),
        Arc::new(shipped.with_rules(DEFAULT_PHRASES, "t").unwrap()),
    ]
});

const LINES: [&str; 6] = [
    "I have called three times about this and nobody calls me back",
    "this is ridiculous, get me your manager right now",
    "unfortunately our policy does not allow a refund",
    "I am really fed up, I will cancel everything and file a complaint",
    "thank you, that helps a lot",
    "",
];

/// A desk with one connection.
fn set_up(journal: Box<dyn Journal>, now: &Arc<AtomicI64>, engine: &Arc<Engine>) -> Stage {
    let settings = Settings { max_open_calls: 5, ..Settings::default() };
    Stage::new(journal, engine, settings, 1, now)
}

/// Says something to a desk; answers as text.
async fn send(stage: &mut Stage, message: &Value) -> String {
    let taken = stage.send(0, &message.to_string()).await;
    format!("{:?} {:?}", taken.now, taken.later.map(|(_, later)| later))
}

#[derive(Clone, Debug)]
enum Command {
    Start(u8),
    Chunk { call: u8, line: usize, customer: bool, partial: bool },
    Update(u8),
    End { call: u8, escalated: bool },
    Acknowledge(usize),
    Snooze(usize),
    Resolve(usize),
    RaiseHand(u8),
    Pass(i64),
    Disconnect,
    Reload(usize),
    Crash,
}

fn command() -> impl Strategy<Value = Command> {
    use Command::*;
    let call = || 0..8_u8;
    let chunk = (call(), 0..LINES.len(), any::<bool>(), 0..5_u8).prop_map(
        |(call, line, customer, partial)| Chunk { call, line, customer, partial: partial == 0 },
    );
    prop_oneof![
        6 => call().prop_map(Start),
        24 => chunk,
        2 => call().prop_map(Update),
        2 => (call(), any::<bool>()).prop_map(|(call, escalated)| End { call, escalated }),
        2 => (0..9_usize).prop_map(Acknowledge),
        2 => (0..9_usize).prop_map(Snooze),
        2 => (0..9_usize).prop_map(Resolve),
        1 => call().prop_map(RaiseHand),
        3 => (1..90_i64).prop_map(Pass),
        1 => Just(Disconnect),
        2 => (0..ENGINES.len()).prop_map(Reload),
        3 => Just(Crash),
    ]
}

/// The numbers that calls have reached, to send what is next in line.
fn next_seq(stage: &Stage, call_id: &str) -> u64 {
    stage.desk.hub().call(call_id).map_or(1, |call| call.view.last_seq + 1)
}

/// Does the same to a stage; answers as text.
async fn perform(
    stage: &mut Stage,
    now: &AtomicI64,
    command: &Command,
    alerts: &[String],
    seq: u64,
) -> String {
    let before = now.load(Ordering::Relaxed);
    let call_id = |call: &u8| format!("c{call}");
    let alert = |place: &usize| alerts.get(*place).cloned().unwrap_or("al-0".into());
    match command {
        Command::Start(call) => {
            let message = json!({"type": "call_start", "call_id": call_id(call), "queue": "q1",
                "attributes": {"tier": "gold"}, "started_at": "2026-11-22T03:40:00Z"});
            send(stage, &message).await
        }
        Command::Chunk { call, line, customer, partial } => {
            let speaker = if *customer { "customer" } else { "agent" };
            let mut message = json!({"type": "chunk", "call_id": call_id(call), "seq": seq,
                "speaker": speaker, "text": LINES[*line], "start_ms": seq * 4_000,
                "end_ms": seq * 4_000 + 3_000, "final": !partial});
            if *partial {
                message["segment_id"] = json!(format!("s{}", seq / 3));
            }
            send(stage, &message).await
        }
        Command::Update(call) => {
            let message = json!({"type": "call_update", "call_id": call_id(call), "seq": seq,
                "queue": format!("q{seq}"), "attributes": {"hold": true, "tier": null}});
            send(stage, &message).await
        }
        Command::End { call, escalated } => {
            let message = json!({"type": "call_end", "call_id": call_id(call), "seq": seq,
                "reason": "completed", "outcome": {"escalated": escalated}});
            send(stage, &message).await
        }
        Command::Acknowledge(place) => {
            format!("{:?}", stage.act("sup-1", &alert(place), Action::Acknowledge).await)
        }
        Command::Snooze(place) => {
            format!("{:?}", stage.act("sup-2", &alert(place), Action::Snooze { for_s: 30 }).await)
        }
        Command::Resolve(place) => {
            let action = Action::Resolve { outcome: Resolution::Averted, note: None };
            format!("{:?}", stage.act("sup-2", &alert(place), action).await)
        }
        Command::RaiseHand(call) => {
            format!("{:?}", stage.raise_hand("agent", &call_id(call)).await)
        }
        Command::Pass(seconds) => {
            // In small steps, so that what is due at other times happens at other times.
            for second in 1..=*seconds {
                now.store(before + second * 1_000, Ordering::Relaxed);
                stage.fire().await;
            }
            String::new()
        }
        Command::Reload(engine) => {
            format!("{:?}", stage.desk.use_engine(Arc::clone(&ENGINES[*engine])))
        }
        Command::Disconnect | Command::Crash => {
            stage.disconnect(0);
            String::new()
        }
    }
}

fn on_disk(dir: &Path, history_messages: u64) -> Box<dyn Journal> {
    let settings = journal::Settings { history_messages, ..journal::Settings::default() };
    Box::new(Sqlite::open(dir, &settings, ENGINES[0].fingerprint()).unwrap())
}

async fn compare(commands: Vec<Command>, history_messages: u64) -> Result<(), TestCaseError> {
    let whole = history_messages > 0;
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(1_800_000_000_000));
    let mut steady = set_up(Box::<Memory>::default(), &now, &ENGINES[0]);
    let mut shaken = set_up(on_disk(dir.path(), history_messages), &now, &ENGINES[0]);
    for command in commands.iter().chain([&Command::Crash]) {
        let before = now.load(Ordering::Relaxed);
        let mut alerts = steady.desk.hub().alerts_below(None, 1_000);
        alerts.retain(|alert| whole || alert.state.is_open());
        let alerts: Vec<String> = alerts.iter().map(|alert| alert.alert_id.clone()).collect();
        let seq = match command {
            Command::Chunk { call, .. } | Command::Update(call) | Command::End { call, .. } => {
                next_seq(&steady, &format!("c{call}"))
            }
            _ => 0,
        };
        if matches!(command, Command::Crash) {
            // A restart gives every open call its whole grace again.
            steady.hold_open_calls().await;
        }
        let expected = perform(&mut steady, &now, command, &alerts, seq).await;
        now.store(before, Ordering::Relaxed);
        if matches!(command, Command::Crash) {
            shaken.crash();
            let present = steady.desk.engine();
            shaken = set_up(on_disk(dir.path(), history_messages), &now, &present);
        }
        let answered = perform(&mut shaken, &now, command, &alerts, seq).await;
        if whole {
            prop_assert_eq!(answered, expected, "{:?}", command);
        }
        prop_assert_eq!(shaken.seen(whole), steady.seen(whole), "after {:?}", command);
    }
    for offset in 0..=steady.desk.hub().offset() {
        let missed = shaken.missed(offset);
        if whole || missed.is_some() {
            prop_assert_eq!(missed, steady.missed(offset), "since {}", offset);
        }
    }
    shaken.crash();
    steady.crash();
    Ok(())
}

/// Each case is some hundred commits with their fsyncs.
fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    asked.map_or(12, |cases: u32| cases.min(120))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    /// With a history that reaches back to the start, nobody can tell the desks apart; without
    /// one, nobody who looks at open calls can.
    #[test]
    fn a_desk_that_crashes_is_the_desk_that_did_not(
        commands in prop::collection::vec(command(), 1..150),
        history_messages in prop_oneof![Just(0_u64), Just(100_000_u64)],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(compare(commands, history_messages))?;
    }
}

#[tokio::test]
async fn what_fell_due_while_the_server_was_down_waits_for_everybody_to_be_back() {
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(1_800_000_000_000));
    let mut stage = set_up(on_disk(dir.path(), 100), &now, &ENGINES[0]);
    send(&mut stage, &json!({"type": "call_start", "call_id": "c"})).await;
    stage.raise_hand("agent", "c").await;
    let alert_id = stage.desk.hub().call("c").unwrap().view.alerts[0].clone();
    stage.act("sup", &alert_id, Action::Snooze { for_s: 30 }).await;
    stage.crash();
    now.fetch_add(3_600_000, Ordering::Relaxed);
    let stage = set_up(on_disk(dir.path(), 100), &now, &ENGINES[0]);
    let history = || stage.desk.hub().alert(&alert_id).unwrap().history.len();
    for (pass_ms, entries) in [(0, 2), (9_000, 2), (1_000, 3), (1_000, 3)] {
        now.fetch_add(pass_ms, Ordering::Relaxed);
        stage.fire().await;
        assert_eq!(history(), entries, "after {pass_ms} ms more");
    }
    // The platform has its grace from the start on.
    assert!(stage.desk.hub().call("c").unwrap().view.ended_at.is_none());
    now.fetch_add(60_000, Ordering::Relaxed);
    stage.fire().await;
    assert_eq!(stage.desk.hub().call("c").unwrap().view.reason.as_deref(), Some("abandoned"));
    stage.crash();
}
