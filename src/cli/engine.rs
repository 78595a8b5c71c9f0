//! The engine a command asks for.

use std::path::Path;

use super::Failure;
use crate::config::Config;
use crate::engine::matrix::Matrix;
use crate::engine::{Engine, Settings};
use crate::text::redact::{self, Key, Redactor};

/// The files an engine is built from; what is absent is what ships with the binary.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Files<'a> {
    /// The model (JSON).
    pub model: Option<&'a Path>,
    /// Phrases and rules (TOML).
    pub rules: Option<&'a Path>,
    /// Advice (TOML).
    pub playbook: Option<&'a Path>,
    /// The escalation matrix (TOML).
    pub matrix: Option<&'a Path>,
}

impl<'a> Files<'a> {
    /// Those that a configuration names.
    pub fn of(config: &'a Config) -> Files<'a> {
        Files {
            model: config.model.as_deref(),
            rules: config.rules.as_deref(),
            playbook: config.playbook.as_deref(),
            matrix: config.matrix.as_deref(),
        }
    }

    /// A model alone, for commands that tell nobody.
    pub fn model(model: Option<&'a Path>) -> Files<'a> {
        Files { model, ..Files::default() }
    }
}

/// Builds the engine.
///
/// # Errors
/// [`Failure::Usage`] when a file is missing or this binary cannot use it.
pub(super) fn build(files: Files<'_>, settings: Settings) -> Result<Engine, Failure> {
    let model = files.model.map(|path| read(path, "model")).transpose()?;
    let model = model.as_ref().map(|(json, name)| (json.as_str(), name.as_str()));
    let mut engine = Engine::with_model(model, settings).map_err(Failure::usage)?;
    if let Some(path) = files.rules {
        let (toml, name) = read(path, "rules")?;
        engine = engine.with_rules(&toml, &name).map_err(Failure::usage)?;
    }
    if let Some(path) = files.playbook {
        let (toml, name) = read(path, "playbook")?;
        engine = engine.with_playbook(&toml, &name).map_err(Failure::usage)?;
    }
    Ok(match files.matrix {
        Some(path) => engine.with_matrix(matrix(path)?),
        None => engine,
    })
}

/// The engine of the service: also with the redaction that the configuration asks for.
///
/// # Errors
/// As [`build`]; also when the key for hashed placeholders cannot be used.
pub(super) fn of_service(config: &Config) -> Result<Engine, Failure> {
    let engine = build(Files::of(config), config.engine.clone())?;
    Ok(engine.with_redactor(redactor(&config.redaction)?))
}

fn redactor(settings: &redact::Settings) -> Result<Redactor, Failure> {
    let place = |error| Failure::Usage(format!("[redaction] {error}"));
    let key = settings.key_file.as_ref().map(|path| {
        let name = path.display();
        let bytes = std::fs::read(path)
            .map_err(|error| place(format!("`key_file`: cannot read {name}: {error}")))?;
        Key::new(bytes.trim_ascii()).map_err(|error| place(format!("`key_file`: {name}: {error}")))
    });
    Redactor::new(settings.clone(), key.transpose()?).map_err(place)
}

/// Reads a matrix.
///
/// # Errors
/// [`Failure::Usage`] with file, line and column.
pub(super) fn matrix(path: &Path) -> Result<Matrix, Failure> {
    let (toml, name) = read(path, "matrix")?;
    Matrix::parse(&toml, &name).map_err(Failure::usage)
}

/// The text of a file, and its name for errors.
fn read(path: &Path, what: &str) -> Result<(String, String), Failure> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::Usage(format!("cannot read the {what} {name}: {error}")))?;
    Ok((text, name))
}
