//! How calls ended, from a table of one's own: `id,escalated` and, where known, where and why.

use std::collections::HashMap;
use std::path::Path;

use super::Draft;
use super::source::{MAX_BYTES, read};
use crate::call::{Call, Outcome};

/// Where it escalated.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Where {
    Turn(usize),
    Millis(i64),
}

#[derive(Clone, Debug, PartialEq)]
struct Label {
    line: u64,
    outcome: Outcome,
    place: Option<Where>,
}

/// Labels by the id of a call.
#[derive(Clone, Debug)]
pub struct Labels {
    name: String,
    labels: HashMap<String, Label>,
    used: std::collections::HashSet<String>,
    /// Columns that mean nothing here.
    pub other_columns: Vec<String>,
}

/// The columns that mean something: `id` and `escalated` must be there.
const COLUMNS: [&str; 6] = ["id", "escalated", "turn", "at_ms", "kind", "arc"];

impl Labels {
    /// Reads a CSV file with a header; the columns may also be divided by `;` or tabs.
    ///
    /// # Errors
    /// A sentence with file and line.
    pub fn load(path: &Path) -> Result<Labels, String> {
        let name = path.display().to_string();
        let text = read(path, MAX_BYTES).map_err(|error| format!("{name}: {error}"))?;
        Labels::parse(text.strip_prefix('\u{FEFF}').unwrap_or(&text), &name)
    }

    fn parse(text: &str, name: &str) -> Result<Labels, String> {
        let head = text.lines().next().unwrap_or_default();
        let delimiter = [b',', b';', b'\t']
            .into_iter()
            .max_by_key(|sign| head.bytes().filter(|byte| byte == sign).count());
        let mut reader = csv::ReaderBuilder::new();
        reader.delimiter(delimiter.unwrap_or(b',')).trim(csv::Trim::All);
        let mut reader = reader.from_reader(text.as_bytes());
        let wrong = |error: csv::Error| format!("{name}: {error}");
        let header = reader.headers().map_err(wrong)?.clone();
        let column = |title: &str| {
            header.iter().position(|own| {
                let own = own.to_ascii_lowercase();
                own == title || (title == "id" && (own == "call_id" || own == "contact_id"))
            })
        };
        let (Some(id), Some(escalated)) = (column("id"), column("escalated")) else {
            return Err(format!("{name}:1: the header needs the columns `id` and `escalated`"));
        };
        let columns = COLUMNS.map(column);
        let other = header.iter().enumerate().filter(|(at, _)| !columns.contains(&Some(*at)));
        let other_columns = other.map(|(_, own)| own.to_owned()).collect();
        let mut labels = HashMap::new();
        for record in reader.records() {
            let record = record.map_err(wrong)?;
            let line = record.position().map_or(0, csv::Position::line);
            let field =
                |at: Option<usize>| at.and_then(|at| record.get(at)).filter(|f| !f.is_empty());
            let key = field(Some(id)).ok_or_else(|| format!("{name}:{line}: `id` is empty"))?;
            let label = label(line, field(Some(escalated)), columns.map(field))
                .map_err(|error| format!("{name}:{line}: {error}"))?;
            if labels.insert(key.to_owned(), label).is_some() {
                return Err(format!("{name}:{line}: `{key}` is there twice"));
            }
        }
        Ok(Labels { name: name.into(), labels, used: Default::default(), other_columns })
    }

    /// Gives the call its outcome, if it or a file of that name has one. Gives whether it had.
    ///
    /// # Errors
    /// A sentence when the place of the escalation is not in the call.
    pub fn apply(&mut self, call: &mut Call, draft: &Draft, file: &str) -> Result<bool, String> {
        let own = draft.id.iter().chain(&draft.also).map(String::as_str);
        let names = [call.id.as_str()].into_iter().chain(own).chain([file]);
        let Some((key, label)) = names.into_iter().find_map(|key| self.labels.get_key_value(key))
        else {
            return Ok(false);
        };
        let mut outcome = label.outcome.clone();
        let at = format!("{}:{}", self.name, label.line);
        outcome.turn = match label.place {
            None => None,
            Some(Where::Turn(turn)) if turn < call.turns.len() => Some(turn),
            Some(Where::Turn(turn)) => {
                let turns = call.turns.len();
                return Err(format!(
                    "{at}: turn {turn}, but it has {turns} turns (they count from 0)"
                ));
            }
            Some(Where::Millis(ms)) => Some(turn_at(call, ms).ok_or_else(|| {
                format!("{at}: `at_ms` is {ms}, but no turn has begun by then; give `turn` instead")
            })?),
        };
        call.outcome = Some(outcome);
        self.used.insert(key.clone());
        Ok(true)
    }

