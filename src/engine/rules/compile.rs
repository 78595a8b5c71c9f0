//! From the file to [`Rules`], everything checked.

use thiserror::Error;
use toml::Spanned;

use super::file::{Condition, File, FileRule, Over, Pair, Words, WordsOf};
use super::spec::{
    Kind, Listener, MAX_CONDITIONS, MAX_DEPTH, MAX_RULES, MAX_RULES_BYTES, MAX_TIMES, MAX_WINDOW_S,
    Need, Node, NodeId, Part, Rule, Rules, Window,
};
use super::turns::MAX_MOODS;
use crate::engine::policy::Level;
use crate::features::HOLD_MS;
use crate::text::one_line;
use crate::text::phrases::{AlertLevel, ListError, PhraseList, Position, Who, check_id};

/// Why a file was refused.
#[derive(Debug, Error)]
pub enum RulesError {
    /// Its phrases cannot be used.
    #[error(transparent)]
    Phrases(#[from] ListError),
    /// Its rules cannot be used.
    #[error("{origin}:{position}: {message}")]
    Rule {
        /// File or other name of the text.
        origin: String,
        /// Where.
        position: Position,
        /// What is wrong and how to mend it.
        message: String,
    },
}

/// What is wrong, and the byte it is about.
type Problem = (usize, String);

impl Rules {
    /// Reads phrases and rules. `origin` names the text in errors.
    ///
    /// # Errors
    /// [`RulesError`] for the first thing that is wrong.
    pub fn parse(toml: &str, origin: &str) -> Result<(PhraseList, Rules), RulesError> {
        let refused = |(byte, message): Problem| RulesError::Rule {
            origin: origin.into(),
            position: Position::of(toml, byte),
            message: one_line(&message),
        };
        if toml.len() > MAX_RULES_BYTES {
            let (bytes, most) = (toml.len(), MAX_RULES_BYTES);
            return Err(refused((0, format!("the file has {bytes} bytes, more than {most}"))));
        }
        let phrases = PhraseList::parse(toml, origin)?;
        let file: File = toml::from_str(toml).map_err(|error| RulesError::Rule {
            origin: origin.into(),
            position: Position::of_error(toml, &error),
            message: one_line(error.message()),
        })?;
        let mut compiler = Compiler { phrases, rules: Rules::default() };
        let mut ids: Vec<String> = Vec::new();
        for rule in &file.rule {
            let (at, id) = (rule.id.span().start, rule.id.get_ref());
            if ids.contains(id) {
                return Err(refused((at, format!("the rule id `{id}` is used twice"))));
            }
            ids.push(id.clone());
            if ids.len() > MAX_RULES {
                return Err(refused((at, format!("there are more than {MAX_RULES} rules"))));
            }
            compiler
                .rule(rule)
                .map_err(|(at, message)| refused((at, format!("rule `{id}`: {message}"))))?;
        }
        let Compiler { phrases, mut rules } = compiler;
        rules.listeners.resize_with(phrases.categories().len(), Vec::new);
        Ok((phrases, rules))
    }
}

struct Compiler {
    phrases: PhraseList,
    rules: Rules,
}

/// The rule at hand.
struct Scope<'a> {
    file: &'a FileRule,
    /// Place of the rule among those that are enabled.
    rule: u16,
    categories: Vec<String>,
    conditions: usize,
}

impl Compiler {
    fn rule(&mut self, file: &FileRule) -> Result<(), Problem> {
        check_id(file.id.get_ref()).map_err(|message| (file.id.span().start, message))?;
        // What is not enabled must be right all the same, or it could not be switched on.
        let before = (!file.enabled).then(|| (self.phrases.clone(), self.rules.clone()));
        let rule = self.rules.rules.len() as u16;
        let mut scope = Scope { file, rule, categories: Vec::new(), conditions: 0 };
        if matches!(file.when.get_ref(), Condition::Not(_)) {
            let text = "`not` alone never happens; put it into an `all` beside something else";
            return Err((file.when.span().start, text.into()));
        }
        let root = self.condition(&mut scope, &file.when, 1)?;
        let attributes = file.attributes.as_ref().map_or(Ok(Vec::new()), attributes)?;
        if let Some(before) = before {
            (self.phrases, self.rules) = before;
            return Ok(());
        }
        self.rules.rules.push(Rule {
            id: file.id.get_ref().clone(),
            label: file.label.clone(),
            level: match file.level {
                AlertLevel::Warning => Level::Warning,
                AlertLevel::Critical => Level::Critical,
            },
            queues: file.queues.clone(),
            teams: file.teams.clone(),
            attributes,
            categories: scope.categories,
            root,
        });
        Ok(())
    }

