//! Recorded calls in the formats that others keep them in, read as calls of the corpus.
//!
//! One file a format, pure: text in, drafts out. A [`Draft`] is a call as its format tells it; who
//! its speakers are to the call is decided in one place for all formats ([`Cast`]). A turn of the
//! result is a piece as the document has it: pieces of one speaker are not merged, because the
//! engine joins chunks to turns by itself, and times and labels stay those of the document.
//! Sentiment, categories and summaries of vendors are not taken as labels.

mod cast;
mod contact_lens;
mod draft;
mod label;
mod labels;
mod recognise;
mod source;
mod stamp;
mod text;
mod transcribe;
mod vcon;
mod webvtt;

use serde_json::Value;

use crate::call::Call;
use crate::text::one_line;

pub use cast::Cast;
pub use draft::Draft;
pub use labels::{Labels, turn_at};
pub use source::{Found, MAX_BYTES, find, read, stem};

/// A format that calls are kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// vCon, the conversation container of the IETF.
    Vcon,
    /// WebVTT captions, and SubRip.
    Webvtt,
    /// Contact Lens for Amazon Connect, after the contact: calls and chats.
    ContactLens,
    /// Amazon Transcribe Call Analytics, after the call.
    CallAnalytics,
    /// Amazon Transcribe, a batch job with channels or speaker labels.
    Transcribe,
    /// Lines such as `Agent: …`.
    Text,
}

impl Format {
    /// All formats, by the names that the command line has for them.
    pub const ALL: [(&'static str, Format); 6] = [
        ("vcon", Format::Vcon),
        ("webvtt", Format::Webvtt),
        ("contact-lens", Format::ContactLens),
        ("call-analytics", Format::CallAnalytics),
        ("transcribe", Format::Transcribe),
        ("text", Format::Text),
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        let known = Format::ALL.iter().find(|(_, format)| *format == self);
        known.map_or("", |(name, _)| name)
    }
}

/// What one file holds.
#[derive(Debug)]
pub struct Document {
    /// What it was read as.
    pub format: Format,
    /// Its calls, or why one of them cannot be had.
    pub drafts: Vec<Result<Draft, String>>,
}

/// Reads the text of one file. Without a format its content decides.
///
/// # Errors
/// What is wrong, where (line, or the path of a JSON field) and how to mend it.
pub fn parse(content: &str, format: Option<Format>, cast: &Cast) -> Result<Document, String> {
    read_document(content, format, cast).map_err(|why| one_line(&why))
}

fn read_document(content: &str, format: Option<Format>, cast: &Cast) -> Result<Document, String> {
    // Some editors put a byte order mark first.
    let content = content.strip_prefix('\u{FEFF}').unwrap_or(content);
    if content.trim().is_empty() {
        return Err("it is empty".into());
    }
    let by_lines = match format {
        Some(format @ (Format::Text | Format::Webvtt)) => Some(format),
        Some(_) => None,
        None => recognise::lines(content),
    };
    match by_lines {
        Some(Format::Webvtt) => {
            let draft = webvtt::read(content, cast)?;
            Ok(Document { format: Format::Webvtt, drafts: vec![Ok(draft)] })
        }
        Some(_) => {
            let drafts = text::read(content, cast)?.into_iter().map(Ok).collect();
            Ok(Document { format: Format::Text, drafts })
        }
        None => documents(content, format, cast),
    }
}

/// JSON: one document, a list of them, or one a line.
fn documents(content: &str, format: Option<Format>, cast: &Cast) -> Result<Document, String> {
    let values = recognise::values(content)?;
    let mut drafts = Vec::new();
    let mut first = None;
    for (index, value) in values.iter().enumerate() {
        let read = match format {
            Some(format) => Ok(format),
            None => recognise::value(value),
        };
        let read = read.and_then(|format| {
            first.get_or_insert(format);
            draft(value, format, cast)
        });
        let place = |error| match values.len() {
            1 => error,
            _ => format!("document {}: {error}", index + 1),
        };
        drafts.push(read.map_err(place));
    }
    match first.or(format) {
        Some(format) => Ok(Document { format, drafts }),
        None => Err(drafts.pop().and_then(Result::err).unwrap_or_else(|| "it is empty".into())),
    }
}

fn draft(value: &Value, format: Format, cast: &Cast) -> Result<Draft, String> {
    match format {
        Format::Vcon => vcon::read(value, cast),
        Format::ContactLens | Format::CallAnalytics => contact_lens::read(value),
        Format::Transcribe => transcribe::read(value),
        Format::Webvtt | Format::Text => Err("JSON cannot be read as lines of text".into()),
    }
}

/// The calls of a document: speakers known, ids given, in the order of speaking. `name` is the
/// file's, and the id of calls that have none of their own.
///
/// # Errors
/// Each as [`parse`].
pub fn calls(document: Document, name: &str, cast: &Cast) -> Vec<Result<(Call, Draft), String>> {
    let many = document.drafts.len() > 1;
    let hint = match document.format {
        Format::Text => ". A line that begins with a blank goes on with the one before it",
        _ => "",
    };
    let drafts = document.drafts.into_iter().enumerate();
    drafts
        .map(|(index, draft)| {
            let draft = draft.map_err(|why| one_line(&why))?;
            let given = draft.id.clone().filter(|id| !id.is_empty());
            let id = given.unwrap_or_else(|| match (&draft.number, many) {
                (Some(number), _) => format!("{name}-{number}"),
                (None, true) => format!("{name}-{}", index + 1),
                (None, false) => name.to_owned(),
            });
            let call = cast.call(&draft, id).map_err(|error| one_line(&error) + hint)?;
            Ok((call, draft))
        })
        .collect()
}
