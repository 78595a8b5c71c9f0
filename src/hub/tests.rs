mod elsewhere;

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::engine::effects::{CallChange, CallView, RiskUpdate, Said};
use crate::wire::{Filter, Since};

fn hub(settings: Settings) -> Arc<Hub> {
    Arc::new(Hub::new("e1", 0, settings, Metrics::default()))
}

fn view(call_id: &str, queue: &str, state: &str) -> Arc<CallView> {
    let view = json!({"call_id": call_id, "queue": queue, "team": null, "agent_id": null,
        "attributes": {}, "state": state, "started_at": "2026-11-22T03:40:00Z", "ended_at": null,
        "reason": null, "outcome": null, "last_seq": 0, "at_ms": 0, "turns": 0, "risk": 0.4,
        "sentiment": null, "trend": null, "level": null, "alerts": [], "model": "m"});
    Arc::new(serde_json::from_value(view).unwrap())
}

fn publication(view: Arc<CallView>, change: Option<CallChange>) -> Publication {
    // A number that tells calls by their id, in its order.
    let number = view.call_id.bytes().fold(0, |sum, byte| sum * 256 + u64::from(byte));
    let number = CallNumber::known(number);
    let call_id = Arc::from(view.call_id.as_str());
    let (shown, timing) = (Shown::Whole(view), None);
    Publication { call_id, number, shown, change, risk: None, said: vec![], alerts: vec![], timing }
}

/// Publishes one `call` message under each of the offsets.
fn publish(hub: &Hub, offset: u64, call_id: &str, queue: &str, change: CallChange) {
    let state = if change == CallChange::Ended { "ended" } else { "open" };
    let publication = publication(view(call_id, queue, state), Some(change));
    hub.publish([(offset - 1, publication)].into_iter());
}

fn said(seq: u64, segment: &str, is_final: bool) -> Arc<Said> {
    let said = json!({"seq": seq, "segment_id": segment, "final": is_final, "start_ms": null,
        "speaker": "customer", "text": format!("words {seq}"), "sentiment": null, "risk": null,
        "highlights": []});
    Arc::new(serde_json::from_value(said).unwrap())
}

fn taken(console: &Console) -> Vec<Value> {
    let frames = console.queue().take(usize::MAX);
    frames.iter().map(|frame| serde_json::from_slice(frame).unwrap()).collect()
}

fn offsets(messages: &[Value]) -> Vec<u64> {
    messages.iter().filter_map(|message| message["offset"].as_u64()).collect()
}

fn queues(name: &str) -> Filter {
    Filter { queues: vec![name.into()], ..Filter::default() }
}

fn since(offset: u64) -> Since {
    Since { epoch: "e1".into(), offset }
}

#[test]
fn a_console_that_comes_back_gets_exactly_what_it_missed() {
    let hub = hub(Settings::default());
    for offset in 1..=6 {
        let queue = if offset % 2 == 0 { "sales" } else { "billing" };
        publish(&hub, offset, &format!("c{offset}"), queue, CallChange::Started);
    }
    let console = hub.connect("ann").unwrap();
    let Picture::Recovered { offset, frames } =
        console.subscribe(queues("billing"), Some(&since(1)))
    else {
        panic!("should recover")
    };
    assert_eq!(offset, 6);
    let messages: Vec<Value> =
        frames.iter().map(|frame| serde_json::from_slice(frame).unwrap()).collect();
    assert_eq!(offsets(&messages), [3, 5]);
    let risks = messages.iter().filter(|message| message["type"] == "risk");
    assert_eq!(
        risks.map(|risk| risk["call_id"].as_str().unwrap()).collect::<Vec<_>>(),
        ["c1", "c3", "c5"]
    );
    publish(&hub, 7, "c7", "billing", CallChange::Started);
    assert_eq!(offsets(&taken(&console)), [7]);
}

