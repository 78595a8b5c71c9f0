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
use super::deepgram::deepgram;
use super::parties::Parties;
use super::said::{TEXTS, first, list, said, seat, unit};
use super::{Cast, base64, own};
use crate::corpus::import::Format;
use crate::wire::vendors::view::View;

/// One transcript.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    /// The dialogs it is of, where it says.
    pub dialogs: Vec<usize>,
    pub lang: Option<String>,
    /// The only party that is heard in it, where it says.
    pub party: Option<usize>,
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
            read.party = entry.get("party").and_then(|at| at.0.as_u64()).map(|at| at as usize);
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
    let names = ["language", "language_code", "lang", "detected_language"];
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
