//! Conversation acts and a reader's risk from a file of their own, put into the calls.
//!
//! One line a call: its id, a tab, then one token a turn in order, such as `3frus+repc`: the
//! reader's risk, 0 to 9, and the acts of the turn.

use std::collections::HashMap;
use std::io::BufRead;
use std::path::Path;

use super::{CorpusError, line_error, open};
use crate::call::Call;

/// What one turn was said to be.
#[derive(Clone, Debug, PartialEq)]
struct Mark {
    reader_risk: u8,
    acts: Vec<String>,
}

/// Reads the annotation in `path` and puts it into the calls it names; the others stay as they
/// are. Gives the number of annotated calls.
///
/// # Errors
/// [`CorpusError`] for a line that is no annotation, or has not one token for each turn.
pub fn annotate<'a>(
    path: &Path,
    calls: impl Iterator<Item = &'a mut Call>,
) -> Result<usize, CorpusError> {
    let name = path.display().to_string();
    let mut calls: HashMap<String, &mut Call> = calls.map(|call| (call.id.clone(), call)).collect();
    let mut annotated = 0;
    for (index, line) in open(path)?.lines().enumerate() {
        let refused = |message: String| line_error(&name, index, &message);
        let line = line.map_err(|error| refused(error.to_string()))?;
        if line.trim().is_empty() {
            continue;
        }
        let (id, marks) = parse(&line).map_err(refused)?;
        let Some(call) = calls.get_mut(id) else { continue };
        if marks.len() != call.turns.len() {
            let (marks, turns) = (marks.len(), call.turns.len());
            return Err(refused(format!("`{id}` has {turns} turns, but {marks} tokens")));
        }
        for (turn, mark) in call.turns.iter_mut().zip(marks) {
            turn.reader_risk = Some(mark.reader_risk);
            turn.acts = mark.acts;
        }
        annotated += 1;
    }
    if annotated == 0 {
        return Err(line_error(&name, 0, "none of its calls is in the corpus"));
    }
    Ok(annotated)
}

fn parse(line: &str) -> Result<(&str, Vec<Mark>), String> {
    let (id, tokens) = line.split_once('\t').ok_or("expected an id, a tab and a token a turn")?;
    let marks = tokens.split_whitespace().map(mark).collect::<Result<_, _>>()?;
    Ok((id, marks))
}

fn mark(token: &str) -> Result<Mark, String> {
    let wrong = || format!("`{token}` is not a risk digit and acts, such as 3frus+repc");
    let mut letters = token.chars();
    let reader_risk = letters.next().and_then(|digit| digit.to_digit(10)).ok_or_else(wrong)?;
    let acts: Vec<String> = letters.as_str().split('+').map(str::to_owned).collect();
    if acts.iter().any(String::is_empty) {
        return Err(wrong());
    }
    // A digit fits.
    Ok(Mark { reader_risk: reader_risk as u8, acts })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(id: &str) -> Call {
        let turns = r#"[{"speaker":"agent","text":"hi"},{"speaker":"customer","text":"no"}]"#;
        Call::parse(&format!(r#"{{"id":"{id}","turns":{turns}}}"#)).unwrap()
    }

    fn annotated(text: &str) -> Result<Vec<Call>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("acts.tsv");
        std::fs::write(&path, text).unwrap();
        let mut calls = vec![call("a-1"), call("a-2")];
        annotate(&path, calls.iter_mut()).map_err(|error| error.to_string())?;
        Ok(calls)
    }

    #[test]
    fn marks_find_their_turns() {
        let calls = annotated("a-2\t0proc 9frus+repc\nb-1\t0proc\n").unwrap();
        assert_eq!(calls[1].turns[1].reader_risk, Some(9));
        assert_eq!(calls[1].turns[1].acts, ["frus", "repc"]);
        assert!(calls[0].turns[0].acts.is_empty());
    }

    #[test]
    fn what_is_no_annotation_is_refused_with_its_line() {
        let refused = |text: &str| annotated(text).unwrap_err();
        assert!(refused("a-1\t0proc 1frus\na-2\t0proc").contains("acts.tsv:2: `a-2` has 2 turns"));
        assert!(refused("a-1\tproc 1frus").contains("`proc` is not a risk digit"));
        assert!(refused("a-1 0proc").contains("a tab"));
        assert!(refused("b-1\t0proc\n").contains("none of its calls"));
    }
}
