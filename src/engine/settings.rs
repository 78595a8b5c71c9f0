//! What all calls share: the model, the phrases, the playbook, the policy's numbers.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::guidance::{Playbook, PlaybookError};
use super::matrix::{DEFAULT_MATRIX, Matrix, MatrixError};
use super::rules::{Rules, RulesError, Ruleset};
use crate::features::{Space, SpaceError};
use crate::model::{logit, sigmoid};
use crate::text::phrases::PhraseList;
use crate::text::redact::Redactor;

/// Policy settings. Every number has a default that suits a contact centre.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Share of the site's calls that escalate; shifts the shown probabilities, never who is
    /// alerted. Default 0.05.
    pub prior: f64,
    /// Customer turns before a forecast is made. Fewer would warn sooner on less. Default 2.
    pub min_customer_turns: u32,
    /// Customer turns in a row under the warning level after which a risk alert is taken back.
    /// Fewer would clear the inbox sooner and take back alerts that were right. Default 3.
    pub retract_customer_turns: u32,
    /// Call time after an alert in which its key raises no other, in ms. Default 60,000.
    pub cool_down_ms: i64,
    /// How long an acknowledged alert outlives its call, in ms. Default 900,000.
    pub outcome_grace_ms: i64,
    /// Reasons listed on an alert before `other`. Default 6.
    pub max_reasons: usize,
    /// Quotes of each reason. Default 2.
    pub max_quotes: usize,
    /// Alerts one call may ever raise; past it triggers still show in scores. Default 50.
    pub max_alerts_per_call: usize,
    /// Characters of transcript kept for quotes, per call; the oldest go first. Default 262,144.
    pub max_transcript_chars: usize,
    /// Utterances of one call with partials and no final yet; a partial of one more is acked and
    /// passed over. Each partial is scored on all that are open. Default 16.
    pub max_open_segments: usize,
    /// Turns of one call that are scored. Final chunks beyond are acked, kept and shown; risk and
    /// level stay as they are, and phrases are not looked for. Default 100,000.
    pub max_turns_per_call: u32,
    /// Finished utterances of one call that are remembered, to know a repeat; the oldest go
    /// first. Default 20,000.
    pub max_finished_segments: usize,
    /// Time that a transcript needs to arrive, in ms: when nothing has come for so long after the
    /// deadline of a rule, it passes. Less would judge sooner, and wrongly where words come late.
    /// Default 5,000.
    pub transcript_delay_ms: i64,
    /// Words said that the rules over time of one call remember; one more is not counted.
    /// Default 256.
    pub max_rule_mentions: usize,
    /// Phrases of one chunk that are shown. Of those beyond only the first of each counts, so no
    /// alert is missed. Default 32.
    pub max_matches_per_chunk: usize,
    /// Longest snooze that may be asked for, in seconds. Default 86,400.
    pub max_snooze_s: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            prior: 0.05,
            min_customer_turns: 2,
            retract_customer_turns: 3,
            cool_down_ms: 60_000,
            outcome_grace_ms: 15 * 60 * 1000,
            max_reasons: 6,
            max_quotes: 2,
            max_alerts_per_call: 50,
            max_transcript_chars: 262_144,
            max_open_segments: 16,
            max_turns_per_call: 100_000,
            max_finished_segments: 20_000,
            transcript_delay_ms: 5_000,
            max_rule_mentions: 256,
            max_matches_per_chunk: 32,
            max_snooze_s: 86_400,
        }
    }
}

impl Settings {
    /// # Errors
    /// A sentence naming the first setting that cannot be used.
    pub fn check(&self) -> Result<(), String> {
        if !(self.prior > 0.0 && self.prior < 1.0) {
            return Err(format!(
                "`prior` is {}; it is the share of calls that escalate, above 0 and below 1",
                self.prior
            ));
        }
        if self.max_turns_per_call == 0 {
            return Err("`max_turns_per_call` is 0; nothing would be scored, set at least 1".into());
        }
        for (name, value) in [
            ("cool_down_ms", self.cool_down_ms),
            ("outcome_grace_ms", self.outcome_grace_ms),
            ("transcript_delay_ms", self.transcript_delay_ms),
        ] {
            if value < 0 {
                return Err(format!("`{name}` is {value}; it must not be negative"));
            }
        }
        Ok(())
    }
}

