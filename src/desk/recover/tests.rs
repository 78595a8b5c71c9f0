//! Two desks get the same commands; one of them crashes again and again.

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::call::Timestamp;
use crate::desk::Settings;
use crate::desk::stage::Stage;
use crate::engine::event::{Action, Resolution};
use crate::engine::matrix::Matrix;
use crate::engine::{DEFAULT_PHRASES, Engine};
use crate::journal::sqlite::Sqlite;
use crate::journal::{self, Journal, Memory};

/// Tiers that pass while the tests wait, and a budget that is soon spent.
const MATRIX: &str = r#"
version = 1
[budget]
warnings_per_team_per_hour = 1
[[rule]]
name = "retention"
teams = ["t1"]
[[rule.tier]]
notify = ["team:{team}:supervisors"]
within_s = 25
[[rule.tier]]
notify = ["user:sup"]
within_s = 40
[[rule.tier]]
notify = ["supervisors"]
[[rule]]
name = "others"
[[rule.tier]]
notify = ["team:{team}:supervisors", "agent:a1"]
within_s = 33
[[rule.tier]]
notify = ["supervisors"]
"#;

fn engine(matrix: Matrix) -> Arc<Engine> {
    Arc::new(Engine::with_model(None, Default::default()).unwrap().with_matrix(matrix))
}

static ENGINE: LazyLock<Arc<Engine>> =
    LazyLock::new(|| engine(Matrix::parse(MATRIX, "m").unwrap()));
/// What a budget counts is forgotten with the calls, so a journal that keeps none has none.
static UNLIMITED: LazyLock<Arc<Engine>> =
    LazyLock::new(|| engine(Matrix::parse(MATRIX, "m").unwrap().without_budget()));

/// Each of them with the rules that ship, and with others that differ in what they wait for and
/// for how long.
static VERSIONS: LazyLock<[[Arc<Engine>; 3]; 2]> = LazyLock::new(|| {
    [&ENGINE, &UNLIMITED].map(|shipped| {
        let with = |seconds: u32, word: &str| {
            Arc::new(shipped.with_rules(&rules(seconds, word), "test").unwrap())
        };
        [Arc::clone(shipped), with(5, "ridiculous"), with(17, "complaint")]
    })
});

fn rules(seconds: u32, word: &str) -> String {
    let rule = |id: &str, when: &str| {
        format!("[[rule]]\nid = \"{id}\"\nlabel = \"l\"\nlevel = \"warning\"\n{when}\n")
    };
    let unanswered = format!(
        "when.not_followed = {{ first = [\"refund\", \"{word}\"], then = [\"helps\"], \
         within_s = {seconds} }}"
    );
    [
        DEFAULT_PHRASES,
        &rule("word", &format!("when.said = [\"{word}\"]")),
        &rule("quiet", &format!("when.silence.over_s = {seconds}")),
        &rule("hold", &format!("when.hold.over_s = {}", seconds + 20)),
        &rule("unanswered", &unanswered),
        &rule("twice", "when.count = { of = [\"manager\"], times = 2, within_s = 60 }"),
    ]
    .concat()
}

const LINES: [&str; 9] = [
    "I have called three times about this and nobody calls me back",
    "this is ridiculous, get me your manager right now",
    "unfortunately our policy does not allow a refund",
    "I am really fed up, I will cancel everything and file a complaint",
    "you lying crooks",
    "please close my account",
    "oh go to hell",
    "thank you, that helps a lot",
    "",
];

/// Those that raise a warning, or turn it critical.
const WARNINGS: std::ops::Range<usize> = 4..7;

/// A desk with one connection, and somebody who looks at everything.
fn set_up(engine: &Arc<Engine>, journal: Box<dyn Journal>, now: &Arc<AtomicI64>) -> Stage {
    // A desk that crashes makes engines anew, and would come to their limit at another time.
    let max_rulesets = usize::MAX;
    let settings = Settings { max_open_calls: 5, max_rulesets, ..Settings::default() };
    let mut stage = Stage::new(journal, engine, settings, 1, now);
    stage.seat(true);
    stage
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
    Assign(usize),
    Pass(i64),
    PassAnHour,
    Seat(bool),
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
    let warning = (call(), WARNINGS).prop_map(|(call, line)| Chunk {
        call,
        line,
        customer: true,
        partial: false,
    });
    prop_oneof![
        6 => call().prop_map(Start),
        24 => chunk,
        8 => warning,
        2 => call().prop_map(Update),
        2 => (call(), any::<bool>()).prop_map(|(call, escalated)| End { call, escalated }),
        2 => (0..9_usize).prop_map(Acknowledge),
        2 => (0..9_usize).prop_map(Snooze),
        2 => (0..9_usize).prop_map(Resolve),
        1 => call().prop_map(RaiseHand),
        1 => (0..9_usize).prop_map(Assign),
        4 => (1..90_i64).prop_map(Pass),
        2 => Just(PassAnHour),
        2 => any::<bool>().prop_map(Seat),
        1 => Just(Disconnect),
        2 => (0..VERSIONS[0].len()).prop_map(Reload),
        3 => Just(Crash),
    ]
}

