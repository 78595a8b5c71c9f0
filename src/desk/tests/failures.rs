//! An engine that fails.

use super::*;
use crate::engine::CallState;
use crate::wire::answers::Answer as Said;

/// Makes the engine panic at the next words of a call: its state is that of a smaller model.
fn break_engine(bench: &Bench, call_id: &str) {
    let none = json!({"heads": [], "intercepts": [], "speaks_from": [], "ngrams": {}});
    let smaller = engine(none.clone(), none);
    let shared = bench.desk.shelf.live(call_id).unwrap();
    let mut call = shared.lock();
    let start = call.state.start().clone();
    call.state = CallState::open(&smaller, start, bench.desk.clock.now()).0;
}

#[tokio::test]
async fn what_the_engine_fails_on_is_refused_for_good() {
    let bench = Bench::new(Settings::default());
    let mut platform = bench.platform();
    send(&mut platform, start("c")).await;
    break_engine(&bench, "c");
    let text = chunk("c", 1, "hello there").to_string();
    let message = wire::decode(&text, &wire::Settings::default());
    let permit = bench.desk.journal.permit().await.unwrap();
    let taken = platform.take(message, Instant::now(), permit);
    let Some(Now::Refused(problem)) = &taken.now else { panic!("{taken:?}") };
    let error = serde_json::to_value(Said::refused(problem)).unwrap();
    assert_eq!((&error["code"], &error["temporary"]), (&json!("internal"), &json!(false)));
    assert_eq!((&error["call_id"], &error["seq"]), (&json!("c"), &json!(1)));
    assert_eq!(shown(taken), "internal, ack 1");
    // It is over with that message and not with the call.
    assert_eq!(send(&mut platform, chunk("c", 1, "hello there")).await, "ack 1");
    let update = json!({"type": "call_update", "call_id": "c", "seq": 2, "queue": "sales"});
    assert_eq!(send(&mut platform, update).await, "ack 2");
    assert_eq!(bench.journalled().await, ["start", "refused", "update"]);
    assert_eq!(bench.desk.metrics.panics.get(), 1);
    let again = Bench::new(Settings::default());
    again.desk.recover(bench.history());
    for field in ["last_seq", "queue", "state", "turns", "alerts"] {
        assert_eq!(again.state("c")[field], bench.state("c")[field], "{field}");
    }
    let mut platform = again.platform();
    assert_eq!(send(&mut platform, start("c")).await, "started 2");
    assert_eq!(send(&mut platform, chunk("c", 3, "hello there")).await, "ack 3");
}