    /// How many labels no call had, and one of them.
    pub fn unused(&self) -> Option<(usize, &str)> {
        let mut unused: Vec<&String> =
            self.labels.keys().filter(|key| !self.used.contains(*key)).collect();
        unused.sort();
        unused.first().map(|first| (unused.len(), first.as_str()))
    }
}

/// The turn that is spoken at a time: the last that has begun.
pub fn turn_at(call: &Call, ms: i64) -> Option<usize> {
    call.turns.iter().rposition(|turn| turn.start_ms.is_some_and(|start| start <= ms))
}

fn label(line: u64, escalated: Option<&str>, fields: [Option<&str>; 6]) -> Result<Label, String> {
    let [_, _, turn, at_ms, kind, arc] = fields;
    let word = escalated.unwrap_or_default().to_ascii_lowercase();
    let escalated = match word.as_str() {
        "true" | "yes" | "y" | "1" | "escalated" => true,
        "false" | "no" | "n" | "0" => false,
        _ => return Err(format!("`escalated` is `{word}`; write true or false")),
    };
    let number = |name: &str, text: &str| {
        let number = text.parse::<i64>().ok().filter(|number| *number >= 0);
        number.ok_or_else(|| format!("`{name}` is `{text}`, not a whole number from 0"))
    };
    let place = match (turn, at_ms) {
        (Some(_), Some(_)) => return Err("`turn` and `at_ms` are both given; one is enough".into()),
        (Some(turn), None) => Some(Where::Turn(number("turn", turn)? as usize)),
        (None, Some(at_ms)) => Some(Where::Millis(number("at_ms", at_ms)?)),
        (None, None) => None,
    };
    if place.is_some() && !escalated {
        return Err("it did not escalate, but there is a place where it did".into());
    }
    let (kind, arc) = (kind.map(str::to_owned), arc.map(str::to_owned));
    Ok(Label { line, outcome: Outcome { escalated, arc, kind, turn: None }, place })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> Call {
        let turns = r#"[{"speaker":"agent","text":"hi","start_ms":0},{"speaker":"customer","text":"no","start_ms":900}]"#;
        Call::parse(&format!(r#"{{"id":"x-1","turns":{turns}}}"#)).unwrap()
    }

    fn outcome(text: &str) -> Result<Option<Outcome>, String> {
        let mut labels = Labels::parse(text, "l.csv")?;
        let mut call = call();
        let draft = Draft { id: Some("u-1".into()), also: vec!["12".into()], ..Draft::default() };
        labels.apply(&mut call, &draft, "tape")?;
        Ok(call.outcome)
    }

    #[test]
    fn a_call_is_found_by_any_of_its_names() {
        for id in ["x-1", "u-1", "12", "tape"] {
            let found = outcome(&format!("id,escalated\n{id},no\n")).unwrap().unwrap();
            assert!(!found.escalated, "{id}");
        }
        assert_eq!(outcome("id,escalated\nother,no\n").unwrap(), None);
        let labels = Labels::parse("id,escalated,site\nb,no,1\na,no,2", "l.csv").unwrap();
        assert_eq!(labels.unused(), Some((2, "a")));
        assert_eq!(labels.other_columns, ["site"]);
    }

    #[test]
    fn the_place_is_a_turn_or_a_time() {
        let found =
            outcome("call_id;Escalated;at_ms;kind\nx-1;YES;950;cancel_threat\n").unwrap().unwrap();
        assert_eq!((found.turn, found.kind.as_deref()), (Some(1), Some("cancel_threat")));
        let found = outcome("id\tescalated\tturn\nx-1\t1\t0").unwrap().unwrap();
        assert_eq!((found.escalated, found.turn), (true, Some(0)));
        assert_eq!(turn_at(&call(), 899), Some(0));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, expected) in [
            ("name,x\n", "l.csv:1: the header needs"),
            ("id,escalated\nx-1,maybe", "l.csv:2: `escalated` is `maybe`"),
            ("id,escalated\nx-1,1\nx-1,1", "l.csv:3: `x-1` is there twice"),
            ("id,escalated,turn\nx-1,1,2", "l.csv:2: turn 2, but it has 2"),
            ("id,escalated,turn\nx-1,0,1", "l.csv:2: it did not escalate"),
            ("id,escalated,turn\nx-1,1,-1", "`turn` is `-1`"),
            ("id,escalated,turn\nx-1,1", "l.csv: CSV error"),
        ] {
            let error = outcome(text).unwrap_err();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }
}
