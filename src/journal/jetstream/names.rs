//! Names of streams and subjects. Pure.
//!
//! A call's id may hold anything, so its subjects end with the id in base64 without padding.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as TOKEN;

use super::Settings;

/// How streams and subjects of one cluster are called.
#[derive(Clone, Debug)]
pub struct Names {
    prefix: String,
    partitions: u16,
}

impl Names {
    pub(super) fn new(settings: &Settings) -> Names {
        Names { prefix: settings.prefix.clone(), partitions: settings.partitions }
    }

    /// Streams that share the events of all calls.
    pub fn partitions(&self) -> std::ops::Range<u16> {
        0..self.partitions
    }

    /// The stream with the events of a share of all calls.
    pub fn events_stream(&self, partition: u16) -> String {
        format!("{}-events-{partition}", self.prefix)
    }

    pub(super) fn events_subjects(&self, partition: u16) -> String {
        format!("{}.events.{partition}.*", self.prefix)
    }

    /// Where a call's events go.
    pub fn events_subject(&self, call_id: &str) -> String {
        let partition = self.partition(call_id);
        format!("{}.events.{partition}.{}", self.prefix, TOKEN.encode(call_id))
    }

    /// The share a call belongs to.
    pub fn partition(&self, call_id: &str) -> u16 {
        // Below the number of partitions, which is a u16.
        u16::try_from(stable_hash(&[call_id]) % u64::from(self.partitions)).unwrap_or_default()
    }

    /// The call whose subject this is.
    pub fn call_of(subject: &str) -> Option<String> {
        let token = subject.rsplit('.').next()?;
        String::from_utf8(TOKEN.decode(token).ok()?).ok()
    }

    /// The stream of what consoles are told; its sequence is the offset.
    pub fn desk_stream(&self) -> String {
        format!("{}-desk", self.prefix)
    }

    /// Where what consoles are told of a call goes.
    pub fn desk_subject(&self, call_id: &str) -> String {
        format!("{}.desk.{}", self.prefix, TOKEN.encode(call_id))
    }

    /// The stream of calls that are over.
    pub fn history_stream(&self) -> String {
        format!("{}-history", self.prefix)
    }

    /// Where a call goes when it is over.
    pub fn history_subject(&self, call_id: &str) -> String {
        format!("{}.history.{}", self.prefix, TOKEN.encode(call_id))
    }

    /// The stream of the rules that calls began with.
    pub fn rules_stream(&self) -> String {
        format!("{}-rules", self.prefix)
    }

    /// Where rules go, by the hash that names them.
    pub fn rules_subject(&self, hash: &str) -> String {
        format!("{}.rules.{}", self.prefix, TOKEN.encode(hash))
    }

    /// All of a kind.
    pub(super) fn all(&self, kind: &str) -> String {
        format!("{}.{kind}.*", self.prefix)
    }

    /// Signs of life; not kept.
    pub fn beats(&self) -> String {
        format!("{}.beat", self.prefix)
    }

    /// Risks that moved; not kept.
    pub fn risks(&self) -> String {
        format!("{}.risks", self.prefix)
    }

    /// Whether anybody is there for an alert; not kept.
    pub fn anybody(&self) -> String {
        format!("{}.anybody", self.prefix)
    }

    /// What one node is asked to do; not kept.
    pub fn node(&self, node: &str) -> String {
        format!("{}.node.{node}", self.prefix)
    }
}

/// A hash that no version of anything changes: FNV-1a, mixed once more so that its high bits
/// depend on the last bytes too.
pub fn stable_hash(texts: &[&str]) -> u64 {
    let bytes = texts.iter().flat_map(|text| text.bytes().chain([0]));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever an id holds, its subject is one token more, and tells the id again.
        #[test]
        fn any_id_makes_a_subject(id in "\\PC{1,64}", partitions in 1_u16..=256) {
            let names = Names::new(&Settings { partitions, ..Settings::default() });
            prop_assert!(names.partition(&id) < partitions);
            for subject in [names.events_subject(&id), names.desk_subject(&id)] {
                prop_assert!(!subject.contains(['*', '>', ' ']));
                prop_assert_eq!(Names::call_of(&subject), Some(id.clone()));
            }
            prop_assert_eq!(names.desk_subject(&id).split('.').count(), 3);
        }
    }

    #[test]
    fn a_partition_is_for_ever() {
        let names = Names::new(&Settings { partitions: 16, ..Settings::default() });
        assert_eq!(["a", "call-1", "ü"].map(|id| names.partition(id)), [9, 4, 6]);
    }
}
