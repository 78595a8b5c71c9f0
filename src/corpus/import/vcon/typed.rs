//! Dialogs that were typed: messages, mails, whole conversations in one text.

use serde_json::Value;

use super::super::draft::{Draft, Piece, stream_ms};
use super::super::label::line;
use super::super::{text, webvtt};
use super::parties::Parties;
use super::{Cast, base64};
use crate::wire::vendors::view::View;

/// Whether the words of a dialog are in it.
pub(super) fn has_text(dialog: View<'_>) -> bool {
    let is_text = media(dialog).is_none_or(|media| media.starts_with("text/"));
    dialog.says("type", "text") && is_text && dialog.get("body").is_some()
}

fn media(dialog: View<'_>) -> Option<String> {
    let media = dialog.name("mediatype").or_else(|| dialog.name("mimetype"));
    media.map(|media| media.to_ascii_lowercase())
}

/// A message, or a whole conversation in lines such as `Agent: …`.
pub(super) fn typed_dialog(
    dialog: View<'_>,
    start_ms: Option<i64>,
    parties: &Parties,
    cast: &Cast,
    draft: &mut Draft,
) -> Result<(), String> {
    let body = dialog.get("body").and_then(|body| body.0.as_str()).ok_or(".body must be text")?;
    let decoded;
    let body = match dialog.name("encoding").map(|name| name.to_ascii_lowercase()).as_deref() {
        Some("base64url" | "base64") => {
            let bytes = base64(body).ok_or(".body is not base64url")?;
            decoded = String::from_utf8(bytes).map_err(|_| ".body is not UTF-8")?;
            &decoded
        }
        Some("json") => {
            decoded = serde_json::from_str(body).unwrap_or_else(|_| body.to_owned());
            &decoded
        }
        _ => body,
    };
    let html;
    let body = if media(dialog).is_some_and(|media| media.starts_with("text/html")) {
        html = webvtt::plain(body);
        &html
    } else {
        body
    };
    let listed = places(dialog);
    let originator = dialog.get("originator").and_then(|at| at.0.as_u64()).map(|at| at as usize);
    if originator.is_none() && listed.len() != 1 && is_conversation(body, parties, cast) {
        for call in text::read(body, cast)? {
            for mut piece in call.pieces {
                piece.start_ms = piece.start_ms.map(|ms| ms + start_ms.unwrap_or(0));
                piece.end_ms = piece.end_ms.map(|ms| ms + start_ms.unwrap_or(0));
                draft.say(parties.cast(piece));
            }
        }
        return Ok(());
    }
    let by = originator.or_else(|| listed.first().copied());
    let length = stream_ms(dialog.seconds("duration")).filter(|ms| *ms > 0);
    let end_ms = start_ms.zip(length).map(|(start, length)| start + length);
    let said = Piece { start_ms, end_ms, text: body.to_owned(), ..Piece::default() };
    draft.say(match by {
        Some(by) => parties.said_by(by, said),
        None => said,
    });
    Ok(())
}

/// The parties of a dialog, by place.
pub(super) fn places(dialog: View<'_>) -> Vec<usize> {
    let place = |value: &Value| value.as_u64().map(|place| place as usize);
    match dialog.get("parties") {
        Some(View(Value::Array(list))) => list.iter().filter_map(place).collect(),
        Some(View(one)) => place(one).into_iter().collect(),
        None => Vec::new(),
    }
}

/// Whether every line of a text begins with somebody who is known.
fn is_conversation(body: &str, parties: &Parties, cast: &Cast) -> bool {
    let mut lines = body.lines().filter(|line| !line.trim().is_empty());
    let known = |text: &str| {
        let label = line(text, cast).label;
        label.is_some_and(|label| cast.knows(label) || parties.named(label).is_some())
    };
    lines.clone().count() > 1 && lines.all(known)
}
