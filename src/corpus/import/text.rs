//! Plain text: `Agent: … / Customer: …`, one speaker a line, with or without times.
//!
//! Schema: none; this is what we take (inferred from how transcripts are commonly written).
//! - A line is `label: words`. Times may stand before the label, behind it, or before the words:
//!   `[00:01:02] Agent: …`, `Agent (12:03): …`. Two numbers are minutes and seconds. Moments, times
//!   with am or pm, and times of a call that begins an hour late or later are times of day, and
//!   count from the first of the call.
//! - A line without a label goes on with what was said before; so does a line that begins with a
//!   blank, unless its label is known. Empty lines mean nothing.
//! - A call ends where the next begins: at `---`, `===`, `***` (three or more); at `# id`,
//!   `=== id ===`, `--- id ---`; at a line that is only `Call 123` or `Call ID: x`. An id without a
//!   letter is put behind the file's name, as is the number of a call without an id.
//! - Before the first words of a call, lines such as `Date: …`, `Agent name: …` are passed over, and
//!   so are lines without a label that an empty line separates from what is said; that is told.

use super::Cast;
use super::draft::{Draft, Piece};
use super::label::{Line, line};
use super::stamp::Zero;

/// Most lines before the first words of a call.
const MAX_HEAD: usize = 50;
/// What may stand before the first words and is no speaker.
const ABOUT: [&str; 14] = [
    "date",
    "time",
    "duration",
    "start",
    "end",
    "started",
    "ended",
    "title",
    "subject",
    "topic",
    "queue",
    "language",
    "participants",
    "recording",
];
/// What calls are called in a heading.
const CALLS: [&str; 8] = [
    "call id",
    "contact id",
    "conversation id",
    "transcript id",
    "call",
    "contact",
    "conversation",
    "transcript",
];

/// Reads the calls of a text.
///
/// # Errors
/// With the number of the line.
pub(super) fn read(content: &str, cast: &Cast) -> Result<Vec<Draft>, String> {
    let mut calls = Calls::default();
    let lines: Vec<&str> = content.lines().collect();
    for (index, text) in lines.iter().copied().enumerate() {
        if text.trim().is_empty() {
            continue;
        }
        if let Some(heading) = heading(text) {
            calls.begin(heading);
            continue;
        }
        let parts = line(text, cast);
        if calls.draft.pieces.is_empty() && calls.about(&parts) {
            continue;
        }
        if calls.draft.pieces.is_empty()
            && parts.label.is_none()
            && stands_apart(&lines[index..], cast)
        {
            calls.draft.note(format!("line {}: said by nobody and left out", index + 1));
            continue;
        }
        calls.say(&parts).map_err(|error| format!("line {}: {error}", index + 1))?;
    }
    calls.finish()
}

#[derive(Default)]
struct Calls {
    done: Vec<Draft>,
    draft: Draft,
    zero: Zero,
}

impl Calls {
    fn begin(&mut self, id: Option<String>) {
        if !self.draft.pieces.is_empty() {
            self.done.push(std::mem::take(&mut self.draft));
            self.zero = Zero::default();
        }
        // A rule under a heading keeps the heading.
        self.draft.id = id.or(self.draft.id.take());
    }

    /// Passes over what is said about the call before its first words.
    fn about(&mut self, parts: &Line<'_>) -> bool {
        let Some(label) = parts.label.map(str::to_ascii_lowercase) else { return false };
        if label.ends_with("id") && (label == "id" || CALLS.contains(&label.as_str())) {
            self.begin(Some(parts.text.to_owned()));
            return true;
        }
        let last = label.rsplit_once(' ').map_or("", |(_, last)| last);
        ABOUT.contains(&label.as_str())
            || ["name", "id", "number", "phone", "email", "extension"].contains(&last)
            || ["call", "start", "end", "recording"].iter().any(|word| {
                let rest = label.strip_prefix(word).and_then(|rest| rest.strip_prefix(' '));
                rest.is_some_and(|rest| ABOUT.contains(&rest))
            })
    }

