//! The playbook: for each reason, what to say or do next, and which way to take the call.

use std::sync::Arc;

use serde::Deserialize;
use thiserror::Error;
use toml::Spanned;

use super::alert::{Guidance, Reason, Recommendation};
use crate::features::is_reason;
use crate::text::one_line;
use crate::text::phrases::Position;

/// Pieces of advice on one alert; more is not read while somebody talks.
const MAX_GUIDANCE: usize = 2;
/// Most entries of a playbook.
const MAX_ENTRIES: usize = 1_000;
/// Most characters of each of an entry's texts.
const MAX_TEXT: usize = 600;
/// Stands for every reason that no other entry names.
const ANY: &str = "*";

/// Why a playbook was refused.
#[derive(Debug, Error)]
#[error("{origin}:{position}: {message}")]
pub struct PlaybookError {
    /// File or other name of the text.
    pub origin: String,
    /// Where.
    pub position: Position,
    /// What is wrong and how to mend it.
    pub message: String,
}

/// Advice by reason, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Playbook {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    because: Vec<Spanned<String>>,
    title: Spanned<Arc<str>>,
    say: Spanned<Arc<str>>,
    avoid: Spanned<Arc<str>>,
    supervise: Option<Spanned<Arc<str>>>,
    #[serde(rename = "do")]
    action: Way,
    why: Spanned<Arc<str>>,
}

impl Entry {
    /// The first thing in it that cannot be used, and where it begins, in bytes.
    fn fault(&self) -> Option<(usize, String)> {
        let texts = [&self.title, &self.say, &self.avoid, &self.why];
        for text in texts.into_iter().chain(&self.supervise) {
            let length = text.get_ref().chars().count();
            if length == 0 || length > MAX_TEXT {
                let what = format!("a text of {length} characters; write 1 to {MAX_TEXT}");
                return Some((text.span().start, what));
            }
        }
        let unknown = self.because.iter().find(|because| {
            let name = because.get_ref();
            name != ANY && !is_reason(name)
        })?;
        let what = format!(
            "no alert has the reason `{}`; the head of data/playbook.toml lists those there are",
            unknown.get_ref()
        );
        Some((unknown.span().start, what))
    }

    fn answers(&self, feature: &str) -> bool {
        self.because.iter().any(|because| because.get_ref() == feature)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Way {
    Resolve,
    Escalate,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: Spanned<u32>,
    #[serde(default)]
    entry: Vec<Entry>,
}

impl Playbook {
    /// Reads a playbook from TOML. `origin` names it in errors.
    ///
    /// # Errors
    /// [`PlaybookError`] for the first thing that cannot be used, with its place.
    pub fn parse(toml: &str, origin: &str) -> Result<Playbook, PlaybookError> {
        let refused = |start: usize, message: String| {
            let position = Position::of(toml, start);
            PlaybookError { origin: origin.into(), position, message: one_line(&message) }
        };
        let file: File = toml::from_str(toml).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            refused(start, error.message().to_owned())
        })?;
        let version = file.version.get_ref();
        if *version != 1 {
            let message = format!("version {version} is unknown; write `version = 1`");
            return Err(refused(file.version.span().start, message));
        }
        if file.entry.len() > MAX_ENTRIES {
            return Err(refused(0, format!("more than {MAX_ENTRIES} entries; leave some out")));
        }
        match file.entry.iter().find_map(Entry::fault) {
            Some((start, message)) => Err(refused(start, message)),
            None => Ok(Playbook { entries: file.entry }),
        }
    }

    /// Advice for `reasons`, most important first, and the way the first one points. Reasons
    /// that speak against an escalation call for nothing. When no entry names one of them, the
    /// entry for `*` answers the first.
    pub fn advise(&self, reasons: &[Reason]) -> (Vec<Guidance>, Option<Recommendation>) {
        let raising = || reasons.iter().filter(|reason| reason.contribution >= 0.0);
        let mut advice: Vec<(&Entry, &Reason)> = Vec::new();
        for reason in raising() {
            let entry = self.entries.iter().find(|entry| entry.answers(&reason.feature));
            if let Some(entry) = entry
                && advice.iter().all(|(given, _)| given.title != entry.title)
            {
                advice.push((entry, reason));
            }
        }
        if advice.is_empty() {
            let any = self.entries.iter().find(|entry| entry.answers(ANY));
            advice.extend(any.zip(raising().next()));
        }
        advice.truncate(MAX_GUIDANCE);
        let recommendation = advice.first().map(|(entry, _)| entry.recommendation());
        let guidance = advice.into_iter().map(|(entry, reason)| entry.guidance(reason)).collect();
        (guidance, recommendation)
    }
}

