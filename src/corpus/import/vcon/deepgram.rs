//! Deepgram's answers, which several writers put into `analysis` as they are.

use super::super::draft::{Piece, stream_ms};
use crate::wire::vendors::view::View;

/// A longer pause ends a piece of single words, in milliseconds.
const PAUSE_MS: i64 = 1_000;

/// Deepgram's `results.channels[]`, or one alternative of it: paragraphs, else words. Its speakers
/// are numbered as they were heard, which is no place in `parties`.
pub(super) fn deepgram(view: View<'_>) -> Option<Vec<Piece>> {
    let results = view.get("results").unwrap_or(view);
    let channels: Vec<View<'_>> = results.list("channels").collect();
    let mut pieces = Vec::new();
    if channels.is_empty() && view.list("segments").next().is_none() {
        alternative(view, None, &mut pieces);
    }
    for (number, channel) in channels.iter().enumerate() {
        let best = channel.get("alternatives").and_then(View::first)?;
        let alone = (channels.len() > 1).then(|| number.to_string());
        alternative(best, alone.as_ref(), &mut pieces);
    }
    (!pieces.is_empty()).then_some(pieces)
}

fn alternative(best: View<'_>, channel: Option<&String>, pieces: &mut Vec<Piece>) {
    let paragraphs = best.get("paragraphs").map(|it| it.list("paragraphs").collect::<Vec<_>>());
    let paragraphs = paragraphs.filter(|list| !list.is_empty());
    match paragraphs {
        Some(list) => pieces.extend(list.iter().map(|one| paragraph(*one, channel))),
        None => words(best, channel, pieces),
    }
}

fn paragraph(view: View<'_>, channel: Option<&String>) -> Piece {
    let sentences: Vec<&str> = view.list("sentences").filter_map(|one| one.str("text")).collect();
    let stream = |name: &str| stream_ms(view.seconds(name));
    Piece {
        keys: channel.cloned().or_else(|| view.name("speaker")).into_iter().collect(),
        role: None,
        start_ms: stream("start"),
        end_ms: stream("end"),
        text: sentences.join(" "),
    }
}

fn words(best: View<'_>, channel: Option<&String>, pieces: &mut Vec<Piece>) {
    let first = pieces.len();
    for word in best.list("words") {
        let Some(text) = word.str("punctuated_word").or_else(|| word.str("word")) else { continue };
        let keys: Vec<String> =
            channel.cloned().or_else(|| word.name("speaker")).into_iter().collect();
        let stream = |name: &str| stream_ms(word.seconds(name));
        let (start_ms, end_ms) = (stream("start"), stream("end"));
        let gap = |last: &Piece| start_ms.zip(last.end_ms).map_or(0, |(start, end)| start - end);
        match pieces[first..].last_mut() {
            Some(last) if last.keys == keys && gap(last) <= PAUSE_MS => {
                last.text.push(' ');
                last.text.push_str(text);
                last.end_ms = end_ms.or(last.end_ms);
            }
            _ => pieces.push(Piece { keys, role: None, start_ms, end_ms, text: text.to_owned() }),
        }
    }
}
