//! Who speaks: the role map of the URL, then what the vendor's own words mean.

use super::view::same;
use crate::call::Speaker;

/// Most entries of a map.
const MAX_ENTRIES: usize = 64;

/// Channel, track, participant or label → role. `*` is everybody else.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Roles(Vec<(String, Speaker)>);

impl Roles {
    /// Reads `0:agent,1:customer`. A key may hold colons; the role stands behind the last one.
    ///
    /// # Errors
    /// A sentence that says which entry is wrong and how to write it.
    pub fn parse(text: &str) -> Result<Roles, String> {
        let mut roles = Vec::new();
        for entry in text.split(',').filter(|entry| !entry.trim().is_empty()) {
            let pair = entry.rsplit_once(':').map(|(key, role)| (key.trim(), role.trim()));
            // A role alone is everybody's: one socket, one speaker.
            let pair = pair.or_else(|| role_named(entry.trim()).map(|_| ("*", entry.trim())));
            let Some((key, role)) = pair.filter(|(key, _)| !key.is_empty()) else {
                return Err(format!(
                    "`roles`: `{entry}` is not channel:role; write for example \
                     roles=0:agent,1:customer"
                ));
            };
            let Some(speaker) = role_named(role) else {
                return Err(format!(
                    "`roles`: `{role}` is not a role; use customer, agent, supervisor or other"
                ));
            };
            roles.push((key.to_owned(), speaker));
        }
        if roles.len() > MAX_ENTRIES {
            return Err(format!("`roles` has {} entries; at most {MAX_ENTRIES}", roles.len()));
        }
        Ok(Roles(roles))
    }

    /// The role of who is known by any of `keys`, the most telling first. `default` is what the
    /// format says when the map does not. `None` when nobody knows.
    pub(super) fn of(&self, keys: &[String], default: Option<Speaker>) -> Option<Speaker> {
        self.named(keys)
            .or_else(|| self.everybody_else())
            .or(default)
            .or_else(|| keys.iter().find_map(|key| role_named(key)))
    }

    /// The role that the map gives to any of `keys` by name.
    pub(crate) fn named(&self, keys: &[String]) -> Option<Speaker> {
        // `spk_0`, `ch_0` and `Guest-0` may be called 0.
        let number = |key: &str| {
            let (_, number) = key.rsplit_once(['_', '-'])?;
            number.bytes().all(|byte| byte.is_ascii_digit()).then(|| self.entry(number)).flatten()
        };
        keys.iter().find_map(|key| self.entry(key).or_else(|| number(key)))
    }

    /// The role that the map gives to whom it does not name: that of `*`.
    pub(crate) fn everybody_else(&self) -> Option<Speaker> {
        self.entry("*")
    }

    fn entry(&self, key: &str) -> Option<Speaker> {
        let entry = self.0.iter().find(|(name, _)| plain(name).eq_ignore_ascii_case(plain(key)));
        entry.map(|(_, speaker)| *speaker)
    }
}

/// Some vendors say `inbound_track` where others say `inbound`.
fn plain(key: &str) -> &str {
    key.strip_suffix("_track").unwrap_or(key)
}

/// Words that vendors have for roles.
pub(crate) fn role_named(word: &str) -> Option<Speaker> {
    const WORDS: [(&[&str], Speaker); 4] = [
        (
            &[
                "customer",
                "caller",
                "external",
                "inbound",
                "inbound_track",
                "remote-caller",
                "end_user",
            ],
            Speaker::Customer,
        ),
        (
            &[
                "agent",
                "internal",
                "outbound",
                "outbound_track",
                "local-caller",
                "bot",
                "assistant",
            ],
            Speaker::Agent,
        ),
        (&["supervisor"], Speaker::Supervisor),
        (&["other", "system"], Speaker::Other),
    ];
    let known = WORDS.iter().find(|(words, _)| words.iter().any(|name| same(name, word)));
    known.map(|(_, speaker)| *speaker)
}

/// The first of two channels is usually the caller's, the second the agent's.
pub(super) fn of_stereo(channel: usize, channels: usize) -> Option<Speaker> {
    match (channel, channels) {
        (0, 2) => Some(Speaker::Customer),
        (1, 2) => Some(Speaker::Agent),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn the_map_comes_before_the_format_and_the_format_before_words() {
        let roles = Roles::parse("0:agent, S1:customer,4:+1425:supervisor,*:other").unwrap();
        assert_eq!(roles.of(&keys(&["0"]), Some(Speaker::Customer)), Some(Speaker::Agent));
        assert_eq!(roles.of(&keys(&["s1"]), None), Some(Speaker::Customer));
        assert_eq!(roles.of(&keys(&["4:+1425"]), None), Some(Speaker::Supervisor));
        let tracks = Roles::parse("inbound:agent,outbound_track:customer").unwrap();
        assert_eq!(tracks.of(&keys(&["inbound_track"]), None), Some(Speaker::Agent));
        assert_eq!(tracks.of(&keys(&["outbound"]), None), Some(Speaker::Customer));
        assert_eq!(roles.of(&keys(&["spk_0"]), None), Some(Speaker::Agent));
        assert_eq!(roles.of(&keys(&["CALLER"]), None), Some(Speaker::Other), "everybody else");
        let none = Roles::default();
        assert_eq!(none.of(&keys(&["EXTERNAL"]), None), Some(Speaker::Customer));
        assert_eq!(none.of(&keys(&["Agent"]), Some(Speaker::Customer)), Some(Speaker::Customer));
        assert_eq!(none.of(&keys(&["7"]), None), None);
    }

    #[test]
    fn a_map_that_cannot_be_used_says_why() {
        assert!(Roles::parse("0").unwrap_err().contains("`0` is not channel:role"));
        assert!(Roles::parse("0:boss").unwrap_err().contains("`boss` is not a role"));
        assert!(Roles::parse(&"1:agent,".repeat(65)).unwrap_err().contains("at most 64"));
        assert_eq!(Roles::parse(""), Ok(Roles::default()));
        let alone = Roles::parse("customer").unwrap();
        assert_eq!(alone.of(&keys(&["0"]), None), Some(Speaker::Customer));
    }
}
