//! The engine a command asks for.

use std::path::Path;

use super::Failure;
use crate::engine::{Engine, Settings};

/// Builds the engine of `model`, or of the one that ships.
///
/// # Errors
/// [`Failure::Usage`] when the file is missing or no model this binary can use.
pub(super) fn build(model: Option<&Path>, settings: Settings) -> Result<Engine, Failure> {
    let Some(path) = model else {
        return Engine::with_model(None, settings).map_err(Failure::usage);
    };
    let name = path.display().to_string();
    let json = std::fs::read_to_string(path)
        .map_err(|error| Failure::Usage(format!("cannot read the model {name}: {error}")))?;
    Engine::with_model(Some((&json, &name)), settings).map_err(Failure::usage)
}
