//! Transcripts in a vCon's `analysis` and `attachments`, in the shapes that writers give them.
//!
//! Taken: a list of `{speaker, text, start, end}` by any of the usual names, the same under
//! `segments`, `utterances`, `messages` and the like; Deepgram's `results` (paragraphs, else words);
//! Transcribe's, Contact Lens' and Call Analytics' documents; WebVTT; lines such as `Agent: …`; each
//! also as JSON in a string.

use std::collections::HashSet;

use serde_json::Value;

use super::super::draft::{Draft, Piece};
use super::super::{contact_lens, recognise, text, transcribe, webvtt};
use super::parties::Parties;
use super::{Cast, base64, own};
use crate::corpus::import::Format;
use crate::wire::vendors::Time;
use crate::wire::vendors::view::View;

/// How deep a body is searched for a list of what was said.
const MAX_DEPTH: usize = 6;
/// A longer pause ends a piece of single words, in seconds.
const PAUSE_S: f64 = 1.0;
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
const TEXTS: [&str; 7] =
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

/// One transcript.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    /// The dialogs it is of, where it says.
    pub dialogs: Vec<usize>,
    pub lang: Option<String>,
    /// Written by us: what has no time in it never had one.
    pub is_own: bool,
    pub pieces: Vec<Piece>,
    pub notes: Vec<String>,
}

impl Transcript {
    /// The first dialog it is of.
    pub fn dialog(&self) -> usize {
        self.dialogs.first().copied().unwrap_or(0)
    }

    /// Whether it says when and by whom everything in these dialogs was said.
    pub fn stands_for(&self, dialogs: &[usize]) -> bool {
        let covered: HashSet<usize> = self.dialogs.iter().copied().collect();
        let timed = |piece: &Piece| piece.start_ms.is_some() && piece.end_ms.is_some();
        let whole = |piece: &Piece| !piece.keys.is_empty() && (self.is_own || timed(piece));
        self.pieces.len() >= dialogs.len()
            && dialogs.iter().all(|at| covered.contains(at))
            && self.pieces.iter().all(whole)
    }

    /// Times count most, then speakers, then the number of pieces.
    pub fn worth(&self) -> (bool, bool, usize) {
        let all = |has: fn(&Piece) -> bool| self.pieces.iter().all(has);
        let timed = all(|piece| piece.start_ms.is_some());
        (timed, all(|piece| !piece.keys.is_empty()), self.pieces.len())
    }
}

/// All transcripts of a vCon. A body that holds none of what is known is told and left out.
pub(super) fn all(
    vcon: View<'_>,
    parties: &Parties,
    cast: &Cast,
    draft: &mut Draft,
) -> Result<Vec<Transcript>, String> {
    let mut found = Vec::new();
    for list in ["analysis", "attachments"] {
        for (at, entry) in vcon.list(list).enumerate() {
            let kind = entry.name("type").or_else(|| entry.name("purpose")).unwrap_or_default();
            let kind = kind.to_ascii_lowercase();
            let named = kind.contains("transcri");
            // Some keep the words under another name; what is no list of words is not looked at.
            let looks = list == "analysis" && is_said(entry.get("body"));
            if !named && !looks {
                continue;
            }
            let place = format!("{list}[{at}].body");
            let Some(body) = body(entry) else {
                draft.note(format!("{place} is not in the vCon and is left out"));
                continue;
            };
            let mut read = transcript(&body, parties, cast).map_err(|e| format!("{place}: {e}"))?;
            if read.pieces.is_empty() {
                draft.note(format!("{place} is no transcript of a known shape and is left out"));
            }
            read.dialogs = dialogs(entry);
            found.push(read);
        }
    }
    Ok(found)
}

/// Whether it is a list of who said what.
fn is_said(body: Option<View<'_>>) -> bool {
    let list = body.and_then(|body| body.0.as_array()).filter(|list| !list.is_empty());
    list.is_some_and(|list| {
        list.iter()
            .all(|one| first(View(one), &TEXTS).is_some() && View(one).get("speaker").is_some())
    })
}

/// One dialog or several.
fn dialogs(entry: View<'_>) -> Vec<usize> {
    let place = |view: View<'_>| view.0.as_u64().map(|at| at as usize);
    let one = entry.get("dialog").and_then(place);
    one.into_iter().chain(entry.list("dialog").filter_map(place)).collect()
}

