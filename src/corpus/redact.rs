//! Recorded calls are redacted as they are read, as live ones are at the door.

use crate::call::{Call, Speaker};
use crate::features::same_turn;
use crate::text::redact::Redactor;
use crate::text::runs::{Ending, Reader};

/// Texts before a turn that may hold the question it answers.
const EARLIER: usize = 4;

/// Takes out of a call what `redactor` does not keep.
pub fn redact(call: &mut Call, redactor: &Redactor) {
    let mut endings = [Ending::default(); 4];
    let mut open: Option<(Speaker, Option<i64>, Reader)> = None;
    for index in 0..call.turns.len() {
        let (before, turn) = call.turns.split_at_mut(index);
        let turn = &mut turn[0];
        let goes_on = open.as_ref().is_some_and(|(speaker, end_ms, _)| {
            same_turn(*speaker, *end_ms, turn.speaker, turn.start_ms)
        });
        let mut own = match open.take() {
            Some(own) if goes_on => own,
            _ => (turn.speaker, None, Reader::after(endings[turn.speaker as usize])),
        };
        let earlier = before.iter().rev().take(EARLIER).map(|turn| turn.text.as_str());
        if let Some(text) = redactor.redact(&turn.text, || own.2.runs(), earlier) {
            turn.text = text;
        }
        own.1 = own.1.max(turn.end_ms.or(turn.start_ms));
        own.2.take(&turn.text);
        endings[turn.speaker as usize] = own.2.runs().ending();
        open = Some(own);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_over_several_turns_is_taken_out() {
        let json = r#"{"id":"a-1","turns":[
            {"speaker":"agent","text":"Can I have the card number?"},
            {"speaker":"customer","text":"It's four one one one"},
            {"speaker":"agent","text":"Yes"},
            {"speaker":"customer","text":"one one one one"},
            {"speaker":"agent","text":"Sorry, two times?"},
            {"speaker":"customer","text":"Two times eight"}]}"#;
        let mut call = Call::parse(json).unwrap();
        redact(&mut call, &Redactor::default());
        let texts: Vec<_> = call.turns.iter().map(|turn| turn.text.as_str()).collect();
        assert_eq!(texts[1..4], ["It's [card]", "Yes", "[card]"]);
        assert_eq!(texts[4], "Sorry, two times?");
    }
}
