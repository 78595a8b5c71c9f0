//! WebVTT, and SubRip as far as it is the same with commas.
//!
//! Schema: spec (W3C WebVTT: blocks, cue times, spans, character references); doc and inferred for
//! how meeting products use it: `<v Name>` (Teams), `Name: …` (Zoom), times such as `0:0:0.0`
//! (Teams events). A cue that names nobody is by whom the cue before it was. Cue settings, tags
//! other than voices, and NOTE, STYLE and REGION blocks mean nothing here.

use super::Cast;
use super::draft::{Draft, Piece};
use super::label::prefix;
use super::stamp::clock_ms;
use crate::call::Timestamp;

/// Longest tag and character reference, in bytes.
const MAX_TAG: usize = 256;
const MAX_REFERENCE: usize = 11;

/// Reads the one call of a file.
///
/// # Errors
/// With the number of the line.
pub(super) fn read(content: &str, cast: &Cast) -> Result<Draft, String> {
    let mut draft = Draft::default();
    let mut last = None;
    let mut cues = 0;
    let voiced = content.contains("<v ") || content.contains("<v.");
    for block in blocks(content) {
        let is_cue = |(_, line): &&(usize, &str)| line.contains("-->");
        // The times are the first line of a cue, or stand below its id.
        let Some(at) = block.iter().take(2).position(|line| is_cue(&line)) else {
            about(&block, &mut draft);
            continue;
        };
        let (number, times) = block[at];
        let (start, end) =
            cue_times(times).map_err(|error| format!("line {}: {error}", number + 1))?;
        cues += 1;
        let lines: Vec<&str> = block[at + 1..].iter().map(|(_, line)| *line).collect();
        for (label, text) in spoken(&lines.join("\n"), voiced, cast) {
            last = label.or(last);
            let keys = last.iter().cloned().collect();
            draft.say(Piece { keys, role: None, start_ms: Some(start), end_ms: Some(end), text });
        }
    }
    match cues {
        0 => Err("no cue in it; a cue has times such as 00:01.000 --> 00:02.500".into()),
        _ => Ok(draft),
    }
}

/// Lines with their numbers from 0, in blocks that empty lines separate.
fn blocks(content: &str) -> Vec<Vec<(usize, &str)>> {
    let mut blocks = vec![Vec::new()];
    for (number, line) in content.lines().enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        match blocks.last_mut() {
            // Some writers forget the empty line before a cue; its times tell.
            Some(block) if !line.is_empty() => block.push((number, line)),
            _ => blocks.push(Vec::new()),
        }
    }
    blocks.retain(|block| !block.is_empty());
    blocks
}

/// What is no cue: the header may name the language; text that belongs to no cue is told.
fn about(block: &[(usize, &str)], draft: &mut Draft) {
    let (number, first) = block[0];
    let begins = |word: &str| {
        let rest = first.strip_prefix(word);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
    };
    if number == 0 && begins("WEBVTT") {
        let language = block.iter().find_map(|(_, line)| line.strip_prefix("Language:"));
        draft.lang = language.map(|lang| lang.trim().to_owned()).filter(|lang| !lang.is_empty());
    } else if let Some(id) = own_id(first) {
        draft.id = draft.id.take().or(Some(id.to_owned()));
    } else if !["NOTE", "STYLE", "REGION"].iter().any(|word| begins(word)) {
        draft.note(format!("line {}: belongs to no cue and is left out", number + 1));
    }
}

/// The id in the note that our own exports begin with.
fn own_id(note: &str) -> Option<&str> {
    let (id, began) = note.strip_prefix("NOTE call ")?.rsplit_once(", began ")?;
    Timestamp::parse(began.trim()).map(|_| id)
}

/// Start and end in milliseconds; settings behind them are ignored.
fn cue_times(line: &str) -> Result<(i64, i64), String> {
    let (start, rest) = line.split_once("-->").unwrap_or((line, ""));
    let end = rest.split_whitespace().next().unwrap_or_default();
    let time = |text: &str| {
        clock_ms(text)
            .ok_or_else(|| format!("`{}` is no time of a cue, such as 00:01:02.500", text.trim()))
    };
    Ok((time(start)?, time(end)?))
}

