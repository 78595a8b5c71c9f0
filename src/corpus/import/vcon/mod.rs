//! vCon, the conversation container of the IETF.
//!
//! Schema: spec for the container (draft-ietf-vcon-vcon-core, and the older ones with `vcon` and
//! `mimetype`), parties' roles (draft-ietf-vcon-cc-extension; older writers put them under `meta`)
//! and `wtf_transcription` (draft-howe-vcon-wtf-extension, in `analysis` or `attachments`);
//! inferred for the bodies of `transcript` ([`transcript`]), which the drafts leave to vendors.
//!
//! A vCon is one call, with its `uuid` as id; one that we wrote has the call's id and outcome. Text dialogs are said by their `originator`, or the first of `parties`; what
//! a recording says is in the richest transcript of it. A transcript with times and speakers of
//! everything may stand for typed dialogs, too. Times count from the first dialog. Of a
//! signed vCon the payload is read and the signature is not checked, which is told; an encrypted
//! one is refused.

mod deepgram;
mod own;
mod parties;
mod said;
mod transcript;
mod typed;

use std::collections::{BTreeMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;

use super::Cast;
use super::draft::{Draft, wall_ms};
use crate::wire::vendors::view::View;
use parties::Parties;
use transcript::Transcript;
use typed::{has_text, places, typed_dialog};

/// A signed vCon in a signed vCon, and so on.
const MAX_NESTED: usize = 4;

/// Reads one vCon.
///
/// # Errors
/// With the path of the field.
pub(super) fn read(document: &Value, cast: &Cast) -> Result<Draft, String> {
    opened(document, cast, 0)
}

fn opened(document: &Value, cast: &Cast, depth: usize) -> Result<Draft, String> {
    let view = View(document);
    let compact = document.as_str().map(|token| token.split('.').collect::<Vec<_>>());
    let encrypted = view.get("ciphertext").is_some();
    if encrypted || compact.as_ref().is_some_and(|parts| parts.len() == 5) {
        return Err("the vCon is encrypted; decrypt it with your key first".into());
    }
    let payload = match &compact {
        Some(parts) => parts.get(1).copied(),
        None => view.str("payload").filter(|_| view.get("dialog").is_none()),
    };
    let Some(payload) = payload else { return container(view, cast) };
    if depth == MAX_NESTED {
        return Err("the vCon is signed over and over; take the innermost `payload`".into());
    }
    let bytes = base64(payload).ok_or("`payload` is not base64url")?;
    let inner: Value = serde_json::from_slice(&bytes)
        .map_err(|error| format!("`payload` does not hold a vCon: {error}"))?;
    let mut draft = opened(&inner, cast, depth + 1)?;
    draft.note("signed; the signature was not checked");
    Ok(draft)
}

/// base64url or base64, with or without padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    let text: String = text.chars().filter(|c| !c.is_whitespace() && *c != '=').collect();
    URL_SAFE_NO_PAD.decode(&text).or_else(|_| STANDARD_NO_PAD.decode(&text)).ok()
}

fn container(view: View<'_>, cast: &Cast) -> Result<Draft, String> {
    for name in ["parties", "dialog", "analysis", "attachments"] {
        if view.get(name).is_some_and(|list| !list.0.is_array()) {
            return Err(format!("`{name}` must be a list"));
        }
    }
    let mut draft = Draft { id: view.name("uuid"), ..Draft::default() };
    let parties = Parties::of(view)?;
    let dialogs: Vec<View<'_>> = view.list("dialog").collect();
    draft.also = dialogs.iter().filter_map(|dialog| dialog.name("interaction_id")).collect();
    let starts: Vec<Option<i64>> =
        dialogs.iter().map(|dialog| wall_ms(dialog.moment("start"))).collect();
    for (at, dialog) in dialogs.iter().enumerate() {
        if dialog.says("type", "text") && !has_text(*dialog) {
            draft.note(format!("dialog[{at}] has no text in it and is left out"));
        }
    }
    let mut transcripts = transcript::all(view, &parties, cast, &mut draft)?;
    let mut typed: Vec<bool> = dialogs.iter().map(|dialog| has_text(*dialog)).collect();
    let all: Vec<usize> = (0..dialogs.len()).filter(|at| typed[*at]).collect();
    let chosen = match transcripts.iter().position(|it| !all.is_empty() && it.stands_for(&all)) {
        Some(at) => {
            typed.fill(false);
            vec![transcripts.swap_remove(at)]
        }
        None => {
            // The words of a typed dialog are the dialog's own.
            let is_typed = |at: usize| typed.get(at).copied().unwrap_or(false);
            transcripts.retain(|transcript| !is_typed(transcript.dialog()));
            richest(transcripts)
        }
    };
    let recorded: HashSet<usize> = chosen.iter().map(Transcript::dialog).collect();
    let used = |at: &usize| typed[*at] || recorded.contains(at);
    let zero = (0..dialogs.len()).filter(used).filter_map(|at| starts[at]).min();
    let offset = |at: usize| match (starts.get(at).copied().flatten(), zero) {
        (Some(start), Some(zero)) => start - zero,
        _ => 0,
    };
    for (at, dialog) in dialogs.iter().enumerate().filter(|(at, _)| typed[*at]) {
        let from = starts[at].map(|_| offset(at));
        typed_dialog(*dialog, from, &parties, cast, &mut draft)
            .map_err(|error| format!("dialog[{at}]{error}"))?;
    }
    draft.chat = !draft.pieces.is_empty() && chosen.is_empty();
    for transcript in chosen {
        let from = offset(transcript.dialog());
        // What one party alone says needs no name.
        let heard = dialogs.get(transcript.dialog()).map(|dialog| places(*dialog));
        let alone = heard.filter(|heard| heard.len() == 1).and_then(|heard| heard.first().copied());
        let alone = transcript.party.or(alone);
        draft.lang = draft.lang.take().or(transcript.lang);
        for note in transcript.notes {
            draft.note(note);
        }
        for mut piece in transcript.pieces {
            piece.start_ms = piece.start_ms.map(|ms| ms + from);
            piece.end_ms = piece.end_ms.map(|ms| ms + from);
            draft.say(match alone {
                Some(place) if piece.keys.is_empty() => parties.said_by(place, piece),
                _ => piece,
            });
        }
    }
    if draft.pieces.is_empty() {
        return Err(nothing_said(&dialogs));
    }
    own::report(view, &mut draft);
    Ok(draft)
}

fn nothing_said(dialogs: &[View<'_>]) -> String {
    let recorded = dialogs
        .iter()
        .any(|dialog| ["recording", "video", "audio"].iter().any(|kind| dialog.says("type", kind)));
    match recorded {
        true => {
            "the vCon has a recording and no transcript of it in `analysis`; transcribe it first"
        }
        false => "the vCon has no text: no `dialog` of the type text with a `body`, no transcript",
    }
    .into()
}

/// The best transcript of each dialog: with times before without, with speakers before without,
/// then the one with more pieces.
fn richest(transcripts: Vec<Transcript>) -> Vec<Transcript> {
    let mut best: BTreeMap<usize, Transcript> = BTreeMap::new();
    for transcript in transcripts.into_iter().filter(|it| !it.pieces.is_empty()) {
        let own = best.get(&transcript.dialog());
        if own.is_none_or(|own| own.worth() < transcript.worth()) {
            best.insert(transcript.dialog(), transcript);
        }
    }
    best.into_values().collect()
}

#[cfg(test)]
mod tests;
