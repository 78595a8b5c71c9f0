//! The parties of a vCon, and what they are called.

use super::super::cast::person_named;
use super::super::draft::Piece;
use crate::call::Speaker;
use crate::wire::vendors::view::View;

/// Most parties of a conversation.
const MAX_PARTIES: usize = 1_000;

/// One party.
struct Party {
    /// Its names, the most telling first.
    names: Vec<String>,
    role: Option<Speaker>,
}

/// All parties in order: dialogs and transcripts name them by place.
pub(super) struct Parties(Vec<Party>);

impl Parties {
    pub fn of(vcon: View<'_>) -> Result<Parties, String> {
        let parties: Vec<Party> = vcon.list("parties").map(party).collect();
        match parties.len() {
            0..=MAX_PARTIES => Ok(Parties(parties)),
            many => Err(format!("`parties` has {many} entries; at most {MAX_PARTIES}")),
        }
    }

    /// A piece said by the party in that place.
    pub fn said_by(&self, place: usize, piece: Piece) -> Piece {
        let Some(party) = self.0.get(place) else {
            return Piece { keys: vec![place.to_string()], ..piece };
        };
        let mut keys = party.names.clone();
        // By its place only who is not known otherwise: numbers in the map are meant for labels.
        if party.role.is_none() {
            keys.push(place.to_string());
        }
        Piece { keys, role: party.role, ..piece }
    }

    /// Whether there is a party in that place whose role is known.
    pub fn has_role(&self, place: usize) -> bool {
        self.0.get(place).is_some_and(|party| party.role.is_some())
    }

    /// The place of a party by one of its names; `Anna (Support)` is Anna.
    pub fn named(&self, label: &str) -> Option<usize> {
        let same = |name: &String| name.eq_ignore_ascii_case(label);
        let bare = label.split_once('(').map_or(label, |(bare, _)| bare).trim();
        let bare = |name: &String| name.eq_ignore_ascii_case(bare);
        let place =
            |is: &dyn Fn(&String) -> bool| self.0.iter().position(|p| p.names.iter().any(is));
        place(&same).or_else(|| place(&bare))
    }

    /// A piece whose label may be the name of a party.
    pub fn cast(&self, piece: Piece) -> Piece {
        let place = piece.keys.iter().find_map(|key| self.named(key));
        let Some(place) = place else { return piece };
        let own = piece.keys.clone();
        let mut cast = self.said_by(place, piece);
        cast.keys.splice(0..0, own);
        cast
    }
}

fn party(view: View<'_>) -> Party {
    let meta = view.get("meta");
    let role = view.name("role").or_else(|| meta?.name("role"));
    let plain = |address: String| match address.split_once(':') {
        Some(("tel" | "mailto" | "sip" | "sips", rest)) => rest.to_owned(),
        _ => address,
    };
    let names = ["name", "tel", "mailto", "email", "sip", "uuid", "id"];
    let mut names: Vec<String> =
        names.iter().filter_map(|name| view.name(name)).map(plain).collect();
    let speaker = role.as_deref().and_then(person_named);
    // A role without a meaning here can still be given one by the map.
    names.extend(role);
    Party { names, role: speaker }
}
