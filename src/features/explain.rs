//! Why: what each group of columns contributes, and the words it rests on.

use super::columns::{Kind, Talk};
use super::{CallFeatures, Role, Space, patterns};
use crate::text::phrases::Place;

/// Probability from which a turn counts as an example of what a head looks for.
const QUOTED: f64 = 0.3;

/// A forecast taken apart. `intercept` and the contributions sum to `log_odds`.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The model's own log-odds.
    pub log_odds: f64,
    /// Log-odds of a call of which nothing is known.
    pub intercept: f64,
    /// One for each group, the largest contribution first.
    pub parts: Vec<Part>,
}

/// One group of columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Name of the group, `act:refu` for example.
    pub feature: String,
    /// What people read.
    pub label: String,
    /// Sum of weight × value over its columns, in log-odds.
    pub contribution: f64,
    /// Loudest words, strongest turn first; empty where no single words stand behind it.
    pub places: Vec<Place>,
}

impl CallFeatures {
    /// Takes the present forecast apart.
    pub fn explain(&self, space: &Space) -> Explanation {
        let values = self.values(space);
        let risk = &space.model.risk;
        let mut parts: Vec<(Part, Vec<(Role, usize)>)> = Vec::new();
        for ((column, value), weight) in space.columns.iter().zip(&values).zip(&risk.weights) {
            let (feature, label) = group(space, column.kind());
            let index = parts.iter().position(|(part, _)| part.feature == feature);
            let index = index.unwrap_or_else(|| {
                let part = Part { feature, label, contribution: 0.0, places: Vec::new() };
                parts.push((part, Vec::new()));
                parts.len() - 1
            });
            let (part, heads) = &mut parts[index];
            part.contribution += weight * value;
            for shown_by in shown_by(space, column.kind()) {
                if !heads.contains(&shown_by) {
                    heads.push(shown_by);
                }
            }
        }
        let mut parts: Vec<Part> = parts
            .into_iter()
            .map(|(mut part, heads)| {
                part.places = self.quotes(space, &heads);
                part
            })
            .collect();
        // Stable, so equal contributions keep the order of the columns.
        parts.sort_by(|a, b| b.contribution.total_cmp(&a.contribution));
        Explanation {
            log_odds: risk.log_odds(values.iter().copied()),
            intercept: risk.intercept,
            parts,
        }
    }

    fn quotes(&self, space: &Space, heads: &[(Role, usize)]) -> Vec<Place> {
        let mut evidence: Vec<_> =
            heads.iter().flat_map(|&(role, head)| self.places(space, role, head)).collect();
        evidence.retain(|found| found.probability >= QUOTED);
        evidence.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        let mut places: Vec<Place> = Vec::new();
        for found in evidence {
            // One quote a turn is enough, however many heads point at it.
            if places.iter().all(|place| place.seq != found.place.seq) {
                places.push(found.place);
            }
        }
        places
    }
}

/// Heads whose words stand behind a column.
fn shown_by(space: &Space, kind: Kind) -> Vec<(Role, usize)> {
    match kind {
        Kind::Head { role, head, .. } => vec![(role, head)],
        Kind::Mood(_) => {
            space.sentiment.iter().map(|&(negative, _)| (Role::Customer, negative)).collect()
        }
        Kind::Pattern { index, .. } => space.patterns.shown_by(index),
        Kind::Talk(_) => Vec::new(),
    }
}

/// Name and label of the group a column belongs to.
fn group(space: &Space, kind: Kind) -> (String, String) {
    match kind {
        Kind::Head { role, head, .. } => head_group(space, role, head),
        Kind::Mood(_) => ("sentiment".into(), FEELS.into()),
        Kind::Pattern { index, .. } => {
            let (name, label) = patterns::NAMES[index];
            (format!("pattern:{name}"), label.into())
        }
        Kind::Talk(talk) => {
            let (feature, label) = talk_group(talk);
            (feature.into(), label.into())
        }
    }
}

fn head_group(space: &Space, role: Role, head: usize) -> (String, String) {
    let (name, who) = (&space.heads(role).names[head], role.name());
    if let Some(code) = name.strip_prefix("act:") {
        // Where both sides are judged for the same act, its name must say whose it is.
        let both = [Role::Customer, Role::Agent];
        let shared = both.iter().all(|&role| space.heads(role).position(name).is_some());
        let feature = if shared { format!("act:{who}.{code}") } else { name.clone() };
        let label = does(code).map_or_else(|| code.to_owned(), |does| format!("the {who} {does}"));
        return (feature, label);
    }
    match name.split_once(':').map_or(name.as_str(), |(family, _)| family) {
        "sentiment" => ("sentiment".into(), FEELS.into()),
        "tone" => (format!("tone:{who}"), format!("how the {who} sounds")),
        family => {
            let label = format!("the {who}'s words are those of calls that escalate");
            (format!("{family}:{who}"), label)
        }
    }
}

