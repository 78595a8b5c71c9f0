//! Formats of call platforms and speech engines, read as messages of protocol v1.
//!
//! Each format is one file and one pure function: a vendor's JSON in, a [`Reading`] out, in the
//! format's own words (its keys, its times, its names of speakers). What all formats share is
//! done once: [`session`] turns readings into chunks of one call (segments, epochs, roles,
//! repeats), [`Adapter`] keeps the calls of one connection and counts their `seq`.
//!
//! Knows no socket and no clock. Nothing here closes anything: a message that cannot be read is
//! a [`Problem`](super::Problem), a message of an unknown kind is skipped and counted.

mod acs;
mod adapter;
mod assemblyai;
mod azure;
mod bandwidth;
mod call_analytics;
mod contact_lens;
mod conversation_relay;
mod deepgram;
mod envelope;
mod genesys;
mod gladia;
mod google;
mod hold;
mod jambonz;
mod lca;
mod legs;
mod memory;
mod parts;
mod recognise;
mod revai;
pub(crate) mod roles;
mod runs;
mod session;
mod soniox;
mod speechmatics;
mod telnyx;
#[cfg(test)]
mod tests;
mod timeline;
mod transcribe;
mod twilio;
pub(crate) mod view;
mod vosk;
mod window;
mod zoom;

use serde_json::{Map, Value};

pub use adapter::{Adapter, Counts, Facts};
pub use memory::Memory;
pub use recognise::{body, message};
pub use roles::Roles;

use crate::call::{Speaker, Timestamp};
use view::View;

/// The formats by their names in the protocol.
const NAMES: [(&str, Format); 23] = [
    ("native", Format::Native),
    ("auto", Format::Auto),
    ("deepgram", Format::Deepgram),
    ("transcribe", Format::Transcribe),
    ("call_analytics", Format::CallAnalytics),
    ("contact_lens", Format::ContactLens),
    ("lca", Format::Lca),
    ("twilio", Format::Twilio),
    ("conversation_relay", Format::ConversationRelay),
    ("azure", Format::Azure),
    ("acs", Format::Acs),
    ("genesys", Format::Genesys),
    ("google", Format::Google),
    ("assemblyai", Format::AssemblyAi),
    ("speechmatics", Format::Speechmatics),
    ("vosk", Format::Vosk),
    ("revai", Format::RevAi),
    ("gladia", Format::Gladia),
    ("soniox", Format::Soniox),
    ("bandwidth", Format::Bandwidth),
    ("telnyx", Format::Telnyx),
    ("jambonz", Format::Jambonz),
    ("zoom", Format::Zoom),
];

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the name of a format; its file says more")]
pub enum Format {
    Native,
    Auto,
    Deepgram,
    Transcribe,
    CallAnalytics,
    ContactLens,
    Lca,
    Twilio,
    ConversationRelay,
    Azure,
    Acs,
    Genesys,
    Google,
    AssemblyAi,
    Speechmatics,
    Vosk,
    RevAi,
    Gladia,
    Soniox,
    Bandwidth,
    Telnyx,
    Jambonz,
    Zoom,
}

impl Format {
    /// The format of that name.
    pub fn named(name: &str) -> Option<Format> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, format)| *format)
    }

    /// Its name in the protocol.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, format)| *format == self).map_or("", |(name, _)| name)
    }

    /// Whether a message goes on from those before it, and tells little alone.
    pub fn goes_on(self) -> bool {
        self == Format::Soniox
    }

    /// All names, for error messages.
    pub fn names() -> String {
        Format::all().collect::<Vec<_>>().join(", ")
    }

    /// Each name.
    pub fn all() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name)
    }
}

/// What one vendor message says, about one call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// The vendor's id of the call.
    pub call: Option<String>,
    /// The vendor's id of the message; a second one of the same id is a retry.
    pub message_id: Option<String>,
    /// Names the stream whose times begin at 0; another name is another stream.
    pub stream: Option<String>,
    /// What the message tells of the call itself.
    pub about: About,
    /// What happened, in order. Nothing for kinds of messages that are skipped.
    pub events: Vec<Event>,
}