impl Entry {
    fn guidance(&self, reason: &Reason) -> Guidance {
        let text = |text: &Spanned<Arc<str>>| Arc::clone(text.get_ref());
        Guidance {
            title: text(&self.title),
            say: text(&self.say),
            avoid: text(&self.avoid),
            supervisor: self.supervise.as_ref().map(text),
            because: reason.feature.clone(),
        }
    }

    fn recommendation(&self) -> Recommendation {
        let action = match self.action {
            Way::Resolve => "resolve",
            Way::Escalate => "escalate",
        };
        Recommendation { action: action.into(), because: Arc::clone(self.why.get_ref()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(feature: &str, contribution: f64) -> Reason {
        Reason { feature: feature.into(), label: String::new(), contribution, quotes: vec![] }
    }

    #[test]
    fn the_strongest_reason_with_advice_leads() {
        let toml = "version = 1\n\
            [[entry]]\nbecause = [\"act:refu\"]\ntitle = \"Offer\"\nsay = \"s\"\navoid = \"a\"\n\
            do = \"escalate\"\nwhy = \"w\"\n\
            [[entry]]\nbecause = [\"act:frus\"]\ntitle = \"Own\"\nsay = \"s\"\navoid = \"a\"\n\
            do = \"resolve\"\nwhy = \"v\"";
        let playbook = Playbook::parse(toml, "t").unwrap();
        let reasons = [reason("hold", 2.0), reason("act:frus", 1.0), reason("act:refu", -0.5)];
        let (guidance, recommendation) = playbook.advise(&reasons);
        assert_eq!(guidance.len(), 1);
        assert_eq!(recommendation.unwrap().action, "resolve");
    }

    #[test]
    fn a_reason_that_nobody_names_gets_the_general_advice() {
        let toml = "version = 1\n\
            [[entry]]\nbecause = [\"*\"]\ntitle = \"Next step\"\nsay = \"s\"\navoid = \"a\"\n\
            supervise = \"listen\"\ndo = \"resolve\"\nwhy = \"w\"\n\
            [[entry]]\nbecause = [\"hold\"]\ntitle = \"Ask\"\nsay = \"s\"\navoid = \"a\"\n\
            do = \"resolve\"\nwhy = \"v\"";
        let playbook = Playbook::parse(toml, "t").unwrap();
        let titles = |reasons: &[Reason]| -> Vec<String> {
            playbook.advise(reasons).0.into_iter().map(|given| given.title.to_string()).collect()
        };
        assert_eq!(titles(&[reason("talk", 2.0), reason("hold", 1.0)]), ["Ask"]);
        assert_eq!(titles(&[reason("rule:x", 0.0)]), ["Next step"]);
        assert_eq!(titles(&[reason("talk", -1.0)]), [""; 0]);
        let (guidance, _) = playbook.advise(&[reason("talk", 2.0)]);
        assert_eq!(
            (&*guidance[0].because, guidance[0].supervisor.as_deref()),
            ("talk", Some("listen"))
        );
    }

    #[test]
    fn a_bad_playbook_names_the_place() {
        let error = |toml: &str| Playbook::parse(toml, "p.toml").unwrap_err().to_string();
        assert!(error("version = 1\n[[entry]]\ntitle = 1").starts_with("p.toml:3:9: "));
        assert!(error("version = 2").starts_with("p.toml:1:11: version 2 is unknown"));
        let entry = |because: &str, say: &str| {
            format!(
                "version = 1\n[[entry]]\nbecause = [\"hold\", \"{because}\"]\ntitle = \"t\"\n\
                 say = \"{say}\"\navoid = \"a\"\ndo = \"resolve\"\nwhy = \"w\""
            )
        };
        let named = error(&entry("act:reffu", "s"));
        assert!(named.starts_with("p.toml:3:20: no alert has the reason `act:reffu`"), "{named}");
        assert!(error(&entry("act:refu", "")).starts_with("p.toml:5:7: a text of 0 characters"));
    }

    #[test]
    fn the_playbook_that_ships_answers_every_reason_that_can_lead() {
        let playbook = Playbook::parse(crate::engine::DEFAULT_PLAYBOOK, "built in").unwrap();
        for feature in ["act:refu", "act:agent.refu", "pause", "manual", "rule:no_answer", "talk"] {
            let (guidance, recommendation) = playbook.advise(&[reason(feature, 1.0)]);
            assert!(!guidance.is_empty() && recommendation.is_some(), "{feature}");
            assert!(guidance[0].supervisor.is_some(), "{feature}: no view for the supervisor");
        }
    }
}
