//! Words cut into runs of one speaker, and joined into text.

use super::view::View;
use super::{Event, Key, Said, Time};

/// A word, or a mark that belongs to the word before.
#[derive(Clone, Debug, Default)]
pub(super) struct Word {
    pub text: String,
    pub speaker: Option<String>,
    pub start: Option<Time>,
    pub end: Option<Time>,
    /// No blank before it.
    pub attached: bool,
}

/// Consecutive words of one speaker.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Run {
    pub speaker: Option<String>,
    pub start: Option<Time>,
    pub end: Option<Time>,
    pub text: String,
}

/// Cuts where the speaker changes. A word without a speaker stays with those before it, or goes
/// with those after it when it is the first.
pub(super) fn runs(words: impl Iterator<Item = Word>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for word in words.filter(|word| !word.text.trim().is_empty()) {
        if let [only] = &mut runs[..]
            && only.speaker.is_none()
        {
            only.speaker.clone_from(&word.speaker);
        }
        let goes_on = runs.last().is_some_and(|run| {
            word.attached || word.speaker.is_none() || run.speaker == word.speaker
        });
        if !goes_on {
            runs.push(Run {
                speaker: word.speaker.clone(),
                start: word.start,
                end: None,
                text: String::new(),
            });
        }
        let Some(run) = runs.last_mut() else { continue };
        if !run.text.is_empty() && !word.attached {
            run.text.push(' ');
        }
        run.text.push_str(&word.text);
        run.end = word.end.or(run.end);
    }
    runs
}

/// A piece of speech as events: a final in which several people speak becomes a piece for each
/// run. A partial stays whole, its first speaker stands for it.
pub(super) fn pieces(said: Said, words: impl Iterator<Item = Word>) -> Vec<Event> {
    let runs = runs(words);
    let labelled = |run: &Run| run.speaker.clone();
    if !said.is_final || runs.len() < 2 {
        let mut said = said;
        said.speaker.extend(runs.first().and_then(labelled));
        return vec![Event::Said(said)];
    }
    let piece = |(place, run): (usize, Run)| {
        let mut piece = said.clone();
        piece.speaker.extend(run.speaker);
        // A run begins where the one before ended when its words have no times.
        piece.start = run.start.or(if place == 0 { said.start } else { None });
        piece.end = run.end;
        piece.text = run.text;
        if let (1.., Key::Own(key) | Key::Stream(key)) = (place, &mut piece.key) {
            key.push_str(&format!("/{place}"));
        }
        Event::Said(piece)
    };
    runs.into_iter().enumerate().map(piece).collect()
}

/// The words of an AWS item list, `Items` of Transcribe.
pub(super) fn aws_items(of: View<'_>) -> impl Iterator<Item = Word> {
    of.list("Items").map(|item| Word {
        text: item.str("Content").unwrap_or_default().to_owned(),
        speaker: item.name("Speaker"),
        start: item.seconds("StartTime"),
        end: item.seconds("EndTime"),
        // Objects of the Python SDK call it otherwise.
        attached: item.says("Type", "punctuation") || item.says("ItemType", "punctuation"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_stay_with_their_word() {
        let word = |text: &str, speaker: &str, attached| Word {
            text: text.into(),
            speaker: (!speaker.is_empty()).then(|| speaker.to_owned()),
            attached,
            ..Word::default()
        };
        let words = [
            word("Yes", "0", false),
            word(".", "", true),
            word("Why", "1", false),
            word("not", "", false),
            word("?", "0", true),
        ];
        let runs = runs(words.into_iter());
        let texts: Vec<_> = runs.iter().map(|run| run.text.as_str()).collect();
        assert_eq!(texts, ["Yes.", "Why not?"]);
        assert_eq!(runs[1].speaker.as_deref(), Some("1"));
    }

    #[test]
    fn a_first_word_without_a_label_goes_with_the_next() {
        let word = |text: &str, speaker: Option<&str>| Word {
            text: text.into(),
            speaker: speaker.map(str::to_owned),
            ..Word::default()
        };
        let words = [word("Uh", None), word("", Some("1")), word("yes", Some("0"))];
        let runs = runs(words.into_iter());
        assert_eq!((runs.len(), runs[0].text.as_str()), (1, "Uh yes"));
        assert_eq!(runs[0].speaker.as_deref(), Some("0"));
    }
}
