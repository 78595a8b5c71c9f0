//! What may happen to a desk, at random.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::model::{Limits, MAX_SNOOZE_S, What};
use crate::engine::event::{Action, Resolution};

pub const CONNECTIONS: usize = 3;
pub const PEOPLE: [&str; 3] = ["ann", "ben", "cem"];
pub const QUEUES: [&str; 2] = ["billing", "sales"];
/// What the two consoles that come and go want to see.
pub const FILTERS: [Option<&str>; 2] = [None, Some(QUEUES[0])];

/// The number of a message, seen from the one that is next in line.
#[derive(Clone, Copy, Debug)]
pub enum Seq {
    Next,
    Low(u64),
    High(u64),
}

#[derive(Clone, Debug)]
pub enum Command {
    Start {
        who: usize,
        call: u8,
        queue: usize,
    },
    /// From whoever holds the call, or from anybody.
    Numbered {
        who: Option<usize>,
        call: u8,
        seq: Seq,
        what: What,
    },
    Garbage {
        who: usize,
        call: u8,
    },
    Disconnect(usize),
    Hear(usize),
    RaiseHand {
        who: usize,
        call: u8,
    },
    Act {
        who: usize,
        alert: usize,
        action: Action,
    },
    Pass(i64),
    Leave(usize),
    Return {
        viewer: usize,
        anew: bool,
    },
}

fn what() -> impl Strategy<Value = What> {
    let queue = prop_oneof![
        2 => Just(None),
        1 => Just(Some(None)),
        2 => (0..QUEUES.len()).prop_map(|queue| Some(Some(QUEUES[queue].into()))),
    ];
    let value = prop_oneof![Just(Value::Null), Just(json!(1)), Just(json!("two"))];
    let attributes = prop::collection::btree_map("[ab]", value, 0..3);
    prop_oneof![
        6 => (0..9_u8).prop_map(|nth| What::Say(format!("the parcel is number {nth}"))),
        2 => (queue, attributes).prop_map(|(queue, attributes)| What::Update { queue, attributes }),
        2 => prop::option::of(any::<bool>()).prop_map(|escalated| What::End { escalated }),
        1 => Just(What::Bad("bad_message")),
        1 => Just(What::Bad("unknown_type")),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    use Resolution::*;
    let outcome = prop_oneof![Just(Averted), Just(FalseAlarm)];
    let snooze = prop_oneof![Just(0), Just(30), Just(90), Just(MAX_SNOOZE_S), Just(601)];
    prop_oneof![
        3 => Just(Action::Acknowledge),
        3 => snooze.prop_map(|for_s| Action::Snooze { for_s }),
        2 => (0..PEOPLE.len()).prop_map(|who| Action::Assign { to: PEOPLE[who].into(), from: None }),
        2 => outcome.prop_map(|outcome| Action::Resolve { outcome, note: None }),
    ]
}

pub fn command() -> impl Strategy<Value = Command> {
    use Command::*;
    let (who, call) = (|| 0..CONNECTIONS, || 0..5_u8);
    let seq = prop_oneof![
        8 => Just(Seq::Next),
        1 => (0..3_u64).prop_map(Seq::Low),
        2 => (1..3_u64).prop_map(Seq::High),
    ];
    let seconds = prop_oneof![4 => 1..40_i64, 2 => Just(60_i64), 1 => Just(910_i64)];
    prop_oneof![
        8 => (who(), call(), 0..QUEUES.len())
            .prop_map(|(who, call, queue)| Start { who, call, queue }),
        24 => (prop::option::weighted(0.3, who()), call(), seq, what())
            .prop_map(|(who, call, seq, what)| Numbered { who, call, seq, what }),
        1 => (who(), call()).prop_map(|(who, call)| Garbage { who, call }),
        2 => who().prop_map(Disconnect),
        2 => who().prop_map(Hear),
        5 => (0..PEOPLE.len(), call()).prop_map(|(who, call)| RaiseHand { who, call }),
        10 => (0..PEOPLE.len(), 0..8_usize, action())
            .prop_map(|(who, alert, action)| Act { who, alert, action }),
        4 => seconds.prop_map(Pass),
        2 => (0..FILTERS.len()).prop_map(Leave),
        3 => (0..FILTERS.len(), prop::bool::weighted(0.2))
            .prop_map(|(viewer, anew)| Return { viewer, anew }),
    ]
}

pub fn limits() -> impl Strategy<Value = Limits> {
    let kept = prop_oneof![Just(0), Just(2), Just(1_000)];
    kept.prop_map(|kept| Limits { open: 4, per_connection: 3, kept })
}

/// A numbered message as a platform writes it.
pub fn text(call_id: &str, seq: u64, what: &What) -> String {
    let mut message = json!({"call_id": call_id, "seq": seq});
    let kind = match what {
        What::Say(text) => {
            message["speaker"] = json!(if seq.is_multiple_of(3) { "agent" } else { "customer" });
            message["text"] = json!(text);
            "chunk"
        }
        What::Update { queue, attributes } => {
            if let Some(queue) = queue {
                message["queue"] = json!(queue);
            }
            message["attributes"] = json!(attributes);
            "call_update"
        }
        What::End { escalated } => {
            message["reason"] = json!("completed");
            if let Some(escalated) = escalated {
                message["outcome"] = json!({"escalated": escalated});
            }
            "call_end"
        }
        What::Bad("unknown_type") => "hello",
        What::Bad(_) => "chunk",
    };
    message["type"] = json!(kind);
    message.to_string()
}