/// The body with its encoding taken off; JSON in a string is JSON.
fn body(entry: View<'_>) -> Option<Value> {
    let body = entry.get("body")?.0;
    let Some(text) = body.as_str() else { return Some(body.clone()) };
    let encoding = entry.name("encoding").unwrap_or_default().to_ascii_lowercase();
    let text = match encoding.as_str() {
        "base64url" | "base64" => String::from_utf8(base64(text)?).ok()?,
        _ => text.to_owned(),
    };
    let begins = |signs: [char; 3]| text.trim_start().starts_with(signs);
    let inner = if begins(['{', '[', '"']) { serde_json::from_str(&text).ok() } else { None };
    Some(inner.unwrap_or(Value::String(text)))
}

fn transcript(body: &Value, parties: &Parties, cast: &Cast) -> Result<Transcript, String> {
    let view = View(body);
    let mut read = Transcript { lang: lang(view), ..Transcript::default() };
    if let Some(text) = body.as_str() {
        read.pieces = lines(text, parties, cast)?;
        return Ok(read);
    }
    if let Some(draft) = vendor(body)? {
        read.lang = draft.lang.or(read.lang);
        read.pieces = draft.pieces.into_iter().map(|piece| parties.cast(piece)).collect();
        return Ok(read);
    }
    if let Some(pieces) = deepgram(view) {
        read.pieces = pieces;
        return Ok(read);
    }
    if let Some(list) = list(view, 0) {
        let speakers = view.get("speakers");
        let unit = unit(list);
        let guessed = own::Estimated::of(view);
        read.is_own = guessed.is_some();
        let guessed = guessed.unwrap_or_default();
        let said = list
            .iter()
            .map(View)
            .filter_map(|item| Some(guessed.without(item, said(item, speakers, unit)?)));
        read.pieces = said.map(|piece| seat(piece, parties, &mut read.notes)).collect();
    } else if let Some(text) = whole(view) {
        read.pieces = lines(text, parties, cast)?;
    }
    Ok(read)
}

fn lang(view: View<'_>) -> Option<String> {
    let inner = view.get("transcript");
    let names = ["language", "language_code", "lang"];
    names.iter().find_map(|name| inner.and_then(|it| it.name(name)).or_else(|| view.name(name)))
}

/// The documents of other formats, as they are.
fn vendor(body: &Value) -> Result<Option<Draft>, String> {
    match recognise::value(body) {
        Ok(Format::ContactLens | Format::CallAnalytics) => contact_lens::read(body).map(Some),
        Ok(Format::Transcribe) if View(body).at(&["results", "items"]).is_some() => {
            transcribe::read(body).map(Some)
        }
        _ => Ok(None),
    }
}

/// WebVTT, lines with labels, or all of it by nobody in particular.
fn lines(content: &str, parties: &Parties, cast: &Cast) -> Result<Vec<Piece>, String> {
    if content.trim_start().starts_with("WEBVTT") {
        let pieces = webvtt::read(content.trim_start(), cast)?.pieces;
        return Ok(pieces.into_iter().map(|piece| parties.cast(piece)).collect());
    }
    match text::read(content, cast) {
        Ok(calls) => {
            let pieces = calls.into_iter().flat_map(|call| call.pieces);
            Ok(pieces.map(|piece| parties.cast(piece)).collect())
        }
        Err(_) => Ok(vec![Piece { text: content.to_owned(), ..Piece::default() }]),
    }
}

/// The text of a transcript that has no pieces.
fn whole(view: View<'_>) -> Option<&str> {
    let inner = view.get("transcript").and_then(|it| it.0.as_str().or_else(|| it.str("text")));
    inner.or_else(|| view.str("text"))
}

/// The list of what was said, wherever it is.
fn list(view: View<'_>, depth: usize) -> Option<&Vec<Value>> {
    if depth == MAX_DEPTH {
        return None;
    }
    if let Some(items) = view.0.as_array() {
        let has_text = |item: &Value| first(View(item), &TEXTS).is_some();
        return (!items.is_empty() && items.iter().any(has_text)).then_some(items);
    }
    LISTS.iter().find_map(|name| list(view.get(name)?, depth + 1))
}

