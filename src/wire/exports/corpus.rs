//! A call as a line of a corpus, with what the program knew of it beside.

use std::sync::Arc;

use serde::Serialize;

use crate::call::{Outcome, Speaker};
use crate::engine::alert::Alert;
use crate::engine::effects::{CallView, Said};
use crate::features::Tag;
use crate::wire::lists::CallDetail;

/// The fields of [`crate::call::Call`], then others, which readers of a corpus pass over.
#[derive(Debug, Serialize)]
pub struct Line<'a> {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    lang: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
    turns: Vec<Turn<'a>>,
    /// The call as REST shows it.
    call: &'a CallView,
    /// Whether the transcript is here from its beginning.
    whole: bool,
    alerts: &'a [Arc<Alert>],
}

#[derive(Debug, Serialize)]
struct Turn<'a> {
    speaker: Speaker,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_ms: Option<i64>,
    text: &'a str,
    seq: u64,
    scored: Scored<'a>,
}

/// What the program made of a turn: under a name of its own, because `sentiment` and `acts` of a
/// turn are labels that people gave.
#[derive(Debug, Serialize)]
struct Scored<'a> {
    sentiment: Option<f64>,
    risk: Option<f64>,
    #[serde(skip_serializing_if = "<[Tag]>::is_empty")]
    acts: &'a [Tag],
}

/// The line of a call, each final chunk a turn. Ids are unique in a corpus: of calls that had the
/// same one, only the newest keeps it, the others get their number behind.
pub fn line(call: &CallDetail, is_newest: bool) -> Line<'_> {
    let view = &*call.view;
    Line {
        id: match is_newest {
            true => view.call_id.clone(),
            false => format!("{}#{}", view.call_id, call.number),
        },
        lang: view.lang.as_deref(),
        outcome: view.outcome.clone().map(|outcome| within(outcome, call)),
        turns: call.transcript.iter().map(|said| turn(said)).collect(),
        call: view,
        whole: call.whole,
        alerts: &call.alert_list,
    }
}

/// The turn of an escalation counts from the first one said, so it means nothing without that; nor
/// does one that was never said.
fn within(mut outcome: Outcome, call: &CallDetail) -> Outcome {
    outcome.turn = outcome.turn.filter(|turn| call.whole && *turn <= call.transcript.len());
    outcome
}

fn turn(said: &Said) -> Turn<'_> {
    Turn {
        speaker: said.speaker,
        start_ms: said.start_ms,
        end_ms: said.end_ms,
        text: &said.text,
        seq: said.seq,
        scored: Scored { sentiment: said.sentiment, risk: said.risk, acts: &said.acts },
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::call::Call;

    fn read(call: &CallDetail, is_newest: bool) -> Call {
        Call::parse(&serde_json::to_string(&line(call, is_newest)).unwrap()).unwrap()
    }

    #[test]
    fn a_line_reads_back_as_a_call_without_invented_labels() {
        let said = [("agent", Some(0), Some(900), "hi"), ("customer", None, None, "no\nway")];
        let call = samples::call(&said);
        let read_back = read(&call, true);
        assert_eq!((read_back.id.as_str(), read_back.lang.as_deref()), ("c-7", Some("en-GB")));
        assert_eq!(read_back.visible_turns(), 1);
        assert_eq!(read_back.turns[1].text, "no\nway");
        assert_eq!((read_back.turns[0].end_ms, read_back.turns[1].start_ms), (Some(900), None));
        let labels = |turn: &crate::call::Turn| turn.sentiment.is_some() || !turn.acts.is_empty();
        assert!(!read_back.turns.iter().any(labels));
        assert_eq!(read(&call, false).id, "c-7#7");
    }

    #[test]
    fn a_turn_that_cannot_be_found_is_no_label() {
        let mut call = samples::call(&[]);
        assert_eq!(read(&call, true).outcome.unwrap().turn, None, "it has no such turn");
        call = samples::call(&[("agent", None, None, "hi"), ("agent", None, None, "hello")]);
        assert_eq!(read(&call, true).outcome.as_ref().unwrap().turn, Some(1));
        call.whole = false;
        let outcome = read(&call, true).outcome.unwrap();
        assert_eq!((outcome.escalated, outcome.turn), (true, None));
    }
}