/// The numbers that calls have reached, to send what is next in line.
fn next_seq(stage: &Stage, call_id: &str) -> u64 {
    stage.desk.hub().call(call_id).map_or(1, |call| call.view.last_seq + 1)
}

/// In small steps, so that what is due at other times happens at other times.
async fn pass(stage: &Stage, now: &AtomicI64, seconds: i64) -> String {
    for _ in 0..seconds {
        now.fetch_add(1_000, Ordering::Relaxed);
        stage.desk.fire_due().await;
    }
    stage.desk.journal().flush().await;
    String::new()
}

/// Does the same to a stage; answers as text.
async fn perform(
    stage: &mut Stage,
    now: &AtomicI64,
    command: &Command,
    alerts: &[String],
    seq: u64,
) -> String {
    let call_id = |call: &u8| format!("c{call}");
    let alert = |place: &usize| alerts.get(*place).cloned().unwrap_or("al-0".into());
    match command {
        Command::Start(call) => {
            let message = json!({"type": "call_start", "call_id": call_id(call), "queue": "q1",
                "team": format!("t{}", call % 3), "attributes": {"tier": "gold"},
                "started_at": "2026-11-22T03:40:00Z"});
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
                "queue": format!("q{seq}"), "team": format!("t{}", seq % 3), "attributes": {"hold": true, "tier": null}});
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
        Command::Assign(place) => {
            let action = Action::Assign { to: "sup-3".into(), from: None };
            format!("{:?}", stage.act("sup-2", &alert(place), action).await)
        }
        Command::RaiseHand(call) => {
            format!("{:?}", stage.raise_hand("agent", &call_id(call)).await)
        }
        Command::Pass(seconds) => pass(stage, now, *seconds).await,
        Command::PassAnHour => pass(stage, now, 3_601).await,
        Command::Seat(present) => {
            stage.seat(*present);
            String::new()
        }
        Command::Reload(version) => {
            let unlimited = stage.desk.engine().matrix.warnings_per_hour().is_none();
            let engine = &VERSIONS[usize::from(unlimited)][*version];
            stage.desk.use_engine(Arc::clone(engine)).unwrap();
            String::new()
        }
        Command::Disconnect => {
            stage.disconnect(0);
            String::new()
        }
        Command::Crash => {
            stage.disconnect(0);
            // Whoever is back within the pause after a restart was never away.
            stage.seat(true);
            pass(stage, now, 11).await
        }
    }
}

fn on_disk(engine: &Engine, dir: &Path, history_messages: u64) -> Box<dyn Journal> {
    let settings = journal::Settings { history_messages, ..journal::Settings::default() };
    Box::new(Sqlite::open(dir, &settings, engine.fingerprint()).unwrap())
}

async fn compare(commands: Vec<Command>, history_messages: u64) -> Result<(), TestCaseError> {
    let whole = history_messages > 0;
    let engine = if whole { &*ENGINE } else { &*UNLIMITED };
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(1_800_000_000_000));
    let mut steady = set_up(engine, Box::<Memory>::default(), &now);
    let mut shaken = set_up(engine, on_disk(engine, dir.path(), history_messages), &now);
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
        steady.fire().await;
        now.store(before, Ordering::Relaxed);
        if matches!(command, Command::Crash) {
            shaken.crash();
            let present = steady.desk.engine();
            shaken = set_up(&present, on_disk(engine, dir.path(), history_messages), &now);
        }
        let answered = perform(&mut shaken, &now, command, &alerts, seq).await;
        shaken.fire().await;
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
    let mut stage = set_up(&ENGINE, on_disk(&ENGINE, dir.path(), 100), &now);
    send(&mut stage, &json!({"type": "call_start", "call_id": "c"})).await;
    stage.raise_hand("agent", "c").await;
    let alert_id = stage.desk.hub().call("c").unwrap().view.alerts[0].clone();
    stage.act("sup", &alert_id, Action::Snooze { for_s: 30 }).await;
    stage.crash();
    now.fetch_add(3_600_000, Ordering::Relaxed);
    let stage = set_up(&ENGINE, on_disk(&ENGINE, dir.path(), 100), &now);
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

