//! News of a stream that many nodes write, and what moves between it.

use super::*;
use crate::engine::effects::Progress;

fn at(hub: &Hub, offset: u64, call_id: &str, change: CallChange, ours: bool) {
    let state = if change == CallChange::Ended { "ended" } else { "open" };
    let mut news = publication(view(call_id, "billing", state), Some(change));
    news.number = match change {
        CallChange::Started => CallNumber::default(),
        _ => CallNumber::known(hub.call(call_id).unwrap().number),
    };
    hub.publish_at(offset, news, !ours);
}

#[test]
fn what_lies_between_messages_costs_nobody_their_place() {
    let hub = hub(Settings::default());
    // The stream has lost what came before 40.
    at(&hub, 40, "c1", CallChange::Started, true);
    hub.skip_to(43);
    at(&hub, 47, "c2", CallChange::Started, true);
    hub.skip_to(50);
    let console = hub.connect("ann").unwrap();
    let missed = |offset| match console.subscribe(Filter::default(), Some(&since(offset))) {
        Picture::Recovered { offset, frames } => {
            let frames = frames.iter().map(|frame| serde_json::from_slice(frame).unwrap());
            Some((offset, offsets(&frames.collect::<Vec<Value>>())))
        }
        Picture::Full { .. } => None,
    };
    assert_eq!(missed(40), Some((50, vec![47])), "the gaps hold nothing for consoles");
    assert_eq!(missed(45), Some((50, vec![47])));
    assert_eq!(missed(39), Some((50, vec![40, 47])));
    assert_eq!(missed(38), None, "what was before is not here");
}

#[test]
fn what_moved_before_a_message_does_not_undo_it() {
    let hub = hub(Settings::default());
    at(&hub, 1, "c1", CallChange::Started, true);
    let moved = |last_seq, risk: Option<f64>| {
        let progress =
            Progress { last_seq, at_ms: 7, turns: 1, risk, sentiment: None, trend: None };
        Moved { call_id: "c1".into(), progress: Some(progress), risk: None, said: vec![] }
    };
    hub.publish_moved(moved(3, Some(0.5)));
    assert_eq!(hub.call("c1").unwrap().view.last_seq, 3);
    hub.publish_moved(moved(2, Some(0.1)));
    assert_eq!(hub.call("c1").unwrap().view.risk, Some(0.5), "it came late");
    at(&hub, 2, "c1", CallChange::Ended, true);
    hub.publish_moved(moved(9, Some(0.9)));
    assert_eq!(hub.call("c1").unwrap().view.risk, Some(0.4), "the call is over");
}

#[test]
fn words_of_calls_elsewhere_are_known_to_be_missing() {
    let hub = hub(Settings::default());
    at(&hub, 1, "ours", CallChange::Started, true);
    at(&hub, 2, "theirs", CallChange::Started, false);
    assert_eq!((hub.lacks_words("ours"), hub.lacks_words("theirs")), (false, true));
    hub.take_transcript(&"theirs".into(), &[said(1, "a", true), said(2, "b", true)]);
    assert!(!hub.lacks_words("theirs"));
    // What is here already is not shown twice.
    hub.take_transcript(&"theirs".into(), &[said(2, "b", true), said(3, "c", true)]);
    let seqs: Vec<u64> = hub.call("theirs").unwrap().transcript.iter().map(|s| s.seq).collect();
    assert_eq!(seqs, [1, 2, 3]);
    hub.drop_transcript("theirs");
    assert!(hub.lacks_words("theirs") && hub.call("theirs").unwrap().transcript.is_empty());
}