fn first<'a>(view: View<'a>, names: &[&str]) -> Option<View<'a>> {
    names.iter().find_map(|name| view.get(name))
}

/// Milliseconds in one unit of the numbers of a list. Nobody takes so many seconds for a word, so
/// such whole numbers are milliseconds.
fn unit(list: &[Value]) -> f64 {
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
    let clock = item.str(name).and_then(super::super::stamp::clock_ms).map(Time::Stream);
    let number = item.number(name).map(|number| Time::Stream((number * unit).round() as i64));
    number.or(clock).or_else(|| item.duration(name)).or_else(|| item.moment(name))
}

fn said(item: View<'_>, speakers: Option<View<'_>>, unit: f64) -> Option<Piece> {
    let text = first(item, &TEXTS)?.0.as_str()?;
    let label = SPEAKERS.iter().find_map(|name| match item.get(name)?.0 {
        Value::Object(_) => item.get(name)?.name("name").or_else(|| item.get(name)?.name("id")),
        _ => item.name(name),
    });
    // `speakers` gives a number its name.
    let spoken = label.as_ref().and_then(|label| View(speakers?.0.get(label)?).name("label"));
    let stream = |time: Option<Time>| match time {
        Some(Time::Stream(ms)) if ms >= 0 => Some(ms),
        _ => None,
    };
    let start_ms = stream(time(item, &STARTS, unit));
    let length = item.number("duration").map(|number| (number * unit).round() as i64);
    let end_ms = stream(time(item, &ENDS, unit)).or_else(|| Some(start_ms? + length?));
    let keys = spoken.into_iter().chain(label).collect();
    Some(Piece { keys, role: None, start_ms, end_ms, text: text.to_owned() })
}

/// Finds the party of a speaker: by name, or a number that is its place in `parties`.
fn seat(piece: Piece, parties: &Parties, notes: &mut Vec<String>) -> Piece {
    if piece.keys.iter().any(|key| parties.named(key).is_some()) {
        return parties.cast(piece);
    }
    let number = match piece.keys.as_slice() {
        [only] => only.parse::<usize>().ok().filter(|&place| parties.has_role(place)),
        _ => None,
    };
    let Some(place) = number else { return piece };
    let note = "the transcript's speaker numbers were taken as places in `parties`";
    if notes.is_empty() {
        notes.push(note.into());
    }
    parties.said_by(place, piece)
}

/// Deepgram's `results.channels[]`: paragraphs, else words. Its speakers are numbered as they
/// were heard, which is no place in `parties`; channels are.
fn deepgram(view: View<'_>) -> Option<Vec<Piece>> {
    let results = view.get("results").unwrap_or(view);
    let channels: Vec<View<'_>> = results.list("channels").collect();
    let mut pieces = Vec::new();
    for (number, channel) in channels.iter().enumerate() {
        let best = channel.get("alternatives").and_then(View::first)?;
        let alone = (channels.len() > 1).then(|| number.to_string());
        let paragraphs = best.get("paragraphs").map(|it| it.list("paragraphs").collect::<Vec<_>>());
        let paragraphs = paragraphs.filter(|list| !list.is_empty());
        match paragraphs {
            Some(list) => pieces.extend(list.iter().map(|one| paragraph(*one, alone.as_ref()))),
            None => words(best, alone.as_ref(), &mut pieces),
        }
    }
    (!pieces.is_empty()).then_some(pieces)
}

fn paragraph(view: View<'_>, channel: Option<&String>) -> Piece {
    let sentences: Vec<&str> = view.list("sentences").filter_map(|one| one.str("text")).collect();
    let stream = |name: &str| super::super::draft::stream_ms(view.seconds(name));
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
        let stream = |name: &str| super::super::draft::stream_ms(word.seconds(name));
        let (start_ms, end_ms) = (stream("start"), stream("end"));
        let gap = |last: &Piece| start_ms.zip(last.end_ms).map_or(0, |(start, end)| start - end);
        match pieces[first..].last_mut() {
            Some(last) if last.keys == keys && gap(last) as f64 <= PAUSE_S * 1_000.0 => {
                last.text = format!("{} {text}", last.text);
                last.end_ms = end_ms.or(last.end_ms);
            }
            _ => pieces.push(Piece { keys, role: None, start_ms, end_ms, text: text.to_owned() }),
        }
    }
}