#[test]
fn otherwise_it_gets_the_full_picture() {
    let hub = hub(Settings { ring_messages: 2, ..Settings::default() });
    for offset in 1..=5 {
        publish(&hub, offset, &format!("c{offset}"), "billing", CallChange::Started);
    }
    publish(&hub, 6, "c1", "billing", CallChange::Ended);
    let console = hub.connect("ann").unwrap();
    let other = Since { epoch: "e0".into(), offset: 5 };
    for since in [None, Some(since(3)), Some(since(99)), Some(other)] {
        let Picture::Full { offset, calls, .. } =
            console.subscribe(Filter::default(), since.as_ref())
        else {
            panic!("{since:?} should not recover")
        };
        assert_eq!((offset, calls.len()), (6, 4));
    }
    assert!(matches!(
        console.subscribe(Filter::default(), Some(&since(4))),
        Picture::Recovered { .. }
    ));
}

#[test]
fn what_leaves_the_filter_is_sent_once_more() {
    let hub = hub(Settings::default());
    let console = hub.connect("ann").unwrap();
    console.subscribe(queues("billing"), None);
    publish(&hub, 1, "c", "billing", CallChange::Started);
    publish(&hub, 2, "c", "retention", CallChange::Updated);
    publish(&hub, 3, "c", "retention", CallChange::Updated);
    assert_eq!(offsets(&taken(&console)), [1, 2]);
    // The same decision when it comes back later.
    let Picture::Recovered { frames, .. } = console.subscribe(queues("billing"), Some(&since(1)))
    else {
        panic!("should recover")
    };
    assert_eq!(frames.len(), 1);
}

/// Found on a busy machine: a risk that waited while its call left the filter came after it.
#[test]
fn a_risk_does_not_follow_a_call_out_of_sight() {
    let hub = hub(Settings::default());
    let console = hub.connect("ann").unwrap();
    console.subscribe(queues("billing"), None);
    for call in ["c", "d"] {
        let risk = Some(RiskUpdate::default());
        let started = Some(CallChange::Started);
        let publication =
            Publication { risk, ..publication(view(call, "billing", "open"), started) };
        hub.publish([(1, publication)].into_iter());
    }
    publish(&hub, 3, "c", "sales", CallChange::Updated);
    let messages = taken(&console);
    let risks: Vec<&Value> = messages.iter().filter(|message| message["type"] == "risk").collect();
    assert_eq!((risks.len(), &risks[0]["call_id"]), (1, &json!("d")));
}

#[test]
fn a_slow_console_is_cut_off_and_others_are_not() {
    let hub = hub(Settings { console_queue_bytes: 2_000, ..Settings::default() });
    let slow = hub.connect("ann").unwrap();
    let quick = hub.connect("ann").unwrap();
    slow.subscribe(Filter::default(), None);
    quick.subscribe(Filter::default(), None);
    for offset in 1..=20 {
        publish(&hub, offset, &format!("c{offset}"), "q", CallChange::Started);
        assert_eq!(offsets(&taken(&quick)), [offset]);
    }
    assert!(slow.queue().overflowed() && !quick.queue().overflowed());
    assert!(taken(&slow).is_empty());
}

