//! The matrix as TOML: its shape, and what is checked before it is used.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::civil::Date;
use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::hours::{self, Hours, Opening};
use super::target::{FORMS, Target};
use super::{Conditions, Matrix, MatrixError, Route, Rule, Tier};
use crate::engine::alert::AlertKind;
use crate::engine::policy::Level;
use crate::text::one_line;
use crate::text::phrases::Position;

const MAX_BYTES: usize = 1 << 20;
const MAX_RULES: usize = 200;
const MAX_TIERS: usize = 10;
/// Entries of one list: targets of a tier, values of a condition, openings of a day.
const MAX_ENTRIES: usize = 200;
const MAX_CLOSED_DAYS: usize = 1_000;
/// Bytes of one text; a queue or team on the wire may have as many.
const MAX_TEXT: usize = 256;
const MAX_WITHIN_S: u32 = 86_400;
const DEFAULT_WARNINGS: u32 = 30;
const MAX_WARNINGS: i64 = 100_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: Spanned<u32>,
    hours: Option<RawHours>,
    #[serde(default)]
    budget: RawBudget,
    #[serde(default)]
    rule: Vec<Spanned<RawRule>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBudget {
    warnings_per_team_per_hour: Option<Spanned<toml::Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHours {
    timezone: Spanned<String>,
    #[serde(default)]
    monday: Texts,
    #[serde(default)]
    tuesday: Texts,
    #[serde(default)]
    wednesday: Texts,
    #[serde(default)]
    thursday: Texts,
    #[serde(default)]
    friday: Texts,
    #[serde(default)]
    saturday: Texts,
    #[serde(default)]
    sunday: Texts,
    #[serde(default)]
    closed: Texts,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    name: Spanned<String>,
    #[serde(default)]
    route: Route,
    #[serde(default)]
    queues: Texts,
    #[serde(default)]
    teams: Texts,
    #[serde(default)]
    attributes: BTreeMap<String, Spanned<toml::Value>>,
    #[serde(default)]
    kinds: Vec<AlertKind>,
    min_level: Option<Spanned<Level>>,
    #[serde(default)]
    because: Texts,
    #[serde(default)]
    main_reason: Texts,
    hours: Option<Spanned<RawWhen>>,
    #[serde(default)]
    tier: Vec<Spanned<RawTier>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawWhen {
    Within,
    Outside,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTier {
    notify: Spanned<Texts>,
    within_s: Option<Spanned<u32>>,
}

/// A list of texts.
type Texts = Vec<Spanned<String>>;

/// What is wrong, and at which byte.
type Fault = (usize, String);

pub(super) fn parse(toml: &str, origin: &str) -> Result<Matrix, MatrixError> {
    read(toml).map_err(|(offset, message)| {
        let position = Position::of(toml, offset);
        MatrixError { origin: origin.to_owned(), position, message: one_line(&message) }
    })
}

fn read(toml: &str) -> Result<Matrix, Fault> {
    if toml.len() > MAX_BYTES {
        return Err((0, format!("the file is over {MAX_BYTES} bytes; is it a matrix?")));
    }
    let file: File = toml::from_str(toml)
        .map_err(|error| (error.span().map_or(0, |span| span.start), error.message().to_owned()))?;
    if *file.version.get_ref() != 1 {
        let version = file.version.get_ref();
        return Err((
            file.version.span().start,
            format!("version {version} is unknown; write `version = 1`"),
        ));
    }
    let hours = file.hours.as_ref().map(read_hours).transpose()?;
    let warnings_per_hour = warnings(&file.budget)?;
    let rules = rules(&file.rule, hours.is_some(), toml.len())?;
    Ok(Matrix { rules, hours, warnings_per_hour, text: toml.to_owned() })
}

/// The rules; only the last is without conditions, so that each can be reached and each alert
/// has one.
fn rules(raw: &[Spanned<RawRule>], has_hours: bool, end: usize) -> Result<Vec<Rule>, Fault> {
    let last_hint = "end with a rule without conditions, so that every alert has somewhere to go";
    if raw.len() > MAX_RULES {
        return Err((
            raw[MAX_RULES].span().start,
            format!("there are more than {MAX_RULES} rules"),
        ));
    }
    let mut rules: Vec<Rule> = Vec::with_capacity(raw.len());
    for (place, spanned) in raw.iter().enumerate() {
        let rule = rule(spanned.get_ref(), has_hours)?;
        let at = spanned.get_ref().name.span().start;
        if rules.iter().any(|known| known.name == rule.name) {
            return Err((at, format!("there are two rules named `{}`; rename one", rule.name)));
        }
        let is_last = place + 1 == raw.len();
        let is_general = rule.when == Conditions::default();
        if is_general && !is_last {
            let name = &rule.name;
            return Err((
                at,
                format!(
                    "rule `{name}` has no conditions, so no rule after it is ever tried; move it to \
                 the end"
                ),
            ));
        }
        if is_last && !is_general {
            let name = &rule.name;
            return Err((at, format!("rule `{name}` is the last and has conditions; {last_hint}")));
        }
        rules.push(rule);
    }
    match rules.is_empty() {
        true => Err((end, format!("there is no [[rule]]; {last_hint}"))),
        false => Ok(rules),
    }
}

fn rule(raw: &RawRule, has_hours: bool) -> Result<Rule, Fault> {
    if let Some(hours) = raw.hours.as_ref().filter(|_| !has_hours) {
        let message = "there are no business hours yet; add a table [hours] with a timezone";
        return Err((hours.span().start, message.into()));
    }
    if let Some(level) = raw.min_level.as_ref().filter(|level| *level.get_ref() == Level::Watch) {
        let message = "nothing is raised at `watch`; write \"warning\" or \"critical\"";
        return Err((level.span().start, message.into()));
    }
    let mut attributes = Vec::new();
    for (name, value) in &raw.attributes {
        attributes.push((name.clone(), values(name, value)?));
    }
    let when = Conditions {
        queues: texts(&raw.queues)?,
        teams: texts(&raw.teams)?,
        attributes,
        kinds: raw.kinds.clone(),
        // Every alert is a warning at least.
        min_level: raw.min_level.as_ref().map(Spanned::get_ref).copied(),
        because: texts(&raw.because)?,
        main_reason: texts(&raw.main_reason)?,
        open: raw.hours.as_ref().map(|hours| *hours.get_ref() == RawWhen::Within),
    };
    Ok(Rule { name: text(&raw.name)?, route: raw.route, when, tiers: tiers(raw)? })
}

fn tiers(raw: &RawRule) -> Result<Vec<Tier>, Fault> {
    let (name, at) = (raw.name.get_ref(), raw.name.span().start);
    if raw.tier.is_empty() {
        return Err((at, format!("rule `{name}` tells nobody; add a [[rule.tier]] with `notify`")));
    }
    if let Some(tier) = raw.tier.get(MAX_TIERS) {
        return Err((tier.span().start, format!("rule `{name}` has more than {MAX_TIERS} tiers")));
    }
    let mut tiers = Vec::with_capacity(raw.tier.len());
    for (number, tier) in (1..).zip(&raw.tier) {
        let is_last = number == raw.tier.len();
        let (tier, at) = (tier.get_ref(), tier.span().start);
        let within_s = match &tier.within_s {
            None if is_last => None,
            None => {
                let message = format!(
                    "tier {number} of rule `{name}` is followed by another; \
                     say after how many seconds with `within_s`"
                );
                return Err((at, message));
            }
            Some(seconds) if is_last => {
                let message = format!(
                    "tier {number} of rule `{name}` is the last; take `within_s` \
                     away, or add a tier that is told then"
                );
                return Err((seconds.span().start, message));
            }
            Some(seconds) if !(1..=MAX_WITHIN_S).contains(seconds.get_ref()) => {
                let message = format!("`within_s` is from 1 to {MAX_WITHIN_S} seconds");
                return Err((seconds.span().start, message));
            }
            Some(seconds) => Some(*seconds.get_ref()),
        };
        tiers.push(Tier { notify: targets(&tier.notify)?, within_s });
    }
    Ok(tiers)
}

fn targets(raw: &Spanned<Texts>) -> Result<Vec<Target>, Fault> {
    let list = limited(raw.get_ref())?;
    if list.is_empty() {
        return Err((raw.span().start, "`notify` is empty; name somebody".into()));
    }
    list.iter()
        .map(|entry| {
            let written = text(entry)?;
            Target::parse(&written).ok_or_else(|| {
                (entry.span().start, format!("`{written}` is nobody; write {FORMS}"))
            })
        })
        .collect()
}

/// The values an attribute may have: one, or a list.
fn values(name: &str, raw: &Spanned<toml::Value>) -> Result<Vec<Value>, Fault> {
    let at = raw.span().start;
    let list = match raw.get_ref() {
        toml::Value::Array(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    if list.is_empty() || list.len() > MAX_ENTRIES {
        return Err((at, format!("attribute `{name}` needs 1 to {MAX_ENTRIES} values")));
    }
    let plain = |value: &toml::Value| match value {
        toml::Value::String(text) => Some(Value::from(text.as_str())),
        toml::Value::Integer(number) => Some(Value::from(*number)),
        toml::Value::Float(number) => Some(Value::from(*number)),
        toml::Value::Boolean(truth) => Some(Value::from(*truth)),
        _ => None,
    };
    list.iter()
        .map(plain)
        .collect::<Option<Vec<Value>>>()
        .ok_or_else(|| (at, format!("attribute `{name}` is a text, a number, true or false")))
}

fn warnings(raw: &RawBudget) -> Result<Option<u32>, Fault> {
    let Some(value) = &raw.warnings_per_team_per_hour else { return Ok(Some(DEFAULT_WARNINGS)) };
    match value.get_ref() {
        toml::Value::String(text) if text == "unlimited" => Ok(None),
        toml::Value::Integer(number) if (1..=MAX_WARNINGS).contains(number) => {
            Ok(u32::try_from(*number).ok())
        }
        other => Err((
            value.span().start,
            format!(
                "`warnings_per_team_per_hour` is from 1 to {MAX_WARNINGS}, or \"unlimited\", not {other}"
            ),
        )),
    }
}

fn read_hours(raw: &RawHours) -> Result<Hours, Fault> {
    let name = text(&raw.timezone)?;
    let zone = hours::zone(&name).ok_or_else(|| {
        let message = format!("`{name}` is no time zone; write an IANA name such as Europe/Berlin");
        (raw.timezone.span().start, message)
    })?;
    let days = [
        &raw.monday,
        &raw.tuesday,
        &raw.wednesday,
        &raw.thursday,
        &raw.friday,
        &raw.saturday,
        &raw.sunday,
    ];
    let mut week: [Vec<Opening>; 7] = Default::default();
    for (day, raw) in week.iter_mut().zip(days) {
        for entry in limited(raw)? {
            let opening = hours::opening(&text(entry)?);
            day.push(opening.map_err(|message| (entry.span().start, message))?);
        }
    }
    let days = &raw.closed;
    if let Some(day) = days.get(MAX_CLOSED_DAYS) {
        return Err((day.span().start, format!("more than {MAX_CLOSED_DAYS} days are closed")));
    }
    let closed = days.iter().map(|day| {
        let date: Result<Date, _> = day.get_ref().parse();
        date.map_err(|_| {
            let message =
                format!("`{}` is no day; write for example \"2026-12-25\"", day.get_ref());
            (day.span().start, message)
        })
    });
    Ok(Hours { zone, week, closed: closed.collect::<Result<_, _>>()? })
}

fn texts(raw: &[Spanned<String>]) -> Result<Vec<String>, Fault> {
    limited(raw)?.iter().map(text).collect()
}

fn limited(list: &[Spanned<String>]) -> Result<&[Spanned<String>], Fault> {
    match list.get(MAX_ENTRIES) {
        Some(entry) => {
            Err((entry.span().start, format!("a list has at most {MAX_ENTRIES} entries")))
        }
        None => Ok(list),
    }
}

fn text(raw: &Spanned<String>) -> Result<String, Fault> {
    let Range { start, .. } = raw.span();
    match raw.get_ref().len() {
        0 => Err((start, "this text is empty; write a name or take it away".into())),
        length if length > MAX_TEXT => {
            Err((start, format!("this text has more than {MAX_TEXT} bytes")))
        }
        _ => Ok(raw.get_ref().clone()),
    }
}