/// Something that a vendor reports.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The call opens.
    Start,
    /// Somebody says something.
    Said(Said),
    /// Something about the call changed: [`Reading::about`].
    Update,
    /// The stream of the message is over, and the call with its last one.
    Close {
        /// Why, in the vendor's words.
        reason: Option<String>,
    },
    /// The call is over.
    End {
        /// Why, in the vendor's words.
        reason: Option<String>,
    },
}

/// What is known of a call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct About {
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// Its queue.
    pub queue: Option<String>,
    /// Its team.
    pub team: Option<String>,
    /// Who answers.
    pub agent_id: Option<String>,
    /// BCP 47 language.
    pub lang: Option<String>,
    /// Anything else.
    pub attributes: Map<String, Value>,
}

impl About {
    /// Fields that the user gave the vendor for us: those we know by name, the rest as attributes.
    fn custom(fields: View<'_>) -> About {
        let mut about = About::default();
        for (name, value) in fields.0.as_object().into_iter().flatten() {
            let text = || value.as_str().map(str::to_owned);
            match name.as_str() {
                "queue" => about.queue = text(),
                "team" => about.team = text(),
                "agent_id" => about.agent_id = text(),
                "lang" => about.lang = text(),
                _ => drop(about.attributes.insert(name.clone(), value.clone())),
            }
        }
        about
    }
}

/// A piece of speech as the vendor words it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    /// The channel, track or participant on which one utterance follows another.
    pub track: String,
    /// Names under which the role map may know the speaker, the most telling first.
    pub speaker: Vec<String>,
    /// Who speaks, as the format says.
    pub role: Option<Speaker>,
    /// What a later version of the same utterance is known by.
    pub key: Key,
    /// Its start.
    pub start: Option<Time>,
    /// Its end.
    pub end: Option<Time>,
    /// Whether it will not change any more.
    pub is_final: bool,
    /// Final, but it may come once more, better worded.
    pub is_draft: bool,
    /// Names this part of an utterance of which other partials may be other parts.
    pub part: Option<String>,
    /// The words.
    pub text: String,
    /// 0 … 1.
    pub confidence: Option<f64>,
}

/// How the versions of an utterance are told to be one.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Key {
    /// By nothing: a track has one open utterance at a time, and a final closes it.
    #[default]
    Open,
    /// By an id that is unique in the call, on any connection.
    Own(String),
    /// By a number that counts within the stream.
    Stream(String),
}

/// A time as the vendor counts it, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Time {
    /// From the start of the stream.
    Stream(i64),
    /// From 1970.
    Wall(i64),
}

impl Time {
    /// Moved by the time of a duration.
    fn plus(self, duration: Option<Time>) -> Time {
        let (Some(Time::Stream(more)) | Some(Time::Wall(more))) = duration else { return self };
        match self {
            Time::Stream(ms) => Time::Stream(ms.saturating_add(more)),
            Time::Wall(ms) => Time::Wall(ms.saturating_add(more)),
        }
    }
}

/// Reads one message of `format`. `Err` is a sentence about what it lacks.
fn read(format: Format, message: View<'_>, memory: &mut Memory) -> Result<Reading, String> {
    match format {
        Format::Native | Format::Auto => Ok(Reading::default()),
        Format::Deepgram => deepgram::read(message),
        Format::Transcribe => transcribe::read(message),
        Format::CallAnalytics => call_analytics::read(message),
        Format::ContactLens => contact_lens::read(message),
        Format::Lca => lca::read(message),
        Format::Twilio => twilio::read(message),
        Format::ConversationRelay => conversation_relay::read(message),
        Format::Azure => azure::read(message),
        Format::Acs => acs::read(message),
        Format::Genesys => genesys::read(message),
        Format::Google => google::read(message),
        Format::AssemblyAi => assemblyai::read(message),
        Format::Speechmatics => speechmatics::read(message),
        Format::Vosk => vosk::read(message),
        Format::RevAi => revai::read(message),
        Format::Gladia => gladia::read(message),
        Format::Soniox => soniox::read(message, memory),
        Format::Bandwidth => bandwidth::read(message),
        Format::Telnyx => telnyx::read(message),
        Format::Jambonz => jambonz::read(message),
        Format::Zoom => zoom::read(message),
    }
}
