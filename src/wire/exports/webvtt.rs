//! A transcript as WebVTT, which players, editors and annotation tools read.

use std::fmt::Write;

use super::label;
use super::times::{Span, spans};
use crate::engine::effects::Said;
use crate::wire::lists::CallDetail;

/// The media type.
pub const MEDIA_TYPE: &str = "text/vtt; charset=utf-8";

/// One cue a chunk, named by its `seq`, in the order of their beginnings as the format wants it.
/// Line breaks in a text stay; blank lines in it would end the cue and go. Estimated times are
/// counted in a comment at the head.
pub fn encode(call: &CallDetail) -> String {
    let spans = spans(&call.transcript);
    let mut cues: Vec<(&Span, &Said)> =
        spans.iter().zip(call.transcript.iter().map(|said| &**said)).collect();
    cues.sort_by_key(|(span, said)| (span.start_ms, said.seq));
    let mut text = String::from("WEBVTT\n");
    let started = call.view.started_at;
    comment(&mut text, &format!("call {}, began {started}", call.view.call_id));
    if !call.whole {
        comment(&mut text, "earlier parts of the transcript may be missing");
    }
    let estimated = spans.iter().filter(|span| !span.is_known()).count();
    if estimated > 0 {
        let all = spans.len();
        comment(&mut text, &format!("{estimated} of {all} cues have an estimated time"));
    }
    for (span, said) in cues {
        let (seq, start, end) = (said.seq, clock(span.start_ms), clock(span.end_ms));
        let (speaker, words) = (label(said.speaker), cue_text(&said.text));
        // Writing to a string does not fail.
        let _ = write!(text, "\n{seq}\n{start} --> {end}\n<v {speaker}>{words}</v>\n");
    }
    text
}

fn comment(text: &mut String, words: &str) {
    let line: Vec<&str> = words.split_whitespace().collect();
    let line = line.join(" ").replace("-->", "->");
    text.push_str("\nNOTE ");
    text.push_str(&line);
    text.push('\n');
}

/// `HH:MM:SS.mmm`, with more digits for more hours.
fn clock(ms: i64) -> String {
    let (seconds, ms) = (ms / 1_000, ms % 1_000);
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    format!("{:02}:{:02}:{seconds:02}.{ms:03}", minutes / 60, minutes % 60)
}

fn cue_text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\r' => escaped.push('\n'),
            '\0' => escaped.push('\u{FFFD}'),
            c => escaped.push(c),
        }
    }
    let lines: Vec<&str> = escaped.split('\n').filter(|line| !line.trim().is_empty()).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::samples;
    use super::*;

    #[test]
    fn a_transcript_by_hand() {
        let mut call = samples::call(&[
            ("agent", Some(500), Some(2_000), "Q&A: is 3 > 2 --> yes?"),
            ("customer", Some(12_400), Some(15_100), "<b>No</b>\r\n\r\nreally"),
            ("supervisor", Some(1_900), None, "I am here"),
            ("other", Some(363_600_000), Some(363_600_250), ""),
        ]);
        call.whole = false;
        let expected = "WEBVTT\n\nNOTE call c-7, began 2026-11-22T03:40:00.000Z\n\n\
            NOTE earlier parts of the transcript may be missing\n\n\
            NOTE 1 of 4 cues have an estimated time\n\n\
            1\n00:00:00.500 --> 00:00:02.000\n<v Agent>Q&amp;A: is 3 &gt; 2 --&gt; yes?</v>\n\n\
            3\n00:00:01.900 --> 00:00:03.100\n<v Supervisor>I am here</v>\n\n\
            2\n00:00:12.400 --> 00:00:15.100\n<v Customer>&lt;b&gt;No&lt;/b&gt;\nreally</v>\n\n\
            4\n101:00:00.000 --> 101:00:00.250\n<v Other></v>\n";
        assert_eq!(encode(&call), expected);
    }

    /// A cue as a reader finds it: name, start, end, speaker, text.
    type Cue = (u64, i64, i64, String, String);

    /// A small reader, written from the format and not from the writer.
    fn read(text: &str) -> Vec<Cue> {
        let mut blocks = text.split("\n\n").map(|block| block.trim_matches('\n'));
        assert_eq!(blocks.next(), Some("WEBVTT"));
        let cue = |block: &str| -> Cue {
            let (name, rest) = block.split_once('\n').unwrap();
            let (times, payload) = rest.split_once('\n').unwrap();
            let (start, end) = times.split_once(" --> ").unwrap();
            let span = payload.strip_prefix("<v ").unwrap().strip_suffix("</v>").unwrap();
            let (speaker, words) = span.split_once('>').unwrap();
            assert!(!words.contains('<') && !words.contains('>') && !words.contains("-->"));
            let words = words.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
            (name.parse().unwrap(), ms(start), ms(end), speaker.into(), words)
        };
        blocks.filter(|block| !block.starts_with("NOTE")).map(cue).collect()
    }

    fn ms(clock: &str) -> i64 {
        let (clock, ms) = clock.rsplit_once('.').unwrap();
        let parts: Vec<i64> = clock.split(':').map(|part| part.parse().unwrap()).collect();
        assert!(parts[1] < 60 && parts[2] < 60 && ms.len() == 3);
        ((parts[0] * 60 + parts[1]) * 60 + parts[2]) * 1_000 + ms.parse::<i64>().unwrap()
    }

    proptest! {
        #[test]
        fn it_reads_back(
            said in prop::collection::vec(
                (0..4_usize, prop::option::of(0..1_000_000_i64), prop::option::of(1..5_000_i64),
                    r"[a-z&<> \-\n\r\u{e9}\x00;]{0,24}"),
                0..8,
            )
        ) {
            let names = ["customer", "agent", "supervisor", "other"];
            let said: Vec<_> = said
                .iter()
                .map(|(who, start, lasts, text)| {
                    let end = start.zip(*lasts).map(|(start, lasts)| start + lasts);
                    (names[*who], *start, end, text.as_str())
                })
                .collect();
            let mut cues = read(&encode(&samples::call(&said)));
            prop_assert!(cues.is_sorted_by_key(|cue| cue.1));
            cues.sort_by_key(|cue| cue.0);
            prop_assert_eq!(cues.len(), said.len());
            for (cue, (who, start, end, text)) in cues.iter().zip(&said) {
                let lines = text.replace('\0', "\u{FFFD}").replace('\r', "\n");
                let lines: Vec<_> = lines.split('\n').filter(|l| !l.trim().is_empty()).collect();
                prop_assert_eq!(&cue.4, &lines.join("\n"));
                prop_assert_eq!(cue.3.to_lowercase(), *who);
                prop_assert!(cue.1 < cue.2);
                prop_assert!(start.is_none_or(|start| start == cue.1));
                prop_assert!(end.is_none_or(|end| end == cue.2));
            }
        }
    }
}
