//! A system clock that is set forward: every wait that it jumps over ends, once.

use super::*;
use crate::engine::alert::{Alert, AlertState};

const DAY_MS: i64 = 86_400_000;

async fn act(bench: &Bench, alert_id: &str, action: Action) {
    let mut person = Person::new(Arc::clone(&bench.desk), "ann".into());
    let permit = bench.desk.journal.permit().await.unwrap();
    assert!(matches!(person.act(alert_id, action, permit), Answer::Done(_)));
    bench.desk.journal.flush().await;
}

/// Raises a hand on a call; the id of the alert.
async fn raise_hand(bench: &Bench, call_id: &str) -> String {
    let mut person = Person::new(Arc::clone(&bench.desk), "ann".into());
    let permit = bench.desk.journal.permit().await.unwrap();
    assert!(matches!(person.raise_hand(call_id, None, permit), Answer::Done(_)));
    bench.desk.journal.flush().await;
    bench.state(call_id)["alerts"][0].as_str().unwrap().to_owned()
}

fn states(bench: &Bench, alert_id: &str) -> Vec<AlertState> {
    let alert: Arc<Alert> = bench.desk.hub.alert(alert_id).unwrap();
    alert.history.iter().map(|step| step.state).collect()
}

fn said(bench: &Bench, call_id: &str) -> Vec<u64> {
    let transcript = bench.desk.hub.call(call_id).unwrap().transcript;
    transcript.iter().map(|said| said.seq).collect()
}

/// A call that is held and has a snoozed alert, one whose platform is away, one that ended with
/// an acknowledged alert; then a day is jumped over.
#[tokio::test]
async fn a_clock_set_forward_ends_every_wait_once_and_loses_nothing() {
    use AlertState::*;
    let bench = Bench::new(Settings::default());
    // Somebody is there, so no tier passes an alert on.
    let console = bench.desk.hub.connect("sup").unwrap();
    console.subscribe(wire::Filter::default(), None);
    let (mut here, mut away) = (bench.platform(), bench.platform());
    for call in ["held", "over"] {
        send(&mut here, start(call)).await;
        assert_eq!(send(&mut here, chunk(call, 1, "hello")).await, "ack 1");
    }
    send(&mut away, start("left")).await;
    assert_eq!(send(&mut away, chunk("left", 1, "hello")).await, "ack 1");
    drop(away);
    let snoozed = raise_hand(&bench, "held").await;
    act(&bench, &snoozed, Action::Snooze { for_s: 600 }).await;
    let taken = raise_hand(&bench, "over").await;
    act(&bench, &taken, Action::Acknowledge).await;
    send(&mut here, end("over", 2)).await;

    let before = bench.journalled().await.len();
    bench.pass(DAY_MS).await;
    for _ in 0..3 {
        bench.pass(1_000).await;
    }
    let mut after = bench.journalled().await.split_off(before);
    after.sort();
    assert_eq!(after, ["abandoned", "timer", "timer"], "each of them once");
    assert_eq!(states(&bench, &snoozed), [Raised, Snoozed, Raised]);
    assert_eq!(states(&bench, &taken), [Raised, Acknowledged, Resolved]);
    assert_eq!(bench.state("held")["alerts"], json!([snoozed]), "no second alert");
    assert_eq!(bench.state("held")["state"], "open", "its platform is here");
    assert_eq!(bench.state("left")["reason"], "abandoned");

    // It goes on from there, and waits are as long as ever.
    assert_eq!(send(&mut here, chunk("held", 2, "still here")).await, "ack 2");
    let mut back = bench.platform();
    assert_eq!(send(&mut back, start("left")).await, "started 1 reopened");
    assert_eq!(send(&mut back, chunk("left", 2, "back")).await, "ack 2");
    drop(back);
    act(&bench, &snoozed, Action::Snooze { for_s: 30 }).await;
    bench.pass(29_000).await;
    assert_eq!(states(&bench, &snoozed), [Raised, Snoozed, Raised, Snoozed]);
    bench.pass(1_000).await;
    assert_eq!(states(&bench, &snoozed), [Raised, Snoozed, Raised, Snoozed, Raised]);
    bench.pass(29_000).await;
    assert_eq!(bench.state("left")["state"], "open");
    bench.pass(1_000).await;
    assert_eq!(bench.state("left")["state"], "ended");
    for call in ["held", "left"] {
        assert_eq!(said(&bench, call), [1, 2]);
    }
    // The fold over it is the same desk.
    let again = Bench::new(Settings::default());
    again.desk.recover(bench.history());
    for call in ["held", "left", "over"] {
        assert_eq!(again.state(call), bench.state(call));
    }
}