    fn condition(
        &mut self,
        scope: &mut Scope<'_>,
        condition: &Spanned<Condition>,
        depth: usize,
    ) -> Result<NodeId, Problem> {
        let at = condition.span().start;
        let wrong = |message: String| (at, message);
        scope.conditions += 1;
        if scope.conditions > MAX_CONDITIONS {
            return Err(wrong(format!("it has more than {MAX_CONDITIONS} conditions; split it")));
        }
        if depth > MAX_DEPTH {
            return Err(wrong(format!("groups are nested deeper than {MAX_DEPTH}")));
        }
        let id = self.rules.nodes.len() as NodeId;
        self.rules.nodes.push(Node { rule: scope.rule, kind: Kind::Said, children: Vec::new() });
        let mut children = Vec::new();
        let kind = match condition.get_ref() {
            Condition::Said(words) => {
                self.listen(scope, id, Part::First, words).map_err(wrong)?;
                Kind::Said
            }
            Condition::Count(count) => {
                self.listen(scope, id, Part::First, &count.of).map_err(wrong)?;
                let times = times(count.times, 2).map_err(wrong)?;
                Kind::Count { times, within: window(count.within_s).map_err(wrong)? }
            }
            Condition::Sequence(pair) => {
                Kind::Sequence { within: self.pair(scope, id, pair).map_err(wrong)? }
            }
            Condition::NotFollowed(pair) => {
                Kind::NotFollowed { within: self.pair(scope, id, pair).map_err(wrong)? }
            }
            Condition::NotSaid(not_said) => {
                self.listen(scope, id, Part::Then, &not_said.of).map_err(wrong)?;
                Kind::NotSaid { within: window(not_said.within_s).map_err(wrong)? }
            }
            Condition::SentimentBelow(below) => {
                if !(below.value > -1.0 && below.value <= 1.0) {
                    return Err(wrong("`value` is a sentiment, above -1 and up to 1".into()));
                }
                let turns = times(below.turns, 1).map_err(wrong)? as u32;
                Kind::SentimentBelow { value: below.value, turns }
            }
            Condition::SentimentDrop(drop) => {
                if !(drop.by > 0.0 && drop.by <= 2.0) {
                    return Err(wrong("`by` is a fall in sentiment, above 0 and up to 2".into()));
                }
                let window = match (drop.within_s, drop.turns) {
                    (Some(within_s), None) => Window::Ms(window(within_s).map_err(wrong)?),
                    (None, Some(turns)) if (1..MAX_MOODS).contains(&(turns as usize)) => {
                        Window::Turns(turns as usize)
                    }
                    (None, Some(_)) => {
                        return Err(wrong(format!("`turns` is from 1 to {}", MAX_MOODS - 1)));
                    }
                    _ => return Err(wrong("write either `within_s` or `turns`".into())),
                };
                Kind::SentimentDrop { by: drop.by, window }
            }
            Condition::Silence(Over { over_s }) => {
                Kind::Silence { over: window(*over_s).map_err(wrong)? }
            }
            Condition::Hold(Over { over_s }) => {
                let over = window(*over_s).map_err(wrong)?;
                if over < HOLD_MS {
                    let least = HOLD_MS / 1_000;
                    return Err(wrong(format!("`over_s` of a hold is at least {least}")));
                }
                Kind::Hold { over }
            }
            Condition::TalkOver(talk) => {
                let need = match (talk.times, talk.over_ms) {
                    (Some(count), None) => Need::Times(times(count, 1).map_err(wrong)?),
                    (None, Some(ms)) if ms > 0 => Need::Ms(i64::from(ms)),
                    _ => return Err(wrong("write either `times` or `over_ms`, above 0".into())),
                };
                let by = talk.by.or(scope.file.who).unwrap_or(Who::Any);
                Kind::TalkOver { by, need, within: window(talk.within_s).map_err(wrong)? }
            }
            Condition::All(all) => {
                children = self.children(scope, &all.of, depth)?;
                let happens = |id: &NodeId| self.rules.node(*id).kind != Kind::Not;
                if !children.iter().any(happens) {
                    return Err(wrong("`all` needs something that is not under `not`".into()));
                }
                let within = all.within_s.map(|s| window(s).map_err(wrong)).transpose()?;
                Kind::All { within }
            }
            Condition::Any(any) => {
                if any.of.iter().any(|c| matches!(c.get_ref(), Condition::Not(_))) {
                    return Err(wrong("`not` stands in an `all`, beside something else".into()));
                }
                children = self.children(scope, &any.of, depth)?;
                Kind::Any
            }
            Condition::Not(inner) => {
                if matches!(inner.get_ref(), Condition::Not(_)) {
                    return Err(wrong("`not` of `not`: leave both out".into()));
                }
                children.push(self.condition(scope, inner, depth + 1)?);
                Kind::Not
            }
        };
        match kind {
            Kind::NotFollowed { .. }
            | Kind::NotSaid { .. }
            | Kind::Silence { .. }
            | Kind::Hold { .. } => self.rules.timed.push(id),
            Kind::SentimentBelow { .. } | Kind::SentimentDrop { .. } | Kind::TalkOver { .. } => {
                self.rules.of_turns.push(id);
            }
            _ => {}
        }
        let node = &mut self.rules.nodes[usize::from(id)];
        (node.kind, node.children) = (kind, children);
        Ok(id)
    }

