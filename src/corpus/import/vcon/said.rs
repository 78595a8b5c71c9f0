//! Lists of what was said, with the names that writers of transcripts have for its fields.

use serde_json::Value;

use super::super::cast::person_named;
use super::super::draft::Piece;
use super::super::stamp::clock_ms;
use super::parties::Parties;
use crate::wire::vendors::Time;
use crate::wire::vendors::view::View;

/// How deep a body is searched for a list of what was said.
const MAX_DEPTH: usize = 6;
/// Nobody speaks so slowly.
const SECONDS_A_WORD: f64 = 20.0;

const LISTS: [&str; 10] = [
    "segments",
    "utterances",
    "messages",
    "conversation",
    "transcript",
    "transcription",
    "turns",
    "dialog",
    "entries",
    "results",
];
pub(super) const TEXTS: [&str; 7] =
    ["text", "transcript", "message", "content", "utterance", "sentence", "body"];
const SPEAKERS: [&str; 10] = [
    "speaker",
    "speaker_label",
    "speaker_id",
    "speaker_name",
    "participant",
    "party",
    "role",
    "name",
    "from",
    "channel",
];
const STARTS: [&str; 6] = ["start", "start_time", "begin", "start_ms", "offset", "timestamp"];
const ENDS: [&str; 3] = ["end", "end_time", "end_ms"];

/// The list of what was said, wherever it is.
pub(super) fn list(view: View<'_>, depth: usize) -> Option<&Vec<Value>> {
    if depth == MAX_DEPTH {
        return None;
    }
    if let Some(items) = view.0.as_array() {
        let has_text = |item: &Value| first(View(item), &TEXTS).is_some();
        return (!items.is_empty() && items.iter().any(has_text)).then_some(items);
    }
    LISTS.iter().find_map(|name| list(view.get(name)?, depth + 1))
}

/// The first of some fields that is there.
pub(super) fn first<'a>(view: View<'a>, names: &[&str]) -> Option<View<'a>> {
    names.iter().find_map(|name| view.get(name))
}

/// Milliseconds in one unit of the numbers of a list. Nobody takes so many seconds for a word, so
/// such whole numbers are milliseconds.
pub(super) fn unit(list: &[Value]) -> f64 {
    let (mut whole, mut words, mut length, mut largest) = (true, 0, 0.0, 0.0_f64);
    for item in list.iter().map(View) {
        let number = |names: &[&str]| {
            let own = names.iter().find(|name| item.get(name).is_some())?;
            // These say their unit themselves.
            item.number(own).filter(|_| !own.ends_with("_ms"))
        };
        let (start, end) = (number(&STARTS), number(&ENDS));
        whole &= start.into_iter().chain(end).all(|number| number.fract() == 0.0);
        largest = start.into_iter().chain(end).fold(largest, f64::max);
        length += start.zip(end).map_or(0.0, |(start, end)| (end - start).max(0.0));
        words += first(item, &TEXTS)
            .and_then(|it| it.0.as_str())
            .map_or(0, |text| text.split_whitespace().count());
    }
    let length = if length > 0.0 { length } else { largest };
    if whole && length > SECONDS_A_WORD * f64::from(words.max(1) as u32) { 1.0 } else { 1_000.0 }
}

/// A time by one of its names.
fn time(item: View<'_>, names: &[&str], unit: f64) -> Option<Time> {
    let name = names.iter().find(|name| item.get(name).is_some())?;
    if name.ends_with("_ms") {
        return item.millis(name);
    }
    let clock = item.str(name).and_then(clock_ms).map(Time::Stream);
    let number = item.number(name).map(|number| Time::Stream((number * unit).round() as i64));
    number.or(clock).or_else(|| item.duration(name)).or_else(|| item.moment(name))
}

/// One entry of a list: its text, times, and all that its speaker is called.
pub(super) fn said(item: View<'_>, speakers: Option<View<'_>>, unit: f64) -> Option<Piece> {
    let text = first(item, &TEXTS)?.0.as_str()?;
    let labels = SPEAKERS.iter().filter_map(|name| match item.get(name)?.0 {
        Value::Object(_) => item.get(name)?.name("name").or_else(|| item.get(name)?.name("id")),
        _ => item.name(name),
    });
    let labels: Vec<String> = labels.collect();
    // `speakers` gives a number its name.
    let spoken = labels.first().and_then(|label| View(speakers?.0.get(label)?).name("label"));
    let stream = |time: Option<Time>| match time {
        Some(Time::Stream(ms)) if ms >= 0 => Some(ms),
        _ => None,
    };
    let start_ms = stream(time(item, &STARTS, unit));
    let length = item.number("duration").map(|number| (number * unit).round() as i64);
    let end_ms = stream(time(item, &ENDS, unit)).or_else(|| Some(start_ms? + length?));
    let keys = spoken.into_iter().chain(labels).collect();
    Some(Piece { keys, role: None, start_ms, end_ms, text: text.to_owned() })
}

/// Finds the party of a speaker: by name, or a number that is its place in `parties`.
pub(super) fn seat(piece: Piece, parties: &Parties, notes: &mut Vec<String>) -> Piece {
    if piece.keys.iter().any(|key| parties.named(key).is_some()) {
        return parties.cast(piece);
    }
    if piece.keys.iter().any(|key| person_named(key).is_some()) {
        return piece;
    }
    let number = piece.keys.iter().find_map(|key| key.parse::<usize>().ok());
    let Some(place) = number.filter(|&place| parties.has_role(place)) else { return piece };
    let note = "the transcript's speaker numbers were taken as places in `parties`";
    if notes.is_empty() {
        notes.push(note.into());
    }
    parties.said_by(place, piece)
}