/// What a cue says, by whom: spans of voices, else lines with a name before them.
fn spoken(payload: &str, voiced: bool, cast: &Cast) -> Vec<(Option<String>, String)> {
    let mut parts: Vec<(Option<String>, String)> = Vec::new();
    for (voice, text) in voices(payload) {
        if voice.is_some() || voiced {
            parts.push((voice, text));
            continue;
        }
        for line in text.lines() {
            match prefix(line, cast) {
                Some((label, words)) => parts.push((Some(label.to_owned()), words.to_owned())),
                None => match parts.last_mut() {
                    Some((_, words)) => {
                        words.push(' ');
                        words.push_str(line);
                    }
                    None => parts.push((None, line.to_owned())),
                },
            }
        }
    }
    parts.retain(|(_, text)| !text.trim().is_empty());
    parts.into_iter().map(|(label, text)| (label, joined(&text))).collect()
}

fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Text without tags and references.
pub(super) fn plain(text: &str) -> String {
    // Tags are borders of words here: paragraphs, line breaks.
    let parts = voices(&text.replace('<', " <"));
    joined(&parts.into_iter().map(|(_, text)| text).collect::<String>())
}

/// The text of a cue without tags, cut where a voice begins or ends.
fn voices(payload: &str) -> Vec<(Option<String>, String)> {
    let mut parts = vec![(None, String::new())];
    let mut rest = payload;
    while let Some(at) = rest.find('<') {
        let (text, tag) = rest.split_at(at);
        push(&mut parts, text);
        let named = tag[1..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/');
        let end = tag.bytes().take(MAX_TAG).position(|byte| byte == b'>');
        let Some(end) = end.filter(|_| named) else {
            push(&mut parts, "<");
            rest = &tag[1..];
            continue;
        };
        rest = &tag[end + 1..];
        let inside = &tag[1..end];
        if inside == "/v" {
            parts.push((None, String::new()));
        } else if let Some(name) = voice(inside) {
            parts.push((Some(name), String::new()));
        }
    }
    push(&mut parts, rest);
    parts
}

/// The name in `v Name` and `v.loud Name`.
fn voice(tag: &str) -> Option<String> {
    let rest = tag.strip_prefix('v')?;
    let (classes, name) = rest.split_once(char::is_whitespace)?;
    let name = joined(&decoded(name));
    ((classes.is_empty() || classes.starts_with('.')) && !name.is_empty()).then_some(name)
}

fn push(parts: &mut [(Option<String>, String)], text: &str) {
    if let Some((_, last)) = parts.last_mut() {
        *last += &decoded(text);
    }
}

/// With character references resolved; what is none stays.
fn decoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out += &rest[..at];
        rest = &rest[at..];
        let end = rest.bytes().take(MAX_REFERENCE).position(|byte| byte == b';');
        match end.and_then(|end| Some((reference(&rest[1..end])?, end))) {
            Some((sign, end)) => {
                out.push(sign);
                rest = &rest[end + 1..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out + rest
}

fn reference(name: &str) -> Option<char> {
    let number =
        |digits: &str, radix| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "nbsp" => Some('\u{a0}'),
        "lrm" => Some('\u{200e}'),
        "rlm" => Some('\u{200f}'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => match name.strip_prefix('#')? {
            hex if hex.starts_with(['x', 'X']) => number(&hex[1..], 16),
            digits => number(digits, 10),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(content: &str) -> Vec<String> {
        let draft = read(content, &Cast::default()).unwrap();
        let line = |piece: &Piece| {
            let (start, end) = (piece.start_ms.unwrap(), piece.end_ms.unwrap());
            let who = piece.keys.first().map_or("-", String::as_str);
            format!("{start}-{end} {who}: {}", piece.text)
        };
        draft.pieces.iter().map(line).collect()
    }

    #[test]
    fn voices_settings_tags_and_references_are_read() {
        let content = "WEBVTT - a title\r\nLanguage: de\r\n\r\nSTYLE\r\n::cue { color: red }\r\n\r\n\
            NOTE call x, y/1, began 2026-11-22T15:42:48.961Z\r\n\r\nNOTE\r\nnot said\r\n\r\n1\r\n00:01.000 --> 00:02.500 align:start position:0%\r\n\
            <v.loud.first Anna B.>R&amp;D <i>is</i> &lt;good&gt;</v> <v Bo>a < b\r\nyes&nbsp;&x;</v>\r\n\r\n\
            c-2\r\n01:00:00.000 --> 01:00:01.000\r\nand<00:00:01.000><c> on</c>\r\n";
        assert_eq!(
            told(content),
            [
                "1000-2500 Anna B.: R&D is <good>",
                "1000-2500 Bo: a < b yes &x;",
                "3600000-3601000 Bo: and on",
            ]
        );
        let draft = read(content, &Cast::default()).unwrap();
        assert_eq!((draft.lang.as_deref(), draft.id.as_deref()), (Some("de"), Some("x, y/1")));
    }

    #[test]
    fn names_before_the_text_are_read() {
        let content = "WEBVTT\n\n1\n00:00:01.000 --> 00:00:02.000\nAnna Smith: hello\nthere\n\n2\n\
            00:00:03.000 --> 00:00:04.000\nAgent: well: yes\nCustomer: no\n";
        assert_eq!(
            told(content),
            [
                "1000-2000 Anna Smith: hello there",
                "3000-4000 Agent: well: yes",
                "3000-4000 Customer: no"
            ]
        );
        let srt = "1\n00:00:01,500 --> 00:00:02,000\nAgent: hi\n\n2\n0:0:3.0 --> 0:0:4.25\nso\n";
        assert_eq!(told(srt), ["1500-2000 Agent: hi", "3000-4250 Agent: so"]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let read = |content: &str| read(content, &Cast::default());
        let error = read("WEBVTT\n\n00:01.000 --> 0x:02.000\nhi").unwrap_err();
        assert!(error.starts_with("line 3: `0x:02.000` is no time"), "{error}");
        assert!(read("WEBVTT\n").unwrap_err().contains("no cue"));
        let draft = read("WEBVTT\n\n00:01.000 --> 00:02.000\nA: hi\n\nlost words\n").unwrap();
        assert_eq!(draft.notes, ["line 6: belongs to no cue and is left out"]);
    }

    proptest! {
        #[test]
        fn anything_is_read_without_panic(content in "WEBVTT\n\n(\\PC{0,20}\n?|<v \\PC{0,5}>?|&[#x0-9a-z]{0,9};?|00:0[0-9].000 --> 00:01.000\n){0,12}") {
            let _ = read(&content, &Cast::default());
        }

        #[test]
        fn what_is_written_is_read(
            cues in prop::collection::vec((0_i64..9_000_000, 0_i64..9_000, "[A-Z][a-z]{1,8}", "[a-z<>&;]{1,9}( [a-z<>&;]{1,9}){0,3}"), 1..12),
            voiced in any::<bool>(),
        ) {
            let time = |ms: i64| format!("{:02}:{:02}:{:02}.{:03}", ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60, ms % 1_000);
            let mut content = String::from("WEBVTT\n");
            for (start, length, who, words) in &cues {
                let words = words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                let said = if voiced { format!("<v {who}>{words}</v>") } else { format!("{who}: {words}") };
                content += &format!("\n{} --> {}\n{said}\n", time(*start), time(start + length));
            }
            let read = read(&content, &Cast::default()).unwrap();
            let told: Vec<_> = read.pieces.into_iter().map(|piece| {
                (piece.start_ms.unwrap(), piece.end_ms.unwrap() - piece.start_ms.unwrap(), piece.keys[0].clone(), piece.text)
            }).collect();
            prop_assert_eq!(told, cues);
        }
    }
}
