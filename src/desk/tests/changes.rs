//! What the journal is told of alerts for destinations outside.

use super::*;
use crate::engine::step::Step;
use crate::journal::Keys;

#[tokio::test]
async fn each_message_of_an_alert_says_what_is_new_in_it() {
    let bench = Bench::new(Settings::default());
    let mut platform = bench.platform();
    let update = |seq: u64, queue: &str| json!({"type": "call_update", "call_id": "c", "seq": seq, "queue": queue});
    send(&mut platform, start("c")).await;
    send(&mut platform, update(1, "sales")).await;
    let mut person = Person::new(Arc::clone(&bench.desk), "sup".into());
    for _ in 0..2 {
        let permit = bench.desk.journal.permit().await.unwrap();
        person.raise_hand("c", None, permit);
    }
    send(&mut platform, update(2, "retention")).await;
    send(&mut platform, json!({"type": "call_update", "call_id": "c", "seq": 3, "team": "t2"}))
        .await;
    bench.desk.journal.flush().await;
    let alert_id = bench.desk.hub.alerts_below(None, 10)[0].alert_id.clone();
    let permit = bench.desk.journal.permit().await.unwrap();
    person.act(&alert_id, Action::Acknowledge, permit);
    send(&mut platform, end("c", 4)).await;
    bench.pass(86_400_000).await;

    let records = bench.records.lock().unwrap();
    let changes = records.iter().flat_map(|record| &record.changes);
    let told: Vec<_> = changes
        .map(|change| {
            let from = change.moved_from.as_ref();
            (
                Step::newest(&change.alert, change.told),
                change.told,
                from.map(|keys| keys.queue.clone()),
            )
        })
        .collect();
    let from = |queue: &str| Some(Some(queue.to_owned()));
    assert_eq!(
        told,
        [
            (Step::Raised, 0, None),
            (Step::Noted, 1, None),
            (Step::Moved, 2, from("sales")),
            (Step::Moved, 2, from("retention")),
            (Step::Acknowledged, 2, None),
            (Step::Resolved, 3, None),
        ]
    );
    let keys = records.iter().flat_map(|record| &record.changes).nth(3).unwrap();
    let queue = Some("retention".to_owned());
    assert_eq!(keys.moved_from, Some(Keys { queue, team: None }));
}

/// The offsets that destinations know are those that consoles know.
#[tokio::test]
async fn places_are_those_of_the_messages() {
    let bench = Bench::new(Settings::default());
    let console = bench.desk.hub.connect("sup").unwrap();
    console.subscribe(wire::Filter::default(), None);
    let mut platform = bench.platform();
    for call in ["c", "d"] {
        send(&mut platform, start(call)).await;
        let mut person = Person::new(Arc::clone(&bench.desk), "sup".into());
        let permit = bench.desk.journal.permit().await.unwrap();
        person.raise_hand(call, None, permit);
        send(&mut platform, end(call, 1)).await;
    }
    bench.desk.journal.flush().await;
    let late = bench.desk.hub.connect("late").unwrap();
    let since = wire::Since { epoch: "e1".into(), offset: 0 };
    let hub::Picture::Recovered { frames, .. } =
        late.subscribe(wire::Filter::default(), Some(&since))
    else {
        panic!("nothing is missing")
    };
    let sent = frames.iter().filter_map(|frame| {
        let message: Value = serde_json::from_slice(frame).unwrap();
        (message["type"] == "alert").then(|| (message["offset"].as_u64(), message["alert"].clone()))
    });
    let records = bench.records.lock().unwrap();
    let put_in = records.iter().flat_map(|record| {
        record.changes.iter().map(|change| {
            let alert = serde_json::to_value(&*change.alert).unwrap();
            (Some(record.base_offset + change.place), alert)
        })
    });
    let sent: Vec<_> = sent.collect();
    assert_eq!(sent, put_in.collect::<Vec<_>>());
    assert_eq!(sent.len(), 4);
}
