//! The engine a command asks for.

use std::path::Path;

use super::Failure;
use crate::engine::{Engine, Settings};

/// Builds the engine of `model`, or of the one that ships.
///
/// # Errors
/// [`Failure::Usage`] when the file is missing or no model this binary can use.
pub(super) fn build(model: Option<&Path>, settings: Settings) -> Result<Engine, Failure> {
    let model = model.map(|path| read("model", path)).transpose()?;
    let model = model.as_ref().map(|(json, name)| (json.as_str(), name.as_str()));
    Engine::with_model(model, settings).map_err(Failure::usage)
}

/// The same engine with the phrases and rules of a file, if there is one.
///
/// # Errors
/// [`Failure::Usage`], with line and column where something is wrong in it.
pub(super) fn with_rules(engine: Engine, rules: Option<&Path>) -> Result<Engine, Failure> {
    let Some(path) = rules else { return Ok(engine) };
    let (toml, name) = read("rules", path)?;
    engine.with_rules(&toml, &name).map_err(Failure::usage)
}

/// The text of a file and its name for errors.
fn read(what: &str, path: &Path) -> Result<(String, String), Failure> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::Usage(format!("cannot read the {what} {name}: {error}")))?;
    Ok((text, name))
}
