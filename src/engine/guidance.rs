//! The playbook: for each reason, what to say or do next, and which way to take the call.

use serde::Deserialize;
use thiserror::Error;

use super::alert::{Guidance, Reason, Recommendation};

/// Pieces of advice on one alert; more is not read while somebody talks.
const MAX_GUIDANCE: usize = 2;

/// Why a playbook was refused.
#[derive(Debug, Error)]
#[error("{origin}: {message}")]
pub struct PlaybookError {
    /// File or other name of the text.
    pub origin: String,
    /// What is wrong, with line and column.
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
    because: Vec<String>,
    title: String,
    say: String,
    avoid: String,
    #[serde(rename = "do")]
    action: Way,
    why: String,
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
    version: u32,
    #[serde(default)]
    entry: Vec<Entry>,
}

impl Playbook {
    /// Reads a playbook from TOML. `origin` names it in errors.
    ///
    /// # Errors
    /// [`PlaybookError`] when the text is not of this shape.
    pub fn parse(toml: &str, origin: &str) -> Result<Playbook, PlaybookError> {
        let refused = |message: String| PlaybookError { origin: origin.into(), message };
        let file: File = toml::from_str(toml).map_err(|error| refused(error.to_string()))?;
        if file.version != 1 {
            return Err(refused(format!(
                "version {} is unknown; write `version = 1`",
                file.version
            )));
        }
        Ok(Playbook { entries: file.entry })
    }

    /// Advice for `reasons`, most important first, and the way the first one points. Reasons
    /// that speak against an escalation call for nothing.
    pub fn advise(&self, reasons: &[Reason]) -> (Vec<Guidance>, Option<Recommendation>) {
        let mut guidance: Vec<Guidance> = Vec::new();
        let mut recommendation = None;
        for reason in reasons.iter().filter(|reason| reason.contribution >= 0.0) {
            let Some(entry) = self.entries.iter().find(|e| e.because.contains(&reason.feature))
            else {
                continue;
            };
            if recommendation.is_none() {
                let action = match entry.action {
                    Way::Resolve => "resolve",
                    Way::Escalate => "escalate",
                };
                recommendation =
                    Some(Recommendation { action: action.into(), because: entry.why.clone() });
            }
            if guidance.iter().all(|given| given.title != entry.title) {
                guidance.push(Guidance {
                    title: entry.title.clone(),
                    say: entry.say.clone(),
                    avoid: entry.avoid.clone(),
                    because: reason.feature.clone(),
                });
            }
            if guidance.len() == MAX_GUIDANCE {
                break;
            }
        }
        (guidance, recommendation)
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
        let reasons = [reason("x", 2.0), reason("act:frus", 1.0), reason("act:refu", -0.5)];
        let (guidance, recommendation) = playbook.advise(&reasons);
        assert_eq!(guidance.len(), 1);
        assert_eq!(recommendation.unwrap().action, "resolve");
    }

    #[test]
    fn a_bad_playbook_names_the_line() {
        let error = Playbook::parse("version = 1\n[[entry]]\ntitle = 1", "p.toml").unwrap_err();
        assert!(error.to_string().contains("p.toml") && error.to_string().contains("line 3"));
    }
}