/// Whether an alert may have `feature` among its reasons: known to this binary, with a trigger or
/// rule of any name.
pub fn is_reason(feature: &str) -> bool {
    let role = |name: &str| [Role::Customer, Role::Agent].iter().any(|role| role.name() == name);
    match feature.split_once(':') {
        Some(("trigger" | "rule", id)) => !id.is_empty(),
        Some(("act", code)) => match code.split_once('.') {
            Some((who, code)) => role(who) && does(code).is_some(),
            None => does(code).is_some(),
        },
        Some(("pattern", name)) => patterns::NAMES.iter().any(|(own, _)| *own == name),
        Some(("outlook" | "tone", who)) => role(who),
        Some(_) => false,
        None => {
            feature == "sentiment"
                || feature == "manual"
                || TALK.iter().any(|(own, _)| *own == feature)
        }
    }
}

/// Whether a reason is something to act on: not that the customer has a problem or that things take
/// their course, which is said in every call, and not the mere sound of the words.
pub fn tells_something(feature: &str) -> bool {
    let routine = |code: &str| matches!(code.rsplit('.').next(), Some("info" | "proc" | "prob"));
    match feature.split_once(':') {
        Some(("outlook" | "tone", _)) => false,
        Some(("act", code)) => !routine(code),
        Some(_) => true,
        None => !matches!(feature, "talk" | "length" | "question" | "negation"),
    }
}

const FEELS: &str = "how the customer feels";

/// What the code of a conversation act (`data/README.md`) says that somebody does.
fn does(code: &str) -> Option<&'static str> {
    act_called(code).map(|(_, does)| does)
}

/// The act of a code, with what it says that somebody does.
pub(super) fn act_called(code: &str) -> Option<(&'static str, &'static str)> {
    ACTS.iter().copied().find(|(own, _)| *own == code)
}

const ACTS: [(&str, &str); 30] = [
    ("info", "gives information"),
    ("prob", "states the problem"),
    ("frus", "is frustrated"),
    ("angr", "is angry"),
    ("repc", "has counted their contacts"),
    ("disb", "does not believe it"),
    ("urge", "is pressed"),
    ("ulti", "hints at going further"),
    ("doub", "doubts the agent's competence"),
    ("worr", "is worried"),
    ("acce", "accepts"),
    ("than", "gives thanks"),
    ("dema", "demands somebody above"),
    ("proc", "follows routine"),
    ("list", "listens and says so"),
    ("hemp", "shows hollow sympathy"),
    ("owns", "takes it on"),
    ("step", "names a concrete step"),
    ("refu", "refuses"),
    ("poli", "reads policy"),
    ("vagu", "stays vague"),
    ("blam", "blames others"),
    ("hold", "puts the customer on hold"),
    ("auth", "lacks the authority"),
    ("inte", "is curt or interrupts"),
    ("tran", "hands the call up"),
    ("insi", "insists"),
    ("offe", "makes an offer"),
    ("cond", "sets a condition"),
    ("fair", "appeals to fairness"),
];

fn talk_group(talk: Talk) -> (&'static str, &'static str) {
    TALK[match talk {
        Talk::CustomerShare | Talk::Turns => 0,
        Talk::Hold(_) | Talk::HoldCount => 1,
        Talk::Pause(_) => 2,
        Talk::Overlap(..) => 3,
        Talk::Length(..) => 4,
        Talk::Repetition(..) => 5,
        Talk::Question(_) => 6,
        Talk::Negation(_) => 7,
    }]
}

const TALK: [(&str, &str); 8] = [
    ("talk", "who talks, and for how long"),
    ("hold", "time on hold"),
    ("pause", "long pauses"),
    ("talk_over", "talking over each other"),
    ("length", "length of the turns"),
    ("repetition", "saying the same again"),
    ("question", "questions asked"),
    ("negation", "no, not, never"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_call_has_tells_nothing() {
        for feature in ["act:refu", "act:agent.refu", "trigger:waiting", "hold", "sentiment"] {
            assert!(tells_something(feature) && is_reason(feature), "{feature}");
        }
        for feature in ["act:prob", "act:customer.info", "outlook:agent", "length"] {
            assert!(!tells_something(feature) && is_reason(feature), "{feature}");
        }
        assert!(!is_reason("act:nope") && !is_reason("act:other.refu") && !is_reason("trigger:"));
    }
}