/// Why an engine could not be built.
#[derive(Debug, Error)]
pub enum EngineError {
    /// The model cannot be used.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// The playbook cannot be used.
    #[error(transparent)]
    Playbook(#[from] PlaybookError),
    /// Phrases or rules cannot be used.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// The escalation matrix cannot be used.
    #[error("the escalation matrix {0}")]
    Matrix(#[from] MatrixError),
    /// A setting cannot be used.
    #[error("{0}")]
    Settings(String),
}

/// What all calls share. Immutable; share it by `Arc`.
#[derive(Debug)]
pub struct Engine {
    /// Features, model and phrases.
    pub space: Space,
    /// Rules over time.
    pub rules: Rules,
    /// What phrases and rules were read from.
    pub ruleset: Ruleset,
    /// Advice.
    pub playbook: Playbook,
    /// Who is told of alerts.
    pub matrix: Matrix,
    /// Numbers of the policy.
    pub settings: Settings,
    /// Takes secrets out of chunks before anything sees them.
    pub redactor: Redactor,
    shift: f64,
    fingerprint: String,
}

/// The model that ships with this binary.
pub const DEFAULT_MODEL: &str = include_str!("../../models/en-calls.json");
/// The phrases that ship with this binary.
pub const DEFAULT_PHRASES: &str = include_str!("../../data/triggers.toml");
/// The playbook that ships with this binary.
pub const DEFAULT_PLAYBOOK: &str = include_str!("../../data/playbook.toml");

impl Engine {
    /// Puts the parts together, with the escalation matrix that ships with this binary.
    ///
    /// # Errors
    /// [`EngineError::Settings`] for a setting that cannot be used.
    pub fn new(
        space: Space,
        playbook: Playbook,
        settings: Settings,
    ) -> Result<Engine, EngineError> {
        settings.check().map_err(EngineError::Settings)?;
        let shift = logit(settings.prior) - logit(space.model().base_rate);
        let fingerprint = fingerprint(&[&space.model().name], &settings);
        let matrix = Matrix::parse(DEFAULT_MATRIX, "that ships")?;
        let (rules, ruleset) = (Rules::default(), Ruleset::new(""));
        let redactor = Redactor::default();
        Ok(Engine {
            space,
            rules,
            ruleset,
            playbook,
            matrix,
            settings,
            redactor,
            shift,
            fingerprint,
        })
    }

    /// The same with other redaction. What is journalled is redacted, and the features do not
    /// depend on it, so it is no part of the fingerprint.
    #[must_use]
    pub fn with_redactor(self, redactor: Redactor) -> Engine {
        Engine { redactor, ..self }
    }

    /// The same with another escalation matrix.
    #[must_use]
    pub fn with_matrix(mut self, matrix: Matrix) -> Engine {
        self.fingerprint = fingerprint(&[&self.fingerprint, matrix.text()], &self.settings);
        self.matrix = matrix;
        self
    }

    /// The same engine with another playbook, in TOML. `origin` names it in errors.
    ///
    /// # Errors
    /// [`EngineError::Playbook`] with line and column.
    pub fn with_playbook(mut self, toml: &str, origin: &str) -> Result<Engine, EngineError> {
        self.playbook = Playbook::parse(toml, origin)?;
        self.fingerprint = fingerprint(&[&self.fingerprint, toml], &self.settings);
        Ok(self)
    }

    /// An engine with phrases, rules and playbook that ship with this binary. `model` is the
    /// JSON of a model and a name for errors; `None` takes the one that ships.
    ///
    /// # Errors
    /// [`EngineError`] when `model` or a setting cannot be used.
    pub fn with_model(
        model: Option<(&str, &str)>,
        settings: Settings,
    ) -> Result<Engine, EngineError> {
        let (json, origin) = model.unwrap_or((DEFAULT_MODEL, "the built-in model"));
        let phrases = PhraseList::parse(DEFAULT_PHRASES, "the built-in phrases")
            .map_err(SpaceError::Phrases)?;
        let space = Space::parse(json, origin, phrases)?;
        let playbook = Playbook::parse(DEFAULT_PLAYBOOK, "the built-in playbook")?;
        let mut engine = Engine::new(space, playbook, settings)?;
        let texts = [json, DEFAULT_PLAYBOOK, DEFAULT_MATRIX];
        engine.fingerprint = fingerprint(&texts, &engine.settings);
        engine.with_rules(DEFAULT_PHRASES, "the built-in rules")
    }

    /// The same engine with other phrases and rules. `origin` names the text in errors. The risk
    /// of a call does not depend on them.
    ///
    /// # Errors
    /// [`EngineError::Rules`] when they cannot be used.
    pub fn with_rules(&self, toml: &str, origin: &str) -> Result<Engine, EngineError> {
        let (phrases, rules) = Rules::parse(toml, origin)?;
        Ok(Engine {
            space: self.space.with_phrases(phrases),
            rules,
            ruleset: Ruleset::new(toml),
            playbook: self.playbook.clone(),
            matrix: self.matrix.clone(),
            settings: self.settings.clone(),
            redactor: self.redactor.clone(),
            shift: self.shift,
            fingerprint: self.fingerprint.clone(),
        })
    }

    /// Two engines of one fingerprint and one ruleset fold the same events to the same state and
    /// messages.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Name of the model, stored with every call.
    pub fn model_name(&self) -> &str {
        &self.space.model().name
    }

    /// The probability shown for calibrated log-odds, at the site's prior.
    pub fn probability(&self, calibrated: f64) -> f64 {
        sigmoid(calibrated + self.shift)
    }
}

/// Of the version, the settings, and the texts of model, playbook and matrix. Which rules judge
/// a call is in the journal with the call.
fn fingerprint(texts: &[&str], settings: &Settings) -> String {
    let mut hash = Sha256::new();
    let settings = format!("{settings:?}");
    for part in [env!("CARGO_PKG_VERSION"), &settings].iter().chain(texts) {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