    fn children(
        &mut self,
        scope: &mut Scope<'_>,
        of: &[Spanned<Condition>],
        depth: usize,
    ) -> Result<Vec<NodeId>, Problem> {
        if of.is_empty() {
            return Err((scope.file.when.span().start, "a group without conditions".into()));
        }
        of.iter().map(|condition| self.condition(scope, condition, depth + 1)).collect()
    }

    fn pair(&mut self, scope: &mut Scope<'_>, id: NodeId, pair: &Pair) -> Result<i64, String> {
        self.listen(scope, id, Part::First, &pair.first)?;
        self.listen(scope, id, Part::Then, &pair.then)?;
        window(pair.within_s)
    }

    /// Lets a node hear these words.
    fn listen(
        &mut self,
        scope: &mut Scope<'_>,
        node: NodeId,
        part: Part,
        words: &Words,
    ) -> Result<(), String> {
        let by = words.by.or(scope.file.who).unwrap_or(Who::Any);
        let category = match &words.of {
            WordsOf::Category(id) => {
                if !scope.categories.contains(id) {
                    scope.categories.push(id.clone());
                }
                let known = self.phrases.categories().iter().position(|c| c.id == *id);
                known.ok_or_else(|| {
                    format!(
                        "no [[category]] has the id `{id}`; for words of its own write a list, \
                         [\"{id}\"]"
                    )
                })?
            }
            WordsOf::Phrases(phrases) if phrases.is_empty() => {
                return Err("a list of phrases without a phrase".into());
            }
            WordsOf::Phrases(phrases) => {
                let name = format!("rule:{}", scope.file.id.get_ref());
                self.phrases.add_of_rule(&name, &scope.file.label, phrases)?
            }
        };
        let listeners = &mut self.rules.listeners;
        if listeners.len() <= category {
            listeners.resize_with(category + 1, Vec::new);
        }
        // What comes second is heard first: words that are both do not follow themselves.
        let listener = Listener { node, part, by };
        match part {
            Part::Then => listeners[category].insert(0, listener),
            Part::First => listeners[category].push(listener),
        }
        Ok(())
    }
}

fn window(seconds: u32) -> Result<i64, String> {
    match seconds {
        1..=MAX_WINDOW_S => Ok(i64::from(seconds) * 1_000),
        _ => Err(format!("seconds are from 1 to {MAX_WINDOW_S}, not {seconds}")),
    }
}

fn times(times: u32, least: u32) -> Result<usize, String> {
    match (least..=MAX_TIMES).contains(&times) {
        true => Ok(times as usize),
        false => Err(format!("a number of times or turns is from {least} to {MAX_TIMES}")),
    }
}

fn attributes(
    table: &Spanned<toml::Table>,
) -> Result<Vec<(String, Vec<serde_json::Value>)>, Problem> {
    let plain = |value: &toml::Value| match value {
        toml::Value::String(text) => Some(text.as_str().into()),
        toml::Value::Integer(number) => Some((*number).into()),
        toml::Value::Float(number) => Some((*number).into()),
        toml::Value::Boolean(flag) => Some((*flag).into()),
        _ => None,
    };
    let read = |(name, value): (&String, &toml::Value)| {
        let values: Option<Vec<_>> = match value {
            toml::Value::Array(list) => list.iter().map(plain).collect(),
            one => plain(one).map(|value| vec![value]),
        };
        let values = values.ok_or_else(|| {
            let text = format!("attribute `{name}` is a text, number or flag, or a list of these");
            (table.span().start, text)
        })?;
        Ok((name.clone(), values))
    };
    table.get_ref().iter().map(read).collect()
}