/// The alert of a raised hand in call `c` of team `t1`: tiers of 25 s, 40 s and the last.
async fn raised(stage: &mut Stage) -> String {
    send(stage, &json!({"type": "call_start", "call_id": "c", "team": "t1"})).await;
    stage.raise_hand("agent", "c").await;
    stage.desk.hub().call("c").unwrap().view.alerts[0].clone()
}

fn whats(stage: &Stage, alert_id: &str) -> Vec<String> {
    let alert = stage.desk.hub().alert(alert_id).unwrap();
    alert.history.iter().filter_map(|entry| entry.what.clone()).collect()
}

#[tokio::test]
async fn the_time_of_a_tier_goes_on_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(1_800_000_000_000));
    let mut stage = set_up(&ENGINE, on_disk(&ENGINE, dir.path(), 100), &now);
    let alert_id = raised(&mut stage).await;
    let due = stage.desk.hub().alert(&alert_id).unwrap().next_tier_at.unwrap();
    assert_eq!(due, Timestamp(1_800_000_025_000));
    stage.crash();
    now.fetch_add(20_000, Ordering::Relaxed);
    let mut stage = set_up(&ENGINE, on_disk(&ENGINE, dir.path(), 100), &now);
    send(&mut stage, &json!({"type": "call_start", "call_id": "c"})).await;
    // Five seconds were left, and the pause after a restart does not lengthen them.
    for (pass_ms, expected) in [(4_999, &[][..]), (1, &["tier 2"])] {
        now.fetch_add(pass_ms, Ordering::Relaxed);
        stage.fire().await;
        assert_eq!(whats(&stage, &alert_id), expected);
    }
    // Overdue by now: once, ten seconds after the start, whatever happens in the call before.
    stage.crash();
    now.fetch_add(3_600_000, Ordering::Relaxed);
    let mut stage = set_up(&ENGINE, on_disk(&ENGINE, dir.path(), 100), &now);
    send(&mut stage, &json!({"type": "call_start", "call_id": "c"})).await;
    let words =
        json!({"type": "chunk", "call_id": "c", "seq": 1, "speaker": "agent", "text": "hm"});
    send(&mut stage, &words).await;
    for (pass_ms, expected) in [(0, 1), (9_999, 1), (1, 2), (60_000, 2)] {
        now.fetch_add(pass_ms, Ordering::Relaxed);
        stage.fire().await;
        assert_eq!(whats(&stage, &alert_id).len(), expected, "{:?}", whats(&stage, &alert_id));
    }
    let alert = stage.desk.hub().alert(&alert_id).unwrap();
    assert_eq!((alert.tier, alert.next_tier_at), (3, None));
    stage.crash();
}

#[tokio::test]
async fn after_a_restart_nobody_is_absent_before_they_could_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(1_800_000_000_000));
    let mut stage = set_up(&ENGINE, on_disk(&ENGINE, dir.path(), 100), &now);
    let alert_id = raised(&mut stage).await;
    // Crashed before anybody looked who is there.
    stage.crash();
    let mut stage = set_up(&ENGINE, on_disk(&ENGINE, dir.path(), 100), &now);
    stage.seat(false);
    send(&mut stage, &json!({"type": "call_start", "call_id": "c"})).await;
    now.fetch_add(9_999, Ordering::Relaxed);
    stage.fire().await;
    assert!(whats(&stage, &alert_id).is_empty());
    now.fetch_add(1, Ordering::Relaxed);
    stage.fire().await;
    let nobody = |tier| format!("nobody of tier {tier} is connected");
    assert_eq!(whats(&stage, &alert_id), [nobody(1), nobody(2)]);
    let alert = stage.desk.hub().alert(&alert_id).unwrap();
    assert_eq!((alert.tier, alert.notify.as_slice()), (3, &["supervisors".to_owned()][..]));
    // The events of the journal repeat it.
    let before = stage.seen(true);
    stage.crash();
    let stage = set_up(&ENGINE, on_disk(&ENGINE, dir.path(), 100), &now);
    assert_eq!(stage.seen(true), before);
    stage.crash();
}

