//! Calls that move between desks.

use super::*;
use crate::desk::Eventually;
use crate::engine::alert::Alert;
use crate::journal::{Claim, Message};

/// Other nodes that have no call.
#[derive(Debug)]
struct Nowhere;

impl Elsewhere for Nowhere {
    fn bring<'a>(&'a self, _: &'a Arc<str>) -> Eventually<'a, Result<Option<Claim>, String>> {
        Box::pin(async { Ok(Some(Claim { desk: 7, ..Claim::default() })) })
    }
    fn anybody_for<'a>(&'a self, _: &'a Alert) -> Eventually<'a, bool> {
        Box::pin(async { false })
    }
}

#[tokio::test]
async fn a_call_goes_on_at_the_desk_that_takes_it_over() {
    let (one, other) = (Bench::new(Settings::default()), Bench::new(Settings::default()));
    let mut before = one.platform();
    send(&mut before, start("c")).await;
    send(&mut before, chunk("c", 1, "one two three")).await;
    let mut ana = Person::new(Arc::clone(&one.desk), "ana".into());
    let permit = one.desk.journal.permit().await.unwrap();
    ana.raise_hand("c", None, permit);
    one.desk.journal.flush().await;

    let records = one.history().records;
    let brought = other.desk.fold_elsewhere(records, &[]).unwrap();
    let messages = brought.messages();
    assert_eq!(messages.len() as u64, one.desk.hub.offset(), "each that consoles were sent");
    assert!(matches!(messages[0], Message::Call(..)) && matches!(messages[1], Message::Alert(_)));
    assert_eq!((brought.said().len(), brought.over(), brought.is_final()), (1, None, false));
    other.desk.take_in(brought);
    assert_eq!((other.desk.open_calls(), other.desk.has("c")), (1, true));

    // The desk that had it writes nothing more of it and tells its platform.
    assert_eq!(one.desk.lose(&["c".into(), "nobody's".into()]), 1);
    assert_eq!((one.desk.open_calls(), one.desk.has("c")), (0, false));
    assert_eq!(before.take_lost(), ["c".into()] as [Arc<str>; 1]);
    assert_eq!(send(&mut before, chunk("c", 2, "four")).await, "taken_over");
    let told = ana.lost(1);
    assert_eq!(told.as_deref(), Some("c"), "what was on its way counts for nothing");

    // Nothing of it was published here yet, but whoever names the call finds its alert.
    let alert_id = one.state("c")["alerts"][0].as_str().unwrap().to_owned();
    let mut ben = Person::new(Arc::clone(&other.desk), "ben".into());
    let permit = other.desk.journal.permit().await.unwrap();
    assert!(matches!(ben.act(&alert_id, Action::Acknowledge, permit), Answer::Refused(_)));
    let permit = other.desk.journal.permit().await.unwrap();
    assert_eq!(ben.act_in("c", &alert_id, Action::Acknowledge, permit), Answer::Done(1));

    let mut after = other.platform();
    assert_eq!(send(&mut after, start("c")).await, "started 1");
    assert_eq!(send(&mut after, chunk("c", 2, "four")).await, "ack 2");
    assert_eq!(send(&mut after, end("c", 3)).await, "ack 3");
    assert_eq!(other.desk.open_calls(), 0);
}

#[tokio::test]
async fn a_call_that_is_not_here_is_looked_for_before_it_begins() {
    let bench = Bench::new(Settings::default());
    bench.desk.connect(Arc::new(Nowhere));
    let mut platform = bench.platform();
    let text = start("c").to_string();
    let take = async |platform: &mut Platform| {
        let message = wire::decode(&text, &wire::Settings::default());
        let permit = bench.desk.journal.permit().await.unwrap();
        platform.take(message, Instant::now(), permit)
    };
    let taken = take(&mut platform).await;
    let call_id = taken.elsewhere.clone().unwrap();
    assert_eq!((&*call_id, shown(taken)), ("c", String::new()), "nothing is answered yet");
    let brought = platform.bring(call_id).await;
    platform.has_brought(brought);
    assert_eq!(shown(take(&mut platform).await), "started 0");
    bench.desk.journal.flush().await;
    let claim = bench.records.lock().unwrap()[0].claim.clone();
    assert_eq!(claim.map(|claim| claim.desk), Some(7), "its first record fences");
    // What was looked for is of use once.
    let brought = platform.bring("d".into()).await;
    platform.has_brought(brought);
    assert_eq!(shown(take(&mut platform).await), "started 0");
    let text = start("d").to_string();
    let message = wire::decode(&text, &wire::Settings::default());
    let permit = bench.desk.journal.permit().await.unwrap();
    assert!(platform.take(message, Instant::now(), permit).elsewhere.is_some());
}
