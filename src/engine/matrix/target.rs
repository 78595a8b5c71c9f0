//! Who a tier tells: a role, a person, an agent, with places to fill from the call.

use super::Subject;

/// Of a call that names no team or queue, and of a tier that would tell nobody.
const SUPERVISORS: &str = "supervisors";
/// What may be written, for errors.
pub(super) const FORMS: &str = "supervisors, team:NAME:supervisors, queue:NAME:supervisors, \
     queue:NAME:specialists, user:NAME or agent:NAME; {team}, {queue} and {agent} stand for the \
     call's own";

/// One entry of `notify`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// Up to the name.
    before: &'static str,
    name: Name,
    /// After the name.
    after: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    None,
    Given(String),
    Team,
    Queue,
    Agent,
}

impl Target {
    /// Reads an entry; `None` when it is no known form.
    pub fn parse(text: &str) -> Option<Target> {
        if text == SUPERVISORS {
            return Some(Target { before: SUPERVISORS, name: Name::None, after: "" });
        }
        let forms = [
            ("team:", ":supervisors"),
            ("queue:", ":supervisors"),
            ("queue:", ":specialists"),
            ("user:", ""),
            ("agent:", ""),
        ];
        let (before, name, after) = forms.into_iter().find_map(|(before, after)| {
            Some((before, text.strip_prefix(before)?.strip_suffix(after)?, after))
        })?;
        let name = match name {
            "{team}" => Name::Team,
            "{queue}" => Name::Queue,
            "{agent}" => Name::Agent,
            name if name.is_empty() || name.contains(['{', '}']) => return None,
            name => Name::Given(name.to_owned()),
        };
        Some(Target { before, name, after })
    }

    /// For a call; without what it needs, a role is that of everybody, a person is nobody.
    fn of(&self, subject: &Subject<'_>) -> Option<String> {
        let name = match &self.name {
            Name::None => return Some(SUPERVISORS.to_owned()),
            Name::Given(name) => Some(name.as_str()),
            Name::Team => subject.team,
            Name::Queue => subject.queue,
            Name::Agent => subject.agent_id,
        };
        match name {
            Some(name) => Some(format!("{}{name}{}", self.before, self.after)),
            None => (!self.after.is_empty()).then(|| SUPERVISORS.to_owned()),
        }
    }
}

/// The targets for a call, each once; never nobody.
pub(super) fn fill(targets: &[Target], subject: &Subject<'_>) -> Vec<String> {
    let mut filled: Vec<String> = Vec::with_capacity(targets.len());
    for target in targets.iter().filter_map(|target| target.of(subject)) {
        if !filled.contains(&target) {
            filled.push(target);
        }
    }
    if filled.is_empty() {
        filled.push(SUPERVISORS.to_owned());
    }
    filled
}