#[tokio::test]
async fn a_spent_budget_is_still_spent_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(1_800_000_000_000));
    let mut stage = set_up(&ENGINE, on_disk(&ENGINE, dir.path(), 100), &now);
    let warn = async |stage: &mut Stage, call_id: &str| {
        send(stage, &json!({"type": "call_start", "call_id": call_id, "team": "t1"})).await;
        send(
            stage,
            &json!({"type": "chunk", "call_id": call_id, "seq": 1, "speaker": "customer",
                "text": "please close my account"}),
        )
        .await;
        stage.desk.hub().call(call_id).unwrap().view.alerts[0].clone()
    };
    let first = warn(&mut stage, "a").await;
    assert!(!stage.desk.hub().alert(&first).unwrap().held);
    stage.crash();
    now.fetch_add(1_800_000, Ordering::Relaxed);
    let mut stage = set_up(&ENGINE, on_disk(&ENGINE, dir.path(), 100), &now);
    let alert_id = warn(&mut stage, "c").await;
    let alert = || stage.desk.hub().alert(&alert_id).unwrap();
    assert!(alert().held && alert().notify.is_empty() && alert().next_tier_at.is_none());
    // The hour of the first is over.
    for (pass_ms, held) in [(1_799_999, true), (1, false)] {
        now.fetch_add(pass_ms, Ordering::Relaxed);
        stage.desk.release_held().await;
        stage.desk.journal().flush().await;
        assert_eq!(alert().held, held, "{:?}", alert().history);
    }
    assert_eq!(alert().notify, ["team:t1:supervisors"]);
    stage.crash();
}

#[tokio::test]
async fn of_held_warnings_that_of_the_call_with_the_highest_risk_is_released_first() {
    let now = Arc::new(AtomicI64::new(1_800_000_000_000));
    let mut stage = set_up(&ENGINE, Box::<Memory>::default(), &now);
    let calls = ["first", "calm-1", "calm-2", "hot", "calm-3"];
    for call_id in calls {
        send(&mut stage, &json!({"type": "call_start", "call_id": call_id, "team": "t1"})).await;
        let words = if call_id == "hot" { LINES[0] } else { LINES[7] };
        let turns = [
            ("customer", words),
            ("agent", "okay"),
            ("customer", words),
            ("agent", "okay"),
            ("customer", "please close my account"),
        ];
        for ((speaker, text), seq) in turns.into_iter().zip(1..) {
            send(
                &mut stage,
                &json!({"type": "chunk", "call_id": call_id, "seq": seq, "speaker": speaker,
                    "text": text}),
            )
            .await;
        }
    }
    let threat = |call_id: &str| {
        let hub = stage.desk.hub();
        let alerts = hub.call(call_id).unwrap().view.alerts.clone();
        let mut alerts = alerts.iter().map(|alert_id| hub.alert(alert_id).unwrap());
        alerts.find(|alert| alert.dedup_key.ends_with("cancel_threat")).unwrap()
    };
    let held = || calls.iter().filter(|call_id| threat(call_id).held).count();
    assert!(!threat("first").held && held() == 4);
    now.fetch_add(3_600_000, Ordering::Relaxed);
    stage.desk.release_held().await;
    stage.desk.journal().flush().await;
    assert!(!threat("hot").held && held() == 3, "{:?}", threat("hot").history);
    stage.crash();
}

#[tokio::test]
async fn all_that_is_due_of_a_call_happens_in_one_look() {
    let now = Arc::new(AtomicI64::new(1_800_000_000_000));
    let engine = Arc::new(ENGINE.with_rules(&rules(5, "ridiculous"), "r").unwrap());
    let mut stage = set_up(&engine, Box::<Memory>::default(), &now);
    send(&mut stage, &json!({"type": "call_start", "call_id": "c", "team": "t1"})).await;
    let words = json!({"type": "chunk", "call_id": "c", "seq": 1, "speaker": "agent",
        "text": "one moment"});
    send(&mut stage, &words).await;
    stage.raise_hand("agent", "c").await;
    let hand = stage.desk.hub().call("c").unwrap().view.alerts[0].clone();
    stage.act("sup", &hand, Action::Snooze { for_s: 30 }).await;
    now.fetch_add(31_000, Ordering::Relaxed);
    stage.fire().await;
    assert_eq!(whats(&stage, &hand).last().unwrap(), "snooze over");
    let alerts = stage.desk.hub().call("c").unwrap().view.alerts.clone();
    let mut keys = alerts.iter().map(|id| stage.desk.hub().alert(id).unwrap().dedup_key.clone());
    assert!(keys.any(|key| key == "c/rule:quiet"), "{alerts:?}");
    stage.crash();
}