    fn say(&mut self, parts: &Line<'_>) -> Result<(), String> {
        let start_ms = parts.start.map(|stamp| self.zero.call_ms(stamp));
        let end_ms = parts.end.map(|stamp| self.zero.call_ms(stamp));
        let text = parts.text.to_owned();
        if let Some(label) = parts.label {
            let keys = vec![label.to_owned()];
            self.draft.pieces.push(Piece { keys, role: None, start_ms, end_ms, text });
            return Ok(());
        }
        let Some(last) = self.draft.pieces.last_mut() else {
            return Err(format!(
                "nobody says \"{}\"; a line begins with who speaks, such as `Agent: …`",
                parts.text.chars().take(40).collect::<String>()
            ));
        };
        // A time of its own makes it a piece of its own, unless the label stood alone.
        if start_ms.is_some() && !last.text.is_empty() {
            let keys = last.keys.clone();
            self.draft.pieces.push(Piece { keys, role: None, start_ms, end_ms, text });
            return Ok(());
        }
        if !last.text.is_empty() && !text.is_empty() {
            last.text.push(' ');
        }
        last.text += &text;
        last.start_ms = last.start_ms.or(start_ms);
        last.end_ms = end_ms.or(last.end_ms);
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<Draft>, String> {
        self.begin(None);
        for draft in &mut self.done {
            draft.pieces.retain(|piece| !piece.text.is_empty());
            // `Call 12` of two files are two calls.
            draft.number = draft.id.take_if(|id| !id.contains(char::is_alphabetic));
            draft.also.extend(draft.number.clone());
        }
        match self.done.is_empty() {
            true => Err("no line of it says anything; write lines such as `Agent: …`".into()),
            false => Ok(self.done),
        }
    }
}

/// Whether an empty line comes before anything that somebody says.
fn stands_apart(lines: &[&str], cast: &Cast) -> bool {
    let next = lines
        .iter()
        .take(MAX_HEAD)
        .find(|text| text.trim().is_empty() || line(text, cast).label.is_some());
    next.is_some_and(|text| text.trim().is_empty())
}

/// Whether the line separates calls, and the id it gives.
fn heading(text: &str) -> Option<Option<String>> {
    let text = text.trim();
    let sign = text.chars().next().filter(|c| "-=*_#".contains(*c));
    let Some(sign) = sign else {
        return called(text, true).map(Some);
    };
    let inside = text.trim_matches(sign);
    let run = text.chars().take_while(|c| *c == sign).count();
    if inside.is_empty() {
        return (run >= 3).then_some(None);
    }
    let enough = match sign {
        '#' => 1,
        '=' => 2,
        '-' => 3,
        _ => return None,
    };
    let apart = inside.starts_with(char::is_whitespace);
    (run >= enough && apart).then(|| {
        let title = inside.trim();
        let id = called(title, false).unwrap_or_else(|| title.into());
        Some(id.split_whitespace().collect::<Vec<_>>().join("-"))
    })
}

/// `x` of `Call x`, `Call #x`, `Call ID: x`. A line that is nothing but that (`alone`) needs a
/// digit or a colon, because people say "call back".
fn called(text: &str, alone: bool) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let word = CALLS.iter().find(|word| lower.starts_with(*word))?;
    let rest = text[word.len()..].trim_start();
    let (id, colon) = match rest.strip_prefix([':', '#']) {
        Some(id) => (id.trim(), true),
        None if text[word.len()..].starts_with(char::is_whitespace) => (rest, false),
        None => return None,
    };
    let single = !id.is_empty() && !id.contains(char::is_whitespace);
    let number = id.trim_end_matches([':', '.']);
    let sure = colon || number.contains(|c: char| c.is_ascii_digit());
    (single && (sure || !alone)).then(|| number.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(content: &str) -> Vec<String> {
        let calls = read(content, &Cast::default()).unwrap();
        let mut lines = Vec::new();
        for call in calls {
            lines.push(format!("#{}", call.id.unwrap_or_default()));
            lines.extend(call.pieces.iter().map(|piece| {
                let start = piece.start_ms.map(|ms| format!("{ms} ")).unwrap_or_default();
                format!("{start}{}: {}", piece.keys[0], piece.text)
            }));
        }
        lines
    }

    #[test]
    fn lines_continue_and_times_are_kept() {
        let content = "Date: 2026-11-22\r\nAgent: hello\r\nthere\r\n\r\nCustomer:\r\n  I pay: nothing\r\n\
                       [00:00:09] Agent: why\r\n00:00:11 because\r\n";
        assert_eq!(
            told(content),
            [
                "#",
                "Agent: hello there",
                "Customer: I pay: nothing",
                "9000 Agent: why",
                "11000 Agent: because"
            ]
        );
    }

    #[test]
    fn calls_are_separated_and_named() {
        let content = "=====\nCall 12\n=====\nAgent: a\nCustomer: call 911\n# ta-1\nAgent: b\n---\n\
                       Agent: c\n=== Call ID: x y ===\nAgent: d\nCall: z-9\nAgent: e\n";
        assert_eq!(
            told(content),
            [
                "#",
                "Agent: a",
                "Customer: call 911",
                "#ta-1",
                "Agent: b",
                "#",
                "Agent: c",
                "#Call-ID:-x-y",
                "Agent: d",
                "#z-9",
                "Agent: e"
            ]
        );
        assert_eq!(
            read("Call 12\nAgent: a", &Cast::default()).unwrap()[0].number.as_deref(),
            Some("12")
        );
        assert_eq!(heading("call back"), None);
        assert_eq!(heading("Call me"), None);
        assert_eq!(heading("#1 reason"), None);
        assert_eq!(heading("-- well"), None);
    }

    #[test]
    fn what_nobody_says_is_refused_with_its_line() {
        let calls =
            read("Call centre north\nof May\n\nAgent name: Jo\nAgent: a\n", &Cast::default());
        let call = calls.unwrap().remove(0);
        assert_eq!(call.pieces.len(), 1);
        assert_eq!(call.notes[1], "line 2: said by nobody and left out");
        let error = read("\nhello there\n", &Cast::default()).unwrap_err();
        assert!(error.starts_with("line 2: nobody says \"hello there\""), "{error}");
        assert!(read("---\n# x\n", &Cast::default()).unwrap_err().contains("no line"));
    }

    proptest! {
        #[test]
        fn anything_is_read_without_panic(content in "\\PC{0,80}(\n[-=#*: \\[\\]()0-9A-Za-z]{0,30}){0,8}") {
            let _ = read(&content, &Cast::default());
        }

        #[test]
        fn what_is_written_is_read(
            lines in prop::collection::vec((any::<bool>(), 0_i64..3_000, "[a-z][a-z' ]{0,30}[a-z]"), 1..20),
            style in 0_usize..4,
        ) {
            let mut content = String::new();
            for (agent, second, words) in &lines {
                let who = if *agent { "Agent" } else { "CALLER" };
                let time = format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60);
                content += &match style {
                    0 => format!("{who}: {words}\n"),
                    1 => format!("[{time}] {who}: {words}\r\n\r\n"),
                    2 => format!("{who} ({time}): {words}\n"),
                    _ => format!("{time} {who}:\n{words}\n"),
                };
            }
            let read = read(&content, &Cast::default()).unwrap();
            prop_assert_eq!(read.len(), 1);
            let told: Vec<_> = read[0].pieces.iter().map(|piece| {
                (piece.keys[0] == "Agent", piece.start_ms.map(|ms| ms / 1_000), piece.text.clone())
            }).collect();
            let expected: Vec<_> = lines.into_iter().map(|(agent, second, words)| {
                (agent, (style > 0).then_some(second), words)
            }).collect();
            prop_assert_eq!(told, expected);
        }
    }
}