#[test]
fn risk_coalesces_and_dropped_finals_are_marked() {
    let hub = hub(Settings { console_queue_chunks: 2, ..Settings::default() });
    publish(&hub, 1, "c", "q", CallChange::Started);
    let console = hub.connect("ann").unwrap();
    console.subscribe(Filter::default(), None);
    assert!(console.watch("c").unwrap().is_empty());
    assert_eq!(console.watch("nobody").unwrap_err().0, "not_found");
    for (seq, segment, is_final) in
        [(1, "a", false), (2, "a", false), (3, "a", true), (4, "b", true), (5, "c", true)]
    {
        let risk = RiskUpdate {
            at_ms: i64::try_from(seq).unwrap(),
            risk: Some(0.5),
            sentiment: None,
            trend: None,
            level: None,
        };
        let publication = Publication {
            risk: Some(risk),
            said: vec![said(seq, segment, is_final)],
            ..publication(view("c", "q", "open"), None)
        };
        hub.publish([(1, publication)].into_iter());
    }
    let messages = taken(&console);
    assert_eq!(messages.len(), 3);
    assert_eq!((&messages[0]["type"], &messages[0]["at_ms"]), (&json!("risk"), &json!(5)));
    assert_eq!((&messages[1]["seq"], &messages[1]["gap"]), (&json!(4), &json!(true)));
    assert_eq!((&messages[2]["seq"], messages[2].get("gap")), (&json!(5), None));
    // The transcript has all finals and no partial.
    let past = console.watch("c").unwrap();
    assert_eq!(past.iter().map(|said| said.seq).collect::<Vec<_>>(), [3, 4, 5]);
}

#[test]
fn ended_calls_are_kept_up_to_a_limit() {
    let hub = hub(Settings { ended_calls: 2, ..Settings::default() });
    let mut offset = 0;
    for call in ["c1", "c2", "c3"] {
        for change in [CallChange::Started, CallChange::Ended] {
            offset += 1;
            publish(&hub, offset, call, "q", change);
        }
    }
    assert!(hub.call("c1").is_none() && hub.call("c3").is_some());
    let kept = hub.calls_below(None, 9, false);
    assert_eq!(
        kept.iter().map(|call| call.view.call_id.as_str()).collect::<Vec<_>>(),
        ["c3", "c2"]
    );
    let below = hub.calls_below(Some(kept[0].number), 9, false);
    assert_eq!((below.len(), below[0].number), (1, kept[1].number));
}

#[test]
fn a_call_that_ended_twice_goes_by_its_later_end() {
    let hub = hub(Settings { ended_calls: 2, ..Settings::default() });
    let started = |call| (call, CallChange::Started);
    let ended = |call| (call, CallChange::Ended);
    let (again, changes) =
        (("c1", CallChange::Updated), [started("c1"), ended("c1"), started("c2"), ended("c2")]);
    let changes = changes.into_iter().chain([again, ended("c1"), started("c3"), ended("c3")]);
    for (offset, (call, change)) in (1..).zip(changes) {
        publish(&hub, offset, call, "q", change);
    }
    assert!(hub.call("c1").is_some() && hub.call("c2").is_none() && hub.call("c3").is_some());
}

#[test]
fn one_console_too_many_is_turned_away() {
    let hub = hub(Settings { max_consoles: 1, ..Settings::default() });
    let console = hub.connect("ann");
    assert!(console.is_some() && hub.connect("ann").is_none());
    drop(console);
    assert!(hub.connect("ann").is_some());
}

#[test]
fn long_transcripts_lose_their_oldest_chunks() {
    let hub = hub(Settings { transcript_chunks: 2, ..Settings::default() });
    publish(&hub, 1, "c", "q", CallChange::Started);
    for seq in 1..=5 {
        let mut more = publication(view("c", "q", "open"), None);
        more.said = vec![said(seq, &format!("s{seq}"), true)];
        hub.publish(std::iter::once((1, more)));
    }
    let transcript = hub.call("c").unwrap().transcript;
    assert_eq!(transcript.iter().map(|said| said.seq).collect::<Vec<_>>(), [4, 5]);
    assert_eq!(hub.metrics.transcript_dropped.get(), 3);
}

#[test]
fn a_console_that_leaves_is_forgotten() {
    let hub = hub(Settings { max_consoles: 1, ..Settings::default() });
    publish(&hub, 1, "c", "q", CallChange::Started);
    let console = hub.connect("ann").unwrap();
    console.watch("c").unwrap();
    assert!(hub.connect("ann").is_none());
    drop(console);
    assert!(hub.lock().calls["c"].watchers.is_empty());
    assert!(hub.connect("ann").is_some());
}
