//! Partials that are parts of the utterance to come, put together.

use super::{Key, Said, Time};

/// Most utterances of which parts are kept; the oldest is forgotten.
const MAX_UTTERANCES: usize = 16;
/// Most parts of one; the oldest is forgotten.
const MAX_PARTS: usize = 64;

/// The utterances of a call that are not final, in parts.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts(Vec<Utterance>);

#[derive(Clone, Debug)]
struct Utterance {
    key: Key,
    start: Option<Time>,
    /// Names and words.
    parts: Vec<(String, String)>,
}

impl Parts {
    /// The piece with the parts before it. A final has all of them.
    pub fn whole(&mut self, mut said: Said) -> Said {
        let place = self.0.iter().position(|utterance| utterance.key == said.key);
        let Some(name) = said.part.take() else {
            if let (Some(place), true) = (place, said.is_final) {
                self.0.remove(place);
            }
            return said;
        };
        let place = place.unwrap_or_else(|| {
            if self.0.len() >= MAX_UTTERANCES {
                self.0.remove(0);
            }
            self.0.push(Utterance { key: said.key.clone(), start: said.start, parts: Vec::new() });
            self.0.len() - 1
        });
        let Utterance { start, parts, .. } = &mut self.0[place];
        match parts.iter_mut().find(|(known, _)| *known == name) {
            Some((_, text)) => *text = said.text,
            None => parts.push((name, said.text)),
        }
        if parts.len() > MAX_PARTS {
            parts.remove(0);
        }
        let texts: Vec<&str> = parts.iter().map(|(_, text)| text.trim()).collect();
        said.text = texts.join(" ");
        said.start = *start;
        said
    }
}
