//! Words that give an escalation away: counted they are a baseline, masked they tell how much a
//! model leans on them.

use crate::call::Call;
use crate::text::tokenise;

/// Beginnings of the words, for their inflections.
const GIVE_AWAYS: [&str; 12] = [
    "supervisor",
    "manager",
    "escalat",
    "complain",
    "complaint",
    "cancel",
    "lawyer",
    "solicitor",
    "ombudsman",
    "regulator",
    "sue",
    "transfer",
];

fn gives_away(word: &str) -> bool {
    GIVE_AWAYS.iter().any(|stem| match *stem {
        "sue" => matches!(word, "sue" | "sues" | "sued" | "suing"),
        stem => word.starts_with(stem),
    })
}

/// How many give-away words there are in `text`.
pub fn count(text: &str) -> usize {
    tokenise(text).iter().filter(|token| gives_away(&token.word)).count()
}

/// The call with every give-away word replaced by one that says nothing.
pub fn mask(call: &Call) -> Call {
    let mut call = call.clone();
    for turn in &mut call.turns {
        let characters: Vec<char> = turn.text.chars().collect();
        let mut masked = String::with_capacity(turn.text.len());
        let mut done = 0;
        for token in tokenise(&turn.text) {
            masked.extend(&characters[done..token.start as usize]);
            done = token.end as usize;
            if gives_away(&token.word) {
                masked.push_str("xxxx");
            } else {
                masked.extend(&characters[token.start as usize..done]);
            }
        }
        masked.extend(&characters[done..]);
        turn.text = masked;
    }
    call
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn give_away_words_are_masked_and_nothing_else() {
        let json = r#"{"id":"a-1","turns":[
            {"speaker":"customer","text":"Your Manager's late; I'm suing, not issued."}]}"#;
        let masked = mask(&serde_json::from_str(json).unwrap());
        assert_eq!(masked.turns[0].text, "Your xxxx late; I'm xxxx, not issued.");
        assert_eq!(count("cancelled by the managers"), 2);
    }
}
