//! Corpus calls as turns of the engine, with labels.

use std::collections::BTreeSet;

use crate::call::{Call, Speaker, Turn};
use crate::features::{Piece, Role, same_turn};
use crate::text::runs::{Ending, Reader};
use crate::text::tokenise;

/// A turn as the engine sees it: corpus turns of one speaker without a gap are one.
#[derive(Clone, Debug)]
pub(super) struct LabelledTurn {
    pub role: Option<Role>,
    /// Normalised words.
    pub words: Vec<String>,
    /// Sum of the sentiment labels, if there is one.
    pub sentiment: Option<i32>,
    pub acts: BTreeSet<String>,
    /// Reader's risk at its end, 0 … 9, and its change since the turn before.
    pub reader_risk: Option<(u8, i32)>,
    /// Before the escalation, so that a forecast may see it.
    pub visible: bool,
}

impl LabelledTurn {
    fn begin(speaker: Speaker) -> LabelledTurn {
        LabelledTurn {
            role: Role::of(speaker),
            words: Vec::new(),
            sentiment: None,
            acts: BTreeSet::new(),
            reader_risk: None,
            visible: true,
        }
    }
}

/// A recorded turn as the features take it: one chunk a turn.
pub(super) fn piece(turn: &Turn, index: usize) -> Piece<'_> {
    Piece {
        seq: index as u64 + 1,
        speaker: turn.speaker,
        start_ms: turn.start_ms,
        end_ms: turn.end_ms,
        text: &turn.text,
    }
}

/// The turns of `call`. A turn that the escalation falls into is cut there.
pub(super) fn labelled(call: &Call) -> Vec<LabelledTurn> {
    let mut turns: Vec<LabelledTurn> = Vec::new();
    let mut open: Option<(Speaker, Option<i64>)> = None;
    let mut risk_before = 0;
    let mut endings = [Ending::default(); 4];
    let mut reader = Reader::default();
    for (index, turn) in call.turns.iter().enumerate() {
        if tokenise(&turn.text).is_empty() {
            continue;
        }
        let visible = index < call.visible_turns();
        let goes_on = open.is_some_and(|(speaker, end_ms)| {
            same_turn(speaker, end_ms, turn.speaker, turn.start_ms)
        });
        if !goes_on || turns.last().is_some_and(|last| last.visible != visible) {
            if let Some((risk, _)) = turns.last().and_then(|last| last.reader_risk) {
                risk_before = i32::from(risk);
            }
            turns.push(LabelledTurn { visible, ..LabelledTurn::begin(turn.speaker) });
            reader = Reader::after(endings[turn.speaker as usize]);
        }
        let end_ms = turn.end_ms.or(turn.start_ms);
        open =
            Some((turn.speaker, if goes_on { open.and_then(|o| o.1).max(end_ms) } else { end_ms }));
        let Some(own) = turns.last_mut() else { continue };
        reader.take(&turn.text);
        endings[turn.speaker as usize] = reader.runs().ending();
        own.words = reader.clone().words();
        own.acts.extend(turn.acts.iter().cloned());
        if let Some(sentiment) = turn.sentiment {
            own.sentiment = Some(own.sentiment.unwrap_or(0) + i32::from(sentiment));
        }
        if let Some(risk) = turn.reader_risk {
            own.reader_risk = Some((risk, i32::from(risk) - risk_before));
        }
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_of_one_speaker_join_and_are_cut_at_the_escalation() {
        let json = r#"{"id":"a-1","outcome":{"escalated":true,"turn":2},"turns":[
          {"speaker":"agent","start_ms":0,"end_ms":1000,"text":"Hi","acts":["proc"],"reader_risk":1},
          {"speaker":"agent","start_ms":2000,"end_ms":3000,"text":"there","acts":["list"],"reader_risk":3},
          {"speaker":"agent","start_ms":3500,"end_ms":4000,"text":"I hand you up","acts":["tran"],"reader_risk":9},
          {"speaker":"agent","start_ms":9000,"end_ms":9500,"text":"bye","reader_risk":9}]}"#;
        let turns = labelled(&serde_json::from_str(json).unwrap());
        let words: Vec<_> = turns.iter().map(|turn| turn.words.join(" ")).collect();
        assert_eq!(words, ["hi there", "i hand you up", "bye"]);
        assert_eq!(turns[0].reader_risk, Some((3, 3)));
        assert_eq!(turns[1].reader_risk, Some((9, 6)));
        assert!(turns[0].visible && !turns[1].visible && turns[0].acts.len() == 2);
    }
}
