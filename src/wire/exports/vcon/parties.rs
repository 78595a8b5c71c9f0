//! Who took part.

use serde::Serialize;

use crate::call::Speaker;
use crate::wire::lists::CallDetail;

#[derive(Serialize)]
pub(super) struct Party<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    /// How the name was validated; asked for beside a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    validation: Option<&'static str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    /// Of the contact-centre extension.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
}

/// The parties of a call, and who is where in the list.
pub(super) struct Parties<'a> {
    pub list: Vec<Party<'a>>,
    speakers: Vec<Speaker>,
}

impl<'a> Parties<'a> {
    /// Customer and agent always, the others if they spoke. What attributes there are came by
    /// this program, which then is one, too.
    pub fn of(call: &'a CallDetail) -> Parties<'a> {
        let mut speakers = vec![Speaker::Customer, Speaker::Agent];
        for other in [Speaker::Supervisor, Speaker::Other] {
            if call.transcript.iter().any(|said| said.speaker == other) {
                speakers.push(other);
            }
        }
        let agent_id = call.view.agent_id.as_deref();
        let party = |speaker: &Speaker| {
            let name = agent_id.filter(|_| *speaker == Speaker::Agent);
            let validation = name.map(|_| "none");
            Party { name, validation, kind: None, role: Some(role(*speaker)) }
        };
        let mut list: Vec<Party<'_>> = speakers.iter().map(party).collect();
        if !call.view.attributes.is_empty() {
            let (name, validation) = (Some("forewarn"), Some("none"));
            list.push(Party { name, validation, kind: Some("bot"), role: None });
        }
        Parties { list, speakers }
    }

    /// A speaker's place in the list.
    pub fn place(&self, speaker: Speaker) -> usize {
        self.speakers.iter().position(|known| *known == speaker).unwrap_or(0)
    }

    /// The place of this program, if there is anything to say in its name.
    pub fn recorder(&self) -> Option<usize> {
        (self.list.len() > self.speakers.len()).then_some(self.speakers.len())
    }
}

/// The role as the extension calls it.
fn role(speaker: Speaker) -> &'static str {
    match speaker {
        Speaker::Other => "thirdparty",
        known => known.name(),
    }
}
