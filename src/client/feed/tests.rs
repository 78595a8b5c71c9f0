//! The feed without a socket.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde_json::Value;

use super::*;

const NOW: Duration = Duration::ZERO;

fn script(call_id: &str, turns: usize) -> Script {
    let turn = |at: usize| {
        format!(r#"{{"speaker":"agent","start_ms":0,"end_ms":{},"text":"hi"}}"#, at * 1000)
    };
    let turns: Vec<String> = (1..=turns).map(turn).collect();
    let call = format!(r#"{{"id":"{call_id}","turns":[{}]}}"#, turns.join(","));
    Script::new(call_id.into(), serde_json::from_str(&call).unwrap())
}

struct Bench {
    feed: Feed<std::vec::IntoIter<Script>>,
    tally: Arc<Tally>,
}

impl Bench {
    fn new(speed: Speed, credits: usize, calls: &[(&str, usize)]) -> Bench {
        let scripts: Vec<Script> = calls.iter().map(|(id, turns)| script(id, *turns)).collect();
        let tally = Arc::new(Tally::default());
        let pace = Pace { speed, at_once: 2, stagger: Duration::ZERO };
        let mut feed = Feed::new(scripts.into_iter(), pace, Arc::clone(&tally));
        feed.connected(Limits { credits, credit_bytes: 1 << 20 });
        Bench { feed, tally }
    }

    /// Everything that may go out now, as `call seq`; a start has no number.
    fn sent(&mut self, now: Duration) -> Vec<String> {
        let mut sent = Vec::new();
        while let Next::Send(text) = self.feed.next(now) {
            let message: Value = serde_json::from_str(&text).unwrap();
            let call_id = message["call_id"].as_str().unwrap();
            sent.push(match message["seq"].as_u64() {
                Some(seq) => format!("{call_id} {seq}"),
                None => call_id.to_owned(),
            });
        }
        sent
    }

    fn answer(&mut self, answer: &str) -> Option<String> {
        self.feed.answer(serde_json::from_str(answer).unwrap(), NOW)
    }

    fn started(&mut self, call_id: &str, last_seq: u64) -> Option<String> {
        self.answer(&format!(r#"{{"type":"started","call_id":"{call_id}","last_seq":{last_seq}}}"#))
    }

    fn ack(&mut self, call_id: &str, seq: u64) {
        self.answer(&format!(r#"{{"type":"ack","call_id":"{call_id}","seq":{seq}}}"#));
    }

    fn counts(&self) -> [u64; 5] {
        let read = |count: &AtomicU64| count.load(Relaxed);
        let Tally { chunks, acked, unacked, ended, errors, .. } = &*self.tally;
        [read(chunks), read(acked), read(unacked), read(ended), read(errors)]
    }
}

#[test]
fn nothing_goes_out_beyond_the_credits() {
    let mut bench = Bench::new(Speed::Max, 3, &[("a", 5)]);
    assert_eq!(bench.sent(NOW), ["a"]);
    bench.started("a", 0);
    assert_eq!(bench.sent(NOW), ["a 1", "a 2", "a 3"]);
    assert_eq!(bench.feed.next(NOW), Next::Wait);
    bench.ack("a", 2);
    assert_eq!(bench.sent(NOW), ["a 4", "a 5"]);
    bench.ack("a", 5);
    assert_eq!(bench.sent(NOW), ["a 6"]);
    bench.ack("a", 6);
    assert_eq!(bench.feed.next(NOW), Next::Done);
    assert_eq!((bench.counts(), bench.tally.is_clean()), ([5, 6, 0, 1, 0], true));
}

#[test]
fn bytes_are_credits_too() {
    let mut bench = Bench::new(Speed::Max, 100, &[("a", 5)]);
    let bytes = script("a", 5).message(1).len();
    bench.feed.connected(Limits { credits: 100, credit_bytes: bytes * 2 + bytes / 2 });
    assert_eq!(bench.sent(NOW), ["a"]);
    bench.started("a", 0);
    assert_eq!(bench.sent(NOW), ["a 1", "a 2"]);
}

#[test]
fn a_gap_sends_again_from_there_and_frees_its_credits() {
    let mut bench = Bench::new(Speed::Max, 4, &[("a", 6)]);
    bench.sent(NOW);
    bench.started("a", 0);
    assert_eq!(bench.sent(NOW), ["a 1", "a 2", "a 3", "a 4"]);
    assert_eq!(bench.answer(r#"{"type":"nack","call_id":"a","expected":2}"#), None);
    assert_eq!(bench.sent(NOW), ["a 2", "a 3", "a 4", "a 5"]);
    assert_eq!(bench.counts()[..2], [5, 1], "counted once each");
}

#[test]
fn a_server_that_asks_for_ever_is_given_up() {
    let mut bench = Bench::new(Speed::Max, 10, &[("a", 1)]);
    bench.sent(NOW);
    bench.started("a", 0);
    let mut said = None;
    for _ in 0..=MAX_REPEATS {
        bench.sent(NOW);
        said = bench.answer(r#"{"type":"nack","call_id":"a","expected":1}"#);
    }
    assert!(said.is_some_and(|line| line.starts_with("a: given up")));
    assert_eq!((bench.feed.next(NOW), bench.counts()), (Next::Done, [1, 0, 2, 0, 1]));
}

#[test]
fn a_new_connection_goes_on_behind_what_is_durable() {
    let mut bench = Bench::new(Speed::Max, 10, &[("a", 3), ("b", 1)]);
    bench.sent(NOW);
    bench.started("a", 0);
    bench.sent(NOW);
    bench.ack("a", 1);
    bench.feed.connected(Limits::default());
    let mut starts = bench.sent(NOW);
    starts.sort();
    assert_eq!(starts, ["a", "b"]);
    bench.started("a", 2);
    assert_eq!(bench.sent(NOW), ["a 3", "a 4"]);
    // A server that lost its journal gets everything again.
    bench.feed.connected(Limits::default());
    bench.sent(NOW);
    bench.started("a", 0);
    assert_eq!(bench.sent(NOW), ["a 1", "a 2", "a 3", "a 4"]);
    bench.ack("a", 4);
    bench.started("b", 0);
    bench.sent(NOW);
    bench.ack("b", 2);
    assert_eq!((bench.counts(), bench.tally.is_clean()), ([4, 6, 0, 2, 0], true));
}

#[test]
fn messages_wait_for_their_time() {
    let mut bench = Bench::new(Speed::Times(2.0), 10, &[("a", 2)]);
    bench.sent(NOW);
    bench.started("a", 0);
    let half = Duration::from_millis(500);
    assert_eq!(bench.feed.next(NOW), Next::At(half));
    assert_eq!(bench.sent(half), ["a 1"]);
    assert_eq!(bench.sent(half * 2), ["a 2", "a 3"]);
}

#[test]
fn refusals_are_counted_and_lost_calls_started_again() {
    let mut bench = Bench::new(Speed::Max, 10, &[("a", 2), ("b", 1)]);
    bench.sent(NOW);
    // Too many calls: later.
    let full = r#"{"type":"error","code":"too_many_calls","call_id":"b","temporary":true}"#;
    assert_eq!(bench.answer(full), None);
    assert_eq!(bench.sent(NOW), Vec::<String>::new());
    assert_eq!(bench.sent(TEMPORARY_PAUSE), ["b"]);
    bench.started("a", 0);
    assert_eq!(bench.sent(NOW), ["a 1", "a 2", "a 3"]);
    let lost =
        |seq| format!(r#"{{"type":"error","code":"unknown_call","call_id":"a","seq":{seq}}}"#);
    assert_eq!((bench.answer(&lost(1)), bench.answer(&lost(2))), (None, None));
    assert_eq!(bench.sent(NOW), ["a"]);
    bench.started("a", 0);
    assert_eq!(bench.sent(NOW), ["a 1", "a 2", "a 3"]);
    let refused = r#"{"type":"error","code":"too_large","message":"m","call_id":"a","seq":2}"#;
    assert_eq!(bench.answer(refused).unwrap(), "a: too_large: m");
    bench.ack("a", 3);
    let taken = r#"{"type":"error","code":"taken_over","message":"m","call_id":"b"}"#;
    assert!(bench.answer(taken).is_some_and(|line| line.starts_with("b: given up")));
    assert_eq!((bench.feed.next(NOW), bench.counts()), (Next::Done, [2, 3, 2, 1, 2]));
}

#[test]
fn calls_of_the_same_name_from_elsewhere_are_left_alone() {
    let mut bench = Bench::new(Speed::Max, 10, &[("a", 2), ("b", 2)]);
    bench.sent(NOW);
    let over = r#"{"type":"started","call_id":"a","last_seq":3,"ended":true}"#;
    assert!(bench.answer(over).is_some_and(|line| line.contains("has it already")));
    let short = r#"{"type":"started","call_id":"b","last_seq":1,"ended":true}"#;
    assert!(bench.answer(short).is_some_and(|line| line.contains("given up")));
    assert_eq!(bench.counts(), [0, 3, 3, 1, 1]);
}
