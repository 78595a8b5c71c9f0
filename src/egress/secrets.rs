//! Secrets of a destination, read from files and from the environment. They are never shown.

use std::fmt;
use std::io::Read;
use std::path::Path;

/// More than any secret, list of headers or list of authorities takes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Writes over it in what is to be shown.
    pub fn hide_in(&self, text: &str) -> String {
        match self.0.is_empty() {
            true => text.to_owned(),
            false => text.replace(&self.0, "***"),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The lines of a file or of a variable, whichever is given, without empty ones. `None` when
/// neither is. `setting` names both in errors.
///
/// # Errors
/// A sentence naming the setting; it never says what was read.
pub(super) fn lines(
    setting: &str,
    file: Option<&Path>,
    variable: Option<&str>,
) -> Result<Option<Vec<Secret>>, String> {
    let (text, place) = match (file, variable) {
        (Some(path), _) => {
            let setting = format!("`{setting}_file`");
            (read(&setting, path)?, format!("{setting}: {}", path.display()))
        }
        (None, Some(name)) => {
            let text = std::env::var(name).map_err(|_| {
                format!("`{setting}_env`: there is no variable {name} in the environment")
            })?;
            (text, format!("`{setting}_env`: {name}"))
        }
        (None, None) => return Ok(None),
    };
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines: Vec<Secret> = lines.map(Secret::new).collect();
    match lines.is_empty() {
        true => Err(format!("{place} is empty")),
        false => Ok(Some(lines)),
    }
}

/// A whole file of text. `setting` names it in errors.
///
/// # Errors
/// A sentence naming the setting and the file.
pub(super) fn read(setting: &str, path: &Path) -> Result<String, String> {
    let failed = |why: String| format!("{setting}: cannot read {}: {why}", path.display());
    let file = std::fs::File::open(path).map_err(|error| failed(error.to_string()))?;
    let mut text = String::new();
    file.take(MAX_FILE_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|error| failed(error.to_string()))?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(failed(format!("it is over {MAX_FILE_BYTES} bytes")));
    }
    Ok(text)
}
